/*
 * The formats of GGUF files that give 32 weights a scale of fp16, and the two of unevenly spaced values.
 *
 * A weight is cast to what llama.cpp's llama-quantize stores without an importance matrix and its
 * readers make of that: ggml_quantize_chunk() and dequantize_row_*() of ggml/src/ggml-quants.c, with the
 * operations of float32 in their order. So weights are divided by the scale as it was in float32, and
 * multiplied by what fp16 makes of it. Where the reference converts infinity or NaN to an integer, which
 * C leaves open, this takes 0 for it, as x86 processors do.
 *
 * The casts here come in three steps, each for many blocks so that vector units can work: what is largest
 * in a block, the scales, and the weights. A block with a value that is not finite becomes all NaN.
 */
#include "format_family.h"

#include <math.h>

#include "bits.h"
#include "format_element.h"
#include "format_extremes.h"
#include "ggml.h"
#include "vector.h"

#define BLOCK 32
/* Blocks that are worked on together. */
#define BATCH 32

/* What the weights of each block of a batch are multiplied by, and codes: value = code * step + low. */
struct scales {
	float inverse[BATCH], step[BATCH], lowest[BATCH], low[BATCH];
};

static void
round_to_half(float *values, size_t count)
{
	float_round(DTYPE_F16, values, values, count);
}

/* 1 / d, and 0 where d is. */
static inline float
inverse_of(float d)
{
	float inverse = 1 / d;

	return d != 0 ? inverse : 0;
}

/* --- what is largest --- */

/*
 * The value of the largest magnitude, the first of several, and of zeros the positive one; infinity or NaN if
 * there is one.
 */
static inline float
first_largest(const float *values)
{
	uint32_t largest = largest_magnitude_bits(values, BLOCK);
	uint32_t first = BLOCK;

	for (uint32_t i = 0; i < BLOCK; i++) {
		uint32_t at = (bits_of_float(values[i]) & 0x7fffffff) == largest ? i : BLOCK;

		first = at < first ? at : first;
	}
	return values[first] + 0.0F;
}

HOT static void
find_first_largest(const float *values, size_t blocks, float *largest)
{
	for (size_t i = 0; i < blocks; i++)
		largest[i] = first_largest(values + i * BLOCK);
}

/* --- codes around zero --- */

/* Scales of which the largest value is `codes` steps. */
HOT static void
make_scales(const float *largest, size_t blocks, float codes, struct scales *scales)
{
	for (size_t i = 0; i < blocks; i++) {
		float step = largest[i] / codes;

		scales->inverse[i] = inverse_of(step);
		scales->step[i] = fabsf(largest[i]) < INFINITY ? step : (float)NAN;
	}
	round_to_half(scales->step, blocks);
}

/* Bits of 128. Those of floats of [0, 128) are less; those of all others more, without a sign. */
#define BITS_OF_128 0x43000000u

/* The integer below a value of [0, 128); 0 for all others. By a mask, as branches would keep out vectors. */
static inline int
integer_below(float value)
{
	uint32_t bits = bits_of_float(value), inside = -(uint32_t)(bits < BITS_OF_128);

	return (int)float_of(bits & inside);
}

static inline void
cast_around_zero(const float *restrict values, size_t blocks, int codes,
		 const struct scales *restrict scales, float *restrict casts)
{
	for (size_t i = 0; i < blocks; i++) {
		float inverse = scales->inverse[i], step = scales->step[i];

		for (size_t j = i * BLOCK; j < (i + 1) * BLOCK; j++) {
			int code = integer_below(values[j] * inverse + ((float)codes + 0.5F));

			code = code < 2 * codes - 1 ? code : 2 * codes - 1;
			casts[j] = (float)(code - codes) * step;
		}
	}
}

HOT static void
cast_q4_0_batch(const float *values, size_t blocks, const struct scales *scales, float *casts)
{
	cast_around_zero(values, blocks, 8, scales, casts);
}

HOT static void
cast_q5_0_batch(const float *values, size_t blocks, const struct scales *scales, float *casts)
{
	cast_around_zero(values, blocks, 16, scales, casts);
}

/*
 * To the nearest integer, ties away from zero: a little less than a half is added to the magnitude, and a
 * tie reaches the next integer when that is rounded. 0 for magnitudes from 128 on.
 */
static inline int
round_away(float value)
{
	uint32_t bits = bits_of_float(value), magnitude = bits & 0x7fffffff;
	float moved = float_of(magnitude < BITS_OF_128 ? magnitude : 0) + 0x1.fffffep-2F;

	return (int)float_of(bits_of_float(moved) | (bits ^ magnitude));
}

HOT static void
cast_q8_0_batch(const float *values, size_t blocks, const struct scales *scales, float *casts)
{
	for (size_t i = 0; i < blocks; i++) {
		float inverse = scales->inverse[i], step = scales->step[i];

		for (size_t j = i * BLOCK; j < (i + 1) * BLOCK; j++)
			casts[j] = (float)round_away(values[j] * inverse) * step;
	}
}

/* --- codes from the smallest value on --- */

