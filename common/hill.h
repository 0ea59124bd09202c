/*
 * The Hill estimate of a spectrum's tail exponent.
 *
 * For eigenvalues l_1 <= ... <= l_n and a tail of the k largest,
 *     alpha = 1 + k / max(sum_{i > n-k} ln(l_i / l_ref), 1e-12),  l_ref = max(l_{n-k}, 1e-12),
 * which is AlphaQuant's PL_Alpha_Hill: B. M. Hill, Annals of Statistics 3 (1975) 1163, for the
 * exponent of the density, with floors that keep degenerate spectra finite.
 */
#ifndef HILL_H
#define HILL_H

#include <stddef.h>

#define HILL_FLOOR 1e-12

struct hill {
	double alpha;	   /* nan when it cannot be had */
	double alpha_err;  /* how far the errors of the eigenvalues may have moved alpha */
	double lambda_ref; /* with its floor applied */
	size_t k;
	const char *note; /* "" or what to know about the fit, in a few words */
};

/* The tail size for n eigenvalues: max(10, floor(fraction n)), within 1 and n - 1. n is at least 2. */
size_t hill_tail_size(size_t n, double fraction);

/*
 * Fits the k largest of n eigenvalues; 1 <= k < n, ascending, none negative or NaN. Each may err by
 * min(lambda_error, 2 sqrt(l) sigma_error + sigma_error^2), the second only if sigma_error is not 0.
 *
 * With S the sum of the logarithms and E what their errors add up to, those of all the l_i and k times
 * that of l_ref, and roundings: alpha_err = k / (S - E) - k / S. When an eigenvalue that the fit takes
 * the logarithm of may as well be zero, or S may as well be, alpha would be made of rounding errors: it
 * is nan then, and the note says so.
 */
struct hill hill_fit(const double *eigenvalues, size_t n, size_t k, double lambda_error,
		     double sigma_error);

/*
 * The fits for every tail, fits[k - 1] for 1 <= k < n, in time of order n: n - 1 places, the caller's. Each is
 * that of hill_fit() to rounding: alpha by 1e-12 of it where it is an estimate, and alpha_err by as much and
 * what it allows for rounding. Where sums are too large for double or an eigenvalue is 0 they agree as well.
 */
void hill_fits(const double *eigenvalues, size_t n, double lambda_error, double sigma_error,
	       struct hill *fits);

/* The bound on the error of one eigenvalue: min(lambda_error, 2 sqrt(l) sigma_error + sigma_error^2). */
double hill_error_of(double eigenvalue, double lambda_error, double sigma_error);

#endif
