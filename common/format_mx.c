/*
 * Microscaling formats: blocks of 32 small numbers beneath a power of two (OCP Microscaling Formats (MX)
 * Specification v1.0).
 *
 * The specification leaves open how a block gets its scale, and implementations differ. With amax the
 * largest magnitude of the block, emax the exponent of the largest element, and max that element:
 *   floor  2^(floor(log2 amax) - emax), as in the specification's example; the largest may be cut off
 *   ceil   2^(ceil(log2 amax) - emax)
 *   rceil  2^ceil(log2(amax / max)): nothing is cut off
 *   even   as floor, of amax rounded to the element's fraction bits first
 * Exponents are taken from the bits of a float: log2f() errs just below powers of two.
 */
#include "format_family.h"

#include "bits.h"
#include "format_element.h"
#include "vector.h"

#define BLOCK	       32
#define FLOAT_INFINITY 0x7f800000u
#define FRACTION       0x007fffffu

/* --- scales --- */

/* A scale as E8M0 holds it, 2^(code - 127) or NaN, in two floats. */
struct scale {
	float factor; /* what weights are multiplied by to be elements */
	float value;  /* what elements are multiplied by to be weights */
};

static int
limit(int exponent, int most)
{
	return exponent < -127 ? -127 : exponent > most ? most : exponent;
}

/* The exponent of the largest power of two not above a positive float; of subnormal ones, -127. */
static int
exponent_of(uint32_t bits)
{
	return (int)(bits >> 23) - 127;
}

/* What torchao 0.18 has: below 2^-126 weights are not scaled up as far as elements are scaled down. */
static struct scale
scale_of_exponent(int exponent)
{
	if (exponent == 128)
		return (struct scale){0, (float)NAN};
	if (exponent == -127)
		return (struct scale){0x1p126F, 0x1p-127F};
	return (struct scale){exponent == 127 ? 0x1p-127F
					      : float_of((uint32_t)(127 - exponent) << 23),
			      float_of((uint32_t)(exponent + 127) << 23)};
}

/* As the instruction cvt.rp.satfinite.ue8m0 has it, and torchao where that is missing. */
static struct scale
scale_without_loss(float amax, float largest)
{
	uint32_t bits = bits_of_float(amax / largest);
	int exponent = exponent_of(bits) + ((bits & FRACTION) != 0);

	if (bits == FLOAT_INFINITY)
		exponent = 127;
	if (bits <= 0x00400000) /* 2^-127 */
		return (struct scale){1, 0x1p-127F};
	return scale_of_exponent(limit(exponent, 127));
}

/* The scale of a block, from the bits of its largest magnitude. */
static struct scale
scale_of(struct element element, enum scale_rule rule, uint32_t amax)
{
	int emax = exponent_of(bits_of_float(element.largest));

	if (amax > FLOAT_INFINITY)
		return scale_of_exponent(128);
	switch (rule) {
	case SCALE_FLOOR: break;
	case SCALE_CEIL: emax -= (amax & FRACTION) != 0; break;
	case SCALE_EVEN: amax += 1u << (22 - element.fraction_bits); break;
	case SCALE_RCEIL: return scale_without_loss(float_of(amax), element.largest);
	}
	return scale_of_exponent(limit(exponent_of(amax) - emax, 128));
}

/* --- casts --- */

static inline __attribute__((always_inline)) void
cast_block(struct element element, enum ties ties, struct scale scale, const float *values,
	   size_t length, float *casts)
{
	for (size_t i = 0; i < length; i++) {
		float magnitude = float_of(bits_of_float(values[i]) & 0x7fffffff) * scale.factor;
		float rounded = element_round(element, ties, magnitude);

		casts[i] = float_of(bits_of_float(rounded) |
				    (bits_of_float(values[i]) & 0x80000000)) *
			   scale.value;
	}
}

