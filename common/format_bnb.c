/*
 * The 4-bit formats of bitsandbytes (Dettmers et al. 2023, QLoRA): the weights of a block, divided by
 * their largest magnitude, absmax, become the nearest of 16 values, of two equally near the lower one.
 *
 * As bitsandbytes 0.50 does it on a processor, quantize_4bit() and dequantize_4bit(), from and to
 * float32. Blocks are of the flattened tensor. With double quantisation, what is multiplied with in the
 * end is an absmax that has been quantised itself.
 */
#include "format_family.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "bits.h"
#include "format_extremes.h"
#include "util.h"
#include "vector.h"

#ifdef HAS_CLONES
#include <immintrin.h>
#endif

#define CODES 16

/* Blocks that are cast at once. */
#define BATCH 32

/* Less than this absmax is not divided by. */
#define LEAST_ABSMAX 1e-38F

#define FLOAT_NAN 0x7fc00000u

/* The values of codes, ascending, and what is halfway between each and the next. */
struct codebook {
	float values[CODES], bounds[CODES - 1];
};

/* Quantiles of the normal distribution, as bitsandbytes has rounded them: get_4bit_type(). */
static const float normal_values[CODES] = {
	-1.0F,
	-0.6961928009986877F,
	-0.5250730514526367F,
	-0.39491748809814453F,
	-0.28444138169288635F,
	-0.18477343022823334F,
	-0.09105003625154495F,
	0.0F,
	0.07958029955625534F,
	0.16093020141124725F,
	0.24611230194568634F,
	0.33791524171829224F,
	0.44070982933044434F,
	0.5626170039176941F,
	0.7229568362236023F,
	1.0F,
};

/* A sign, two bits of exponent and one of significand, divided by 12, the largest. Zero is there twice. */
static const float float_values[CODES] = {
	-1.0F, -8.0F / 12,   -6.0F / 12, -4.0F / 12, -3.0F / 12, -2.0F / 12, -0.0625F / 12, 0.0F,
	0.0F,  0.0625F / 12, 2.0F / 12,	 3.0F / 12,  4.0F / 12,	 6.0F / 12,  8.0F / 12,	    1.0F,
};

static struct codebook
codebook_of(const float *values)
{
	struct codebook book;

	for (size_t i = 0; i < CODES; i++)
		book.values[i] = values[i];
	for (size_t i = 0; i < CODES - 1; i++)
		book.bounds[i] = (values[i] + values[i + 1]) / 2;
	return book;
}

/* --- double quantisation --- */

#define NESTED_BLOCK 256
#define NESTED_CODES 256

/* Steps of the table by which bitsandbytes finds codes of 8 bits. */
#define TABLE_STEPS 65535.0F

static int
compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* The j-th of items + 1 numbers evenly spaced from 0.1 to 1, as torch has them with fused multiplication
 * and addition: rounded once, which double does. */
static float
spaced_number(int j, int items)
{
	double step = (double)((1.0F - 0.1F) / (float)items);

	return (float)(j < (items + 1) / 2 ? (double)0.1F + step * j : 1 - step * (items - j));
}

/*
 * The dynamic map of 8 bits (Dettmers 2016), create_dynamic_map(): for each power of ten from 1e-6 to 1
 * twice as many numbers as for the one before, of either sign, evenly spaced from 0.1 to 1 of it; and 0,
 * and 1.
 */
static void
make_dynamic_map(float *map)
{
	static const float powers[] = {1e-6F, 1e-5F, 1e-4F, 1e-3F, 1e-2F, 1e-1F, 1e0F};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(powers) / sizeof(*powers); i++) {
		int items = 1 << i;

		for (int j = 0; j < items; j++) {
			float middle = (spaced_number(j, items) + spaced_number(j + 1, items)) / 2;

			map[count++] = powers[i] * middle;
			map[count++] = -powers[i] * middle;
		}
	}
	map[count++] = 0;
	map[count++] = 1;
	qsort(map, count, sizeof(*map), compare_floats);
}

/*
 * The value of the map that stands for one from -1 to 1. bitsandbytes looks it up in a table of 2^16
 * entries, so it is the nearest not to the value, but to the nearest of 2^16 numbers.
 */
