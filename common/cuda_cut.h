/*
 * How a matrix travels to a device: in blocks along its larger side, rows of a tall one, columns of a
 * wide one. There they are widened to double into a panel, and the Gram matrix is a sum over panels,
 * so neither W as it is stored nor W in double need ever be there as a whole.
 */
#ifndef CUDA_CUT_H
#define CUDA_CUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cuda_kernels.h"
#include "eigen.h"

struct cuda_cut {
	const struct eigen_job *job;
	size_t n, m;		 /* the smaller and the larger side */
	bool tall;		 /* rows >= columns */
	enum cuda_stored stored; /* in a block */
	size_t element_bytes;	 /* likewise */
	size_t depth;		 /* of a panel, along the larger side */
	size_t most;		 /* of a block, likewise */
};

/* With panels of a depth, and blocks of at most so many bytes, or one row. */
struct cuda_cut cuda_cut(const struct eigen_job *job, size_t depth, size_t block_bytes);

/* How much of the larger side the block that begins there has: it ends where its panel does. */
size_t cuda_cut_count(const struct cuda_cut *cut, size_t first);

/* The bytes of a block. */
size_t cuda_cut_bytes(const struct cuda_cut *cut, size_t count);

/*
 * Writes the block first..first+count, row-major: as stored, but that elements of less than a byte
 * become floats.
 */
void cuda_cut_copy(const struct cuda_cut *cut, size_t first, size_t count, void *target);

#endif
