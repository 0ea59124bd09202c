/*
 * cuda_solvers: seconds a matrix of our solver in two stages on a GPU, beside those of cuSOLVER.
 *
 *     cuda_solvers N COUNT REPEATS [batched]
 *
 * Makes COUNT Gram matrices of N x N random numbers, which our solver takes at once, and prints a line
 *     N COUNT ours xsyevd batched error
 * of medians of milliseconds a matrix: ours of all of them, cusolverDnXsyevd's of one, and
 * cusolverDnXsyevBatched's of all, if asked for, or nan. The error is the largest
 * difference of eigenvalues from Xsyevd's over the largest eigenvalue, of the first and the last matrix;
 * it is also an error if two runs of ours do not give the same bytes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include "cuda_check.h"
#include "cuda_kernels.h"
#include "cuda_two_stage.h"
#include "random.h"
#include "timing.h"
#include "util.h"

#define MOST_REPEATS 100

static struct {
	size_t n, side, count, repeats;
	double *grams, *matrices, *traces, *values, *weights;
	cudaStream_t stream;
	cublasHandle_t blas;
	cusolverDnHandle_t dense;
	cusolverDnParams_t parameters;
} bench;

static void *
allocate(size_t bytes)
{
	void *memory;

	CHECK(cudaMalloc(&memory, bytes));
	return memory;
}

/* Random weights, and of them the lower triangle of each Gram matrix. */
static void
make_grams(void)
{
	size_t n = bench.n, side = bench.side;
	double *weights = xmalloc(n * n * sizeof(*weights)), one = 1, zero = 0;

	bench.weights = allocate(n * n * sizeof(*weights));
	bench.grams = allocate(side * side * bench.count * sizeof(double));
	CHECK(cudaMemset(bench.grams, 0xff, side * side * bench.count * sizeof(double)));
	for (size_t i = 0; i < bench.count; i++) {
		struct random random;

		random_begin(&random, bench.n, i);
		random_gaussian(&random, weights, n * n);
		CHECK(cudaMemcpy(bench.weights, weights, n * n * sizeof(*weights),
				 cudaMemcpyHostToDevice));
		CHECK(cublasDsyrk(bench.blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, (int)n, (int)n,
				  &one, bench.weights, (int)n, &zero, bench.grams + i * side * side,
				  (int)side));
		CHECK(cudaStreamSynchronize(bench.stream));
	}
	free(weights);
}

static void
restore(size_t count)
{
	CHECK(cudaMemcpyAsync(bench.matrices, bench.grams,
			      count * bench.side * bench.side * sizeof(double),
			      cudaMemcpyDeviceToDevice, bench.stream));
	CHECK(cudaStreamSynchronize(bench.stream));
}

/* Ours, of all at once; the eigenvalues go to values. */
static double
time_ours(double *values)
{
	size_t n = bench.n, bytes = bench.count * n * sizeof(double);
	double times[MOST_REPEATS], *again = xmalloc(bytes);
	struct cuda_two_stage_batch batch = {.n = n,
					     .count = bench.count,
					     .matrices = bench.matrices,
					     .traces = bench.traces,
					     .values = bench.values};

	if (!cuda_two_stage_open(0, &batch.processors))
		die(STATUS_UNAVAILABLE, "this device cannot run our solver");
	batch.work = allocate(cuda_two_stage_memory(n, bench.count));
	for (size_t i = 0; i <= bench.repeats; i++) {
		double start;

		restore(bench.count);
		CHECK(cudaMemset(bench.values, 0xff, bytes));
		CHECK(cuda_sum_diagonals(bench.matrices, n, bench.side, bench.count, bench.traces,
					 bench.stream));
		CHECK(cudaStreamSynchronize(bench.stream));
		start = now();
		CHECK(cuda_two_stage_solve(&batch, bench.stream));
		CHECK(cudaStreamSynchronize(bench.stream));
		if (i)
			times[i - 1] = 1e3 * (now() - start) / (double)bench.count;
		CHECK(cudaMemcpy(i ? again : values, bench.values, bytes, cudaMemcpyDeviceToHost));
		if (i && memcmp(again, values, bytes))
			die(STATUS_INTERNAL, "two runs differ");
	}
	CHECK(cudaFree(batch.work));
	free(again);
	return median(times, bench.repeats);
}