HOT static void
make_scales_from_lowest(const struct extent *extents, size_t blocks, float codes,
			struct scales *scales)
{
	for (size_t i = 0; i < blocks; i++) {
		float lowest = extents[i].smallest, largest = extents[i].largest;
		float step = (largest - lowest) / codes;
		bool is_finite = fabsf(largest) < INFINITY && fabsf(lowest) < INFINITY;

		scales->inverse[i] = inverse_of(step);
		scales->step[i] = is_finite ? step : (float)NAN;
		scales->lowest[i] = scales->low[i] = lowest;
	}
	round_to_half(scales->step, blocks);
	round_to_half(scales->low, blocks);
}

static inline void
cast_from_lowest(const float *restrict values, size_t blocks, int codes,
		 const struct scales *restrict scales, float *restrict casts)
{
	for (size_t i = 0; i < blocks; i++) {
		float inverse = scales->inverse[i], step = scales->step[i];
		float lowest = scales->lowest[i], low = scales->low[i];

		for (size_t j = i * BLOCK; j < (i + 1) * BLOCK; j++) {
			int code = integer_below((values[j] - lowest) * inverse + 0.5F);

			code = code < codes ? code : codes;
			casts[j] = (float)code * step + low;
		}
	}
}

HOT static void
cast_q4_1_batch(const float *values, size_t blocks, const struct scales *scales, float *casts)
{
	cast_from_lowest(values, blocks, 15, scales, casts);
}

HOT static void
cast_q5_1_batch(const float *values, size_t blocks, const struct scales *scales, float *casts)
{
	cast_from_lowest(values, blocks, 31, scales, casts);
}

/* --- runs --- */

typedef void cast_batch(const float *values, size_t blocks, const struct scales *scales,
			float *casts);

static size_t
batch_at(const struct run *run, size_t block)
{
	return run->groups - block < BATCH ? run->groups - block : BATCH;
}

static void
cast_run_around_zero(const struct run *run, float codes, cast_batch *cast)
{
	float largest[BATCH];
	struct scales scales;

	for (size_t block = 0; block < run->groups; block += BATCH) {
		const float *values = run->values + block * BLOCK;
		size_t blocks = batch_at(run, block);

		find_first_largest(values, blocks, largest);
		make_scales(largest, blocks, -codes, &scales);
		cast(values, blocks, &scales, run->casts + block * BLOCK);
	}
}

static void
cast_run_from_lowest(const struct run *run, float codes, cast_batch *cast)
{
	struct extent extents[BATCH];
	struct scales scales;

	for (size_t block = 0; block < run->groups; block += BATCH) {
		const float *values = run->values + block * BLOCK;
		size_t blocks = batch_at(run, block);

		find_extents(values, blocks, BLOCK, extents);
		make_scales_from_lowest(extents, blocks, codes, &scales);
		cast(values, blocks, &scales, run->casts + block * BLOCK);
	}
}

static void
cast_q4_0(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	cast_run_around_zero(run, 8, cast_q4_0_batch);
}

static void
cast_q5_0(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	cast_run_around_zero(run, 16, cast_q5_0_batch);
}

static void
cast_q4_1(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	cast_run_from_lowest(run, 15, cast_q4_1_batch);
}

static void
cast_q5_1(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	cast_run_from_lowest(run, 31, cast_q5_1_batch);
}

static void
cast_q8_0(const struct format *format, const struct survey *survey, const struct run *run)
{
	float largest[BATCH];
	struct scales scales;

	(void)format;
	(void)survey;
	for (size_t block = 0; block < run->groups; block += BATCH) {
		const float *values = run->values + block * BLOCK;
		size_t blocks = batch_at(run, block);

		find_magnitudes(values, blocks, BLOCK, largest);
		make_scales(largest, blocks, 127, &scales);
		cast_q8_0_batch(values, blocks, &scales, run->casts + block * BLOCK);
	}
}

/* --- codes for unevenly spaced values --- */

/* Candidates for the scale of a block: the first, and 15 around it. */
#define CANDIDATES 16

/* Below it, magnitudes are taken for zero (GROUP_MAX_EPS). */
#define NEGLIGIBLE 1e-15F

/* Where one value of IQ4 ends and the next begins: halfway, which belongs to the next. NaN is the last. */
static inline float
nearest_iq4(float value)
{
	float nearest = ggml_iq4_values[0];

	for (unsigned i = 0; i < 15; i++) {
		float low = ggml_iq4_values[i], high = ggml_iq4_values[i + 1];

		nearest = value < (low + high) / 2 ? nearest : high;
	}
	return nearest;
}

/*
 * The scale with the least squared error, weights counting by their squares: that is sum(w q x) / sum(w
 * q²), for which the candidate is sought that makes sum(w q x)² / sum(w q²) largest. Candidates lie side
 * by side.
 */
