#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "lanes.h"
#include "payload_hash.h"

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

struct payload_reader {
	int descriptor;
	char *buffer; /* of the last payload; fresh memory for each would cost more than to fill it */
	size_t capacity;
	struct payload_hash *hash;
	struct large_pipe pipe;
};

struct payload_writer {
	int descriptor;
	struct large_pipe pipe;
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

struct payload_reader *
payload_reader_open(int descriptor)
{
	struct payload_reader *reader = xcalloc(1, sizeof(*reader));

	reader->descriptor = descriptor;
	reader->hash = payload_hash_new();
	fcntl(descriptor, F_SETPIPE_SZ, PIPE_SIZE);
	return reader;
}

void
payload_reader_close(struct payload_reader *reader)
{
	lanes_close(reader->pipe.lanes);
	payload_hash_free(reader->hash);
	free(reader->buffer);
	free(reader);
}

int
payload_read_head(struct payload_reader *reader, void *buffer, size_t count, size_t *got,
		  struct failure *failure)
{
	*got = 0;
	while (*got < count) {
		ssize_t step = read(reader->descriptor, (char *)buffer + *got, count - *got);

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

static void
hash_arrived(void *hash, const void *bytes, size_t count)
{
	payload_hash_add(hash, bytes, count);
}

/* Reads up to count bytes of a payload, as payload_read_head(), and adds them to the hash. */
static int
read_hashed(struct payload_reader *reader, char *buffer, size_t count, size_t *got,
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
		if (payload_read_head(reader, buffer + *got, piece, &step, failure))
			return -1;
		payload_hash_add(reader->hash, buffer + *got, step);
	}
	return 0;
}

/*
 * Grows the full buffer for a payload of which so many bytes have arrived: to as much again, so that a lying
 * length costs no more than what came. Returns 0 or -1.
 */
static int
grow_buffer(struct payload_reader *reader, uint64_t bytes, size_t arrived, struct failure *failure)
{
	size_t more = arrived ? arrived : FIRST_PIECE;
	size_t capacity = bytes - arrived < more ? (size_t)bytes : arrived + more;
	char *grown = realloc(reader->buffer, capacity ? capacity : 1);

	if (!grown)
		return fail(failure, STATUS_RETRY, "out of memory for its %" PRIu64 " bytes",
			    bytes);
	reader->buffer = grown;
	reader->capacity = capacity;
	return 0;
}

int
payload_read(struct payload_reader *reader, uint64_t bytes, const void **payload, uint64_t *hash,
	     struct failure *failure)
{
	size_t done = 0;

	payload_hash_begin(reader->hash);
	while (done < bytes || !reader->buffer) {
		size_t wanted, got;

		if (done == reader->capacity && grow_buffer(reader, bytes, done, failure))
			return -1;
		wanted = bytes < reader->capacity ? (size_t)bytes - done : reader->capacity - done;
		if (read_hashed(reader, reader->buffer + done, wanted, &got, failure))
			return -1;
		done += got;
		if (got < wanted)
			return fail(failure, STATUS_DATA, "cut off after %zu of %" PRIu64 " bytes",
				    done, bytes);
	}
	*payload = reader->buffer;
	*hash = payload_hash_end(reader->hash);
	return 0;
}

void *
payload_take(struct payload_reader *reader)
{
	void *payload = reader->buffer;

	reader->buffer = NULL;
	reader->capacity = 0;
	return payload;
}

void
payload_exchange(struct payload_reader *reader, void **memory, size_t *capacity)
{
	void *payload = reader->buffer;
	size_t payload_capacity = reader->capacity;

	reader->buffer = *memory;
	reader->capacity = *capacity;
	*memory = payload;
	*capacity = payload_capacity;
}

struct payload_writer *
payload_writer_open(int descriptor)
{
	struct payload_writer *writer = xcalloc(1, sizeof(*writer));

	writer->descriptor = descriptor;
	fcntl(descriptor, F_SETPIPE_SZ, PIPE_SIZE);
	return writer;
}

void
payload_write(struct payload_writer *writer, const void *bytes, size_t count)
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

uint64_t
payload_send_stored(struct payload_writer *writer, int descriptor, uint64_t offset, uint64_t count)
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
payload_writer_close(struct payload_writer *writer)
{
	lanes_close(writer->pipe.lanes);
	/* A full disk may be noticed only now. */
	if (close(writer->descriptor))
		die(STATUS_IO, "standard output:");
	free(writer);
}
