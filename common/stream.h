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

#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "util.h"

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
 * The payload of the frame just read; its hash has been checked. It lies in memory of the reader's,
 * which the next payload will use again. Memory grows as bytes arrive, so a lying length costs
 * nothing. Returns 0 or -1.
 */
int stream_payload(struct stream_reader *reader, const struct frame *frame, const void **payload,
		   struct failure *failure);

/* The same for a frame that must hold a tensor, of a type that can be decoded. */
int stream_weights(struct stream_reader *reader, const struct frame *frame, const void **weights,
		   struct failure *failure);

/* Makes the payload just read the caller's, to be freed. */
void *stream_take_payload(struct stream_reader *reader);

/*
 * Makes the payload just read the caller's as well, and gives the reader the memory *memory, of *capacity
 * bytes, for the next in exchange; then these are the payload's. For who takes all payloads, and wants
 * no fresh memory for each.
 */
void stream_exchange_payload(struct stream_reader *reader, void **memory, size_t *capacity);

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

/*
 * A payload that is not in memory as a whole is taken from a source piece by piece, first for its hash, which
 * stands in the head, and then to be written. Pieces have up to STREAM_PIECE bytes.
 */
#define STREAM_PIECE ((size_t)4 << 20)

/* Gives count bytes of a payload from an offset on. */
typedef void stream_source(void *context, uint64_t offset, void *buffer, size_t count);

/* The hash of so many bytes, taken by way of the memory at piece; the last piece is there afterwards. */
uint64_t stream_hash(stream_source *source, void *context, uint64_t bytes, void *piece);

/*
 * Writes a frame whose payload is taken from a source, by way of the memory at piece. If its bytes also lie as they
 * are in an open file, from an offset on, they are not copied from there; otherwise descriptor is -1. If they change
 * after they were hashed, the reader sees that they do not fit the head.
 */
void stream_write_pieces(struct stream_writer *writer, const struct frame *frame,
			 stream_source *source, void *context, int descriptor, uint64_t offset,
			 void *piece);

/*
 * Writes the end frame, with the metadata of another if there is one, signed as given if a signature
 * is; and frees the writer.
 */
void stream_finish(struct stream_writer *writer, const struct frame *end, const char *signature);

#endif
