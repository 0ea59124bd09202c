/*
 * The back end for NVIDIA GPUs, behind eigen_device.h: threads for each device take matrices from one
 * queue. Small matrices of the same side that wait there share a call of the solver.
 */
#include "eigen_device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_cut.h"
#include "cuda_device.h"
#include "cuda_library.h"
#include "eigen_bounds.h"

#define MOST_DEVICES 64

/* While one block is copied to the device, the next is written to the other of two buffers. */
#define BUFFERS 2

/* A matrix in the queue. */
struct waiting {
	struct eigen_job *job;
	struct waiting *next;
};

/* The parts of one device that its thread owns. */
struct worker {
	struct devices *devices;
	struct cuda_device device;
	int number;
	pthread_t thread;
	/* Whether one of the threads that share the device is at its solver: two at once are not faster. */
	bool *solving;
	struct {
		void *host; /* pinned */
		size_t size;
		struct cuda_buffer block;
		cudaEvent_t copied; /* and used on the device */
	} buffers[BUFFERS];
	size_t turn;
	/* After the thread has opened the device. */
	bool opened, failed;
	char reason[240];
};

struct devices {
	struct eigen_options options;
	devices_done *done;
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct waiting *head, **tail;
	bool ended;
	struct cuda_abilities abilities; /* of all devices, with the least of their memory */
	bool solving[MOST_DEVICES];
	size_t count;
	struct worker workers[];
};

const char *
devices_libraries(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "back end: CUDA %d.%d\n", CUDART_VERSION / 1000,
		 CUDART_VERSION % 1000 / 10);
	return text;
}

/* --- the queue --- */

/* Matrices of one side that share a call of the solver, at most `most` of them. */
struct batch {
	struct eigen_job *jobs[CUDA_BATCH_SIZE];
	size_t count, most;
};

static size_t
waiting_like(const struct devices *devices, const struct eigen_job *job)
{
	size_t count = 0;

	for (const struct waiting *at = devices->head; at; at = at->next)
		count += at->job->count == job->count;
	return count;
}

/*
 * What is to be done next, where something waits: small matrices gather while there are larger ones, since
 * a call takes about as long for one of them as for many.
 */
static const struct eigen_job *
choose_next(const struct devices *devices)
{
	for (const struct waiting *at = devices->head; at; at = at->next)
		if (at->job->count > CUDA_BATCH_SIDE ||
		    waiting_like(devices, at->job) >=
			    cuda_call_size(&devices->abilities, at->job->count))
			return at->job;
	return devices->head->job;
}

/* Adds to a batch what waits and has that side; returns whether there was any. The lock is held. */
static bool
take_like(struct devices *devices, size_t n, struct batch *batch)
{
	size_t before = batch->count;

	for (struct waiting **at = &devices->head; *at && batch->count < batch->most;) {
		struct waiting *waiting = *at;

		if (waiting->job->count != n) {
			at = &waiting->next;
			continue;
		}
		batch->jobs[batch->count++] = waiting->job;
		*at = waiting->next;
		if (!*at)
			devices->tail = at;
		free(waiting);
	}
	return batch->count > before;
}

/* Takes from the queue what is to be done next, in one call. The lock is held. */
static void
take_batch(struct devices *devices, struct batch *batch)
{
	const struct eigen_job *first = devices->head ? choose_next(devices) : NULL;

	batch->count = 0;
	if (!first)
		return;
	batch->most = cuda_call_size(&devices->abilities, first->count);
	take_like(devices, first->count, batch);
}

/*
 * Waits for the device's solver, and takes it. While another thread is at it, more matrices may come that the
 * batch has room for: then returns false, for them to be sent before this is called again.
 */
static bool
begin_solving(struct worker *worker, struct batch *batch)
{
	struct devices *devices = worker->devices;
	bool more = false;

	pthread_mutex_lock(&devices->lock);
	while (*worker->solving) {
		more = batch->count < batch->most &&
		       take_like(devices, batch->jobs[0]->count, batch);
		if (more)
			break;
		pthread_cond_wait(&devices->changed, &devices->lock);
	}
	if (!more)
		*worker->solving = true;
	pthread_mutex_unlock(&devices->lock);
	return !more;
}

/* --- one matrix on its way to the device --- */

