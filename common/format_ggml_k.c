/*
 * The K-quants of GGUF files: super-blocks of 256 weights, of which 16 or 32 share a scale, and some a
 * minimum, that are small integers again and share scales of fp16.
 *
 * A weight is cast to what llama.cpp's llama-quantize stores without an importance matrix and its
 * readers make of that: quantize_row_*_ref() and dequantize_row_*() of ggml/src/ggml-quants.c. Scales are
 * searched for, among candidates or by changing codes one after the other; what is found first stays
 * unless another is better, so the operations of float32 have to be the same, in the same order.
 *
 * The order is that of the weights of a sub-block. What is independent is 16 sub-blocks, and these lie side
 * by side here, one in each lane of a vector: arrays of LANES are one register, or a few. A super-block
 * with a value that is not finite becomes all NaN.
 */
#include "format_family.h"

#include <math.h>
#include <string.h>

#include "bits.h"
#include "format_element.h"
#include "vector.h"

#define SUPER 256
#define LANES 16

/* Below it, magnitudes are taken for zero (GROUP_MAX_EPS). */
#define NEGLIGIBLE 1e-15F

/* A value of each of 16 sub-blocks. */
typedef float lanes[LANES];

/* --- rounding --- */

static inline __attribute__((always_inline)) int
limited(int value, int least, int most)
{
	value = value < most ? value : most;
	return value > least ? value : least;
}

/* What is left of an integer in 8 bits, without and with a sign. */
static inline __attribute__((always_inline)) int
byte_of(int value)
{
	return value & 255;
}

static inline __attribute__((always_inline)) int
signed_byte_of(int value)
{
	return (byte_of(value) ^ 128) - 128;
}

static float
half_of(float value)
{
	float_round(DTYPE_F16, &value, &value, 1);
	return value;
}

/* --- sub-blocks side by side --- */

/* The i-th weights of each of 16 sub-blocks of so many, for each i. */
static inline __attribute__((always_inline)) void
lay_side_by_side(const float *values, size_t length, lanes *x)
{
	for (size_t i = 0; i < length; i++)
		for (size_t lane = 0; lane < LANES; lane++)
			x[i][lane] = values[lane * length + i];
}

HOT static bool
is_finite(const float *values)
{
	return largest_magnitude_bits(values, SUPER) < 0x7f800000;
}

static void
fill_with_nan(float *casts)
{
	for (size_t i = 0; i < SUPER; i++)
		casts[i] = (float)NAN;
}

/* Casts count super-blocks, one or two; the values are two in either case. */
typedef void cast_pair(const float *values, size_t count, float *casts);

static void
cast_pairs(const struct run *run, cast_pair *cast)
{
	float twice[2 * SUPER];
	size_t i = 0;

	for (; i + 2 <= run->groups; i += 2)
		cast(run->values + i * SUPER, 2, run->casts + i * SUPER);
	if (i < run->groups) {
		memcpy(twice, run->values + i * SUPER, SUPER * sizeof(float));
		memcpy(twice + SUPER, twice, SUPER * sizeof(float));
		cast(twice, 1, run->casts + i * SUPER);
	}
}

/* The largest, at least 0. */
static float
largest_of(const float *values, size_t count)
{
	float largest = 0;

	for (size_t i = 0; i < count; i++)
		largest = values[i] > largest ? values[i] : largest;
	return largest;
}

/* The value of the largest magnitude, the first of several. */
static float
first_largest_of(const float *values, size_t count)
{
	float largest = 0;

	for (size_t i = 0; i < count; i++)
		largest = fabsf(values[i]) > fabsf(largest) ? values[i] : largest;
	return largest;
}

/* The weights of the largest magnitude, the first of several. */
static inline __attribute__((always_inline)) void
find_first_largest(const lanes *x, size_t length, float *found)
{
	for (size_t lane = 0; lane < LANES; lane++) {
		float largest = 0;

		for (size_t i = 0; i < length; i++)
			largest = fabsf(x[i][lane]) > fabsf(largest) ? x[i][lane] : largest;
		found[lane] = largest;
	}
}

/* --- scales with a minimum: value = scale * code + minimum --- */

