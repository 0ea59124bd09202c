/*
 * Tensor streams: what is written reads back, and nothing that is cut, changed or made up reads as
 * good.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stream.h"
#include "tap.h"

/* A machine with enough processors for a stream to take several lanes, whatever the real one has. */
int
sched_getaffinity(pid_t process, size_t size, cpu_set_t *processors)
{
	(void)process;
	memset(processors, 0, size);
	for (int i = 0; i < 16; i++)
		CPU_SET((size_t)i, processors);
	return 0;
}

/* A file in memory that holds these bytes, at its start. */
static int
file_of(const void *bytes, size_t count)
{
	int descriptor = memfd_create("stream", 0);

	if (descriptor < 0 || (count && write(descriptor, bytes, count) != (ssize_t)count) ||
	    lseek(descriptor, 0, SEEK_SET))
		abort();
	return descriptor;
}

static struct text
text_of_file(int descriptor)
{
	off_t size = lseek(descriptor, 0, SEEK_END);
	struct text text = {0};
	char *bytes = xmalloc((size_t)size);

	if (pread(descriptor, bytes, (size_t)size, 0) != size)
		abort();
	text_append(&text, bytes, (size_t)size);
	free(bytes);
	return text;
}

/* Reads a whole stream. Returns its number of frames, or -1. */
static int
read_all(int descriptor, struct failure *failure)
{
	struct stream_reader *reader = stream_open(descriptor);
	struct frame frame;
	int frames = 0, more;

	*failure = (struct failure){0};
	while ((more = stream_next(reader, &frame, failure)) > 0) {
		const void *payload;

		more = stream_payload(reader, &frame, &payload, failure);
		frame_free(&frame);
		if (more)
			break;
		frames++;
	}
	stream_close(reader);
	return more ? -1 : frames;
}

static int
read_bytes(const void *bytes, size_t count, struct failure *failure)
{
	int descriptor = file_of(bytes, count);
	int frames = read_all(descriptor, failure);

	close(descriptor);
	return frames;
}

static const double spectrum[] = {0, 0.5, 2};
static const unsigned short weights[] = {0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0};

/* Two tensors, one without elements, and a spectrum. */
static struct text
example(void)
{
	static const uint64_t matrix[] = {2, 3}, nothing[] = {0, 4}, three[] = {3};
	int descriptor = memfd_create("stream", 0);
	struct stream_writer *writer = stream_create(dup(descriptor));
	struct frame frame = frame_new(FRAME_TENSOR, "a.weight", DTYPE_BF16, 2, matrix), end = {0};
	struct text text;

	frame_set(&frame, "layer", "a");
	frame_set(&frame, "unknown.key", "%s", "tab\t\"quote\" \xe2\x82\xac");
	frame_sign(&frame, "first 1");
	frame_sign(&frame, "second 1");
	stream_write(writer, &frame, weights);
	frame_free(&frame);
	frame = frame_new(FRAME_TENSOR, "nothing", DTYPE_F32, 2, nothing);
	stream_write(writer, &frame, NULL);
	frame_free(&frame);
	frame = frame_new(FRAME_SPECTRUM, "eigenvalues", DTYPE_F64, 1, three);
	frame.rows = 3;
	frame.columns = 7;
	stream_write(writer, &frame, spectrum);
	frame_free(&frame);
	frame_set(&end, "from.source", "kept");
	stream_finish(writer, &end, "third 1");
	frame_free(&end);
	text = text_of_file(descriptor);
	close(descriptor);
	return text;
}

