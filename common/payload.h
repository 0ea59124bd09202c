/*
 * The bytes of a stream on their way through a descriptor: payloads, which are hashed as they arrive and of
 * which large ones take several lanes of a pipe (lanes.h), and the heads between them.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct payload_reader;

/* Reads from a descriptor, which stays the caller's, and from now on is to be read by this alone. */
struct payload_reader *payload_reader_open(int descriptor);
void payload_reader_close(struct payload_reader *reader);

/*
 * Reads the next count bytes, of a head, into the caller's memory; *got is how many came, fewer only at the end
 * of the input. Returns 0, or -1 with a failure where reading failed.
 */
int payload_read_head(struct payload_reader *reader, void *buffer, size_t count, size_t *got,
		      struct failure *failure);

/*
 * Reads a payload of so many bytes, into memory of the reader's that the next payload will use again, and
 * gives its hash. Memory grows as bytes arrive. Returns 0, or -1 with a failure: reading failed, the input ended
 * before, or there is no memory.
 */
int payload_read(struct payload_reader *reader, uint64_t bytes, const void **payload,
		 uint64_t *hash, struct failure *failure);

/* Makes the payload just read the caller's, to be freed. */
void *payload_take(struct payload_reader *reader);

/* The same in exchange for other memory from malloc, of *capacity bytes, for the next payload. */
void payload_exchange(struct payload_reader *reader, void **memory, size_t *capacity);

struct payload_writer;

/* Writes to a descriptor, which becomes the writer's. What fails ends the program. */
struct payload_writer *payload_writer_open(int descriptor);

/* Writes bytes of a head or a payload. */
void payload_write(struct payload_writer *writer, const void *bytes, size_t count);

/*
 * Has the kernel move count bytes at a place of a file to the stream, which on a pipe copies none. Returns
 * how many it did: fewer where a file system or a kind of output does not do this, and where anything is
 * wrong, for payload_write() to go on from there and say so.
 */
uint64_t payload_send_stored(struct payload_writer *writer, int descriptor, uint64_t offset,
			     uint64_t count);

/* Closes the descriptor, and frees the writer. */
void payload_writer_close(struct payload_writer *writer);

#endif
