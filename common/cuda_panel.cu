/*
 * The panels of cuda_band_reduction.cu: their QR factorisation by Householder reflections, each by a cluster of
 * blocks of threads that have the panel in registers. A column needs one sum over all rows, which the blocks send
 * each other; a panel of one block sends nothing.
 */
#include "cuda_stages.h"

#include "cuda_instructions.cuh"

/* The lower triangle of the block on the diagonal at column c becomes part of the band. */
static __device__ void
store_diagonal(const struct cuda_stages *stages, size_t c, size_t matrix, unsigned warps)
{
	const double *source = stages->matrices + matrix * stages->side * stages->side;
	double *band = stages->band + matrix * (stages->side + BAND_STRIDE) * BAND_STRIDE;
	unsigned lane = threadIdx.x % WARP;

	for (unsigned k = threadIdx.x / WARP; k < BAND; k += warps)
		if (lane >= k)
			band[(c + k) * BAND_STRIDE + lane - k] =
				source[(c + k) * stages->side + c + lane];
}

static __global__ void
store_last_diagonal(struct cuda_stages stages)
{
	store_diagonal(&stages, stages.side - BAND, blockIdx.x, blockDim.x / WARP);
}

/* Below it a sum of squares is as good as zero: traces are near 1. */
#define NO_SQUARES 1e-280

#define MOST_BLOCKS 16 /* of a cluster */

/* Doubles from one column to the next in a warp's tile, and in T: see PADDED. */
#define TILE_STRIDE 37
#define T_STRIDE    36

/* What a block of WARPS warps shares; arrays of two are for odd and even columns. */
template <int WARPS> struct panel_memory {
	double column[WARPS][WARP];  /* of each warp's rows, in the order of its lanes */
	double sums[2][WARPS][BAND]; /* products of each column with that */
	double sums_of_blocks[2][MOST_BLOCKS][BAND]; /* the same of all blocks of the cluster */
	double pivot_row[2][BAND], pivot_row_here[2][BAND];
	double products[BAND][BAND]; /* V^T V, above the diagonal, by columns */
	double t[BAND * T_STRIDE];   /* T, by columns */
	double tau[BAND];
	uint64_t arrived[2];
	double tiles[WARPS][BAND * TILE_STRIDE];
};

/*
 * A warp has 32 rows of the panel in registers: lane 4 g + t has rows t, t + 4, ... of columns 4 g to
 * 4 g + 3.
 */
struct panel_part {
	double a[4][8];
	bool present; /* else all are zero */
	bool pivot;   /* the first 32 rows, with those that become R */
};

/* A value that stays in a register: a choice among such is not made by their addresses, of which they have none. */
static __device__ __forceinline__ double
in_register(double x)
{
	asm volatile("" : "+d"(x));
	return x;
}

static __device__ __forceinline__ void
load_part(struct panel_part *part, double *tile, const double *source, size_t side)
{
	unsigned lane = threadIdx.x % WARP;

	for (int k = 0; k < BAND; k++)
		tile[k * TILE_STRIDE + lane] = part->present ? source[k * side + lane] : 0;
	__syncwarp();
#pragma unroll
	for (int k = 0; k < 4; k++)
#pragma unroll
		for (int q = 0; q < 8; q++)
			part->a[k][q] = tile[(4 * GROUP + k) * TILE_STRIDE + MEMBER + 4 * q];
}

