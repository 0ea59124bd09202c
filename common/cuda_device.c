#include "cuda_device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_two_stage.h"
#include "dtype.h"
#include "eigen_bounds.h"

#define MIB ((size_t)1 << 20)

/* What is left free for the libraries and for others: the larger of the two. */
#define LEAST_HEAD_ROOM	 (512 * MIB)
#define HEAD_ROOM_PART	 10
#define PANEL_BYTES	 (256 * MIB)
#define BLOCK_BYTES	 (16 * MIB)
#define SMALL_PANEL	 (16 * MIB)
#define SMALL_BLOCK	 (4 * MIB)
#define TABLE_SIZE	 256
#define LARGEST_PANEL_OF 8  /* of the budget */
#define LARGEST_BLOCK_OF 64 /* likewise */

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* --- opening --- */

/* How much of the memory that is free now may be used. */
static bool
plan_memory(struct cuda_device *device, uint64_t limit, bool small)
{
	size_t free_bytes, total, head_room;

	if (!cuda_ok("cudaMemGetInfo", cudaMemGetInfo(&free_bytes, &total)))
		return false;
	head_room = free_bytes / HEAD_ROOM_PART;
	if (head_room < LEAST_HEAD_ROOM)
		head_room = smaller(LEAST_HEAD_ROOM, free_bytes / 2);
	device->abilities.budget = free_bytes - head_room;
	if (limit && limit < device->abilities.budget)
		device->abilities.budget = (size_t)limit;
	device->abilities.budget /= CUDA_SHARES;
	device->panel_bytes = smaller(small ? SMALL_PANEL : PANEL_BYTES,
				      device->abilities.budget / LARGEST_PANEL_OF);
	device->block_bytes = smaller(small ? SMALL_BLOCK : BLOCK_BYTES,
				      device->abilities.budget / LARGEST_BLOCK_OF);
	return true;
}

/* The values of every code of every type of 8 bits. */
static bool
fill_tables(struct cuda_device *device)
{
	static double values[DTYPE_COUNT][TABLE_SIZE];
	unsigned char codes[TABLE_SIZE];

	for (size_t i = 0; i < TABLE_SIZE; i++)
		codes[i] = (unsigned char)i;
	for (int type = 0; type < DTYPE_COUNT; type++)
		if (dtype_is_decodable((enum dtype)type) && dtype_bits((enum dtype)type) == 8)
			dtype_decode((enum dtype)type, codes, 0, TABLE_SIZE, values[type]);
	return cuda_grow(device, &device->tables, sizeof(values)) &&
	       cuda_ok("cudaMemcpy", cudaMemcpy(device->tables.memory, values, sizeof(values),
						cudaMemcpyHostToDevice));
}

static bool
open_libraries(struct cuda_device *device)
{
	return cublas_ok("cublasCreate", cuda.cublasCreate_v2(&device->blas)) &&
	       cublas_ok("cublasSetStream",
			 cuda.cublasSetStream_v2(device->blas, device->stream)) &&
	       /* Double means double: no emulation by shorter numbers. */
	       cublas_ok("cublasSetMathMode",
			 cuda.cublasSetMathMode(device->blas, CUBLAS_DEFAULT_MATH)) &&
	       cusolver_ok("cusolverDnCreate", cuda.cusolverDnCreate(&device->dense)) &&
	       cusolver_ok("cusolverDnCreateParams",
			   cuda.cusolverDnCreateParams(&device->parameters)) &&
	       cusolver_ok("cusolverDnSetStream",
			   cuda.cusolverDnSetStream(device->dense, device->stream));
}

bool
cuda_device_open(struct cuda_device *device, int number, enum eigen_solver solver, uint64_t limit,
		 bool small)
{
	*device = (struct cuda_device){.number = number, .abilities.solver = solver};
	if (!cuda_ok("cudaSetDevice", cudaSetDevice(number)) ||
	    !cuda_ok("cudaStreamCreate",
		     cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking)) ||
	    !open_libraries(device) || !plan_memory(device, limit, small) || !fill_tables(device))
		return false;
	device->abilities.two_stage = cuda_two_stage_open(number, &device->processors);
	cudaGetLastError(); /* it is no error that it cannot */
	return true;
}

