/*
 * How ggml lays out blocks (ggml/src/ggml-common.h), and what its dequantize_row_*() make of them
 * (ggml/src/ggml-quants.c): the same operations in float32, in the same order, so the same bits. In
 * those names, d is the scale of a block or super-block, m a minimum, and q are the small integers.
 */
#include "ggml.h"

#include <string.h>

/* Elements of a super-block, QK_K, and of the blocks of other types. */
#define SUPER 256
#define BLOCK 32

typedef unsigned char byte;

/* --- parts of blocks --- */

static unsigned
u16_at(const byte *at)
{
	return at[0] | (unsigned)at[1] << 8;
}

static uint32_t
u32_at(const byte *at)
{
	return u16_at(at) | (uint32_t)u16_at(at + 2) << 16;
}

static float
half_at(const byte *at)
{
	double value;

	dtype_decode(DTYPE_F16, at, 0, 1, &value);
	return (float)value;
}

/* The j-th of integers of 4 bits: those of the low halves of count bytes come first, then the high. */
static unsigned
nibble(const byte *q, unsigned count, unsigned j)
{
	return j < count ? q[j] & 15u : q[j - count] >> 4;
}

/* --- one scale for 32 --- */

static void
decode_q4_0(const byte *block, float *values)
{
	float d = half_at(block);

	for (unsigned j = 0; j < BLOCK; j++)
		values[j] = (float)((int)nibble(block + 2, BLOCK / 2, j) - 8) * d;
}

static void
decode_q4_1(const byte *block, float *values)
{
	float d = half_at(block), m = half_at(block + 2);

	for (unsigned j = 0; j < BLOCK; j++)
		values[j] = (float)nibble(block + 4, BLOCK / 2, j) * d + m;
}

/* The fifth bits of all 32 are together before the others. */
static unsigned
five_bits(const byte *high, unsigned j)
{
	return nibble(high + 4, BLOCK / 2, j) | (u32_at(high) >> j & 1) << 4;
}

static void
decode_q5_0(const byte *block, float *values)
{
	float d = half_at(block);

	for (unsigned j = 0; j < BLOCK; j++)
		values[j] = (float)((int)five_bits(block + 2, j) - 16) * d;
}

static void
decode_q5_1(const byte *block, float *values)
{
	float d = half_at(block), m = half_at(block + 2);

	for (unsigned j = 0; j < BLOCK; j++)
		values[j] = (float)five_bits(block + 4, j) * d + m;
}

static void
decode_q8_0(const byte *block, float *values)
{
	float d = half_at(block);

	for (unsigned j = 0; j < BLOCK; j++)
		values[j] = (float)(int8_t)block[2 + j] * d;
}

static void
decode_iq4_nl(const byte *block, float *values)
{
	float d = half_at(block);

	for (unsigned j = 0; j < BLOCK; j++)
		values[j] = d * (float)ggml_iq4_values[nibble(block + 2, BLOCK / 2, j)];
}

/*
 * The scale is an E8M0 of the OCP Microscaling formats, but for one thing: the reference takes the code
 * that is NaN there, 255, for 2^128. Integers are twice the values of E2M1, so the scale is halved;
 * 2^-127 and 2^-128 are subnormal. Minus zero is zero.
 */