/* Gives every lane its rows of column j, with zeros down to the pivot; and shares the pivot's row. */
static __device__ __forceinline__ void
spread_column(const struct panel_part *part, int j, double *column, double *pivot_row,
	      double (&x)[8])
{
	if (GROUP == j / 4) {
#pragma unroll
		for (int q = 0; q < 8; q++) {
			double value = in_register(part->a[0][q]);

#pragma unroll
			for (int k = 1; k < 4; k++) {
				double other = in_register(part->a[k][q]);

				value = k == j % 4 ? other : value;
			}

			if (part->pivot && (int)MEMBER + 4 * q <= j)
				value = 0;
			column[MEMBER * 8 + q] = value;
		}
	}
	if (part->pivot && MEMBER == j % 4) {
		double row[4] = {};

#pragma unroll
		for (int q = 0; q < 8; q++)
#pragma unroll
			for (int k = 0; k < 4; k++) {
				double value = in_register(part->a[k][q]);

				row[k] = q == j / 4 ? value : row[k];
			}
#pragma unroll
		for (int k = 0; k < 4; k++)
			pivot_row[4 * GROUP + k] = row[k];
	}
	__syncwarp();
#pragma unroll
	for (int q = 0; q < 8; q += 2) {
		double2 pair = *(const double2 *)&column[MEMBER * 8 + q];

		x[q] = pair.x;
		x[q + 1] = pair.y;
	}
}

/* The products of x with each column, over this warp's rows: lane i has that of column i. */
static __device__ __forceinline__ double
multiply_columns(const struct panel_part *part, const double (&x)[8])
{
	double sum[4] = {};
	bool upper = MEMBER & 2, odd = MEMBER & 1;

#pragma unroll
	for (int q = 0; q < 8; q++)
#pragma unroll
		for (int k = 0; k < 4; k++)
			sum[k] = fma(x[q], part->a[k][q], sum[k]);
	/* Each exchange leaves a lane half of the columns, summed over twice the rows. */
	double low = upper ? sum[2] : sum[0], high = upper ? sum[3] : sum[1];

	low += __shfl_xor_sync(ALL_LANES, upper ? sum[0] : sum[2], 2);
	high += __shfl_xor_sync(ALL_LANES, upper ? sum[1] : sum[3], 2);
	return (odd ? high : low) + __shfl_xor_sync(ALL_LANES, odd ? low : high, 1);
}

template <int WARPS>
static __device__ __forceinline__ double
sum_of_warps(const double (&sums)[WARPS][BAND])
{
	double part[WARPS];

#pragma unroll
	for (int i = 0; i < WARPS; i++)
		part[i] = sums[i][threadIdx.x % WARP];
#pragma unroll
	for (int step = 0; WARPS >> step > 1; step++)
#pragma unroll
		for (int i = 0; i < WARPS; i++)
			if (i < WARPS >> (step + 1))
				part[i] += part[i + (WARPS >> (step + 1))];
	return part[0];
}

/*
 * Sums over the cluster, in the order of its blocks, and its first block's pivot row: each block sends its
 * own to all, itself included.
 */
template <int WARPS>
static __device__ __forceinline__ double
sum_of_cluster(struct panel_memory<WARPS> *memory, int j, unsigned rank, unsigned blocks,
	       double *pivot)
{
	int parity = j % 2;
	unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
	double sum = 0;

	if (blocks == 1) {
		*pivot = memory->pivot_row_here[parity][lane];
		return sum_of_warps(memory->sums[parity]);
	}
	if (warp < blocks) {
		double own = sum_of_warps(memory->sums[parity]);

		for (unsigned to = warp; to < blocks; to += WARPS) {
			uint32_t barrier = address_in_block(&memory->arrived[parity], to);

			send_value(
				address_in_block(&memory->sums_of_blocks[parity][rank][lane], to),
				own, barrier);
			if (!rank)
				send_value(address_in_block(&memory->pivot_row[parity][lane], to),
					   memory->pivot_row_here[parity][lane], barrier);
		}
	}
	barrier_await(&memory->arrived[parity], j / 2 % 2);
	for (unsigned i = 0; i < blocks; i++)
		sum += memory->sums_of_blocks[parity][i][lane];
	*pivot = memory->pivot_row[parity][lane];
	return sum;
}

/* What each lane knows of the reflection that was made of its column: I - tau v v^T, v = x * scale + e. */
struct reflection {
	double scale, tau, beta;
};

/*
 * Eliminates column j, of which x is what is below the pivot; sum is x^T a and pivot the pivot's row, for the
 * lane's column.
 */
