/*
 * Formats of single values: binary floating point of 64 to 8 bits.
 */
#include "format_family.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "bits.h"
#include "format_extremes.h"
#include "vector.h"

#define FLOAT_INFINITY 0x7f800000u
#define FLOAT_QUIET    0x00400000u

/* --- rounding --- */

/* What rounding to a format needs, as bits of floats. */
struct rounding {
	unsigned dropped;   /* bits of a float's significand that the format lacks */
	uint32_t half, tie; /* what is added before: a half, or less by one and the last bit kept */
	uint32_t
		smallest_normal; /* below it, values are multiples of the smallest subnormal; or 0 */
	float magic;		 /* 1.5·2^23 smallest subnormals */
	uint32_t largest, beyond; /* the largest, and what takes the place of what is beyond it */
	bool has_negative_zero;
};

static struct rounding
rounding_to(const struct format_kind *kind, enum ties ties, enum overflow overflow)
{
	struct float_shape shape = kind->shape;
	bool even = ties == TIES_EVEN;
	int smallest_normal = shape.smallest_exponent + shape.precision - 1;
	unsigned dropped = (unsigned)(24 - shape.precision);

	return (struct rounding){
		.dropped = dropped,
		.half = (1u << dropped >> 1) - even,
		.tie = even,
		/* Where subnormals are those of a float, dropping bits rounds them as well. */
		.smallest_normal = smallest_normal > -126
					   ? bits_of_float(ldexpf(1, smallest_normal))
					   : 0,
		.magic = ldexpf(1.5F, 23 + shape.smallest_exponent),
		.largest = bits_of_float((float)kind->largest),
		.beyond = overflow == OVERFLOW_SATURATE
				  ? bits_of_float((float)kind->largest)
				  : FLOAT_INFINITY | (kind->has_infinity ? 0 : FLOAT_QUIET),
		.has_negative_zero = kind->has_negative_zero,
	};
}

/*
 * To the nearest. Normal values: what is added to the bits carries into those that stay just if it
 * should, and from there into the exponent. Subnormal values: adding the magic number moves the place of
 * the smallest to the last bit of a float, where the addition itself rounds, ties to even.
 */
static inline float
round_value(struct rounding to, bool has_subnormals, bool has_negative_zero, float value)
{
	uint32_t bits = bits_of_float(value), magnitude = bits & 0x7fffffff;
	uint32_t sign = bits ^ magnitude;
	uint32_t rounded = (magnitude + to.half + (magnitude >> to.dropped & to.tie)) >>
			   to.dropped << to.dropped;

	if (has_subnormals && magnitude < to.smallest_normal)
		rounded = bits_of_float(float_of(magnitude) + to.magic - to.magic);
	rounded = rounded > to.largest ? to.beyond : rounded;
	rounded = magnitude > FLOAT_INFINITY ? magnitude | FLOAT_QUIET : rounded;
	if (!has_negative_zero)
		sign = rounded ? sign : 0;
	return float_of(rounded | sign);
}

/* A loop for each kind of format, so that none does what its values do not need. */
HOT static void
round_values(struct rounding to, const float *values, size_t count, float *rounded)
{
	if (!to.smallest_normal)
		for (size_t i = 0; i < count; i++)
			rounded[i] = round_value(to, false, true, values[i]);
	else if (to.has_negative_zero)
		for (size_t i = 0; i < count; i++)
			rounded[i] = round_value(to, true, true, values[i]);
	else
		for (size_t i = 0; i < count; i++)
			rounded[i] = round_value(to, true, false, values[i]);
}

/*
 * With a scale that brings the largest magnitude of a group to the largest value, as compressed-tensors
 * 0.20 has it (calculate_qparams() and fake_quantize()): an underflow of the scale is replaced by a number
 * that loses nothing, as all is zero then but for subnormal numbers.
 */
static inline float
round_scaled_value(struct rounding to, bool has_negative_zero, float value, float scale)
{
	float limit = float_of(to.largest);
	/* With a zero point of 0, by which a weight of -0 loses its sign. */
	float scaled = value / scale + 0;

	scaled = scaled > limit ? limit : scaled < -limit ? -limit : scaled;
	return round_value(to, true, has_negative_zero, scaled) * scale;
}

