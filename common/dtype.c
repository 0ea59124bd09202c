#include "dtype.h"

#include <math.h>
#include <string.h>

#include "bits.h"
#include "util.h"
#include "vector.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hillpipe reads and writes little-endian data in place and needs a little-endian machine"
#endif

struct dtype_entry {
	const char *name;
	unsigned bits;
	struct float_shape shape; /* of types that are decoded */
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

/* What a type of at most 8 bits has beside zeros, subnormal and normal numbers. */
enum small_special {
	NO_SPECIAL,	   /* nothing */
	NAN_ALL_ONES,	   /* NaN, of either sign, with every other bit set; no infinity */
	IEEE_SPECIAL,	   /* infinities and NaNs in the largest exponent */
	NAN_NEGATIVE_ZERO, /* NaN in the place of -0, and nothing else */
};

/* A sign, an exponent with its bias, and a fraction. */
struct small_float {
	unsigned exponent_bits, fraction_bits, bias;
	enum small_special special;
};

/* OCP 8-bit Floating Point Specification (OFP8) v1.0. */
#define E4M3 ((struct small_float){4, 3, 7, NAN_ALL_ONES})
#define E5M2 ((struct small_float){5, 2, 15, IEEE_SPECIAL})
/* Noune et al., 8-bit Numerical Formats for Deep Neural Networks (arXiv:2206.02915). */
#define E4M3FNUZ ((struct small_float){4, 3, 8, NAN_NEGATIVE_ZERO})
#define E5M2FNUZ ((struct small_float){5, 2, 16, NAN_NEGATIVE_ZERO})
/* OCP MX v1.0, sections 5.3.2 and 5.3.3. */
#define E2M3 ((struct small_float){2, 3, 1, NO_SPECIAL})
#define E3M2 ((struct small_float){3, 2, 3, NO_SPECIAL})
#define E2M1 ((struct small_float){2, 1, 1, NO_SPECIAL})

/* The i-th of elements that lie one after the other, the first in the lowest bits of the first byte. */
static inline uint32_t
code_at(const unsigned char *stored, size_t i, unsigned bits)
{
	unsigned shift = (unsigned)(i * bits % 8);
	const unsigned char *at = stored + i / 8 * bits + i % 8 * bits / 8;
	uint32_t code;

	if (bits == 8)
		return stored[i];
	code = at[0];
	/* Halves of a byte never do, which the compiler does not see. */
	if (bits != 4 && shift + bits > 8)
		code |= (uint32_t)at[1] << 8;
	return code >> shift & ((1U << bits) - 1);
}

/* What to add for the codes that mean NaN or infinity; 0 for others. */
static inline double
special_of(struct small_float type, uint32_t sign, uint32_t magnitude)
{
	uint32_t ones = (1U << (type.exponent_bits + type.fraction_bits)) - 1;
	uint32_t infinity = ones & ~((1U << type.fraction_bits) - 1);
	double nan = (double)NAN;

	switch (type.special) {
	case NAN_ALL_ONES: return magnitude == ones ? nan : 0;
	case IEEE_SPECIAL: return magnitude < infinity ? 0 : magnitude == infinity ? INFINITY : nan;
	case NAN_NEGATIVE_ZERO: return sign && !magnitude ? nan : 0;
	case NO_SPECIAL: break;
	}
	return 0;
}

/*
 * The value is the significand, an integer, times a power of two that is a normal double. So no
 * subnormal double turns up, which many processors are slow at, while many weights are subnormal in
 * these types.
 */
static inline double
value_of(struct small_float type, uint32_t code)
{
	uint32_t sign = code >> (type.exponent_bits + type.fraction_bits);
	uint32_t magnitude = code & ((1U << (type.exponent_bits + type.fraction_bits)) - 1);
	uint32_t exponent = magnitude >> type.fraction_bits, normal = exponent ? 1 : 0;
	uint32_t fraction = magnitude & ((1U << type.fraction_bits) - 1);
	int32_t significand = (int32_t)(fraction | normal << type.fraction_bits);
	uint64_t power = exponent + 1 - normal + 1023 - type.bias - type.fraction_bits;
	double value = significand * double_of(power << 52);

	return copysign(value + special_of(type, sign, magnitude), sign ? -1.0 : 1.0);
}

/* Compiled once for each type, with the type known. */
#define DEFINE_DECODE(name, type, bits)                                                        \
	HOT static void decode_##name(const unsigned char *stored, size_t first, size_t count, \
				      double *values)                                          \
	{                                                                                      \
		for (size_t i = 0; i < count; i++)                                             \
			values[i] = value_of(type, code_at(stored, first + i, bits));          \
	}

DEFINE_DECODE(f8_e4m3, E4M3, 8)
DEFINE_DECODE(f8_e5m2, E5M2, 8)
DEFINE_DECODE(f8_e4m3fnuz, E4M3FNUZ, 8)
DEFINE_DECODE(f8_e5m2fnuz, E5M2FNUZ, 8)
DEFINE_DECODE(f6_e2m3, E2M3, 6)
DEFINE_DECODE(f6_e3m2, E3M2, 6)
DEFINE_DECODE(f4, E2M1, 4)

/* OCP MX v1.0, section 5.4.1: a power of two, without sign or zero, and a NaN. */
HOT static void
decode_f8_e8m0(const unsigned char *stored, size_t first, size_t count, double *values)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t code = stored[first + i];

		values[i] = double_of(code == 0xff ? (uint64_t)0xfff << 51
						   : (code + 1023 - 127) << 52);
	}
}

static const struct dtype_entry dtypes[DTYPE_COUNT] = {
	[DTYPE_BOOL] = {.name = "BOOL", .bits = 8},
	[DTYPE_F4] = {"F4", 4, {2, 2, -1}, decode_f4, NULL},
	[DTYPE_F6_E2M3] = {"F6_E2M3", 6, {4, 2, -3}, decode_f6_e2m3, NULL},
	[DTYPE_F6_E3M2] = {"F6_E3M2", 6, {3, 4, -4}, decode_f6_e3m2, NULL},
	[DTYPE_U8] = {.name = "U8", .bits = 8},
	[DTYPE_I8] = {.name = "I8", .bits = 8},
	[DTYPE_F8_E5M2] = {"F8_E5M2", 8, {3, 15, -16}, decode_f8_e5m2, NULL},
	[DTYPE_F8_E4M3] = {"F8_E4M3", 8, {4, 8, -9}, decode_f8_e4m3, NULL},
	[DTYPE_F8_E8M0] = {"F8_E8M0", 8, {1, 127, -127}, decode_f8_e8m0, NULL},
	[DTYPE_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8, {4, 7, -10}, decode_f8_e4m3fnuz, NULL},
	[DTYPE_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8, {3, 15, -17}, decode_f8_e5m2fnuz, NULL},
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

bool
dtype_is_encodable(enum dtype dtype)
{
	return dtypes[dtype].encode != NULL;
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
