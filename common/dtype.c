#include "dtype.h"

#include <string.h>

#include "util.h"
#include "vector.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hillpipe reads and writes little-endian data in place and needs a little-endian machine"
#endif

struct dtype_entry {
	const char *name;
	unsigned bits;
	struct float_shape shape; /* this and the rest only for types that are decoded */
	void (*decode)(const unsigned char *stored, size_t first, size_t count, double *values);
	void (*encode)(const double *values, size_t count, unsigned char *target);
};

HOT static void
decode_f64(const unsigned char *stored, size_t first, size_t count, double *values)
{
	memcpy(values, stored + 8 * first, count * sizeof(double));
}

HOT static void
encode_f64(const double *values, size_t count, unsigned char *target)
{
	memcpy(target, values, count * sizeof(double));
}

HOT static void
decode_f32(const unsigned char *stored, size_t first, size_t count, double *values)
{
	const unsigned char *source = stored + 4 * first;

	for (size_t i = 0; i < count; i++) {
		float value;

		memcpy(&value, source + 4 * i, 4);
		values[i] = (double)value;
	}
}

HOT static void
encode_f32(const double *values, size_t count, unsigned char *target)
{
	for (size_t i = 0; i < count; i++) {
		float value = (float)values[i];

		memcpy(target + 4 * i, &value, 4);
	}
}

/* BF16 is the upper half of an F32. */
HOT static void
decode_bf16(const unsigned char *stored, size_t first, size_t count, double *values)
{
	const unsigned char *source = stored + 2 * first;

	for (size_t i = 0; i < count; i++) {
		uint16_t half;
		uint32_t bits;
		float value;

		memcpy(&half, source + 2 * i, 2);
		bits = (uint32_t)half << 16;
		memcpy(&value, &bits, 4);
		values[i] = (double)value;
	}
}

HOT static void
encode_bf16(const double *values, size_t count, unsigned char *target)
{
	for (size_t i = 0; i < count; i++) {
		float value = (float)values[i];
		uint32_t bits;
		uint16_t half;

		memcpy(&bits, &value, 4);
		half = (uint16_t)(bits >> 16);
		memcpy(target + 2 * i, &half, 2);
	}
}

/*
 * F16 has 5 exponent and 10 fraction bits. Moved to the places of an F32 they make a number 2^112
 * too small, subnormals included, as the exponent biases differ by 127 - 15 = 112: one exact product
 * does the rest. Infinity and NaN, exponent 31, get the F32 exponent for them.
 */
HOT static void
decode_f16(const unsigned char *stored, size_t first, size_t count, double *values)
{
	const unsigned char *source = stored + 2 * first;

	for (size_t i = 0; i < count; i++) {
		uint16_t half;
		uint32_t magnitude, bits;
		float value;

		memcpy(&half, source + 2 * i, 2);
		magnitude = (uint32_t)(half & 0x7fff) << 13;
		memcpy(&value, &magnitude, 4);
		value *= 0x1p112f;
		memcpy(&bits, &value, 4);
		bits |= (half & 0x7c00) == 0x7c00 ? (uint32_t)0x7f800000 : 0;
		bits |= (uint32_t)(half & 0x8000) << 16;
		memcpy(&value, &bits, 4);
		values[i] = (double)value;
	}
}

HOT static void
encode_f16(const double *values, size_t count, unsigned char *target)
{
	for (size_t i = 0; i < count; i++) {
		float value = (float)values[i];
		float scaled = value * 0x1p-112f;
		uint32_t bits, magnitude, nan;
		uint16_t half;

		memcpy(&bits, &value, 4);
		memcpy(&magnitude, &scaled, 4);
		/* Infinity comes out right by itself; a NaN becomes the canonical one. Masks, as a
		 * branch would keep the loop from vectorising. */
		magnitude = magnitude >> 13 & 0x7fff;
		nan = -(uint32_t)((bits & 0x7fffffff) > 0x7f800000);
		magnitude = (magnitude & ~nan) | (0x7e00 & nan);
		half = (uint16_t)(magnitude | bits >> 31 << 15);
		memcpy(target + 2 * i, &half, 2);
	}
}

static const struct dtype_entry dtypes[DTYPE_COUNT] = {
	[DTYPE_BOOL] = {.name = "BOOL", .bits = 8},
	[DTYPE_F4] = {.name = "F4", .bits = 4},
	[DTYPE_F6_E2M3] = {.name = "F6_E2M3", .bits = 6},
	[DTYPE_F6_E3M2] = {.name = "F6_E3M2", .bits = 6},
	[DTYPE_U8] = {.name = "U8", .bits = 8},
	[DTYPE_I8] = {.name = "I8", .bits = 8},
	[DTYPE_F8_E5M2] = {.name = "F8_E5M2", .bits = 8},
	[DTYPE_F8_E4M3] = {.name = "F8_E4M3", .bits = 8},
	[DTYPE_F8_E8M0] = {.name = "F8_E8M0", .bits = 8},
	[DTYPE_F8_E4M3FNUZ] = {.name = "F8_E4M3FNUZ", .bits = 8},
	[DTYPE_F8_E5M2FNUZ] = {.name = "F8_E5M2FNUZ", .bits = 8},
	[DTYPE_I16] = {.name = "I16", .bits = 16},
	[DTYPE_U16] = {.name = "U16", .bits = 16},
	[DTYPE_F16] = {"F16", 16, {11, 15, -24}, decode_f16, encode_f16},
	[DTYPE_BF16] = {"BF16", 16, {8, 127, -133}, decode_bf16, encode_bf16},
	[DTYPE_I32] = {.name = "I32", .bits = 32},
	[DTYPE_U32] = {.name = "U32", .bits = 32},
	[DTYPE_F32] = {"F32", 32, {24, 127, -149}, decode_f32, encode_f32},
	[DTYPE_C64] = {.name = "C64", .bits = 64},
	[DTYPE_F64] = {"F64", 64, {53, 1023, -1074}, decode_f64, encode_f64},
	[DTYPE_I64] = {.name = "I64", .bits = 64},
	[DTYPE_U64] = {.name = "U64", .bits = 64},
};

const char *
dtype_name(enum dtype dtype)
{
	return dtypes[dtype].name;
}

bool
dtype_from_name(const char *name, enum dtype *dtype)
{
	for (int i = 0; i < DTYPE_COUNT; i++)
		if (!strcmp(name, dtypes[i].name)) {
			*dtype = (enum dtype)i;
			return true;
		}
	return false;
}

unsigned
dtype_bits(enum dtype dtype)
{
	return dtypes[dtype].bits;
}

bool
dtype_bytes(enum dtype dtype, uint64_t count, uint64_t *bytes)
{
	uint64_t bits;

	if (!multiply_checked(count, dtypes[dtype].bits, &bits) || bits % 8)
		return false;
	*bytes = bits / 8;
	return true;
}

bool
dtype_is_decodable(enum dtype dtype)
{
	return dtypes[dtype].decode != NULL;
}

struct float_shape
dtype_shape(enum dtype dtype)
{
	return dtypes[dtype].shape;
}

bool
float_shape_holds(struct float_shape wide, struct float_shape narrow)
{
	return wide.precision >= narrow.precision &&
	       wide.largest_exponent >= narrow.largest_exponent &&
	       wide.smallest_exponent <= narrow.smallest_exponent;
}

void
dtype_decode(enum dtype dtype, const void *stored, size_t first, size_t count, double *values)
{
	dtypes[dtype].decode(stored, first, count, values);
}

void
dtype_encode(enum dtype dtype, const double *values, size_t count, void *target)
{
	dtypes[dtype].encode(values, count, target);
}
