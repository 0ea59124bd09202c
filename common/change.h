/* What casting to one precision costs, and how far it moves alpha: over layers of a model. */
#ifndef CHANGE_H
#define CHANGE_H

#include <stddef.h>

#include "alpha_table.h"

/* nan where nothing is known. */
struct change {
	size_t count; /* of layers with an estimate in both precisions */
	double bits;  /* for each weight: all of the layers' together by the number of weights */
	/* The root mean square of the casts' relative errors, and that in decibel. */
	double rel_err, sqnr_db;
	double mean, largest;		  /* of |alpha - alpha_reference| */
	const struct fitted_layer *layer; /* the one with the largest; null if none */
};

/*
 * The change of so many layers, from the precision of number reference to that of number precision. A layer
 * without an estimate in both has no part in it.
 */
struct change change_of(const struct fitted_layer *const *layers, size_t count, size_t precision,
			size_t reference);

#endif
