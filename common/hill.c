#include "hill.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define UNIT_ROUNDOFF 0x1p-53

/* Eigenvalues whose logarithms differ by no more than this on average have no spread to speak of:
 * alpha would be above 1000. */
#define NO_SPREAD 1e-3

#define NOT_RESOLVED "tail not resolved: eigenvalues below their error"

size_t
hill_tail_size(size_t n, double fraction)
{
	double wanted = floor(fraction * (double)n);
	size_t k = wanted < 10 ? 10 : wanted < (double)n ? (size_t)wanted : n;

	return k < n - 1 ? k : n - 1;
}

double
hill_error_of(double eigenvalue, double lambda_error, double sigma_error)
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
		double error = hill_error_of(tail[i], lambda_error, sigma_error);

		if (error > 0 && tail[i] <= error)
			return false;
	}
	return true;
}

/* ln(a / b), also where the quotient leaves the range of double. */
static double
log_of_quotient(double a, double b)
{
	double quotient = a / b;

	return quotient <= DBL_MAX ? log(quotient) : log(a) - log(b);
}

/* How far the logarithm of a resolved eigenvalue may be off: the more, the further it lies below. */
static double
error_of_log(double eigenvalue, double error)
{
	return error > 0 ? -log1p(-error / eigenvalue) : 0;
}

/* The same for the reference with its floor. */
static double
error_of_reference(double reference, double error)
{
	if (reference > HILL_FLOOR)
		return error_of_log(reference, error);
	return reference + error > HILL_FLOOR ? log((reference + error) / HILL_FLOOR) : 0;
}

/* The sum of the logarithms over the reference, and how far it may be off. */
struct log_sum {
	double value, error;
};

static struct log_sum
sum_logs(const double *tail, size_t k, double reference, double lambda_error, double sigma_error)
{
	struct log_sum sum = {0};
	double floored = fmax(reference, HILL_FLOOR), magnitudes = 0, terms = (double)k;

	for (size_t i = 0; i < k; i++) {
		double logarithm = log_of_quotient(tail[i], floored);

		sum.value += logarithm;
		magnitudes += fabs(logarithm);
		sum.error += error_of_log(tail[i],
					  hill_error_of(tail[i], lambda_error, sigma_error));
	}
	sum.error += terms * error_of_reference(reference, hill_error_of(reference, lambda_error,
									 sigma_error));
	/* Each quotient is rounded, each logarithm, and each of k sums (Higham, section 4.2). */
	sum.error += ((terms + 2) * magnitudes + 2 * terms) * UNIT_ROUNDOFF;
	return sum;
}

struct hill
hill_fit(const double *eigenvalues, size_t n, size_t k, double lambda_error, double sigma_error)
{
	const double *tail = eigenvalues + (n - k);
	double reference = eigenvalues[n - k - 1];
	double reference_error = hill_error_of(reference, lambda_error, sigma_error);
	struct hill hill = {.alpha = NAN, .alpha_err = NAN, .k = k, .note = NOT_RESOLVED};
	struct log_sum sum;

	hill.lambda_ref = fmax(reference, HILL_FLOOR);
	if (!is_resolved(tail, k, reference, reference_error, lambda_error, sigma_error))
		return hill;
	sum = sum_logs(tail, k, reference, lambda_error, sigma_error);
	hill.note = reference <= HILL_FLOOR ? "lambda_ref at its floor of 1e-12" : "";
	hill.alpha = 1 + (double)k / fmax(sum.value, HILL_FLOOR);
	if (sum.value - sum.error > HILL_FLOOR) {
		hill.alpha_err = (hill.alpha - 1) * sum.error / (sum.value - sum.error) +
				 4 * UNIT_ROUNDOFF * hill.alpha;
		return hill;
	}
	if (sum.value + sum.error > HILL_FLOOR && sum.error > NO_SPREAD * (double)k) {
		hill.alpha = hill.alpha_err = NAN;
		hill.note = NOT_RESOLVED;
		return hill;
	}
	/* Eigenvalues that are equal, as far as their errors let us see, or below the floor. The
	 * formula's value stands, as other tools print it, but it is no estimate. */
	hill.alpha_err = INFINITY;
	if (tail[k - 1] == 0)
		hill.note = "zero matrix";
	else if (reference > HILL_FLOOR)
		hill.note = "tail without spread";
	return hill;
}
