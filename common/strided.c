#include "strided.h"

#include <string.h>

#include "util.h"
#include "vector.h"

/* Rows and columns of a tile: of 4 bytes, a line of the cache has 16. */
#define TILE 32

/* Adds a dimension inside of the others, to the last of them if it only continues that. */
static void
add_dimension(struct strided *strided, uint64_t length, uint64_t stride)
{
	uint64_t whole;
	unsigned last = strided->rank - 1;

	if (length == 1)
		return;
	if (strided->rank && multiply_checked(length, stride, &whole) &&
	    whole == strided->stride[last]) {
		strided->shape[last] *= length;
		strided->stride[last] = stride;
		return;
	}
	strided->shape[strided->rank] = length;
	strided->stride[strided->rank++] = stride;
}

bool
strided_make(struct strided *strided, unsigned rank, const uint64_t *shape, const uint64_t *stride,
	     uint64_t *span)
{
	uint64_t reach;
	bool fits = true;

	*strided = (struct strided){0};
	*span = 1;
	for (unsigned i = 0; i < rank; i++)
		if (!shape[i]) {
			*strided = (struct strided){1, {0}, {1}};
			*span = 0;
			return true;
		}
	for (unsigned i = 0; i < rank; i++) {
		fits = fits && multiply_checked(shape[i] - 1, stride[i], &reach) &&
		       add_checked(*span, reach, span);
		add_dimension(strided, shape[i], stride[i]);
	}
	if (!strided->rank)
		*strided = (struct strided){1, {1}, {1}};
	return fits;
}

bool
strided_is_contiguous(const struct strided *strided)
{
	return strided->rank == 1 && strided->stride[0] == 1;
}

uint64_t
strided_place(const struct strided *strided, uint64_t number)
{
	uint64_t place = 0;

	for (unsigned i = strided->rank; i--;) {
		place += number % strided->shape[i] * strided->stride[i];
		number /= strided->shape[i];
	}
	return place;
}

uint64_t
strided_run(const struct strided *strided, uint64_t number)
{
	unsigned last = strided->rank - 1;

	if (strided->stride[last] != 1)
		return 1;
	return strided->shape[last] - number % strided->shape[last];
}

/* Copies elements that are `step` bytes apart. */
HOT static void
copy_apart(unsigned char *to, const unsigned char *from, size_t count, size_t size, uint64_t step)
{
	switch (size) {
	case 1:
		for (size_t i = 0; i < count; i++)
			to[i] = from[i * step];
		break;
	case 2:
		for (size_t i = 0; i < count; i++)
			memcpy(to + 2 * i, from + i * step, 2);
		break;
	case 4:
		for (size_t i = 0; i < count; i++)
			memcpy(to + 4 * i, from + i * step, 4);
		break;
	default:
		for (size_t i = 0; i < count; i++)
			memcpy(to + size * i, from + i * step, size);
	}
}

/*
 * Copies whole rows of the last dimension, tile by tile: where rows are closer together than the elements
 * of one, as in a transposed matrix, the lines of the cache that a tile takes serve all of its rows.
 */
static void
copy_rows(const struct strided *strided, size_t size, const unsigned char *from, size_t rows,
	  unsigned char *to)
{
	unsigned last = strided->rank - 1;
	uint64_t columns = strided->shape[last], step = strided->stride[last] * size;

	for (uint64_t column = 0; column < columns; column += TILE) {
		size_t some = columns - column < TILE ? (size_t)(columns - column) : TILE;

		for (size_t row = 0; row < rows; row++)
			copy_apart(to + (row * columns + column) * size,
				   from + row * strided->stride[last - 1] * size + column * step,
				   some, size, step);
	}
}

/* How many whole rows from an element on can be copied at once; 0 if it is not the first of one. */
static size_t
rows_together(const struct strided *strided, uint64_t number, size_t count)
{
	unsigned last = strided->rank - 1;
	uint64_t columns = strided->shape[last], left, rows = count / columns;

	if (!last || number % columns)
		return 0;
	left = strided->shape[last - 1] - number / columns % strided->shape[last - 1];
	rows = rows < left ? rows : left;
	return rows < TILE ? (size_t)rows : TILE;
}

void
strided_gather(const struct strided *strided, size_t size, const unsigned char *from,
	       uint64_t number, size_t count, unsigned char *to)
{
	unsigned last = strided->rank - 1;

	while (count) {
		const unsigned char *place = from + strided_place(strided, number) * size;
		uint64_t left = strided->shape[last] - number % strided->shape[last];
		size_t rows = rows_together(strided, number, count);
		size_t some = rows	     ? rows * (size_t)strided->shape[last]
			      : left < count ? (size_t)left
					     : count;

		if (rows)
			copy_rows(strided, size, place, rows, to);
		else
			copy_apart(to, place, some, size, strided->stride[last] * size);
		to += some * size;
		number += some;
		count -= some;
	}
}
