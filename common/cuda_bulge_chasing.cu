/*
 * The second stage: from a band to tridiagonal form by chasing bulges (Schwarz 1968; by blocks of
 * reflections, Murata and Horikoshi 1975, and Lang 1993).
 *
 * Sweep i makes column i tridiagonal: a reflection of rows i + 1 to i + BAND eliminates what is below its
 * subdiagonal. Applied from both sides, it changes a block on the diagonal, and fills the block below it
 * beyond the band. Task s of a sweep, s = 0, 1, ..., with the rows from r = i + 1 + BAND s on:
 *   E  the block below the diagonal that ends at column r - 1: the last task's reflection from the right, then
 *      a new one from the left that eliminates its first column (for s = 0: column i itself)
 *   D  the block on the diagonal from r on: that new reflection from both sides
 * Sweep i + 1 may do task s when sweep i has done task s + 1.
 *
 * A block of threads takes SWEEPS sweeps of one matrix, each of which has four warps for E and two for D, one
 * task behind, and does them in step, each sweep two steps after the one before it. The part of the band that
 * it works at is in a ring in shared memory; one more warp loads what comes next, and another one stores what
 * is done, and says so, since the next sweeps wait for it. Work is taken in the order of sweeps, so whom a
 * block waits for has been taken before.
 */
#include "cuda_stages.h"

#include "cuda_instructions.cuh"

/* Blocks of BAND columns of the ring, a power of two, its columns and its doubles. */
#define RING_BLOCKS  8
#define RING_COLUMNS (RING_BLOCKS * BAND)
#define RING_DOUBLES (RING_COLUMNS * BAND_STRIDE)
#define BLOCK_BYTES  (BAND * BAND_STRIDE * sizeof(double))

#define E_WARPS 4
#define D_WARPS 2

/* Below it a sum of squares is as good as zero: traces are near 1. */
#define NO_SQUARES 1e-280

/* What a flag says when all is done. */
#define ALL_DONE INT32_MAX

/* Barriers by number: 0 is __syncthreads()'s. */
#define E_BARRIER(sweep) (1 + (sweep))
#define D_BARRIER(sweep) (1 + SWEEPS + (sweep))
#define STEP_BARRIER	 15

template <int SWEEPS> struct chase_memory {
	double column[SWEEPS][BAND];	    /* the one to be eliminated */
	double reflection[2][SWEEPS][BAND]; /* v, of even and of odd steps, */
	double tau[2][SWEEPS];		    /* likewise */
	double product[SWEEPS][BAND];	    /* tau D v */
	uint64_t loaded[RING_BLOCKS];
	int group;
	int steps;  /* that are done */
	int stored; /* blocks that are back in global memory */
};

/* A group of sweeps, of which the first has number `first`. */
struct sweeps {
	double *band; /* of the matrix */
	int side, first;
	int blocks;		    /* of BAND columns, from first + 1 on */
	int base;		    /* blocks that have gone through the ring before */
	int *progress;		    /* the blocks that are done, */
	const int *progress_before; /* of the group before; null: all are */
};

/* Where in the ring a column's diagonal is, given how far behind the group's first column it comes. */
static __device__ __forceinline__ int
in_ring(const struct sweeps *sweeps, int column)
{
	return (sweeps->base % RING_BLOCKS * BAND + column) % RING_COLUMNS * BAND_STRIDE;
}

static __device__ __forceinline__ int
wrapped(int place)
{
	return place & (RING_DOUBLES - 1);
}

/* The sum over the lanes that have the same lane % 8. */
static __device__ __forceinline__ double
sum_of_octets(double x)
{
	x += __shfl_xor_sync(ALL_LANES, x, 8);
	return x + __shfl_xor_sync(ALL_LANES, x, 16);
}

static __device__ __forceinline__ void
load_eight(double (&target)[8], const double *source)
{
#pragma unroll
	for (int k = 0; k < 8; k += 2) {
		double2 pair = *(const double2 *)&source[k];

		target[k] = pair.x;
		target[k + 1] = pair.y;
	}
}

/*
 * The last reflection, from the right: lane 8 h + r of warp w has columns 8 h to 8 h + 7 of row 8 w + r. The
 * first column is the next to be eliminated.
 */
