#include "tiles.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

double *
aligned_doubles(size_t count)
{
	if (count > SIZE_MAX / sizeof(double) - 8)
		return NULL;
	return aligned_alloc(64, (count * sizeof(double) + 63) / 64 * 64);
}

static size_t
doubles_of(size_t count)
{
	return count * (count + 1) / 2 * TILE * TILE;
}

static size_t
padded_side(size_t n)
{
	return (n + BAND - 1) / BAND * BAND;
}

bool
tiles_open(struct tiles *tiles, size_t n)
{
	tiles->n = n;
	tiles->padded = padded_side(n);
	tiles->count = (tiles->padded + TILE - 1) / TILE;
	tiles->values = aligned_doubles(doubles_of(tiles->count));
	if (tiles->values)
		tiles_clear(tiles);
	return tiles->values;
}

void
tiles_close(struct tiles *tiles)
{
	free(tiles->values);
	tiles->values = NULL;
}

void
tiles_clear(struct tiles *tiles)
{
	memset(tiles->values, 0, doubles_of(tiles->count) * sizeof(double));
}

double *
tiles_at(const struct tiles *tiles, size_t row, size_t column)
{
	return tiles->values + (row * (row + 1) / 2 + column) * TILE * TILE;
}

size_t
tiles_rows(const struct tiles *tiles, size_t row)
{
	size_t left = tiles->padded - row * TILE;

	return left < TILE ? left : TILE;
}

double
tiles_trace(const struct tiles *tiles)
{
	double sum = 0;

	for (size_t i = 0; i < tiles->n; i++)
		sum += tiles_at(tiles, i / TILE, i / TILE)[i % TILE * (TILE + 1)];
	return sum;
}

double
tiles_memory(size_t n)
{
	double tiles = (double)((padded_side(n) + TILE - 1) / TILE);

	return tiles * (tiles + 1) / 2 * TILE * TILE * sizeof(double);
}