static __device__ __forceinline__ void
eliminate(struct panel_part *part, int j, double (&x)[8], double sum, double pivot,
	  struct reflection *own, double *products)
{
	unsigned lane = threadIdx.x % WARP;
	double squares = __shfl_sync(ALL_LANES, sum, j), alpha = __shfl_sync(ALL_LANES, pivot, j);
	double beta = alpha, tau = 0, scale = 0, head = 0, factor = 0;

	if (squares > NO_SQUARES) {
		double square = fma(alpha, alpha, squares), inverse = reciprocal_root(square);

		beta = alpha > 0 ? -square * inverse : square * inverse;
		head = alpha - beta;
		scale = reciprocal(head);
		tau = fabs(head) * inverse;
		factor = alpha > 0 ? inverse : -inverse; /* tau * scale */
	}
	double product = fma(scale, sum, pivot); /* v^T a */

	if ((int)lane == j)
		*own = {scale, tau, beta};
	if (products)
		products[lane] = (int)lane < j ? own->scale * product : 0;

	double coefficient = (int)lane > j ? -factor * product : 0, of[4];

#pragma unroll
	for (int k = 0; k < 4; k++)
		of[k] = __shfl_sync(ALL_LANES, coefficient, (lane & ~3u) + k);
	if (part->pivot && MEMBER == j % 4) {
#pragma unroll
		for (int q = 0; q < 8; q++)
			if (q == j / 4)
				x[q] = head;
	}
#pragma unroll
	for (int q = 0; q < 8; q++)
#pragma unroll
		for (int k = 0; k < 4; k++)
			part->a[k][q] = fma(of[k], x[q], part->a[k][q]);
}

/* The warp's part of V into its tile; of R, which the pivot's warp has, into the band. */
static __device__ __forceinline__ void
finish_part(const struct panel_part *part, const struct reflection *own, double *tile, double *band)
{
	unsigned lane = threadIdx.x % WARP;
	double scale[4], beta[4];

#pragma unroll
	for (int k = 0; k < 4; k++) {
		scale[k] = __shfl_sync(ALL_LANES, own->scale, (lane & ~3u) + k);
		beta[k] = __shfl_sync(ALL_LANES, own->beta, (lane & ~3u) + k);
	}
	if (part->pivot) {
#pragma unroll
		for (int k = 0; k < 4; k++)
#pragma unroll
			for (int q = 0; q < 8; q++) {
				int row = MEMBER + 4 * q, column = 4 * GROUP + k;

				tile[column * TILE_STRIDE + row] = row == column ? beta[k]
										 : part->a[k][q];
			}
		__syncwarp();
		for (unsigned k = 0; k < BAND; k++)
			if (lane <= k)
				band[k * BAND_STRIDE + BAND + lane - k] =
					tile[k * TILE_STRIDE + lane];
		__syncwarp();
	}
#pragma unroll
	for (int k = 0; k < 4; k++)
#pragma unroll
		for (int q = 0; q < 8; q++) {
			int row = MEMBER + 4 * q, column = 4 * GROUP + k;
			double value = part->a[k][q] * scale[k];

			if (part->pivot && row <= column)
				value = row == column;
			tile[column * TILE_STRIDE + row] = value;
		}
	__syncwarp();
}

/*
 * T, of which I - V T V^T is the product of all reflections (Schreiber and Van Loan 1989). A lane has a row
 * of it.
 */
template <int WARPS>
static __device__ __forceinline__ void
form_t(struct panel_memory<WARPS> *memory, double tau)
{
	unsigned lane = threadIdx.x % WARP;
	double row[BAND];

	memory->tau[lane] = tau;
	__syncwarp();
#pragma unroll 32
	for (int j = 0; j < BAND; j++) {
		double even = 0, odd = 0, tau_j = memory->tau[j];

#pragma unroll 16
		for (int k = 0; k < BAND; k += 2) {
			if (k < j)
				even = fma(row[k], memory->products[j][k], even);
			if (k + 1 < j)
				odd = fma(row[k + 1], memory->products[j][k + 1], odd);
		}
		row[j] = j == (int)lane ? tau_j : -tau_j * (even + odd);
		memory->t[j * T_STRIDE + lane] = row[j];
	}
}