void
cuda_device_reset(struct cuda_device *device)
{
	struct cuda_buffer *buffers[] = {&device->tables, &device->panel, &device->grams,
					 &device->results, &device->work};

	/* Not by resetting the device, which others may forbid. After some failures all of these fail as
	 * well, and so will the next call that matters. */
	cudaSetDevice(device->number);
	for (size_t i = 0; i < sizeof(buffers) / sizeof(*buffers); i++)
		cudaFree(buffers[i]->memory);
	if (device->parameters)
		cuda.cusolverDnDestroyParams(device->parameters);
	if (device->dense)
		cuda.cusolverDnDestroy(device->dense);
	if (device->blas)
		cuda.cublasDestroy_v2(device->blas);
	if (device->stream)
		cudaStreamDestroy(device->stream);
	free(device->host_work);
	*device = (struct cuda_device){.number = device->number,
				       .abilities.solver = device->abilities.solver};
}

bool
cuda_grow(struct cuda_device *device, struct cuda_buffer *buffer, size_t size)
{
	if (size <= buffer->size)
		return true;
	if (buffer->memory && !cuda_ok("cudaFree", cudaFree(buffer->memory)))
		return false;
	device->used -= buffer->size;
	*buffer = (struct cuda_buffer){0};
	if (size > device->abilities.budget || device->used > device->abilities.budget - size)
		return cuda_no_memory("%zu MiB more are needed, and %zu of %zu MiB are in use",
				      size / MIB + 1, device->used / MIB,
				      device->abilities.budget / MIB);
	if (!cuda_ok("cudaMalloc", cudaMalloc(&buffer->memory, size)))
		return false;
	buffer->size = size;
	device->used += size;
	return true;
}

/* --- matrices --- */

struct cuda_cut
cuda_device_cut(const struct cuda_device *device, const struct eigen_job *job)
{
	size_t m = eigen_larger_side(job);
	size_t depth = device->panel_bytes / (job->count * sizeof(double));

	if (device->abilities.solver == EIGEN_SVD || depth > m)
		depth = m;
	return cuda_cut(job, depth ? depth : 1, device->block_bytes);
}

/* What Xsyevd and XsyevBatched were seen to ask for, for each matrix: four times the matrix, and a little. */
#define WORK_MATRICES 4
#define WORK_MORE     (2 * MIB)

/* Of the budget; the rest is for panels, blocks and results. */
#define SOLVER_PART 0.75

/* Our own solver takes so many elements at once: more fill the device no better. */
#define MOST_ELEMENTS ((size_t)16 * 4096 * 4096)

static bool
is_two_stage(const struct cuda_abilities *abilities, size_t n)
{
	return abilities->two_stage && n >= CUDA_TWO_STAGE_LEAST && n <= CUDA_TWO_STAGE_MOST &&
	       (abilities->solver == EIGEN_AUTO || abilities->solver == EIGEN_TWO_STAGE);
}

/* The side of a Gram matrix in memory. */
static size_t
side_of_gram(const struct cuda_abilities *abilities, size_t n)
{
	return is_two_stage(abilities, n) ? cuda_two_stage_side(n) : n;
}

/* Bytes for a Gram matrix and what the solver needs for it. */
static double
bytes_of_gram(const struct cuda_abilities *abilities, size_t n)
{
	double side = (double)side_of_gram(abilities, n), bytes = side * side * sizeof(double);

	return is_two_stage(abilities, n) ? bytes + (double)cuda_two_stage_memory(n, 1)
					  : (1 + WORK_MATRICES) * bytes + WORK_MORE;
}

