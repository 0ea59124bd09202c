/*
 * Matrices whose tail exponent is known, because their singular values are chosen.
 *
 * W = U diag(s) V^T has m rows, n columns and p = min(m, n) singular values with
 *     s_j^2 = c (p / j)^(1 / (alpha - 1)),  j = 1, ..., p, descending:
 * the quantiles, at the levels 1 - j/p, of the Pareto law whose density falls as x^-alpha. The
 * factor c makes the elements' root mean square a given value: the sum of the s_j^2 is m n rms^2.
 *
 * U and V are random: see rotation.h. All results are the same bits on every machine.
 *
 * A rotation rounds its results to about 1e-16 of the vectors that it turns, so each s_j of the
 * matrix moves by some 1e-15 s_1 at most: s_j^2 has a relative error of about 1e-15 s_1 / s_j.
 */
#ifndef PLANTED_H
#define PLANTED_H

#include <stdbool.h>
#include <stddef.h>

#include "random.h"
#include "rotation.h"
#include "util.h"

/* Rows that planted_rows() makes at a time. */
enum { PLANTED_ROWS = ROTATION_PANEL };

/*
 * Whether alpha is above 1, and far enough for double to hold p such singular values in one matrix:
 * s_1 / s_p is at most 2^40, so that the smallest has a dozen correct bits.
 */
bool planted_is_possible(double alpha, size_t p);

/* The p singular values of a matrix, descending. */
void planted_singular_values(double *values, size_t rows, size_t columns, double alpha, double rms);

/*
 * What the Hill estimate gives for the k largest s_j^2 of such a matrix, 1 <= k < p:
 *     1 + (alpha - 1) k / (k ln(k + 1) - ln k!),
 * as ln(s_i^2 / s_{k+1}^2) = ln((k + 1) / i) / (alpha - 1), to be summed for i = 1, ..., k. It
 * tends to alpha as k grows.
 */
double planted_hill(double alpha, size_t k);

/* A matrix in the making. */
struct planted {
	size_t rows, columns;
	size_t next;	/* row of planted_rows() */
	size_t panels;	/* of ROTATION_PANEL columns each, of U diag(s) */
	double *scaled; /* U diag(s): one panel after the other, each a row-major matrix */
	double *panel;	/* rows at work */
	struct rotations right;
};

/*
 * Prepares a matrix of 1 to 2^31 - 1 rows and columns, taking random numbers for its factors.
 * Holds rows x min(rows, columns) doubles and, for each row and column, some five hundred bytes.
 * Returns 0, or -1 when there is no memory for that; planted_end() is due after 0 only.
 */
int planted_begin(struct planted *planted, size_t rows, size_t columns, double alpha, double rms,
		  struct random *random, struct failure *failure);

/*
 * The next rows of the matrix into values, row-major, with room for PLANTED_ROWS of them. Returns
 * how many there are: PLANTED_ROWS, at the end fewer, then 0.
 */
size_t planted_rows(struct planted *planted, double *values);

void planted_end(struct planted *planted);

#endif