/* How the scale of a sub-block with a minimum is searched for. */
struct search {
	size_t length; /* of a sub-block */
	int codes;     /* the largest */
	/* Codes that the extent of a sub-block is divided into: codes + first + 0.1 i for i up to last. */
	float first;
	int last;
	bool is_absolute; /* the error is a sum of magnitudes and not of squares */
};

/* 16 sub-blocks, and what is found for each. */
struct sub_blocks {
	lanes x[32], weight[32], code[32];
	lanes weights, weighted; /* sum w, sum w x */
	lanes smallest, largest;
	lanes scale, minimum, error; /* the best yet */
};

static inline __attribute__((always_inline)) int
code_at(float value, int codes)
{
	return limited(nearest_integer(value), 0, codes);
}

static inline __attribute__((always_inline)) float
error_of(float difference, bool is_absolute)
{
	return is_absolute ? fabsf(difference) : difference * difference;
}

/* sum w |scale * code + minimum - x|, or of its square. */
static inline __attribute__((always_inline)) void
sum_errors(const struct search *search, const struct sub_blocks *blocks, const float *scale,
	   const float *minimum, float *error)
{
	lanes sum = {0};

	for (size_t i = 0; i < search->length; i++)
		for (size_t lane = 0; lane < LANES; lane++) {
			float difference = scale[lane] * blocks->code[i][lane] + minimum[lane] -
					   blocks->x[i][lane];

			sum[lane] += blocks->weight[i][lane] *
				     error_of(difference, search->is_absolute);
		}
	for (size_t lane = 0; lane < LANES; lane++)
		error[lane] = sum[lane];
}

static inline __attribute__((always_inline)) void
survey_sub_blocks(size_t length, struct sub_blocks *blocks)
{
	for (size_t lane = 0; lane < LANES; lane++) {
		float smallest = blocks->x[0][lane], largest = smallest;
		float weights = blocks->weight[0][lane], weighted = weights * smallest;

		for (size_t i = 1; i < length; i++) {
			float x = blocks->x[i][lane], weight = blocks->weight[i][lane];

			smallest = x < smallest ? x : smallest;
			largest = x > largest ? x : largest;
			weights += weight;
			weighted += weight * x;
		}
		blocks->smallest[lane] = smallest;
		blocks->largest[lane] = largest;
		blocks->weights[lane] = weights;
		blocks->weighted[lane] = weighted;
	}
}

/* The codes by the whole extent, which is the first candidate. */
static inline __attribute__((always_inline)) void
begin_search(const struct search *search, struct sub_blocks *blocks)
{
	lanes inverse;

	for (size_t lane = 0; lane < LANES; lane++) {
		float smallest = blocks->smallest[lane] > 0 ? 0 : blocks->smallest[lane];

		blocks->minimum[lane] = smallest;
		inverse[lane] = (float)search->codes / (blocks->largest[lane] - smallest);
		blocks->scale[lane] = 1 / inverse[lane];
	}
	for (size_t i = 0; i < search->length; i++)
		for (size_t lane = 0; lane < LANES; lane++)
			blocks->code[i][lane] = (float)code_at(
				inverse[lane] * (blocks->x[i][lane] - blocks->minimum[lane]),
				search->codes);
	sum_errors(search, blocks, blocks->scale, blocks->minimum, blocks->error);
}

/* sum w q, sum w q², sum w q x for the codes q that a candidate gives. */
struct sums {
	lanes q, q2, qx;
};

static inline __attribute__((always_inline)) void
sum_codes(const struct search *search, struct sub_blocks *blocks, const float *inverse,
	  struct sums *sums)
{
	lanes q = {0}, q2 = {0}, qx = {0};

	for (size_t i = 0; i < search->length; i++)
		for (size_t lane = 0; lane < LANES; lane++) {
			float x = blocks->x[i][lane], weight = blocks->weight[i][lane];
			float code = (float)code_at(inverse[lane] * (x - blocks->minimum[lane]),
						    search->codes);

			blocks->code[i][lane] = code;
			q[lane] += weight * code;
			q2[lane] += weight * code * code;
			qx[lane] += weight * code * x;
		}
	for (size_t lane = 0; lane < LANES; lane++) {
		sums->q[lane] = q[lane];
		sums->q2[lane] = q2[lane];
		sums->qx[lane] = qx[lane];
	}
}

/*
 * Scale and minimum by least squares for the codes of a candidate; a minimum above zero becomes zero. The
 * extent that a candidate divides begins at the minimum that is the best yet.
 */
