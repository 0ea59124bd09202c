/*
 * What users of WeightWatcher know a layer by: norms, ranks, entropy, the bulk and its spikes.
 *
 * Names are WeightWatcher's (C. H. Martin, T. Peng, M. W. Mahoney, Nature Communications 12 (2021) 4122) where
 * the meaning is the same; eigenvalues are those of W^T W, logarithms of columns named log_ are decimal. With l
 * the eigenvalues, n of them, m and n the larger and the smaller side:
 *
 *     sigma           (alpha - 1) / sqrt(k): the standard error for independent values
 *     xmin            the reference of the fit
 *     num_pl_spikes   how many l are at least xmin
 *     norm            sum l, the squared Frobenius norm; log_norm
 *     spectral_norm   l_n, the squared spectral norm; log_spectral_norm
 *     stable_rank     norm / spectral_norm
 *     alpha_weighted  alpha log10(l_n)
 *     log_alpha_norm  log10(sum l^alpha)
 *     matrix_rank     how many l are above (sqrt(l_n) m 2^-52)^2 and above their error
 *     entropy         - sum p ln(p) / ln(matrix_rank + e), p = l / norm + e, e = 1e-10
 *     sigma_mp        root of the share of the noise (bulk.h) in the mean of l: 1 for a random matrix
 *     bulk_min, bulk_max  the edges of the bulk
 *     mp_softrank     bulk_max / l_n
 *     num_spikes      how many l are beyond the bulk, with the margin of bulk.h
 *     detX_num        the least number of the largest l whose product, after scaling to mean 1, is below 1,
 *                     and n if there is none: WeightWatcher's condition det X = 1
 *     warning         over-trained for alpha below 2, under-trained for alpha above 6
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "hill.h"

enum metric {
	METRIC_SIGMA,
	METRIC_XMIN,
	METRIC_NUM_PL_SPIKES,
	METRIC_NORM,
	METRIC_LOG_NORM,
	METRIC_SPECTRAL_NORM,
	METRIC_LOG_SPECTRAL_NORM,
	METRIC_STABLE_RANK,
	METRIC_ALPHA_WEIGHTED,
	METRIC_LOG_ALPHA_NORM,
	METRIC_MATRIX_RANK,
	METRIC_ENTROPY,
	METRIC_SIGMA_MP,
	METRIC_BULK_MIN,
	METRIC_BULK_MAX,
	METRIC_MP_SOFTRANK,
	METRIC_NUM_SPIKES,
	METRIC_DETX_NUM,
	METRIC_COUNT,		       /* numbers end here */
	METRIC_WARNING = METRIC_COUNT, /* a text */
	METRIC_COLUMNS
};

/* Which metrics are wanted. */
struct metric_choice {
	bool wanted[METRIC_COLUMNS];
};

/* Adds "all", "basic", or names with commas between them. Returns the first name that is none, or null. */
const char *metric_choice_add(struct metric_choice *choice, const char *list);

bool metric_choice_any(const struct metric_choice *choice);

/* The name of a column. */
const char *metric_name(enum metric metric);

/* The spectrum that metrics are of: n ascending eigenvalues, the sides of its matrix, and its fit. */
struct metric_source {
	const double *eigenvalues;
	size_t n, larger, smaller;
	double lambda_error; /* of any eigenvalue */
	struct hill hill;
};

/* All numbers, by metric; nan where there is none, as for no eigenvalues, or where alpha is no estimate. */
void metrics_of(const struct metric_source *source, double values[METRIC_COUNT]);

/* The warning for an alpha: "", "over-trained" or "under-trained". */
const char *metric_warning(double alpha);

#endif
