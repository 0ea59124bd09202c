/*
 * Tensors whose elements do not lie one after the other: element (i, j, ...) of the tensor is element
 * i·stride[0] + j·stride[1] + ... of what it lies in. Transposed and sliced tensors are so.
 */
#ifndef STRIDED_H
#define STRIDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRIDED_MAX_RANK 8

/* In as few dimensions as can be, at least one; none is of length 1 unless it is the only one. */
struct strided {
	unsigned rank;
	uint64_t shape[STRIDED_MAX_RANK], stride[STRIDED_MAX_RANK];
};

/*
 * Makes one of a shape, whose product must be below 2^64, and its strides. Sets *span to the number of
 * elements from the first to the last that it has, 0 if it is empty. Returns false if that overflows.
 */
bool strided_make(struct strided *strided, unsigned rank, const uint64_t *shape,
		  const uint64_t *stride, uint64_t *span);

/* Whether its elements lie one after the other. */
bool strided_is_contiguous(const struct strided *strided);

/* Where an element lies, given by its number in row-major order. */
uint64_t strided_place(const struct strided *strided, uint64_t number);

/* How many elements lie one after the other from one on, given by its number, at least. */
uint64_t strided_run(const struct strided *strided, uint64_t number);

/* Copies count elements of so many bytes, from a number on, in row-major order. */
void strided_gather(const struct strided *strided, size_t size, const unsigned char *from,
		    uint64_t number, size_t count, unsigned char *to);

#endif
