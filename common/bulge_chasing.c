#include "bulge_chasing.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Sweeps of a group. */
#define GROUP 16

struct chase {
	struct band *band;
	const struct kernels *kernels;
	size_t sweeps;
	atomic_size_t *waves_done; /* for each group; after its last wave, a number above all */
};

/* Steps of a sweep: as many as begin above the last row. */
static size_t
steps_of(const struct chase *chase, size_t sweep)
{
	return (chase->band->n - 2 - sweep) / BAND + 1;
}

static void
take_step(const struct chase *chase, size_t sweep, size_t step, struct reflector *reflector)
{
	const struct band *band = chase->band;

	if (step)
		chase->kernels->chase_bulge(band->values, band->column, band->n, reflector);
	else
		chase->kernels->begin_sweep(band->values, band->column, band->n, sweep, reflector);
}

/*
 * One piece: a group of sweeps. In wave w its sweep number g takes its step w - g. The group before must
 * have done wave w + GROUP then, which is step w + 1 of its last sweep.
 */
static void
chase_group(void *context, size_t group)
{
	const struct chase *chase = context;
	size_t first = group * GROUP, left = chase->sweeps - first;
	size_t sweeps = left < GROUP ? left : GROUP, waves = steps_of(chase, first) + sweeps - 1;
	struct reflector reflectors[GROUP];

	for (size_t wave = 0; wave < waves; wave++) {
		if (group)
			crew_wait(&chase->waves_done[group - 1], wave + GROUP + 1);
		for (size_t g = 0; g < sweeps && g <= wave; g++)
			if (wave - g < steps_of(chase, first + g))
				take_step(chase, first + g, wave - g, &reflectors[g]);
		atomic_store_explicit(&chase->waves_done[group], wave + 1, memory_order_release);
	}
	atomic_store_explicit(&chase->waves_done[group], SIZE_MAX, memory_order_release);
}

static void
copy_tridiagonal(const struct band *band, double *diagonal, double *off_diagonal)
{
	for (size_t j = 0; j < band->n; j++) {
		const double *place = band->values + j + j * band->column;

		diagonal[j] = place[0];
		if (j + 1 < band->n)
			off_diagonal[j] = place[1];
	}
}

bool
bulge_chase(struct band *band, double *diagonal, double *off_diagonal,
	    const struct kernels *kernels, struct crew *crew)
{
	struct chase chase = {.band = band, .kernels = kernels};
	size_t groups;

	chase.sweeps = band->n > 2 ? band->n - 2 : 0;
	groups = (chase.sweeps + GROUP - 1) / GROUP;
	chase.waves_done = malloc((groups + 1) * sizeof(*chase.waves_done));
	if (!chase.waves_done)
		return false;
	for (size_t i = 0; i < groups; i++)
		atomic_init(&chase.waves_done[i], 0);
	crew_run(crew, chase_group, &chase, groups);
	free(chase.waves_done);
	copy_tridiagonal(band, diagonal, off_diagonal);
	return true;
}
