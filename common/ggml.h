/*
 * The types that tensors of a GGUF file are stored as: most are blocks of small integers that share
 * scales, and stand for float32 values.
 */
#ifndef GGML_H
#define GGML_H

#include <stddef.h>
#include <stdint.h>

#include "dtype.h"

/* The most elements and bytes of a block, of any type. */
#define GGML_MAX_BLOCK_ELEMENTS 256
#define GGML_MAX_BLOCK_BYTES	292

/* The values that codes of IQ4 stand for, denser around zero (kvalues_iq4nl). */
static const int8_t ggml_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
					   1,	 13,   25,  38,	 53,  69,  89,	113};

struct ggml_type {
	const char *name;
	unsigned elements; /* of a block; 1 for types that are not made of blocks */
	unsigned bytes;	   /* of a block */
	/* What the values are, or become when they are decoded. */
	enum dtype dtype;
	/*
	 * Decodes one block. Null for types without blocks, whose values lie in the file as they
	 * are, and for types that we cannot decode.
	 */
	void (*decode)(const unsigned char *block, float *values);
};

/* The type of a number in a file (enum ggml_type of ggml/include/ggml.h), or null if there is none. */
const struct ggml_type *ggml_type_of(uint32_t number);

#endif
