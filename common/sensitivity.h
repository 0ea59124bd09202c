/* How alpha of one layer varies over the precisions that its weights were cast to. */
#ifndef SENSITIVITY_H
#define SENSITIVITY_H

#include <stdbool.h>
#include <stddef.h>

#include "alpha_table.h"

/*
 * Over the precisions in which the layer has an estimate (fit_is_estimate). nan where there are too few.
 */
struct sensitivity {
	size_t count; /* of precisions with an estimate */
	double mean, min, max, range;
	double std; /* of the sample: divided by count - 1 */
	double cv;  /* std / mean */
	/* The largest difference from the reference, alpha - alpha_reference with its sign; which
	 * precision has it (the first, if several); the sum of the two alpha_err; and whether the
	 * difference exceeds that, and so is more than numerical error. nan and the count of all
	 * precisions, if there is none to compare with the reference. */
	double delta, delta_err;
	size_t precision;
	bool resolved;
};

/* reference is the number of a precision, or precision_count for none. */
struct sensitivity sensitivity_of(const struct fitted_layer *layer, size_t precision_count,
				  size_t reference);

#endif