static float
nearest_in_map(const float *map, float value)
{
	float place = (value + 1) * 0.5F * TABLE_STEPS + 0.5F;
	float entry = (float)(int)place / TABLE_STEPS * 2 - 1;
	size_t low = 0, high = NESTED_CODES - 1;

	/* map[low] <= entry < map[high] but at the ends. */
	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (map[middle] <= entry)
			low = middle;
		else
			high = middle;
	}
	return fabsf(entry - map[low]) <= fabsf(entry - map[high]) ? map[low] : map[high];
}

/* What a block of absmax becomes; all have had the mean subtracted, which is added again. */
static void
quantise_absmax(const float *map, float mean, float *absmax, size_t count)
{
	float largest = 0, inverse;

	for (size_t i = 0; i < count; i++) {
		absmax[i] -= mean;
		largest = fabsf(absmax[i]) > largest ? fabsf(absmax[i]) : largest;
	}
	inverse = 1 / largest;
	for (size_t i = 0; i < count; i++) {
		float value = fminf(fmaxf(absmax[i] * inverse, -1), 1);

		/* Zero divided by zero gets the first code, and makes no difference. */
		absmax[i] = largest > 0 ? nearest_in_map(map, value) * largest + mean : mean;
	}
}

/* absmax as it is kept: that of a block that is not full is never zero. */
static float
guard_absmax(float absmax, bool full)
{
	return !full && absmax < LEAST_ABSMAX ? LEAST_ABSMAX : absmax;
}

static bool
is_full(const struct format *format, const struct survey *survey, uint64_t group)
{
	return (group + 1) * (uint64_t)format->parameters[PARAMETER_GROUP] <= survey->elements;
}

/* Quantises all absmax. Their mean is rounded once; torch's depends on how it sums. */
static void
prepare(const struct format *format, struct survey *survey)
{
	float map[NESTED_CODES], *absmax, mean;
	double sum = 0;

	if (!format->parameters[PARAMETER_DOUBLE])
		return;
	make_dynamic_map(map);
	absmax = survey->prepared = xreallocarray(NULL, survey->count, sizeof(*absmax));
	for (uint64_t i = 0; i < survey->count; i++) {
		absmax[i] = guard_absmax(extent_magnitude(survey->groups[i]),
					 is_full(format, survey, i));
		sum += (double)absmax[i];
	}
	mean = (float)(sum / (double)survey->count);
	if (!isfinite(mean)) {
		for (uint64_t i = 0; i < survey->count; i++)
			absmax[i] = (float)NAN;
		return;
	}
	for (uint64_t i = 0; i < survey->count; i += NESTED_BLOCK) {
		uint64_t rest = survey->count - i;

		quantise_absmax(map, mean, absmax + i, rest < NESTED_BLOCK ? rest : NESTED_BLOCK);
	}
}

/* --- casting --- */

/* Neither is absmax, then: infinities become infinity, others 0 times infinity. */
static void
cast_not_finite(const float *values, size_t length, float scale, float *casts)
{
	for (size_t i = 0; i < length; i++)
		casts[i] = isinf(values[i]) && isinf(scale) ? INFINITY : float_of(FLOAT_NAN);
}

/* The value of the code for a normalised weight. Steps, not a loop, so that compilers see that there are
 * no branches. */
static inline float
nearest_value(struct codebook book, float normalised)
{
	float value = book.values[0];

#define STEP(i) value = normalised > book.bounds[i] ? book.values[(i) + 1] : value
	STEP(0);
	STEP(1);
	STEP(2);
	STEP(3);
	STEP(4);
	STEP(5);
	STEP(6);
	STEP(7);
	STEP(8);
	STEP(9);
	STEP(10);
	STEP(11);
	STEP(12);
	STEP(13);
	STEP(14);
#undef STEP
	return value;
}

/* Blocks, what divides each and what its codes are multiplied by. */
struct blocks {
	const float *values;
	float *casts;
	size_t count, length;
	float absmax[BATCH], scales[BATCH];
};

static inline float
inverse_of(float absmax)
{
	return 1 / (absmax < LEAST_ABSMAX ? LEAST_ABSMAX : absmax);
}

