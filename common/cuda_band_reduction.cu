/*
 * The first stage: a symmetric matrix A becomes Q^T A Q, of half bandwidth BAND, by blocks of Householder
 * reflections (Bischof, Lang and Sun, A framework for symmetric band reduction, 2000). For each panel of BAND
 * columns, below the band:
 *
 *     panel = (I - V T V^T) R        its QR factorisation
 *     Y = A V T,  W = Y - V (T^T V^T Y) / 2
 *     A := A - V W^T - W V^T         of what is right of the panel
 *
 * The last step is put off for several panels, so that it is one product of some depth; until then, panels
 * and Y are mended by the V and W that are still outstanding. With X = [V W] of these and X' = [W V]:
 *
 *     Y = A V T - X (X'^T V T)
 *
 * A product of A and a panel reads all of A and bounds the time of large matrices; QR, whose columns depend
 * on each other, that of small ones, which is why many of them go side by side.
 *
 * Sums have the same order whatever the number of matrices, so their spectra do not depend on it.
 */
#include "cuda_stages.h"

#include "cuda_instructions.cuh"

/* Lanes of a warp in multiply_add(). */
#define GROUP  (threadIdx.x % WARP / 4)
#define MEMBER (threadIdx.x % 4)

/* Of the tiles in shared memory: rows that follow each other lie in different banks. */
#define PADDED(rows) ((rows) + 4)

#define TILE_DEPTH 16 /* columns of a tile that are multiplied between two barriers */

/* --- the whole matrix --- */

#define MIRROR_TILE 32

static __global__ void
mirror(struct cuda_stages stages)
{
	__shared__ double tile[MIRROR_TILE][MIRROR_TILE + 1];
	size_t side = stages.side, i0 = blockIdx.x * MIRROR_TILE, j0 = blockIdx.y * MIRROR_TILE;
	double *matrix = stages.matrices + blockIdx.z * side * side;
	double trace = stages.traces[blockIdx.z];
	double scale = trace > 0 ? ldexp(1.0, -ilogb(trace)) : 1;

	if (i0 < j0)
		return;
	for (unsigned j = threadIdx.y; j < MIRROR_TILE; j += blockDim.y) {
		unsigned i = threadIdx.x;
		bool inside = i0 + i < stages.n && j0 + j < stages.n && i0 + i >= j0 + j;

		tile[j][i] = inside ? matrix[(j0 + j) * side + i0 + i] * scale : 0;
	}
	__syncthreads();
	for (unsigned j = threadIdx.y; j < MIRROR_TILE; j += blockDim.y) {
		unsigned i = threadIdx.x;

		if (i0 != j0 || i >= j)
			matrix[(j0 + j) * side + i0 + i] = tile[j][i];
		if (i0 != j0 || i < j)
			matrix[(i0 + j) * side + j0 + i] = tile[i][j];
	}
}

cudaError_t
cuda_mirror(const struct cuda_stages *stages, cudaStream_t stream)
{
	unsigned tiles = (unsigned)(stages->side / MIRROR_TILE);

	mirror<<<dim3(tiles, tiles, (unsigned)stages->count), dim3(MIRROR_TILE, 8), 0, stream>>>(
		*stages);
	return cudaGetLastError();
}

/* --- a panel before its factorisation --- */

#define UPDATE_WARPS 4
#define UPDATE_ROWS  (16 * UPDATE_WARPS)

/* Subtracts X X'^T, of the panels that are put off, from BAND columns from c on. A warp has 16 rows. */
static __global__ void
__launch_bounds__(UPDATE_WARPS *WARP)
	update_panel(struct cuda_stages stages, size_t c, size_t put_off)
{
	size_t side = stages.side,
	       row = c + blockIdx.x * UPDATE_ROWS + threadIdx.x / WARP * 16 + GROUP;
	double *matrix = stages.matrices + blockIdx.y * side * side;
	const double *factors = stages.factors + blockIdx.y * side * 2 * stages.put_off;
	double sum[4][4] = {};

	if (row >= side)
		return;
	for (int half = 0; half < 2; half++)
#pragma unroll 4
		for (size_t k = 0; k < put_off; k += 8) {
			const double *x = factors + (half * stages.put_off + k + MEMBER) * side +
					  row;
			const double *y = factors +
					  ((1 - half) * stages.put_off + k + MEMBER) * side + c +
					  GROUP;
			double left[4], right[4][2];

			for (int part = 0; part < 4; part++)
				left[part] = x[part / 2 * 4 * side + part % 2 * 8];
			for (int j = 0; j < 4; j++)
				for (int part = 0; part < 2; part++)
					right[j][part] = y[part * 4 * side + 8 * j];
			for (int j = 0; j < 4; j++)
				multiply_add(sum[j], left, right[j]);
		}
	for (int j = 0; j < 4; j++)
		for (int part = 0; part < 4; part++)
			matrix[(c + 8 * j + 2 * MEMBER + part % 2) * side + row + part / 2 * 8] -=
				sum[j][part];
}

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

