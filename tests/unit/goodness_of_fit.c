/*
 * P-values for samples of a power law are uniform where the cut is fixed, and not too small where it is searched;
 * samples of other laws get small ones.
 */
#include <math.h>
#include <stdlib.h>

#include "goodness_of_fit.h"
#include "portable_math.h"
#include "tap.h"

enum { SAMPLES = 200, REPLICATES = 50, MOST = 200 };

static const char *law_names[] = {"a power law", "a power law above a body", "exponential",
				  "lognormal"};

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
exponential(struct random *random)
{
	return -portable_log((double)((random_bits(random) >> 11) + 1) * 0x1p-53);
}

enum law { PARETO, PARETO_ABOVE_ONE, EXPONENTIAL, LOGNORMAL };

/* A value of the law: with a body below 1 that is uniform, or of the law alone. */
static double
draw(struct random *random, enum law law)
{
	double normal[2];

	switch (law) {
	case PARETO: return exp(exponential(random) / 1.5);
	case PARETO_ABOVE_ONE:
		if (random_below(random, 2))
			return 0.01 + 0.99 * exp(-exponential(random));
		return exp(exponential(random) / 1.5);
	case EXPONENTIAL: return 1 + exponential(random);
	default: random_gaussian(random, normal, 2); return exp(0.5 * normal[0]);
	}
}

/* The p-value of n values with a cut that is searched, or of all of them with the first for a cut. */
static double
p_value_of(struct random *random, enum law kind, size_t n, bool is_searched)
{
	double values[MOST], logarithms[MOST], sums[MOST];
	struct power_law_rules rules = {.first = 0, .end = is_searched ? n - 1 : 1};
	struct power_law law;

	for (size_t i = 0; i < n; i++)
		values[i] = draw(random, kind);
	qsort(values, n, sizeof(*values), compare);
	power_law_logarithms(values, n, logarithms, sums);
	law = power_law_search(logarithms, sums, n, &rules);
	if (!is_searched)
		return goodness_of_fit_at_cut(n, true, law.distance, REPLICATES, random);
	return goodness_of_fit_of_search(logarithms, n, &law, REPLICATES, random);
}

/* D of the p-values of samples from the uniform law; above 0.138 in one case of 1000. */
static double
distance_from_uniform(double *values)
{
	double largest = 0;

	qsort(values, SAMPLES, sizeof(*values), compare);
	for (unsigned i = 0; i < SAMPLES; i++)
		largest = fmax(largest, fmax(values[i] - (double)i / SAMPLES,
					     (double)(i + 1) / SAMPLES - values[i]));
	return largest;
}

/* Fills the p-values of samples, and returns the share that is below 0.1. */
static double
p_values_of(enum law kind, size_t n, bool is_searched, double *values)
{
	struct random random;
	unsigned small = 0;

	random_begin(&random, 11, kind);
	for (unsigned i = 0; i < SAMPLES; i++) {
		values[i] = p_value_of(&random, kind, n, is_searched);
		small += values[i] < 0.1;
	}
	return (double)small / SAMPLES;
}

static void
test_power_laws(void)
{
	double values[SAMPLES], distance, small;

	p_values_of(PARETO, 100, false, values);
	distance = distance_from_uniform(values);
	tap(distance < 0.138, "a fixed cut: p-values are uniform: distance %.3f", distance);
	for (enum law kind = PARETO; kind <= PARETO_ABOVE_ONE; kind++) {
		small = p_values_of(kind, 120, true, values);
		tap(small > 0 && small < 0.16 && distance_from_uniform(values) < 0.25,
		    "%s, the cut searched: p below 0.1 in %.3f of cases, distance %.3f",
		    law_names[kind], small, distance_from_uniform(values));
	}
}

static void
test_others(void)
{
	double values[SAMPLES], small;

	for (enum law kind = EXPONENTIAL; kind <= LOGNORMAL; kind++) {
		small = p_values_of(kind, MOST, false, values);
		tap(small == 1, "%s, a fixed cut: rejected in %.3f of cases", law_names[kind],
		    small);
		small = p_values_of(kind, MOST, true, values);
		tap(small > 0.2, "%s, the cut searched: rejected in %.3f of cases", law_names[kind],
		    small);
	}
}

static void
test_edges(void)
{
	static const double equal[] = {1, 1, 1};
	double logarithms[] = {0, 0.1, 0.3, 0.6, 1}, sums[5], again;
	struct power_law_rules rules = {.first = 0, .end = 4};
	struct power_law law = {3, NAN, NAN};
	struct random random;

	random_begin(&random, 1, 0);
	tap(isnan(goodness_of_fit_of_search(equal, 3, &law, 10, &random)), "a law not found: nan");
	power_law_sums(logarithms, 5, sums);
	law = power_law_search(logarithms, sums, 5, &rules);
	tap(!power_law_comes_within(logarithms, sums, 5, &rules, law.distance) &&
		    power_law_comes_within(logarithms, sums, 5, &rules, nextafter(law.distance, 1)),
	    "no law is nearer than the one that is found");
	again = goodness_of_fit_of_search(logarithms, 5, &law, 50, &random);
	random_begin(&random, 1, 0);
	tap(goodness_of_fit_of_search(logarithms, 5, &law, 50, &random) == again,
	    "a seed decides the result");
	law.distance = 0;
	tap(goodness_of_fit_of_search(logarithms, 5, &law, 50, &random) == 1,
	    "all are farther than nothing");
	law.distance = 1;
	tap(goodness_of_fit_of_search(logarithms, 5, &law, 50, &random) == 0,
	    "none is farther than one");
}

int
main(void)
{
	test_power_laws();
	test_others();
	test_edges();
	return tap_done();
}
