/*
 * Integers of 2 to 8 bits: the weights of a group become multiples of a scale.
 *
 * All rules round to the nearest code, ties to even, and differ in the scale, in the zero point and in
 * where codes end. The function of each rule says whose it is. So as to give their bits, sums, quotients
 * and products are taken in float32 in the order of the package that a rule is of.
 */
#include "format_family.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "bits.h"
#include "format_element.h"
#include "format_extremes.h"
#include "vector.h"

/* Groups whose scales are worked out at once. */
#define BATCH 64

#define FLOAT_NAN  0x7fc00000u
#define FLOAT_SIGN 0x80000000u

/*
 * What casts a batch of groups: the i-th makes (r - shift[i])·scale[i] of a weight w, where r is
 * w / scale[i] + shift[i], held between lowest[i] and highest[i] and rounded. Where sign[i] is the sign
 * bit, a zero keeps the sign of what was rounded to it; where sign[i] is 0, it is positive.
 */
struct grids {
	float scale[BATCH], shift[BATCH], lowest[BATCH], highest[BATCH];
	uint32_t sign[BATCH];
};

/* What codes there are: from -half to half - 1, or from 0 to levels. */
struct codes {
	float half, levels;
};

static inline float
lesser(float a, float b)
{
	return a < b ? a : b;
}

static inline float
greater(float a, float b)
{
	return a > b ? a : b;
}

/* --- rules --- */

/*
 * compressed-tensors 0.20, calculate_qparams() and fake_quantize(). Symmetric: absmax spans half of the
 * codes, so that the largest weight lies half a step beyond the last code. A scale of zero becomes
 * machine epsilon. The zero point is added before, not after, the quotient is rounded.
 */
static inline void
grid_of_compressed_tensors(struct codes codes, bool symmetric, struct extent extent, size_t i,
			   struct grids *grids)
{
	float smallest = lesser(extent.smallest, 0), largest = greater(extent.largest, 0);
	float absmax = greater(-smallest, largest);
	float scale = symmetric ? absmax / (codes.levels / 2) : (largest - smallest) / codes.levels;
	float zero = symmetric ? 0 : -codes.half - smallest / scale;

	zero = round_to_integer(lesser(greater(zero, -codes.half), codes.half - 1));
	grids->scale[i] = scale == 0 ? FLT_EPSILON : scale;
	grids->shift[i] = zero;
	grids->lowest[i] = -codes.half;
	grids->highest[i] = codes.half - 1;
	grids->sign[i] = zero == 0 ? FLOAT_SIGN : 0;
}

/*
 * auto_gptq 0.7.1, Quantizer. Symmetric: from -absmax to absmax; but from 0 to the largest if no weight
 * is negative, with the same zero point, so that weights beyond 7/15 of the largest are cut (of 4 bits).
 */
static inline void
grid_of_gptq(struct codes codes, bool symmetric, struct extent extent, size_t i,
	     struct grids *grids)
{
	float smallest = lesser(extent.smallest, 0), largest = greater(extent.largest, 0);
	float absmax = greater(-smallest, largest);
	bool is_zero = smallest == 0 && largest == 0;
	float scale, zero;

	largest = symmetric ? absmax : largest;
	smallest = symmetric && smallest < 0 ? -absmax : smallest;
	largest = is_zero ? 1 : largest;
	smallest = is_zero ? -1 : smallest;
	scale = (largest - smallest) / codes.levels;
	zero = symmetric ? codes.half : round_to_integer(-smallest / scale);
	grids->scale[i] = scale;
	grids->shift[i] = 0;
	grids->lowest[i] = -zero;
	grids->highest[i] = codes.levels - zero;
	grids->sign[i] = 0;
}

/*
 * autoawq 0.2.7, pseudo_quantize_tensor(). Symmetric: absmax is the last code. Asymmetric: the range is
 * that of the weights, even if zero is beyond it, and the zero point is held within the codes.
 */
