#include "matrices.h"

#include <fcntl.h>
#include <unistd.h>

#include "stream.h"
#include "util.h"

size_t
matrix_smaller_side(const struct matrix *matrix)
{
	return matrix->rows < matrix->columns ? matrix->rows : matrix->columns;
}

/* Whether a matrix has come before; counts it then. */
static bool
is_known(struct matrices *matrices, const struct frame *frame)
{
	for (size_t i = 0; i < matrices->count; i++) {
		struct matrix *matrix = &matrices->list[i];

		if (matrix->hash == frame->hash && matrix->rows == frame->rows &&
		    matrix->columns == frame->columns) {
			matrix->times++;
			return true;
		}
	}
	return false;
}

static void
add_matrix(struct matrices *matrices, const struct frame *frame, void *elements)
{
	struct matrix *matrix = &matrices->list[matrices->count++];

	if (matrices->count == MAX_MATRICES)
		die(STATUS_INTERNAL, "more than %d matrices", MAX_MATRICES);
	*matrix = (struct matrix){.elements = elements,
				  .dtype = frame->dtype,
				  .rows = frame->rows,
				  .columns = frame->columns,
				  .hash = frame->hash,
				  .times = 1};
	if (matrix_smaller_side(matrix) > matrices->largest_side)
		matrices->largest_side = matrix_smaller_side(matrix);
	if (frame->elements > matrices->most_elements)
		matrices->most_elements = frame->elements;
}

void
matrices_load(struct matrices *matrices, const char *path, matrices_keep *keep)
{
	int descriptor = open(path, O_RDONLY), more;
	struct stream_reader *reader;
	struct failure failure;
	struct frame frame;
	const void *payload;

	if (descriptor < 0)
		die(STATUS_NO_INPUT, "%s:", path);
	reader = stream_open(descriptor);
	while ((more = stream_next(reader, &frame, &failure)) > 0) {
		if (stream_payload(reader, &frame, &payload, &failure))
			die_failure(&failure, path);
		if (!is_known(matrices, &frame))
			add_matrix(matrices, &frame, keep(&frame, payload));
		frame_free(&frame);
	}
	if (more < 0)
		die_failure(&failure, path);
	stream_close(reader);
	close(descriptor);
}