static void
check_first_frame(struct stream_reader *reader)
{
	struct failure failure;
	struct frame frame;
	const void *payload;

	tap(stream_next(reader, &frame, &failure) == 1 && frame.kind == FRAME_TENSOR,
	    "a tensor comes first");
	tap_text(frame.tensor_name, "a.weight", "its name");
	tap(frame.dtype == DTYPE_BF16 && frame.rank == 2 && frame.shape[0] == 2 &&
		    frame.shape[1] == 3 && frame.rows == 2 && frame.columns == 3 &&
		    frame.elements == 6 && frame.bytes == 12,
	    "its type and shape");
	tap_text(frame_get(&frame, "layer"), "a", "a key");
	tap_text(frame_get(&frame, "unknown.key"), "tab\t\"quote\" \xe2\x82\xac",
		 "a key that nobody knows");
	tap_text(frame_get(&frame, "prog.0"), "first 1", "the first signature");
	tap_text(frame_get(&frame, "prog.1"), "second 1", "the second signature");
	tap(!frame_get(&frame, "rows") && !frame_get(&frame, "xxh3") && !frame_get(&frame, "kind"),
	    "the keys that are fields are not among the metadata");
	tap(!stream_payload(reader, &frame, &payload, &failure) &&
		    !memcmp(payload, weights, sizeof(weights)),
	    "its payload");
	frame_free(&frame);
}

static void
check_round_trip(void)
{
	struct text text = example();
	int descriptor = file_of(text.bytes, text.length);
	struct stream_reader *reader = stream_open(descriptor);
	struct failure failure;
	struct frame frame;
	const void *payload;

	check_first_frame(reader);
	tap(stream_next(reader, &frame, &failure) == 1 && !frame.elements && frame.rows == 0 &&
		    frame.columns == 4 && !stream_payload(reader, &frame, &payload, &failure),
	    "a tensor without elements");
	frame_free(&frame);
	tap(stream_next(reader, &frame, &failure) == 1 && frame.kind == FRAME_SPECTRUM &&
		    frame.rows == 3 && frame.columns == 7 && frame.elements == 3,
	    "a spectrum");
	tap(frame_require(&frame, FRAME_SPECTRUM, &failure) == 0, "which is what was asked for");
	tap(frame_require(&frame, FRAME_TENSOR, &failure) == -1, "or is not");
	tap(!stream_payload(reader, &frame, &payload, &failure) &&
		    !memcmp(payload, spectrum, sizeof(spectrum)),
	    "its eigenvalues");
	frame_free(&frame);
	tap(stream_next(reader, &frame, &failure) == 0, "a good end");
	tap_text(frame_get(stream_end_frame(reader), "from.source"), "kept", "its metadata");
	tap_text(frame_get(stream_end_frame(reader), "prog.0"), "third 1", "its signature");
	stream_close(reader);
	close(descriptor);
	text_free(&text);
}

/* No proper beginning is a stream. */
static void
check_cut(void)
{
	struct text text = example();
	struct failure failure;
	size_t taken = 0, other = 0;

	for (size_t i = 0; i < text.length; i++) {
		taken += read_bytes(text.bytes, i, &failure) >= 0;
		other += failure.status != STATUS_DATA || !*failure.text;
	}
	tap(!taken && !other, "cut anywhere in its %zu bytes, it is bad data", text.length);
	tap(read_bytes(text.bytes, text.length, &failure) == 3, "and whole it is good");
	text_free(&text);
}

/* Flips each bit of some bytes of a stream. Returns how many of the results are taken for good. */
static size_t
taken_when_flipped(const struct text *text, size_t first, size_t count)
{
	struct failure failure;
	size_t taken = 0;

	for (size_t i = 8 * first; i < 8 * (first + count); i++) {
		text->bytes[i / 8] = (char)(text->bytes[i / 8] ^ 1 << i % 8);
		taken += read_bytes(text->bytes, text->length, &failure) >= 0;
		text->bytes[i / 8] = (char)(text->bytes[i / 8] ^ 1 << i % 8);
	}
	return taken;
}

static size_t
place_of(const struct text *text, const void *bytes, size_t count)
{
	const char *found = memmem(text->bytes, text->length, bytes, count);

	return found ? (size_t)(found - text->bytes) : 0;
}

/* A flipped bit of a payload is always noticed. One of a header may make another good stream. */
static void
check_flipped(void)
{
	struct text text = example();
	size_t tensor = place_of(&text, weights, sizeof(weights));
	size_t vector = place_of(&text, spectrum, sizeof(spectrum));
	size_t length = place_of(&text, "{\"__meta", 8);

	tap(tensor && !taken_when_flipped(&text, tensor, sizeof(weights)),
	    "each flipped bit of a tensor is noticed");
	tap(vector && !taken_when_flipped(&text, vector, sizeof(spectrum)),
	    "each flipped bit of a spectrum is noticed");
	tap(length == 8 && !taken_when_flipped(&text, 0, 8),
	    "each flipped bit of a length is noticed");
	tap(taken_when_flipped(&text, 0, text.length) < 8 * text.length,
	    "flipped bits anywhere do no harm");
	text_free(&text);
}