static bool
reserve_buffer(struct worker *worker, size_t i, size_t size)
{
	if (size > worker->buffers[i].size) {
		if (worker->buffers[i].host &&
		    !cuda_ok("cudaFreeHost", cudaFreeHost(worker->buffers[i].host)))
			return false;
		worker->buffers[i].host = NULL;
		worker->buffers[i].size = 0;
		if (!cuda_ok("cudaMallocHost", cudaMallocHost(&worker->buffers[i].host, size)))
			return false;
		worker->buffers[i].size = size;
	}
	if (!worker->buffers[i].copied &&
	    !cuda_ok("cudaEventCreate",
		     cudaEventCreateWithFlags(&worker->buffers[i].copied, cudaEventDisableTiming)))
		return false;
	return cuda_grow(&worker->device, &worker->buffers[i].block, size);
}

/* Sends the elements from one on, as many as a block has, and adds them to matrix number place. */
static bool
send_block(struct worker *worker, const struct cuda_cut *cut, size_t first, size_t count,
	   int exponent, size_t place)
{
	size_t i = worker->turn++ % BUFFERS, size = cuda_cut_bytes(cut, count);
	cudaStream_t stream = worker->device.stream;

	/* Before its memory is used again, what was in it must have been. */
	if (worker->buffers[i].copied &&
	    !cuda_ok("cudaEventSynchronize", cudaEventSynchronize(worker->buffers[i].copied)))
		return false;
	if (!reserve_buffer(worker, i, size))
		return false;
	cuda_cut_copy(cut, first, count, worker->buffers[i].host);
	return cuda_ok("cudaMemcpyAsync",
		       cudaMemcpyAsync(worker->buffers[i].block.memory, worker->buffers[i].host,
				       size, cudaMemcpyHostToDevice, stream)) &&
	       cuda_add_block(&worker->device, cut, worker->buffers[i].block.memory, first, count,
			      exponent, place) &&
	       cuda_ok("cudaEventRecord", cudaEventRecord(worker->buffers[i].copied, stream));
}

static bool
send_matrix(struct worker *worker, const struct cuda_cut *cut, int exponent, size_t place)
{
	size_t count;

	for (size_t first = 0; first < cut->m; first += count) {
		count = cuda_cut_count(cut, first);
		if (!send_block(worker, cut, first, count, exponent, place))
			return false;
	}
	return true;
}

/* --- spectra --- */

static void
take_values(struct eigen_job *job, const double *values)
{
	job->values = xmalloc(job->count * sizeof(double));
	memcpy(job->values, values, job->count * sizeof(double));
}

/* Makes of what a solver gave what the caller is to have. */
static void
finish_gram(struct eigen_job *job, const double *values, int info, double trace, int exponent,
	    const char *method)
{
	job->method = method;
	if (info) {
		job->status = EIGEN_NOT_CONVERGED;
		return;
	}
	take_values(job, values);
	eigen_bound_gram(job, trace);
	job->status = eigen_finish_values(job, exponent);
}

/* Puts a matrix into place `place` of the call that is being prepared. */
static bool
send_gram(struct worker *worker, const struct eigen_job *job, int exponent, size_t place)
{
	struct cuda_cut cut = cuda_device_cut(&worker->device, job);

	return cuda_begin(&worker->device, &cut) && send_matrix(worker, &cut, exponent, place);
}

static void
end_solving(struct worker *worker)
{
	struct devices *devices = worker->devices;

	pthread_mutex_lock(&devices->lock);
	*worker->solving = false;
	pthread_cond_broadcast(&devices->changed);
	pthread_mutex_unlock(&devices->lock);
}

/* Gram matrices of one side in one call, of which all but the first exponents are 0. */
static bool
solve_grams(struct worker *worker, struct batch *batch, int exponent, bool *scale)
{
	double *values, traces[CUDA_BATCH_SIZE];
	int infos[CUDA_BATCH_SIZE] = {0};
	size_t n = batch->jobs[0]->count, sent = 0;
	const char *method;
	bool good = true;

	do
		while (good && sent < batch->count) {
			good = send_gram(worker, batch->jobs[sent], exponent, sent);
			sent++;
		}
	while (good && !begin_solving(worker, batch));
	if (!good)
		return false;
	values = xmalloc(batch->count * n * sizeof(*values));
	good = cuda_check_traces(&worker->device, n, batch->count, traces) &&
	       cuda_solve_grams(&worker->device, n, batch->count, values, infos, &method);
	end_solving(worker);
	for (size_t i = 0; good && i < batch->count; i++) {
		struct eigen_job *job = batch->jobs[i];

		scale[i] = !eigen_trace_is_safe(traces[i]);
		if (!scale[i] || exponent)
			finish_gram(job, values + i * n, infos[i], traces[i], exponent, method);
	}
	free(values);
	return good;
}

