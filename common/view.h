/*
 * A matrix that lies inside a tensor: some of its rows, or one matrix of a stack, or a tensor read
 * with its dimensions exchanged.
 *
 * Row r and column c of it is the element
 *
 *     first + (r / block_rows) * block_pitch + (r mod block_rows) * row_pitch + c * column_pitch
 *
 * of the tensor, counted row-major. Blocks of rows are for heads: where queries, keys and values of one
 * head lie together, a head's rows are a block of each.
 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

struct view {
	uint64_t rows, columns;
	uint64_t first;
	uint64_t row_pitch, column_pitch;
	uint64_t block_rows, block_pitch;
};

/* The matrix of a whole tensor: rows are the first dimension, columns all others. */
struct view view_whole(const struct model_tensor *tensor);

/* Of a matrix, count rows from one on. */
struct view view_rows(const struct view *matrix, uint64_t first, uint64_t count);

/* Of a matrix, count rows from one on, every so many rows. */
struct view view_every(const struct view *matrix, uint64_t first, uint64_t count, uint64_t step);

/* Of a matrix, blocks of count rows, the first from one row on and each so many rows after that before. */
struct view view_blocks(const struct view *matrix, uint64_t first, uint64_t count, uint64_t pitch,
			uint64_t blocks);

/* The matrix with rows and columns exchanged; its rows are one block. */
struct view view_transposed(const struct view *matrix);

/* Whether it is all of a tensor, in the tensor's order. */
bool view_is_whole(const struct view *view, const struct model_tensor *tensor);

/*
 * Reads count bytes of the matrix, row-major, from an offset on; both are multiples of the size of an
 * element. Every view must lie in its tensor. Returns 0 or -1.
 */
int view_read(const struct model *model, const struct model_tensor *tensor, const struct view *view,
	      uint64_t offset, void *buffer, size_t count, struct failure *failure);

#endif
