/*
 * bare_cuda: what the linear algebra alone costs on a GPU for the matrices of a tensor stream.
 *
 *     bare_cuda STREAM
 *
 * Loads the different matrices of a stream as they are stored into the GPU's memory. Then, for each
 * line on standard input, calls cublasDsyrk and cusolverDnXsyevd for all of them, one after the other,
 * and prints the seconds that these calls took:
 *     once    for each matrix
 *     every   the same, and a matrix that came several times as often as it came
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include "cuda_check.h"
#include "cuda_kernels.h"
#include "matrices.h"
#include "timing.h"
#include "util.h"

static struct matrices matrices;

/* Memory and handles, made once for the largest. */
static struct {
	double *widened, *gram, *values;
	void *work, *host_work;
	size_t work_size, host_work_size;
	int *info;
	cublasHandle_t blas;
	cusolverDnHandle_t dense;
	cusolverDnParams_t parameters;
} device;

static enum cuda_stored
stored_as(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_F64: return CUDA_STORED_F64;
	case DTYPE_F32: return CUDA_STORED_F32;
	case DTYPE_F16: return CUDA_STORED_F16;
	case DTYPE_BF16: return CUDA_STORED_BF16;
	default: die(STATUS_DATA, "matrices of type %s are not timed", dtype_name(dtype));
	}
}

static void *
copy_to_device(const struct frame *frame, const void *payload)
{
	void *elements;

	stored_as(frame->dtype); /* refuses types that cannot be widened there */
	CHECK(cudaMalloc(&elements, frame->bytes));
	CHECK(cudaMemcpy(elements, payload, frame->bytes, cudaMemcpyHostToDevice));
	return elements;
}

static void
open_device(void)
{
	int64_t n = (int64_t)matrices.largest_side;
	size_t square = (size_t)(n * n) * sizeof(double);

	CHECK(cublasCreate(&device.blas));
	CHECK(cusolverDnCreate(&device.dense));
	CHECK(cusolverDnCreateParams(&device.parameters));
	CHECK(cudaMalloc((void **)&device.widened, matrices.most_elements * sizeof(double)));
	CHECK(cudaMalloc((void **)&device.gram, square));
	CHECK(cudaMalloc((void **)&device.values, (size_t)n * sizeof(double)));
	CHECK(cudaMalloc((void **)&device.info, sizeof(int)));
	CHECK(cusolverDnXsyevd_bufferSize(device.dense, device.parameters,
					  CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER, n,
					  CUDA_R_64F, device.gram, n, CUDA_R_64F, device.values,
					  CUDA_R_64F, &device.work_size, &device.host_work_size));
	CHECK(cudaMalloc(&device.work, device.work_size));
	device.host_work = xmalloc(device.host_work_size + 1);
}

static double
seconds(void)
{
	CHECK(cudaDeviceSynchronize());
	return now();
}

/* The seconds that the two calls take. */
static double
solve(const struct matrix *matrix)
{
	struct cuda_block block = {.stored = stored_as(matrix->dtype),
				   .elements = matrix->elements,
				   .rows = matrix->rows,
				   .columns = matrix->columns};
	bool tall = matrix->rows >= matrix->columns;
	int n = (int)matrix_smaller_side(matrix), m = (int)(tall ? matrix->rows : matrix->columns);
	int info;
	double one = 1, zero = 0, begin, end;

	CHECK(cuda_widen(&block, device.widened, matrix->columns, 1, 0, NULL));
	begin = seconds();
	CHECK(cublasDsyrk(device.blas, CUBLAS_FILL_MODE_LOWER, tall ? CUBLAS_OP_N : CUBLAS_OP_T, n,
			  m, &one, device.widened, (int)matrix->columns, &zero, device.gram, n));
	CHECK(cusolverDnXsyevd(device.dense, device.parameters, CUSOLVER_EIG_MODE_NOVECTOR,
			       CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, device.gram, n, CUDA_R_64F,
			       device.values, CUDA_R_64F, device.work, device.work_size,
			       device.host_work, device.host_work_size, device.info));
	end = seconds();
	CHECK(cudaMemcpy(&info, device.info, sizeof(info), cudaMemcpyDeviceToHost));
	if (info)
		die(STATUS_INTERNAL, "Xsyevd failed");
	return end - begin;
}

int
main(int argc, char **argv)
{
	char line[16];

	if (argc != 2)
		die(STATUS_USAGE, "usage: bare_cuda STREAM");
	matrices_load(&matrices, argv[1], copy_to_device);
	open_device();
	while (fgets(line, sizeof(line), stdin)) {
		bool every = !strcmp(line, "every\n");
		double sum = 0;

		for (size_t i = 0; i < matrices.count; i++)
			for (unsigned t = 0; t < (every ? matrices.list[i].times : 1); t++)
				sum += solve(&matrices.list[i]);
		printf("%.6f\n", sum);
		fflush(stdout);
	}
	return 0;
}
