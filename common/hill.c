#include "hill.h"

#include <math.h>
#include <stdbool.h>

/* Rounding of a logarithm, a quotient and a sum of a few hundred terms, in units of 2^-53. */
#define FIT_ROUNDOFF 0x1p-50

size_t
hill_tail_size(size_t n, double fraction)
{
	double wanted = floor(fraction * (double)n);
	size_t k = wanted < 10 ? 10 : wanted < (double)n ? (size_t)wanted : n;

	return k < n - 1 ? k : n - 1;
}

/* The bound on the error of one eigenvalue. */
static double
error_of(double eigenvalue, double lambda_error, double sigma_error)
{
	double by_sigma = (2 * sqrt(eigenvalue) + sigma_error) * sigma_error;

	return sigma_error > 0 && by_sigma < lambda_error ? by_sigma : lambda_error;
}

/* Whether the spectrum determines the fit: every eigenvalue in it is certainly not zero, or certainly
 * zero, and the reference is certainly above or certainly at its floor. */
static bool
is_resolved(const double *tail, size_t k, double reference, double reference_error,
	    double lambda_error, double sigma_error)
{
	if (reference <= reference_error && reference + reference_error > HILL_FLOOR)
		return false;
	for (size_t i = 0; i < k; i++) {
		double error = error_of(tail[i], lambda_error, sigma_error);

		if (error > 0 && tail[i] <= error)
			return false;
	}
	return true;
}

struct hill
hill_fit(const double *eigenvalues, size_t n, size_t k, double lambda_error, double sigma_error)
{
	const double *tail = eigenvalues + (n - k);
	double reference = eigenvalues[n - k - 1];
	double reference_error = error_of(reference, lambda_error, sigma_error);
	struct hill hill = {.k = k, .note = ""};
	double sum = 0, relative_errors = 0, magnitudes = 0;

	hill.lambda_ref = fmax(reference, HILL_FLOOR);
	if (!is_resolved(tail, k, reference, reference_error, lambda_error, sigma_error)) {
		hill.alpha = hill.alpha_err = NAN;
		hill.note = "tail not resolved: eigenvalues below their error";
		return hill;
	}
	for (size_t i = 0; i < k; i++) {
		double logarithm = log(tail[i] / hill.lambda_ref);

		sum += logarithm;
		magnitudes += fabs(logarithm) + 1;
		relative_errors += error_of(tail[i], lambda_error, sigma_error) / tail[i];
	}
	if (reference > HILL_FLOOR)
		relative_errors += (double)k * reference_error / reference;
	hill.alpha = 1 + (double)k / fmax(sum, HILL_FLOOR);
	if (sum > HILL_FLOOR)
		hill.alpha_err = (hill.alpha - 1) * (hill.alpha - 1) / (double)k *
					 (relative_errors + magnitudes * FIT_ROUNDOFF) +
				 hill.alpha * FIT_ROUNDOFF;
	if (reference <= HILL_FLOOR)
		hill.note = "lambda_ref at its floor of 1e-12";
	if (sum <= HILL_FLOOR || sum <= relative_errors) {
		/* Eigenvalues that are equal, as far as their errors let us see. The formula's value
		 * stands, as other tools print it, but it is no estimate. */
		hill.alpha_err = INFINITY;
		hill.note = tail[k - 1] > 0 ? "tail without spread" : "zero matrix";
	}
	return hill;
}
