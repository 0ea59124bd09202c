/*
 * Power laws by maximum likelihood and the least distance of Kolmogorov and Smirnov: closed forms, and
 * that the search is what computing every distance gives.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "portable_math.h"
#include "power_law.h"
#include "random.h"
#include "tap.h"
#include "util.h"

/* D of a cut as it is defined: every point, in extended precision. */
static long double
distance_by_definition(const double *values, size_t n, size_t cut, bool lower_side,
		       long double *alpha)
{
	long double sum = 0, largest = 0, count = (long double)(n - cut);

	for (size_t j = cut; j < n; j++)
		sum += logl((long double)values[j] / values[cut]);
	*alpha = 1 + count / sum;
	for (size_t j = cut; j < n; j++) {
		long double law = 1 - powl((long double)values[j] / values[cut], 1 - *alpha);
		long double index = (long double)(j - cut);

		largest = fmaxl(largest, law - index / count);
		largest = fmaxl(largest, (index + !lower_side) / count - law);
	}
	return largest;
}

/* The quadratic search: every cut, every point. */
static struct power_law
search_by_definition(const double *values, size_t n, const struct power_law_rules *rules)
{
	struct power_law best = {n, NAN, INFINITY};

	for (size_t cut = rules->first; cut < rules->end; cut++) {
		long double alpha, distance;

		if (values[cut] == values[n - 1] ||
		    (!rules->all_ties && cut && values[cut] == values[cut - 1]))
			continue;
		distance = distance_by_definition(values, n, cut, rules->lower_side, &alpha);
		if ((double)distance < best.distance)
			best = (struct power_law){cut, (double)alpha, (double)distance};
	}
	return best;
}

/* The same with the module's own distances: what the search must equal to the last bit. */
static struct power_law
search_every_cut(const double *logarithms, const double *sums, size_t n,
		 const struct power_law_rules *rules)
{
	struct power_law best = {n, NAN, NAN};

	for (size_t cut = rules->first; cut < rules->end; cut++) {
		struct power_law law = power_law_at(logarithms, sums, n, cut, rules->lower_side);

		if (!rules->all_ties && cut && logarithms[cut] == logarithms[cut - 1])
			continue;
		if (isfinite(law.alpha) && !(law.distance >= best.distance))
			best = law;
	}
	return best;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

enum kind { PARETO, LOGNORMAL, BULK_AND_TAIL, TIES, KINDS };

static const char *const kind_names[] = {"Pareto", "lognormal", "bulk and tail", "ties"};

static double
draw(struct random *random, enum kind kind)
{
	double uniform = ldexp((double)(random_bits(random) >> 11) + 0.5, -53), normal[2];

	random_gaussian(random, normal, 2);
	switch (kind) {
	case PARETO: return pow(uniform, -1 / 1.7);
	case LOGNORMAL: return exp(2 * normal[0]);
	case BULK_AND_TAIL:
		return random_below(random, 10) ? fabs(normal[0]) + 1e-3 : 2 / sqrt(uniform);
	default: return (double)(1 + random_below(random, 12));
	}
}

/* What was found over many samples of a kind. */
struct score {
	unsigned wrong_cuts, wrong_bits, wrong_values;
};

static void
try_sample(struct random *random, enum kind kind, size_t n, struct score *score)
{
	double *values = xcalloc(3 * n, sizeof(*values)), *logarithms = values + n,
	       *sums = values + 2 * n;

	for (size_t i = 0; i < n; i++)
		values[i] = draw(random, kind);
	qsort(values, n, sizeof(*values), compare_doubles);
	power_law_logarithms(values, n, logarithms, sums);
	for (unsigned which = 0; which < 4; which++) {
		struct power_law_rules rules = {n / 3 * (which == 3), n - 1, which & 1, which >> 1,
						0};
		struct power_law found = power_law_search(logarithms, sums, n, &rules);
		struct power_law same = search_every_cut(logarithms, sums, n, &rules);
		struct power_law wanted = search_by_definition(values, n, &rules);

		score->wrong_cuts += found.cut != wanted.cut;
		score->wrong_bits += found.cut != same.cut;
		if (found.cut == n)
			continue;
		score->wrong_bits += found.alpha != same.alpha || found.distance != same.distance;

		score->wrong_values += found.cut == wanted.cut &&
				       !(fabs(found.alpha - wanted.alpha) <= 1e-12 * wanted.alpha &&
					 fabs(found.distance - wanted.distance) <= 1e-13);
	}
	free(values);
}

static void
test_search(void)
{
	static const size_t sizes[] = {3, 10, 31, 32, 33, 64, 65, 100, 300};

	for (enum kind kind = 0; kind < KINDS; kind++) {
		struct score score = {0};
		struct random random;

		random_begin(&random, 7, kind);
		for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
			for (unsigned i = 0; i < (sizes[s] > 100 ? 2 : 10); i++)
				try_sample(&random, kind, sizes[s], &score);
		tap(!score.wrong_bits, "%s: the search gives what every cut gives, to the bit",
		    kind_names[kind]);
		tap(!score.wrong_cuts && !score.wrong_values,
		    "%s: and what the definition gives: %u other cuts, %u other values",
		    kind_names[kind], score.wrong_cuts, score.wrong_values);
	}
}

/* Two values, e^0 and e^1, from the first on: alpha = 1 + 2 / 1, D = max(1/2, 1 - e^-2 - 1/2, e^-2). */
static void
test_two(void)
{
	static const double values[] = {1, 2.718281828459045, 2.718281828459045};
	struct power_law_rules rules = {0, 1, false, false, 0};
	double logarithms[3], sums[3];
	struct power_law law;

	power_law_logarithms(values, 2, logarithms, sums);
	law = power_law_search(logarithms, sums, 2, &rules);
	tap(law.cut == 0 && fabs(law.alpha - 3) < 1e-14 && law.distance == 0.5,
	    "two values, both sides");
	rules.lower_side = true;
	law = power_law_search(logarithms, sums, 2, &rules);
	tap(fabs(law.distance - (0.5 - exp(-2))) < 1e-15, "two values, the lower side");
	rules.most_alpha = 3.001;
	tap(power_law_search(logarithms, sums, 2, &rules).cut == 0, "alpha is below a limit");
	rules.most_alpha = 2.999;
	tap(power_law_search(logarithms, sums, 2, &rules).cut == 2, "alpha is above a limit");
	rules.most_alpha = 0;
	power_law_logarithms(values + 1, 2, logarithms, sums);
	law = power_law_search(logarithms, sums, 2, &rules);
	tap(law.cut == 2 && isnan(law.alpha) && isnan(law.distance), "equal values have no law");
}

static void
test_exponentials(void)
{
	double values[1000], wanted[1000];
	unsigned wrong = 0;

	for (unsigned i = 0; i < 1000; i++) {
		values[i] = -700 + 1.4 * i;
		wanted[i] = portable_exp(values[i]);
	}
	portable_exp_all(values, 1000);
	for (unsigned i = 0; i < 1000; i++)
		wrong += values[i] != wanted[i] ||
			 fabs(wanted[i] / exp(-700 + 1.4 * i) - 1) > 4 * PORTABLE_MATH_ERROR;
	tap(!wrong, "many exponentials at a time are those of one at a time");
}

int
main(void)
{
	test_two();
	test_search();
	test_exponentials();
	return tap_done();
}
