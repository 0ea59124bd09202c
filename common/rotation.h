/*
 * Random orthogonal matrices as products of sparse rotations, and their application.
 *
 * This is Kac's walk with all coordinates moving at once (M. Kac, "Foundations of kinetic theory",
 * Third Berkeley Symposium, 1956): a stage pairs the coordinates at random, and turns each pair by
 * a random angle. It costs O(n log n) for a vector where a dense factor costs O(n^2), and gives
 * factors that look dense for every dimension.
 *
 * How many stages: E cos^4 = 3/8 and E cos^2 sin^2 = 1/8, so that a stage brings the expected sum
 * of the fourth powers of a vector's coordinates a quarter closer to 3/n, that of a vector uniform
 * on the sphere. As many are done as bring the excess kurtosis of what was a unit vector, n at
 * first, to 1/2 at most: about 2.4 (log2 n + 1).
 *
 * Made of + - * / and sqrt alone: the same bits everywhere.
 */
#ifndef ROTATION_H
#define ROTATION_H

#include <stddef.h>
#include <stdint.h>

#include "random.h"
#include "util.h"

/* Vectors that are rotated together: their coordinates fill one line of the cache. */
enum { ROTATION_PANEL = 8 };

struct rotation {
	uint32_t first, second; /* the coordinates that it turns into each other */
	double cosine, sine;
};

struct rotations {
	struct rotation *steps;
	size_t count;
};

/* Draws the rotations for a dimension of 1 to 2^32 - 1. Returns 0, or -1 when memory lacks. */
int rotations_draw(struct rotations *rotations, size_t dimension, struct random *random,
		   struct failure *failure);

/*
 * Multiplies ROTATION_PANEL vectors by the orthogonal matrix, in place. Coordinate i of vector j is
 * panel[ROTATION_PANEL i + j].
 */
void rotations_apply(const struct rotations *rotations, double *panel);

void rotations_free(struct rotations *rotations);

#endif
