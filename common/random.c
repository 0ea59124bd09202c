#include "random.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "portable_math.h"
#include "vector.h"

/* The constants of Philox4x32, as in the authors' Random123 library, philox.h. */
#define MULTIPLIER_0 0xd2511f53u
#define MULTIPLIER_2 0xcd9e8d57u
#define INCREMENT_0  0x9e3779b9u
#define INCREMENT_1  0xbb67ae85u
#define ROUNDS	     10

/* Pairs of normal values made at a time: loops long enough for the vector units, and in cache. */
#define BATCH 256

/*
 * The bijection on count counters, word by word, in place. The loop over the counters is the inner
 * one, so that the vector units take several at once.
 */
HOT static void
philox(uint32_t words[4][RANDOM_BLOCKS], const uint32_t key[2], size_t count)
{
	uint32_t key_0 = key[0], key_1 = key[1];

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < count; i++) {
			uint64_t product_0 = (uint64_t)MULTIPLIER_0 * words[0][i];
			uint64_t product_2 = (uint64_t)MULTIPLIER_2 * words[2][i];

			words[0][i] = (uint32_t)(product_2 >> 32) ^ words[1][i] ^ key_0;
			words[1][i] = (uint32_t)product_2;
			words[2][i] = (uint32_t)(product_0 >> 32) ^ words[3][i] ^ key_1;
			words[3][i] = (uint32_t)product_0;
		}
		key_0 += INCREMENT_0;
		key_1 += INCREMENT_1;
	}
}

void
random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t output[4])
{
	uint32_t words[4][RANDOM_BLOCKS];

	for (size_t i = 0; i < 4; i++)
		words[i][0] = counter[i];
	philox(words, key, 1);
	for (size_t i = 0; i < 4; i++)
		output[i] = words[i][0];
}

void
random_begin(struct random *random, uint64_t seed, uint64_t stream)
{
	random->seed = seed;
	random->stream = stream;
	random->block = 0;
	random->used = 2 * RANDOM_BLOCKS;
}

static void
refill(struct random *random)
{
	uint32_t key[2] = {(uint32_t)random->seed, (uint32_t)(random->seed >> 32)};
	uint32_t words[4][RANDOM_BLOCKS];

	for (size_t i = 0; i < RANDOM_BLOCKS; i++) {
		uint64_t block = random->block + i;

		words[0][i] = (uint32_t)block;
		words[1][i] = (uint32_t)(block >> 32);
		words[2][i] = (uint32_t)random->stream;
		words[3][i] = (uint32_t)(random->stream >> 32);
	}
	philox(words, key, RANDOM_BLOCKS);
	for (size_t i = 0; i < RANDOM_BLOCKS; i++) {
		random->words[2 * i] = words[0][i] | (uint64_t)words[1][i] << 32;
		random->words[2 * i + 1] = words[2][i] | (uint64_t)words[3][i] << 32;
	}
	random->block += RANDOM_BLOCKS;
	random->used = 0;
}

uint64_t
random_bits(struct random *random)
{
	if (random->used == 2 * RANDOM_BLOCKS)
		refill(random);
	return random->words[random->used++];
}

uint64_t
random_below(struct random *random, uint64_t bound)
{
	return (random_bits(random) >> 32) * bound >> 32;
}

/* A multiple of 2^-52 in [-1, 1); every step is exact. */
static double
random_signed(struct random *random)
{
	return (double)(random_bits(random) >> 11) * 0x1p-52 - 1;
}

static bool
is_in_disc(double square)
{
	return (square < 1) & (square > 0);
}

double
random_disc(struct random *random, double *x, double *y)
{
	double square;

	do {
		*x = random_signed(random);
		*y = random_signed(random);
		square = *x * *x + *y * *y;
	} while (!is_in_disc(square));
	return square;
}

/* The direction of a point of the disc is uniform: no sine, no cosine, no pi. */
void
random_angle(struct random *random, double *cosine, double *sine)
{
	double x, y;
	double radius = sqrt(random_disc(random, &x, &y));

	*cosine = x / radius;
	*sine = y / radius;
}

/* Fills count points of the disc and the squares of their radii. */
static void
collect_points(struct random *random, double *x, double *y, double *square, size_t count)
{
	size_t i = 0;

	/* A rejected point is overwritten by the next: there is no branch to mispredict. */
	while (i < count) {
		x[i] = random_signed(random);
		y[i] = random_signed(random);
		square[i] = x[i] * x[i] + y[i] * y[i];
		i += is_in_disc(square[i]);
	}
}

/* The polar method: G. Marsaglia, T. A. Bray, SIAM Review 6 (1964) 260. */
HOT static void
polar_method(double *values, const double *x, const double *y, const double *square,
	     const double *logarithm, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double factor = sqrt(-2 * logarithm[i] / square[i]);

		values[2 * i] = x[i] * factor;
		values[2 * i + 1] = y[i] * factor;
	}
}

void
random_gaussian(struct random *random, double *values, size_t count)
{
	double x[BATCH], y[BATCH], square[BATCH], logarithm[BATCH], pairs[2 * BATCH];

	for (size_t done = 0; done < count; done += 2 * BATCH) {
		size_t wanted = count - done < 2 * BATCH ? count - done : 2 * BATCH;
		size_t points = (wanted + 1) / 2;

		collect_points(random, x, y, square, points);
		memcpy(logarithm, square, points * sizeof(*square));
		portable_log_all(logarithm, points);
		polar_method(pairs, x, y, square, logarithm, points);
		memcpy(values + done, pairs, wanted * sizeof(*values));
	}
}
