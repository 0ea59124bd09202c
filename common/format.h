/*
 * Number formats: what a weight becomes when a format holds it, and how much that changes it.
 *
 * A format is written as a name and parameters, "int4:g64:asym". Formats of single values round each by
 * itself. Others give the values of a group, of a block or of a whole tensor a scale in common, and a
 * weight becomes what its code and the scale stand for. format_family.h says how one is made.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"
#include "util.h"

struct crew;
struct format;

/*
 * The format that a text asks for: a name or an alias, such as "bf16" or "bfloat16", and what parameters
 * there are, each after a colon. Null with a failure that names what exists. To be freed.
 */
struct format *format_new(const char *text, struct failure *failure);
void format_free(struct format *format);

/* What the precision column calls it: the name proper, and the parameters as they were given. */
const char *format_name(const struct format *format);

/* Whether two do the same, however they are written. */
bool format_equal(const struct format *a, const struct format *b);

/* The type that carries its values: the smallest of BF16, F16, F32 and F64 that holds all of them. */
enum dtype format_carrier(const struct format *format);

/* Whether the format holds every value of a decodable type, so that casts from it are exact. */
bool format_holds(const struct format *format, enum dtype dtype);

/*
 * The name of the format that a decodable type is, "fp32" for F32; null for other types.
 */
const char *format_name_of_dtype(enum dtype dtype);

/* What a listing says of a format with its defaults. */
struct format_description {
	const char *name, *aliases;
	const char *parameters;	  /* those it takes, separated by blanks */
	const char *defaults;	  /* those it has when none is given, after colons */
	const char *reference;	  /* whose rule that is */
	double bits;		  /* for each weight of a large matrix, scales included */
	double largest, smallest; /* of a code, before any scale; the smallest is not zero */
	char block[16]; /* what shares a scale: a number of weights, "row", "tensor"; or 1 */
};

/* The i-th format; false past the last. */
bool format_describe(size_t i, struct format_description *description);

/*
 * Rounds values to those of a type that can be encoded, to nearest, ties to even, and beyond the largest
 * to infinity. The two arrays may be one.
 */
void float_round(enum dtype dtype, const float *values, float *rounded, size_t count);

/* What a cast did. The error figures are over the finite source values w and their casts c. */
struct cast {
	bool exact;	       /* no value changed: the target was not filled */
	double bits;	       /* for each weight, scales and the like included */
	double relative_error; /* sqrt(sum (w - c)^2) / sqrt(sum w^2); 0 if no value changed */
	double sqnr_db;	       /* signal to quantisation noise: -20 log10(relative_error) */
	double largest_error;  /* max |w - c| */
	uint64_t overflows;    /* finite values that became infinite or NaN */
	uint64_t underflows;   /* non-zero values that became zero */
	uint64_t not_finite;   /* infinities and NaNs of the source */
	/* The name of the format that took the place of one that rows of this length cannot have, as
	 * llama.cpp does it; otherwise null. */
	const char *instead;
};

/*
 * Casts a matrix of a decodable type, row-major, and stores it in target as format_carrier(), for which
 * the caller provides the room. Single values are rounded once, straight from the source value; where
 * values share a scale, F64 is first rounded to F32, and all is done in float32, as the references do
 * it. Neither casts nor figures depend on the processor, nor on the number of threads of the crew.
 */
struct cast format_cast(const struct format *format, enum dtype source, const void *weights,
			uint64_t rows, uint64_t columns, void *target, struct crew *crew);

#endif