/* The SVD's work space is not known without asking it: as much again was seen to be not enough. */
bool
cuda_fits(const struct cuda_abilities *abilities, const struct eigen_job *job)
{
	double n = (double)job->count, m = (double)eigen_larger_side(job);
	double budget = (double)abilities->budget;

	if (n * sizeof(double) > budget / LARGEST_BLOCK_OF)
		return false;
	if (abilities->solver == EIGEN_SVD)
		return (2 * m * n + 64 * n) * sizeof(double) <= 0.25 * budget;
	return bytes_of_gram(abilities, job->count) <= SOLVER_PART * budget;
}

/*
 * XsyevBatched always gets as many: fewer are made up by zero matrices, which takes little longer, since the
 * last digits of its results depend on the number. Those of our own solver do not.
 */
size_t
cuda_call_size(const struct cuda_abilities *abilities, size_t n)
{
	double most = SOLVER_PART * (double)abilities->budget / bytes_of_gram(abilities, n);

	if (abilities->solver == EIGEN_SVD)
		return 1;
	if (!is_two_stage(abilities, n))
		return n <= CUDA_BATCH_SIDE && most >= CUDA_BATCH_SIZE ? CUDA_BATCH_SIZE : 1;
	most = fmin(most, fmin(CUDA_BATCH_SIZE, (double)MOST_ELEMENTS / ((double)n * (double)n)));
	return most < 1 ? 1 : (size_t)most;
}

static size_t
call_size(const struct cuda_device *device, size_t n)
{
	return cuda_call_size(&device->abilities, n);
}

static double *
gram_in(struct cuda_device *device, size_t n, size_t place)
{
	size_t side = side_of_gram(&device->abilities, n);

	return (double *)device->grams.memory + place * side * side;
}

/* The bytes of results: eigenvalues, a trace and what the solver says for each matrix. */
static size_t
results_of(size_t n, size_t count)
{
	return count * (n + 2) * sizeof(double);
}

static double *
values_in(struct cuda_device *device)
{
	return device->results.memory;
}

static double *
traces_in(struct cuda_device *device, size_t n, size_t count)
{
	return values_in(device) + n * count;
}

static int *
infos_in(struct cuda_device *device, size_t n, size_t count)
{
	return (int *)(traces_in(device, n, count) + count);
}

bool
cuda_begin(struct cuda_device *device, const struct cuda_cut *cut)
{
	size_t n = cut->n, size = call_size(device, n), side = side_of_gram(&device->abilities, n);

	return cuda_grow(device, &device->panel, cut->depth * n * sizeof(double)) &&
	       (device->abilities.solver == EIGEN_SVD ||
		cuda_grow(device, &device->grams, size * side * side * sizeof(double))) &&
	       cuda_grow(device, &device->results, results_of(n, size));
}

/* Adds what is in the panel, the last part of it or all, to a Gram matrix. */
static bool
add_panel(struct cuda_device *device, const struct cuda_cut *cut, size_t end, size_t place)
{
	size_t filled = (end - 1) % cut->depth + 1;
	int n = (int)cut->n, side = (int)side_of_gram(&device->abilities, cut->n);
	double one = 1, kept = end > cut->depth;

	/* By columns, the panel of a tall W is n x filled, that of a wide one depth x n. */
	return cublas_ok("cublasDsyrk",
			 cuda.cublasDsyrk_v2(device->blas, CUBLAS_FILL_MODE_LOWER,
					     cut->tall ? CUBLAS_OP_N : CUBLAS_OP_T, n, (int)filled,
					     &one, device->panel.memory,
					     cut->tall ? n : (int)cut->depth, &kept,
					     gram_in(device, cut->n, place), side));
}