static inline __attribute__((always_inline)) void
try_candidate(const struct search *search, struct sub_blocks *blocks, int number)
{
	float extent = search->first + 0.1F * (float)number + (float)search->codes;
	lanes inverse, scale, minimum, determinant, error;
	struct sums sums;

	for (size_t lane = 0; lane < LANES; lane++)
		inverse[lane] = extent / (blocks->largest[lane] - blocks->minimum[lane]);
	sum_codes(search, blocks, inverse, &sums);
	for (size_t lane = 0; lane < LANES; lane++) {
		float q = sums.q[lane], q2 = sums.q2[lane], qx = sums.qx[lane];
		float w = blocks->weights[lane], x = blocks->weighted[lane];
		float d = w * q2 - q * q, fitted = (q2 * x - q * qx) / d;
		bool is_above = fitted > 0;

		determinant[lane] = d;
		scale[lane] = is_above ? qx / q2 : (w * qx - x * q) / d;
		minimum[lane] = is_above ? 0 : fitted;
	}
	sum_errors(search, blocks, scale, minimum, error);
	for (size_t lane = 0; lane < LANES; lane++) {
		bool is_better = (determinant[lane] > 0) & (error[lane] < blocks->error[lane]);

		blocks->error[lane] = is_better ? error[lane] : blocks->error[lane];
		blocks->scale[lane] = is_better ? scale[lane] : blocks->scale[lane];
		blocks->minimum[lane] = is_better ? minimum[lane] : blocks->minimum[lane];
	}
}

/* Where all weights are one, and not above zero, that is the minimum. What is stored is its negative. */
static inline __attribute__((always_inline)) void
search_scales(const struct search *search, struct sub_blocks *blocks)
{
	begin_search(search, blocks);
	for (int i = 0; i <= search->last; i++)
		try_candidate(search, blocks, i);
	for (size_t lane = 0; lane < LANES; lane++) {
		float smallest = blocks->smallest[lane] > 0 ? 0 : blocks->smallest[lane];
		bool is_constant = blocks->largest[lane] == smallest;

		blocks->scale[lane] = is_constant ? 0 : blocks->scale[lane];
		blocks->minimum[lane] = -(is_constant ? smallest : blocks->minimum[lane]);
	}
}

/* Weights of a sub-block as the reader has them, once scale and minimum are rounded. */
static inline __attribute__((always_inline)) void
cast_with_minimum(const float *values, size_t length, int codes, float scale, float minimum,
		  float *casts)
{
	for (size_t i = 0; i < length; i++) {
		int code = code_at((values[i] + minimum) / scale, codes);

		casts[i] = scale * (float)code - minimum;
	}
}

/* --- q2_k --- */

HOT static void
prepare_q2_k(const float *values, struct sub_blocks *blocks)
{
	lay_side_by_side(values, 16, blocks->x);
	for (size_t i = 0; i < 16; i++)
		for (size_t lane = 0; lane < LANES; lane++)
			blocks->weight[i][lane] = fabsf(blocks->x[i][lane]);
	survey_sub_blocks(16, blocks);
}

HOT static void
search_q2_k(struct sub_blocks *blocks)
{
	static const struct search search = {16, 3, -0.5F, 15, true};

	search_scales(&search, blocks);
}

/* Integers up to 15 for 16 scales and minimums; a byte has both. */
static void
round_scales_q2_k(struct sub_blocks *blocks)
{
	float scale = largest_of(blocks->scale, LANES),
	      minimum = largest_of(blocks->minimum, LANES);
	float scale_step = half_of(scale > 0 ? scale / 15 : 0);
	float minimum_step = half_of(minimum > 0 ? minimum / 15 : 0);

	for (size_t lane = 0; lane < LANES; lane++) {
		int both = 0;

		if (scale > 0)
			both = byte_of(nearest_integer(15 / scale * blocks->scale[lane]));
		if (minimum > 0)
			both |= byte_of(nearest_integer(15 / minimum * blocks->minimum[lane]) * 16);
		blocks->scale[lane] = scale_step * (float)(both & 15);
		blocks->minimum[lane] = minimum_step * (float)(both >> 4);
	}
}

