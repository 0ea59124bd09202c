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
	/* The same for values of float. */
	void (*decode_floats)(const unsigned char *stored, size_t first, size_t count,
			      float *values);
	void (*encode_floats)(const float *values, size_t count, unsigned char *target);
};

/* Loops over elements, compiled for each type and for both types of values. */
#define DEFINE_DECODE_AS(name, type, element)                                         \
	HOT static void name(const unsigned char *stored, size_t first, size_t count, \
			     type *values)                                            \
	{                                                                             \
		for (size_t i = 0; i < count; i++)                                    \
			values[i] = (type)(element);                                  \
	}
#define DEFINE_DECODE(name, element)                     \
	DEFINE_DECODE_AS(decode_##name, double, element) \
	DEFINE_DECODE_AS(decode_##name##_floats, float, element)

#define DEFINE_ENCODE_AS(name, type, stored_type, code)                               \
	HOT static void name(const type *values, size_t count, unsigned char *target) \
	{                                                                             \
		for (size_t i = 0; i < count; i++) {                                  \
			stored_type stored = (stored_type)code((float)values[i]);     \
                                                                                      \
			memcpy(target + i * sizeof(stored), &stored, sizeof(stored)); \
		}                                                                     \
	}
#define DEFINE_ENCODE(name, stored_type, code)                     \
	DEFINE_ENCODE_AS(encode_##name, double, stored_type, code) \
	DEFINE_ENCODE_AS(encode_##name##_floats, float, stored_type, code)

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

static inline float
f32_at(const unsigned char *stored, size_t i)
{
	float value;

	memcpy(&value, stored + 4 * i, 4);
	return value;
}

DEFINE_DECODE(f32, f32_at(stored, first + i))
DEFINE_ENCODE(f32, uint32_t, bits_of_float)

/* BF16 is the upper half of an F32. */
static inline float
bf16_at(const unsigned char *stored, size_t i)
{
	uint16_t half;

	memcpy(&half, stored + 2 * i, 2);
	return float_of((uint32_t)half << 16);
}

static inline uint32_t
bf16_code(float value)
{
	return bits_of_float(value) >> 16;
}

DEFINE_DECODE(bf16, bf16_at(stored, first + i))
DEFINE_ENCODE(bf16, uint16_t, bf16_code)

/*
 * F16 has 5 exponent and 10 fraction bits. Moved to the places of an F32 they make a number 2^112
 * too small, subnormals included, as the exponent biases differ by 127 - 15 = 112: one exact product
 * does the rest. Infinity and NaN, exponent 31, get the F32 exponent for them.
 */
static inline float
f16_at(const unsigned char *stored, size_t i)
{
	uint16_t half;
	uint32_t bits;

	memcpy(&half, stored + 2 * i, 2);
	bits = bits_of_float(float_of((uint32_t)(half & 0x7fff) << 13) * 0x1p112f);
	bits |= (half & 0x7c00) == 0x7c00 ? (uint32_t)0x7f800000 : 0;
	bits |= (uint32_t)(half & 0x8000) << 16;
	return float_of(bits);
}

static inline uint32_t
f16_code(float value)
{
	uint32_t bits = bits_of_float(value), magnitude = bits & 0x7fffffff;
	/* Infinity comes out right by itself; a NaN becomes the canonical one. */
	uint32_t code = bits_of_float(float_of(magnitude) * 0x1p-112f) >> 13;

	return (magnitude > 0x7f800000 ? 0x7e00 : code & 0x7fff) | bits >> 31 << 15;
}

DEFINE_DECODE(f16, f16_at(stored, first + i))
/*
 * Elements are words first and then made shorter, a few at a time: gcc would otherwise compute in the shorter
 * type, with more steps.
 */
#define DEFINE_ENCODE_F16_AS(name, type)                                              \
	HOT static void name(const type *values, size_t count, unsigned char *target) \
	{                                                                             \
		uint32_t codes[64];                                                   \
                                                                                      \
		for (size_t done = 0, length; done < count; done += length) {         \
			length = count - done < 64 ? count - done : 64;               \
			for (size_t i = 0; i < length; i++)                           \
				codes[i] = f16_code((float)values[done + i]);         \
			for (size_t i = 0; i < length; i++) {                         \
				uint16_t half = (uint16_t)codes[i];                   \
                                                                                      \
				memcpy(target + 2 * (done + i), &half, 2);            \
			}                                                             \
		}                                                                     \
	}

DEFINE_ENCODE_F16_AS(encode_f16, double)
DEFINE_ENCODE_F16_AS(encode_f16_floats, float)

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

DEFINE_DECODE(f8_e4m3, value_of(E4M3, code_at(stored, first + i, 8)))
DEFINE_DECODE(f8_e5m2, value_of(E5M2, code_at(stored, first + i, 8)))
DEFINE_DECODE(f8_e4m3fnuz, value_of(E4M3FNUZ, code_at(stored, first + i, 8)))
DEFINE_DECODE(f8_e5m2fnuz, value_of(E5M2FNUZ, code_at(stored, first + i, 8)))
DEFINE_DECODE(f6_e2m3, value_of(E2M3, code_at(stored, first + i, 6)))
DEFINE_DECODE(f6_e3m2, value_of(E3M2, code_at(stored, first + i, 6)))
DEFINE_DECODE(f4, value_of(E2M1, code_at(stored, first + i, 4)))

/* OCP MX v1.0, section 5.4.1: a power of two, without sign or zero, and a NaN. */
static inline double
e8m0_at(const unsigned char *stored, size_t i)
{
	uint64_t code = stored[i];

	return double_of(code == 0xff ? (uint64_t)0xfff << 51 : (code + 1023 - 127) << 52);
}

DEFINE_DECODE(f8_e8m0, e8m0_at(stored, first + i))

#define DECODED(name, bits, precision, largest, smallest, decode)                               \
	{                                                                                       \
		name, bits, {precision, largest, smallest}, decode, NULL, decode##_floats, NULL \
	}

static const struct dtype_entry dtypes[DTYPE_COUNT] = {
	[DTYPE_BOOL] = {.name = "BOOL", .bits = 8},
	[DTYPE_F4] = DECODED("F4", 4, 2, 2, -1, decode_f4),
	[DTYPE_F6_E2M3] = DECODED("F6_E2M3", 6, 4, 2, -3, decode_f6_e2m3),
	[DTYPE_F6_E3M2] = DECODED("F6_E3M2", 6, 3, 4, -4, decode_f6_e3m2),
	[DTYPE_U8] = {.name = "U8", .bits = 8},
	[DTYPE_I8] = {.name = "I8", .bits = 8},
	[DTYPE_F8_E5M2] = DECODED("F8_E5M2", 8, 3, 15, -16, decode_f8_e5m2),
	[DTYPE_F8_E4M3] = DECODED("F8_E4M3", 8, 4, 8, -9, decode_f8_e4m3),
	[DTYPE_F8_E8M0] = DECODED("F8_E8M0", 8, 1, 127, -127, decode_f8_e8m0),
	[DTYPE_F8_E4M3FNUZ] = DECODED("F8_E4M3FNUZ", 8, 4, 7, -10, decode_f8_e4m3fnuz),
	[DTYPE_F8_E5M2FNUZ] = DECODED("F8_E5M2FNUZ", 8, 3, 15, -17, decode_f8_e5m2fnuz),
	[DTYPE_I16] = {.name = "I16", .bits = 16},
	[DTYPE_U16] = {.name = "U16", .bits = 16},
	[DTYPE_F16] = {"F16",
		       16,
		       {11, 15, -24},
		       decode_f16,
		       encode_f16,
		       decode_f16_floats,
		       encode_f16_floats},
	[DTYPE_BF16] = {"BF16",
			16,
			{8, 127, -133},
			decode_bf16,
			encode_bf16,
			decode_bf16_floats,
			encode_bf16_floats},
	[DTYPE_I32] = {.name = "I32", .bits = 32},
	[DTYPE_U32] = {.name = "U32", .bits = 32},
	[DTYPE_F32] = {"F32",
		       32,
		       {24, 127, -149},
		       decode_f32,
		       encode_f32,
		       decode_f32_floats,
		       encode_f32_floats},
	[DTYPE_C64] = {.name = "C64", .bits = 64},
	[DTYPE_F64] = {"F64", 64, {53, 1023, -1074}, decode_f64, encode_f64, NULL, NULL},
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
dtype_decode_floats(enum dtype dtype, const void *stored, size_t first, size_t count, float *values)
{
	dtypes[dtype].decode_floats(stored, first, count, values);
}

void
dtype_encode_floats(enum dtype dtype, const float *values, size_t count, void *target)
{
	dtypes[dtype].encode_floats(values, count, target);
}

void
dtype_encode(enum dtype dtype, const double *values, size_t count, void *target)
{
	dtypes[dtype].encode(values, count, target);
}
