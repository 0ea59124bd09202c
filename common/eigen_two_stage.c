#include "eigen_two_stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "band_reduction.h"
#include "bisection.h"
#include "bulge_chasing.h"
#include "eigen_bounds.h"
#include "gram_tiles.h"

/* From this side on it is faster than dsyrk, dsytrd and dsterf on one thread: at 768 it takes 1.2 times as
 * long, at 1024 as long, at 2048 0.8 times, on a Zen 5 with AVX-512. */
#define CROSSOVER_SIDE 1024

/* What the stages hand on. */
struct stages {
	struct eigen_job *job;
	const struct kernels *kernels;
	struct crew *crew;
	struct tiles gram;
	struct band band;
	double *diagonal, *off_diagonal;
	int exponent;
	double trace;
};

/* W is scaled only if it must be, which the trace shows (eigen_trace_is_safe). */
static enum eigen_status
form_gram(struct stages *stages)
{
	const struct eigen_job *job = stages->job;
	struct gram_source source = {.dtype = job->dtype,
				     .rows = job->rows,
				     .columns = job->columns,
				     .weights = job->weights};

	if (!gram_form(&source, &stages->gram, stages->kernels, stages->crew))
		return EIGEN_OUT_OF_MEMORY;
	stages->trace = tiles_trace(&stages->gram);
	if (eigen_trace_is_safe(stages->trace))
		return EIGEN_OK;
	if (!eigen_find_scale(job, &stages->exponent))
		return EIGEN_NOT_FINITE;
	source.exponent = stages->exponent;
	tiles_clear(&stages->gram);
	if (!gram_form(&source, &stages->gram, stages->kernels, stages->crew))
		return EIGEN_OUT_OF_MEMORY;
	stages->trace = tiles_trace(&stages->gram);
	return EIGEN_OK;
}

/* |T|_F */
static double
tridiagonal_norm(const struct stages *stages)
{
	double sum = 0;

	for (size_t i = 0; i < stages->job->count; i++) {
		double d = stages->diagonal[i], e = i ? stages->off_diagonal[i - 1] : 0;

		sum += d * d + 2 * (e * e);
	}
	return sqrt(sum);
}

static enum eigen_status
run_stages(struct stages *stages)
{
	struct eigen_job *job = stages->job;
	size_t n = job->count;
	enum eigen_status status = form_gram(stages);

	if (status)
		return status;
	memset(job->values, 0, n * sizeof(*job->values));
	if (stages->trace == 0)
		return EIGEN_OK;
	if (!band_reduce(&stages->gram, &stages->band, stages->kernels, stages->crew))
		return EIGEN_OUT_OF_MEMORY;
	tiles_close(&stages->gram);
	if (!bulge_chase(&stages->band, stages->diagonal, stages->off_diagonal, stages->kernels,
			 stages->crew) ||
	    !bisect(n, stages->diagonal, stages->off_diagonal, n - job->wanted, job->values,
		    stages->kernels, stages->crew))
		return EIGEN_OUT_OF_MEMORY;
	eigen_bound_gram_of_norm(job, stages->trace, tridiagonal_norm(stages));
	return EIGEN_OK;
}

/* With memory for all stages, which is freed. */
static enum eigen_status
solve(struct eigen_job *job, struct crew *crew)
{
	struct stages stages = {.job = job, .kernels = kernels_choose(), .crew = crew};
	size_t n = job->count;
	enum eigen_status status = EIGEN_OUT_OF_MEMORY;

	stages.diagonal = malloc(n * sizeof(double));
	stages.off_diagonal = malloc(n * sizeof(double));
	if (tiles_open(&stages.gram, n) && band_open(&stages.band, n) && stages.diagonal &&
	    stages.off_diagonal)
		status = run_stages(&stages);
	tiles_close(&stages.gram);
	band_close(&stages.band);
	free(stages.diagonal);
	free(stages.off_diagonal);
	return status ? status : eigen_finish_values(job, stages.exponent);
}

enum eigen_status
two_stage_solve(struct eigen_job *job, struct crew *crew)
{
	job->method = "none";
	job->values = malloc((job->count + 1) * sizeof(*job->values));
	if (!job->values)
		return EIGEN_OUT_OF_MEMORY;
	if (!job->count)
		return EIGEN_OK;
	job->method = "gram-two-stage";
	return solve(job, crew);
}

uint64_t
two_stage_memory(const struct eigen_job *job)
{
	double n = (double)job->count, elements = (double)job->rows * (double)job->columns;
	double work = fmax(gram_memory(job->count), band_memory(job->count));
	double bytes = tiles_memory(job->count) + work + 4 * n * sizeof(double) +
		       elements * dtype_bits(job->dtype) / 8;

	return bytes < 0x1p63 ? (uint64_t)bytes : (uint64_t)1 << 63;
}

bool
two_stage_is_faster(const struct eigen_job *job)
{
	return job->count >= CROSSOVER_SIDE && kernels_are_fused(kernels_choose());
}