static void
check_what_follows(void)
{
	struct text text = example();
	size_t once = text.length;
	struct failure failure;

	text_append(&text, "", 1);
	tap(read_bytes(text.bytes, text.length, &failure) == -1, "a byte behind the end");
	tap_text(failure.text, "bytes follow the end frame", "and why");
	text.length = once;
	text_append(&text, text.bytes, once);
	tap(read_bytes(text.bytes, text.length, &failure) == -1, "two streams");
	text_free(&text);
}

/* Calls for each a child that writes so many bytes at a time. */
static void
check_short_reads(void)
{
	struct text text = example();
	static const size_t steps[] = {1, 7, 64, 1000};

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct failure failure;
		int ends[2], frames;
		pid_t child;

		if (pipe(ends) || (child = fork()) < 0)
			abort();
		if (!child) {
			for (size_t at = 0; at < text.length; at += steps[i]) {
				size_t left = text.length - at;
				size_t step = left < steps[i] ? left : steps[i];

				if (write(ends[1], text.bytes + at, step) != (ssize_t)step)
					_exit(1);
			}
			_exit(0);
		}
		close(ends[1]);
		frames = read_all(ends[0], &failure);
		tap(frames == 3, "a pipe that gives %zu bytes at a time: %s", steps[i],
		    failure.text);
		close(ends[0]);
		waitpid(child, NULL, 0);
	}
	text_free(&text);
}

/* A header may promise what it likes; only what comes is stored. */
static void
check_lying_length(void)
{
	struct safetensors_writer writer;
	static const uint64_t shape[] = {1 << 20, (uint64_t)1 << 32};
	struct failure failure;
	struct text text;

	safetensors_write_begin(&writer);
	safetensors_write_metadata(&writer, "stream", "1");
	safetensors_write_metadata(&writer, "kind", "tensor");
	safetensors_write_metadata(&writer, "rows", "1048576");
	safetensors_write_metadata(&writer, "cols", "4294967296");
	safetensors_write_metadata(&writer, "xxh3", "0123456789abcdef");
	safetensors_write_tensor(&writer, "w", DTYPE_U8, 2, shape);
	text = safetensors_write_end(&writer);
	text_append(&text, "12345", 5);
	tap(read_bytes(text.bytes, text.length, &failure) == -1 && failure.status == STATUS_DATA,
	    "4 PiB are promised and 5 bytes come");
	tap_text(failure.text, "tensor 'w': cut off after 5 of 4503599627370496 bytes", "and why");
	text_free(&text);
}

static void
copy_piece(void *context, uint64_t offset, void *buffer, size_t count)
{
	memcpy(buffer, (const char *)context + offset, count);
}

enum way { WHOLE, IN_PIECES, STORED, STORED_IN_PART, STORED_NOWHERE };

/* A file with so many bytes of a payload behind one that is none of it. */
static int
payload_file(const char *payload, uint64_t bytes)
{
	int descriptor = memfd_create("payload", 0);

	if (write(descriptor, "x", 1) != 1)
		bytes = 0;
	while (bytes) {
		ssize_t step = write(descriptor, payload, bytes);

		if (step <= 0)
			break;
		payload += step;
		bytes -= (uint64_t)step;
	}
	return descriptor;
}

/* Writes a tensor from a source, or from a file that has all of it, ends early, or is none. */
static void
write_pieces(struct stream_writer *writer, struct frame *frame, char *payload, enum way way)
{
	int ends[2], file = payload_file(payload, way == STORED ? frame->bytes : frame->bytes / 2);
	void *piece = xmalloc(STREAM_PIECE);

	if (pipe(ends))
		abort();
	frame->hash = stream_hash(copy_piece, payload, frame->bytes, piece);
	stream_write_pieces(writer, frame, copy_piece, payload,
			    way == IN_PIECES	    ? -1
			    : way == STORED_NOWHERE ? ends[0]
						    : file,
			    1, piece);
	free(piece);
	close(file);
	close(ends[0]);
	close(ends[1]);
}