/* --- QR of a panel --- */

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

/* --- the matrix times V T --- */

#define PRODUCT_ROWS	128
#define PRODUCT_THREADS 128
#define PRODUCT_STAGES	4

struct product_stage {
	double matrix[TILE_DEPTH][PADDED(PRODUCT_ROWS)];
	double reflectors[TILE_DEPTH][PADDED(BAND)];
};

/* Begins to copy TILE_DEPTH columns of 128 rows, and as many rows of V T. */
static __device__ __forceinline__ void
load_product(product_stage *stage, const double *matrix, const double *reflectors, size_t side,
	     size_t rows_left)
{
#pragma unroll
	for (unsigned i = 0; i < TILE_DEPTH * PRODUCT_ROWS / 2 / PRODUCT_THREADS; i++) {
		unsigned pair = i * PRODUCT_THREADS + threadIdx.x, k = pair / (PRODUCT_ROWS / 2),
			 row = pair % (PRODUCT_ROWS / 2) * 2;
		bool present = row < rows_left;

		copy_pair(&stage->matrix[k][row], matrix + (present ? k * side + row : 0), present);
	}
#pragma unroll
	for (unsigned i = 0; i < TILE_DEPTH * BAND / 2 / PRODUCT_THREADS; i++) {
		unsigned pair = i * PRODUCT_THREADS + threadIdx.x, k = pair / (BAND / 2),
			 j = pair % (BAND / 2) * 2;

		copy_pair(&stage->reflectors[k][j], reflectors + k * BAND + j, true);
	}
}

/*
 * Rows from first + 128 * blockIdx.x on of the product, over `pieces` pieces from pieces * blockIdx.y on.
 * Each is summed up by itself, so it does not matter how they are shared out.
 */
static __global__ void
__launch_bounds__(PRODUCT_THREADS, 2)
	multiply_by_reflectors(struct cuda_stages stages, size_t first, size_t pieces)
{
	extern __shared__ __align__(16) unsigned char shared[];
	product_stage *stage = reinterpret_cast<product_stage *>(shared);
	size_t side = stages.side, row = first + blockIdx.x * PRODUCT_ROWS;
	size_t begin = first + blockIdx.y * pieces * PIECE_COLUMNS;
	size_t end = begin + pieces * PIECE_COLUMNS < side ? begin + pieces * PIECE_COLUMNS : side;
	const double *matrix = stages.matrices + (blockIdx.z * side + begin) * side + row;
	const double *reflectors = stages.reflectors + (blockIdx.z * side + begin) * BAND;
	unsigned warp_row = threadIdx.x / WARP * WARP,
		 steps = (unsigned)((end - begin) / TILE_DEPTH);
	double sum[2][4][4] = {}, total[2][4][4] = {};

#pragma unroll
	for (unsigned step = 0; step < PRODUCT_STAGES - 1; step++) {
		if (step < steps)
			load_product(&stage[step], matrix + step * TILE_DEPTH * side,
				     reflectors + step * TILE_DEPTH * BAND, side, side - row);
		end_group_of_copies();
	}
	for (unsigned step = 0; step < steps; step++) {
		product_stage *now = &stage[step % PRODUCT_STAGES];
		unsigned next = step + PRODUCT_STAGES - 1;

		await_copies<PRODUCT_STAGES - 2>();
		__syncthreads();
		if (next < steps)
			load_product(&stage[next % PRODUCT_STAGES],
				     matrix + next * TILE_DEPTH * side,
				     reflectors + next * TILE_DEPTH * BAND, side, side - row);
		end_group_of_copies();
#pragma unroll
		for (int k = 0; k < TILE_DEPTH; k += 8) {
			double left[2][4], right[4][2];

			for (int i = 0; i < 2; i++)
				for (int part = 0; part < 4; part++)
					left[i][part] = now->matrix[k + MEMBER + part / 2 * 4]
								   [warp_row + 16 * i + GROUP +
								    part % 2 * 8];
			for (int j = 0; j < 4; j++)
				for (int part = 0; part < 2; part++)
					right[j][part] = now->reflectors[k + MEMBER + part * 4]
									[8 * j + GROUP];
			for (int i = 0; i < 2; i++)
				for (int j = 0; j < 4; j++)
					multiply_add(sum[i][j], left[i], right[j]);
		}
		if (step % (PIECE_COLUMNS / TILE_DEPTH) == PIECE_COLUMNS / TILE_DEPTH - 1 ||
		    step + 1 == steps)
			for (int i = 0; i < 2; i++)
				for (int j = 0; j < 4; j++)
					for (int part = 0; part < 4; part++) {
						total[i][j][part] += sum[i][j][part];
						sum[i][j][part] = 0;
					}
	}
	double *target = gridDim.y == 1 ? stages.products + blockIdx.z * side * BAND
					: stages.pieces + (blockIdx.z * gridDim.y + blockIdx.y) *
								  side * BAND;

	if (row + warp_row >= side)
		return;
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 4; j++)
			for (int part = 0; part < 4; part++)
				target[(8 * j + 2 * MEMBER + part % 2) * side + row + warp_row +
				       16 * i + GROUP + part / 2 * 8] = total[i][j][part];
}