static __device__ __forceinline__ void
apply_from_right(double *ring, int block, int row, int eight, const double *v, double tau,
		 double *column)
{
	double e[8], of_v[8], even = 0, odd = 0;
	int place = block + BAND + row + (BAND_STRIDE - 1) * 8 * eight;

#pragma unroll
	for (int k = 0; k < 8; k++)
		e[k] = ring[wrapped(place + (BAND_STRIDE - 1) * k)];
	load_eight(of_v, v + 8 * eight);
#pragma unroll
	for (int k = 0; k < 8; k += 2) {
		even = fma(e[k], of_v[k], even);
		odd = fma(e[k + 1], of_v[k + 1], odd);
	}
	double factor = -tau * sum_of_octets(even + odd);

#pragma unroll
	for (int k = 0; k < 8; k++) {
		e[k] = fma(factor, of_v[k], e[k]);
		ring[wrapped(place + (BAND_STRIDE - 1) * k)] = e[k];
	}
	if (!eight)
		column[row] = e[0];
}

/*
 * E of task `task` of a sweep, by its four warps. By columns, lane 8 h + c of warp w has rows 8 h to 8 h + 7 of
 * column 8 w + c.
 */
template <int SWEEPS>
static __device__ __forceinline__ void
do_e(struct chase_memory<SWEEPS> *memory, double *ring, const struct sweeps *sweeps, int sweep,
     int task, int parity)
{
	int warp = threadIdx.x / WARP % E_WARPS, lane = threadIdx.x % WARP, eight = lane / 8;
	int own = 8 * warp + lane % 8, place = 0;
	double *column = memory->column[sweep];
	/* The column of task 0, which is outside of the ring for the first sweep. */
	double *first = sweep ? ring + in_ring(sweeps, sweep - 1) + 1 + lane
			      : sweeps->band + (size_t)sweeps->first * BAND_STRIDE + 1 + lane;
	double f[8] = {}, x[8];

	if (task) {
		int block = in_ring(sweeps, sweep + BAND * (task - 1));

		apply_from_right(ring, block, own, eight, memory->reflection[parity ^ 1][sweep],
				 memory->tau[parity ^ 1][sweep], column);
		barrier_of_some(E_BARRIER(sweep), E_WARPS * WARP);
		place = wrapped(block + own * BAND_STRIDE) + BAND + 8 * eight - own;
#pragma unroll
		for (int k = 0; k < 8; k++)
			f[k] = ring[place + k];
	} else {
		if (!warp)
			column[lane] = sweep ? *first : __ldcg(first);
		barrier_of_some(E_BARRIER(sweep), E_WARPS * WARP);
	}
	load_eight(x, column + 8 * eight);

	double alpha = column[0], beta = alpha, tau = 0, scale = 0;
	double squares[2] = {}, products[2] = {};

	if (!eight)
		x[0] = 0;
#pragma unroll
	for (int k = 0; k < 8; k++) {
		squares[k % 2] = fma(x[k], x[k], squares[k % 2]);
		products[k % 2] = fma(x[k], f[k], products[k % 2]);
	}
	double square = sum_of_octets(squares[0] + squares[1]);
	double product = sum_of_octets(products[0] + products[1]);
	double top = __shfl_sync(ALL_LANES, f[0], lane % 8);

	if (square > NO_SQUARES) {
		double all = fma(alpha, alpha, square), inverse = reciprocal_root(all);

		beta = alpha > 0 ? -all * inverse : all * inverse;
		scale = reciprocal(alpha - beta);
		tau = fabs(alpha - beta) * inverse;
	}
	if (!warp) {
		memory->reflection[parity][sweep][lane] = lane ? column[lane] * scale : 1;
		if (!lane)
			memory->tau[parity][sweep] = tau;
	}
	if (task) {
		double factor = -tau * fma(scale, product, top);

		if (!eight)
			f[0] += factor;
#pragma unroll
		for (int k = 0; k < 8; k++) {
			double value = fma(x[k], factor * scale, f[k]);

			if (!own)
				value = !k && !eight ? beta : 0;
			ring[place + k] = value;
		}
	} else if (warp == 1) {
		*first = lane ? 0 : beta;
	}
}

/*
 * D of a task by its two warps: D - v w^T - w v^T with w = p - (tau p^T v / 2) v, p = tau D v. Lane 16 h + r of
 * warp w has columns 16 h to 16 h + 15 of row 16 w + r.
 */
