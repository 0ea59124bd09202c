/*
 * What all solvers of eigen.h do alike: scale matrices whose squares would leave the range of double,
 * and bound the errors of what they computed. The formulas are those that eigen.h explains.
 */
#ifndef EIGEN_BOUNDS_H
#define EIGEN_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>

#include "eigen.h"

/* The larger side; the smaller one is count. */
size_t eigen_larger_side(const struct eigen_job *job);

/*
 * Whether a trace of a Gram matrix, which is the sum of all squares, says that W need not be scaled:
 * nothing leaves the range of double, the squares of Gram matrices included, and what is lost at its
 * lower end is far below the error bounds. It does not where a weight is not finite.
 */
bool eigen_trace_is_safe(double trace);

/*
 * The power of two that brings all weights to at most 1 in magnitude, or 0 where they are near enough
 * to that, so that no square or sum leaves the range of double. False when a weight is not finite.
 */
bool eigen_find_scale(const struct eigen_job *job, int *exponent);

/* Multiplies by 2^exponent. Exact but for what leaves the normal range. */
void eigen_scale(double *values, size_t count, int exponent);

/* Sets the error of eigenvalues, computed from a Gram matrix of this trace. */
void eigen_bound_gram(struct eigen_job *job, double trace);

/* The same where not all eigenvalues are there to take the Frobenius norm of the Gram matrix from. */
void eigen_bound_gram_of_norm(struct eigen_job *job, double trace, double norm);

/* From singular values, descending, to eigenvalues, ascending, and their errors. */
void eigen_square_singular_values(struct eigen_job *job);

/*
 * Undoes the scaling of W by 2^-exponent, and lifts what rounding left below zero, where no true value
 * is. Scaling back into subnormal numbers rounds once more, which only the bound on all eigenvalues
 * then allows for.
 */
enum eigen_status eigen_finish_values(struct eigen_job *job, int exponent);

#endif
