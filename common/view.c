#include "view.h"

#include <stdlib.h>
#include <string.h>

struct view
view_whole(const struct model_tensor *tensor)
{
	uint64_t rows = tensor->rank ? tensor->shape[0] : 1;
	uint64_t columns = rows ? tensor->elements / rows : 0;

	return (struct view){.rows = rows,
			     .columns = columns,
			     .row_pitch = columns,
			     .column_pitch = 1,
			     .block_rows = rows};
}

struct view
view_rows(const struct view *matrix, uint64_t first, uint64_t count)
{
	return view_every(matrix, first, count, 1);
}

struct view
view_every(const struct view *matrix, uint64_t first, uint64_t count, uint64_t step)
{
	struct view view = *matrix;

	view.first += first * matrix->row_pitch;
	view.row_pitch *= step;
	view.rows = view.block_rows = count;
	return view;
}

struct view
view_blocks(const struct view *matrix, uint64_t first, uint64_t count, uint64_t pitch,
	    uint64_t blocks)
{
	struct view view = view_rows(matrix, first, count);

	view.block_pitch = pitch * matrix->row_pitch;
	view.rows = count * blocks;
	return view;
}

struct view
view_transposed(const struct view *matrix)
{
	return (struct view){.rows = matrix->columns,
			     .columns = matrix->rows,
			     .first = matrix->first,
			     .row_pitch = matrix->column_pitch,
			     .column_pitch = matrix->row_pitch,
			     .block_rows = matrix->columns};
}

bool
view_is_whole(const struct view *view, const struct model_tensor *tensor)
{
	struct view whole = view_whole(tensor);

	return !memcmp(view, &whole, sizeof(whole));
}

/* What a read goes on with: elements from one on, up to another, each of so many bytes. */
struct reading {
	const struct model *model;
	const struct model_tensor *tensor;
	const struct view *view;
	size_t size; /* of an element */
	struct failure *failure;
};

static uint64_t
row_start(const struct view *view, uint64_t row)
{
	return view->first + row / view->block_rows * view->block_pitch +
	       row % view->block_rows * view->row_pitch;
}

/* How many elements from one on lie one after the other in the tensor, up to a number. */
static uint64_t
run_length(const struct view *view, uint64_t element, uint64_t limit)
{
	uint64_t columns = view->columns, row = element / columns;
	uint64_t end = (row + 1) * columns; /* of what is known to be one run */

	if (view->row_pitch == columns)
		end = (row / view->block_rows + 1) * view->block_rows * columns;
	return end - element < limit ? end - element : limit;
}

/* Columns lie next to each other: whole runs are read to where they belong. */
static int
read_runs(const struct reading *reading, uint64_t element, char *to, uint64_t count)
{
	const struct view *view = reading->view;

	while (count) {
		uint64_t run = run_length(view, element, count);
		uint64_t from = row_start(view, element / view->columns) + element % view->columns;

		if (model_read(reading->model, reading->tensor, from * reading->size, to,
			       run * reading->size, reading->failure))
			return -1;
		element += run;
		to += run * reading->size;
		count -= run;
	}
	return 0;
}

/* Copies count elements to places that are so many bytes apart, from ones that are others apart. */
static void
spread(char *to, size_t to_pitch, const char *from, size_t from_pitch, size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++, to += to_pitch, from += from_pitch)
		memcpy(to, from, size);
}

/*
 * Some columns, from one on, of so many rows of a block, to a matrix that is so many columns wide: the
 * tensor has what is in one column in few bytes, so it is read column by column.
 */
static int
read_columns(const struct reading *reading, uint64_t row, uint64_t rows, uint64_t column,
	     uint64_t columns, char *to)
{
	const struct view *view = reading->view;
	size_t size = reading->size;
	size_t bytes = ((rows - 1) * view->row_pitch + 1) * size;
	char *run = xmalloc(bytes);
	int result = 0;

	for (uint64_t c = 0; c < columns && !result; c++) {
		uint64_t from = row_start(view, row) + (column + c) * view->column_pitch;

		result = model_read(reading->model, reading->tensor, from * size, run, bytes,
				    reading->failure);
		if (!result)
			spread(to + c * size, columns * size, run, view->row_pitch * size, rows,
			       size);
	}
	free(run);
	return result;
}

/* Rows lie next to each other: pieces of rows, and as many whole rows at once as are wanted. */
static int
read_panels(const struct reading *reading, uint64_t element, char *to, uint64_t count)
{
	const struct view *view = reading->view;

	while (count) {
		uint64_t row = element / view->columns, column = element % view->columns;
		uint64_t columns = view->columns - column, rows = 1;

		if (columns > count) {
			columns = count;
		} else if (!column) {
			rows = count / view->columns;
			if (rows > view->block_rows - row % view->block_rows)
				rows = view->block_rows - row % view->block_rows;
		}
		if (read_columns(reading, row, rows, column, columns, to))
			return -1;
		element += rows * columns;
		to += rows * columns * reading->size;
		count -= rows * columns;
	}
	return 0;
}

int
view_read(const struct model *model, const struct model_tensor *tensor, const struct view *view,
	  uint64_t offset, void *buffer, size_t count, struct failure *failure)
{
	struct reading reading = {model, tensor, view, dtype_bits(tensor->dtype) / 8, failure};

	if (view_is_whole(view, tensor))
		return model_read(model, tensor, offset, buffer, count, failure);
	if (view->column_pitch == 1)
		return read_runs(&reading, offset / reading.size, buffer, count / reading.size);
	return read_panels(&reading, offset / reading.size, buffer, count / reading.size);
}
