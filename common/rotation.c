#include "rotation.h"

#include <stdlib.h>
#include <string.h>

#include "vector.h"

static size_t
stages_for(size_t dimension)
{
	double excess_kurtosis = (double)dimension;
	size_t stages = 0;

	if (dimension < 2)
		return 0;
	for (; excess_kurtosis > 0.5; excess_kurtosis *= 0.75)
		stages++;
	return stages;
}

/* A random order of the coordinates: D. E. Knuth, TAOCP, section 3.4.2, algorithm P. */
static void
shuffle(uint32_t *order, size_t dimension, struct random *random)
{
	for (size_t left = dimension; left > 1; left--) {
		size_t chosen = random_below(random, left);
		uint32_t last = order[left - 1];

		order[left - 1] = order[chosen];
		order[chosen] = last;
	}
}

/* One stage: neighbours in a random order are paired. An odd one out waits for the next stage. */
static void
draw_stage(struct rotation *steps, uint32_t *order, size_t dimension, struct random *random)
{
	shuffle(order, dimension, random);
	for (size_t i = 0; i < dimension / 2; i++) {
		steps[i].first = order[2 * i];
		steps[i].second = order[2 * i + 1];
		random_angle(random, &steps[i].cosine, &steps[i].sine);
	}
}

int
rotations_draw(struct rotations *rotations, size_t dimension, struct random *random,
	       struct failure *failure)
{
	size_t stages = stages_for(dimension);
	uint32_t *order = reallocarray(NULL, dimension, sizeof(*order));

	rotations->count = stages * (dimension / 2);
	rotations->steps = reallocarray(NULL, rotations->count + 1, sizeof(*rotations->steps));
	if (!order || !rotations->steps) {
		free(order);
		rotations_free(rotations);
		return fail(failure, STATUS_RETRY, "no memory for the rotations of dimension %zu",
			    dimension);
	}
	for (size_t i = 0; i < dimension; i++)
		order[i] = (uint32_t)i;
	for (size_t i = 0; i < stages; i++)
		draw_stage(rotations->steps + i * (dimension / 2), order, dimension, random);
	free(order);
	return 0;
}

/*
 * The coordinates of all vectors of a panel, for the vector unit. A type of the compilers' own, as
 * they do not all turn a loop over eight elements that are scattered like this into vector
 * instructions.
 */
typedef double coordinate __attribute__((vector_size(ROTATION_PANEL * sizeof(double))));

HOT static void
apply(const struct rotation *steps, size_t count, double *panel)
{
	for (size_t i = 0; i < count; i++) {
		double *first = panel + (size_t)ROTATION_PANEL * steps[i].first;
		double *second = panel + (size_t)ROTATION_PANEL * steps[i].second;
		coordinate x, y, turned;

		memcpy(&x, first, sizeof(x));
		memcpy(&y, second, sizeof(y));
		turned = x * steps[i].cosine - y * steps[i].sine;
		memcpy(first, &turned, sizeof(turned));
		turned = x * steps[i].sine + y * steps[i].cosine;
		memcpy(second, &turned, sizeof(turned));
	}
}

void
rotations_apply(const struct rotations *rotations, double *panel)
{
	apply(rotations->steps, rotations->count, panel);
}

void
rotations_free(struct rotations *rotations)
{
	free(rotations->steps);
	*rotations = (struct rotations){0};
}
