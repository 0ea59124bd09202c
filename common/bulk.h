/*
 * The random part of a spectrum: a law of Marchenko and Pastur (marchenko_pastur.h) fitted to its bulk, and
 * what lies beyond.
 *
 * The variance of the noise is had from the median, by M. Gavish, D. L. Donoho, IEEE Transactions on
 * Information Theory 60 (2014) 5040, section III.E: with m the larger side, it is
 *     v = median(l) / (m median of the law),
 * which few large eigenvalues do not move. That a random matrix's largest eigenvalue stays below
 *     v (mu + s t),  mu = (sqrt(m - 1) + sqrt(n))^2,  s = (sqrt(m - 1) + sqrt(n)) (1 / sqrt(m - 1) + 1 / sqrt(n))^(1/3)
 * has the probability that the law of Tracy and Widom for real matrices, beta = 1, gives to t: I. M. Johnstone,
 * Annals of Statistics 29 (2001) 295, theorem 1.1. t is its quantile at 0.95.
 */
#ifndef BULK_H
#define BULK_H

#include <stddef.h>

struct bulk {
	double scale;	     /* m v: what the mean of the eigenvalues would be without spikes */
	double lower, upper; /* the edges, in the units of the eigenvalues */
	double margin;	     /* where a random matrix's largest would lie below in 95 of 100 */
	size_t spikes;	     /* eigenvalues above the margin */
};

/*
 * Fits n ascending eigenvalues of matrices whose sides are these, one or several pooled; n at least 1, sides at
 * least 2. All nan and no spikes where the median is 0 or a side is shorter.
 */
struct bulk bulk_fit(const double *eigenvalues, size_t n, size_t larger, size_t smaller);

#endif
