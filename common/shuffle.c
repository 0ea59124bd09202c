#include "shuffle.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

/* The elements as double, which places of their own need; weights are freed. */
static void *
decode_all(void *weights, enum dtype dtype, size_t count)
{
	double *values = xcalloc(count, sizeof(*values));

	dtype_decode(dtype, weights, 0, count, values);
	free(weights);
	return values;
}

static void
exchange(unsigned char *a, unsigned char *b, size_t size)
{
	unsigned char kept[8];

	memcpy(kept, a, size);
	memmove(a, b, size);
	memcpy(b, kept, size);
}

void *
shuffle_weights(void *weights, enum dtype *dtype, size_t rows, size_t columns, uint64_t seed)
{
	size_t size = dtype_bits(*dtype) / 8, count = rows * columns;
	struct random random;
	unsigned char *bytes;

	if (dtype_bits(*dtype) % 8) {
		weights = decode_all(weights, *dtype, count);
		*dtype = DTYPE_F64;
		size = sizeof(double);
	}
	bytes = weights;
	/* A matrix that fills memory has no side of 2^32 unless the other is short. */
	random_begin(&random, seed, (uint64_t)rows << 32 ^ columns);
	for (size_t left = count; left > 1; left--)
		exchange(bytes + (left - 1) * size, bytes + random_bits(&random) % left * size,
			 size);
	return weights;
}
