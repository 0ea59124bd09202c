#include "format.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "bits.h"
#include "tally.h"
#include "vector.h"

/* Elements converted at a time: the blocks of doubles stay in the first-level cache. */
#define BLOCK TALLY_BLOCK

struct format {
	const char *name, *aliases;
	struct float_shape shape;
	enum dtype carrier; /* the smallest of BF16, F16, F32, F64 that holds every value */
};

static const struct format formats[] = {
	{"fp64", "float64 double", {53, 1023, -1074}, DTYPE_F64},
	{"fp32", "float32 float", {24, 127, -149}, DTYPE_F32},
	{"fp16", "float16 half", {11, 15, -24}, DTYPE_F16},
	{"bf16", "bfloat16", {8, 127, -133}, DTYPE_BF16},
};

/* Whether name is one of the words in a list separated by blanks. */
static bool
has_word(const char *words, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = words; (at = strstr(at, name)); at += length)
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

const struct format *
format_find(const char *name)
{
	if (!*name || strchr(name, ' '))
		return NULL;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!strcmp(name, formats[i].name) || has_word(formats[i].aliases, name))
			return &formats[i];
	return NULL;
}

const struct format *
format_at(size_t i)
{
	return i < sizeof(formats) / sizeof(*formats) ? &formats[i] : NULL;
}

const char *
format_name_of_dtype(enum dtype dtype)
{
	static const char *const names[DTYPE_COUNT] = {
		[DTYPE_F64] = "fp64",
		[DTYPE_F32] = "fp32",
		[DTYPE_F16] = "fp16",
		[DTYPE_BF16] = "bf16",
		[DTYPE_F8_E4M3] = "fp8_e4m3",
		[DTYPE_F8_E5M2] = "fp8_e5m2",
		[DTYPE_F8_E4M3FNUZ] = "fp8_e4m3fnuz",
		[DTYPE_F8_E5M2FNUZ] = "fp8_e5m2fnuz",
		[DTYPE_F8_E8M0] = "e8m0",
		[DTYPE_F6_E2M3] = "fp6_e2m3",
		[DTYPE_F6_E3M2] = "fp6_e3m2",
		[DTYPE_F4] = "fp4_e2m1",
	};

	return names[dtype];
}

const char *
format_name(const struct format *format)
{
	return format->name;
}

const char *
format_aliases(const struct format *format)
{
	return format->aliases;
}

struct float_shape
format_shape(const struct format *format)
{
	return format->shape;
}

enum dtype
format_carrier(const struct format *format)
{
	return format->carrier;
}

bool
format_holds(const struct format *format, enum dtype dtype)
{
	return float_shape_holds(format->shape, dtype_shape(dtype));
}

/*
 * The last place of a value with exponent e is worth q = 2^max(e - (precision - 1),
 * smallest_exponent). Adding 1.5·2^52·q moves that place to the last bit of a double, where the
 * addition itself rounds as wanted, and subtracting it again is exact: the known trick for rounding
 * to integer, with the magic number chosen for each element. No branches, so it vectorises.
 */
HOT static void
round_to_shape(struct float_shape shape, const double *values, double *rounded, size_t count)
{
	const int64_t sign = INT64_MIN;
	const int64_t lowest = shape.smallest_exponent + 1023 + shape.precision - 1;
	const int64_t shift = 52 - (shape.precision - 1);
	const double limit = shape.largest_exponent >= 1023 ? INFINITY
							    : ldexp(1, shape.largest_exponent + 1);

	for (size_t i = 0; i < count; i++) {
		int64_t bits = (int64_t)bits_of(values[i]);
		int64_t exponent = (bits & ~sign) >> 52;
		int64_t place = (exponent < lowest ? lowest : exponent) + shift;
		double magic = double_of((uint64_t)(place > 2046 ? 2046 : place) << 52 |
					 (uint64_t)1 << 51);
		double result = values[i] + magic - magic;

		result = double_of((bits_of(result) & ~(uint64_t)sign) | (uint64_t)(bits & sign));
		rounded[i] = fabs(result) >= limit ? copysign(INFINITY, result) : result;
	}
}

