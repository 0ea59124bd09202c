/*
 * Matrices with their elements in random order: what is left of a spectrum when all structure but the
 * values themselves is gone.
 */
#ifndef SHUFFLE_H
#define SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

#include "dtype.h"

/*
 * Puts the elements of a matrix of a decodable type into a random order: R. Durstenfeld, Communications of the
 * ACM 7 (1964) 420. Takes weights from malloc and returns them, or, for types below a byte, others in their
 * place, with *dtype made F64. The order depends on the seed and the shape alone, so that a layer's casts are
 * shuffled alike, and equal matrices stay equal. The j-th draw favours no place by more than j / 2^64 of its
 * share.
 */
void *shuffle_weights(void *weights, enum dtype *dtype, size_t rows, size_t columns, uint64_t seed);

#endif
