/*
 * Windows of a matrix, all of one shape, whose spectra are pooled into one: FARMS (Y. Hu et al., "Eigenspectrum
 * analysis of neural networks without aspect ratio bias", ICML 2025), so that layers of any shape are
 * compared at one aspect.
 *
 * Windows stand at the multiples of the stride in both directions, and where these leave elements at an end
 * uncovered, there is one more that ends there. All are taken, or a sample: which ones depends on the seed and
 * the matrix's shape alone, so that a layer's casts are sampled alike.
 */
#ifndef WINDOWS_H
#define WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"

struct windows {
	size_t rows, columns; /* of each; 0: no windows */
	size_t row_stride, column_stride;
	uint64_t sample; /* how many at most; 0: all */
	uint64_t seed;
};

/* RxC, with :stride=N (default: side by side), :sample=N and :seed=N. False where it is none. */
bool windows_parse(const char *text, struct windows *windows);

/* Whether a matrix of this shape has windows. One that is smaller on a side has none. */
bool windows_fit(const struct windows *windows, size_t rows, size_t columns);

/* How many are taken of such a matrix. */
uint64_t windows_count(const struct windows *windows, size_t rows, size_t columns);

/* Windows one after the other, row by row. */
struct window_walk {
	const struct windows *windows;
	size_t rows, columns; /* of the matrix */
	uint64_t place, wanted;
	struct random *random; /* null where all are taken */
};

/* Starts a walk over the windows of a matrix that has some; to be ended by window_walk_end(). */
struct window_walk window_walk_begin(const struct windows *windows, size_t rows, size_t columns);
void window_walk_end(struct window_walk *walk);

/* The place of the next window; false after the last. */
bool window_walk_next(struct window_walk *walk, size_t *row, size_t *column);

/*
 * A copy of the window at a place, from malloc, row-major; null if there is no memory. The type must be
 * decodable; what is stored below a byte becomes F64 in *dtype.
 */
void *window_copy(const struct window_walk *walk, const void *weights, enum dtype *dtype,
		  size_t row, size_t column);

#endif
