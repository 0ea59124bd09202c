/*
 * Quantised checkpoints: the tensors that a quantiser has made of a weight, replaced by the weight that
 * they stand for.
 *
 * A quantised weight is several tensors of one module, such as qweight, qzeros and scales. Their names and
 * types, and quantization_config in config.json, tell the family that they are of: one file of
 * quantised_*.c each, which is an entry in the table of quantised.c. Everything in them is untrusted.
 */
#ifndef QUANTISED_H
#define QUANTISED_H

#include "model.h"

/*
 * Adds to a model, whose tensors and configurations are read, a derived tensor for each quantised
 * weight; one whose name is that of a part takes that part's place. The (other) parts get `part_of`. What
 * is quantised, but in a way that is not known, or that contradicts itself, gets `unreadable`. Returns 0,
 * or -1 if reading fails.
 */
int quantised_derive(struct model *model, struct failure *failure);

#endif