static inline void
grid_of_awq(struct codes codes, bool symmetric, struct extent extent, size_t i, struct grids *grids)
{
	float absmax = greater(-extent.smallest, extent.largest);
	float range = symmetric ? absmax : extent.largest - extent.smallest;
	float scale = greater(range, 1e-5F) / (symmetric ? codes.half - 1 : codes.levels);
	float zero = greater(lesser(-(extent.smallest / scale), codes.levels), 0);

	zero = symmetric ? codes.half : round_to_integer(zero);
	grids->scale[i] = scale;
	/* What adds nothing, not even to a zero that is negative. */
	grids->shift[i] = -0.0F;
	grids->lowest[i] = -zero;
	grids->highest[i] = codes.levels - zero;
	grids->sign[i] = symmetric ? FLOAT_SIGN : 0;
}

/*
 * auto_round 0.16, quant_tensor_rtn_sym() and quant_tensor_asym(). Symmetric: the weight of the largest
 * magnitude gets the lowest code, with a negative scale if it is positive. The scale is rounded to fp16,
 * and its magnitude is not less than 1e-5.
 */
static inline float
scale_of_autoround(struct codes codes, bool symmetric, struct extent extent)
{
	float smallest = lesser(extent.smallest, 0), largest = greater(extent.largest, 0);
	float signed_absmax = largest < -smallest ? -smallest : -largest;

	return symmetric ? signed_absmax / codes.half : (largest - smallest) / codes.levels;
}

/* With the scale rounded, and the least there is. */
static inline void
grid_of_autoround(struct codes codes, bool symmetric, struct extent extent, float least, size_t i,
		  struct grids *grids)
{
	float rounded = grids->scale[i];
	float scale = rounded < 0 ? lesser(rounded, -least) : greater(rounded, least);
	float zero = symmetric ? codes.half : round_to_integer(-lesser(extent.smallest, 0) / scale);

	grids->scale[i] = scale;
	grids->shift[i] = -0.0F;
	grids->lowest[i] = -zero;
	grids->highest[i] = codes.levels - zero;
	grids->sign[i] = symmetric ? FLOAT_SIGN : 0;
}

static inline void
find_grids_of_autoround(struct codes codes, bool symmetric, const struct extent *extents,
			size_t count, struct grids *grids)
{
	float least = 1e-5F;

	for (size_t i = 0; i < count; i++)
		grids->scale[i] = scale_of_autoround(codes, symmetric, extents[i]);
	float_round(DTYPE_F16, grids->scale, grids->scale, count);
	float_round(DTYPE_F16, &least, &least, 1);
	for (size_t i = 0; i < count; i++)
		grid_of_autoround(codes, symmetric, extents[i], least, i, grids);
}

/* A NaN in a group has passed the comparisons by. */
static inline void
refuse_nans(const struct extent *extents, size_t count, struct grids *grids)
{
	for (size_t i = 0; i < count; i++)
		if (extents[i].smallest != extents[i].smallest)
			grids->scale[i] = float_of(FLOAT_NAN);
}

HOT static void
find_grids(enum rule rule, struct codes codes, bool symmetric, const struct extent *extents,
	   size_t count, struct grids *grids)
{
	switch (rule) {
	case RULE_GPTQ:
		for (size_t i = 0; i < count; i++)
			grid_of_gptq(codes, symmetric, extents[i], i, grids);
		break;
	case RULE_AWQ:
		for (size_t i = 0; i < count; i++)
			grid_of_awq(codes, symmetric, extents[i], i, grids);
		break;
	case RULE_AUTOROUND:
		find_grids_of_autoround(codes, symmetric, extents, count, grids);
		break;
	default:
		for (size_t i = 0; i < count; i++)
			grid_of_compressed_tensors(codes, symmetric, extents[i], i, grids);
		break;
	}
	refuse_nans(extents, count, grids);
}

/* --- casting --- */

/*
 * The scale is no number, since a weight is not finite or the range overflows: then nothing in the group
 * is. Or it is zero, as the range underflows: auto_gptq leaves such weights alone.
 */
