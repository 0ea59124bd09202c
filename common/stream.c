#include "stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "payload.h"
#include "payload_hash.h"

#define STREAM_VERSION "1"

struct stream_reader {
	struct payload_reader *input;
	uint64_t frames;
	struct frame end;
};

struct stream_writer {
	struct payload_writer *output;
	uint64_t frames;
};

struct stream_reader *
stream_open(int descriptor)
{
	struct stream_reader *reader = xcalloc(1, sizeof(*reader));

	reader->input = payload_reader_open(descriptor);
	return reader;
}

void
stream_close(struct stream_reader *reader)
{
	frame_free(&reader->end);
	payload_reader_close(reader->input);
	free(reader);
}

const struct frame *
stream_end_frame(const struct stream_reader *reader)
{
	return &reader->end;
}

/* The eight bytes before a header. Returns 1, 0 at the end of the input, -1. */
static int
read_length(struct stream_reader *reader, uint64_t *length, struct failure *failure)
{
	unsigned char field[8];
	size_t got;

	if (payload_read_head(reader->input, field, sizeof(field), &got, failure))
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

	if (payload_read_head(reader->input, header, length, &got, failure)) {
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

	if (payload_read_head(reader->input, &byte, 1, &got, failure))
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

int
stream_payload(struct stream_reader *reader, const struct frame *frame, const void **payload,
	       struct failure *failure)
{
	uint64_t hash;

	if (payload_read(reader->input, frame->bytes, payload, &hash, failure))
		return fail_prefix(failure, "tensor '%.200s'", frame->tensor_name);
	if (hash != frame->hash)
		return fail(failure, STATUS_DATA,
			    "tensor '%.200s': the payload does not have the hash of its header",
			    frame->tensor_name);
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
	return payload_take(reader->input);
}

void
stream_exchange_payload(struct stream_reader *reader, void **memory, size_t *capacity)
{
	payload_exchange(reader->input, memory, capacity);
}

struct stream_writer *
stream_create(int descriptor)
{
	struct stream_writer *writer = xcalloc(1, sizeof(*writer));

	writer->output = payload_writer_open(descriptor);
	return writer;
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
	payload_write(writer->output, text.bytes, text.length);
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
	payload_write(writer->output, payload, frame->bytes);
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

void
stream_write_pieces(struct stream_writer *writer, const struct frame *frame, stream_source *source,
		    void *context, int descriptor, uint64_t offset, void *piece)
{
	uint64_t done = 0;

	write_head(writer, frame);
	if (descriptor >= 0)
		done = payload_send_stored(writer->output, descriptor, offset, frame->bytes);
	while (done < frame->bytes) {
		uint64_t left = frame->bytes - done;
		size_t count = left < STREAM_PIECE ? left : STREAM_PIECE;

		source(context, done, piece, count);
		payload_write(writer->output, piece, count);
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
	payload_writer_close(writer->output);
	free(writer);
}
