/*
 * The law of Marchenko and Pastur, the spectrum of large random matrices, and what fits of tails give on
 * it.
 *
 * For a random matrix of m x n, m >= n, with independent entries of mean 0 and variance s^2, the eigenvalues
 * of W^T W / (m s^2) follow, as m and n grow with aspect q = n / m, the density
 *     p(x) = sqrt((b - x) (x - a)) / (2 pi q x),  a = (1 - sqrt(q))^2, b = (1 + sqrt(q))^2
 * on [a, b]: V. A. Marchenko, L. A. Pastur, Mathematics of the USSR-Sbornik 1 (1967) 457; Z. Bai,
 * J. W. Silverstein, Spectral Analysis of Large Dimensional Random Matrices, 2nd ed., section 3.1.
 *
 * Aspects are above 0 and at most 1; anything else gives nan.
 */
#ifndef MARCHENKO_PASTUR_H
#define MARCHENKO_PASTUR_H

#include <stddef.h>

/* Where the support begins and ends: a and b. */
double marchenko_pastur_lower_edge(double aspect);
double marchenko_pastur_upper_edge(double aspect);

/* p(x); 0 outside the support. */
double marchenko_pastur_density(double x, double aspect);

/* The share of eigenvalues up to x, and the share above x, in closed form. Absolute error below
 * 1e-14 / sqrt(aspect). */
double marchenko_pastur_distribution(double x, double aspect);
double marchenko_pastur_survival(double x, double aspect);

/* The x below which a share of 0 to 1 of the eigenvalues lies, to the errors of the distribution. */
double marchenko_pastur_quantile(double share, double aspect);

/*
 * What Hill's estimate (hill.h) gives on a random matrix whose tail holds a share of its eigenvalues, k of n,
 * as the matrix grows: with F the distribution above and x_t its quantile at 1 - share,
 *     alpha_null = 1 + share / (integral from x_t to b of ln(x / x_t) p(x) dx),
 * by double-exponential quadrature (H. Takahasi, M. Mori, Publications of the RIMS 9 (1974) 721). Relative
 * error below 1e-9 where share is at least 1e-4. On one matrix, alpha scatters about its mean, which differs
 * from this by about 1 / k of it: the limit forgets that eigenvalues are few. nan unless 0 < share < 1.
 */
double alpha_null(double aspect, double share);

#endif