/* A stream of one tensor of so many bytes. */
static int
stream_of(uint64_t bytes, char *payload, enum way way)
{
	int descriptor = memfd_create("stream", 0);
	struct stream_writer *writer = stream_create(dup(descriptor));
	struct frame frame = frame_new(FRAME_TENSOR, "w", DTYPE_U8, 1, &bytes);

	if (way == WHOLE)
		stream_write(writer, &frame, payload);
	else
		write_pieces(writer, &frame, payload, way);
	frame_free(&frame);
	stream_finish(writer, NULL, "test");
	lseek(descriptor, 0, SEEK_SET);
	return descriptor;
}

static void
check_way(uint64_t bytes, char *payload, enum way way, const struct text *wanted)
{
	static const char *const names[] = {"", "in pieces", "from a file", "from a part of a file",
					    "from what is no file"};
	int descriptor = stream_of(bytes, payload, way);
	struct text text = text_of_file(descriptor);

	tap(text.length == wanted->length && !memcmp(text.bytes, wanted->bytes, text.length),
	    "%" PRIu64 " bytes, whole or %s", bytes, names[way]);
	text_free(&text);
	close(descriptor);
}

/* Around the sizes at which reading and writing take another step. */
static void
check_sizes(void)
{
	static const uint64_t sizes[] = {
		0, 1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (16 << 20) + 1, 40 << 20};
	char *payload = xmalloc(40 << 20);

	for (size_t i = 0; i < 40 << 20; i++)
		payload[i] = (char)(i * 2654435761u >> 13);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int whole = stream_of(sizes[i], payload, WHOLE);
		struct text text = text_of_file(whole);
		struct failure failure;

		for (enum way way = IN_PIECES; way <= STORED_NOWHERE; way++)
			check_way(sizes[i], payload, way, &text);
		lseek(whole, 0, SEEK_SET);
		tap(read_all(whole, &failure) == 1, "%" PRIu64 " bytes read back", sizes[i]);
		text_free(&text);
		close(whole);
	}
	free(payload);
}

/* Frames of which some are large enough for lanes, and the end of a pipe that they are written to. */
struct large {
	char *payload;
	uint64_t sizes[4];
	int output;
};

static void *
write_large(void *argument)
{
	const struct large *large = argument;
	struct stream_writer *writer = stream_create(large->output);

	for (size_t i = 0; i < 4; i++) {
		struct frame frame = frame_new(FRAME_TENSOR, "w", DTYPE_U8, 1, &large->sizes[i]);

		stream_write(writer, &frame, large->payload + i);
		frame_free(&frame);
	}
	stream_finish(writer, NULL, "test");
	return NULL;
}

/* Bytes for a thread to write to one end of a pipe. */
struct sent {
	const char *bytes;
	size_t count;
	int output;
};

static void *
send_bytes(void *argument)
{
	const struct sent *sent = argument;

	for (size_t done = 0; done < sent->count;) {
		ssize_t step = write(sent->output, sent->bytes + done, sent->count - done);

		if (step <= 0)
			break;
		done += (size_t)step;
	}
	close(sent->output);
	return NULL;
}

/* What a stream reader makes of the first bytes of a stream that come through a pipe. */
static int
read_sent(const struct text *text, size_t count, struct failure *failure)
{
	struct sent sent = {text->bytes, count, -1};
	pthread_t sending;
	int ends[2], frames;

	if (pipe(ends))
		abort();
	sent.output = ends[1];
	pthread_create(&sending, NULL, send_bytes, &sent);
	frames = read_all(ends[0], failure);
	pthread_join(sending, NULL);
	close(ends[0]);
	return frames;
}

/* Whether the stream that is written to a pipe is this one. */
static bool
writes_same(struct large *large, const struct text *text)
{
	char *copy = xmalloc(text->length + 1);
	size_t length = 0;
	pthread_t writing;
	ssize_t got;
	int ends[2];
	bool same;

	if (pipe(ends))
		abort();
	large->output = ends[1];
	pthread_create(&writing, NULL, write_large, large);
	while (length <= text->length &&
	       (got = read(ends[0], copy + length, text->length + 1 - length)) > 0)
		length += (size_t)got;
	pthread_join(writing, NULL);
	close(ends[0]);
	same = length == text->length && !memcmp(copy, text->bytes, length);
	free(copy);
	return same;
}

