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
 * A product of A and a panel reads all of A and bounds the time of large matrices; QR
 * (cuda_panel.cu), whose columns depend on each other, that of small ones, which is why many of them go side by
 * side.
 *
 * Sums have the same order whatever the number of matrices, so their spectra do not depend on it.
 */
#include "cuda_stages.h"

#include "cuda_instructions.cuh"

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

cudaError_t
cuda_allow_band_reduction(void)
{
	const struct {
		const void *kernel;
		size_t memory;
	} kernels[] = {
		{(const void *)multiply_by_reflectors, PRODUCT_STAGES * sizeof(product_stage)},
		{(const void *)form_w, sizeof(form_memory)},
		{(const void *)update_trailing, TRAILING_STAGES * sizeof(trailing_stage)}};
	cudaError_t error = cuda_allow_panels();

	for (size_t i = 0; !error && i < sizeof(kernels) / sizeof(*kernels); i++)
		error = cudaFuncSetAttribute(kernels[i].kernel,
					     cudaFuncAttributeMaxDynamicSharedMemorySize,
					     (int)kernels[i].memory);
	return error;
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
		error = cuda_factor_panel(stages, c, stream);
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
	return cuda_store_last_diagonal(stages, stream);
}
