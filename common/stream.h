/*
 * Tensor streams, version 1: reading and writing frames. tensor-stream(5) is the specification.
 *
 * A stream is safetensors documents one after the other. Each holds one tensor, but for the last,
 * which holds none and says how many came before. A stream is good only when that end frame has been
 * read, the counts agree, every payload has its hash, and nothing follows.
 *
 * Reading returns 0 or -1 with a failure. Writing ends the program when it fails.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"
#include "safetensors.h"
#include "util.h"

enum frame_kind { FRAME_TENSOR, FRAME_SPECTRUM, FRAME_END };

struct metadata_pair {
	char *key, *value;
};

/*
 * The head of a frame. Its strings belong to it until frame_free(). `rows` and `columns` are those of
 * the matrix the frame speaks of: for a spectrum, of the matrix whose spectrum it is.
 */
struct frame {
	enum frame_kind kind;
	char *tensor_name;
	enum dtype dtype;
	unsigned rank;
	uint64_t shape[SAFETENSORS_MAX_RANK];
	uint64_t rows, columns;
	uint64_t elements, bytes; /* of the payload */
	uint64_t hash;		  /* XXH3-64 of the payload, as the header gives it */
	struct metadata_pair *metadata;
	size_t metadata_count;
};

void frame_free(struct frame *frame);

/* A copy of the head, to be freed on its own. */
struct frame frame_copy(const struct frame *frame);

/* The value of a metadata key; null when it is not there. */
const char *frame_get(const struct frame *frame, const char *key);

/* The same, or "" when it is not there. */
const char *frame_text(const struct frame *frame, const char *key);

/* Sets a key, in its old place if it was there; the value is formatted. */
void frame_set(struct frame *frame, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends this program to the provenance: the next free key prog.N. */
void frame_sign(struct frame *frame, const char *signature);

/* Fails unless the frame is of the kind that the program reads. Returns 0 or -1. */
int frame_require(const struct frame *frame, enum frame_kind kind, struct failure *failure);

/* A frame for a tensor of this type and shape; rows and columns are taken from the shape. */
struct frame frame_new(enum frame_kind kind, const char *tensor_name, enum dtype dtype,
		       unsigned rank, const uint64_t *shape);

/* Rows and columns of a shape seen as a matrix: the first dimension, and the product of the rest. */
void matrix_shape(unsigned rank, const uint64_t *shape, uint64_t *rows, uint64_t *columns);

/* XXH3-64 of a payload. */
uint64_t payload_hash(const void *payload, size_t bytes);

struct stream_reader;

/* Starts to read a stream from a descriptor, which stays the caller's. */
struct stream_reader *stream_open(int descriptor);
void stream_close(struct stream_reader *reader);

/*
 * The head of the next frame, checked. Returns 1, or 0 after a good end of the stream, or -1. The
 * payload of the frame before must have been taken.
 */
int stream_next(struct stream_reader *reader, struct frame *frame, struct failure *failure);

/*
 * The payload of the frame just read, from malloc, the caller's to free; its hash has been checked.
 * Memory grows as bytes arrive, so a lying length costs nothing. Returns 0 or -1.
 */
int stream_payload(struct stream_reader *reader, const struct frame *frame, void **payload,
		   struct failure *failure);

/* The metadata of the end frame, after stream_next() returned 0; valid until stream_close(). */
const struct frame *stream_end_frame(const struct stream_reader *reader);

struct stream_writer;

/* Starts to write a stream to a descriptor. */
struct stream_writer *stream_create(int descriptor);

/* Writes a frame whole; sets its hash. */
void stream_write(struct stream_writer *writer, struct frame *frame, const void *payload);

/* Writes a frame whose payload is known to have the hash in frame->hash. */
void stream_write_hashed(struct stream_writer *writer, const struct frame *frame,
			 const void *payload);

/* Gives count bytes of a payload from an offset on. */
typedef void stream_source(void *context, uint64_t offset, void *buffer, size_t count);

/*
 * Writes a frame whose payload is never in memory as a whole: it is taken from the source piece by
 * piece, first for its hash, which stands in the head, and if it is large once more to be written.
 */
void stream_write_pieces(struct stream_writer *writer, struct frame *frame, stream_source *source,
			 void *context);

/* Writes the end frame, signed as given, and frees the writer. */
void stream_finish(struct stream_writer *writer, const struct frame *end, const char *signature);

#endif