/* One matrix whose squares would leave the range of double, or which is not finite, or zero. */
static bool
solve_scaled(struct worker *worker, struct eigen_job *job)
{
	bool scale;
	int exponent;

	if (!eigen_find_scale(job, &exponent)) {
		job->status = EIGEN_NOT_FINITE;
		return true;
	}
	if (!exponent) { /* all is zero, or W and its trace disagree on that */
		job->values = xcalloc(job->count, sizeof(double));
		job->method = "gram-cuda-xsyevd";
		job->status = EIGEN_OK;
		job->lambda_error = 0;
		return true;
	}
	return solve_grams(worker, &(struct batch){.jobs = {job}, .count = 1, .most = 1}, exponent,
			   &scale);
}

static bool
solve_svd(struct worker *worker, struct eigen_job *job)
{
	struct cuda_cut cut = cuda_device_cut(&worker->device, job);
	double *values;
	int exponent, info;
	bool good;

	if (!eigen_find_scale(job, &exponent)) {
		job->status = EIGEN_NOT_FINITE;
		return true;
	}
	values = xmalloc(job->count * sizeof(*values));
	good = cuda_begin(&worker->device, &cut) && send_matrix(worker, &cut, exponent, 0);
	if (good) {
		while (!begin_solving(worker, &(struct batch){.most = 0}))
			continue;
		good = cuda_solve_svd(&worker->device, &cut, values, &info);
		end_solving(worker);
	}
	if (good) {
		job->method = "svd-cuda-xgesvd";
		job->status = info ? EIGEN_NOT_CONVERGED : EIGEN_OK;
	}
	if (good && !info) {
		take_values(job, values);
		eigen_square_singular_values(job);
		job->status = eigen_finish_values(job, exponent);
	}
	free(values);
	return good;
}

static bool
solve(struct worker *worker, struct batch *batch)
{
	bool scale[CUDA_BATCH_SIZE] = {false};

	if (worker->device.abilities.solver == EIGEN_SVD)
		return solve_svd(worker, batch->jobs[0]);
	if (!solve_grams(worker, batch, 0, scale))
		return false;
	for (size_t i = 0; i < batch->count; i++)
		if (scale[i] && !solve_scaled(worker, batch->jobs[i]))
			return false;
	return true;
}

/* --- threads --- */

static void
free_buffers(struct worker *worker)
{
	for (size_t i = 0; i < BUFFERS; i++) {
		cudaFree(worker->buffers[i].block.memory);
		cudaFreeHost(worker->buffers[i].host);
		if (worker->buffers[i].copied)
			cudaEventDestroy(worker->buffers[i].copied);
	}
	memset(worker->buffers, 0, sizeof(worker->buffers));
}

/* Gives the device back and opens it again; with little memory after a failure. */
static bool
open_device(struct worker *worker, bool small)
{
	const struct eigen_options *options = &worker->devices->options;

	return cuda_device_open(&worker->device, worker->number, options->solver,
				options->device_memory, small);
}

static void
close_device(struct worker *worker)
{
	free_buffers(worker);
	cuda_device_reset(&worker->device);
}

/* What failed is tried once more, each matrix by itself and with little memory. */
static void
solve_again(struct worker *worker, const struct batch *failed)
{
	for (size_t i = 0; i < failed->count; i++) {
		struct batch one = {.jobs = {failed->jobs[i]}, .count = 1, .most = 1};

		free(one.jobs[0]->values);
		one.jobs[0]->values = NULL;
		close_device(worker);
		if (open_device(worker, true) && solve(worker, &one))
			continue;
		warn("GPU %d: %s", worker->number, cuda_last_error());
		one.jobs[0]->status = cuda_was_out_of_memory() ? EIGEN_OUT_OF_MEMORY
							       : EIGEN_DEVICE_FAILED;
	}
	close_device(worker);
	open_device(worker, false);
}

/* What all devices can do. */
static void
share_abilities(struct cuda_abilities *all, const struct cuda_abilities *one)
{
	all->two_stage = all->two_stage && one->two_stage;
	all->budget = one->budget < all->budget ? one->budget : all->budget;
}

static void
report_opening(struct worker *worker, bool opened)
{
	struct devices *devices = worker->devices;

	pthread_mutex_lock(&devices->lock);
	worker->opened = opened;
	worker->failed = !opened;
	if (opened)
		share_abilities(&devices->abilities, &worker->device.abilities);
	if (!opened)
		snprintf(worker->reason, sizeof(worker->reason), "%s", cuda_last_error());
	pthread_cond_broadcast(&devices->changed);
	pthread_mutex_unlock(&devices->lock);
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	struct devices *devices = worker->devices;
	struct batch batch;
	bool opened = open_device(worker, false);

	report_opening(worker, opened);
	pthread_mutex_lock(&devices->lock);
	while (opened) {
		while (!devices->head && !devices->ended)
			pthread_cond_wait(&devices->changed, &devices->lock);
		take_batch(devices, &batch);
		if (!batch.count)
			break;
		pthread_mutex_unlock(&devices->lock);
		if (!solve(worker, &batch)) {
			warn("GPU %d: %s; trying again", worker->number, cuda_last_error());
			solve_again(worker, &batch);
		}
		for (size_t i = 0; i < batch.count; i++)
			devices->done(devices->context, batch.jobs[i]);
		pthread_mutex_lock(&devices->lock);
	}
	pthread_mutex_unlock(&devices->lock);
	close_device(worker);
	return NULL;
}

