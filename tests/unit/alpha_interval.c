/*
 * Intervals for alpha: limits where the variance is known in closed form, and, in small, the study that
 * tests/study-intervals.py makes in large: how often intervals hold what they should.
 *
 * Draws are seeded, so these pass always or never.
 */
#include <math.h>
#include <stdlib.h>

#include "alpha_interval.h"
#include "eigen_lapack.h"
#include "random.h"
#include "tap.h"

/* Far apart, eigenvalues are independent and each logarithm has the variance 2 / m: with k of them over one
 * reference, Var(S) = (k + k^2) 2 / m. */
static void
check_far_apart(void)
{
	double values[] = {1, 1e6, 1e12, 1e18};
	struct hill hill = hill_fit(values, 4, 3, 1e-15, 0);
	struct alpha_interval interval = alpha_interval_of(values, 4, 128, &hill, 0.95);
	double deviation = sqrt((3 + 9) * 2.0 / 128), sum = 3 / (hill.alpha - 1);
	double se = (hill.alpha - 1) * (hill.alpha - 1) / 3 * deviation;

	/* The repulsion that is left is 1e-6 of a confinement of 64. */
	tap(fabs(interval.se / se - 1) < 1e-6, "far apart: independent, off by %.1e",
	    fabs(interval.se / se - 1));
	tap(fabs(interval.low - (1 + 3 / (sum + 1.959963984540054 * deviation))) < 1e-7 &&
		    fabs(interval.high - (1 + 3 / (sum - 1.959963984540054 * deviation))) < 1e-7,
	    "the interval is that of a normal sum");
	tap(fabs(alpha_se_iid(&hill) - (hill.alpha - 1) / sqrt(3)) < 1e-15, "alpha_se_iid");
}

/* Two eigenvalues, k = 1: H = c I + w (1 -1; -1 1), g = (-1, 1): Var(S) = 2 / (c + 2 w). */
static void
check_pair(void)
{
	double worst = 0;

	for (double gap = 1e-3; gap < 10; gap *= 4) {
		double values[] = {1, 1 + gap}, w = (1 + gap) / (gap * gap);
		struct hill hill = hill_fit(values, 2, 1, 1e-15, 0);
		double slope = hill.alpha - 1;
		double se = slope * slope * sqrt(2 / (50 + 2 * w));

		worst = fmax(worst,
			     fabs(alpha_interval_of(values, 2, 100, &hill, 0.9).se / se - 1));
	}
	tap(worst < 1e-9, "a pair in closed form, off by %.1e", worst);
}

static void
check_no_estimate(void)
{
	double zeros[] = {0, 0, 0, 0}, equal[] = {1, 2, 2, 2, 3};
	struct hill hill = hill_fit(zeros, 4, 2, 0, 0);
	struct alpha_interval interval = alpha_interval_of(zeros, 4, 4, &hill, 0.95);

	tap(isnan(interval.se) && isnan(interval.low) && isnan(interval.high) &&
		    isnan(alpha_se_iid(&hill)),
	    "nan where there is no estimate");
	hill = hill_fit(equal, 5, 3, 1e-15, 0);
	interval = alpha_interval_of(equal, 5, 5, &hill, 0.95);
	tap(interval.se > 0 && isfinite(interval.se) && interval.low < hill.alpha &&
		    interval.high > hill.alpha,
	    "equal eigenvalues move as one");
}

/* The spectrum of a Gaussian matrix whose columns have standard deviations; to be freed. */
static double *
draw_spectrum(struct random *random, size_t rows, size_t columns, double exponent)
{
	struct eigen_job job = {.dtype = DTYPE_F64, .rows = rows, .columns = columns};
	double *weights = malloc(rows * columns * sizeof(*weights));

	random_gaussian(random, weights, rows * columns);
	for (size_t i = 0; i < rows * columns && exponent > 0; i++)
		weights[i] *= pow(((double)(i % columns) + 0.5) / (double)columns,
				  -0.5 / (exponent - 1));
	job.weights = weights;
	job.count = columns;
	lapack_solve(&job, EIGEN_LAPACK, 1);
	free(weights);
	return job.values;
}

/* Whether intervals hold the alpha of the mean of S over all draws; exponent 0: a random matrix. */
static void
check_coverage(size_t rows, size_t columns, size_t k, double exponent)
{
	enum { DRAWS = 200 };
	struct alpha_interval intervals[DRAWS];
	struct random random;
	double mean = 0, square = 0, variance = 0, slope;
	unsigned held = 0;

	random_begin(&random, 20, rows * 1000 + columns);
	for (unsigned i = 0; i < DRAWS; i++) {
		double *values = draw_spectrum(&random, rows, columns, exponent);
		struct hill hill = hill_fit(values, columns, k, 1e-12, 0);
		double sum = (double)k / (hill.alpha - 1);

		intervals[i] = alpha_interval_of(values, columns, rows, &hill, 0.95);
		slope = intervals[i].se * (double)k / ((hill.alpha - 1) * (hill.alpha - 1));
		variance += slope * slope / DRAWS;
		mean += sum / DRAWS;
		square += sum * sum / DRAWS;
		free(values);
	}
	for (unsigned i = 0; i < DRAWS; i++)
		held += intervals[i].low <= 1 + (double)k / mean &&
			intervals[i].high >= 1 + (double)k / mean;
	/* 190 of 200 are expected, with a standard deviation of 3; 5 % of the deviation is chance. */
	tap(held >= 180 && held <= 199, "%zu x %zu, k %zu, exponent %g: %u of 200 intervals hold",
	    rows, columns, k, exponent, held);
	variance /= (square - mean * mean) * DRAWS / (DRAWS - 1);
	tap(variance > 0.7 && variance < 1.5, "its variance is %.2f of what is found", variance);
}

int
main(void)
{
	lapack_begin();
	check_far_apart();
	check_pair();
	check_no_estimate();
	check_coverage(64, 32, 10, 0);
	check_coverage(64, 64, 10, 0);
	check_coverage(64, 32, 10, 2);
	check_coverage(96, 24, 12, 4);
	return tap_done();
}
