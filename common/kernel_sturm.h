/*
 * Sturm counts of a symmetric tridiagonal matrix T with diagonal d and off-diagonal e, at many points.
 *
 * The pivots of T - x I, q_1 = d_1 - x, q_i = d_i - x - e_{i-1}^2 / q_{i-1}, are as often negative as T
 * has eigenvalues below x (Sylvester's law of inertia; Parlett, The Symmetric Eigenvalue Problem, section
 * 3.3). No test for zero pivots: with the infinities of IEEE arithmetic the count is right without, as
 * long as no square is zero, and it never falls as x grows (Demmel, Dhillon and Ren, On the Correctness
 * of Some Bisection-like Parallel Eigenvalue Algorithms in Floating Point Arithmetic, ETNA 3 (1995) 116).
 * Divisions take nearly all of the time, and many points keep the divider busy.
 *
 * For kernels_of_unit.h only.
 */
#ifndef KERNEL_STURM_H
#define KERNEL_STURM_H

#include "kernels.h"
#include "octet.h"

#define STURM_VECTORS (STURM_POINTS / VECTOR_DOUBLES)

/* So many at a time, as registers are. */
#if VECTOR_DOUBLES == 8
#define STURM_GROUP 6
#else
#define STURM_GROUP 4
#endif

/* The sign bits. */
INLINED vector_bits
signs(vector x)
{
	return (vector_bits)x >> 63;
}

INLINED void
count_group(size_t n, const double *diagonal, const double *squares, const double *points,
	    size_t *counts)
{
	vector x[STURM_GROUP], q[STURM_GROUP];
	vector_bits count[STURM_GROUP];

	UNROLLED
	for (size_t g = 0; g < STURM_GROUP; g++) {
		x[g] = ((const vector *)points)[g];
		q[g] = vector_all(diagonal[0]) - x[g];
		count[g] = signs(q[g]);
	}
	for (size_t i = 1; i < n; i++) {
		vector d = vector_all(diagonal[i]), square = vector_all(squares[i - 1]);

		UNROLLED
		for (size_t g = 0; g < STURM_GROUP; g++) {
			q[g] = (d - x[g]) - square / q[g];
			count[g] += signs(q[g]);
		}
	}
	UNROLLED
	for (size_t g = 0; g < STURM_GROUP; g++)
		for (size_t lane = 0; lane < VECTOR_DOUBLES; lane++)
			counts[g * VECTOR_DOUBLES + lane] = (size_t)count[g][lane];
}

static void
count_below(size_t n, const double *diagonal, const double *squares, const double *points,
	    size_t *counts)
{
	for (size_t g = 0; g < STURM_VECTORS; g += STURM_GROUP)
		count_group(n, diagonal, squares, points + g * VECTOR_DOUBLES,
			    counts + g * VECTOR_DOUBLES);
}

#endif
