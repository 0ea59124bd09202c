#include "band_reduction.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The band may fill down to 2 BAND rows; octets read up to 7 rows around. A multiple of 8. */
#define BAND_COLUMN (2 * BAND + 16)

/* V, W and V again, side by side: operand [V W] begins at the first, and [W V] at the second. */
#define PACKED_DEPTH (3 * BAND)
#define PANEL	     (PACKED_DEPTH * PANEL_ROWS)

/* A tile by its row and column, and the round it is in. */
struct place {
	size_t row, column, round;
};

/* Matrices V, Y and W have a row for each of the padded matrix, and BAND columns, by rows. */
struct reduction {
	struct tiles *tiles;
	struct band *band;
	const struct kernels *kernels;
	struct crew *crew;

	size_t first; /* the row and column where the part begins that is worked on */
	double *v, *y, *w;
	double *packed; /* of the last V and W, for the update */
	bool pending;	/* whether that update has not been made */

	struct place *places; /* of the tiles from first on, in the order of their rounds */
	size_t place_count;
	atomic_size_t *rounds_done; /* for each row of tiles */

	double tau[BAND];
	_Alignas(64) double t[BAND * BAND]; /* by rows */
	_Alignas(64) double small[2][BAND * BAND];
};

bool
band_open(struct band *band, size_t n)
{
	size_t count = (n + 16) * (BAND_COLUMN + 1);

	band->n = n;
	band->column = BAND_COLUMN;
	band->values = aligned_doubles(count);
	if (band->values)
		memset(band->values, 0, count * sizeof(double));
	return band->values;
}

void
band_close(struct band *band)
{
	free(band->values);
	band->values = NULL;
}

/* --- products with matrices of BAND columns --- */

/* The rows of such a matrix as the columns of an operand, summed over its columns. */
static struct operand
rows_of(const double *matrix)
{
	return (struct operand){matrix, PANEL_ROWS * BAND, 1, BAND};
}

/* Its columns, summed over its rows. */
static struct operand
columns_of(const double *matrix)
{
	return (struct operand){matrix, PANEL_ROWS, BAND, 1};
}

/* C += X M, or -=, for X and C of `rows` rows and a small M; all by rows. */
static void
multiply_by_small(const struct reduction *r, const double *x, size_t rows, const double *m,
		  double *c, bool subtract)
{
	struct product product = {.rows = BAND,
				  .columns = rows,
				  .depth = BAND,
				  .a = columns_of(m),
				  .b = rows_of(x),
				  .c = c,
				  .c_column = BAND,
				  .subtract = subtract};

	r->kernels->multiply(&product);
}

/* C = X^T Z, BAND x BAND, for X and Z of `rows` rows; all by rows. */
static void
multiply_transposed(const struct reduction *r, const double *x, const double *z, size_t rows,
		    double *c)
{
	struct product product = {.rows = BAND,
				  .columns = BAND,
				  .depth = rows,
				  .a = columns_of(z),
				  .b = columns_of(x),
				  .c = c,
				  .c_column = BAND};

	memset(c, 0, BAND * BAND * sizeof(*c));
	r->kernels->multiply(&product);
}

/* --- the panel --- */

/* The first of a row of tiles' own rows that is in the part worked on. */
static size_t
begin_in_tile(const struct reduction *r, size_t tile_row)
{
	return r->first > tile_row * TILE ? r->first - tile_row * TILE : 0;
}

/* A -= V W^T + W V^T for a part of a tile, of which only `columns` columns. */
static void
update_tile(const struct reduction *r, size_t tile_row, size_t tile_column, size_t columns)
{
	size_t i = begin_in_tile(r, tile_row), j = begin_in_tile(r, tile_column);
	const double *packed_i = r->packed + (tile_row * TILE + i) / PANEL_ROWS * PANEL;
	const double *packed_j = r->packed + (tile_column * TILE + j) / PANEL_ROWS * PANEL;
	struct product product = {
		.rows = tiles_rows(r->tiles, tile_row) - i,
		.columns = columns,
		.depth = 2 * BAND,
		.a = {packed_i, PANEL, PANEL_ROWS, 1},
		.b = {packed_j + BAND * PANEL_ROWS, PANEL, PANEL_ROWS, 1},
		.c = tiles_at(r->tiles, tile_row, tile_column) + i + j * TILE,
		.c_column = TILE,
		.subtract = true,
	};

	r->kernels->multiply(&product);
}

