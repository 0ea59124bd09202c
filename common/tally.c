#include "tally.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "vector.h"

/* Adds with Neumaier's compensation, so that a tensor's size does not matter. */
static void
add_compensated(double *sum, double *rest, double term)
{
	double total = *sum + term;

	*rest += fabs(*sum) >= fabs(term) ? (*sum - total) + term : (term - total) + *sum;
	*sum = total;
}

static inline double
larger(double a, double b)
{
	return a > b ? a : b;
}

/* One block's part of a tally. */
struct block {
	double signal, noise, largest_value, largest_error;
	uint64_t underflows;
};

/*
 * One element for each lane, in the compilers' own vector types: arrays of sums would not stay in
 * registers. A comparison gives all ones where it holds.
 */
#define LANES TALLY_LANES
#define HALF  (LANES / 2)
typedef float float_lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef uint32_t lane_counts __attribute__((vector_size(LANES * sizeof(float))));
typedef double lanes __attribute__((vector_size(HALF * sizeof(double))));
typedef int64_t lane_bits __attribute__((vector_size(HALF * sizeof(double))));
/* As many floats as fill a register have to be converted at once for gcc to make one step of each half
 * of them. */
typedef double all_lanes __attribute__((vector_size(LANES * sizeof(double))));

/* Macros, since a function of vectors has another calling convention on every processor. */
#define LOWER_HALF(x)	   __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7)
#define UPPER_HALF(x)	   __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)
#define SELECT(mask, x, y) ((lanes)(((mask) & (lane_bits)(x)) | (~(mask) & (lane_bits)(y))))
/* 1 where a float is zero, of either sign: only then does taking 1 from its bits borrow. gcc makes
 * single steps of the comparisons that would say the same. */
#define IS_ZERO(x) ((((lane_counts)(x)&INT32_MAX) - 1) >> 31)

/* What half of the lanes sum up. */
struct sums {
	lanes signal, noise, largest;
};

/* Adds values and errors, which it squares. */
#define ADD(sums, w, e)                                                           \
	do {                                                                      \
		lanes w_ = (w) * (w), e_ = (e) * (e);                             \
		(sums).signal += w_;                                              \
		(sums).noise += e_;                                               \
		(sums).largest = SELECT(e_ > (sums).largest, e_, (sums).largest); \
	} while (0)

static void
add_sums(struct block *block, const struct sums *sums)
{
	for (size_t lane = 0; lane < HALF; lane++) {
		block->signal += sums->signal[lane];
		block->noise += sums->noise[lane];
		block->largest_error = larger(block->largest_error, sums->largest[lane]);
	}
}

/*
 * The sums of a block. If anything in it is not finite, neither is the sum of the two sums, and then
 * the largest error says nothing. Squares of floats and of their differences are in the range of double,
 * so the root of the largest square is the largest error itself.
 */
HOT static struct block
sum_floats(const float *values, const float *casts, size_t count)
{
	struct sums lower = {0}, upper = {0};
	lane_counts underflows = {0};
	struct block block = {0};

	for (size_t i = 0; i < count; i += LANES) {
		float_lanes value, cast;
		all_lanes w, e;

		memcpy(&value, values + i, sizeof(value));
		memcpy(&cast, casts + i, sizeof(cast));
		underflows += IS_ZERO(cast) & (IS_ZERO(value) ^ 1);
		w = __builtin_convertvector(value, all_lanes);
		e = w - __builtin_convertvector(cast, all_lanes);
		ADD(lower, LOWER_HALF(w), LOWER_HALF(e));
		ADD(upper, UPPER_HALF(w), UPPER_HALF(e));
	}
	add_sums(&block, &lower);
	add_sums(&block, &upper);
	for (size_t lane = 0; lane < LANES; lane++)
		block.underflows += underflows[lane];
	block.largest_error = sqrt(block.largest_error);
	return block;
}

