#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "json.h"
#include "lanes.h"
#include "payload_hash.h"

#define STREAM_VERSION "1"

/* A larger pipe halves the cost of a hop; the kernel may refuse, and then nothing is lost. */
#define PIPE_SIZE (1 << 20)

/* How much of a payload is trusted to come before any of it has. */
#define FIRST_PIECE ((size_t)16 << 20)

/* What has been read is hashed while it is still in a cache. */
#define HASH_PIECE ((size_t)256 << 10)

/* From this size on a payload takes several lanes, one for so many processors. */
#define LEAST_FOR_LANES	   ((size_t)8 << 20)
#define PROCESSORS_OF_LANE 2
#define MOST_LANES	   6

/* Lanes to or from a descriptor, when something large is to go there for the first time. */
struct large_pipe {
	struct lanes *lanes; /* null: none, or not yet */
	bool tried;
};

struct stream_reader {
	int descriptor;
	uint64_t frames;
	struct frame end;
	char *buffer; /* of the last payload; fresh memory for each would cost more than to fill it */
	size_t capacity;
	struct payload_hash *hash;
	struct large_pipe pipe;
};

struct stream_writer {
	int descriptor;
	struct large_pipe pipe;
	uint64_t frames;
};

/* The lanes that count bytes are to take; null if they are to go the usual way. */
static struct lanes *
lanes_for(struct large_pipe *pipe, int descriptor, size_t count)
{
	unsigned lanes;

	if (count < LEAST_FOR_LANES)
		return NULL;
	lanes = usable_processors() / PROCESSORS_OF_LANE;
	if (!pipe->tried && lanes > 1)
		pipe->lanes = lanes_open(descriptor, lanes < MOST_LANES ? lanes : MOST_LANES);
	pipe->tried = true;
	return pipe->lanes;
}

struct stream_reader *
stream_open(int descriptor)
{
	struct stream_reader *reader = xcalloc(1, sizeof(*reader));

	reader->descriptor = descriptor;
	reader->hash = payload_hash_new();
	fcntl(descriptor, F_SETPIPE_SZ, PIPE_SIZE);
	return reader;
}

void
stream_close(struct stream_reader *reader)
{
	frame_free(&reader->end);
	lanes_close(reader->pipe.lanes);
	payload_hash_free(reader->hash);
	free(reader->buffer);
	free(reader);
}

const struct frame *
stream_end_frame(const struct stream_reader *reader)
{
	return &reader->end;
}

/* Reads up to count bytes, fewer only at the end of the input. Returns -1 on an error. */
static int
read_fully(int descriptor, void *buffer, size_t count, size_t *got, struct failure *failure)
{
	*got = 0;
	while (*got < count) {
		ssize_t step = read(descriptor, (char *)buffer + *got, count - *got);

		if (step < 0 && errno == EINTR)
			continue;
		if (step < 0)
			return fail(failure, STATUS_IO, "%s", strerror(errno));
		if (!step)
			break;
		*got += (size_t)step;
	}
	return 0;
}

/* The eight bytes before a header. Returns 1, 0 at the end of the input, -1. */
static int
read_length(struct stream_reader *reader, uint64_t *length, struct failure *failure)
{
	unsigned char field[8];
	size_t got;

	if (read_fully(reader->descriptor, field, sizeof(field), &got, failure))
		return -1;
	if (!got)
		return 0;
	if (!reader->frames && is_text(field, got))
		return fail(failure, STATUS_DATA, "text, and a tensor stream is expected");
	if (got < sizeof(field))
		return fail(failure, STATUS_DATA, "cut off inside the length of a header");
	return safetensors_header_length(field, length, failure) ? -1 : 1;
}

static int
read_header(struct stream_reader *reader, uint64_t length, struct safetensors *document,
	    struct failure *failure)
{
	char *header = xmalloc(length + 1);
	size_t got;