/* One piece: the panel's part in one tile is brought up to date, and copied to V. */
static void
take_panel(void *context, size_t piece)
{
	const struct reduction *r = context;
	size_t tile_column = r->first / TILE, tile_row = tile_column + piece;
	size_t i0 = begin_in_tile(r, tile_row), j0 = r->first % TILE;
	const double *tile = tiles_at(r->tiles, tile_row, tile_column) + j0 * TILE;
	double *v = r->v + tile_row * TILE * BAND;

	if (r->pending)
		update_tile(r, tile_row, tile_column, BAND);
	for (size_t i = i0; i < tiles_rows(r->tiles, tile_row); i++)
		for (size_t j = 0; j < BAND; j++)
			v[i * BAND + j] = tile[i + j * TILE];
}

/* Keeps BAND rows from `row` on of the panel's triangle on and below, or above, the diagonal. */
static void
keep_triangle(const struct reduction *r, size_t row, bool lower)
{
	struct band *band = r->band;

	for (size_t j = 0; j < BAND && r->first + j < band->n; j++)
		for (size_t i = lower ? j : 0; i < (lower ? BAND : j + 1) && row + i < band->n; i++)
			band->values[row + i + (r->first + j) * band->column] =
				r->v[(row + i) * BAND + j];
}

/* After a factorisation, with R kept: V as it is, with its ones and zeros. */
static void
complete_v(double *v)
{
	for (size_t i = 0; i < BAND; i++)
		for (size_t j = i; j < BAND; j++)
			v[i * BAND + j] = i == j;
}

/*
 * T, upper triangular, of the product of reflectors I - V T V^T, column by column from S = V^T V:
 * T(:j, j) = -tau_j T(:j, :j) S(:j, j).
 */
static void
form_t(struct reduction *r, size_t rows)
{
	double *s = r->small[0];

	multiply_transposed(r, r->v + r->first * BAND, r->v + r->first * BAND, rows, s);
	memset(r->t, 0, sizeof(r->t));
	for (size_t j = 0; j < BAND; j++) {
		for (size_t i = 0; i < j; i++) {
			double sum = 0;

			for (size_t k = i; k < j; k++)
				sum += r->t[i * BAND + k] * s[k * BAND + j];
			r->t[i * BAND + j] = -r->tau[j] * sum;
		}
		r->t[j * BAND + j] = r->tau[j];
	}
}

/* --- the pass over all tiles --- */

/*
 * Tiles (i, j) and (j, i) share a place, and add to the rows i and j of Y. As in a tournament where each
 * player meets each other and itself once, in round r block i meets block r - i modulo their number:
 * within a round no two tiles add to the same rows, and each row gets its terms in the order of rounds,
 * whatever threads there are.
 */
static void
list_places(struct reduction *r)
{
	size_t base = r->first / TILE, count = r->tiles->count - base;

	r->place_count = 0;
	for (size_t round = 0; round < count; round++)
		for (size_t i = 0; i < count; i++) {
			size_t j = (round + count - i) % count;

			if (j <= i)
				r->places[r->place_count++] = (struct place){base + i, base + j,
									     round};
		}
	for (size_t i = 0; i < r->tiles->count; i++)
		atomic_store(&r->rounds_done[i], 0);
}

/* Y += A V for the rows of a tile; or, for those of its columns, Y += A^T V. */
static void
add_tile_products(const struct reduction *r, const struct place *place, bool transposed)
{
	size_t i = begin_in_tile(r, place->row), j = begin_in_tile(r, place->column);
	size_t rows = tiles_rows(r->tiles, place->row) - i;
	size_t columns = tiles_rows(r->tiles, place->column) - j;
	size_t row = place->row * TILE + i, column = place->column * TILE + j;
	const double *tile = tiles_at(r->tiles, place->row, place->column) + i + j * TILE;
	struct operand down = {tile, PANEL_ROWS, TILE, 1};
	struct operand across = {tile, PANEL_ROWS * TILE, 1, TILE};
	struct product product = {
		.rows = BAND,
		.columns = transposed ? columns : rows,
		.depth = transposed ? rows : columns,
		.a = columns_of(r->v + (transposed ? row : column) * BAND),
		.b = transposed ? across : down,
		.c = r->y + (transposed ? column : row) * BAND,
		.c_column = BAND,
	};

	r->kernels->multiply(&product);
}