/* The same for doubles. They are rare, so this need not be fast. */
static struct block
sum_doubles(const double *values, const double *casts, size_t count, double value_scale,
	    double error_scale)
{
	double signal[LANES] = {0}, noise[LANES] = {0};
	struct block block = {0};

	for (size_t i = 0; i < count; i++) {
		double value = fabs(values[i]), error = fabs(values[i] - casts[i]);
		double w = value * value_scale, e = error * error_scale;

		signal[i % LANES] += w * w;
		noise[i % LANES] += e * e;
		block.largest_value = larger(block.largest_value, value);
		block.largest_error = larger(block.largest_error, error);
		block.underflows += casts[i] == 0 && value != 0;
	}
	for (size_t lane = 0; lane < LANES; lane++) {
		block.signal += signal[lane];
		block.noise += noise[lane];
	}
	return block;
}

/* A copy of a block that sum_doubles() can do: what is not finite counted and made zero. */
static void
remove_not_finite(struct tally *tally, const double *values, const double *casts, size_t count,
		  double *finite_values, double *finite_casts)
{
	for (size_t i = 0; i < count; i++) {
		bool value_is_finite = fabs(values[i]) <= DBL_MAX;
		bool cast_is_finite = fabs(casts[i]) <= DBL_MAX;
		bool are_nan = isnan(values[i]) && isnan(casts[i]);

		finite_values[i] = value_is_finite ? values[i] : 0;
		/* An overflow counts as one, and its value as signal without an error. */
		finite_casts[i] = value_is_finite && cast_is_finite ? casts[i] : finite_values[i];
		tally->not_finite += !value_is_finite;
		tally->overflows += value_is_finite && !cast_is_finite;
		tally->changes += !value_is_finite && !are_nan && values[i] != casts[i];
	}
	if (tally->overflows)
		tally->largest_error = INFINITY;
}

static void
add_block(struct tally *tally, struct block block)
{
	add_compensated(&tally->signal, &tally->signal_rest, block.signal);
	add_compensated(&tally->noise, &tally->noise_rest, block.noise);
	tally->largest_value = larger(tally->largest_value, block.largest_value);
	tally->largest_error = larger(tally->largest_error, block.largest_error);
	tally->underflows += block.underflows;
}

void
tally_doubles(struct tally *tally, const double *values, const double *casts, size_t count,
	      double value_scale, double error_scale)
{
	struct block block = sum_doubles(values, casts, count, value_scale, error_scale);

	if (!(block.signal + block.noise <= DBL_MAX)) {
		double finite_values[TALLY_BLOCK], finite_casts[TALLY_BLOCK];

		remove_not_finite(tally, values, casts, count, finite_values, finite_casts);
		block = sum_doubles(finite_values, finite_casts, count, value_scale, error_scale);
	}
	add_block(tally, block);
}

/* Adds floats, a multiple of LANES. */
static void
add_floats(struct tally *tally, const float *values, const float *casts, size_t count)
{
	struct block block = sum_floats(values, casts, count);

	if (!(block.signal + block.noise <= DBL_MAX)) {
		double wide_values[TALLY_BLOCK], wide_casts[TALLY_BLOCK];

		for (size_t i = 0; i < count; i++) {
			wide_values[i] = (double)values[i];
			wide_casts[i] = (double)casts[i];
		}
		tally_doubles(tally, wide_values, wide_casts, count, 1, 1);
		return;
	}
	add_block(tally, block);
}

void
tally_floats(struct tally *tally, const float *values, const float *casts, size_t count)
{
	float last_values[LANES] = {0}, last_casts[LANES] = {0};
	size_t whole = count / LANES * LANES;

	add_floats(tally, values, casts, whole);
	if (whole == count)
		return;
	memcpy(last_values, values + whole, (count - whole) * sizeof(float));
	memcpy(last_casts, casts + whole, (count - whole) * sizeof(float));
	add_floats(tally, last_values, last_casts, LANES);
}

void
tally_add(struct tally *tally, const struct tally *other)
{
	add_compensated(&tally->signal, &tally->signal_rest, other->signal);
	add_compensated(&tally->noise, &tally->noise_rest, other->noise);
	tally->signal_rest += other->signal_rest;
	tally->noise_rest += other->noise_rest;
	tally->largest_value = larger(tally->largest_value, other->largest_value);
	tally->largest_error = larger(tally->largest_error, other->largest_error);
	tally->overflows += other->overflows;
	tally->underflows += other->underflows;
	tally->not_finite += other->not_finite;
	tally->changes += other->changes;
}
