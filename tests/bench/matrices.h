/* The different matrices of a tensor stream, for programs that time linear algebra on them. */
#ifndef MATRICES_H
#define MATRICES_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"

struct matrix {
	void *elements;	  /* as the program keeps them, and its own */
	enum dtype dtype; /* in the stream */
	size_t rows, columns;
	uint64_t hash;
	unsigned times; /* that it came */
};

#define MAX_MATRICES 4096

/* A zeroed struct is empty. */
struct matrices {
	struct matrix list[MAX_MATRICES];
	size_t count, most_elements, largest_side; /* the last: of the smaller sides */
};

/* Gives the elements of a matrix as the program keeps them; the payload is only lent. */
typedef void *matrices_keep(const struct frame *frame, const void *payload);

/*
 * Reads a stream to its end, and adds each matrix once, to judge by shape and hash: kept by keep() when it
 * first comes, counted when it comes again. Ends the program if the stream is bad.
 */
void matrices_load(struct matrices *matrices, const char *path, matrices_keep *keep);

size_t matrix_smaller_side(const struct matrix *matrix);

#endif
