/* Views of tensors: what is read, in pieces of any length, is what the formula of view.h says. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "tap.h"
#include "view.h"

/* A tensor whose element i is the number i, of four bytes. Reading outside of it fails. */
static int
read_numbers(const struct model_file *file, const struct model_tensor *tensor, uint64_t offset,
	     void *buffer, size_t count, struct failure *failure)
{
	char *to = buffer;

	(void)file;
	if (offset > tensor->bytes || count > tensor->bytes - offset)
		return fail(failure, STATUS_INTERNAL, "beyond the tensor");
	for (uint64_t i = offset; i < offset + count; i++) {
		uint32_t number = (uint32_t)(i / 4);

		*to++ = (char)(number >> 8 * (i % 4));
	}
	return 0;
}

static const struct container numbers = {.name = "numbers", .read = read_numbers};

static uint32_t
expected(const struct view *view, uint64_t element)
{
	uint64_t row = element / view->columns, column = element % view->columns;

	return (uint32_t)(view->first + row / view->block_rows * view->block_pitch +
			  row % view->block_rows * view->row_pitch + column * view->column_pitch);
}

/* Reads all of a view in pieces of so many elements. */
static bool
reads_in_pieces(const struct model *model, const struct view *view, uint64_t piece)
{
	uint64_t all = view->rows * view->columns;
	uint32_t *got = calloc(piece, sizeof(*got));
	struct failure failure;
	bool right = true;

	for (uint64_t at = 0; at < all && right; at += piece) {
		uint64_t count = at + piece < all ? piece : all - at;

		right = !view_read(model, model->tensors, view, 4 * at, got, 4 * count, &failure);
		for (uint64_t i = 0; i < count && right; i++)
			right = got[i] == expected(view, at + i);
	}
	free(got);
	return right;
}

static void
test_view(const struct model *model, const char *name, struct view view)
{
	for (uint64_t piece = 1; piece < 200; piece += piece < 40 ? 1 : 23)
		if (!reads_in_pieces(model, &view, piece)) {
			tap(false, "%s in pieces of %" PRIu64, name, piece);
			return;
		}
	tap(true, "%s of %" PRIu64 " x %" PRIu64, name, view.rows, view.columns);
}

int
main(void)
{
	struct model_file file = {.path = (char *)"numbers", .container = &numbers};
	struct model_tensor tensor = {.name = "t",
				      .dtype = DTYPE_F32,
				      .rank = 2,
				      .shape = {24, 7},
				      .elements = 168,
				      .bytes = 672};
	struct model model = {.files = &file, .file_count = 1, .tensors = &tensor, .count = 1};
	struct view whole = view_whole(&tensor), part, turned = view_transposed(&whole);

	test_view(&model, "the whole", whole);
	test_view(&model, "rows", view_rows(&whole, 5, 9));
	test_view(&model, "every other row", view_every(&whole, 1, 12, 2));
	test_view(&model, "blocks", view_blocks(&whole, 2, 2, 6, 4));
	test_view(&model, "blocks that are next to each other", view_blocks(&whole, 0, 6, 6, 4));
	test_view(&model, "transposed", turned);
	test_view(&model, "columns", view_rows(&turned, 2, 3));
	test_view(&model, "every other column", view_every(&turned, 0, 3, 2));
	part = view_rows(&whole, 8, 8);
	part = view_transposed(&part);
	test_view(&model, "one of a stack, transposed", part);
	test_view(&model, "its even rows", view_every(&part, 0, 3, 2));
	test_view(&model, "its odd rows", view_every(&part, 1, 3, 2));
	test_view(&model, "blocks of columns", view_blocks(&turned, 1, 1, 2, 3));
	tap(view_is_whole(&whole, &tensor) && !view_is_whole(&turned, &tensor), "which is whole");
	return tap_done();
}
