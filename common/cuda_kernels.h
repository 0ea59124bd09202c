/* What runs on the device beside the libraries. Each returns the error of its launch. */
#ifndef CUDA_KERNELS_H
#define CUDA_KERNELS_H

#include <stddef.h>

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How elements are stored. */
enum cuda_stored {
	CUDA_STORED_F64,
	CUDA_STORED_F32,
	CUDA_STORED_F16,
	CUDA_STORED_BF16,
	CUDA_STORED_BYTE /* the place of the value in a table of 256 */
};

/* rows x columns elements, row-major; table is for bytes. */
struct cuda_block {
	enum cuda_stored stored;
	const void *elements;
	const double *table;
	size_t rows, columns;
};

/*
 * Element (i, j) in double, times 2^exponent, becomes target[i * row_stride + j * column_stride]. Exact,
 * but where the product leaves the normal range.
 */
cudaError_t cuda_widen(const struct cuda_block *block, double *target, size_t row_stride,
		       size_t column_stride, int exponent, cudaStream_t stream);

/*
 * The traces of count n x n matrices, summed in a fixed order. Each is the first part of side x side elements,
 * which lie one after the other.
 */
cudaError_t cuda_sum_diagonals(const double *matrices, size_t n, size_t side, size_t count,
			       double *traces, cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
