/*
 * The Householder factorisation of a panel that is stored by rows: BAND columns, many rows.
 *
 * For column j let x be what is below the diagonal, alpha the element on it, and
 *     beta = -sign(alpha) |(alpha, x)|,  v = (1, x / (alpha - beta)),  tau = (beta - alpha) / beta;
 * then I - tau v v^T takes (alpha, x) to (beta, 0) (Golub and Van Loan, Matrix Computations, 4th ed.,
 * section 5.1; signs as LAPACK's dlarfg). It needs x^T P, the products with the other columns. Those for
 * column j + 1 are summed in the same pass over the rows that applies the reflector of column j, so that
 * each column costs one pass.
 *
 * For kernels_of_unit.h only.
 */
#ifndef KERNEL_PANEL_H
#define KERNEL_PANEL_H

#include <math.h>

#include "kernels.h"
#include "octet.h"

#define BAND_OCTETS (BAND / 8)

/*
 * To rows below j: column j times scale becomes v, and v weights^T is subtracted from the others; weights
 * are zero up to column j. Then dots = x^T P for column j + 1. `first` is j / 8, a constant.
 */
INLINED void
apply_and_sum(double *panel, size_t rows, size_t j, double scale, const double *weights,
	      double *dots, size_t first)
{
	struct octet weight[BAND_OCTETS], sum[BAND_OCTETS];

	UNROLLED
	for (size_t i = first; i < BAND_OCTETS; i++) {
		weight[i] = octet_load(weights + 8 * i);
		sum[i] = octet_all(0);
	}
	for (size_t row = j + 1; row < rows; row++) {
		double *values = panel + row * BAND, v = values[j] * scale;
		struct octet factor = octet_all(v), updated[BAND_OCTETS];

		UNROLLED
		for (size_t i = first; i < BAND_OCTETS; i++) {
			updated[i] = octet_multiply_subtract(factor, weight[i],
							     octet_load(values + 8 * i));
			octet_store(values + 8 * i, updated[i]);
		}
		values[j] = v;
		if (row == j + 1 || j + 1 == BAND)
			continue;
		factor = octet_all(values[j + 1]);
		UNROLLED
		for (size_t i = first; i < BAND_OCTETS; i++)
			sum[i] = octet_multiply_add(factor, updated[i], sum[i]);
	}
	UNROLLED
	for (size_t i = first; i < BAND_OCTETS; i++)
		octet_store(dots + 8 * i, sum[i]);
}

static void
apply_to_rows(double *panel, size_t rows, size_t j, double scale, const double *weights,
	      double *dots)
{
	_Static_assert(BAND_OCTETS == 6, "a case for each octet of a row");
	switch (j / 8) {
	case 0: apply_and_sum(panel, rows, j, scale, weights, dots, 0); break;
	case 1: apply_and_sum(panel, rows, j, scale, weights, dots, 1); break;
	case 2: apply_and_sum(panel, rows, j, scale, weights, dots, 2); break;
	case 3: apply_and_sum(panel, rows, j, scale, weights, dots, 3); break;
	case 4: apply_and_sum(panel, rows, j, scale, weights, dots, 4); break;
	default: apply_and_sum(panel, rows, j, scale, weights, dots, 5); break;
	}
}

/* dots = x^T P for the first column. */
static void
sum_first_column(const double *panel, size_t rows, double *dots)
{
	struct octet sum[BAND_OCTETS];

	for (size_t i = 0; i < BAND_OCTETS; i++)
		sum[i] = octet_all(0);
	for (size_t row = 1; row < rows; row++)
		for (size_t i = 0; i < BAND_OCTETS; i++)
			sum[i] = octet_multiply_add(octet_all(panel[row * BAND]),
						    octet_load(panel + row * BAND + 8 * i), sum[i]);
	for (size_t i = 0; i < BAND_OCTETS; i++)
		octet_store(dots + 8 * i, sum[i]);
}

static void
factor_panel(double *panel, size_t rows, double *tau)
{
	_Alignas(64) double dots[BAND], weights[BAND];

	sum_first_column(panel, rows, dots);
	for (size_t j = 0; j < BAND; j++) {
		double *row = panel + j * BAND, alpha = row[j], scale = 0, beta = alpha;

		tau[j] = 0;
		if (dots[j] > NEGLIGIBLE_SQUARES) {
			beta = -copysign(sqrt(alpha * alpha + dots[j]), alpha);
			tau[j] = (beta - alpha) / beta;
			scale = 1 / (alpha - beta);
		}
		for (size_t i = 0; i < BAND; i++)
			weights[i] = i > j ? tau[j] * (row[i] + scale * dots[i]) : 0;
		for (size_t i = j + 1; i < BAND; i++)
			row[i] -= weights[i];
		row[j] = beta;
		apply_to_rows(panel, rows, j, scale, weights, dots);
	}
}

#endif
