/*
 * What a family of quantised weights is, and what the families share: for quantised_*.c only.
 *
 * A family tells how its parts are named, whether a set of tensors is its own, what weight they stand
 * for, and the values of that weight's rows.
 */
#ifndef QUANTISED_FAMILY_H
#define QUANTISED_FAMILY_H

#include "model.h"

/* The most parts that a weight has. */
#define QUANTISED_PARTS 7

/* What the configuration says of quantisation. */
struct quantisation {
	const char *method;		    /* such as "gptq"; null if it says nothing */
	const struct config_value **values; /* of quantization_config, without lists of layers */
	const char **names;		    /* their paths in it */
	size_t count;
};

/* The text of a setting, such as "bits"; null if there is none. */
const char *quantisation_text(const struct quantisation *quantisation, const char *name);

/* A setting as a whole number; `otherwise` if there is none. Another text, such as "-1", is 0. */
uint64_t quantisation_number(const struct quantisation *quantisation, const char *name,
			     uint64_t otherwise);

/* Whether the method is this one. */
bool quantisation_is(const struct quantisation *quantisation, const char *method);

struct quantised_family;

/* A quantised weight. */
struct quantised {
	struct derivation derivation; /* comes first: a pointer to it is one to the whole */
	const struct quantised_family *family;
	struct model_tensor
		parts[QUANTISED_PARTS]; /* as family->parts; `name` is null if not there */
	char *name;			/* of the weight */

	/* What family->plan() sets. */
	char *stored;	  /* from malloc: what the weight is stored as, for people */
	enum dtype dtype; /* that its values are given in: F32, F16 or BF16 */
	unsigned rank;
	uint64_t shape[MODEL_MAX_RANK];
	bool outputs_first; /* as in model_tensor */

	/* The weight as a matrix: the last dimension is its columns. Set from shape after plan(). */
	uint64_t rows, columns;

	/* The family's own. */
	unsigned bits;
	uint64_t groups;		    /* of scales along the input dimension */
	uint64_t block_rows, block_columns; /* that share a scale */
	uint64_t scale_rows, scale_columns; /* of each matrix */
	uint64_t matrix_rows;		    /* of each matrix, where there are several */
	bool zeros_less_one;		    /* GPTQ: zero points are stored less one */
	uint64_t block, nested_block;	    /* bitsandbytes: elements that share a factor */
	float offset;
};

struct quantised_family {
	const char *name;
	unsigned types; /* of the first part: a bit for each, 1 << DTYPE_I32 */
	/* How the names of the parts end, the first that of the part that a weight is known by; null
	 * after the last. What comes before is common to all. */
	const char *parts[QUANTISED_PARTS + 1];
	const char *derived; /* how the weight's name ends in place of that */
	/* Whether the parts, of which the first is there and of one of the types, are of this family. */
	bool (*claims)(const struct quantised *weight, const struct quantisation *quantisation);
	/* Finds out what weight the parts stand for. Returns 0, or -1 with a failure: of STATUS_DATA
	 * if they make no weight that is known, and its text says what they are. */
	int (*plan)(struct quantised *weight, const struct model *model,
		    const struct quantisation *quantisation, struct failure *failure);
	/* Computes the values of some rows. Returns 0 or -1. */
	int (*decode)(const struct quantised *weight, const struct model *model, uint64_t row,
		      size_t rows, float *values, struct failure *failure);
};

extern const struct quantised_family quantised_scaled, quantised_gptq, quantised_awq,
	quantised_packed, quantised_fp4, quantised_modelopt, quantised_mxfp4, quantised_bnb4,
	quantised_bnb8;

/* Whether a part is there; whether it is, with this type and shape. */
bool part_is_there(const struct quantised *weight, unsigned part);
bool part_is(const struct quantised *weight, unsigned part, enum dtype dtype, unsigned rank,
	     uint64_t rows, uint64_t columns);

/* Fails as a part is missing, or as it is not what the others make it to be. Both return -1. */
int fail_part_missing(const struct quantised *weight, unsigned part, struct failure *failure);
int fail_part(const struct quantised *weight, unsigned part, struct failure *failure);

/* Whether a type is one that scales and values have: F32, F16, BF16. */
bool is_scale_type(enum dtype dtype);

/*
 * Reads count elements of a part as float, exactly: F32, F16, BF16, F8_E4M3, F8_E5M2, I8, and F8_E8M0, of
 * which U8 is taken as another name. Returns 0 or -1.
 */
int part_values(const struct quantised *weight, const struct model *model, unsigned part,
		uint64_t first, size_t count, float *values, struct failure *failure);

/* Reads bytes of a part. Returns 0 or -1. */
int part_bytes(const struct quantised *weight, const struct model *model, unsigned part,
	       uint64_t offset, size_t count, void *buffer, struct failure *failure);

/*
 * Reads the same bytes of each row of a part that is a matrix, one row's after the other's; a block of
 * columns. Returns 0 or -1.
 */
int part_columns(const struct quantised *weight, const struct model *model, unsigned part,
		 uint64_t offset, size_t count, void *buffer, struct failure *failure);

/*
 * Reads the groups of a weight's columns, of weight->groups, from a part of I32; in order, groups of
 * weight->block_columns, where it is not there or, if it may be unset, has a -1. Returns 0 or -1.
 */
int part_order(const struct quantised *weight, const struct model *model, unsigned part,
	       bool may_be_unset, uint32_t *order, struct failure *failure);

/*
 * The code of so many bits, 8 at most, at a place in a string of bits, lowest first, of which the words
 * lie so far apart.
 */
static inline unsigned
code_at(const uint32_t *words, size_t stride, uint64_t place, unsigned bits)
{
	uint64_t word = place / 32;
	unsigned shift = place % 32;
	uint32_t code = words[word * stride] >> shift;

	if (shift + bits > 32)
		code |= words[(word + 1) * stride] << (32 - shift);
	return code & ((1U << bits) - 1);
}

/* Converts elements of a decodable type that has at most the values of F32, from the first stored one on. */
void decode_floats(enum dtype dtype, const void *stored, size_t count, float *values);

/* Divides and rounds up; b is not 0. */
static inline uint64_t
divide_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

#endif
