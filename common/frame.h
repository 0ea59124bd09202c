/*
 * The head of a frame of a tensor stream: what a document says of the tensor it holds.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"
#include "safetensors.h"
#include "util.h"

enum frame_kind { FRAME_TENSOR, FRAME_SPECTRUM, FRAME_END };

/* "tensor", "spectrum", "end". */
const char *frame_kind_name(enum frame_kind kind);

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

/* Gives a frame that has no metadata yet a copy of another's. */
void frame_take_metadata(struct frame *frame, const struct frame *other);

/* The value of a metadata key; null when it is not there. */
const char *frame_get(const struct frame *frame, const char *key);

/* The same, or "" when it is not there. */
const char *frame_text(const struct frame *frame, const char *key);

/* Sets a key, in its old place if it was there; the value is formatted. */
void frame_set(struct frame *frame, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets a key to a number, with the fewest digits that read back to the same double. */
void frame_set_number(struct frame *frame, const char *key, double value);

/* Appends this program to the provenance: the next free key prog.N. */
void frame_sign(struct frame *frame, const char *signature);

/* Fails unless the frame is of the kind that the program reads. Returns 0 or -1. */
int frame_require(const struct frame *frame, enum frame_kind kind, struct failure *failure);

/* A frame for a tensor of this type and shape; rows and columns are taken from the shape. */
struct frame frame_new(enum frame_kind kind, const char *tensor_name, enum dtype dtype,
		       unsigned rank, const uint64_t *shape);

/* Rows and columns of a shape seen as a matrix: the first dimension, and the product of the rest. */
void matrix_shape(unsigned rank, const uint64_t *shape, uint64_t *rows, uint64_t *columns);

#endif