bool
cuda_add_block(struct cuda_device *device, const struct cuda_cut *cut, const void *elements,
	       size_t first, size_t count, int exponent, size_t place)
{
	struct cuda_block block = {.stored = cut->stored,
				   .elements = elements,
				   .table = (double *)device->tables.memory +
					    cut->job->dtype * TABLE_SIZE,
				   .rows = cut->tall ? count : cut->n,
				   .columns = cut->tall ? cut->n : count};
	/* Along the larger side and along the smaller one. The SVD takes W with its larger side
	 * first, by columns. */
	bool long_rows = cut->tall && device->abilities.solver != EIGEN_SVD;
	size_t step = long_rows ? cut->n : 1, other = long_rows ? 1 : cut->depth;
	double *target = (double *)device->panel.memory + first % cut->depth * step;

	if (!cuda_ok("widening", cuda_widen(&block, target, cut->tall ? step : other,
					    cut->tall ? other : step, -exponent, device->stream)))
		return false;
	if (device->abilities.solver == EIGEN_SVD ||
	    ((first + count) % cut->depth && first + count != cut->m))
		return true;
	return add_panel(device, cut, first + count, place);
}

/* Copies results to the host, and waits for it. */
static bool
fetch(struct cuda_device *device, void *target, const void *source, size_t size)
{
	return cuda_ok("cudaMemcpyAsync",
		       cudaMemcpyAsync(target, source, size, cudaMemcpyDeviceToHost,
				       device->stream)) &&
	       cuda_ok("cudaStreamSynchronize", cudaStreamSynchronize(device->stream));
}

bool
cuda_check_traces(struct cuda_device *device, size_t n, size_t count, double *traces)
{
	double *sums = traces_in(device, n, call_size(device, n));
	size_t side = side_of_gram(&device->abilities, n);

	if (!cuda_ok("sums of diagonals", cuda_sum_diagonals(device->grams.memory, n, side, count,
							     sums, device->stream)) ||
	    !fetch(device, traces, sums, count * sizeof(double)))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!eigen_trace_is_safe(traces[i]) &&
		    !cuda_ok("cudaMemsetAsync",
			     cudaMemsetAsync(gram_in(device, n, i), 0, side * side * sizeof(double),
					     device->stream)))
			return false;
	return true;
}

/* --- solvers --- */

/* Room for what a solver asked for, on both sides. */
static bool
grow_work(struct cuda_device *device, size_t size, size_t host_size)
{
	if (!cuda_grow(device, &device->work, size))
		return false;
	if (host_size <= device->host_work_size)
		return true;
	free(device->host_work);
	device->host_work = malloc(host_size);
	device->host_work_size = device->host_work ? host_size : 0;
	return device->host_work || cuda_no_memory("%zu MiB of work space", host_size / MIB + 1);
}

static bool
solve_one(struct cuda_device *device, int64_t n)
{
	size_t size, host_size;

	return cusolver_ok("cusolverDnXsyevd_bufferSize",
			   cuda.cusolverDnXsyevd_bufferSize(
				   device->dense, device->parameters, CUSOLVER_EIG_MODE_NOVECTOR,
				   CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, device->grams.memory, n,
				   CUDA_R_64F, values_in(device), CUDA_R_64F, &size, &host_size)) &&
	       grow_work(device, size, host_size) &&
	       cusolver_ok("cusolverDnXsyevd",
			   cuda.cusolverDnXsyevd(device->dense, device->parameters,
						 CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER,
						 n, CUDA_R_64F, device->grams.memory, n, CUDA_R_64F,
						 values_in(device), CUDA_R_64F, device->work.memory,
						 size, device->host_work, host_size,
						 infos_in(device, (size_t)n, 1)));
}

