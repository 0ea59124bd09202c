/* Shuffled matrices hold the same elements, in an order that the seed and the shape alone decide. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shuffle.h"
#include "tap.h"

enum { ROWS = 6, COLUMNS = 5, COUNT = ROWS * COLUMNS };

/* The elements 0, 1, 2, ... after shuffling, for types of one value a byte or more. */
static void
shuffle_numbers(enum dtype dtype, size_t rows, uint64_t seed, double *found)
{
	double values[COUNT];
	void *weights = malloc(sizeof(values));

	for (unsigned i = 0; i < COUNT; i++)
		values[i] = i;
	dtype_encode(dtype, values, COUNT, weights);
	weights = shuffle_weights(weights, &dtype, rows, COUNT / rows, seed);
	dtype_decode(dtype, weights, 0, COUNT, found);
	free(weights);
}

static bool
is_permutation(const double *found)
{
	unsigned seen[COUNT] = {0};
	bool passed = true;

	for (unsigned i = 0; i < COUNT; i++)
		seen[(unsigned)found[i] % COUNT]++;
	for (unsigned i = 0; i < COUNT; i++)
		passed &= seen[i] == 1;
	return passed;
}

static void
check_orders(void)
{
	double first[COUNT], again[COUNT], other[COUNT], shape[COUNT], half[COUNT];

	shuffle_numbers(DTYPE_F64, ROWS, 7, first);
	shuffle_numbers(DTYPE_F64, ROWS, 7, again);
	shuffle_numbers(DTYPE_F64, ROWS, 8, other);
	shuffle_numbers(DTYPE_F64, COLUMNS, 7, shape);
	shuffle_numbers(DTYPE_BF16, ROWS, 7, half);
	tap(is_permutation(first) && is_permutation(other) && is_permutation(shape),
	    "the elements stay");
	tap(!memcmp(first, again, sizeof(first)), "a seed gives the same order again");
	tap(memcmp(first, other, sizeof(first)) != 0, "another seed gives another");
	tap(memcmp(first, shape, sizeof(first)) != 0, "another shape gives another");
	tap(!memcmp(first, half, sizeof(first)), "all types are shuffled alike");
}

/* Each element comes to each place in one of COUNT cases: chi-square with (COUNT - 1)^2 degrees of freedom. */
static void
check_uniform(void)
{
	enum { SEEDS = 3000 };
	static unsigned counts[COUNT][COUNT];
	double found[COUNT], chi = 0, expected = (double)SEEDS / COUNT;
	double degrees = (COUNT - 1) * (COUNT - 1);

	for (unsigned seed = 0; seed < SEEDS; seed++) {
		shuffle_numbers(DTYPE_F32, ROWS, seed, found);
		for (unsigned i = 0; i < COUNT; i++)
			counts[i][(unsigned)found[i]]++;
	}
	for (unsigned i = 0; i < COUNT; i++)
		for (unsigned j = 0; j < COUNT; j++)
			chi += (counts[i][j] - expected) * (counts[i][j] - expected) / expected;
	tap(fabs(chi - degrees) < 5 * sqrt(2 * degrees), "every place is as likely: %.0f for %.0f",
	    chi, degrees);
}

/* Two 4-bit values a byte: 0 to 15 by their bits, of which eight are negative. */
static void
check_below_a_byte(void)
{
	enum dtype dtype = DTYPE_F4;
	unsigned char *packed = malloc(8);
	double before[16], after[16], sum = 0, squares = 0;
	void *weights;

	for (unsigned i = 0; i < 8; i++)
		packed[i] = (unsigned char)(2 * i | (2 * i + 1) << 4);
	dtype_decode(dtype, packed, 0, 16, before);
	weights = shuffle_weights(packed, &dtype, 4, 4, 1);
	memcpy(after, weights, sizeof(after));
	for (unsigned i = 0; i < 16; i++) {
		sum += after[i] - before[i];
		squares += after[i] * after[i] - before[i] * before[i];
	}
	tap(dtype == DTYPE_F64 && sum == 0 && squares == 0 &&
		    memcmp(before, after, sizeof(after)) != 0,
	    "types below a byte become float64");
	free(weights);
}

int
main(void)
{
	check_orders();
	check_uniform();
	check_below_a_byte();
	return tap_done();
}