HOT static void
cast_super_q2_k(const float *values, const struct sub_blocks *blocks, float *casts)
{
	for (size_t i = 0; i < LANES; i++)
		cast_with_minimum(values + 16 * i, 16, 3, blocks->scale[i], blocks->minimum[i],
				  casts + 16 * i);
}

static void
cast_q2_k(const struct format *format, const struct survey *survey, const struct run *run)
{
	struct sub_blocks blocks;

	(void)format;
	(void)survey;
	for (size_t i = 0; i < run->groups; i++) {
		const float *values = run->values + i * SUPER;
		float *casts = run->casts + i * SUPER;
		bool finite = is_finite(values);

		prepare_q2_k(values, &blocks);
		search_q2_k(&blocks);
		round_scales_q2_k(&blocks);
		cast_super_q2_k(values, &blocks, casts);
		if (!finite)
			fill_with_nan(casts);
	}
}

/* --- q4_k and q5_k: two super-blocks fill the lanes --- */

/* Weights count by their magnitude, and by the root of their mean square. */
HOT static void
prepare_32(const float *values, struct sub_blocks *blocks)
{
	lanes root;

	lay_side_by_side(values, 32, blocks->x);
	for (size_t lane = 0; lane < LANES; lane++) {
		float sum = 0;

		for (size_t i = 0; i < 32; i++)
			sum += blocks->x[i][lane] * blocks->x[i][lane];
		root[lane] = sum / 32;
	}
	for (size_t lane = 0; lane < LANES; lane++)
		root[lane] = sqrtf(root[lane]);
	for (size_t i = 0; i < 32; i++)
		for (size_t lane = 0; lane < LANES; lane++)
			blocks->weight[i][lane] = root[lane] + fabsf(blocks->x[i][lane]);
	survey_sub_blocks(32, blocks);
}

HOT static void
search_q4_k(struct sub_blocks *blocks)
{
	static const struct search search = {32, 15, -1, 20, false};

	search_scales(&search, blocks);
}

HOT static void
search_q5_k(struct sub_blocks *blocks)
{
	static const struct search search = {32, 31, -0.5F, 15, false};

	search_scales(&search, blocks);
}

/* Integers up to 63 for the 8 scales, or minimums, of a super-block, times what they share. */
static void
round_to_63(float *values)
{
	float largest = largest_of(values, 8), step = half_of(largest / 63);
	float inverse = largest > 0 ? 63 / largest : 0;

	for (size_t i = 0; i < 8; i++) {
		int rounded = byte_of(nearest_integer(inverse * values[i]));

		values[i] = step * (float)(rounded < 63 ? rounded : 63);
	}
}

HOT static void
cast_super_q4_k(const float *values, const float *scales, const float *minimums, float *casts)
{
	for (size_t i = 0; i < 8; i++)
		cast_with_minimum(values + 32 * i, 32, 15, scales[i], minimums[i], casts + 32 * i);
}

HOT static void
cast_super_q5_k(const float *values, const float *scales, const float *minimums, float *casts)
{
	for (size_t i = 0; i < 8; i++)
		cast_with_minimum(values + 32 * i, 32, 31, scales[i], minimums[i], casts + 32 * i);
}

/* How q4_k and q5_k differ. */
struct with_minimums {
	void (*search)(struct sub_blocks *blocks);
	void (*cast)(const float *values, const float *scales, const float *minimums, float *casts);
};

static void
cast_pair_with_minimums(const struct with_minimums *by, const float *values, size_t count,
			float *casts)
{
	struct sub_blocks blocks;

	prepare_32(values, &blocks);
	by->search(&blocks);
	for (size_t i = 0; i < count; i++) {
		float *scales = blocks.scale + 8 * i, *minimums = blocks.minimum + 8 * i;
		bool finite = is_finite(values + i * SUPER);

		round_to_63(scales);
		round_to_63(minimums);
		by->cast(values + i * SUPER, scales, minimums, casts + i * SUPER);
		if (!finite)
			fill_with_nan(casts + i * SUPER);
	}
}

static void
cast_pair_q4_k(const float *values, size_t count, float *casts)
{
	static const struct with_minimums by = {search_q4_k, cast_super_q4_k};

	cast_pair_with_minimums(&by, values, count, casts);
}

