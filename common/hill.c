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

/* The fit, with its k and lambda_ref, of what the logarithms add up to; of a tail that is resolved. */
static struct hill
fit_of_sum(struct hill hill, struct log_sum sum, double largest)
{
	hill.note = hill.lambda_ref <= HILL_FLOOR ? "lambda_ref at its floor of 1e-12" : "";
	hill.alpha = 1 + (double)hill.k / fmax(sum.value, HILL_FLOOR);
	if (sum.value - sum.error > HILL_FLOOR) {
		hill.alpha_err = (hill.alpha - 1) * sum.error / (sum.value - sum.error) +
				 4 * UNIT_ROUNDOFF * hill.alpha;
		return hill;
	}
	if (sum.value + sum.error > HILL_FLOOR && sum.error > NO_SPREAD * (double)hill.k) {
		hill.alpha = hill.alpha_err = NAN;
		hill.note = NOT_RESOLVED;
		return hill;
	}
	/* Eigenvalues that are equal, as far as their errors let us see, or below the floor. The
	 * formula's value stands, as other tools print it, but it is no estimate. */
	hill.alpha_err = INFINITY;
	if (largest == 0)
		hill.note = "zero matrix";
	else if (hill.lambda_ref > HILL_FLOOR)
		hill.note = "tail without spread";
	return hill;
}

static struct hill
no_fit(size_t k, double reference)
{
	return (struct hill){NAN, NAN, fmax(reference, HILL_FLOOR), k, NOT_RESOLVED};
}

struct hill
hill_fit(const double *eigenvalues, size_t n, size_t k, double lambda_error, double sigma_error)
{
	const double *tail = eigenvalues + (n - k);
	double reference = eigenvalues[n - k - 1];
	double reference_error = hill_error_of(reference, lambda_error, sigma_error);
	struct hill hill = no_fit(k, reference);

	if (!is_resolved(tail, k, reference, reference_error, lambda_error, sigma_error))
		return hill;
	return fit_of_sum(hill, sum_logs(tail, k, reference, lambda_error, sigma_error),
			  tail[k - 1]);
}

/* S and E of the k largest from S and E of the k - 1 largest less what the reference has part in: no term is
 * negative, so none is lost. `above` is the sum over the least of the tail; it is moved on to it. */
static struct log_sum
next_sum(const double *least, size_t k, double lambda_error, double sigma_error,
	 struct log_sum *above)
{
	double terms = (double)k, reference = least[-1];
	struct log_sum sum;

	/* Of the k - 1 before, over this one instead of the one above it. */
	if (k > 1)
		above->value += (terms - 1) * log_of_quotient(least[1], *least);
	above->error += error_of_log(*least, hill_error_of(*least, lambda_error, sigma_error));
	sum.value = above->value + terms * log_of_quotient(*least, fmax(reference, HILL_FLOOR));
	sum.error = above->error +
		    terms * error_of_reference(reference,
					       hill_error_of(reference, lambda_error, sigma_error));
	sum.error += ((2 * terms + 4) * fabs(sum.value) + 2 * terms) * UNIT_ROUNDOFF;
	return sum;
}

void
hill_fits(const double *eigenvalues, size_t n, double lambda_error, double sigma_error,
	  struct hill *fits)
{
	struct log_sum above = {0};
	bool resolved = true;

	for (size_t k = 1; k < n; k++) {
		const double *least = eigenvalues + (n - k);
		double reference = least[-1];
		double error = hill_error_of(reference, lambda_error, sigma_error);
		struct log_sum sum;

		fits[k - 1] = no_fit(k, reference);
		/* Of the tail, the least alone is new. */
		resolved = resolved &&
			   is_resolved(least, 1, HILL_FLOOR, 0, lambda_error, sigma_error);
		if (!resolved)
			continue;
		sum = next_sum(least, k, lambda_error, sigma_error, &above);
		if (is_resolved(least, 0, reference, error, lambda_error, sigma_error))
			fits[k - 1] = fit_of_sum(fits[k - 1], sum, eigenvalues[n - 1]);
	}
}
