/*
 * The third stage: eigenvalues of tridiagonal matrices by bisection (Barth, Martin and Wilkinson 1967). The
 * number of eigenvalues below x is that of changes of sign among the leading minors of T - x, which follow
 *
 *     p_i = (d_i - x) p_{i-1} - e_{i-1}^2 p_{i-2}
 *
 * and are scaled every few steps to stay in range; their quotients are the pivots of Gaussian elimination, so
 * rounding has the effect of a small relative change of every element of T - x. A thread counts at two points at
 * once, since each step waits for the one before; and two threads share an eigenvalue, whose enclosure their
 * four points divide by five: that is more work than halving, in fewer rounds, of which each takes long.
 */
#include "cuda_stages.h"

#include "cuda_instructions.cuh"

#define THREADS 256

/* Minors between two scalings. A factor is at most about 2 and at least 1e-40: none leaves the range. */
#define MINORS_OF_SCALE 8

/* Takes the place of squares of the off-diagonal that are smaller, for matrices scaled to a norm of 1. */
#define SMALLEST_SQUARE 1e-40

/* The diagonal beyond n: above all eigenvalues, which are at most about 1. */
#define BEYOND 4

/*
 * Enclosures end at this width, relative to the eigenvalue, and to the norm: the latter is far below what the
 * stages before have rounded, and leaves an eigenvalue of 1e-6 of the norm 46 bits.
 */
#define RELATIVE_WIDTH 0x1p-52
#define ABSOLUTE_WIDTH 0x1p-66
#define MOST_ROUNDS    60

/* What surely holds all eigenvalues is made wider by this, for rounding. */
#define SLACK 1e-14

/* Gerschgorin's discs, and T over its norm. */
static __global__ void
gather_tridiagonal(struct cuda_stages stages)
{
	__shared__ double lows[THREADS], highs[THREADS];
	size_t n = stages.n, side = stages.side, matrix = blockIdx.x;
	const double *band = stages.band + matrix * (side + BAND_STRIDE) * BAND_STRIDE;
	double low = INFINITY, high = -INFINITY, norm;

	for (size_t i = threadIdx.x; i < n; i += THREADS) {
		double radius = (i ? fabs(band[(i - 1) * BAND_STRIDE + 1]) : 0) +
				(i + 1 < n ? fabs(band[i * BAND_STRIDE + 1]) : 0);

		low = fmin(low, band[i * BAND_STRIDE] - radius);
		high = fmax(high, band[i * BAND_STRIDE] + radius);
	}
	lows[threadIdx.x] = low;
	highs[threadIdx.x] = high;
	for (unsigned half = THREADS / 2; half; half /= 2) {
		__syncthreads();
		if (threadIdx.x < half) {
			lows[threadIdx.x] = fmin(lows[threadIdx.x], lows[threadIdx.x + half]);
			highs[threadIdx.x] = fmax(highs[threadIdx.x], highs[threadIdx.x + half]);
		}
	}
	__syncthreads();
	norm = fmax(fabs(lows[0]), fabs(highs[0]));
	if (!(norm > 0))
		norm = 1;
	for (size_t i = threadIdx.x; i < side; i += THREADS) {
		double off = i ? band[(i - 1) * BAND_STRIDE + 1] / norm : 0;

		stages.tridiagonal[matrix * side + i] =
			i < n ? make_double2(band[i * BAND_STRIDE] / norm,
					     fmax(off * off, SMALLEST_SQUARE))
			      : make_double2(BEYOND, SMALLEST_SQUARE);
	}
	if (!threadIdx.x) {
		double trace = stages.traces[matrix];

		stages.ranges[3 * matrix] = lows[0] / norm - SLACK;
		stages.ranges[3 * matrix + 1] = highs[0] / norm + SLACK;
		stages.ranges[3 * matrix + 2] = norm * (trace > 0 ? ldexp(1.0, ilogb(trace)) : 1);
	}
}

/* The last two minors at a point, and the changes of sign so far. */
struct minors {
	double x, last, before;
	int changes;
};

static __device__ __forceinline__ void
next_minor(struct minors *minors, double2 row)
{
	double next = fma(row.x - minors->x, minors->last, -(row.y * minors->before));

	minors->changes += (unsigned)(__double2hiint(next) ^ __double2hiint(minors->last)) >> 31;
	minors->before = minors->last;
	minors->last = next;
}

/* By a power of two that brings the larger of both to about 1. */
static __device__ __forceinline__ void
scale_minors(struct minors *minors)
{
	int exponent = max(__double2hiint(minors->last) & 0x7ff00000,
			   __double2hiint(minors->before) & 0x7ff00000);
	double factor = __hiloint2double(0x7fe00000 - exponent, 0);

	minors->last *= factor;
	minors->before *= factor;
}

/* How many eigenvalues are below each of two points. */
static __device__ __forceinline__ void
count_below(const double2 *tridiagonal, size_t side, double x, double y, int *below_x, int *below_y)
{
	struct minors at_x = {x, 1, 0, 0}, at_y = {y, 1, 0, 0};

	for (size_t i = 0; i < side; i += MINORS_OF_SCALE) {
#pragma unroll
		for (int k = 0; k < MINORS_OF_SCALE; k++) {
			double2 row = tridiagonal[i + k];

			next_minor(&at_x, row);
			next_minor(&at_y, row);
		}
		scale_minors(&at_x);
		scale_minors(&at_y);
	}
	*below_x = at_x.changes;
	*below_y = at_y.changes;
}

