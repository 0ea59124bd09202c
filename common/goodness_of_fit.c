#include "goodness_of_fit.h"

#include <math.h>
#include <stdlib.h>

#include "portable_math.h"
#include "util.h"

/* -ln U with U uniform on the multiples of 2^-53 in (0, 1]. */
static double
random_exponential(struct random *random)
{
	return -portable_log((double)((random_bits(random) >> 11) + 1) * 0x1p-53);
}

static int
compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The logarithms of one replicate, ascending. */
static void
draw_replicate(const double *logarithms, size_t n, const struct power_law *law,
	       struct random *random, double *replicate)
{
	for (size_t i = 0; i < n; i++) {
		size_t drawn = (size_t)random_below(random, n);

		replicate[i] = drawn < law->cut
				       ? logarithms[drawn]
				       : logarithms[law->cut] +
						 random_exponential(random) / (law->alpha - 1);
	}
	qsort(replicate, n, sizeof(*replicate), compare_values);
}

double
goodness_of_fit_of_search(const double *logarithms, size_t n, const struct power_law *law,
			  size_t replicates, struct random *random)
{
	struct power_law_rules rules = {.first = 0, .end = n - 1};
	double *replicate, *sums;
	size_t farther = 0;

	if (!isfinite(law->alpha) || !(law->alpha > 1))
		return NAN;
	replicate = xcalloc(n, sizeof(*replicate));
	sums = xcalloc(n, sizeof(*sums));
	for (size_t i = 0; i < replicates; i++) {
		draw_replicate(logarithms, n, law, random, replicate);
		power_law_sums(replicate, n, sums);
		farther += !power_law_comes_within(replicate, sums, n, &rules, law->distance);
	}
	free(sums);
	free(replicate);
	return (double)farther / (double)replicates;
}

/* The distance of n values from the law that is fitted to them, drawn into memory of n places. */
static double
random_distance(size_t n, bool cut_is_first, struct random *random, double *memory)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		memory[i] = i || !cut_is_first ? random_exponential(random) : 0;
		sum += memory[i];
	}
	qsort(memory, n, sizeof(*memory), compare_values);
	return power_law_distance(memory, n, 0, (double)n / sum);
}

double
goodness_of_fit_at_cut(size_t n, bool cut_is_first, double distance, size_t replicates,
		       struct random *random)
{
	double *memory = xcalloc(n, sizeof(*memory));
	size_t farther = 0;

	for (size_t i = 0; i < replicates; i++)
		farther += random_distance(n, cut_is_first, random, memory) >= distance;
	free(memory);
	return (double)farther / (double)replicates;
}
