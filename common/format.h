/*
 * Number formats: what a weight becomes when a format holds it, and how much that changes it.
 *
 * A format is a row of the table in format.c. Formats round to nearest, ties to even; what lies
 * beyond the largest value becomes infinite, as IEEE 754 conversion has it; subnormals are kept; a NaN
 * stays a NaN.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"

struct format;

/* The format of a name or alias, such as "bf16" or "bfloat16"; null when there is none. */
const struct format *format_find(const char *name);

/* The i-th format; null past the last. */
const struct format *format_at(size_t i);

/*
 * The name of the format that a decodable type is, "fp32" for F32, whether or not it can be cast to;
 * null for other types.
 */
const char *format_name_of_dtype(enum dtype dtype);

/* The canonical name, its aliases ("" if none), and the type that carries its values. */
const char *format_name(const struct format *format);
const char *format_aliases(const struct format *format);
enum dtype format_carrier(const struct format *format);

/* Which values it has. */
struct float_shape format_shape(const struct format *format);

/* Whether the format holds every value of a decodable type, so that casts from it are exact. */
bool format_holds(const struct format *format, enum dtype dtype);

/*
 * Rounds values to those that a shape of at most 50 bits of precision has: to nearest, ties to even, and
 * beyond the largest to infinity.
 */
void float_shape_round(struct float_shape shape, const double *values, double *rounded,
		       size_t count);

/* What a cast did. The error figures are over the finite source values w and their casts c. */
struct cast {
	bool exact;	       /* no value changed: the target was not filled */
	double relative_error; /* sqrt(sum (w - c)^2) / sqrt(sum w^2); 0 if no value changed */
	double sqnr_db;	       /* signal to quantisation noise: -20 log10(relative_error) */
	double largest_error;  /* max |w - c| */
	uint64_t overflows;    /* finite values that became infinite */
	uint64_t underflows;   /* non-zero values that became zero */
	uint64_t not_finite;   /* infinities and NaNs of the source */
};

/*
 * Casts count elements of a decodable type. Each is rounded once, straight from the source value, and
 * stored in target as format_carrier(), for which the caller provides the room. The figures do not
 * depend on the processor.
 */
struct cast format_cast(const struct format *format, enum dtype source, const void *weights,
			size_t count, void *target);

#endif