HOT static void
round_groups(struct rounding to, const struct run *run, const float *scales)
{
	for (size_t group = 0; group < run->groups; group++) {
		const float *values = run->values + group * run->length;
		float *casts = run->casts + group * run->length, scale = scales[group];

		if (to.has_negative_zero)
			for (size_t i = 0; i < run->length; i++)
				casts[i] = round_scaled_value(to, true, values[i], scale);
		else
			for (size_t i = 0; i < run->length; i++)
				casts[i] = round_scaled_value(to, false, values[i], scale);
	}
}

static void
cast_scaled(struct rounding to, const struct run *run)
{
	float scales[RUN_MOST];

	if (run->extents)
		for (size_t i = 0; i < run->groups; i++)
			scales[i] = extent_magnitude(run->extents[i]);
	else
		find_magnitudes(run->values, run->groups, run->length, scales);
	for (size_t i = 0; i < run->groups; i++) {
		float scale = scales[i] / float_of(to.largest);

		scales[i] = scale == 0 ? FLT_EPSILON : scale;
	}
	round_groups(to, run, scales);
}

static void
cast_float(const struct format *format, const struct survey *survey, const struct run *run)
{
	const int *parameters = format->parameters;
	struct rounding to = rounding_to(format->kind, (enum ties)parameters[PARAMETER_TIES],
					 (enum overflow)parameters[PARAMETER_OVERFLOW]);

	(void)survey;
	if (parameters[PARAMETER_SPAN] == SPAN_VALUE)
		round_values(to, run->values, run->groups * run->length, run->casts);
	else
		cast_scaled(to, run);
}

static double
scale_bits(const struct format *format)
{
	return format->parameters[PARAMETER_SPAN] == SPAN_VALUE ? 0 : 16;
}

/* What a float holds: values come as floats. */
static void
cast_single(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	memcpy(run->casts, run->values, run->groups * run->length * sizeof(float));
}

