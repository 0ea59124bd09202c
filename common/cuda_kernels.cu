#include "cuda_kernels.h"

#include <cstdint>
#include <cuda_fp16.h>

#define THREADS	  256
#define MOST_ROWS 65535 /* of blocks in a grid */

struct bfloat16 {
	uint16_t bits; /* the upper half of a float's */
};

static __device__ double
widen(double value, const double *)
{
	return value;
}

static __device__ double
widen(float value, const double *)
{
	return value;
}

static __device__ double
widen(__half value, const double *)
{
	return __half2float(value);
}

static __device__ double
widen(bfloat16 value, const double *)
{
	return __uint_as_float((uint32_t)value.bits << 16);
}

static __device__ double
widen(uint8_t place, const double *table)
{
	return table[place];
}

/* The factor is in two parts, since one may not be a double. */
template <typename element>
static __global__ void
widen_block(const element *elements, const double *table, size_t rows, size_t columns,
	    double *target, size_t row_stride, size_t column_stride, double factor,
	    double other_factor)
{
	size_t j = (size_t)blockIdx.x * blockDim.x + threadIdx.x;

	if (j >= columns)
		return;
	for (size_t i = blockIdx.y; i < rows; i += gridDim.y)
		target[i * row_stride + j * column_stride] = widen(elements[i * columns + j],
								   table) *
							     factor * other_factor;
}

template <typename element>
static void
launch(const struct cuda_block *block, double *target, size_t row_stride, size_t column_stride,
       int exponent, cudaStream_t stream)
{
	unsigned rows = (unsigned)(block->rows < MOST_ROWS ? block->rows : MOST_ROWS);
	dim3 grid((unsigned)((block->columns + THREADS - 1) / THREADS), rows);

	widen_block<<<grid, THREADS, 0, stream>>>((const element *)block->elements, block->table,
						  block->rows, block->columns, target, row_stride,
						  column_stride, ldexp(1.0, exponent / 2),
						  ldexp(1.0, exponent - exponent / 2));
}

cudaError_t
cuda_widen(const struct cuda_block *block, double *target, size_t row_stride, size_t column_stride,
	   int exponent, cudaStream_t stream)
{
	switch (block->stored) {
	case CUDA_STORED_F64:
		launch<double>(block, target, row_stride, column_stride, exponent, stream);
		break;
	case CUDA_STORED_F32:
		launch<float>(block, target, row_stride, column_stride, exponent, stream);
		break;
	case CUDA_STORED_F16:
		launch<__half>(block, target, row_stride, column_stride, exponent, stream);
		break;
	case CUDA_STORED_BF16:
		launch<bfloat16>(block, target, row_stride, column_stride, exponent, stream);
		break;
	case CUDA_STORED_BYTE:
		launch<uint8_t>(block, target, row_stride, column_stride, exponent, stream);
		break;
	}
	return cudaGetLastError();
}

static __global__ void
sum_diagonal(const double *matrices, size_t n, size_t side, double *traces)
{
	const double *matrix = matrices + blockIdx.x * side * side;
	__shared__ double sums[THREADS];
	double sum = 0;

	for (size_t i = threadIdx.x; i < n; i += THREADS)
		sum += matrix[i * side + i];
	sums[threadIdx.x] = sum;
	for (unsigned half = THREADS / 2; half; half /= 2) {
		__syncthreads();
		if (threadIdx.x < half)
			sums[threadIdx.x] += sums[threadIdx.x + half];
	}
	if (!threadIdx.x)
		traces[blockIdx.x] = sums[0];
}

cudaError_t
cuda_sum_diagonals(const double *matrices, size_t n, size_t side, size_t count, double *traces,
		   cudaStream_t stream)
{
	sum_diagonal<<<(unsigned)count, THREADS, 0, stream>>>(matrices, n, side, traces);
	return cudaGetLastError();
}
