#include "tally.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "vector.h"

#define LANES TALLY_LANES

/* Adds with Neumaier's compensation, so that a tensor's size does not matter. */
static void
add_compensated(double *sum, double *rest, double term)
{
	double total = *sum + term;

	*rest += fabs(*sum) >= fabs(term) ? (*sum - total) + term : (term - total) + *sum;
	*sum = total;
}

/* One block's part of a tally. */
struct block {
	double signal, noise, largest_value, largest_error;
	uint64_t underflows;
};

/* One element for each lane, in the compilers' own vector types: arrays of sums would not stay in
 * registers. A comparison gives all ones where it holds. */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t lane_bits __attribute__((vector_size(LANES * sizeof(double))));
typedef uint64_t lane_counts __attribute__((vector_size(LANES * sizeof(double))));

/* Macros, since a function of vectors has another calling convention on every processor. */
#define MAGNITUDE(x)	   ((lanes)((lane_bits)(x)&INT64_MAX))
#define SELECT(mask, x, y) ((lanes)(((mask) & (lane_bits)(x)) | (~(mask) & (lane_bits)(y))))
/* 1 where a magnitude is zero: only then does taking 1 from its bits borrow. gcc makes single steps
 * of the comparisons that would say the same. */
#define IS_ZERO(x) (((lane_counts)(x)-1) >> 63)

/*
 * The sums of a block. If anything in it is not finite, neither is the sum of the two sums, and then
 * the largest error and value say nothing.
 */
HOT static struct block
sum_block(const double *values, const double *casts, size_t count, double value_scale,
	  double error_scale)
{
	lanes signal = {0}, noise = {0}, largest_value = {0}, largest_error = {0};
	lane_counts underflows = {0};
	struct block block = {0};

	for (size_t i = 0; i < count; i += LANES) {
		lanes value, cast, error, w, e;

		memcpy(&value, values + i, sizeof(value));
		memcpy(&cast, casts + i, sizeof(cast));
		value = MAGNITUDE(value);
		cast = MAGNITUDE(cast);
		error = MAGNITUDE(value - cast);
		w = value * value_scale;
		e = error * error_scale;
		signal += w * w;
		noise += e * e;
		largest_value = SELECT(value > largest_value, value, largest_value);
		largest_error = SELECT(error > largest_error, error, largest_error);
		underflows += IS_ZERO(cast) & (IS_ZERO(value) ^ 1);
	}
	for (size_t lane = 0; lane < LANES; lane++) {
		block.signal += signal[lane];
		block.noise += noise[lane];
		block.largest_value = fmax(block.largest_value, largest_value[lane]);
		block.largest_error = fmax(block.largest_error, largest_error[lane]);
		block.underflows += underflows[lane];
	}
	return block;
}

/* A copy of a block that sum_block() can do: what is not finite counted and made zero. */
static void
remove_not_finite(struct tally *tally, const double *values, const double *casts, size_t count,
		  double *finite_values, double *finite_casts)
{
	for (size_t i = 0; i < count; i++) {
		bool value_is_finite = fabs(values[i]) <= DBL_MAX;
		bool cast_is_finite = fabs(casts[i]) <= DBL_MAX;

		finite_values[i] = value_is_finite ? values[i] : 0;
		/* An overflow counts as one, and its value as signal without an error. */
		finite_casts[i] = cast_is_finite ? casts[i] : finite_values[i];
		tally->not_finite += !value_is_finite;
		tally->overflows += value_is_finite && !cast_is_finite;
	}
	if (tally->overflows)
		tally->largest_error = INFINITY;
}

void
tally_block(struct tally *tally, const double *values, const double *casts, size_t count,
	    double value_scale, double error_scale)
{
	struct block block = sum_block(values, casts, count, value_scale, error_scale);

	if (!(block.signal + block.noise <= DBL_MAX)) {
		double finite_values[TALLY_BLOCK], finite_casts[TALLY_BLOCK];

		remove_not_finite(tally, values, casts, count, finite_values, finite_casts);
		block = sum_block(finite_values, finite_casts, count, value_scale, error_scale);
	}
	add_compensated(&tally->signal, &tally->signal_rest, block.signal);
	add_compensated(&tally->noise, &tally->noise_rest, block.noise);
	tally->largest_value = fmax(tally->largest_value, block.largest_value);
	tally->largest_error = fmax(tally->largest_error, block.largest_error);
	tally->underflows += block.underflows;
}