static bool
solve_batch(struct cuda_device *device, int64_t n, int64_t count)
{
	size_t size, host_size;

	return cusolver_ok("cusolverDnXsyevBatched_bufferSize",
			   cuda.cusolverDnXsyevBatched_bufferSize(
				   device->dense, device->parameters, CUSOLVER_EIG_MODE_NOVECTOR,
				   CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, device->grams.memory, n,
				   CUDA_R_64F, values_in(device), CUDA_R_64F, &size, &host_size,
				   count)) &&
	       grow_work(device, size, host_size) &&
	       cusolver_ok("cusolverDnXsyevBatched",
			   cuda.cusolverDnXsyevBatched(
				   device->dense, device->parameters, CUSOLVER_EIG_MODE_NOVECTOR,
				   CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, device->grams.memory, n,
				   CUDA_R_64F, values_in(device), CUDA_R_64F, device->work.memory,
				   size, device->host_work, host_size,
				   infos_in(device, (size_t)n, (size_t)count), count));
}

/* Makes count matrices up to size by zero matrices. */
static bool
fill_call(struct cuda_device *device, size_t n, size_t count, size_t size)
{
	return cuda_ok("cudaMemsetAsync",
		       cudaMemsetAsync(gram_in(device, n, count), 0,
				       (size - count) * n * n * sizeof(double), device->stream));
}

/* By our own solver, which leaves none unsolved. */
static bool
solve_two_stage(struct cuda_device *device, size_t n, size_t count, size_t size)
{
	struct cuda_two_stage_batch batch = {.n = n,
					     .count = count,
					     .processors = device->processors,
					     .matrices = device->grams.memory,
					     .traces = traces_in(device, n, size),
					     .values = values_in(device)};

	if (!cuda_grow(device, &device->work, cuda_two_stage_memory(n, size)))
		return false;
	batch.work = device->work.memory;
	return cuda_ok("cudaMemsetAsync", cudaMemsetAsync(infos_in(device, n, size), 0,
							  count * sizeof(int), device->stream)) &&
	       cuda_ok("our solver", cuda_two_stage_solve(&batch, device->stream));
}

bool
cuda_solve_grams(struct cuda_device *device, size_t n, size_t count, double *values, int *infos,
		 const char **method)
{
	size_t size = call_size(device, n);
	bool solved;

	if (is_two_stage(&device->abilities, n)) {
		*method = "gram-cuda-two-stage";
		solved = solve_two_stage(device, n, count, size);
	} else if (size > 1) {
		*method = "gram-cuda-batched";
		solved = fill_call(device, n, count, size) &&
			 solve_batch(device, (int64_t)n, (int64_t)size);
	} else {
		*method = "gram-cuda-xsyevd";
		solved = solve_one(device, (int64_t)n);
	}
	return solved && fetch(device, values, values_in(device), n * count * sizeof(double)) &&
	       fetch(device, infos, infos_in(device, n, size), count * sizeof(int));
}

bool
cuda_solve_svd(struct cuda_device *device, const struct cuda_cut *cut, double *values, int *info)
{
	int64_t m = (int64_t)cut->m, n = (int64_t)cut->n;
	size_t size, host_size;
	void *matrix = device->panel.memory;

	return cusolver_ok("cusolverDnXgesvd_bufferSize",
			   cuda.cusolverDnXgesvd_bufferSize(
				   device->dense, device->parameters, 'N', 'N', m, n, CUDA_R_64F,
				   matrix, m, CUDA_R_64F, values_in(device), CUDA_R_64F, NULL, m,
				   CUDA_R_64F, NULL, n, CUDA_R_64F, &size, &host_size)) &&
	       grow_work(device, size, host_size) &&
	       cusolver_ok("cusolverDnXgesvd",
			   cuda.cusolverDnXgesvd(
				   device->dense, device->parameters, 'N', 'N', m, n, CUDA_R_64F,
				   matrix, m, CUDA_R_64F, values_in(device), CUDA_R_64F, NULL, m,
				   CUDA_R_64F, NULL, n, CUDA_R_64F, device->work.memory, size,
				   device->host_work, host_size, infos_in(device, cut->n, 1))) &&
	       fetch(device, values, values_in(device), cut->n * sizeof(double)) &&
	       fetch(device, info, infos_in(device, cut->n, 1), sizeof(int));
}
