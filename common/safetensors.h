/*
 * The header of a safetensors document: the table of its tensors and its metadata.
 *
 * One parser serves model files and the frames of tensor streams. It takes what the safetensors
 * reference implementation takes (safetensors/src/tensor.rs), and refuses what that refuses and
 * further: duplicate names, unknown fields, ranks above SAFETENSORS_MAX_RANK, integers above 2^53.
 */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "dtype.h"
#include "util.h"

#define SAFETENSORS_MAX_RANK   8
#define SAFETENSORS_MAX_HEADER ((uint64_t)100000000)

struct safetensors_tensor {
	char *name; /* in the header's buffer */
	enum dtype dtype;
	unsigned rank;
	uint64_t shape[SAFETENSORS_MAX_RANK];
	uint64_t elements;   /* product of the shape */
	uint64_t begin, end; /* bytes from the start of the payload */
};

struct safetensors_pair {
	char *key, *value;
};

struct safetensors {
	char *buffer;			    /* holds all names and metadata */
	struct safetensors_tensor *tensors; /* in the order of their offsets */
	size_t count;
	struct safetensors_pair *metadata; /* in the order of the header */
	size_t metadata_count;
	uint64_t payload; /* bytes that must follow the header */
};

/*
 * Checks the length field of a document, its first 8 bytes. Returns 0 and the header's length, or -1.
 */
int safetensors_header_length(const unsigned char field[8], uint64_t *length,
			      struct failure *failure);

/*
 * Parses a header of length bytes. The buffer, from malloc, must have room for one byte more; it is
 * overwritten and becomes part of the result, or is freed on failure. Returns 0 or -1. On success the
 * tensors tile the payload without hole or overlap, each name and each metadata key is unique, and
 * each size is what shape and dtype give.
 */
int safetensors_parse(struct safetensors *document, char *buffer, size_t length,
		      struct failure *failure);

void safetensors_free(struct safetensors *document);

/*
 * Writing: begin, one call per metadata pair, one per tensor, in the order of their payloads, end.
 * The text then is the length field and the header, padded with spaces to a multiple of 64 bytes.
 * Metadata come first; keys and names are the caller's to keep unique.
 */
struct safetensors_writer {
	struct text text;
	uint64_t offset;
	int members; /* written so far, of the object that is open */
	bool in_metadata;
};

void safetensors_write_begin(struct safetensors_writer *writer);
void safetensors_write_metadata(struct safetensors_writer *writer, const char *key,
				const char *value);
void safetensors_write_tensor(struct safetensors_writer *writer, const char *name, enum dtype dtype,
			      unsigned rank, const uint64_t *shape);
/* The finished bytes, to be freed by text_free(); the writer is empty again. */
struct text safetensors_write_end(struct safetensors_writer *writer);

#endif