HOT static float
search_iq4_scale(const float *values)
{
	float first = ggml_iq4_values[0], largest = first_largest(values);
	float inverse[CANDIDATES], qx[CANDIDATES] = {0}, q2[CANDIDATES] = {0};
	float scale, best;

	if (fabsf(largest) < NEGLIGIBLE)
		return 0;
	inverse[0] = 1 / (-largest / first);
	for (int i = 1; i < CANDIDATES; i++)
		inverse[i] = ((float)(i - CANDIDATES / 2) + first) / largest;
	for (unsigned i = 0; i < BLOCK; i++) {
		float value = values[i], weight = value * value;

		for (unsigned j = 0; j < CANDIDATES; j++) {
			float q = nearest_iq4(inverse[j] * value);

			qx[j] += weight * q * value;
			q2[j] += weight * q * q;
		}
	}
	scale = q2[0] > 0 ? qx[0] / q2[0] : 0;
	best = scale * qx[0];
	for (unsigned i = 1; i < CANDIDATES; i++)
		if (q2[i] > 0 && qx[i] * qx[i] > best * q2[i]) {
			scale = qx[i] / q2[i];
			best = scale * qx[i];
		}
	return fabsf(largest) < INFINITY ? scale : (float)NAN;
}

HOT static void
cast_iq4_block(const float *values, float inverse, float step, float *casts)
{
	for (unsigned i = 0; i < BLOCK; i++)
		casts[i] = step * nearest_iq4(inverse * values[i]);
}

static void
cast_iq4_nl(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	for (size_t i = 0; i < run->groups; i++) {
		const float *values = run->values + i * BLOCK;
		float step = search_iq4_scale(values), inverse = inverse_of(step);

		round_to_half(&step, 1);
		cast_iq4_block(values, inverse, step, run->casts + i * BLOCK);
	}
}

/* --- 8 blocks with scales of 6 bits --- */

#define SUPER_BLOCKS 8
#define SUPER	     (SUPER_BLOCKS * BLOCK)

static void
cast_iq4_super(const float *values, float *casts)
{
	float scales[SUPER_BLOCKS], largest = 0, step, rounded_step, inverse;

	for (size_t i = 0; i < SUPER_BLOCKS; i++) {
		scales[i] = search_iq4_scale(values + i * BLOCK);
		largest = fabsf(scales[i]) > fabsf(largest) ? scales[i] : largest;
	}
	step = rounded_step = -largest / 32;
	inverse = inverse_of(step);
	round_to_half(&rounded_step, 1);
	for (size_t i = 0; i < SUPER_BLOCKS; i++) {
		int scale = nearest_integer(inverse * scales[i]);

		scale = scale < 31 ? scale : 31;
		scale = scale > -32 ? scale : -32;
		cast_iq4_block(values + i * BLOCK, inverse_of(step * (float)scale),
			       rounded_step * (float)scale, casts + i * BLOCK);
	}
}

static void
cast_iq4_xs(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	for (size_t i = 0; i < run->groups; i++) {
		const float *values = run->values + i * SUPER;
		float *casts = run->casts + i * SUPER;
		bool is_finite = largest_magnitude_bits(values, SUPER) < 0x7f800000;

		cast_iq4_super(values, casts);
		for (size_t j = 0; j < SUPER && !is_finite; j++)
			casts[j] = (float)NAN;
	}
}

/* --- the table --- */

const struct format_kind ggml_formats[] = {
	{
		.name = "q8_0",
		.aliases = "Q8_0 gguf_q8_0",
		.reference = "llama.cpp",
		.bits = 8.5,
		.largest = 127,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "fp16",
		.cast = cast_q8_0,
		.block = BLOCK,
	},
	{
		.name = "q5_1",
		.aliases = "Q5_1 gguf_q5_1",
		.reference = "llama.cpp",
		.bits = 6,
		.largest = 31,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "fp16",
		.cast = cast_q5_1,
		.block = BLOCK,
	},
	{
		.name = "q5_0",
		.aliases = "Q5_0 gguf_q5_0",
		.reference = "llama.cpp",
		.bits = 5.5,
		.largest = 16,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "fp16",
		.cast = cast_q5_0,
		.block = BLOCK,
	},
	{
		.name = "q4_1",
		.aliases = "Q4_1 gguf_q4_1",
		.reference = "llama.cpp",
		.bits = 5,
		.largest = 15,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "fp16",
		.cast = cast_q4_1,
		.block = BLOCK,
	},
	{
		.name = "q4_0",
		.aliases = "Q4_0 gguf_q4_0",
		.reference = "llama.cpp",
		.bits = 4.5,
		.largest = 8,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "fp16",
		.cast = cast_q4_0,
		.block = BLOCK,
	},
	{
		.name = "iq4_nl",
		.aliases = "IQ4_NL iq4_NL gguf_iq4_nl",
		.reference = "llama.cpp",
		.bits = 4.5,
		.largest = 127,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "fp16",
		.cast = cast_iq4_nl,
		.block = BLOCK,
	},
	{
		.name = "iq4_xs",
		.aliases = "IQ4_XS iq4_XS gguf_iq4_xs",
		.reference = "llama.cpp",
		.bits = 4.25,
		.largest = 127,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "iq4_nl",
		.cast = cast_iq4_xs,
		.block = SUPER,
	},
	{0},
};
