/* Order, sharing and the CPU's workers; eigen_lapack.h, eigen_two_stage.h and eigen_device.h do the algebra. */
#include "eigen.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "eigen_device.h"
#include "eigen_lapack.h"
#include "eigen_two_stage.h"

/* From this side on LAPACK gets all threads for a matrix; below, matrices run side by side on one thread
 * each, which is faster there and gives the same bytes on any number of processors. */
#define ALONE_SIDE 2048

struct eigen {
	struct pool *pool;
	struct devices *devices; /* null: all is done on the CPU */
	struct crew *crew;	 /* those of the threads that have no matrix help with another's */
	enum eigen_solver solver;
	unsigned threads;
	atomic_uint running; /* matrices that a thread is at */
};

const char *
eigen_status_text(enum eigen_status status)
{
	switch (status) {
	case EIGEN_OK: return NULL;
	case EIGEN_NOT_FINITE: return "weights not finite";
	case EIGEN_OUT_OF_RANGE: return "eigenvalues out of range";
	case EIGEN_NOT_CONVERGED: return "solver did not converge";
	case EIGEN_TOO_LARGE: return "matrix too large";
	case EIGEN_OUT_OF_MEMORY: return "out of memory";
	case EIGEN_DEVICE_FAILED: return "GPU failed";
	}
	return "unknown";
}

const char *
eigen_libraries(void)
{
	static char text[512];

	snprintf(text, sizeof(text), "%sback end: CPU, %s\n", devices_libraries(),
		 lapack_version());
	return text;
}

bool
eigen_has_devices(void)
{
	return *devices_libraries() != '\0';
}

/* The solver for a job on the CPU. */
static enum eigen_solver
solver_for(const struct eigen *eigen, const struct eigen_job *job)
{
	if (eigen->solver == EIGEN_AUTO)
		return two_stage_is_faster(job) ? EIGEN_TWO_STAGE : EIGEN_LAPACK;
	return eigen->solver;
}

/* Leaves a job as the caller is to have it. */
static void
finish_job(struct eigen_job *job)
{
	if (job->status) {
		free(job->values);
		job->values = NULL;
		job->method = "failed";
	} else if (job->wanted < job->count) {
		memmove(job->values, job->values + (job->count - job->wanted),
			job->wanted * sizeof(*job->values));
	}
	free(job->weights);
	job->weights = NULL;
}

/* Counts one more matrix that a thread is at, or one less: the crew is made of the other threads. */
static void
count_running(struct eigen *eigen, unsigned change)
{
	unsigned running = atomic_fetch_add(&eigen->running, change) + change;

	crew_limit(eigen->crew, running < eigen->threads ? eigen->threads - running : 0);
}

/* The pool's work on one matrix. */
static void
run_job(void *context, struct pool_job *pool_job, unsigned threads)
{
	struct eigen *eigen = context;
	struct eigen_job *job = (struct eigen_job *)pool_job;
	enum eigen_solver solver = solver_for(eigen, job);

	if (job->same_as)
		return; /* taken over in eigen_next(), when the other surely is done */
	count_running(eigen, 1);
	job->status = solver == EIGEN_TWO_STAGE ? two_stage_solve(job, eigen->crew)
						: lapack_solve(job, solver, threads);
	count_running(eigen, -1u);
	finish_job(job);
}

/* What the devices call when a matrix is done. */
static void
take_from_device(void *context, struct eigen_job *job)
{
	struct eigen *eigen = context;

	finish_job(job);
	pool_finish(eigen->pool, &job->pool);
}

struct eigen *
eigen_open(const struct eigen_options *options, struct failure *failure)
{
	struct eigen *eigen = xcalloc(1, sizeof(*eigen));

	eigen->solver = options->solver;
	eigen->threads = options->threads;
	if (options->devices) {
		eigen->devices = devices_open(options, take_from_device, eigen, failure);
		if (!eigen->devices) {
			free(eigen);
			return NULL;
		}
	}
	lapack_begin();
	eigen->crew = crew_open(options->threads);
	crew_limit(eigen->crew, 0);
	eigen->pool = pool_open(options->threads, options->memory, run_job, eigen);
	return eigen;
}

/* Bytes that a job holds until it has run; on a device, that is not what it needs there. */
static uint64_t
cost_of(const struct eigen *eigen, const struct eigen_job *job)
{
	enum eigen_solver solver = solver_for(eigen, job);
	uint64_t bytes = 0;

	if (job->same_as)
		return 0;
	if (!job->pool.elsewhere)
		return solver == EIGEN_TWO_STAGE ? two_stage_memory(job)
						 : lapack_memory(job, solver);
	return dtype_bytes(job->dtype, (uint64_t)job->rows * job->columns, &bytes) ? bytes : 0;
}

void
eigen_submit(struct eigen *eigen, struct eigen_job *job)
{
	bool elsewhere;

	job->count = job->rows < job->columns ? job->rows : job->columns;
	job->wanted = job->wanted && job->wanted < job->count ? job->wanted : job->count;
	elsewhere = !job->same_as && eigen->devices && devices_take(eigen->devices, job);
	job->pool.elsewhere = elsewhere;
	job->pool.alone = !job->same_as && !elsewhere && eigen->threads > 1 &&
			  job->count >= ALONE_SIDE && solver_for(eigen, job) != EIGEN_TWO_STAGE;
	job->pool.cost = cost_of(eigen, job);
	/* From here on a job of the pool may be done, taken and gone at any time. */
	pool_submit(eigen->pool, &job->pool);
	if (elsewhere)
		devices_submit(eigen->devices, job);
}

void
eigen_end(struct eigen *eigen)
{
	if (eigen->devices)
		devices_end(eigen->devices);
	pool_end(eigen->pool);
}

/* Gives a job the spectrum of the earlier one with the same matrix. */
static void
share_spectrum(struct eigen_job *job)
{
	const struct eigen_job *source = job->same_as;

	job->status = source->status;
	job->lambda_error = source->lambda_error;
	job->sigma_error = source->sigma_error;
	job->method = source->method;
	if (!source->values)
		return;
	job->values = xmalloc(job->wanted * sizeof(*job->values));
	memcpy(job->values, source->values, job->wanted * sizeof(*job->values));
}

struct eigen_job *
eigen_next(struct eigen *eigen)
{
	struct eigen_job *job = (struct eigen_job *)pool_next(eigen->pool);

	if (job && job->same_as)
		share_spectrum(job);
	return job;
}

void
eigen_close(struct eigen *eigen)
{
	/* First the devices' threads, which may still be about to leave pool_finish(). */
	if (eigen->devices)
		devices_close(eigen->devices);
	pool_close(eigen->pool);
	crew_close(eigen->crew);
	free(eigen);
}
