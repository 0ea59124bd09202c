/*
 * The header of a GGUF file, version 2 or 3, little-endian: the table of its tensors.
 *
 * The format is that of ggml's docs/gguf.md. What its reference reader refuses (ggml/src/gguf.cpp) is
 * refused, and further: names of tensors that no stream can carry, and bytes after the last tensor. Names
 * may be longer than the 64 bytes of the specification, as builds of ggml for image models write them.
 */
#ifndef GGUF_H
#define GGUF_H

#include <stddef.h>
#include <stdint.h>

#include "ggml.h"
#include "util.h"

#define GGUF_MAX_RANK 4
#define GGUF_MAX_NAME 127
/* Of keys, by the specification. */
#define GGUF_MAX_KEY 65535
/* Where the data must have begun. Vocabularies take some megabytes. */
#define GGUF_MAX_HEADER ((uint64_t)1 << 30)

struct gguf_tensor {
	const char *name;	      /* the header's, until gguf_free() */
	const struct ggml_type *type; /* a constant, never null */
	uint32_t type_number;
	unsigned rank;
	uint64_t shape
		[GGUF_MAX_RANK]; /* row-major: the fastest dimension, first in the file, is last */
	uint64_t elements;
	uint64_t offset, bytes; /* in the file */
};

/* A file may be one part of a model split into several. All zero if it is not. */
struct gguf_split {
	uint64_t count, number; /* of parts; of this part, from 0 */
	uint64_t tensors;	/* in all parts together */
};

struct gguf {
	char *names; /* holds all names of tensors */
	struct gguf_tensor *tensors;
	size_t count;
	struct gguf_split split;
};

/* Where the bytes of a file come from: all of count bytes at an offset, which are there by its size. */
struct gguf_source {
	int (*read)(void *context, uint64_t offset, void *buffer, size_t count,
		    struct failure *failure);
	void *context;
	uint64_t size;
};

/*
 * Reads a header. Returns 0; or -1 with a failure, and nothing to free. On success each tensor lies inside of
 * the file and after the one before it, is of the size that its shape and type give, and has a name of its own,
 * in UTF-8 without a null.
 */
int gguf_read(struct gguf *gguf, const struct gguf_source *source, struct failure *failure);
void gguf_free(struct gguf *gguf);

#endif