/* 32 rows of V T, from the tile with V; T is upper triangular. */
static __device__ __forceinline__ void
multiply_by_t(const double *tile, const double *t, double *target)
{
#pragma unroll
	for (int j = 0; j < 4; j++) {
		double sum[2][4] = {};

#pragma unroll
		for (int k = 0; k <= j; k++) {
			double left[2][4], right[2];

			for (int part = 0; part < 2; part++)
				right[part] =
					t[(8 * j + GROUP) * T_STRIDE + 8 * k + MEMBER + 4 * part];
			for (int i = 0; i < 2; i++) {
				for (int part = 0; part < 4; part++)
					left[i][part] =
						tile[(8 * k + MEMBER + part / 2 * 4) * TILE_STRIDE +
						     16 * i + GROUP + part % 2 * 8];
				multiply_add(sum[i], left[i], right);
			}
		}
		for (int i = 0; i < 2; i++)
			for (int part = 0; part < 2; part++)
				*(double2 *)&target[(16 * i + GROUP + 8 * part) * BAND + 8 * j +
						    2 * MEMBER] =
					make_double2(sum[i][2 * part], sum[i][2 * part + 1]);
	}
}

/*
 * The panel at column c by a cluster, of which each block has 32 WARPS rows: R goes into the band, V and V T
 * to where the next steps find them.
 */
template <int WARPS, int BLOCKS_AT_ONCE>
static __global__ void
__launch_bounds__(WARP *WARPS, BLOCKS_AT_ONCE)
	factor_panel(struct cuda_stages stages, size_t c, size_t put_off, unsigned blocks)
{
	extern __shared__ __align__(16) unsigned char shared[];
	panel_memory<WARPS> *memory = reinterpret_cast<panel_memory<WARPS> *>(shared);
	unsigned rank = block_in_cluster(), warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
	size_t matrix = blockIdx.x / blocks, side = stages.side, below = c + BAND;
	size_t row = below + (rank * WARPS + warp) * WARP;
	double *tile = memory->tiles[warp];
	panel_part part = {.present = row < side, .pivot = !rank && !warp};
	reflection own = {};

	if (!threadIdx.x) {
		barrier_open(&memory->arrived[0]);
		barrier_open(&memory->arrived[1]);
		publish_barriers();
	}
	load_part(&part, tile, stages.matrices + (matrix * side + c) * side + row, side);
	if (!rank)
		store_diagonal(&stages, c, matrix, WARPS);
	barrier_of_cluster();
	for (int j = 0; j < BAND; j++) {
		double x[8], sum, pivot;

		spread_column(&part, j, memory->column[warp], memory->pivot_row_here[j % 2], x);
		memory->sums[j % 2][warp][lane] = multiply_columns(&part, x);
		if (!threadIdx.x && blocks > 1)
			barrier_expect(&memory->arrived[j % 2],
				       (blocks + 1) * BAND * sizeof(double));
		__syncthreads();
		sum = sum_of_cluster(memory, j, rank, blocks, &pivot);
		eliminate(&part, j, x, sum, pivot, &own,
			  warp == WARPS - 1 ? memory->products[j] : nullptr);
	}
	finish_part(&part, &own, tile,
		    stages.band + (matrix * (side + BAND_STRIDE) + c) * BAND_STRIDE);
	if (warp == WARPS - 1)
		form_t(memory, own.tau);
	if (part.present) {
		double *v = stages.factors + (matrix * 2 * stages.put_off + put_off) * side + row +
			    lane;

#pragma unroll 8
		for (int k = 0; k < BAND; k++)
			v[k * side] = tile[k * TILE_STRIDE + lane];
	}
	__syncthreads();
	if (part.present)
		multiply_by_t(tile, memory->t, stages.reflectors + (matrix * side + row) * BAND);
	/* No block may end before others have sent to it, or while it is sent to. */
	barrier_of_cluster();
}

