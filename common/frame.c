#include "frame.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *
frame_kind_name(enum frame_kind kind)
{
	static const char *const names[] = {"tensor", "spectrum", "end"};

	return names[kind];
}

void
frame_free(struct frame *frame)
{
	for (size_t i = 0; i < frame->metadata_count; i++) {
		free(frame->metadata[i].key);
		free(frame->metadata[i].value);
	}
	free(frame->metadata);
	free(frame->tensor_name);
	*frame = (struct frame){0};
}

void
frame_take_metadata(struct frame *frame, const struct frame *other)
{
	frame->metadata = xcalloc(other->metadata_count, sizeof(*frame->metadata));
	frame->metadata_count = other->metadata_count;
	for (size_t i = 0; i < other->metadata_count; i++) {
		frame->metadata[i].key = xstrdup(other->metadata[i].key);
		frame->metadata[i].value = xstrdup(other->metadata[i].value);
	}
}

struct frame
frame_copy(const struct frame *frame)
{
	struct frame copy = *frame;

	/* An end frame holds no tensor. */
	copy.tensor_name = frame->tensor_name ? xstrdup(frame->tensor_name) : NULL;
	frame_take_metadata(&copy, frame);
	return copy;
}

static struct metadata_pair *
find_pair(const struct frame *frame, const char *key)
{
	for (size_t i = 0; i < frame->metadata_count; i++)
		if (!strcmp(frame->metadata[i].key, key))
			return &frame->metadata[i];
	return NULL;
}

const char *
frame_get(const struct frame *frame, const char *key)
{
	const struct metadata_pair *pair = find_pair(frame, key);

	return pair ? pair->value : NULL;
}

const char *
frame_text(const struct frame *frame, const char *key)
{
	const char *value = frame_get(frame, key);

	return value ? value : "";
}

void
frame_set(struct frame *frame, const char *key, const char *format, ...)
{
	struct metadata_pair *pair = find_pair(frame, key);
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		die(STATUS_RETRY, "out of memory");
	va_end(arguments);
	if (pair) {
		free(pair->value);
		pair->value = text;
		return;
	}
	frame->metadata = xreallocarray(frame->metadata, frame->metadata_count + 1,
					sizeof(*frame->metadata));
	frame->metadata[frame->metadata_count++] = (struct metadata_pair){.key = xstrdup(key),
									  .value = text};
}

void
frame_set_number(struct frame *frame, const char *key, double value)
{
	char buffer[DOUBLE_TEXT_SIZE];

	frame_set(frame, key, "%s", format_double(value, buffer));
}

void
frame_sign(struct frame *frame, const char *signature)
{
	uint64_t next = 0, number;
	char key[32];

	for (size_t i = 0; i < frame->metadata_count; i++)
		if (has_prefix(frame->metadata[i].key, "prog.") &&
		    parse_unsigned(frame->metadata[i].key + strlen("prog."), UINT32_MAX, &number) &&
		    number >= next)
			next = number + 1;
	snprintf(key, sizeof(key), "prog.%" PRIu64, next);
	frame_set(frame, key, "%s", signature);
}

void
matrix_shape(unsigned rank, const uint64_t *shape, uint64_t *rows, uint64_t *columns)
{
	*rows = rank ? shape[0] : 1;
	*columns = 1;
	for (unsigned i = 1; i < rank; i++)
		*columns *= shape[i];
}

struct frame
frame_new(enum frame_kind kind, const char *tensor_name, enum dtype dtype, unsigned rank,
	  const uint64_t *shape)
{
	struct frame frame = {.kind = kind,
			      .tensor_name = xstrdup(tensor_name),
			      .dtype = dtype,
			      .rank = rank,
			      .elements = 1};

	for (unsigned i = 0; i < rank; i++) {
		frame.shape[i] = shape[i];
		frame.elements *= shape[i];
	}
	matrix_shape(rank, shape, &frame.rows, &frame.columns);
	dtype_bytes(dtype, frame.elements, &frame.bytes);
	return frame;
}

int
frame_require(const struct frame *frame, enum frame_kind kind, struct failure *failure)
{
	if (frame->kind == kind)
		return 0;
	return fail(failure, STATUS_DATA, "a frame of kind '%s', and '%s' is expected here%s",
		    frame_kind_name(frame->kind), frame_kind_name(kind),
		    kind == FRAME_SPECTRUM ? "; put 'spectrum' before this program" : "");
}