/* Xsyevd of one matrix, the last of them being number `which`; its eigenvalues go to values. */
static double
time_xsyevd(size_t which, double *values)
{
	int64_t n = (int64_t)bench.n, side = (int64_t)bench.side;
	double times[MOST_REPEATS], *matrix = bench.matrices + which * bench.side * bench.side;
	size_t size, host_size;
	int *info = allocate(sizeof(*info));
	void *work, *host_work;

	CHECK(cusolverDnXsyevd_bufferSize(bench.dense, bench.parameters, CUSOLVER_EIG_MODE_NOVECTOR,
					  CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, matrix, side,
					  CUDA_R_64F, bench.values, CUDA_R_64F, &size, &host_size));
	work = allocate(size);
	host_work = xmalloc(host_size + 1);
	for (size_t i = 0; i <= bench.repeats; i++) {
		double start;

		restore(which + 1);
		start = now();
		CHECK(cusolverDnXsyevd(bench.dense, bench.parameters, CUSOLVER_EIG_MODE_NOVECTOR,
				       CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, matrix, side,
				       CUDA_R_64F, bench.values, CUDA_R_64F, work, size, host_work,
				       host_size, info));
		CHECK(cudaStreamSynchronize(bench.stream));
		if (i)
			times[i - 1] = 1e3 * (now() - start);
	}
	CHECK(cudaMemcpy(values, bench.values, bench.n * sizeof(*values), cudaMemcpyDeviceToHost));
	CHECK(cudaFree(work));
	CHECK(cudaFree(info));
	free(host_work);
	return median(times, bench.repeats);
}

/* XsyevBatched of all at once, where the side is the same in memory, as it wants. */
static double
time_batched(void)
{
	int64_t n = (int64_t)bench.n;
	double times[MOST_REPEATS], *matrices = bench.matrices;
	size_t size, host_size;
	int *info = allocate(bench.count * sizeof(*info));
	void *work, *host_work;

	if (bench.n != bench.side)
		return NAN;
	CHECK(cusolverDnXsyevBatched_bufferSize(
		bench.dense, bench.parameters, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER,
		n, CUDA_R_64F, matrices, n, CUDA_R_64F, bench.values, CUDA_R_64F, &size, &host_size,
		(int64_t)bench.count));
	if (cudaMalloc(&work, size) != cudaSuccess) {
		cudaGetLastError();
		return NAN;
	}
	host_work = xmalloc(host_size + 1);
	for (size_t i = 0; i <= bench.repeats; i++) {
		double start;

		restore(bench.count);
		start = now();
		CHECK(cusolverDnXsyevBatched(bench.dense, bench.parameters,
					     CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER, n,
					     CUDA_R_64F, matrices, n, CUDA_R_64F, bench.values,
					     CUDA_R_64F, work, size, host_work, host_size, info,
					     (int64_t)bench.count));
		CHECK(cudaStreamSynchronize(bench.stream));
		if (i)
			times[i - 1] = 1e3 * (now() - start) / (double)bench.count;
	}
	CHECK(cudaFree(work));
	CHECK(cudaFree(info));
	free(host_work);
	return median(times, bench.repeats);
}

static double
largest_difference(const double *a, const double *b)
{
	double largest = 0;

	for (size_t i = 0; i < bench.n; i++) {
		double difference = fabs(a[i] - b[i]);

		if (!(difference <= largest)) /* NaN, too */
			largest = difference;
	}
	return largest / b[bench.n - 1];
}

int
main(int argc, char **argv)
{
	double *ours, *theirs, time, xsyevd, error, batched;
	size_t n;

	message_program = "cuda_solvers";
	if (argc < 4)
		die(STATUS_USAGE, "cuda_solvers N COUNT REPEATS [batched]");
	n = bench.n = strtoul(argv[1], NULL, 10);
	bench.count = strtoul(argv[2], NULL, 10);
	bench.repeats = strtoul(argv[3], NULL, 10);
	bench.side = cuda_two_stage_side(n);
	if (n < CUDA_TWO_STAGE_LEAST || n > CUDA_TWO_STAGE_MOST || !bench.count || !bench.repeats ||
	    bench.repeats > MOST_REPEATS)
		die(STATUS_USAGE, "these numbers cannot be");
	CHECK(cudaStreamCreate(&bench.stream));
	CHECK(cublasCreate(&bench.blas));
	CHECK(cublasSetStream(bench.blas, bench.stream));
	CHECK(cusolverDnCreate(&bench.dense));
	CHECK(cusolverDnCreateParams(&bench.parameters));
	CHECK(cusolverDnSetStream(bench.dense, bench.stream));
	make_grams();
	bench.matrices = allocate(bench.count * bench.side * bench.side * sizeof(double));
	bench.traces = allocate(bench.count * sizeof(double));
	bench.values = allocate(bench.count * n * sizeof(double));
	ours = xmalloc(bench.count * n * sizeof(*ours));
	theirs = xmalloc(n * sizeof(*theirs));
	time = time_ours(ours);
	xsyevd = time_xsyevd(0, theirs);
	error = largest_difference(ours, theirs);
	time_xsyevd(bench.count - 1, theirs);
	error = fmax(error, largest_difference(ours + (bench.count - 1) * n, theirs));
	batched = argc > 4 ? time_batched() : NAN;
	printf("%zu\t%zu\t%.4f\t%.3f\t%.3f\t%.2g\n", n, bench.count, time, xsyevd, batched, error);
	return error < 1e-13 ? 0 : 1;
}