static void
cast_without_scale(const float *values, size_t length, float scale, float *casts)
{
	if (scale == 0)
		memcpy(casts, values, length * sizeof(*casts));
	else
		for (size_t i = 0; i < length; i++)
			casts[i] = float_of(FLOAT_NAN);
}

static inline void
cast_group(const float *values, size_t length, const struct grids *grids, size_t group,
	   float *casts)
{
	float scale = grids->scale[group], shift = grids->shift[group];
	float lowest = grids->lowest[group], highest = grids->highest[group];
	uint32_t sign = grids->sign[group];

	if (!(fabsf(scale) > 0 && fabsf(scale) <= FLT_MAX)) {
		cast_without_scale(values, length, scale, casts);
		return;
	}
	for (size_t i = 0; i < length; i++) {
		float code = values[i] / scale + shift;
		uint32_t kept = bits_of_float(code) & sign;

		code = round_to_integer(lesser(greater(code, lowest), highest));
		casts[i] = float_of(bits_of_float(code - shift) | kept) * scale;
	}
}

static inline void
cast_batch(const float *values, size_t groups, size_t length, const struct grids *grids,
	   float *casts)
{
	for (size_t i = 0; i < groups; i++)
		cast_group(values + i * length, length, grids, i, casts + i * length);
}

HOT static void
cast_groups(const float *values, size_t groups, size_t length, const struct grids *grids,
	    float *casts)
{
	switch (length) {
	case 32: cast_batch(values, groups, 32, grids, casts); break;
	case 64: cast_batch(values, groups, 64, grids, casts); break;
	case 128: cast_batch(values, groups, 128, grids, casts); break;
	default: cast_batch(values, groups, length, grids, casts); break;
	}
}

static void
cast_integer(const struct format *format, const struct survey *survey, const struct run *run)
{
	float levels = (float)((1 << (int)format->kind->bits) - 1);
	struct codes codes = {(levels + 1) / 2, levels};
	bool symmetric = format->parameters[PARAMETER_SYMMETRY] == SYMMETRIC;
	struct extent found[BATCH];
	struct grids grids;

	(void)survey;
	for (size_t done = 0, count; done < run->groups; done += count) {
		const float *values = run->values + done * run->length;
		const struct extent *extents = run->extents ? run->extents + done : found;

		count = run->groups - done < BATCH ? run->groups - done : BATCH;
		if (!run->extents)
			find_extents(values, count, run->length, found);
		find_grids((enum rule)format->parameters[PARAMETER_RULE], codes, symmetric, extents,
			   count, &grids);
		cast_groups(values, count, run->length, &grids, run->casts + done * run->length);
	}
}

/* A scale of 16 bits, and a zero point of as many bits as a code. */
static double
group_bits(const struct format *format)
{
	return 16 + (format->parameters[PARAMETER_SYMMETRY] == ASYMMETRIC ? format->kind->bits : 0);
}

#define PARAMETERS "gN row tensor sym asym rule=ct rule=gptq rule=awq rule=autoround"
#define GROUPED	   ":g128:sym:rule=ct"
#define ROWWISE	   ":row:sym:rule=ct"

/* Codes are as many as the bits allow; the largest is that of the positive ones. */
#define INTEGER(width, names, given)                                                    \
	{                                                                               \
		.name = "int" #width, .aliases = names, .parameters = PARAMETERS,       \
		.defaults = given, .reference = "compressed-tensors", .bits = width,    \
		.largest = (1 << (width - 1)) - 1, .smallest = 1, .carrier = DTYPE_F32, \
		.cast = cast_integer, .group_bits = group_bits,                         \
	}

const struct format_kind integer_formats[] = {
	INTEGER(8, "i8", ROWWISE),
	INTEGER(6, "i6", GROUPED),
	INTEGER(5, "i5", GROUPED),
	INTEGER(4, "i4", GROUPED),
	INTEGER(3, "i3", GROUPED),
	INTEGER(2, "i2", GROUPED),
	{0},
};
