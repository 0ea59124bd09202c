/*
 * A symmetric matrix in square tiles, each of which fits into a processor's own cache.
 *
 * Only tiles on and below the diagonal are kept; those on it are whole. A tile is stored by columns. The
 * matrix is padded with rows and columns of zeros to a multiple of BAND.
 */
#ifndef TILES_H
#define TILES_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels.h"

/* A multiple of PANEL_ROWS and of BAND. */
#define TILE 192

struct tiles {
	size_t n, padded;
	size_t count; /* tiles on a side; the last may have unused rows and columns */
	double *values;
};

/* So many doubles, aligned for octets, not initialised; null without memory. To be freed by free(). */
double *aligned_doubles(size_t count);

/* A matrix of zeros; false without memory. */
bool tiles_open(struct tiles *tiles, size_t n);
void tiles_close(struct tiles *tiles);

/* The tile in a row and a column of tiles, row >= column. */
double *tiles_at(const struct tiles *tiles, size_t row, size_t column);

/* How many of a tile's rows, or columns, are the padded matrix's. */
size_t tiles_rows(const struct tiles *tiles, size_t row);

double tiles_trace(const struct tiles *tiles);
void tiles_clear(struct tiles *tiles);

/* Bytes that a matrix takes. */
double tiles_memory(size_t n);

#endif