template <int SWEEPS>
static __device__ __forceinline__ void
do_d(struct chase_memory<SWEEPS> *memory, double *ring, const struct sweeps *sweeps, int sweep,
     int task, int parity)
{
	int warp = (threadIdx.x / WARP - E_WARPS * SWEEPS) % D_WARPS, lane = threadIdx.x % WARP;
	int row = 16 * warp + lane % 16, half = lane / 16;
	int block = in_ring(sweeps, sweep + BAND * task);
	const double *reflection = memory->reflection[parity ^ 1][sweep];
	double tau = memory->tau[parity ^ 1][sweep], *product = memory->product[sweep];
	double d[16], v[16], sums[2] = {};

#pragma unroll
	for (int k = 0; k < 16; k++) {
		int column = 16 * half + k, low = min(column, row), high = max(column, row);

		d[k] = ring[wrapped(block + (BAND_STRIDE - 1) * low + high)];
	}
#pragma unroll
	for (int k = 0; k < 16; k += 2) {
		double2 pair = *(const double2 *)&reflection[16 * half + k];

		v[k] = pair.x;
		v[k + 1] = pair.y;
	}
#pragma unroll
	for (int k = 0; k < 16; k++)
		sums[k % 2] = fma(v[k], d[k], sums[k % 2]);
	double p = sums[0] + sums[1];

	p = tau * (p + __shfl_xor_sync(ALL_LANES, p, 16));
	if (!half)
		product[row] = p;
	double own = reflection[row];

	barrier_of_some(D_BARRIER(sweep), D_WARPS * WARP);
	sums[0] = sums[1] = 0;
#pragma unroll
	for (int k = 0; k < 16; k++)
		sums[k % 2] = fma(product[16 * half + k], v[k], sums[k % 2]);
	double inner = sums[0] + sums[1];

	inner += __shfl_xor_sync(ALL_LANES, inner, 16);
	/* v_i p_k + p_i v_k - tau p^T v v_i v_k */
	double w = fma(-tau * inner, own, p);

#pragma unroll
	for (int k = 0; k < 16; k++) {
		int column = 16 * half + k;

		if (column <= row)
			ring[wrapped(block + (BAND_STRIDE - 1) * column + row)] = fma(
				-w, v[k], fma(-own, product[column], d[k]));
	}
}

/* The sweeps' warps, in step. */
template <int SWEEPS>
static __device__ __forceinline__ void
chase(struct chase_memory<SWEEPS> *memory, double *ring, const struct sweeps *sweeps)
{
	int warp = threadIdx.x / WARP;
	bool for_e = warp < E_WARPS * SWEEPS;
	int sweep = for_e ? warp / E_WARPS : (warp - E_WARPS * SWEEPS) / D_WARPS;

	for (int step = 0; step < sweeps->blocks + 2 * SWEEPS; step++) {
		int task = step - 2 * sweep - !for_e;

		/* The first sweep is the first to meet a block; the step barrier tells the others. */
		if (!sweep && step >= 1 && step - 1 <= sweeps->blocks) {
			int block = sweeps->base + step - 1;

			barrier_await(&memory->loaded[block % RING_BLOCKS],
				      block / RING_BLOCKS & 1);
		}
		if (task >= 0 && task < sweeps->blocks) {
			if (for_e)
				do_e(memory, ring, sweeps, sweep, task, step & 1);
			else
				do_d(memory, ring, sweeps, sweep, task, step & 1);
		}
		fence_bulk_shared();
		barrier_of_some(STEP_BARRIER, (E_WARPS + D_WARPS) * WARP * SWEEPS);
		if (!threadIdx.x)
			store_block_flag(&memory->steps, step + 1);
	}
}

/* One thread stores blocks when the last sweep has left them. */
template <int SWEEPS>
static __device__ __forceinline__ void
store_blocks(struct chase_memory<SWEEPS> *memory, const double *ring, const struct sweeps *sweeps)
{
	for (int block = 0; block < sweeps->blocks; block++) {
		while (load_block_flag(&memory->steps) < block + 2 * SWEEPS)
			continue;
		fence_bulk_shared();
		bulk_store(sweeps->band + (size_t)(sweeps->first + 1 + BAND * block) * BAND_STRIDE,
			   ring + (sweeps->base + block) % RING_BLOCKS * BAND * BAND_STRIDE,
			   BLOCK_BYTES);
		fence_bulk();
		store_flag(sweeps->progress, block + 1 == sweeps->blocks ? ALL_DONE : block + 1);
		store_block_flag(&memory->stored, block + 1);
	}
}

/* One warp loads blocks, when the sweeps before are done with them and with the next, which overlaps. */
template <int SWEEPS>
static __device__ __forceinline__ void
load_blocks(struct chase_memory<SWEEPS> *memory, double *ring, const struct sweeps *sweeps,
	    int done_before)
{
	int lane = threadIdx.x % WARP;

	for (int block = 0; block <= sweeps->blocks; block++) {
		int place = (sweeps->base + block) % RING_BLOCKS;
		int column = sweeps->first + 1 + BAND * block;
		double *target = ring + place * BAND * BAND_STRIDE;

		if (block >= RING_BLOCKS)
			while (load_block_flag(&memory->stored) < block - RING_BLOCKS + 1)
				continue;
		if (column >= sweeps->side) {
			for (int k = lane; k < BAND * BAND_STRIDE; k += WARP)
				target[k] = 0;
			fence_bulk_shared();
			__syncwarp();
			if (!lane)
				barrier_arrive(&memory->loaded[place]);
		} else if (!lane) {
			while (done_before < block + 2)
				done_before = load_flag(sweeps->progress_before);
			fence_bulk();
			barrier_expect(&memory->loaded[place], BLOCK_BYTES);
			bulk_load(target, sweeps->band + (size_t)column * BAND_STRIDE, BLOCK_BYTES,
				  &memory->loaded[place]);
		}
		__syncwarp();
	}
}