#define SUM_THREADS 256

/* Sums the pieces up in their order, for one of the BAND columns in blockIdx.y. */
static __global__ void
sum_pieces(struct cuda_stages stages, size_t first, unsigned pieces)
{
	size_t side = stages.side, row = first + blockIdx.x * SUM_THREADS + threadIdx.x;
	size_t place = blockIdx.y * side + row;
	const double *part = stages.pieces + blockIdx.z * pieces * side * BAND + place;
	double sum = 0;

	if (row >= side)
		return;
#pragma unroll 8
	for (unsigned i = 0; i < pieces; i++)
		sum += part[i * side * BAND];
	stages.products[blockIdx.z * side * BAND + place] = sum;
}

/* --- W --- */

#define PROJECTION_WARPS 4

/* The columns of X of one group of BAND, those of V before those of W, and after them Y = A V T. */
static __device__ __forceinline__ const double *
columns_of_group(const struct cuda_stages *stages, size_t matrix, size_t group, size_t put_off)
{
	size_t groups = put_off / BAND, side = stages->side;
	const double *factors = stages->factors + matrix * side * 2 * stages->put_off;

	if (group == 2 * groups)
		return stages->products + matrix * side * BAND;
	return factors +
	       (group < groups ? group * BAND : stages->put_off + (group - groups) * BAND) * side;
}

/* [X Y]^T V T, of one group of columns, over CHUNK_ROWS rows. */
static __global__ void
__launch_bounds__(WARP *PROJECTION_WARPS)
	project(struct cuda_stages stages, size_t first, size_t put_off)
{
	__shared__ double sums[PROJECTION_WARPS][BAND * BAND];
	size_t side = stages.side, matrix = blockIdx.z;
	size_t row = first + blockIdx.y * CHUNK_ROWS +
		     threadIdx.x / WARP * (CHUNK_ROWS / PROJECTION_WARPS);
	size_t end = row + CHUNK_ROWS / PROJECTION_WARPS < side
			     ? row + CHUNK_ROWS / PROJECTION_WARPS
			     : side;
	const double *columns = columns_of_group(&stages, matrix, blockIdx.x, put_off);
	const double *reflectors = stages.reflectors + matrix * side * BAND;
	double sum[2][4][4] = {};

#pragma unroll 4
	for (; row < end; row += 8) {
		double left[2][4], right[4][2];

		for (int i = 0; i < 2; i++)
			for (int part = 0; part < 4; part++)
				left[i][part] = columns[(16 * i + GROUP + part % 2 * 8) * side +
							row + MEMBER + part / 2 * 4];
		for (int j = 0; j < 4; j++)
			for (int part = 0; part < 2; part++)
				right[j][part] = reflectors[(row + MEMBER + part * 4) * BAND +
							    8 * j + GROUP];
		for (int i = 0; i < 2; i++)
			for (int j = 0; j < 4; j++)
				multiply_add(sum[i][j], left[i], right[j]);
	}
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 4; j++)
			for (int part = 0; part < 4; part++)
				sums[threadIdx.x / WARP][(16 * i + GROUP + part / 2 * 8) * BAND +
							 8 * j + 2 * MEMBER + part % 2] =
					sum[i][j][part];
	__syncthreads();
	double *target = stages.parts +
			 ((matrix * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x) * BAND * BAND;

	for (unsigned i = threadIdx.x; i < BAND * BAND; i += blockDim.x)
		target[i] = (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i]);
}

