/*
 * The third stage: eigenvalues of tridiagonal matrices by bisection (Barth, Martin and Wilkinson 1967). The
 * number of eigenvalues below x is that of changes of sign among the leading minors of T - x, which follow
 *
 *     p_i = (d_i - x) p_{i-1} - e_{i-1}^2 p_{i-2}
 *
 * and are scaled every few steps to stay in range; their quotients are the pivots of Gaussian elimination, so
 * rounding has the effect of a small relative change of every element of T - x. Two points are counted at
 * once, since a step waits for the one before.
 */
#include "cuda_stages.h"

#include "cuda_instructions.cuh"

#define THREADS 128

/* Minors between two scalings. A factor is at most about 2 and at least 1e-40: none leaves the range. */
#define MINORS_OF_SCALE 8

/* Takes the place of squares of the off-diagonal that are smaller, for matrices scaled to a norm of 1. */
#define SMALLEST_SQUARE 1e-40

/* The diagonal beyond n: above all eigenvalues, which are at most about 1. */
#define BEYOND 4

/* Enclosures end at this width, relative to the eigenvalue, and to the norm. */
#define RELATIVE_WIDTH 0x1p-52
#define ABSOLUTE_WIDTH 0x1p-80
#define MOST_STEPS     120

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
			i < n ? make_double2(band[i * BAND_STRIDE] / norm, fmax(off * off, SMALLEST_SQUARE))
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
__launch_bounds__(THREADS)
count_at_grid(struct cuda_stages stages)
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
	int number; /* the eigenvalue's, from 0 on */
	double low, high;
	bool narrow;
};

static __device__ __forceinline__ double
middle(const struct enclosure *enclosure)
{
	return 0.5 * (enclosure->low + enclosure->high);
}

static __device__ __forceinline__ void
check_width(struct enclosure *enclosure)
{
	double width = enclosure->high - enclosure->low, point = middle(enclosure);

	enclosure->narrow = width <= ABSOLUTE_WIDTH || width <= RELATIVE_WIDTH * fabs(point) ||
			    point <= enclosure->low || point >= enclosure->high;
}

/* Between the neighbours of the grid that hold it. */
static __device__ __forceinline__ struct enclosure
enclose(const int *counts, const double *range, size_t count, int number)
{
	int below = -1, above = (int)count;
	struct enclosure enclosure = {.number = number};

	while (above - below > 1) {
		int between = (below + above) / 2;

		if (counts[between] > number)
			above = between;
		else
			below = between;
	}
	enclosure.low = below < 0 ? range[0] : grid_point(range, below, count);
	enclosure.high = above == (int)count ? range[1] : grid_point(range, above, count);
	check_width(&enclosure);
	return enclosure;
}

static __device__ __forceinline__ void
halve(struct enclosure *enclosure, double point, int below)
{
	if (enclosure->narrow)
		return;
	if (below > enclosure->number)
		enclosure->high = point;
	else
		enclosure->low = point;
	check_width(enclosure);
}

/* Two eigenvalues a thread. */
static __global__ void
__launch_bounds__(THREADS)
bisect(struct cuda_stages stages)
{
	extern __shared__ double2 tridiagonal[];
	size_t n = stages.n, side = stages.side, matrix = blockIdx.y;
	const int *counts = stages.counts + matrix * side;
	const double *range = stages.ranges + 3 * matrix;
	size_t number = stages.first + 2 * (blockIdx.x * THREADS + threadIdx.x);

	share_tridiagonal(tridiagonal, stages.tridiagonal + matrix * side, side);
	if (number >= n)
		return;
	struct enclosure one = enclose(counts, range, side, (int)number);
	struct enclosure two = number + 1 < n ? enclose(counts, range, side, (int)number + 1) : one;

	for (int step = 0; step < MOST_STEPS && !(one.narrow && two.narrow); step++) {
		double x = middle(&one), y = middle(&two);
		int below_x, below_y;

		count_below(tridiagonal, side, x, y, &below_x, &below_y);
		halve(&one, x, below_x);
		halve(&two, y, below_y);
	}
	stages.values[matrix * n + number] = middle(&one) * range[2];
	if (number + 1 < n)
		stages.values[matrix * n + number + 1] = middle(&two) * range[2];
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
	unsigned blocks = (unsigned)((wanted + 2 * THREADS - 1) / (2 * THREADS));

	gather_tridiagonal<<<count, THREADS, 0, stream>>>(*stages);
	count_at_grid<<<dim3(grid_blocks, count), THREADS, shared, stream>>>(*stages);
	bisect<<<dim3(blocks, count), THREADS, shared, stream>>>(*stages);
	return cudaGetLastError();
}
