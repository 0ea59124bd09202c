/*
 * Fuzz target: a whole tensor stream. What is taken to its end must read back the same once written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "payload_hash.h"
#include "stream.h"

/* The frames of a good stream and their payloads. */
struct content {
	struct frame *frames;
	void **payloads;
	size_t count;
	struct frame end;
};

static void
add(struct content *content, const struct frame *frame, void *payload)
{
	content->frames = xreallocarray(content->frames, content->count + 1,
					sizeof(*content->frames));
	content->payloads = xreallocarray(content->payloads, content->count + 1,
					  sizeof(*content->payloads));
	content->frames[content->count] = *frame;
	content->payloads[content->count++] = payload;
}

static void
content_free(struct content *content)
{
	for (size_t i = 0; i < content->count; i++) {
		frame_free(&content->frames[i]);
		free(content->payloads[i]);
	}
	free(content->frames);
	free(content->payloads);
	frame_free(&content->end);
}

/* Reads all of a stream. Returns 0, or -1 if it is not good; frees nothing either way. */
static int
read_content(int descriptor, struct content *content)
{
	struct stream_reader *reader = stream_open(descriptor);
	struct failure failure = {0};
	struct frame frame;
	const void *payload;
	int more;

	*content = (struct content){0};
	while ((more = stream_next(reader, &frame, &failure)) > 0) {
		if (stream_payload(reader, &frame, &payload, &failure)) {
			frame_free(&frame);
			more = -1;
			break;
		}
		REQUIRE(payload_hash(payload, frame.bytes) == frame.hash);
		add(content, &frame, stream_take_payload(reader));
	}
	if (!more)
		content->end = frame_copy(stream_end_frame(reader));
	else
		REQUIRE(failure.status == STATUS_DATA && *failure.text);
	stream_close(reader);
	return more;
}

/* Whether b has the metadata of a in order, and so many more. */
static void
require_same_metadata(const struct frame *a, const struct frame *b, size_t more)
{
	REQUIRE(a->metadata_count + more == b->metadata_count);
	for (size_t i = 0; i < a->metadata_count; i++)
		REQUIRE(!strcmp(a->metadata[i].key, b->metadata[i].key) &&
			!strcmp(a->metadata[i].value, b->metadata[i].value));
}

static void
require_same_frame(const struct frame *a, const struct frame *b)
{
	REQUIRE(a->kind == b->kind && a->dtype == b->dtype && a->rank == b->rank);
	REQUIRE(a->rows == b->rows && a->columns == b->columns && a->hash == b->hash);
	REQUIRE(a->elements == b->elements && a->bytes == b->bytes);
	REQUIRE(!strcmp(a->tensor_name, b->tensor_name));
	REQUIRE(!a->rank || !memcmp(a->shape, b->shape, a->rank * sizeof(*a->shape)));
	require_same_metadata(a, b, 0);
}

static int
write_content(struct content *content)
{
	int descriptor = memfd_create("again", 0), copy = dup(descriptor);
	struct stream_writer *writer = stream_create(copy);

	for (size_t i = 0; i < content->count; i++)
		stream_write(writer, &content->frames[i], content->payloads[i]);
	stream_finish(writer, &content->end, "fuzz");
	REQUIRE(!lseek(descriptor, 0, SEEK_SET));
	return descriptor;
}

static void
check_round_trip(struct content *content)
{
	int descriptor = write_content(content);
	struct content again;

	REQUIRE(!read_content(descriptor, &again));
	REQUIRE(content->count == again.count);
	for (size_t i = 0; i < content->count; i++) {
		require_same_frame(&content->frames[i], &again.frames[i]);
		REQUIRE(!memcmp(content->payloads[i], again.payloads[i], content->frames[i].bytes));
	}
	require_same_metadata(&content->end, &again.end, 1);
	content_free(&again);
	close(descriptor);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int descriptor = memfd_create("stream", 0);
	struct content content;

	REQUIRE(descriptor >= 0 && (!size || write(descriptor, data, size) == (ssize_t)size));
	REQUIRE(!lseek(descriptor, 0, SEEK_SET));
	if (!read_content(descriptor, &content))
		check_round_trip(&content);
	content_free(&content);
	close(descriptor);
	return 0;
}