/* One piece: a tile is updated, and multiplied. */
static void
pass_tile(void *context, size_t piece)
{
	const struct reduction *r = context;
	const struct place *place = &r->places[piece];
	atomic_size_t *row = &r->rounds_done[place->row], *column = &r->rounds_done[place->column];

	if (r->pending)
		update_tile(r, place->row, place->column,
			    tiles_rows(r->tiles, place->column) - begin_in_tile(r, place->column));
	crew_wait(row, place->round);
	crew_wait(column, place->round);
	add_tile_products(r, place, false);
	if (row != column)
		add_tile_products(r, place, true);
	atomic_store_explicit(row, place->round + 1, memory_order_release);
	if (row != column)
		atomic_store_explicit(column, place->round + 1, memory_order_release);
}

/* W = Y T - 1/2 V T^T (V^T Y T) */
static void
form_w(struct reduction *r, size_t rows)
{
	const double *v = r->v + r->first * BAND;
	double *y = r->y + r->first * BAND, *w = r->w + r->first * BAND;
	double *product = r->small[0], *half = r->small[1];

	memset(w, 0, rows * BAND * sizeof(*w));
	multiply_by_small(r, y, rows, r->t, w, false);
	multiply_transposed(r, v, w, rows, product);
	multiply_transposed(r, r->t, product, BAND, half);
	for (size_t i = 0; i < BAND * BAND; i++)
		half[i] /= 2;
	multiply_by_small(r, v, rows, half, w, true);
}

/* One piece: V and W for a row of tiles, packed for the update. */
static void
pack_update(void *context, size_t piece)
{
	const struct reduction *r = context;
	size_t tile_row = r->first / TILE + piece;
	size_t end = tile_row * TILE + tiles_rows(r->tiles, tile_row);

	for (size_t row = tile_row * TILE + begin_in_tile(r, tile_row); row < end; row++) {
		double *packed = r->packed + row / PANEL_ROWS * PANEL + row % PANEL_ROWS;
		const double *v = r->v + row * BAND, *w = r->w + row * BAND;

		for (size_t k = 0; k < BAND; k++) {
			packed[k * PANEL_ROWS] = packed[(2 * BAND + k) * PANEL_ROWS] = v[k];
			packed[(BAND + k) * PANEL_ROWS] = w[k];
		}
	}
}

/* Reduces BAND columns from first on, and moves first on. */
static void
reduce_panel(struct reduction *r)
{
	size_t padded = r->tiles->padded, rows = padded - r->first - BAND, tile_rows;

	crew_run(r->crew, take_panel, r, r->tiles->count - r->first / TILE);
	keep_triangle(r, r->first, true);
	if (!rows)
		return;
	r->kernels->factor_panel(r->v + (r->first + BAND) * BAND, rows, r->tau);
	keep_triangle(r, r->first + BAND, false);
	complete_v(r->v + (r->first + BAND) * BAND);
	r->first += BAND;
	tile_rows = r->tiles->count - r->first / TILE;
	form_t(r, rows);
	memset(r->y + r->first * BAND, 0, rows * BAND * sizeof(*r->y));
	list_places(r);
	crew_run(r->crew, pass_tile, r, r->place_count);
	form_w(r, rows);
	crew_run(r->crew, pack_update, r, tile_rows);
	r->pending = true;
}

static bool
open_reduction(struct reduction *r)
{
	size_t padded = r->tiles->padded, count = r->tiles->count;

	r->v = aligned_doubles(padded * BAND);
	r->y = aligned_doubles(padded * BAND);
	r->w = aligned_doubles(padded * BAND);
	r->packed = aligned_doubles(padded * PACKED_DEPTH);
	r->places = malloc(count * (count + 1) / 2 * sizeof(*r->places));
	r->rounds_done = malloc(count * sizeof(*r->rounds_done));
	return r->v && r->y && r->w && r->packed && r->places && r->rounds_done;
}

bool
band_reduce(struct tiles *tiles, struct band *band, const struct kernels *kernels,
	    struct crew *crew)
{
	struct reduction *r = aligned_alloc(64, (sizeof(*r) + 63) / 64 * 64);
	bool opened = false;

	if (r) {
		memset(r, 0, sizeof(*r));
		r->tiles = tiles;
		r->band = band;
		r->kernels = kernels;
		r->crew = crew;
		opened = open_reduction(r);
		if (opened)
			for (size_t panels = tiles->padded / BAND; panels; panels--)
				reduce_panel(r);
		free(r->v);
		free(r->y);
		free(r->w);
		free(r->packed);
		free(r->places);
		free(r->rounds_done);
	}
	free(r);
	return opened;
}

double
band_memory(size_t n)
{
	return (double)(n + BAND) * (3 * BAND + PACKED_DEPTH + BAND_COLUMN + 1) * sizeof(double);
}
