/*
 * The Gram matrix of the smaller side of W in tiles, straight from the weights as they are stored.
 *
 * W^T W of a tall W, W W^T of a wide one, is summed over slices of the larger side. A slice is decoded to
 * double while it is packed for the products, and is small; W is never in double as a whole. Rounding
 * errs by at most gamma_m |W|^T |W| in each entry, m being the larger side (eigen.h); multiply-adds with
 * one rounding only err less.
 */
#ifndef GRAM_TILES_H
#define GRAM_TILES_H

#include <stdbool.h>

#include "crew.h"
#include "dtype.h"
#include "tiles.h"

/* W, rows x columns by rows, and the power of two 2^-exponent to multiply it with. */
struct gram_source {
	enum dtype dtype;
	size_t rows, columns;
	const void *weights;
	int exponent;
};

/* Adds the Gram matrix to tiles, which are for the smaller side. False without memory. */
bool gram_form(const struct gram_source *source, struct tiles *tiles, const struct kernels *kernels,
	       struct crew *crew);

/* Bytes of a packed slice for a smaller side of n. */
double gram_memory(size_t n);

#endif