/* Sums them up over all rows. */
static __global__ void
sum_projections(struct cuda_stages stages, unsigned chunks)
{
	size_t stride = gridDim.x * BAND * BAND;
	const double *part = stages.parts + blockIdx.y * chunks * stride + blockIdx.x * BAND * BAND;
	double *target = stages.projections +
			 (blockIdx.y * (2 * stages.put_off / BAND + 1) + blockIdx.x) * BAND * BAND;

	for (unsigned i = threadIdx.x; i < BAND * BAND; i += blockDim.x) {
		double sum = 0;

#pragma unroll 8
		for (unsigned chunk = 0; chunk < chunks; chunk++)
			sum += part[chunk * stride + i];
		target[i] = sum;
	}
}

#define FORM_WARPS 8
#define FORM_ROWS  (FORM_WARPS * 16)

struct form_memory {
	double products[BAND][PADDED(BAND)];		    /* Y^T V T, and then -S / 2 */
	double projections[2 * MOST_PUT_OFF][PADDED(BAND)]; /* C = X^T V T */
};

/* C' = X'^T V T has the rows of C, the halves exchanged. */
static __device__ __forceinline__ size_t
exchanged(size_t k, size_t put_off)
{
	return k < put_off ? k + put_off : k - put_off;
}

/*
 * S = T^T V^T Y for Y = A V T - X C', which is T^T V^T A V T - C^T C'; each of 8 warps makes 16 x 8 of it.
 */
static __device__ __forceinline__ void
form_s(form_memory *memory, size_t put_off)
{
	unsigned i = threadIdx.x / WARP / 4 * 16, j = threadIdx.x / WARP % 4 * 8;
	double sum[4] = {}, s[4];

	for (size_t k = 0; k < 2 * put_off; k += 8) {
		double left[4], right[2];

		for (int part = 0; part < 4; part++)
			left[part] = memory->projections[k + MEMBER + part / 2 * 4]
							[i + GROUP + part % 2 * 8];
		for (int part = 0; part < 2; part++)
			right[part] = memory->projections[exchanged(k, put_off) + MEMBER + part * 4]
							 [j + GROUP];
		multiply_add(sum, left, right);
	}
	for (int part = 0; part < 4; part++)
		s[part] = memory->products[j + 2 * MEMBER + part % 2][i + GROUP + part / 2 * 8] -
			  sum[part];
	__syncthreads();
	for (int part = 0; part < 4; part++)
		memory->products[i + GROUP + part / 2 * 8][j + 2 * MEMBER + part % 2] = -0.5 *
											s[part];
	__syncthreads();
}

/* sum += sign * (16 rows of X, from k columns on) * right, for `depth` columns. */
static __device__ __forceinline__ void
add_product(double (&sum)[4][4], const double *x, size_t side, size_t depth, double sign,
	    const double (*right)[PADDED(BAND)])
{
#pragma unroll 4
	for (size_t k = 0; k < depth; k += 8) {
		double left[4], of_right[4][2];

		for (int part = 0; part < 4; part++)
			left[part] = sign * x[(k + MEMBER + part / 2 * 4) * side + part % 2 * 8];
		for (int j = 0; j < 4; j++)
			for (int part = 0; part < 2; part++)
				of_right[j][part] = right[k + MEMBER + part * 4][8 * j + GROUP];
		for (int j = 0; j < 4; j++)
			multiply_add(sum[j], left, of_right[j]);
	}
}

