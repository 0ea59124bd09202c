#include "eigen_bounds.h"

#include <float.h>
#include <math.h>

#include "vector.h"

#define UNIT_ROUNDOFF 0x1p-53

/* The range of eigen_trace_is_safe(). */
#define SMALLEST_TRACE 0x1p-300
#define LARGEST_TRACE  0x1p300

/* p(n) of the error bounds in eigen.h is this times n. */
#define SOLVER_GROWTH 8

size_t
eigen_larger_side(const struct eigen_job *job)
{
	return job->rows > job->columns ? job->rows : job->columns;
}

bool
eigen_trace_is_safe(double trace)
{
	return trace >= SMALLEST_TRACE && trace <= LARGEST_TRACE;
}

/* The largest magnitude, or infinity if any weight is not finite. */
HOT static double
largest_magnitude(const double *values, size_t count)
{
	double lanes[16] = {0};
	double largest = 0;
	size_t i = 0;

	/* x - x is 0 for finite x and NaN otherwise; a comparison alone would lose NaNs. */
	for (; i + 16 <= count; i += 16)
		for (size_t lane = 0; lane < 16; lane++) {
			double magnitude = fabs(values[i + lane]);

			magnitude = magnitude <= DBL_MAX ? magnitude : INFINITY;
			lanes[lane] = magnitude > lanes[lane] ? magnitude : lanes[lane];
		}
	for (; i < count; i++)
		lanes[0] = fabs(values[i]) <= DBL_MAX ? fmax(lanes[0], fabs(values[i])) : INFINITY;
	for (size_t lane = 0; lane < 16; lane++)
		largest = fmax(largest, lanes[lane]);
	return largest;
}

bool
eigen_find_scale(const struct eigen_job *job, int *exponent)
{
	size_t elements = job->rows * job->columns;
	double values[1024], largest = 0;

	for (size_t done = 0; done < elements; done += 1024) {
		size_t count = elements - done < 1024 ? elements - done : 1024;

		dtype_decode(job->dtype, job->weights, done, count, values);
		largest = fmax(largest, largest_magnitude(values, count));
	}
	frexp(largest, exponent);
	if (largest == 0)
		*exponent = 0;
	return largest <= DBL_MAX;
}

HOT static void
scale_values(double *values, size_t count, double factor)
{
	for (size_t i = 0; i < count; i++)
		values[i] *= factor;
}

/* In two steps, since one factor may not be a double. */
void
eigen_scale(double *values, size_t count, int exponent)
{
	if (!exponent)
		return;
	scale_values(values, count, ldexp(1, exponent / 2));
	scale_values(values, count, ldexp(1, exponent - exponent / 2));
}

static double
euclidean_norm(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i] * values[i];
	return sqrt(sum);
}

/* The bound on the error of an inner product of m terms, relative to that of magnitudes. */
static double
gamma_bound(size_t m)
{
	return (double)m * UNIT_ROUNDOFF / (1 - (double)m * UNIT_ROUNDOFF);
}

void
eigen_bound_gram_of_norm(struct eigen_job *job, double trace, double norm)
{
	/* Twice the unit roundoff of slack for the rounding of these figures themselves. */
	job->lambda_error = (gamma_bound(eigen_larger_side(job)) * trace +
			     SOLVER_GROWTH * (double)job->count * UNIT_ROUNDOFF * norm) *
			    (1 + 0x1p-20);
}

void
eigen_bound_gram(struct eigen_job *job, double trace)
{
	eigen_bound_gram_of_norm(job, trace, euclidean_norm(job->values, job->count));
}

static void
reverse_squares(double *values, size_t count)
{
	for (size_t i = 0; i < (count + 1) / 2; i++) {
		double low = values[count - 1 - i], high = values[i];

		values[i] = low * low;
		values[count - 1 - i] = high * high;
	}
}

void
eigen_square_singular_values(struct eigen_job *job)
{
	double largest = job->values[0];

	job->sigma_error = SOLVER_GROWTH * (double)eigen_larger_side(job) * UNIT_ROUNDOFF * largest;
	job->lambda_error = job->sigma_error * (2 * largest + job->sigma_error);
	reverse_squares(job->values, job->count);
}

/* By insertion: cuSOLVER leaves what is equal but for rounding out of order, and nothing else. */
static void
sort_nearly_sorted(double *values, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		double value = values[i];
		size_t at = i;

		for (; at && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

enum eigen_status
eigen_finish_values(struct eigen_job *job, int exponent)
{
	double last;

	for (size_t i = 0; i < job->count; i++)
		if (!(job->values[i] > 0))
			job->values[i] = 0;
	sort_nearly_sorted(job->values, job->count);
	eigen_scale(job->values, job->count, 2 * exponent);
	eigen_scale(&job->lambda_error, 1, 2 * exponent);
	eigen_scale(&job->sigma_error, 1, exponent);
	if (exponent && job->lambda_error < DBL_MIN)
		job->lambda_error += 2 * DBL_TRUE_MIN;
	if (job->sigma_error * job->sigma_error < DBL_MIN)
		job->sigma_error = 0;
	last = job->values[job->count - 1];
	/* Zeros have the exponent 0; other weights have an eigenvalue above zero. */
	if ((exponent && last == 0) || !(last <= DBL_MAX && job->lambda_error <= DBL_MAX))
		return EIGEN_OUT_OF_RANGE;
	return EIGEN_OK;
}