const struct format_kind float_formats[] = {
	{
		.name = "fp64",
		.aliases = "float64 double",
		.reference = "IEEE 754 binary64",
		.bits = 64,
		.largest = 0x1.fffffffffffffp1023,
		.smallest = 0x1p-1074,
		.shape = {53, 1023, -1074},
		.carrier = DTYPE_F64,
	},
	{
		.name = "fp32",
		.aliases = "float32 float",
		.reference = "IEEE 754 binary32",
		.bits = 32,
		.largest = 0x1.fffffep127,
		.smallest = 0x1p-149,
		.shape = {24, 127, -149},
		.carrier = DTYPE_F32,
		.cast = cast_single,
	},
	{
		.name = "tf32",
		.aliases = "tensorfloat32",
		.parameters = "ties=away ties=even",
		.defaults = ":ties=away",
		.reference = "NVIDIA CUTLASS, PTX cvt.rna.tf32",
		.bits = 32,
		.largest = 0x1.ffcp127,
		.smallest = 0x1p-136,
		.shape = {11, 127, -136},
		.carrier = DTYPE_F32,
		.has_infinity = true,
		.has_negative_zero = true,
		.cast = cast_float,
	},
	{
		.name = "fp16",
		.aliases = "float16 half",
		.parameters = "overflow=ieee overflow=sat",
		.defaults = ":overflow=ieee",
		.reference = "IEEE 754 binary16",
		.bits = 16,
		.largest = 65504,
		.smallest = 0x1p-24,
		.shape = {11, 15, -24},
		.carrier = DTYPE_F16,
		.has_infinity = true,
		.has_negative_zero = true,
		.cast = cast_float,
	},
	{
		.name = "bf16",
		.aliases = "bfloat16",
		.reference = "PyTorch",
		.bits = 16,
		.largest = 0x1.fep127,
		.smallest = 0x1p-133,
		.shape = {8, 127, -133},
		.carrier = DTYPE_BF16,
		.has_infinity = true,
		.has_negative_zero = true,
		.cast = cast_float,
	},
	{
		.name = "fp8_e4m3",
		.aliases = "e4m3 fp8 float8_e4m3fn float8_e4m3 fp8_e4m3fn",
		.parameters = "row tensor gN overflow=sat overflow=ieee",
		.defaults = ":overflow=sat",
		.reference = "OCP OFP8 v1.0, PyTorch",
		.bits = 8,
		.largest = 448,
		.smallest = 0x1p-9,
		.shape = {4, 8, -9},
		.carrier = DTYPE_BF16,
		.has_negative_zero = true,
		.cast = cast_float,
		.group_bits = scale_bits,
	},
	{
		.name = "fp8_e5m2",
		.aliases = "e5m2 float8_e5m2",
		.parameters = "row tensor gN overflow=ieee overflow=sat",
		.defaults = ":overflow=ieee",
		.reference = "OCP OFP8 v1.0, PyTorch",
		.bits = 8,
		.largest = 57344,
		.smallest = 0x1p-16,
		.shape = {3, 15, -16},
		.carrier = DTYPE_BF16,
		.has_infinity = true,
		.has_negative_zero = true,
		.cast = cast_float,
		.group_bits = scale_bits,
	},
	{
		.name = "fp8_e4m3fnuz",
		.aliases = "e4m3fnuz float8_e4m3fnuz",
		.parameters = "row tensor gN overflow=ieee overflow=sat",
		.defaults = ":overflow=ieee",
		.reference = "Noune et al. 2022, PyTorch",
		.bits = 8,
		.largest = 240,
		.smallest = 0x1p-10,
		.shape = {4, 7, -10},
		.carrier = DTYPE_BF16,
		.cast = cast_float,
		.group_bits = scale_bits,
	},
	{
		.name = "fp8_e5m2fnuz",
		.aliases = "e5m2fnuz float8_e5m2fnuz",
		.parameters = "row tensor gN overflow=ieee overflow=sat",
		.defaults = ":overflow=ieee",
		.reference = "Noune et al. 2022, PyTorch",
		.bits = 8,
		.largest = 57344,
		.smallest = 0x1p-17,
		.shape = {3, 15, -17},
		.carrier = DTYPE_BF16,
		.cast = cast_float,
		.group_bits = scale_bits,
	},
	{
		.name = "fp6_e2m3",
		.aliases = "e2m3 float6_e2m3fn",
		.parameters = "overflow=sat",
		.defaults = ":overflow=sat",
		.reference = "OCP MX v1.0, ml_dtypes",
		.bits = 6,
		.largest = 7.5,
		.smallest = 0x1p-3,
		.shape = {4, 2, -3},
		.carrier = DTYPE_BF16,
		.has_negative_zero = true,
		.cast = cast_float,
	},
	{
		.name = "fp6_e3m2",
		.aliases = "e3m2 float6_e3m2fn",
		.parameters = "overflow=sat",
		.defaults = ":overflow=sat",
		.reference = "OCP MX v1.0, ml_dtypes",
		.bits = 6,
		.largest = 28,
		.smallest = 0x1p-4,
		.shape = {3, 4, -4},
		.carrier = DTYPE_BF16,
		.has_negative_zero = true,
		.cast = cast_float,
	},
	{
		.name = "fp4_e2m1",
		.aliases = "e2m1 float4_e2m1fn",
		.parameters = "overflow=sat",
		.defaults = ":overflow=sat",
		.reference = "OCP MX v1.0, ml_dtypes",
		.bits = 4,
		.largest = 6,
		.smallest = 0.5,
		.shape = {2, 2, -1},
		.carrier = DTYPE_BF16,
		.has_negative_zero = true,
		.cast = cast_float,
	},
	{0},
};

void
float_round(enum dtype dtype, const float *values, float *rounded, size_t count)
{
	const char *name = format_name_of_dtype(dtype);
	const struct format_kind *kind = float_formats;

	while (strcmp(kind->name, name))
		kind++;
	if (kind->shape.precision < FLT_MANT_DIG)
		round_values(rounding_to(kind, TIES_EVEN, OVERFLOW_IEEE), values, count, rounded);
	else if (rounded != values)
		memcpy(rounded, values, count * sizeof(*values));
}