static void
cast_pair_q5_k(const float *values, size_t count, float *casts)
{
	static const struct with_minimums by = {search_q5_k, cast_super_q5_k};

	cast_pair_with_minimums(&by, values, count, casts);
}

static void
cast_q4_k(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	cast_pairs(run, cast_pair_q4_k);
}

static void
cast_q5_k(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	cast_pairs(run, cast_pair_q5_k);
}

/* --- scales alone, for codes around zero: value = scale * code --- */

/* 16 sub-blocks of 16 weights. */
struct around_zero {
	lanes x[16], x2[16], x3[16]; /* x, x², x³ */
	lanes code[16];
	lanes largest; /* in magnitude, the first */
	lanes scale;
	lanes qx, q2; /* sum w q x, sum w q² with weights w = x² */
};

static inline __attribute__((always_inline)) int
code_around_zero(float value, int codes)
{
	return limited(nearest_integer(value), -codes, codes - 1);
}

HOT static void
prepare_around_zero(const float *values, struct around_zero *blocks)
{
	lay_side_by_side(values, 16, blocks->x);
	for (size_t i = 0; i < 16; i++)
		for (size_t lane = 0; lane < LANES; lane++) {
			float x = blocks->x[i][lane];

			blocks->x2[i][lane] = x * x;
			blocks->x3[i][lane] = x * x * x;
		}
	find_first_largest((const lanes *)blocks->x, 16, blocks->largest);
}

/* The codes that inverse scales give. */
static inline __attribute__((always_inline)) void
keep_codes(struct around_zero *blocks, int codes, const float *inverse)
{
	for (size_t i = 0; i < 16; i++)
		for (size_t lane = 0; lane < LANES; lane++)
			blocks->code[i][lane] = (float)code_around_zero(
				inverse[lane] * blocks->x[i][lane], codes);
}

/* The sums of the codes that inverse scales give. */
static inline __attribute__((always_inline)) void
sum_around_zero(struct around_zero *blocks, int codes, const float *inverse)
{
	lanes qx = {0}, q2 = {0};

	for (size_t i = 0; i < 16; i++)
		for (size_t lane = 0; lane < LANES; lane++) {
			float code = (float)code_around_zero(inverse[lane] * blocks->x[i][lane],
							     codes);

			qx[lane] += blocks->x3[i][lane] * code;
			q2[lane] += blocks->x2[i][lane] * code * code;
		}
	for (size_t lane = 0; lane < LANES; lane++) {
		blocks->qx[lane] = qx[lane];
		blocks->q2[lane] = q2[lane];
	}
}

/*
 * Weights of a sub-block once the scale is rounded. Where that made it zero, what was found before stays:
 * the casts are zeros, but of the sign of the codes.
 */
static inline __attribute__((always_inline)) void
cast_sub_around_zero(const float *values, const struct around_zero *blocks, size_t lane, int codes,
		     float scale, float *casts)
{
	for (size_t i = 0; i < 16; i++)
		casts[i] = scale * (float)code_around_zero(values[i] / scale, codes);
	if (scale == 0)
		for (size_t i = 0; i < 16; i++)
			casts[i] = scale * blocks->code[i][lane];
}

/* --- q3_k --- */

/* Changes a code to the one that is nearest for the scale by all others, if that makes the error less. */
static inline __attribute__((always_inline)) void
improve_code(struct around_zero *blocks, size_t i, unsigned *restrict changes)
{
	for (size_t lane = 0; lane < LANES; lane++) {
		float x = blocks->x[i][lane], x2 = blocks->x2[i][lane], x3 = blocks->x3[i][lane];
		float code = blocks->code[i][lane], qx = blocks->qx[lane], q2 = blocks->q2[lane];
		float other_qx = qx - x3 * code, other_q2 = q2 - x2 * code * code;
		float better = (float)code_around_zero(x * other_q2 / other_qx, 4);
		float better_qx = other_qx + x3 * better;
		float better_q2 = other_q2 + x2 * better * better;
		unsigned change = (unsigned)(other_qx > 0) & (unsigned)(better != code) &
				  (unsigned)(better_q2 > 0) &
				  (unsigned)(better_qx * better_qx * q2 > qx * qx * better_q2);

		blocks->code[i][lane] = change ? better : code;
		blocks->qx[lane] = change ? better_qx : qx;
		blocks->q2[lane] = change ? better_q2 : q2;
		changes[lane] |= change;
	}
}

