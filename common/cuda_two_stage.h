/*
 * Eigenvalues of many symmetric matrices of one size at once, by the solver in two stages that spectrum(1)
 * explains, on devices of compute capability 9.0 or more: cuda_band_reduction.cu with cuda_panel.cu,
 * cuda_bulge_chasing.cu and cuda_bisection.cu. The steps of one matrix wait for each other; those of many fill the device.
 *
 * Errors are a small multiple of the unit roundoff times the norm, as those of LAPACK's dsyevd. An eigenvalue
 * has the same bits whatever the number of matrices, and on every run.
 */
#ifndef CUDA_TWO_STAGE_H
#define CUDA_TWO_STAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <cuda_runtime_api.h>

/* Sides that it takes. */
#define CUDA_TWO_STAGE_LEAST 64
#define CUDA_TWO_STAGE_MOST  8192

/*
 * Whether a device, which must be the current one, can run it; if so, prepares it. Its multiprocessors are
 * counted.
 */
bool cuda_two_stage_open(int device, int *processors);

/* The side as it lies in memory, n made up to a multiple of the band. */
size_t cuda_two_stage_side(size_t n);

/* Bytes of work space. */
size_t cuda_two_stage_memory(size_t n, size_t count);

struct cuda_two_stage_batch {
	size_t n, count;
	int processors;	  /* of the device */
	double *matrices; /* each in side x side elements, of which the first n in each of the first n
	                         columns are the matrix; the lower triangles are read, all are lost */
	const double *traces; /* of the matrices, which are positive semidefinite */
	void *work;
	size_t first;	/* eigenvalues from this number on are wanted, counted from 0, ascending */
	double *values; /* n for each matrix, ascending but for rounding, those wanted */
};

/* All of it in the device's memory. Only starts the work; the error is that of starting it. */
cudaError_t cuda_two_stage_solve(const struct cuda_two_stage_batch *batch, cudaStream_t stream);

#endif