static inline bool
is_finite_block(const struct blocks *blocks, size_t block)
{
	return blocks->absmax[block] <= FLT_MAX && fabsf(blocks->scales[block]) <= FLT_MAX;
}

static inline void
cast_block(struct codebook book, const struct blocks *blocks, size_t length, size_t block)
{
	const float *restrict values = blocks->values + block * length;
	float *restrict casts = blocks->casts + block * length;
	float inverse = inverse_of(blocks->absmax[block]), scale = blocks->scales[block];

	if (!is_finite_block(blocks, block)) {
		cast_not_finite(values, length, scale, casts);
		return;
	}
	for (size_t i = 0; i < length; i++)
		casts[i] = nearest_value(book, values[i] * inverse) * scale;
}

static inline void
cast_blocks_of(struct codebook book, const struct blocks *blocks, size_t length)
{
	for (size_t i = 0; i < blocks->count; i++)
		cast_block(book, blocks, length, i);
}

/* Lengths that are known when this is compiled make loops without remainders. */
HOT static void
compare_blocks(const struct codebook *book, const struct blocks *blocks)
{
	switch (blocks->length) {
	case 32: cast_blocks_of(*book, blocks, 32); break;
	case 64: cast_blocks_of(*book, blocks, 64); break;
	case 128: cast_blocks_of(*book, blocks, 128); break;
	default: cast_blocks_of(*book, blocks, blocks->length); break;
	}
}

#ifdef HAS_CLONES
#define INTERVALS 32

/* The range from -1 to 1 in intervals so short that none has two bounds, and none begins near one: the
 * first bound after each interval's beginning, and the values below and above that. */
struct intervals {
	float bounds[INTERVALS], below[INTERVALS], above[INTERVALS];
};

static struct intervals
intervals_of(const struct codebook *book)
{
	struct intervals intervals;

	for (size_t i = 0, code = 0; i < INTERVALS; i++) {
		while (code < CODES - 1 && ((float)i / 16 - 1 > book->bounds[code] ||
					    book->values[code] == book->values[code + 1]))
			code++;
		intervals.bounds[i] = code < CODES - 1 ? book->bounds[code] : INFINITY;
		intervals.below[i] = book->values[code];
		intervals.above[i] = book->values[code < CODES - 1 ? code + 1 : code];
	}
	return intervals;
}

/*
 * As compare_blocks(), with one comparison for each weight in place of 15, since AVX-512 has registers
 * for tables of 32 floats: a step which compilers do not find. Full blocks are multiples of 16.
 */
__attribute__((target("avx512f"))) static void
look_up_blocks(const struct codebook *book, const struct blocks *blocks)
{
	struct intervals intervals = intervals_of(book);
	__m512 bounds[2], below[2], above[2];

	for (size_t half = 0; half < 2; half++) {
		bounds[half] = _mm512_loadu_ps(intervals.bounds + half * 16);
		below[half] = _mm512_loadu_ps(intervals.below + half * 16);
		above[half] = _mm512_loadu_ps(intervals.above + half * 16);
	}
	for (size_t block = 0; block < blocks->count; block++) {
		const float *values = blocks->values + block * blocks->length;
		float *casts = blocks->casts + block * blocks->length;
		__m512 inverse = _mm512_set1_ps(inverse_of(blocks->absmax[block]));
		__m512 scale = _mm512_set1_ps(blocks->scales[block]);

		if (!is_finite_block(blocks, block)) {
			cast_not_finite(values, blocks->length, blocks->scales[block], casts);
			continue;
		}
		for (size_t i = 0; i < blocks->length; i += 16) {
			__m512 normalised = _mm512_mul_ps(_mm512_loadu_ps(values + i), inverse);
			__m512 place = _mm512_mul_ps(_mm512_add_ps(normalised, _mm512_set1_ps(1)),
						     _mm512_set1_ps(16));
			__m512i interval = _mm512_min_epi32(_mm512_cvttps_epi32(place),
							    _mm512_set1_epi32(INTERVALS - 1));
			__mmask16 is_above = _mm512_cmp_ps_mask(
				normalised, _mm512_permutex2var_ps(bounds[0], interval, bounds[1]),
				_CMP_GT_OQ);
			__m512 value = _mm512_mask_blend_ps(
				is_above, _mm512_permutex2var_ps(below[0], interval, below[1]),
				_mm512_permutex2var_ps(above[0], interval, above[1]));

			_mm512_storeu_ps(casts + i, _mm512_mul_ps(value, scale));
		}
	}
}
#endif

