#include "gram_tiles.h"

#include <stdlib.h>
#include <string.h>

#include "eigen_bounds.h"

/* What a slice of the larger side measures: as much as a product takes in one go (kernel_product.h). */
#define SLICE 192

/* Doubles of a panel of PANEL_ROWS rows or columns in a slice. */
#define PANEL (SLICE * PANEL_ROWS)

struct gram {
	const struct gram_source *source;
	const struct tiles *tiles;
	const struct kernels *kernels;
	double *packed;	    /* padded / PANEL_ROWS panels */
	size_t from, depth; /* of the slice */
};

/* The place in the packed slice of step k for a row, or column, of the smaller side. */
static double *
packed_at(const struct gram *gram, size_t side, size_t k)
{
	return gram->packed + side / PANEL_ROWS * PANEL + k * PANEL_ROWS + side % PANEL_ROWS;
}

static void
decode(const struct gram_source *source, size_t row, size_t column, size_t count, double *values)
{
	dtype_decode(source->dtype, source->weights, row * source->columns + column, count, values);
	eigen_scale(values, count, -source->exponent);
}

/* Of a tall W: each step of the slice is a row, and each piece some columns. */
static void
pack_columns(const struct gram *gram, size_t first, size_t count)
{
	double values[TILE] = {0};

	for (size_t k = 0; k < gram->depth; k++) {
		decode(gram->source, gram->from + k, first, count, values);
		for (size_t i = 0; i < tiles_rows(gram->tiles, first / TILE); i += PANEL_ROWS)
			memcpy(packed_at(gram, first + i, k), values + i,
			       PANEL_ROWS * sizeof(*values));
	}
}

/* Of a wide W: each step of the slice is a column, and each piece some rows. */
static void
pack_rows(const struct gram *gram, size_t first, size_t count)
{
	double values[SLICE];

	for (size_t i = 0; i < tiles_rows(gram->tiles, first / TILE); i++) {
		double *panel = packed_at(gram, first + i, 0);

		if (i < count)
			decode(gram->source, first + i, gram->from, gram->depth, values);
		else
			memset(values, 0, sizeof(values));
		for (size_t k = 0; k < gram->depth; k++)
			panel[k * PANEL_ROWS] = values[k];
	}
}

/* One piece: what a row of tiles needs. */
static void
pack(void *context, size_t row)
{
	const struct gram *gram = context;
	size_t first = row * TILE, left = gram->tiles->n - first;
	size_t count = left < TILE ? left : TILE;

	if (gram->source->rows >= gram->source->columns)
		pack_columns(gram, first, count);
	else
		pack_rows(gram, first, count);
}

/* One piece: a tile, by its number in memory. */
static void
add_products(void *context, size_t number)
{
	const struct gram *gram = context;
	const struct tiles *tiles = gram->tiles;
	size_t row = 0, column;
	struct product product = {.depth = gram->depth, .c_column = TILE};

	while ((row + 1) * (row + 2) / 2 <= number)
		row++;
	column = number - row * (row + 1) / 2;
	product.rows = tiles_rows(tiles, row);
	product.columns = tiles_rows(tiles, column);
	product.a = (struct operand){packed_at(gram, row * TILE, 0), PANEL, PANEL_ROWS, 1};
	product.b = (struct operand){packed_at(gram, column * TILE, 0), PANEL, PANEL_ROWS, 1};
	product.c = tiles_at(tiles, row, column);
	gram->kernels->multiply(&product);
}

bool
gram_form(const struct gram_source *source, struct tiles *tiles, const struct kernels *kernels,
	  struct crew *crew)
{
	size_t m = source->rows > source->columns ? source->rows : source->columns;
	struct gram gram = {.source = source, .tiles = tiles, .kernels = kernels};

	gram.packed = aligned_doubles(tiles->padded / PANEL_ROWS * PANEL);
	if (!gram.packed)
		return false;
	for (gram.from = 0; gram.from < m; gram.from += SLICE) {
		gram.depth = m - gram.from < SLICE ? m - gram.from : SLICE;
		crew_run(crew, pack, &gram, tiles->count);
		crew_run(crew, add_products, &gram, tiles->count * (tiles->count + 1) / 2);
	}
	free(gram.packed);
	return true;
}

double
gram_memory(size_t n)
{
	return (double)(n + BAND) * SLICE * sizeof(double);
}