/* --- the interface --- */

/* The numbers of a list, or of all devices; -1 with the failure filled. */
static int
parse_devices(const char *list, int present, int *numbers, struct failure *failure)
{
	int count = 0;
	char *end;

	if (!strcmp(list, "all")) {
		for (; count < present && count < MOST_DEVICES; count++)
			numbers[count] = count;
		return count;
	}
	for (; *list && count < MOST_DEVICES; list = *end ? end + 1 : end) {
		long number = strtol(list, &end, 10);

		if (number < 0 || number >= present)
			return fail(failure, STATUS_UNAVAILABLE,
				    "there is no GPU %ld: there are %d, numbered from 0", number,
				    present);
		for (int i = 0; i < count; i++)
			if (numbers[i] == (int)number)
				return fail(failure, STATUS_USAGE, "GPU %ld is named twice",
					    number);
		numbers[count++] = (int)number;
	}
	return count;
}

/* Waits until all devices are open, or one is not to be. */
static int
await_devices(struct devices *devices, struct failure *failure)
{
	int status = 0;

	pthread_mutex_lock(&devices->lock);
	for (size_t i = 0; i < devices->count && !status; i++) {
		struct worker *worker = &devices->workers[i];

		while (!worker->opened && !worker->failed)
			pthread_cond_wait(&devices->changed, &devices->lock);
		if (worker->failed)
			status = fail(failure, STATUS_UNAVAILABLE, "GPU %d cannot be used: %s",
				      worker->number, worker->reason);
	}
	pthread_mutex_unlock(&devices->lock);
	return status;
}

struct devices *
devices_open(const struct eigen_options *options, devices_done *done, void *context,
	     struct failure *failure)
{
	int numbers[MOST_DEVICES], present, count;
	struct devices *devices;

	if (cuda_load(&present, failure))
		return NULL;
	count = parse_devices(options->devices, present, numbers, failure);
	if (count < 0)
		return NULL;
	count *= CUDA_SHARES;
	devices = xcalloc(1, sizeof(*devices) + (size_t)count * sizeof(struct worker));
	devices->options = *options;
	devices->done = done;
	devices->context = context;
	devices->tail = &devices->head;
	devices->abilities = (struct cuda_abilities){
		.solver = options->solver, .two_stage = true, .budget = SIZE_MAX};
	pthread_mutex_init(&devices->lock, NULL);
	pthread_cond_init(&devices->changed, NULL);
	for (; devices->count < (size_t)count; devices->count++) {
		struct worker *worker = &devices->workers[devices->count];

		worker->devices = devices;
		worker->number = numbers[devices->count / CUDA_SHARES];
		worker->solving = &devices->solving[devices->count / CUDA_SHARES];
		if (pthread_create(&worker->thread, NULL, work, worker))
			die(STATUS_RETRY, "cannot start a thread:");
	}
	if (await_devices(devices, failure)) {
		devices_end(devices);
		devices_close(devices);
		return NULL;
	}
	return devices;
}

bool
devices_take(struct devices *devices, const struct eigen_job *job)
{
	return job->count >= 2 && job->count >= devices->options.device_side &&
	       cuda_fits(&devices->abilities, job);
}

void
devices_submit(struct devices *devices, struct eigen_job *job)
{
	struct waiting *waiting = xcalloc(1, sizeof(*waiting));

	waiting->job = job;
	pthread_mutex_lock(&devices->lock);
	*devices->tail = waiting;
	devices->tail = &waiting->next;
	pthread_cond_broadcast(&devices->changed);
	pthread_mutex_unlock(&devices->lock);
}

void
devices_end(struct devices *devices)
{
	pthread_mutex_lock(&devices->lock);
	devices->ended = true;
	pthread_cond_broadcast(&devices->changed);
	pthread_mutex_unlock(&devices->lock);
}

void
devices_close(struct devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		pthread_join(devices->workers[i].thread, NULL);
	pthread_mutex_destroy(&devices->lock);
	pthread_cond_destroy(&devices->changed);
	free(devices);
}