/* A function of its own, as clang gives the clones of one that is HOT no name for other files. */
void
float_shape_round(struct float_shape shape, const double *values, double *rounded, size_t count)
{
	round_to_shape(shape, values, rounded, count);
}

/* Casts every element; what is squared and summed is first multiplied by a power of two. */
static struct tally
cast_blocks(const struct format *format, enum dtype source, const void *weights, size_t count,
	    void *target, double value_scale, double error_scale)
{
	unsigned char *to = target;
	double values[BLOCK], rounded[BLOCK];
	struct tally tally = {0};
	size_t to_size = dtype_bits(format->carrier) / 8;

	for (size_t done = 0; done < count; done += BLOCK) {
		size_t length = count - done < BLOCK ? count - done : BLOCK;
		size_t padded = (length + TALLY_LANES - 1) / TALLY_LANES * TALLY_LANES;

		dtype_decode(source, weights, done, length, values);
		memset(values + length, 0, (padded - length) * sizeof(*values));
		round_to_shape(format->shape, values, rounded, padded);
		tally_block(&tally, values, rounded, padded, value_scale, error_scale);
		dtype_encode(format->carrier, rounded, length, to + done * to_size);
	}
	return tally;
}

HOT static uint64_t
count_not_finite(const double *values, size_t count)
{
	uint64_t not_finite = 0;

	for (size_t i = 0; i < count; i++)
		not_finite += (uint64_t) !(fabs(values[i]) <= DBL_MAX);
	return not_finite;
}

/* For a format that holds every value of the source type there is nothing to do but to look. */
static uint64_t
look_for_not_finite(enum dtype source, const void *weights, size_t count)
{
	double values[BLOCK];
	uint64_t not_finite = 0;

	for (size_t done = 0; done < count; done += BLOCK) {
		size_t length = count - done < BLOCK ? count - done : BLOCK;

		dtype_decode(source, weights, done, length, values);
		not_finite += count_not_finite(values, length);
	}
	return not_finite;
}

/* The power of two that brings a value to [1/2, 1). */
static double
scale_for(double value)
{
	int exponent;

	frexp(value, &exponent);
	/* Twice at most 1023, as 2^1074 is no double. */
	return ldexp(1, exponent < -1022 ? 1022 : -exponent);
}

/* Whether squares of such values leave the range of double, or lose bits at its lower end. */
static bool
leaves_range(double value)
{
	return value > 0x1p500 || value < 0x1p-400;
}

struct cast
format_cast(const struct format *format, enum dtype source, const void *weights, size_t count,
	    void *target)
{
	struct cast cast = {.sqnr_db = INFINITY};
	double value_scale = 1, error_scale = 1;
	struct tally tally;

	if (format_holds(format, source)) {
		cast.exact = true;
		cast.not_finite = look_for_not_finite(source, weights, count);
		return cast;
	}
	tally = cast_blocks(format, source, weights, count, target, value_scale, error_scale);
	if (tally.largest_error > 0 && !tally.overflows &&
	    (leaves_range(tally.largest_value) || leaves_range(tally.largest_error))) {
		value_scale = scale_for(tally.largest_value);
		error_scale = scale_for(tally.largest_error);
		tally = cast_blocks(format, source, weights, count, target, value_scale,
				    error_scale);
	}
	cast.not_finite = tally.not_finite;
	cast.exact = !(tally.largest_error > 0);
	if (cast.exact)
		return cast;
	cast.largest_error = tally.largest_error;
	cast.overflows = tally.overflows;
	cast.underflows = tally.underflows;
	cast.relative_error = tally.overflows ? INFINITY
					      : sqrt(tally.noise + tally.noise_rest) /
							sqrt(tally.signal + tally.signal_rest) *
							(value_scale / error_scale);
	/* 0 minus it, so that an error of 1 is 0 dB and not -0. */
	cast.sqnr_db = 0 - 20 * log10(cast.relative_error);
	return cast;
}