/* W = A V T - X C' - V S / 2; a warp has 16 rows. */
static __global__ void
__launch_bounds__(FORM_WARPS *WARP) form_w(struct cuda_stages stages, size_t first, size_t put_off)
{
	extern __shared__ __align__(16) unsigned char shared[];
	form_memory *memory = reinterpret_cast<form_memory *>(shared);
	size_t side = stages.side, matrix = blockIdx.y;
	size_t row = first + blockIdx.x * FORM_ROWS + threadIdx.x / WARP * 16 + GROUP;
	const double *projections = stages.projections +
				    matrix * (2 * stages.put_off / BAND + 1) * BAND * BAND;
	double *v = stages.factors + matrix * side * 2 * stages.put_off,
	       *w = v + stages.put_off * side;
	const double *y = stages.products + matrix * side * BAND + row;
	double sum[4][4];

#pragma unroll 4
	for (size_t i = threadIdx.x; i < 2 * put_off * BAND; i += FORM_WARPS * WARP)
		memory->projections[i / BAND][i % BAND] = projections[i];
	for (size_t i = threadIdx.x; i < BAND * BAND; i += FORM_WARPS * WARP)
		memory->products[i / BAND][i % BAND] = projections[2 * put_off * BAND + i];
	__syncthreads();
	form_s(memory, put_off);
	if (row >= side)
		return;
	for (int j = 0; j < 4; j++)
		for (int part = 0; part < 4; part++)
			sum[j][part] = y[(8 * j + 2 * MEMBER + part % 2) * side + part / 2 * 8];
	add_product(sum, v + row, side, put_off, -1, memory->projections + put_off);
	add_product(sum, w + row, side, put_off, -1, memory->projections);
	add_product(sum, v + put_off * side + row, side, BAND, 1, memory->products);
	w += put_off * side + row;
	for (int j = 0; j < 4; j++)
		for (int part = 0; part < 4; part++)
			w[(8 * j + 2 * MEMBER + part % 2) * side + part / 2 * 8] = sum[j][part];
}

/* --- the rest of the matrix --- */

#define TRAILING_ROWS	 128
#define TRAILING_COLUMNS 64
#define TRAILING_THREADS 128
#define TRAILING_STAGES	 3

struct trailing_stage {
	double left[TILE_DEPTH][PADDED(TRAILING_ROWS)];
	double right[TILE_DEPTH][PADDED(TRAILING_COLUMNS)];
};

/* TILE_DEPTH columns of so many rows. */
template <int ROWS>
static __device__ __forceinline__ void
load_tile(double (*target)[PADDED(ROWS)], const double *source, size_t side, size_t rows_left)
{
#pragma unroll
	for (unsigned i = 0; i < TILE_DEPTH * ROWS / 2 / TRAILING_THREADS; i++) {
		unsigned pair = i * TRAILING_THREADS + threadIdx.x, k = pair / (ROWS / 2),
			 row = pair % (ROWS / 2) * 2;
		bool present = row < rows_left;

		copy_pair(&target[k][row], source + (present ? k * side + row : 0), present);
	}
}

/* The row of tiles of number x, where row i has 2 i + 2 tiles that are not above the diagonal. */
static __device__ __forceinline__ unsigned
row_of_tile(unsigned x)
{
	unsigned row = (unsigned)((sqrt(1.0 + 4.0 * x) - 1) / 2);

	while (row * (row + 1) > x)
		row--;
	while ((row + 1) * (row + 2) <= x)
		row++;
	return row;
}

/*
 * Subtracts a thread's part of 16 rows of four products from what is on and below the diagonal, and mirrors it.
 * All is read before any is written, since a read takes long.
 */
static __device__ __forceinline__ void
subtract_mirrored(double *matrix, size_t side, size_t row, size_t column, const double (&sum)[4][4])
{
	double value[4][4];

#pragma unroll
	for (int j = 0; j < 4; j++)
#pragma unroll
		for (int part = 0; part < 4; part++) {
			size_t r = row + part / 2 * 8, c = column + 8 * j + part % 2;

			value[j][part] = r >= c && r < side ? matrix[c * side + r] : 0;
		}
#pragma unroll
	for (int j = 0; j < 4; j++)
#pragma unroll
		for (int part = 0; part < 4; part++) {
			size_t r = row + part / 2 * 8, c = column + 8 * j + part % 2;

			value[j][part] -= sum[j][part];
			if (r >= c && r < side)
				matrix[c * side + r] = value[j][part];
		}
#pragma unroll
	for (int j = 0; j < 4; j++)
#pragma unroll
		for (int half = 0; half < 2; half++) {
			size_t r = row + half * 8, c = column + 8 * j;
			double *mirrored = matrix + r * side + c;

			if (r > c && r < side)
				*(double2 *)mirrored = make_double2(value[j][2 * half],
								    value[j][2 * half + 1]);
		}
}