/* A pass over two super-blocks, so that while one waits for a quotient the other goes on. */
static inline __attribute__((always_inline)) bool
improve_codes(struct around_zero *first, struct around_zero *second)
{
	unsigned changes[LANES] = {0}, any = 0;

	for (size_t i = 0; i < 16; i++) {
		improve_code(first, i, changes);
		improve_code(second, i, changes);
	}
	for (size_t lane = 0; lane < LANES; lane++)
		any |= changes[lane];
	return any;
}

static inline __attribute__((always_inline)) void
begin_q3_k(struct around_zero *blocks)
{
	lanes inverse;

	for (size_t lane = 0; lane < LANES; lane++)
		inverse[lane] = -4 / blocks->largest[lane];
	sum_around_zero(blocks, 4, inverse);
	keep_codes(blocks, 4, inverse);
}

static inline __attribute__((always_inline)) void
finish_q3_k(struct around_zero *blocks)
{
	for (size_t lane = 0; lane < LANES; lane++) {
		bool is_zero = fabsf(blocks->largest[lane]) < NEGLIGIBLE;
		float scale = blocks->q2[lane] > 0 ? blocks->qx[lane] / blocks->q2[lane] : 0;

		blocks->scale[lane] = is_zero ? 0 : scale;
		for (size_t i = 0; i < 16; i++)
			blocks->code[i][lane] = is_zero ? -4 : blocks->code[i][lane];
	}
}

HOT static void
search_q3_k(struct around_zero *first, struct around_zero *second)
{
	begin_q3_k(first);
	begin_q3_k(second);
	/* A pass without a change is the last: others would change nothing, either. */
	for (unsigned pass = 0; pass < 5 && improve_codes(first, second); pass++)
		;
	finish_q3_k(first);
	finish_q3_k(second);
}

/* Integers of [-32, 31]. */
static void
round_scales_q3_k(float *scales)
{
	float largest = first_largest_of(scales, LANES), inverse = -32 / largest;
	float step = half_of(largest != 0 ? 1 / inverse : 0);

	for (size_t lane = 0; lane < LANES; lane++) {
		int rounded = signed_byte_of(nearest_integer(inverse * scales[lane]));

		scales[lane] = step * (float)(largest != 0 ? limited(rounded, -32, 31) : -32);
	}
}

HOT static void
cast_super_q3_k(const float *values, const struct around_zero *blocks, float *casts)
{
	for (size_t lane = 0; lane < LANES; lane++)
		cast_sub_around_zero(values + 16 * lane, blocks, lane, 4, blocks->scale[lane],
				     casts + 16 * lane);
}

static void
cast_pair_q3_k(const float *values, size_t count, float *casts)
{
	struct around_zero pair[2];

	for (size_t i = 0; i < 2; i++)
		prepare_around_zero(values + i * SUPER, &pair[i]);
	search_q3_k(&pair[0], &pair[1]);
	for (size_t i = 0; i < count; i++) {
		bool finite = is_finite(values + i * SUPER);

		round_scales_q3_k(pair[i].scale);
		cast_super_q3_k(values + i * SUPER, &pair[i], casts + i * SUPER);
		if (!finite)
			fill_with_nan(casts + i * SUPER);
	}
}

static void
cast_q3_k(const struct format *format, const struct survey *survey, const struct run *run)
{
	(void)format;
	(void)survey;
	cast_pairs(run, cast_pair_q3_k);
}

/* --- q6_k --- */