/* Point number i of a grid of `count` points in a range. */
static __device__ __forceinline__ double
grid_point(const double *range, int i, size_t count)
{
	return range[0] + (range[1] - range[0]) * ((i + 1.0) / ((double)count + 1.0));
}

static __device__ __forceinline__ void
share_tridiagonal(double2 *target, const double2 *source, size_t side)
{
	for (size_t i = threadIdx.x; i < side; i += THREADS)
		target[i] = source[i];
	__syncthreads();
}

/* Counts at the points of a grid, of which there are as many as the side, and of which each serves all. */
static __global__ void
__launch_bounds__(THREADS) count_at_grid(struct cuda_stages stages)
{
	extern __shared__ double2 tridiagonal[];
	size_t side = stages.side, matrix = blockIdx.y;
	const double *range = stages.ranges + 3 * matrix;
	int i = 2 * (int)(blockIdx.x * THREADS + threadIdx.x), below[2];

	share_tridiagonal(tridiagonal, stages.tridiagonal + matrix * side, side);
	if (i >= (int)side)
		return;
	count_below(tridiagonal, side, grid_point(range, i, side), grid_point(range, i + 1, side),
		    &below[0], &below[1]);
	stages.counts[matrix * side + i] = below[0];
	stages.counts[matrix * side + i + 1] = below[1];
}

struct enclosure {
	double low, high;
};

static __device__ __forceinline__ double
middle(const struct enclosure *enclosure)
{
	return 0.5 * (enclosure->low + enclosure->high);
}

static __device__ __forceinline__ bool
is_narrow(const struct enclosure *enclosure)
{
	double width = enclosure->high - enclosure->low, point = middle(enclosure);

	return width <= ABSOLUTE_WIDTH || width <= RELATIVE_WIDTH * fabs(point) ||
	       point <= enclosure->low || point >= enclosure->high;
}

/* Between the neighbours of the grid that hold eigenvalue number `number`, from 0 on. */
static __device__ __forceinline__ struct enclosure
enclose(const int *counts, const double *range, size_t count, int number)
{
	int below = -1, above = (int)count;

	while (above - below > 1) {
		int between = (below + above) / 2;

		if (counts[between] > number)
			above = between;
		else
			below = between;
	}
	return {below < 0 ? range[0] : grid_point(range, below, count),
		above == (int)count ? range[1] : grid_point(range, above, count)};
}

#define THREADS_OF_VALUE 2
#define PARTS		 (2 * THREADS_OF_VALUE + 1)

/* Where part i of an enclosure begins. */
static __device__ __forceinline__ double
part_of(const struct enclosure *enclosure, int i)
{
	return i == PARTS ? enclosure->high
			  : fma((enclosure->high - enclosure->low) * (1.0 / PARTS), (double)i,
				enclosure->low);
}

static __global__ void
__launch_bounds__(THREADS) bisect(struct cuda_stages stages)
{
	extern __shared__ double2 tridiagonal[];
	size_t n = stages.n, side = stages.side, matrix = blockIdx.y;
	const double *range = stages.ranges + 3 * matrix;
	size_t place = stages.first + (blockIdx.x * THREADS + threadIdx.x) / THREADS_OF_VALUE;
	/* Those that are too many do the last one, too, so that all can exchange counts. */
	int number = (int)(place < n ? place : n - 1), own = threadIdx.x % THREADS_OF_VALUE;

	share_tridiagonal(tridiagonal, stages.tridiagonal + matrix * side, side);
	struct enclosure enclosure = enclose(stages.counts + matrix * side, range, side, number);

	for (int round = 0; round < MOST_ROUNDS; round++) {
		bool narrow = is_narrow(&enclosure);
		int below_x, below_y, part;

		if (__all_sync(ALL_LANES, narrow))
			break;
		count_below(tridiagonal, side, part_of(&enclosure, 2 * own + 1),
			    part_of(&enclosure, 2 * own + 2), &below_x, &below_y);
		part = (below_x <= number) + (below_y <= number);
		part += __shfl_xor_sync(ALL_LANES, part, 1);
		if (!narrow)
			enclosure = {part_of(&enclosure, part), part_of(&enclosure, part + 1)};
	}
	if (place < n && !own)
		stages.values[matrix * n + place] = middle(&enclosure) * range[2];
}

/* As much as a block of threads may have. */
#define MOST_SHARED (227 * 1024)

cudaError_t
cuda_allow_bisection(void)
{
	cudaError_t error = cudaFuncSetAttribute(
		count_at_grid, cudaFuncAttributeMaxDynamicSharedMemorySize, MOST_SHARED);

	return error ? error
		     : cudaFuncSetAttribute(bisect, cudaFuncAttributeMaxDynamicSharedMemorySize,
					    MOST_SHARED);
}

cudaError_t
cuda_bisect(const struct cuda_stages *stages, cudaStream_t stream)
{
	unsigned count = (unsigned)stages->count;
	size_t wanted = stages->n - stages->first, shared = stages->side * sizeof(double2);
	unsigned grid_blocks = (unsigned)((stages->side + 2 * THREADS - 1) / (2 * THREADS));
	unsigned blocks = (unsigned)((wanted * THREADS_OF_VALUE + THREADS - 1) / THREADS);

	gather_tridiagonal<<<count, THREADS, 0, stream>>>(*stages);
	count_at_grid<<<dim3(grid_blocks, count), THREADS, shared, stream>>>(*stages);
	bisect<<<dim3(blocks, count), THREADS, shared, stream>>>(*stages);
	return cudaGetLastError();
}