static void
decode_mxfp4(const byte *block, float *values)
{
	static const int8_t twice[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
	uint32_t bits = block[0] < 2 ? UINT32_C(0x200000) << block[0] : (block[0] - 1u) << 23;
	float d;

	memcpy(&d, &bits, sizeof(d));
	for (unsigned j = 0; j < BLOCK; j++)
		values[j] = (float)twice[nibble(block + 1, BLOCK / 2, j)] * d;
}

/* --- super-blocks of 256: scales of 16 or 32 are integers too, and share a scale in turn --- */

/*
 * The j-th of the integers of `bits` bits in a super-block, bits being 1, 2 or 4: they are packed in
 * runs of 32 * 8 / bits. Within the run, element i is in byte i % 32, the first 32 lowest.
 */
static unsigned
packed(const byte *q, unsigned bits, unsigned j)
{
	unsigned run = 32 * 8 / bits;
	unsigned byte_number = j / run * 32 + j % 32, shift = j % run / 32 * bits;

	return (unsigned)q[byte_number] >> shift & ((1u << bits) - 1);
}

static void
decode_q2_k(const byte *block, float *values)
{
	const byte *scales = block, *q = block + 16;
	float d = half_at(block + 80), dmin = half_at(block + 82);

	for (unsigned i = 0; i < 16; i++) {
		float dl = d * (float)(scales[i] & 15), ml = dmin * (float)(scales[i] >> 4);

		for (unsigned j = 16 * i; j < 16 * (i + 1); j++)
			values[j] = dl * (float)packed(q, 2, j) - ml;
	}
}

/* 16 scales of 6 bits: 8 bytes of the lower four, then 4 bytes of the upper two. */
static int
scale_q3_k(const byte *scales, unsigned number)
{
	unsigned low = nibble(scales, 8, number);
	unsigned high = (unsigned)scales[8 + number % 4] >> number / 4 * 2 & 3;

	return (int)(low | high << 4) - 32;
}

static void
decode_q3_k(const byte *block, float *values)
{
	const byte *high = block, *q = block + 32, *scales = block + 96;
	float d = half_at(block + 108);

	for (unsigned i = 0; i < 16; i++) {
		float dl = d * (float)scale_q3_k(scales, i);

		/* The third bit is stored the other way round: where it is 0, 4 is taken away. */
		for (unsigned j = 16 * i; j < 16 * (i + 1); j++)
			values[j] = dl *
				    (float)((int)packed(q, 2, j) - (packed(high, 1, j) ? 0 : 4));
	}
}

/*
 * 8 scales and 8 minimums of 6 bits in 12 bytes: bytes 0 to 3 are the first four scales, 4 to 7 the first
 * four minimums, in their lower six bits; bytes 8 to 11 have the lower four bits of the others, whose
 * upper two are the upper two of the first 8 bytes.
 */
static void
scale_and_minimum(const byte *packed_scales, unsigned number, unsigned *scale, unsigned *minimum)
{
	const byte *s = packed_scales + number % 4;

	if (number < 4) {
		*scale = s[0] & 63;
		*minimum = s[4] & 63;
	} else {
		*scale = (s[8] & 15u) | (unsigned)s[0] >> 6 << 4;
		*minimum = (unsigned)s[8] >> 4 | (unsigned)s[4] >> 6 << 4;
	}
}

/* Q4_K and Q5_K: the latter has a fifth bit of each before the others. */
static void
decode_with_minimum(const byte *block, const byte *high, const byte *q, float *values)
{
	float d = half_at(block), dmin = half_at(block + 2);

	for (unsigned i = 0; i < 8; i++) {
		unsigned scale, minimum;
		float dl, ml;

		scale_and_minimum(block + 4, i, &scale, &minimum);
		dl = d * (float)scale;
		ml = dmin * (float)minimum;
		for (unsigned j = 32 * i; j < 32 * (i + 1); j++) {
			unsigned value = packed(q, 4, j) | (high ? packed(high, 1, j) << 4 : 0);

			values[j] = dl * (float)value - ml;
		}
	}
}

static void
decode_q4_k(const byte *block, float *values)
{
	decode_with_minimum(block, NULL, block + 16, values);
}

static void
decode_q5_k(const byte *block, float *values)
{
	decode_with_minimum(block, block + 16, block + 48, values);
}

static void
decode_q6_k(const byte *block, float *values)
{
	const byte *low = block, *high = block + 128, *scales = block + 192;
	float d = half_at(block + 208);

	for (unsigned i = 0; i < 16; i++) {
		float dl = d * (float)(int8_t)scales[i];

		for (unsigned j = 16 * i; j < 16 * (i + 1); j++) {
			/* The lower four bits are in runs of 128, as the upper two, and not of 64. */
			unsigned lower = nibble(low + j / 128 * 64, 64, j % 128);

			values[j] = dl * (float)((int)(lower | packed(high, 2, j) << 4) - 32);
		}
	}
}

/* Activations, and no file of weights is known to have it. After the integers come sums of them. */
static void
decode_q8_k(const byte *block, float *values)
{
	float d;

	memcpy(&d, block, sizeof(d));
	for (unsigned j = 0; j < SUPER; j++)
		values[j] = d * (float)(int8_t)block[4 + j];
}

/* 8 scales of 6 bits: the upper two of all, then the lower four. */
static void
decode_iq4_xs(const byte *block, float *values)
{
	unsigned high = u16_at(block + 2);
	float d = half_at(block);

	for (unsigned i = 0; i < 8; i++) {
		unsigned low = (unsigned)block[4 + i / 2] >> i % 2 * 4 & 15;
		float dl = d * (float)((int)(low | (high >> 2 * i & 3) << 4) - 32);

		for (unsigned j = 0; j < 32; j++)
			values[32 * i + j] =
				dl * (float)ggml_iq4_values[nibble(block + 8 + 16 * i, 16, j)];
	}
}

/* --- the table --- */

/* Types whose values are as the file has them, and blocks that we decode, or only know the size of. */
#define PLAIN(name, bytes)                          \
	{                                           \
#name, 1, bytes, DTYPE_##name, NULL \
	}
#define DECODED(name, size, bytes, by)                     \
	{                                                  \
#name, size, bytes, DTYPE_F32, decode_##by \
	}
#define KNOWN(name, size, bytes)                    \
	{                                           \
#name, size, bytes, DTYPE_F32, NULL \
	}

/* By number. The gaps are types that GGUF files no longer have (4, 5, 31 to 33, 36 to 38). */
static const struct ggml_type types[] = {
	[0] = PLAIN(F32, 4),
	[1] = PLAIN(F16, 2),
	[2] = DECODED(Q4_0, BLOCK, 18, q4_0),
	[3] = DECODED(Q4_1, BLOCK, 20, q4_1),
	[6] = DECODED(Q5_0, BLOCK, 22, q5_0),
	[7] = DECODED(Q5_1, BLOCK, 24, q5_1),
	[8] = DECODED(Q8_0, BLOCK, 34, q8_0),
	[9] = KNOWN(Q8_1, BLOCK, 36),
	[10] = DECODED(Q2_K, SUPER, 84, q2_k),
	[11] = DECODED(Q3_K, SUPER, 110, q3_k),
	[12] = DECODED(Q4_K, SUPER, 144, q4_k),
	[13] = DECODED(Q5_K, SUPER, 176, q5_k),
	[14] = DECODED(Q6_K, SUPER, 210, q6_k),
	[15] = DECODED(Q8_K, SUPER, 292, q8_k),
	[16] = KNOWN(IQ2_XXS, SUPER, 66),
	[17] = KNOWN(IQ2_XS, SUPER, 74),
	[18] = KNOWN(IQ3_XXS, SUPER, 98),
	[19] = KNOWN(IQ1_S, SUPER, 50),
	[20] = DECODED(IQ4_NL, BLOCK, 18, iq4_nl),
	[21] = KNOWN(IQ3_S, SUPER, 110),
	[22] = KNOWN(IQ2_S, SUPER, 82),
	[23] = DECODED(IQ4_XS, SUPER, 136, iq4_xs),
	[24] = PLAIN(I8, 1),
	[25] = PLAIN(I16, 2),
	[26] = PLAIN(I32, 4),
	[27] = PLAIN(I64, 8),
	[28] = PLAIN(F64, 8),
	[29] = KNOWN(IQ1_M, SUPER, 56),
	[30] = PLAIN(BF16, 2),
	[34] = KNOWN(TQ1_0, SUPER, 54),
	[35] = KNOWN(TQ2_0, SUPER, 66),
	[39] = DECODED(MXFP4, BLOCK, 17, mxfp4),
	[40] = KNOWN(NVFP4, 64, 36),
	[41] = KNOWN(Q1_0, 128, 18),
};

const struct ggml_type *
ggml_type_of(uint32_t number)
{
	if (number >= sizeof(types) / sizeof(*types) || !types[number].name)
		return NULL;
	return &types[number];
}