static void
cast_full_blocks(const struct codebook *book, const struct blocks *blocks)
{
#ifdef HAS_CLONES
	if (__builtin_cpu_supports("avx512f")) {
		look_up_blocks(book, blocks);
		return;
	}
#endif
	compare_blocks(book, blocks);
}

/* A block that is not full is divided by absmax, where others are multiplied by its inverse. */
static void
cast_partial_block(const struct codebook *book, const struct blocks *blocks)
{
	if (!is_finite_block(blocks, 0)) {
		cast_not_finite(blocks->values, blocks->length, blocks->scales[0], blocks->casts);
		return;
	}
	for (size_t i = 0; i < blocks->length; i++)
		blocks->casts[i] = nearest_value(*book, blocks->values[i] / blocks->absmax[0]) *
				   blocks->scales[0];
}

static void
cast_by(struct codebook book, const struct format *format, const struct survey *survey,
	const struct run *run)
{
	struct blocks blocks = {.length = run->length};

	for (size_t done = 0; done < run->groups; done += blocks.count) {
		uint64_t first = run->first + done;
		bool full = is_full(format, survey, first);

		blocks.values = run->values + done * run->length;
		blocks.casts = run->casts + done * run->length;
		blocks.count = run->groups - done < BATCH ? run->groups - done : BATCH;
		if (!run->extents)
			find_magnitudes(blocks.values, blocks.count, run->length, blocks.absmax);
		for (size_t i = 0; i < blocks.count; i++) {
			if (run->extents)
				blocks.absmax[i] = extent_magnitude(run->extents[done + i]);
			blocks.absmax[i] = guard_absmax(blocks.absmax[i], full);
			blocks.scales[i] = survey->prepared ? survey->prepared[first + i]
							    : blocks.absmax[i];
		}
		if (full)
			cast_full_blocks(&book, &blocks);
		else
			cast_partial_block(&book, &blocks);
	}
}

static void
cast_nf4(const struct format *format, const struct survey *survey, const struct run *run)
{
	cast_by(codebook_of(normal_values), format, survey, run);
}

static void
cast_fp4(const struct format *format, const struct survey *survey, const struct run *run)
{
	cast_by(codebook_of(float_values), format, survey, run);
}

/* The lengths of blocks that bitsandbytes takes. */
static const char *
resolve(struct format *format)
{
	int block = format->parameters[PARAMETER_GROUP];

	if (block < 32 || block > 4096 || (block & (block - 1)))
		return "a block has 32, 64, 128, 256, 512, 1024, 2048 or 4096 weights";
	if (format->parameters[PARAMETER_DOUBLE]) {
		format->need = SURVEY_GROUPS;
		format->tensor_bits = 32;
	}
	return NULL;
}

/* An absmax of float32; or a code of 8 bits, with a float32 for each 256 of them. */
static double
group_bits(const struct format *format)
{
	return format->parameters[PARAMETER_DOUBLE] ? 8 + 32.0 / NESTED_BLOCK : 32;
}

const struct format_kind bnb_formats[] = {
	{
		.name = "nf4",
		.aliases = "normalfloat4 bnb_nf4",
		.parameters = "bN dq",
		.defaults = ":b64",
		.reference = "bitsandbytes",
		.bits = 4,
		.largest = 1,
		.smallest = 0.07958029955625534,
		.carrier = DTYPE_F32,
		.cast = cast_nf4,
		.group_bits = group_bits,
		.resolve = resolve,
		.prepare = prepare,
	},
	{
		.name = "fp4",
		.aliases = "bnb_fp4",
		.parameters = "bN dq",
		.defaults = ":b64",
		.reference = "bitsandbytes",
		.bits = 4,
		.largest = 1,
		.smallest = 0.0625 / 12,
		.carrier = DTYPE_F32,
		.cast = cast_fp4,
		.group_bits = group_bits,
		.resolve = resolve,
		.prepare = prepare,
	},
	{0},
};
