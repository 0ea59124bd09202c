/*
 * Random numbers that are the same on every machine, in as many independent streams as one wants.
 *
 * The generator is Philox4x32-10 of J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011: a keyed bijection of a 128-bit counter. The seed is
 * the key; the counter is a stream's number and the place in the stream, so no two streams meet.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Blocks made at a time, for the vector units; each yields two words of 64 bits. */
enum { RANDOM_BLOCKS = 64 };

struct random {
	uint64_t seed, stream;
	uint64_t block; /* the next to be made */
	size_t used;	/* of the words */
	uint64_t words[2 * RANDOM_BLOCKS];
};

/* Starts a stream; there is nothing to free. */
void random_begin(struct random *random, uint64_t seed, uint64_t stream);

/* One block of the generator: its four output words for a counter and a key. */
void random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t output[4]);

/* 64 random bits. */
uint64_t random_bits(struct random *random);

/* An integer below a bound of 1 to 2^32. Some are likelier than others by at most bound / 2^32. */
uint64_t random_below(struct random *random, uint64_t bound);

/* A point of the unit disc, its centre excluded; returns the square of its radius. */
double random_disc(struct random *random, double *x, double *y);

/* A rotation by an angle uniform on the circle, as its cosine and sine. */
void random_angle(struct random *random, double *cosine, double *sine);

/*
 * Independent standard normal values. They come in pairs: an odd count throws one away, so asking
 * for 1 and then 2 is not asking for 3.
 */
void random_gaussian(struct random *random, double *values, size_t count);

#endif
