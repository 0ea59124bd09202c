/*
 * Metrics of spectra against closed forms, and the bulk of random matrices, where the law of Tracy and Widom
 * says how often its margin is passed. tests/metrics.t compares with WeightWatcher's own values.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "eigen_lapack.h"
#include "metrics.h"
#include "random.h"
#include "tap.h"

static bool
near(double found, double expected)
{
	return fabs(found - expected) <= 1e-12 * fabs(expected);
}

static void
check_closed_forms(void)
{
	/* Powers of two, the reference 2^0: k = 3 above it. */
	const double values[] = {0.125, 0.25, 0.5, 1, 2, 4, 8};
	struct metric_source source = {values, 7, 20, 7, 1e-15, {.k = 0}};
	double found[METRIC_COUNT], sum = 15.875, entropy = 0;

	source.hill = hill_fit(values, 7, 3, 1e-15, 0);
	metrics_of(&source, found);
	tap(near(found[METRIC_NORM], sum) && near(found[METRIC_LOG_NORM], log10(sum)), "norm");
	tap(found[METRIC_SPECTRAL_NORM] == 8 && near(found[METRIC_STABLE_RANK], sum / 8),
	    "spectral_norm and stable_rank");
	/* S = 6 ln 2, alpha = 1 + 1 / (2 ln 2). */
	tap(near(found[METRIC_SIGMA], 0.5 / log(2) / sqrt(3)) && found[METRIC_XMIN] == 1 &&
		    found[METRIC_NUM_PL_SPIKES] == 4,
	    "sigma, xmin and num_pl_spikes");
	tap(near(found[METRIC_ALPHA_WEIGHTED], (1 + 0.5 / log(2)) * log10(8)), "alpha_weighted");
	sum = 0;
	for (unsigned i = 0; i < 7; i++)
		sum += pow(values[i], 1 + 0.5 / log(2));
	tap(near(found[METRIC_LOG_ALPHA_NORM], log10(sum)), "log_alpha_norm");
	for (unsigned i = 0; i < 7; i++)
		entropy -= values[i] / 15.875 * log(values[i] / 15.875) / log(7);
	/* The 1e-10 that is added to each share moves it by some of those. */
	tap(found[METRIC_MATRIX_RANK] == 7 && fabs(found[METRIC_ENTROPY] - entropy) < 1e-8,
	    "matrix_rank and entropy");
	/* Over the mean 2.27: 3.5, 1.76, 0.88, 0.44, 0.22: products 3.5, 6.2, 5.5, 2.4, 0.53. */
	tap(found[METRIC_DETX_NUM] == 5, "detX_num");
}

/* Powers, and products, that leave the range of double. */
static void
check_range(void)
{
	enum { N = 4000 };
	static double values[N];
	struct metric_source source = {values, N, N, N, 0, {.k = 0}};
	double found[METRIC_COUNT];

	for (unsigned i = 0; i < N; i++)
		values[i] = i < N / 2 ? 1e-30 : 1e150 * (1 + i * 1e-5);
	source.hill = hill_fit(values, N, 400, 0, 0);
	metrics_of(&source, found);
	tap(isfinite(found[METRIC_LOG_ALPHA_NORM]) && found[METRIC_LOG_ALPHA_NORM] > 308,
	    "log_alpha_norm where powers overflow");
	tap(found[METRIC_DETX_NUM] > N / 2 && found[METRIC_DETX_NUM] < N,
	    "detX_num where products overflow");
}

static void
check_nothing(void)
{
	const double zeros[] = {0, 0, 0};
	struct metric_source source = {zeros, 3, 3, 3, 0, {.alpha = NAN, .alpha_err = NAN}};
	double found[METRIC_COUNT];
	bool all = true;

	metrics_of(&source, found);
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		all &= isnan(found[i]);
	source.n = 0;
	metrics_of(&source, found);
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		all &= isnan(found[i]);
	tap(all, "nan for zero matrices, and for none");
}

static void
check_choices(void)
{
	struct metric_choice choice = {0};

	tap(!metric_choice_any(&choice) && !metric_choice_add(&choice, "norm,entropy") &&
		    choice.wanted[METRIC_NORM] && choice.wanted[METRIC_ENTROPY] &&
		    !choice.wanted[METRIC_SIGMA],
	    "metrics by name");
	tap(!metric_choice_add(&choice, "basic") && choice.wanted[METRIC_WARNING] &&
		    !choice.wanted[METRIC_SIGMA],
	    "basic ones");
	tap_text(metric_choice_add(&choice, "norm,,entropy"), ",entropy", "an empty name is none");
	tap_text(metric_choice_add(&choice, "norms"), "norms", "longer names are others");
	tap(!metric_choice_add(&choice, "all") && choice.wanted[METRIC_SIGMA], "all");
	tap(!strcmp(metric_warning(1.9), "over-trained") && !strcmp(metric_warning(2), "") &&
		    !strcmp(metric_warning(6.1), "under-trained") &&
		    !strcmp(metric_warning(NAN), ""),
	    "warnings");
}

/*
 * Random matrices, with spikes as columns scaled up: the noise is found, and so are all spikes, and few others.
 */
static void
check_bulk(size_t rows, size_t columns, unsigned spikes)
{
	enum { DRAWS = 200 };
	double scale = 0, found = 0;
	size_t count = rows * columns;
	struct random random;

	random_begin(&random, 11, rows * 1000 + spikes);
	for (unsigned draw = 0; draw < DRAWS; draw++) {
		struct eigen_job job = {.dtype = DTYPE_F64, .rows = rows, .columns = columns};
		double *weights = malloc(count * sizeof(*weights));
		struct bulk bulk;

		random_gaussian(&random, weights, count);
		for (size_t i = 0; i < count; i++)
			weights[i] *= i % columns < spikes ? 15 : 3;
		job.weights = weights;
		job.count = rows < columns ? rows : columns;
		lapack_solve(&job, EIGEN_LAPACK, 1);
		free(weights);
		bulk = bulk_fit(job.values, job.count, rows > columns ? rows : columns, job.count);
		scale += bulk.scale / DRAWS;
		found += (double)bulk.spikes / DRAWS;
		free(job.values);
	}
	scale /= 9 * (double)(rows > columns ? rows : columns);
	/* Medians of finite spectra are off by a share of about 1 / n. */
	tap(fabs(scale - 1) < 0.03, "%zu x %zu with %u spikes: the noise by %.3f", rows, columns,
	    spikes, scale);
	/* The law says 0.05 for noise that is known; as the median of so few scatters, it is up to three times
	 * that. */
	tap(found >= spikes && found < spikes + 0.2, "%.3f spikes found", found);
}

int
main(void)
{
	lapack_begin();
	check_closed_forms();
	check_range();
	check_nothing();
	check_choices();
	check_bulk(128, 64, 0);
	check_bulk(80, 80, 0);
	check_bulk(64, 160, 0);
	check_bulk(128, 64, 2);
	return tap_done();
}