	if (read_fully(reader->descriptor, header, length, &got, failure)) {
		free(header);
		return -1;
	}
	if (got < length) {
		free(header);
		return fail(failure, STATUS_DATA,
			    "cut off inside a header (%zu of %" PRIu64 " bytes)", got, length);
	}
	return safetensors_parse(document, header, length, failure);
}

static const char *
document_get(const struct safetensors *document, const char *key)
{
	for (size_t i = 0; i < document->metadata_count; i++)
		if (!strcmp(document->metadata[i].key, key))
			return document->metadata[i].value;
	return "";
}

/* The keys that the struct holds as fields, and that writing puts first. */
static bool
is_own_key(const char *key)
{
	static const char *const keys[] = {"stream", "kind", "rows", "cols", "xxh3", "frames"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

static bool
parse_hash(const char *text, uint64_t *hash)
{
	*hash = 0;
	if (strlen(text) != 16)
		return false;
	for (; *text; text++) {
		if (*text >= '0' && *text <= '9')
			*hash = *hash << 4 | (uint64_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			*hash = *hash << 4 | (uint64_t)(*text - 'a' + 10);
		else
			return false;
	}
	return true;
}

static int
parse_kind(const struct safetensors *document, enum frame_kind *kind, struct failure *failure)
{
	const char *version = document_get(document, "stream");
	const char *name = document_get(document, "kind");

	if (!*version)
		return fail(failure, STATUS_DATA,
			    "a safetensors file, not a tensor stream; st-layers reads those");
	if (strcmp(version, STREAM_VERSION))
		return fail(failure, STATUS_DATA,
			    "a tensor stream of version '%.20s', and not " STREAM_VERSION, version);
	for (int i = FRAME_TENSOR; i <= FRAME_END; i++)
		if (!strcmp(name, frame_kind_name((enum frame_kind)i))) {
			*kind = (enum frame_kind)i;
			return 0;
		}
	return fail(failure, STATUS_DATA, "a frame of unknown kind '%.20s'", name);
}

/* Whether there may be so many eigenvalues: those of the matrix, or of as many windows as are said. */
static bool
is_spectrum_size(const struct safetensors *document, const struct frame *frame)
{
	uint64_t windows = 1, most = frame->rows < frame->columns ? frame->rows : frame->columns;
	const char *text = document_get(document, "windows");

	if (*text && !parse_unsigned(text, JSON_INTEGER_MAX, &windows))
		return false;
	return !multiply_checked(most, windows, &most) || frame->elements <= most;
}

/* The fields of a frame that holds a tensor. */
static int
parse_tensor_fields(const struct safetensors *document, struct frame *frame,
		    struct failure *failure)
{
	const struct safetensors_tensor *tensor = document->tensors;
	uint64_t rows, columns, product;

	if (document->count != 1)
		return fail(failure, STATUS_DATA, "a frame with %zu tensors instead of one",
			    document->count);
	frame->tensor_name = xstrdup(tensor->name);
	frame->dtype = tensor->dtype;
	frame->rank = tensor->rank;
	memcpy(frame->shape, tensor->shape, sizeof(frame->shape));
	frame->elements = tensor->elements;
	frame->bytes = tensor->end - tensor->begin;
	if (!parse_hash(document_get(document, "xxh3"), &frame->hash))
		return fail(failure, STATUS_DATA, "xxh3 is not 16 hexadecimal digits");
	if (!parse_unsigned(document_get(document, "rows"), JSON_INTEGER_MAX, &frame->rows) ||
	    !parse_unsigned(document_get(document, "cols"), JSON_INTEGER_MAX, &frame->columns) ||
	    !multiply_checked(frame->rows, frame->columns, &product))
		return fail(failure, STATUS_DATA, "rows and cols are not two sizes");
	matrix_shape(frame->rank, frame->shape, &rows, &columns);
	if (frame->kind == FRAME_TENSOR && (rows != frame->rows || columns != frame->columns))
		return fail(failure, STATUS_DATA, "rows and cols do not agree with the shape");
	if (frame->kind == FRAME_SPECTRUM &&
	    (frame->dtype != DTYPE_F64 || frame->rank != 1 || !is_spectrum_size(document, frame)))
		return fail(failure, STATUS_DATA,
			    "a spectrum that is not a vector of at most min(rows, cols) F64");
	return 0;
}

/* The metadata but for the keys that are fields. frame_set() would look for each among the others. */
static void
take_metadata(const struct safetensors *document, struct frame *frame)
{
	frame->metadata = xcalloc(document->metadata_count, sizeof(*frame->metadata));
	for (size_t i = 0; i < document->metadata_count; i++) {
		const struct safetensors_pair *pair = &document->metadata[i];

		if (!is_own_key(pair->key))
			frame->metadata[frame->metadata_count++] = (struct metadata_pair){
				xstrdup(pair->key), xstrdup(pair->value)};
	}
}

static int
parse_frame(struct stream_reader *reader, const struct safetensors *document, struct frame *frame,
	    struct failure *failure)
{
	uint64_t frames;

	if (parse_kind(document, &frame->kind, failure))
		return -1;
	take_metadata(document, frame);
	if (frame->kind != FRAME_END)
		return parse_tensor_fields(document, frame, failure);
	if (document->count)
		return fail(failure, STATUS_DATA, "an end frame that holds a tensor");
	if (!parse_unsigned(document_get(document, "frames"), UINT64_MAX, &frames) ||
	    frames != reader->frames)
		return fail(failure, STATUS_DATA,
			    "the end frame counts '%.20s' frames, and %" PRIu64 " came",
			    document_get(document, "frames"), reader->frames);
	return 0;
}

static int
read_frame(struct stream_reader *reader, struct frame *frame, struct failure *failure)
{
	struct safetensors document;
	uint64_t length;
	int got = read_length(reader, &length, failure), result;

	if (got < 0)
		return -1;
	if (!got && !reader->frames)
		return fail(failure, STATUS_DATA,
			    "empty, and a tensor stream is expected; the program before failed?");
	if (!got)
		return fail(failure, STATUS_DATA,
			    "the stream ends without an end frame; the program before failed?");
	if (read_header(reader, length, &document, failure))
		return -1;
	result = parse_frame(reader, &document, frame, failure);
	safetensors_free(&document);
	return result;
}

/* Nothing may follow the end frame. */
static int
check_nothing_follows(struct stream_reader *reader, struct failure *failure)
{
	char byte;
	size_t got;

	if (read_fully(reader->descriptor, &byte, 1, &got, failure))
		return -1;
	return got ? fail(failure, STATUS_DATA, "bytes follow the end frame") : 0;
}

int
stream_next(struct stream_reader *reader, struct frame *frame, struct failure *failure)
{
	*frame = (struct frame){0};
	if (read_frame(reader, frame, failure)) {
		if (reader->frames)
			fail_prefix(failure, "after frame %" PRIu64, reader->frames);
		frame_free(frame);
		return -1;
	}
	if (frame->kind != FRAME_END) {
		reader->frames++;
		return 1;
	}
	reader->end = *frame;
	*frame = (struct frame){0};
	return check_nothing_follows(reader, failure);
}

static void
hash_arrived(void *hash, const void *bytes, size_t count)
{
	payload_hash_add(hash, bytes, count);
}

/* Reads up to count bytes of a payload, as read_fully(), and adds them to the hash. */
static int
read_hashed(struct stream_reader *reader, char *buffer, size_t count, size_t *got,
	    struct failure *failure)
{
	struct lanes *lanes = lanes_for(&reader->pipe, reader->descriptor, count);
	size_t step = 0, piece = 0;

	if (lanes) {
		if (lanes_read(lanes, buffer, count, hash_arrived, reader->hash, got))
			return fail(failure, STATUS_IO, "%s", strerror(errno));
		return 0;
	}
	for (*got = 0; *got < count && step == piece; *got += step) {
		piece = count - *got < HASH_PIECE ? count - *got : HASH_PIECE;
		if (read_fully(reader->descriptor, buffer + *got, piece, &step, failure))
			return -1;
		payload_hash_add(reader->hash, buffer + *got, step);
	}
	return 0;
}

/* Reads a payload into the reader's buffer, which grows as bytes arrive, and hashes it. */
static int
read_payload(struct stream_reader *reader, const struct frame *frame, struct failure *failure)
{
	size_t done = 0;

	payload_hash_begin(reader->hash);
	while (done < frame->bytes || !reader->buffer) {
		size_t wanted, got, more = done ? done : FIRST_PIECE;

		if (done == reader->capacity) {
			size_t capacity = frame->bytes - done < more ? (size_t)frame->bytes
								     : done + more;
			char *grown = realloc(reader->buffer, capacity ? capacity : 1);

			if (!grown)
				return fail(failure, STATUS_RETRY,
					    "out of memory for its %" PRIu64 " bytes",
					    frame->bytes);
			reader->buffer = grown;
			reader->capacity = capacity;
		}
		wanted = frame->bytes < reader->capacity ? (size_t)frame->bytes - done
							 : reader->capacity - done;
		if (read_hashed(reader, reader->buffer + done, wanted, &got, failure))
			return -1;
		done += got;
		if (got < wanted)
			return fail(failure, STATUS_DATA, "cut off after %zu of %" PRIu64 " bytes",
				    done, frame->bytes);
	}
	return 0;
}

int
stream_payload(struct stream_reader *reader, const struct frame *frame, const void **payload,
	       struct failure *failure)
{
	if (read_payload(reader, frame, failure))
		return fail_prefix(failure, "tensor '%.200s'", frame->tensor_name);
	if (payload_hash_end(reader->hash) != frame->hash)
		return fail(failure, STATUS_DATA,
			    "tensor '%.200s': the payload does not have the hash of its header",
			    frame->tensor_name);
	*payload = reader->buffer;
	return 0;
}

int
stream_weights(struct stream_reader *reader, const struct frame *frame, const void **weights,
	       struct failure *failure)
{
	if (frame_require(frame, FRAME_TENSOR, failure))
		return -1;
	if (!dtype_is_decodable(frame->dtype))
		return fail(failure, STATUS_DATA, "tensor '%.200s': values of type %s are not read",
			    frame->tensor_name, dtype_name(frame->dtype));
	return stream_payload(reader, frame, weights, failure);
}

void *
stream_take_payload(struct stream_reader *reader)
{
	void *payload = reader->buffer;

	reader->buffer = NULL;
	reader->capacity = 0;
	return payload;
}

void
stream_exchange_payload(struct stream_reader *reader, void **memory, size_t *capacity)
{
	void *payload = reader->buffer;
	size_t payload_capacity = reader->capacity;

	reader->buffer = *memory;
	reader->capacity = *capacity;
	*memory = payload;
	*capacity = payload_capacity;
}

struct stream_writer *
stream_create(int descriptor)
{
	struct stream_writer *writer = xcalloc(1, sizeof(*writer));

	writer->descriptor = descriptor;
	fcntl(descriptor, F_SETPIPE_SZ, PIPE_SIZE);
	return writer;
}

static void
write_bytes(struct stream_writer *writer, const void *bytes, size_t count)
{
	struct lanes *lanes = lanes_for(&writer->pipe, writer->descriptor, count);
	const char *at = bytes;

	if (lanes && lanes_write(lanes, bytes, count))
		die(STATUS_IO, "standard output:");
	while (count && !lanes) {
		ssize_t step = write(writer->descriptor, at, count);

		if (step < 0 && errno == EINTR)
			continue;
		if (step < 0)
			die(STATUS_IO, "standard output:");
		at += step;
		count -= (size_t)step;
	}
}

static void
put_number(struct safetensors_writer *header, const char *key, const char *format, uint64_t value)
{
	char number[32];

	snprintf(number, sizeof(number), format, value);
	safetensors_write_metadata(header, key, number);
}

static void
write_head(struct stream_writer *writer, const struct frame *frame)
{
	struct safetensors_writer header;
	struct text text;

	safetensors_write_begin(&header);
	safetensors_write_metadata(&header, "stream", STREAM_VERSION);
	safetensors_write_metadata(&header, "kind", frame_kind_name(frame->kind));
	if (frame->kind == FRAME_END) {
		put_number(&header, "frames", "%" PRIu64, writer->frames);
	} else {
		put_number(&header, "rows", "%" PRIu64, frame->rows);
		put_number(&header, "cols", "%" PRIu64, frame->columns);
		put_number(&header, "xxh3", "%016" PRIx64, frame->hash);
	}
	for (size_t i = 0; i < frame->metadata_count; i++)
		safetensors_write_metadata(&header, frame->metadata[i].key,
					   frame->metadata[i].value);
	if (frame->kind != FRAME_END)
		safetensors_write_tensor(&header, frame->tensor_name, frame->dtype, frame->rank,
					 frame->shape);
	text = safetensors_write_end(&header);
	write_bytes(writer, text.bytes, text.length);
	text_free(&text);
	writer->frames++;
}

void
stream_write(struct stream_writer *writer, struct frame *frame, const void *payload)
{
	frame->hash = payload_hash(payload, frame->bytes);
	stream_write_hashed(writer, frame, payload);
}

void
stream_write_hashed(struct stream_writer *writer, const struct frame *frame, const void *payload)
{
	write_head(writer, frame);
	write_bytes(writer, payload, frame->bytes);
}

uint64_t
stream_hash(stream_source *source, void *context, uint64_t bytes, void *piece)
{
	struct payload_hash *hash = payload_hash_new();
	uint64_t result;

	payload_hash_begin(hash);
	for (uint64_t done = 0; done < bytes; done += STREAM_PIECE) {
		size_t count = bytes - done < STREAM_PIECE ? bytes - done : STREAM_PIECE;

		source(context, done, piece, count);
		payload_hash_add(hash, piece, count);
	}
	result = payload_hash_end(hash);
	payload_hash_free(hash);
	return result;
}

/*
 * Has the kernel move count bytes at a place of a file to the stream, which on a pipe copies none. Returns
 * how many it did: fewer where a file system or a kind of output does not do this, and where anything is
 * wrong, for the usual way to go on from there and say so.
 */
static uint64_t
send_stored(const struct stream_writer *writer, int descriptor, uint64_t offset, uint64_t count)
{
	off_t at = (off_t)offset;
	uint64_t left = count;

	while (left) {
		size_t most = left < SSIZE_MAX ? (size_t)left : SSIZE_MAX;
		ssize_t step = sendfile(writer->descriptor, descriptor, &at, most);

		if (step < 0 && errno == EINTR)
			continue;
		if (step <= 0)
			break;
		left -= (uint64_t)step;
	}
	return count - left;
}

void
stream_write_pieces(struct stream_writer *writer, const struct frame *frame, stream_source *source,
		    void *context, int descriptor, uint64_t offset, void *piece)
{
	uint64_t done = 0;

	write_head(writer, frame);
	if (descriptor >= 0)
		done = send_stored(writer, descriptor, offset, frame->bytes);
	while (done < frame->bytes) {
		uint64_t left = frame->bytes - done;
		size_t count = left < STREAM_PIECE ? left : STREAM_PIECE;

		source(context, done, piece, count);
		write_bytes(writer, piece, count);
		done += count;
	}
}

void
stream_finish(struct stream_writer *writer, const struct frame *end, const char *signature)
{
	struct frame frame = {.kind = FRAME_END};

	if (end)
		frame_take_metadata(&frame, end);
	if (signature)
		frame_sign(&frame, signature);
	write_head(writer, &frame);
	frame_free(&frame);
	/* A full disk may be noticed only now. */
	lanes_close(writer->pipe.lanes);
	if (close(writer->descriptor))
		die(STATUS_IO, "standard output:");
	free(writer);
}
