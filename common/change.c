#include "change.h"

#include <math.h>

/* Sums over layers. */
struct sums {
	double bits, weights, squares, moves;
};

static void
add_layer(struct change *change, struct sums *sums, const struct fitted_layer *layer,
	  size_t precision, size_t reference)
{
	const struct fit *fit = &layer->fits[precision];
	double move = fabs(fit->alpha - layer->fits[reference].alpha);

	sums->bits += fit->cast_bits * (double)layer->elements;
	sums->weights += (double)layer->elements;
	sums->squares += fit->cast_rel_err * fit->cast_rel_err;
	sums->moves += move;
	if (!change->layer || move > change->largest) {
		change->layer = layer;
		change->largest = move;
	}
	change->count++;
}

struct change
change_of(const struct fitted_layer *const *layers, size_t count, size_t precision,
	  size_t reference)
{
	struct change change = {.largest = NAN};
	struct sums sums = {0};

	for (size_t i = 0; i < count; i++)
		if (fit_is_estimate(&layers[i]->fits[precision]) &&
		    fit_is_estimate(&layers[i]->fits[reference]))
			add_layer(&change, &sums, layers[i], precision, reference);
	change.bits = sums.bits / sums.weights;
	change.rel_err = sqrt(sums.squares / (double)change.count);
	/* 0 minus it, so that an error of 1 is 0 dB and not -0. */
	change.sqnr_db = 0 - 20 * log10(change.rel_err);
	change.mean = sums.moves / (double)change.count;
	return change;
}