template <int SWEEPS>
static __global__ void
__launch_bounds__(WARP *((E_WARPS + D_WARPS) * SWEEPS + 2), 1)
	chase_sweeps(struct cuda_stages stages)
{
	extern __shared__ __align__(128) double ring[];
	__shared__ __align__(16) struct chase_memory<SWEEPS> memory;
	int warp = threadIdx.x / WARP, side = (int)stages.side;
	int groups = (side - 2 + SWEEPS - 1) / SWEEPS, count = (int)stages.count;
	struct sweeps sweeps = {.side = side};

	if (!threadIdx.x) {
		for (int i = 0; i < RING_BLOCKS; i++)
			barrier_open(&memory.loaded[i]);
		fence_bulk();
	}
	for (;;) {
		int done_before = ALL_DONE;

		__syncthreads();
		if (!threadIdx.x) {
			memory.group = atomicAdd(stages.ticket, 1);
			memory.steps = memory.stored = 0;
		}
		__syncthreads();
		int group = memory.group / count, matrix = memory.group % count;

		if (group >= groups)
			return;
		sweeps.first = group * SWEEPS;
		sweeps.blocks = (side - 1 - sweeps.first + BAND - 1) / BAND;
		sweeps.band = stages.band + (size_t)matrix * (side + BAND_STRIDE) * BAND_STRIDE;
		sweeps.progress = stages.progress + (size_t)matrix * side + group;
		sweeps.progress_before = sweeps.progress - 1;
		/* The first column is not in the ring: it is done when its block is. */
		if (warp == (E_WARPS + D_WARPS) * SWEEPS + 1 && group) {
			do
				done_before = load_flag(sweeps.progress_before);
			while (done_before < 1);
		}
		__syncthreads();
		if (warp < (E_WARPS + D_WARPS) * SWEEPS)
			chase(&memory, ring, &sweeps);
		else if (warp > (E_WARPS + D_WARPS) * SWEEPS)
			load_blocks(&memory, ring, &sweeps, done_before);
		else if (threadIdx.x % WARP == 0)
			store_blocks(&memory, ring, &sweeps);
		sweeps.base += sweeps.blocks + 1;
		__syncwarp(); /* one lane stores */
	}
}

#define RING_BYTES (RING_DOUBLES * sizeof(double))

/* From so many blocks of columns on there are sweeps enough for groups of three, which wait less. */
#define MANY_BLOCKS 600

cudaError_t
cuda_allow_chasing(void)
{
	cudaError_t error = cudaFuncSetAttribute(
		chase_sweeps<2>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)RING_BYTES);

	return error ? error
		     : cudaFuncSetAttribute(chase_sweeps<3>,
					    cudaFuncAttributeMaxDynamicSharedMemorySize,
					    (int)RING_BYTES);
}

template <int SWEEPS>
static void
launch(const struct cuda_stages *stages, cudaStream_t stream)
{
	/* No more groups of a matrix can be at work than have room behind each other. */
	size_t most = (stages->side / BAND / (2 * SWEEPS + 1) + 3) * stages->count;
	size_t blocks = most < (size_t)stages->processors ? most : (size_t)stages->processors;

	chase_sweeps<SWEEPS><<<(unsigned)blocks, WARP *((E_WARPS + D_WARPS) * SWEEPS + 2),
			       RING_BYTES, stream>>>(*stages);
}

cudaError_t
cuda_chase_bulges(const struct cuda_stages *stages, cudaStream_t stream)
{
	size_t flags = stages->side * stages->count * sizeof(*stages->progress);
	cudaError_t error = cudaMemsetAsync(stages->progress, 0, flags, stream);

	if (!error)
		error = cudaMemsetAsync(stages->ticket, 0, sizeof(*stages->ticket), stream);
	if (error)
		return error;
	if (stages->count * (stages->side / BAND) <= MANY_BLOCKS)
		launch<2>(stages, stream);
	else
		launch<3>(stages, stream);
	return cudaGetLastError();
}