/* Subtracts X X'^T of all panels that were put off, on and below the diagonal, and mirrors it. */
static __global__ void
__launch_bounds__(TRAILING_THREADS, 2) update_trailing(struct cuda_stages stages, size_t first)
{
	extern __shared__ __align__(16) unsigned char shared[];
	trailing_stage *stage = reinterpret_cast<trailing_stage *>(shared);
	unsigned tile_row = row_of_tile(blockIdx.x),
		 tile_column = blockIdx.x - tile_row * (tile_row + 1);
	size_t side = stages.side, row = first + tile_row * TRAILING_ROWS,
	       column = first + tile_column * TRAILING_COLUMNS;
	const double *factors = stages.factors + blockIdx.y * side * 2 * stages.put_off;
	double *matrix = stages.matrices + blockIdx.y * side * side;
	unsigned steps_of_half = (unsigned)(stages.put_off / TILE_DEPTH), steps = 2 * steps_of_half;
	double sum[4][4][4] = {};

	if (column >= side)
		return;
	auto load = [&](unsigned step) {
		size_t k = step * TILE_DEPTH;
		size_t other = exchanged(k, stages.put_off);
		trailing_stage *next = &stage[step % TRAILING_STAGES];

		load_tile<TRAILING_ROWS>(next->left, factors + k * side + row, side, side - row);
		load_tile<TRAILING_COLUMNS>(next->right, factors + other * side + column, side,
					    side - column);
	};

#pragma unroll
	for (unsigned step = 0; step < TRAILING_STAGES - 1; step++) {
		load(step);
		end_group_of_copies();
	}
	unsigned warp = threadIdx.x / WARP, warp_row = warp % 2 * 64, warp_column = warp / 2 * 32;

	for (unsigned step = 0; step < steps; step++) {
		const trailing_stage *now = &stage[step % TRAILING_STAGES];

		await_copies<TRAILING_STAGES - 2>();
		__syncthreads();
		if (step + TRAILING_STAGES - 1 < steps)
			load(step + TRAILING_STAGES - 1);
		end_group_of_copies();
#pragma unroll
		for (int k = 0; k < TILE_DEPTH; k += 8) {
			double left[4][4], right[4][2];

			for (int i = 0; i < 4; i++)
				for (int part = 0; part < 4; part++)
					left[i][part] =
						now->left[k + MEMBER + part / 2 * 4]
							 [warp_row + 16 * i + GROUP + part % 2 * 8];
			for (int j = 0; j < 4; j++)
				for (int part = 0; part < 2; part++)
					right[j][part] = now->right[k + MEMBER + part * 4]
								   [warp_column + 8 * j + GROUP];
			for (int i = 0; i < 4; i++)
				for (int j = 0; j < 4; j++)
					multiply_add(sum[i][j], left[i], right[j]);
		}
	}
#pragma unroll
	for (int i = 0; i < 4; i++)
		subtract_mirrored(matrix, side, row + warp_row + 16 * i + GROUP,
				  column + warp_column + 2 * MEMBER, sum[i]);
}

/* --- all panels --- */

/* A block has so many warps in the panels of matrices up to a side, and of larger ones. */
#define WARPS_SMALL 8
#define WARPS_LARGE 16
#define SIDE_SMALL  (WARPS_SMALL * WARP * MOST_BLOCKS)

