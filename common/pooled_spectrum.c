#include "pooled_spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static void
add_values(struct pooled_spectrum *pooled, const double *values, size_t count)
{
	pooled->values = xreallocarray(pooled->values, pooled->count + count,
				       sizeof(*pooled->values));
	memcpy(pooled->values + pooled->count, values, count * sizeof(*values));
	pooled->count += count;
}

static void
fail_all(struct pooled_spectrum *pooled, enum eigen_status status)
{
	free(pooled->values);
	*pooled = (struct pooled_spectrum){.status = status};
}

void
pooled_spectrum_add(struct pooled_spectrum *pooled, const struct eigen_job *job)
{
	if (pooled->status)
		return;
	if (job->status) {
		fail_all(pooled, job->status);
		return;
	}
	add_values(pooled, job->values, job->count);
	pooled->lambda_error = fmax(pooled->lambda_error, job->lambda_error);
	pooled->sigma_error = fmax(pooled->sigma_error, job->sigma_error);
}

static int
compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
pooled_spectrum_take(struct pooled_spectrum *pooled, struct eigen_job *job)
{
	if (pooled->count)
		qsort(pooled->values, pooled->count, sizeof(*pooled->values), compare_values);
	free(job->values);
	job->values = pooled->values;
	job->count = job->wanted = pooled->count;
	job->status = pooled->status;
	job->lambda_error = pooled->lambda_error;
	job->sigma_error = pooled->sigma_error;
	*pooled = (struct pooled_spectrum){0};
}