/* --- launches --- */

/* A block has so many warps in the panels of matrices up to a side, and of larger ones. */
#define WARPS_SMALL 8
#define WARPS_LARGE 16
#define SIDE_SMALL  (WARPS_SMALL * WARP * MOST_BLOCKS)

/* A launch of the panels' kernel. */
struct panel_launch {
	cudaLaunchConfig_t config;
	cudaLaunchAttribute cluster;
};

static void
prepare_launch(struct panel_launch *launch, int warps, size_t memory, size_t count, unsigned blocks,
	       cudaStream_t stream)
{
	*launch = {};
	launch->cluster.id = cudaLaunchAttributeClusterDimension;
	launch->cluster.val.clusterDim = {blocks, 1, 1};
	launch->config.gridDim = dim3((unsigned)count * blocks);
	launch->config.blockDim = dim3((unsigned)warps * WARP);
	launch->config.dynamicSmemBytes = memory;
	launch->config.stream = stream;
	launch->config.attrs = &launch->cluster;
	launch->config.numAttrs = 1;
}

template <int WARPS, int BLOCKS_AT_ONCE>
static cudaError_t
launch_panel(const struct cuda_stages *stages, size_t c, size_t put_off, cudaStream_t stream)
{
	struct panel_launch launch;
	unsigned blocks = 1;

	while (blocks * WARPS * WARP < stages->side - c - BAND)
		blocks *= 2;
	prepare_launch(&launch, WARPS, sizeof(panel_memory<WARPS>), stages->count, blocks, stream);
	return cudaLaunchKernelEx(&launch.config, factor_panel<WARPS, BLOCKS_AT_ONCE>, *stages, c,
				  put_off, blocks);
}

int
cuda_has_clusters(void)
{
	struct panel_launch launch;
	cudaFuncAttributes attributes;
	int clusters = 0;

	/* Code for devices that are older does nothing. */
	if (cudaFuncGetAttributes(&attributes, factor_panel<WARPS_LARGE, 1>) != cudaSuccess ||
	    attributes.ptxVersion < 90)
		return 0;
	prepare_launch(&launch, WARPS_LARGE, sizeof(panel_memory<WARPS_LARGE>), 1, MOST_BLOCKS, 0);
	return cudaOccupancyMaxActiveClusters(&clusters, factor_panel<WARPS_LARGE, 1>,
					      &launch.config) == cudaSuccess &&
	       clusters > 0;
}

cudaError_t
cuda_allow_panels(void)
{
	const struct {
		const void *kernel;
		size_t memory;
	} kernels[] = {
		{(const void *)factor_panel<WARPS_SMALL, 2>, sizeof(panel_memory<WARPS_SMALL>)},
		{(const void *)factor_panel<WARPS_LARGE, 1>, sizeof(panel_memory<WARPS_LARGE>)}};
	cudaError_t error = cudaSuccess;

	for (size_t i = 0; !error && i < sizeof(kernels) / sizeof(*kernels); i++) {
		error = cudaFuncSetAttribute(kernels[i].kernel,
					     cudaFuncAttributeMaxDynamicSharedMemorySize,
					     (int)kernels[i].memory);
		if (!error)
			error = cudaFuncSetAttribute(kernels[i].kernel,
						     cudaFuncAttributeNonPortableClusterSizeAllowed,
						     1);
	}
	return error;
}

cudaError_t
cuda_factor_panel(const struct cuda_stages *stages, size_t c, cudaStream_t stream)
{
	size_t put_off = c % stages->put_off;

	return stages->side <= SIDE_SMALL
		       ? launch_panel<WARPS_SMALL, 2>(stages, c, put_off, stream)
		       : launch_panel<WARPS_LARGE, 1>(stages, c, put_off, stream);
}

cudaError_t
cuda_store_last_diagonal(const struct cuda_stages *stages, cudaStream_t stream)
{
	store_last_diagonal<<<(unsigned)stages->count, 256, 0, stream>>>(*stages);
	return cudaGetLastError();
}
