/*
 * How far casts are from what was cast: sums of squares and counts over a tensor, block by block.
 *
 * The sums do not depend on the width of the processor's vectors: elements go to a fixed number of
 * lanes in turn.
 */
#ifndef TALLY_H
#define TALLY_H

#include <stddef.h>
#include <stdint.h>

#define TALLY_LANES 16
/* The most elements of a block. */
#define TALLY_BLOCK 1024

/* To be zeroed before the first block. */
struct tally {
	double signal, noise;		/* sums of squares of finite values and of their errors */
	double signal_rest, noise_rest; /* what rounding took from the two sums */
	double largest_value, largest_error; /* the first of doubles only */
	uint64_t overflows;  /* finite values whose cast is not; their errors are infinite */
	uint64_t underflows; /* values that are not zero and whose cast is */
	uint64_t not_finite; /* values */
	uint64_t changes;    /* values that are not finite and whose cast is another */
};

/* Adds a block of values and their casts. */
void tally_floats(struct tally *tally, const float *values, const float *casts, size_t count);

/*
 * The same for values whose squares may leave the range of double. Values and errors are multiplied by
 * the scales, powers of two, before they are squared; largest_value and largest_error are not scaled.
 */
void tally_doubles(struct tally *tally, const double *values, const double *casts, size_t count,
		   double value_scale, double error_scale);

/* Adds what another tally has. */
void tally_add(struct tally *tally, const struct tally *other);

#endif