/* The candidate that makes sum(w q x)² / sum(w q²) largest: the first, and 18 around it. */
HOT static void
search_q6_k(struct around_zero *blocks)
{
	lanes inverse, best, best_inverse;

	for (size_t lane = 0; lane < LANES; lane++)
		best_inverse[lane] = -32 / blocks->largest[lane];
	sum_around_zero(blocks, 32, best_inverse);
	for (size_t lane = 0; lane < LANES; lane++) {
		float qx = blocks->qx[lane], q2 = blocks->q2[lane], scale = qx / q2;

		blocks->scale[lane] = q2 != 0 ? scale : 0;
		best[lane] = blocks->scale[lane] * qx;
	}
	for (int i = -9; i <= 9; i++) {
		if (!i)
			continue;
		for (size_t lane = 0; lane < LANES; lane++)
			inverse[lane] = -(32 + 0.1F * (float)i) / blocks->largest[lane];
		sum_around_zero(blocks, 32, inverse);
		for (size_t lane = 0; lane < LANES; lane++) {
			float qx = blocks->qx[lane], q2 = blocks->q2[lane], scale = qx / q2;
			bool is_better = (q2 > 0) & (qx * qx > best[lane] * q2);

			blocks->scale[lane] = is_better ? scale : blocks->scale[lane];
			best[lane] = is_better ? scale * qx : best[lane];
			best_inverse[lane] = is_better ? inverse[lane] : best_inverse[lane];
		}
	}
	keep_codes(blocks, 32, best_inverse);
	for (size_t lane = 0; lane < LANES; lane++) {
		bool is_zero = fabsf(blocks->largest[lane]) < NEGLIGIBLE;

		blocks->scale[lane] = is_zero ? 0 : blocks->scale[lane];
		for (size_t i = 0; i < 16; i++)
			blocks->code[i][lane] = is_zero ? -32 : blocks->code[i][lane];
	}
}

/* Integers of [-128, 127]. */
static void
round_scales_q6_k(struct around_zero *blocks)
{
	float largest = first_largest_of(blocks->scale, LANES), inverse = -128 / largest;
	bool is_zero = fabsf(largest) < NEGLIGIBLE;
	float step = half_of(is_zero ? 0 : 1 / inverse);

	for (size_t lane = 0; lane < LANES; lane++) {
		int rounded = nearest_integer(inverse * blocks->scale[lane]);

		rounded = is_zero ? 0 : signed_byte_of(rounded < 127 ? rounded : 127);
		blocks->scale[lane] = step * (float)rounded;
		for (size_t i = 0; i < 16 && is_zero; i++)
			blocks->code[i][lane] = -32;
	}
}

HOT static void
cast_super_q6_k(const float *values, const struct around_zero *blocks, float *casts)
{
	for (size_t lane = 0; lane < LANES; lane++)
		cast_sub_around_zero(values + 16 * lane, blocks, lane, 32, blocks->scale[lane],
				     casts + 16 * lane);
}

static void
cast_q6_k(const struct format *format, const struct survey *survey, const struct run *run)
{
	struct around_zero blocks;

	(void)format;
	(void)survey;
	for (size_t i = 0; i < run->groups; i++) {
		const float *values = run->values + i * SUPER;
		float *casts = run->casts + i * SUPER;
		bool finite = is_finite(values);

		prepare_around_zero(values, &blocks);
		search_q6_k(&blocks);
		round_scales_q6_k(&blocks);
		cast_super_q6_k(values, &blocks, casts);
		if (!finite)
			fill_with_nan(casts);
	}
}

/* --- the table --- */

const struct format_kind ggml_k_formats[] = {
	{
		.name = "q6_k",
		.aliases = "q6_K Q6_K gguf_q6_k",
		.reference = "llama.cpp",
		.bits = 6.5625,
		.largest = 32,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "q8_0",
		.cast = cast_q6_k,
		.block = SUPER,
	},
	{
		.name = "q5_k",
		.aliases = "q5_K Q5_K gguf_q5_k",
		.reference = "llama.cpp",
		.bits = 5.5,
		.largest = 31,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "q5_1",
		.cast = cast_q5_k,
		.block = SUPER,
	},
	{
		.name = "q4_k",
		.aliases = "q4_K Q4_K gguf_q4_k",
		.reference = "llama.cpp",
		.bits = 4.5,
		.largest = 15,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "q5_0",
		.cast = cast_q4_k,
		.block = SUPER,
	},
	{
		.name = "q3_k",
		.aliases = "q3_K Q3_K gguf_q3_k",
		.reference = "llama.cpp",
		.bits = 3.4375,
		.largest = 4,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "q4_0",
		.cast = cast_q3_k,
		.block = SUPER,
	},
	{
		.name = "q2_k",
		.aliases = "q2_K Q2_K gguf_q2_k",
		.reference = "llama.cpp",
		.bits = 2.625,
		.largest = 3,
		.smallest = 1,
		.carrier = DTYPE_F32,
		.instead = "q4_0",
		.cast = cast_q2_k,
		.block = SUPER,
	},
	{0},
};