static void
check_large_pipes(void)
{
	enum { MIB = 1 << 20 };
	struct large large = {xmalloc(30 * MIB + 4), {30 * MIB, 5, 9 * MIB, 20 * MIB}, -1};
	int file = memfd_create("stream", 0);
	struct failure failure;
	struct text text;

	for (size_t i = 0; i < 30 * MIB + 4; i++)
		large.payload[i] = (char)(i * 2654435761u >> 13);
	large.output = dup(file);
	write_large(&large);
	text = text_of_file(file);
	tap(writes_same(&large, &text), "large payloads are written to a pipe as to a file");
	tap(read_sent(&text, text.length, &failure) == 4, "and are read from one");
	tap(read_sent(&text, 25 * MIB, &failure) < 0 && strstr(failure.text, "cut off after"),
	    "and cut off: %s", failure.text);
	text.bytes[45 * MIB] ^= 1;
	tap(read_sent(&text, text.length, &failure) < 0 && strstr(failure.text, "hash"),
	    "and changed: %s", failure.text);
	text_free(&text);
	close(file);
	free(large.payload);
}

/* As much metadata as fits in 2 MB must take no noticeable time. */
static void
check_many_keys(void)
{
	enum { COUNT = 100000 };
	struct safetensors_writer writer;
	static const uint64_t shape[] = {1, 1};
	struct failure failure;
	struct text text;
	char key[32];

	safetensors_write_begin(&writer);
	safetensors_write_metadata(&writer, "stream", "1");
	safetensors_write_metadata(&writer, "kind", "tensor");
	safetensors_write_metadata(&writer, "rows", "1");
	safetensors_write_metadata(&writer, "cols", "1");
	safetensors_write_metadata(&writer, "xxh3", "0123456789abcdef");
	for (int i = 0; i < COUNT; i++) {
		snprintf(key, sizeof(key), "prog.%d", i);
		safetensors_write_metadata(&writer, key, "");
	}
	safetensors_write_tensor(&writer, "w", DTYPE_U8, 2, shape);
	text = safetensors_write_end(&writer);
	text_append(&text, "1", 1);
	alarm(20);
	tap(read_bytes(text.bytes, text.length, &failure) == -1, "%d metadata keys", COUNT);
	alarm(0);
	tap_text(failure.text, "tensor 'w': the payload does not have the hash of its header",
		 "are read");
	text_free(&text);
}

static void
check_frames(void)
{
	static const uint64_t shape[] = {2, 3, 4};
	struct frame frame = frame_new(FRAME_TENSOR, "w", DTYPE_F16, 3, shape), copy;
	struct failure failure;

	tap(frame.rows == 2 && frame.columns == 12 && frame.elements == 24 && frame.bytes == 48,
	    "a shape of three dimensions as a matrix");
	tap(!frame_get(&frame, "k"), "a key that is not there");
	tap_text(frame_text(&frame, "k"), "", "or its text");
	frame_set(&frame, "k", "%d", 1);
	frame_set(&frame, "l", "%d", 2);
	frame_set(&frame, "k", "%d", 3);
	tap(frame.metadata_count == 2, "a key that is set twice is there once");
	tap_text(frame.metadata[0].value, "3", "in its old place");
	copy = frame_copy(&frame);
	frame_set(&frame, "k", "changed");
	tap_text(frame_get(&copy, "k"), "3", "a copy is a copy");
	tap_text(copy.tensor_name, "w", "with its name");
	frame_free(&copy);
	tap(frame_require(&frame, FRAME_SPECTRUM, &failure) == -1 && failure.status == STATUS_DATA,
	    "a tensor is no spectrum");
	frame_free(&frame);
}

int
main(void)
{
	check_frames();
	check_round_trip();
	check_cut();
	check_flipped();
	check_what_follows();
	check_short_reads();
	check_lying_length();
	check_sizes();
	check_large_pipes();
	check_many_keys();
	return tap_done();
}
