/*
 * How far Hill's estimate (hill.h) would scatter if the matrix were drawn again.
 *
 * The model: the m rows of the larger side are independent Gaussian vectors with one unknown covariance,
 * whose eigenvalues may be anything: all equal for a random matrix, heavy-tailed for a planted one. The
 * eigenvalues l_i of W^T W then have a joint density (A. T. James, Annals of Mathematical Statistics 35 (1964)
 * 475, section 8) in which each is held to its place and each pair repels as |l_i - l_j|. To second order about
 * the spectrum at hand, t_i = ln(l_i) have the precision matrix
 *     H = (m / 2) I + L,   L_ij = -l_i l_j / (l_i - l_j)^2 for i != j,   rows of L summing to zero.
 * Where eigenvalues are far apart this is T. W. Anderson's variance of 2 / m each (Annals of Mathematical
 * Statistics 34 (1963) 122); where they are close, the repulsion of real matrices makes them rigid. With S
 * the sum of the logarithms that alpha is made of, alpha = 1 + k / S, and g its gradient, 1 for each t_i of the
 * tail and -k for the reference:
 *     Var(S) = g^T H^-1 g,   alpha_se = (alpha - 1)^2 / k sqrt(Var(S)),
 * and the interval is that of alpha where S is normal about its mean. The confinement is exact far apart and
 * approximate in a bulk; tests/study-intervals.py shows how well it holds.
 *
 * The formula for independent values, (alpha - 1) / sqrt(k), is three to ten times too large here.
 */
#ifndef ALPHA_INTERVAL_H
#define ALPHA_INTERVAL_H

#include <stddef.h>

#include "hill.h"

struct alpha_interval {
	double se;	  /* standard deviation of alpha */
	double low, high; /* high is inf where S may as well be zero */
};

/*
 * For the fit of n ascending eigenvalues, of a matrix whose larger side is `larger`, at a confidence between 0
 * and 1. All nan where the fit is no estimate. Eigenvalues far below the tail are held fixed: of the n, the
 * largest 3 k + 20 are free. Time is of the order of their number squared, some hundred times.
 */
struct alpha_interval alpha_interval_of(const double *eigenvalues, size_t n, size_t larger,
					const struct hill *hill, double confidence);

/* The same formula for independent values: (alpha - 1) / sqrt(k). */
double alpha_se_iid(const struct hill *hill);

#endif
