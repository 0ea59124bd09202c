#include "alpha_interval.h"

#include <math.h>
#include <stdlib.h>

#include "util.h"

/* Conjugate gradients end when the residual is this small, in the norm of the preconditioner, or after so many
 * steps. The error of the variance goes with the square of the residual. */
#define TOLERANCE  1e-4
#define MOST_STEPS 400

/* Gaps, relative to the eigenvalue, are taken for at least this; pairs that close move as one already. */
#define LEAST_GAP 1e-7

/* The precision matrix for the largest eigenvalues, `free` of them; the rest are fixed. */
struct rigidity {
	const double *values; /* of the free ones, ascending */
	size_t free;
	double *rest; /* what holds each in its place: the confinement, and pairs with the fixed */
	double *diagonal; /* of the matrix */
};

/* The strength of the repulsion of two eigenvalues, in their logarithms. */
static double
repulsion(double a, double b)
{
	double product = a * b, gap = a - b, square = gap * gap;
	double least = LEAST_GAP * LEAST_GAP * product;

	square = square > least ? square : least;
	return square > 0 ? product / square : 0;
}

static struct rigidity
rigidity_of(const double *eigenvalues, size_t n, size_t free, double confinement)
{
	struct rigidity rigidity = {.values = eigenvalues + (n - free), .free = free};

	rigidity.rest = xcalloc(free, sizeof(*rigidity.rest));
	rigidity.diagonal = xcalloc(free, sizeof(*rigidity.diagonal));
	for (size_t i = 0; i < free; i++) {
		double rest = confinement, pairs = 0, value = rigidity.values[i];

		for (size_t j = 0; j < n - free; j++)
			rest += repulsion(value, eigenvalues[j]);
		for (size_t j = 0; j < free; j++)
			pairs += j == i ? 0 : repulsion(value, rigidity.values[j]);
		rigidity.rest[i] = rest;
		rigidity.diagonal[i] = rest + pairs;
	}
	return rigidity;
}

static void
rigidity_free(struct rigidity *rigidity)
{
	free(rigidity->rest);
	free(rigidity->diagonal);
}

/* y = H x. Columns go outside, so that the inner loop has no sum to carry. A pair of one adds nothing. */
static void
rigidity_apply(const struct rigidity *rigidity, const double *restrict x, double *restrict y)
{
	const double *values = rigidity->values;
	size_t n = rigidity->free;

	for (size_t i = 0; i < n; i++)
		y[i] = rigidity->rest[i] * x[i];
	for (size_t j = 0; j < n; j++)
		for (size_t i = 0; i < n; i++)
			y[i] += repulsion(values[i], values[j]) * (x[i] - x[j]);
}

static double
dot(const double *a, const double *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/*
 * b^T H^-1 b by conjugate gradients with the diagonal for a preconditioner (Y. Saad, Iterative Methods for
 * Sparse Linear Systems, 2nd ed., algorithm 9.1). b is used up. The sum of step times gain is b^T x.
 */
static double
inverse_form(const struct rigidity *rigidity, double *residual)
{
	size_t n = rigidity->free;
	double *scaled = xcalloc(n, sizeof(*scaled)), *direction = xcalloc(n, sizeof(*direction));
	double *image = xcalloc(n, sizeof(*image)), form = 0, norm = 0, first = 0;

	for (unsigned step = 0; step < MOST_STEPS; step++) {
		double before = norm, length;

		for (size_t i = 0; i < n; i++)
			scaled[i] = residual[i] / rigidity->diagonal[i];
		norm = dot(residual, scaled, n);
		first = step ? first : norm;
		if (!(norm > TOLERANCE * TOLERANCE * first))
			break;
		for (size_t i = 0; i < n; i++)
			direction[i] = scaled[i] + (step ? norm / before : 0) * direction[i];
		rigidity_apply(rigidity, direction, image);
		length = norm / dot(direction, image, n);
		for (size_t i = 0; i < n; i++)
			residual[i] -= length * image[i];
		form += length * norm;
	}
	free(scaled);
	free(direction);
	free(image);
	return form;
}

/* Var(S). */
static double
variance_of_logs(const double *eigenvalues, size_t n, size_t larger, size_t k)
{
	size_t wanted = 3 * k + 20, count = wanted < n ? wanted : n;
	struct rigidity rigidity = rigidity_of(eigenvalues, n, count, (double)larger / 2);
	double *gradient = xcalloc(count, sizeof(*gradient)), variance;

	for (size_t i = count - k; i < count; i++)
		gradient[i] = 1;
	gradient[count - k - 1] = -(double)k;
	variance = inverse_form(&rigidity, gradient);
	free(gradient);
	rigidity_free(&rigidity);
	return variance;
}

/* How many standard deviations to each side of the mean hold a share of normal values. */
static double
normal_deviations(double share)
{
	double low = 0, high = 40;

	for (unsigned i = 0; i < 80; i++) {
		double middle = (low + high) / 2;

		if (erf(middle / sqrt(2)) < share)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

struct alpha_interval
alpha_interval_of(const double *eigenvalues, size_t n, size_t larger, const struct hill *hill,
		  double confidence)
{
	struct alpha_interval interval = {NAN, NAN, NAN};
	double k = (double)hill->k, slope = hill->alpha - 1, sum, deviation, reach;

	if (!isfinite(hill->alpha_err) || !(slope > 0))
		return interval;
	sum = k / slope;
	deviation = sqrt(variance_of_logs(eigenvalues, n, larger, hill->k));
	reach = normal_deviations(confidence) * deviation;
	interval.se = slope * slope / k * deviation;
	interval.low = 1 + k / (sum + reach);
	interval.high = sum > reach ? 1 + k / (sum - reach) : INFINITY;
	return interval;
}

double
alpha_se_iid(const struct hill *hill)
{
	return isfinite(hill->alpha_err) ? (hill->alpha - 1) / sqrt((double)hill->k) : NAN;
}