/* Compiled for elements and ties that are known; and for whole blocks, whose length is. */
static inline __attribute__((always_inline)) void
cast_blocks(struct element element, enum ties ties, enum scale_rule rule, const struct run *run)
{
	for (size_t i = 0; i < run->groups; i++) {
		const float *values = run->values + i * run->length;
		float *casts = run->casts + i * run->length;
		bool whole = run->length == BLOCK;
		uint32_t amax = whole ? largest_magnitude_bits(values, BLOCK)
				      : largest_magnitude_bits(values, run->length);
		struct scale scale = scale_of(element, rule, amax);

		if (whole)
			cast_block(element, ties, scale, values, BLOCK, casts);
		else
			cast_block(element, ties, scale, values, run->length, casts);
	}
}

#define DEFINE_CAST(name, element)                                                            \
	HOT static void cast_##name##_run(const struct format *format, const struct run *run) \
	{                                                                                     \
		enum scale_rule rule = (enum scale_rule)format->parameters[PARAMETER_SCALE];  \
                                                                                              \
		switch ((enum ties)format->parameters[PARAMETER_TIES]) {                      \
		case TIES_EVEN: cast_blocks(element, TIES_EVEN, rule, run); break;            \
		case TIES_AWAY: cast_blocks(element, TIES_AWAY, rule, run); break;            \
		case TIES_ZERO: cast_blocks(element, TIES_ZERO, rule, run); break;            \
		}                                                                             \
	}                                                                                     \
	static void cast_##name(const struct format *format, const struct survey *survey,     \
				const struct run *run)                                        \
	{                                                                                     \
		(void)survey;                                                                 \
		cast_##name##_run(format, run);                                               \
	}

DEFINE_CAST(mxfp8_e4m3, ELEMENT_E4M3)
DEFINE_CAST(mxfp8_e5m2, ELEMENT_E5M2)
DEFINE_CAST(mxfp6_e2m3, ELEMENT_E2M3)
DEFINE_CAST(mxfp6_e3m2, ELEMENT_E3M2)
DEFINE_CAST(mxfp4, ELEMENT_E2M1)
DEFINE_CAST(mxint8, ELEMENT_INT8)

/* --- the table --- */

#define PARAMETERS                                                                                 \
	.parameters = "scale=floor scale=ceil scale=rceil scale=even ties=even ties=away "         \
		      "ties=zero",                                                                 \
	.defaults = ":scale=floor:ties=even", .reference = "OCP MX v1.0, torchao", .block = BLOCK, \
	.block_bits = 8

const struct format_kind mx_formats[] = {
	{
		.name = "mxfp8_e4m3",
		.aliases = "mxfp8",
		PARAMETERS,
		.bits = 8,
		.largest = 448,
		.smallest = 0x1p-9,
		.carrier = DTYPE_F32,
		.cast = cast_mxfp8_e4m3,
	},
	{
		.name = "mxfp8_e5m2",
		PARAMETERS,
		.bits = 8,
		.largest = 57344,
		.smallest = 0x1p-16,
		.carrier = DTYPE_F32,
		.cast = cast_mxfp8_e5m2,
	},
	{
		.name = "mxfp6_e2m3",
		.aliases = "mxfp6",
		PARAMETERS,
		.bits = 6,
		.largest = 7.5,
		.smallest = 0x1p-3,
		.carrier = DTYPE_BF16,
		.cast = cast_mxfp6_e2m3,
	},
	{
		.name = "mxfp6_e3m2",
		PARAMETERS,
		.bits = 6,
		.largest = 28,
		.smallest = 0x1p-4,
		.carrier = DTYPE_BF16,
		.cast = cast_mxfp6_e3m2,
	},
	{
		.name = "mxfp4",
		.aliases = "mxfp4_e2m1",
		PARAMETERS,
		.bits = 4,
		.largest = 6,
		.smallest = 0.5,
		.carrier = DTYPE_BF16,
		.cast = cast_mxfp4,
	},
	{
		.name = "mxint8",
		PARAMETERS,
		.bits = 8,
		.largest = 127 / 64.0,
		.smallest = 1 / 64.0,
		.carrier = DTYPE_BF16,
		.cast = cast_mxint8,
	},
	{0},
};
