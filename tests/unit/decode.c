/*
 * Decoding of floating-point types of at most 8 bits, against a table of all their codes made by
 * tests/gen/golden-decode.py with ml_dtypes; what lies beside the elements decoded; exact casts.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "formats.h"
#include "tap.h"
#include "util.h"

#define CODES 256

static const enum dtype types[] = {DTYPE_F8_E4M3,     DTYPE_F8_E5M2, DTYPE_F8_E4M3FNUZ,
				   DTYPE_F8_E5M2FNUZ, DTYPE_F8_E8M0, DTYPE_F6_E2M3,
				   DTYPE_F6_E3M2,     DTYPE_F4};
#define TYPES (sizeof(types) / sizeof(*types))

/* What the codes of each type mean, by its number in the enumeration. */
static double golden[DTYPE_COUNT][CODES];

static void
read_golden(void)
{
	FILE *file = fopen("tests/golden/decode.tsv", "r");
	char line[80], name[16], value[20];
	unsigned code, count[DTYPE_COUNT] = {0}, wrong = 0;
	enum dtype dtype;

	if (!file || !fgets(line, sizeof(line), file)) {
		printf("Bail out! cannot read tests/golden/decode.tsv\n");
		exit(1);
	}
	while (fscanf(file, "%15s %2x %19s\n", name, &code, value) == 3) {
		uint64_t bits = strtoull(value, NULL, 16);

		if (!dtype_from_name(name, &dtype) || code != count[dtype]++)
			wrong++;
		else if (!strcmp(value, "nan"))
			golden[dtype][code] = NAN;
		else
			memcpy(&golden[dtype][code], &bits, sizeof(bits));
	}
	for (size_t i = 0; i < TYPES; i++)
		wrong += count[types[i]] != 1U << dtype_bits(types[i]);
	tap(!wrong && feof(file), "a table of all codes");
	fclose(file);
}

/* The same bits, or both NaN. */
static bool
is_same(double found, double wanted)
{
	return isnan(wanted) ? isnan(found) : !memcmp(&found, &wanted, sizeof(found));
}

/* Puts codes one after the other, bit by bit, the lowest first, into just as many bytes as they need. */
static unsigned char *
pack(enum dtype dtype, const unsigned *codes, size_t count)
{
	size_t bits = dtype_bits(dtype);
	unsigned char *packed = calloc((count * bits + 7) / 8 + 1, 1), *exact;

	for (size_t i = 0; i < count * bits; i++)
		if (codes[i / bits] >> i % bits & 1)
			packed[i / 8] |= (unsigned char)(1U << i % 8);
	/* A byte less than was allocated: so that AddressSanitizer sees what is read beyond. */
	exact = xmalloc((count * bits + 7) / 8);
	memcpy(exact, packed, (count * bits + 7) / 8);
	free(packed);
	return exact;
}

/* All codes at once, and each alone in memory of its own. */
static void
test_codes(enum dtype dtype)
{
	unsigned codes[CODES], count = 1U << dtype_bits(dtype), wrong = 0;
	double values[CODES], value;
	unsigned char *packed;

	for (unsigned i = 0; i < count; i++) {
		codes[i] = i;
		packed = pack(dtype, &i, 1);
		dtype_decode(dtype, packed, 0, 1, &value);
		wrong += !is_same(value, golden[dtype][i]);
		free(packed);
	}
	packed = pack(dtype, codes, count);
	dtype_decode(dtype, packed, 0, count, values);
	for (unsigned i = 0; i < count; i++)
		wrong += !is_same(values[i], golden[dtype][i]);
	free(packed);
	tap(!wrong, "%s: all codes have the values of ml_dtypes", dtype_name(dtype));
}

/* Elements from any place on, in any number, and no more. */
static void
test_places(enum dtype dtype)
{
	enum { COUNT = 75 };
	unsigned codes[COUNT], wrong = 0;
	double values[COUNT + 1];
	unsigned char *packed;

	for (unsigned i = 0; i < COUNT; i++)
		codes[i] = i * 29 % (1U << dtype_bits(dtype));
	packed = pack(dtype, codes, COUNT);
	for (size_t first = 0; first <= COUNT; first++)
		for (size_t count = 0; first + count <= COUNT; count++) {
			values[count] = 1234;
			dtype_decode(dtype, packed, first, count, values);
			for (size_t i = 0; i < count; i++)
				wrong += !is_same(values[i], golden[dtype][codes[first + i]]);
			wrong += values[count] != 1234;
		}
	free(packed);
	tap(!wrong, "%s: elements from any place on, odd ones too", dtype_name(dtype));
}

