#include "cuda_two_stage.h"

#include <stdint.h>

#include "cuda_stages.h"

/* Up to this side half as many panels are put off: the rest of the matrix is small. */
#define SMALL_SIDE 512

#define ALIGNMENT 256

bool
cuda_two_stage_open(int device, int *processors)
{
	return cudaDeviceGetAttribute(processors, cudaDevAttrMultiProcessorCount, device) ==
		       cudaSuccess &&
	       cuda_allow_band_reduction() == cudaSuccess && cuda_allow_chasing() == cudaSuccess &&
	       cuda_allow_bisection() == cudaSuccess && cuda_has_clusters();
}

size_t
cuda_two_stage_side(size_t n)
{
	return (n + BAND - 1) / BAND * BAND;
}

/* Takes elements from work space, which is null while they are only counted. */
static void *
take(char *work, size_t *used, size_t elements, size_t size)
{
	void *place = work ? work + *used : NULL;

	*used += (elements * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return place;
}

/* Lays the stages' parts out, and returns the bytes of them. */
static size_t
lay_out(struct cuda_stages *stages, char *work)
{
	size_t side = stages->side, count = stages->count, used = 0, panel = side * BAND * count;
	size_t put_off = side <= SMALL_SIDE ? MOST_PUT_OFF / 2 : MOST_PUT_OFF;
	size_t projections = (2 * put_off + BAND) * BAND * count;
	size_t pieces = (side + PIECE_COLUMNS - 1) / PIECE_COLUMNS;
	size_t chunks = (side + CHUNK_ROWS - 1) / CHUNK_ROWS;

	stages->put_off = put_off;
	stages->factors = take(work, &used, side * 2 * put_off * count, sizeof(double));
	stages->reflectors = take(work, &used, panel, sizeof(double));
	stages->products = take(work, &used, panel, sizeof(double));
	stages->pieces = take(work, &used, panel * pieces, sizeof(double));
	stages->parts = take(work, &used, projections * chunks, sizeof(double));
	stages->projections = take(work, &used, projections, sizeof(double));
	stages->band = take(work, &used, (side + BAND_STRIDE) * BAND_STRIDE * count,
			    sizeof(double));
	stages->tridiagonal = take(work, &used, side * count, sizeof(double2));
	stages->ranges = take(work, &used, 3 * count, sizeof(double));
	stages->counts = take(work, &used, side * count, sizeof(int));
	stages->progress = take(work, &used, side * count, sizeof(int));
	stages->ticket = take(work, &used, 1, sizeof(int));
	return used;
}

size_t
cuda_two_stage_memory(size_t n, size_t count)
{
	struct cuda_stages stages = {.n = n, .side = cuda_two_stage_side(n), .count = count};

	return lay_out(&stages, NULL);
}

cudaError_t
cuda_two_stage_solve(const struct cuda_two_stage_batch *batch, cudaStream_t stream)
{
	struct cuda_stages stages = {.n = batch->n,
				     .side = cuda_two_stage_side(batch->n),
				     .count = batch->count,
				     .processors = batch->processors,
				     .matrices = batch->matrices,
				     .traces = batch->traces,
				     .first = batch->first,
				     .values = batch->values};
	cudaError_t error;

	lay_out(&stages, batch->work);
	error = cuda_mirror(&stages, stream);
	if (!error)
		error = cuda_reduce_to_band(&stages, stream);
	if (!error)
		error = cuda_chase_bulges(&stages, stream);
	return error ? error : cuda_bisect(&stages, stream);
}
