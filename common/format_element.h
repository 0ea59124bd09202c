/* Elements of blocks: small binary floating point and integers beneath a scale, for the families of formats. */
#ifndef FORMAT_ELEMENT_H
#define FORMAT_ELEMENT_H

#include <math.h>

#include "bits.h"
#include "format_family.h"

/*
 * Which values there are: fractions of so many bits; the exponent of the smallest normal value, below which
 * all are multiples of the same; and the largest.
 */
struct element {
	unsigned fraction_bits;
	int smallest_exponent;
	float largest;
};

/* OCP Microscaling Formats (MX) v1.0, table 1; integers are multiples of 2^-6. */
#define ELEMENT_E5M2 ((struct element){2, -14, 57344})
#define ELEMENT_E4M3 ((struct element){3, -6, 448})
#define ELEMENT_E3M2 ((struct element){2, -2, 28})
#define ELEMENT_E2M3 ((struct element){3, 0, 7.5F})
#define ELEMENT_E2M1 ((struct element){1, 0, 6})
#define ELEMENT_INT8 ((struct element){6, 0, 127 / 64.0F})

/*
 * The element nearest to a magnitude; the largest, if that is beyond it. The magic number is 1.5·2^23 times
 * the distance of elements there: adding it moves the last place that stays to the last bit of a float,
 * where the addition rounds, ties to even; other ties are found by how far the result is off.
 */
static inline float
element_round(struct element element, enum ties ties, float magnitude)
{
	float value = magnitude < element.largest ? magnitude : element.largest;
	uint32_t exponent = bits_of_float(value) & 0x7f800000;
	uint32_t least = (uint32_t)(element.smallest_exponent + 127) << 23;
	float magic, half, rounded;

	exponent = exponent > least ? exponent : least;
	magic = float_of((exponent + ((23 - element.fraction_bits) << 23)) | 0x400000);
	rounded = value + magic - magic;
	if (ties == TIES_EVEN)
		return rounded;
	half = float_of(exponent - ((element.fraction_bits + 1) << 23));
	if (ties == TIES_AWAY)
		return value - rounded == half ? rounded + 2 * half : rounded;
	return rounded - value == half ? rounded - 2 * half : rounded;
}

/*
 * The nearest integer, ties to even, of what is smaller than 2^22; beyond, what a float and an int make of
 * it, which some references have as well.
 */
#define ELEMENT_MAGIC 0x1.8p23F

static inline float
round_to_integer(float value)
{
	return value + ELEMENT_MAGIC - ELEMENT_MAGIC;
}

static inline int
nearest_integer(float value)
{
	return (int)(bits_of_float(value + ELEMENT_MAGIC) & 0x7fffff) - 0x400000;
}

#endif