/* Torch's docblock of float4_e2m1fn_x2: the first value in the bits 0 to 3, the second in 4 to 7. */
static void
test_packing(void)
{
	static const unsigned char two[] = {0x7a}, four[] = {0x41, 0x20, 0xfc};
	double values[4];

	dtype_decode(DTYPE_F4, two, 0, 2, values);
	tap(values[0] == -1 && values[1] == 6, "F4: the first element is the lower half of a byte");
	/* 000001, 000001, 000010, 111111 from the lowest bits of 0xfc2041 on. */
	dtype_decode(DTYPE_F6_E2M3, four, 0, 4, values);
	tap(values[0] == 0.125 && values[1] == 0.125 && values[2] == 0.25 && values[3] == -7.5,
	    "F6: four elements in three bytes, from the lowest bits on");
}

/* The shape is the smallest that holds all finite values. */
static void
test_shape(enum dtype dtype)
{
	struct float_shape shape = dtype_shape(dtype), found = {1, -10000, 10000};

	for (unsigned i = 0; i < 1U << dtype_bits(dtype); i++) {
		double value = fabs(golden[dtype][i]);
		int exponent = ilogb(value), precision = 1;

		if (!isfinite(value) || value == 0)
			continue;
		while (ldexp(value, precision - 1 - exponent) !=
		       floor(ldexp(value, precision - 1 - exponent)))
			precision++;
		if (precision > found.precision)
			found.precision = precision;
		if (exponent > found.largest_exponent)
			found.largest_exponent = exponent;
		if (exponent - precision + 1 < found.smallest_exponent)
			found.smallest_exponent = exponent - precision + 1;
	}
	tap(!memcmp(&shape, &found, sizeof(shape)), "%s: its shape", dtype_name(dtype));
}

/* How casts of all codes come out. */
static void
test_casts(enum dtype dtype)
{
	static const char *const names[] = {"fp64", "fp32", "fp16", "bf16"};
	unsigned codes[CODES], count = 1U << dtype_bits(dtype), wrong = 0, not_finite = 0;
	unsigned char *packed, target[2 * CODES];

	for (unsigned i = 0; i < count; i++) {
		codes[i] = i;
		not_finite += isfinite(golden[dtype][i]) ? 0 : 1;
	}
	packed = pack(dtype, codes, count);
	for (size_t i = 0; i < 4; i++) {
		/* Powers of two from 2^-127 to 2^127: fp16 loses those up to 2^-25, half its smallest,
		 * which is a tie, and those from 2^16 on. */
		bool is_lost = dtype == DTYPE_F8_E8M0 && !strcmp(names[i], "fp16");
		struct cast cast = format_cast(format_named(names[i]), dtype, packed, 1, count,
					       target, NULL);

		wrong += cast.exact == is_lost || cast.not_finite != not_finite ||
			 cast.overflows != (is_lost ? 112 : 0) ||
			 cast.underflows != (is_lost ? 103 : 0);
	}
	free(packed);
	tap(!wrong, "%s: casts are exact where they should be", dtype_name(dtype));
}

static void
test_names(void)
{
	unsigned wrong = 0, decodable = 0, encodable = 0;

	for (int i = 0; i < DTYPE_COUNT; i++) {
		enum dtype dtype = (enum dtype)i;
		const char *name = format_name_of_dtype(dtype);

		decodable += dtype_is_decodable(dtype);
		encodable += dtype_is_encodable(dtype);
		wrong += dtype_is_decodable(dtype) != (name != NULL);
		if (dtype_is_encodable(dtype))
			wrong += format_carrier(format_named(name)) != dtype ||
				 !format_holds(format_named(name), dtype);
	}
	tap(!wrong && decodable == 12 && encodable == 4,
	    "12 types are read and have the name of a format, 4 are written");
}

int
main(void)
{
	read_golden();
	for (size_t i = 0; i < TYPES; i++) {
		test_codes(types[i]);
		test_places(types[i]);
		test_shape(types[i]);
		test_casts(types[i]);
	}
	test_packing();
	test_names();
	return tap_done();
}
