/*
 * Element types as safetensors stores them: names, sizes, and exact conversion to and from double.
 *
 * Which values a number format may take is the matter of format.h; this is only how values lie in
 * memory, little-endian.
 */
#ifndef DTYPE_H
#define DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All types of the safetensors specification (safetensors README, "Format"). */
enum dtype {
	DTYPE_BOOL,
	DTYPE_F4,
	DTYPE_F6_E2M3,
	DTYPE_F6_E3M2,
	DTYPE_U8,
	DTYPE_I8,
	DTYPE_F8_E5M2,
	DTYPE_F8_E4M3,
	DTYPE_F8_E8M0,
	DTYPE_F8_E4M3FNUZ,
	DTYPE_F8_E5M2FNUZ,
	DTYPE_I16,
	DTYPE_U16,
	DTYPE_F16,
	DTYPE_BF16,
	DTYPE_I32,
	DTYPE_U32,
	DTYPE_F32,
	DTYPE_C64,
	DTYPE_F64,
	DTYPE_I64,
	DTYPE_U64,
	DTYPE_COUNT
};

/* The name in a header, such as "BF16". */
const char *dtype_name(enum dtype dtype);

/* The type of a name; false when there is none. */
bool dtype_from_name(const char *name, enum dtype *dtype);

/* Bits of one element: 4, 6, 8, 16, 32 or 64. */
unsigned dtype_bits(enum dtype dtype);

/*
 * Bytes of count elements. False when the product overflows or, for types below a byte, does not
 * fill its last byte.
 */
bool dtype_bytes(enum dtype dtype, uint64_t count, uint64_t *bytes);

/* Whether dtype_decode() knows the type: all of real floating point. */
bool dtype_is_decodable(enum dtype dtype);

/* Whether dtype_encode() knows the type: F64, F32, F16 and BF16. Each can also be decoded. */
bool dtype_is_encodable(enum dtype dtype);

/*
 * What values a binary floating-point type has: significands of `precision` bits, the hidden one
 * counted; powers of two up to 2^largest_exponent; smallest positive value 2^smallest_exponent.
 */
struct float_shape {
	int precision, largest_exponent, smallest_exponent;
};

/* The smallest shape that has all finite values of a decodable type: E4M3 ends at 448, short of 480. */
struct float_shape dtype_shape(enum dtype dtype);

/* Whether every value of shape narrow is also one of shape wide. */
bool float_shape_holds(struct float_shape wide, struct float_shape narrow);

/*
 * Converts count elements, from number first on, of those that are stored, without any alignment, to
 * double. Exact, as double holds every value of these types; a NaN stays some NaN. The type must be
 * decodable. No byte is read that has no bit of these elements.
 *
 * Elements below a byte lie one after the other as a string of bits, the first in the lowest bits of
 * the first byte, and an element's lowest bit first. For F4 that is the layout of torch's
 * float4_e2m1fn_x2, which safetensors stores as it is. For F6 no specification says a layout, and
 * this is the little-endian one.
 */
void dtype_decode(enum dtype dtype, const void *stored, size_t first, size_t count, double *values);

/* The same for float, which holds every value of a decodable type but F64. */
void dtype_decode_floats(enum dtype dtype, const void *stored, size_t first, size_t count,
			 float *values);

/*
 * Stores count values that the type can hold exactly; others are rounded somehow, so round before.
 * A NaN becomes a quiet NaN of its sign: the canonical one in F16, one with the upper bits of its
 * payload in the others. The type must be encodable.
 */
void dtype_encode(enum dtype dtype, const double *values, size_t count, void *target);

/* The same for values of float, and types other than F64. */
void dtype_encode_floats(enum dtype dtype, const float *values, size_t count, void *target);

#endif