cudaError_t
cuda_allow_band_reduction(void)
{
	const struct {
		const void *kernel;
		size_t memory;
		int cluster;
	} kernels[] = {
		{(const void *)factor_panel<WARPS_SMALL, 2>, sizeof(panel_memory<WARPS_SMALL>), 1},
		{(const void *)factor_panel<WARPS_LARGE, 1>, sizeof(panel_memory<WARPS_LARGE>), 1},
		{(const void *)multiply_by_reflectors, PRODUCT_STAGES * sizeof(product_stage), 0},
		{(const void *)form_w, sizeof(form_memory), 0},
		{(const void *)update_trailing, TRAILING_STAGES * sizeof(trailing_stage), 0}};
	cudaError_t error = cudaSuccess;

	for (size_t i = 0; !error && i < sizeof(kernels) / sizeof(*kernels); i++) {
		error = cudaFuncSetAttribute(kernels[i].kernel,
					     cudaFuncAttributeMaxDynamicSharedMemorySize,
					     (int)kernels[i].memory);
		if (!error && kernels[i].cluster)
			error = cudaFuncSetAttribute(kernels[i].kernel,
						     cudaFuncAttributeNonPortableClusterSizeAllowed,
						     1);
	}
	return error;
}

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

static unsigned
parts_of(size_t whole, size_t part)
{
	return (unsigned)((whole + part - 1) / part);
}

static void
launch_product(const struct cuda_stages *stages, size_t first, cudaStream_t stream)
{
	size_t left = stages->side - first;
	unsigned rows = parts_of(left, PRODUCT_ROWS), pieces = parts_of(left, PIECE_COLUMNS);
	unsigned count = (unsigned)stages->count, each = 1;

	/* As many pieces a block as leave blocks enough for all multiprocessors. */
	while (each < pieces &&
	       rows * count * parts_of(pieces, 2 * each) >= 2u * stages->processors)
		each *= 2;
	unsigned shares = parts_of(pieces, each);

	multiply_by_reflectors<<<dim3(rows, shares, count), PRODUCT_THREADS,
				 PRODUCT_STAGES * sizeof(product_stage), stream>>>(*stages, first,
										   each);
	if (shares > 1)
		sum_pieces<<<dim3(parts_of(left, SUM_THREADS), BAND, count), SUM_THREADS, 0,
			     stream>>>(*stages, first, shares);
}

/* W of the panel whose V is in place. */
static void
launch_w(const struct cuda_stages *stages, size_t first, size_t put_off, cudaStream_t stream)
{
	size_t left = stages->side - first;
	unsigned count = (unsigned)stages->count, groups = (unsigned)(2 * put_off / BAND + 1);
	unsigned chunks = parts_of(left, CHUNK_ROWS);

	project<<<dim3(groups, chunks, count), WARP * PROJECTION_WARPS, 0, stream>>>(*stages, first,
										     put_off);
	sum_projections<<<dim3(groups, count), SUM_THREADS, 0, stream>>>(*stages, chunks);
	form_w<<<dim3(parts_of(left, FORM_ROWS), count), FORM_WARPS * WARP, sizeof(form_memory),
		 stream>>>(*stages, first, put_off);
}

cudaError_t
cuda_reduce_to_band(const struct cuda_stages *stages, cudaStream_t stream)
{
	size_t side = stages->side;
	unsigned count = (unsigned)stages->count;
	cudaError_t error = cudaMemsetAsync(
		stages->band, 0, count * (side + BAND_STRIDE) * BAND_STRIDE * sizeof(double),
		stream);

	for (size_t c = 0; c + BAND < side && !error; c += BAND) {
		size_t put_off = c % stages->put_off, first = c + BAND;

		if (put_off)
			update_panel<<<dim3(parts_of(side - c, UPDATE_ROWS), count),
				       UPDATE_WARPS * WARP, 0, stream>>>(*stages, c, put_off);
		error = side <= SIDE_SMALL
				? launch_panel<WARPS_SMALL, 2>(stages, c, put_off, stream)
				: launch_panel<WARPS_LARGE, 1>(stages, c, put_off, stream);
		launch_product(stages, first, stream);
		launch_w(stages, first, put_off, stream);
		if (put_off + BAND == stages->put_off) {
			unsigned rows = parts_of(side - first, TRAILING_ROWS);

			update_trailing<<<dim3(rows * (rows + 1), count), TRAILING_THREADS,
					  TRAILING_STAGES * sizeof(trailing_stage), stream>>>(
				*stages, first);
		}
	}
	if (error)
		return error;
	if ((side - BAND) % stages->put_off)
		update_panel<<<dim3(1, count), UPDATE_WARPS * WARP, 0, stream>>>(
			*stages, side - BAND, (side - BAND) % stages->put_off);
	store_last_diagonal<<<count, 256, 0, stream>>>(*stages);
	return cudaGetLastError();
}
