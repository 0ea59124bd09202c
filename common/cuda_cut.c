#include "cuda_cut.h"

#include <string.h>

static enum cuda_stored
stored_as(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_F64: return CUDA_STORED_F64;
	case DTYPE_F16: return CUDA_STORED_F16;
	case DTYPE_BF16: return CUDA_STORED_BF16;
	default: return dtype_bits(dtype) == 8 ? CUDA_STORED_BYTE : CUDA_STORED_F32;
	}
}

static size_t
bytes_of(enum cuda_stored stored)
{
	static const size_t bytes[] = {[CUDA_STORED_F64] = 8,
				       [CUDA_STORED_F32] = 4,
				       [CUDA_STORED_F16] = 2,
				       [CUDA_STORED_BF16] = 2,
				       [CUDA_STORED_BYTE] = 1};

	return bytes[stored];
}

struct cuda_cut
cuda_cut(const struct eigen_job *job, size_t depth, size_t block_bytes)
{
	struct cuda_cut cut = {.job = job,
			       .n = job->count,
			       .tall = job->rows >= job->columns,
			       .stored = stored_as(job->dtype),
			       .depth = depth};

	cut.m = cut.tall ? job->rows : job->columns;
	cut.element_bytes = bytes_of(cut.stored);
	cut.most = block_bytes / (cut.n * cut.element_bytes);
	if (!cut.most)
		cut.most = 1;
	return cut;
}

size_t
cuda_cut_count(const struct cuda_cut *cut, size_t first)
{
	size_t count = cut->depth - first % cut->depth;

	if (count > cut->most)
		count = cut->most;
	return count < cut->m - first ? count : cut->m - first;
}

size_t
cuda_cut_bytes(const struct cuda_cut *cut, size_t count)
{
	return count * cut->n * cut->element_bytes;
}

/* Elements first..first+count of W. */
static void
copy_elements(const struct cuda_cut *cut, size_t first, size_t count, unsigned char *target)
{
	const unsigned char *weights = cut->job->weights;

	if (dtype_bits(cut->job->dtype) < 8)
		dtype_decode_floats(cut->job->dtype, weights, first, count, (void *)target);
	else
		memcpy(target, weights + first * cut->element_bytes, count * cut->element_bytes);
}

void
cuda_cut_copy(const struct cuda_cut *cut, size_t first, size_t count, void *target)
{
	unsigned char *row = target;

	if (cut->tall) {
		copy_elements(cut, first * cut->n, count * cut->n, target);
		return;
	}
	for (size_t i = 0; i < cut->n; i++, row += count * cut->element_bytes)
		copy_elements(cut, i * cut->m + first, count, row);
}
