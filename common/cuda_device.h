/*
 * One device: its memory, which is planned from what is free, and the algebra on it. All functions are
 * for the thread that opened it. They return false where a call failed, and cuda_last_error() says
 * which.
 */
#ifndef CUDA_DEVICE_H
#define CUDA_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_cut.h"
#include "cuda_library.h"
#include "eigen.h"

/* Small matrices, up to this side, share calls of a solver, at most so many. */
#define CUDA_BATCH_SIDE 1024
#define CUDA_BATCH_SIZE 32

/* So many threads use one device, each with its part of the memory: one sends matrices while the other
 * waits for a solver. */
#define CUDA_SHARES 2

/* Memory of the device that grows as matrices do. */
struct cuda_buffer {
	void *memory;
	size_t size;
};

/* What a device can do, as far as matrices are dealt out by it. */
struct cuda_abilities {
	enum eigen_solver solver; /* that was asked for */
	bool two_stage;		  /* cuda_two_stage.h may run there */
	size_t budget;		  /* bytes of memory that may be allocated */
};

struct cuda_device {
	int number, processors;
	struct cuda_abilities abilities;
	size_t used; /* bytes that are allocated */
	size_t panel_bytes, block_bytes;
	cudaStream_t stream;
	cublasHandle_t blas;
	cusolverDnHandle_t dense;
	cusolverDnParams_t parameters;
	struct cuda_buffer tables; /* of double, for every type of 8 bits */
	struct cuda_buffer panel;  /* part of W in double; all of it for the SVD */
	struct cuda_buffer grams;  /* n x n matrices, or larger by what the solver wants */
	struct cuda_buffer results, work;
	void *host_work;
	size_t host_work_size;
};

/*
 * Opens a device, with no more than limit bytes of its memory (0: as much as is free, with head-room).
 * Small ones of all parts, slower, for where memory is the trouble.
 */
bool cuda_device_open(struct cuda_device *device, int number, enum eigen_solver solver,
		      uint64_t limit, bool small);

/* Gives back all of it, whatever state it is in. No other thread may be using it. */
void cuda_device_reset(struct cuda_device *device);

/* Makes a buffer at least so large; what it held is lost. */
bool cuda_grow(struct cuda_device *device, struct cuda_buffer *buffer, size_t size);

/* How a matrix is cut for this device. */
struct cuda_cut cuda_device_cut(const struct cuda_device *device, const struct eigen_job *job);

/* Whether a matrix is small enough for a device. */
bool cuda_fits(const struct cuda_abilities *abilities, const struct eigen_job *job);

/* How many Gram matrices of a side may share a call of the solver. */
size_t cuda_call_size(const struct cuda_abilities *abilities, size_t n);

/*
 * Makes room for as many matrices like that one as share a call, which cuda_add_block() then fills one after
 * the other.
 */
bool cuda_begin(struct cuda_device *device, const struct cuda_cut *cut);

/*
 * Adds a block of W times 2^-exponent, which is in the device's memory, to matrix number place. The
 * blocks come in order, each as cuda_cut_count() says.
 */
bool cuda_add_block(struct cuda_device *device, const struct cuda_cut *cut, const void *elements,
		    size_t first, size_t count, int exponent, size_t place);

/* The traces of Gram matrices that have been filled, of which those that are not safe become zero. */
bool cuda_check_traces(struct cuda_device *device, size_t n, size_t count, double *traces);

/*
 * The eigenvalues of each Gram matrix, ascending, n after n; infos are as LAPACK's. Says by which
 * method.
 */
bool cuda_solve_grams(struct cuda_device *device, size_t n, size_t count, double *values,
		      int *infos, const char **method);

/* The singular values, descending, of W, of which all blocks have been added. */
bool cuda_solve_svd(struct cuda_device *device, const struct cuda_cut *cut, double *values,
		    int *info);

#endif
