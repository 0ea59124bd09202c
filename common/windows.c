#include "windows.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

/* Takes a number from 1 up, or from 0 for a seed, off the front of a text. */
static bool
take_number(const char **text, uint64_t least, uint64_t most, uint64_t *number)
{
	char digits[24] = "";
	size_t length = strspn(*text, "0123456789");

	if (!length || length >= sizeof(digits))
		return false;
	memcpy(digits, *text, length);
	*text += length;
	return parse_unsigned(digits, most, number) && *number >= least;
}

/* Takes ":name=" off. */
static bool
take_name(const char **text, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(*text, name, length) != 0)
		return false;
	*text += length;
	return true;
}

bool
windows_parse(const char *text, struct windows *windows)
{
	uint64_t rows, columns, stride = 0;

	*windows = (struct windows){0};
	if (!take_number(&text, 2, UINT32_MAX, &rows) || *text++ != 'x' ||
	    !take_number(&text, 2, UINT32_MAX, &columns))
		return false;
	while (*text) {
		bool good = take_name(&text, ":stride=")
				    ? take_number(&text, 1, UINT32_MAX, &stride)
			    : take_name(&text, ":sample=")
				    ? take_number(&text, 1, UINT32_MAX, &windows->sample)
				    : take_name(&text, ":seed=") &&
					      take_number(&text, 0, UINT64_MAX, &windows->seed);

		if (!good)
			return false;
	}
	windows->rows = (size_t)rows;
	windows->columns = (size_t)columns;
	windows->row_stride = (size_t)(stride ? stride : rows);
	windows->column_stride = (size_t)(stride ? stride : columns);
	return true;
}

bool
windows_fit(const struct windows *windows, size_t rows, size_t columns)
{
	return windows->rows && rows >= windows->rows && columns >= windows->columns;
}

/* How many windows there are along one side. */
static uint64_t
places(size_t side, size_t window, size_t stride)
{
	size_t room = side - window;

	return (uint64_t)room / stride + 1 + (room % stride ? 1 : 0);
}

static uint64_t
places_across(const struct windows *windows, size_t columns)
{
	return places(columns, windows->columns, windows->column_stride);
}

static uint64_t
places_in_all(const struct windows *windows, size_t rows, size_t columns)
{
	return places(rows, windows->rows, windows->row_stride) * places_across(windows, columns);
}

uint64_t
windows_count(const struct windows *windows, size_t rows, size_t columns)
{
	uint64_t all = places_in_all(windows, rows, columns);

	return windows->sample && windows->sample < all ? windows->sample : all;
}

struct window_walk
window_walk_begin(const struct windows *windows, size_t rows, size_t columns)
{
	struct window_walk walk = {.windows = windows, .rows = rows, .columns = columns};

	walk.wanted = windows_count(windows, rows, columns);
	if (walk.wanted < places_in_all(windows, rows, columns)) {
		walk.random = xcalloc(1, sizeof(*walk.random));
		random_begin(walk.random, windows->seed, (uint64_t)rows << 32 ^ columns);
	}
	return walk;
}

void
window_walk_end(struct window_walk *walk)
{
	free(walk->random);
}

/* Where a window of a number along a side begins: the last ends with the side. */
static size_t
start_of(uint64_t number, size_t side, size_t window, size_t stride)
{
	size_t room = side - window;

	return number <= room / stride ? (size_t)number * stride : room;
}

/*
 * Selection sampling, D. E. Knuth, The Art of Computer Programming 2, algorithm 3.4.2S: each place is taken with
 * the probability that those still wanted have among those still to come.
 */
bool
window_walk_next(struct window_walk *walk, size_t *row, size_t *column)
{
	const struct windows *windows = walk->windows;
	uint64_t across = places_across(windows, walk->columns);
	uint64_t all = places_in_all(windows, walk->rows, walk->columns);

	for (; walk->wanted && walk->place < all; walk->place++) {
		if (walk->random && random_bits(walk->random) % (all - walk->place) >= walk->wanted)
			continue;
		*row = start_of(walk->place / across, walk->rows, windows->rows,
				windows->row_stride);
		*column = start_of(walk->place % across, walk->columns, windows->columns,
				   windows->column_stride);
		walk->wanted--;
		walk->place++;
		return true;
	}
	return false;
}

void *
window_copy(const struct window_walk *walk, const void *weights, enum dtype *dtype, size_t row,
	    size_t column)
{
	const struct windows *windows = walk->windows;
	bool is_whole = dtype_bits(*dtype) % 8 == 0;
	size_t size = is_whole ? dtype_bits(*dtype) / 8 : sizeof(double);
	size_t width = windows->columns * size;
	unsigned char *copy = calloc(windows->rows, width);

	for (size_t i = 0; copy && i < windows->rows; i++) {
		size_t first = (row + i) * walk->columns + column;

		if (is_whole)
			memcpy(copy + i * width, (const unsigned char *)weights + first * size,
			       width);
		else
			dtype_decode(*dtype, weights, first, windows->columns,
				     (double *)(void *)(copy + i * width));
	}
	*dtype = is_whole ? *dtype : DTYPE_F64;
	return copy;
}
