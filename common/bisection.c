#include "bisection.h"

#include <math.h>
#include <stdlib.h>

/* Takes the place of squares that underflow: a zero would make 0 / 0 of a zero pivot. */
#define SMALLEST_SQUARE 0x1p-1000

/* Enclosures end at this width, relative to the eigenvalue, and to the norm. */
#define RELATIVE_WIDTH 0x1p-52
#define ABSOLUTE_WIDTH 0x1p-80

/* Far more than any enclosure needs: that of two neighbours has no double inside. */
#define MOST_STEPS 2200

struct tridiagonal {
	size_t n;
	const double *diagonal;
	double *squares;  /* of the off-diagonal */
	double low, high; /* all eigenvalues are between */
	double width;	  /* an enclosure that is narrow enough in absolute terms */
	size_t first;
	double *values;
	const struct kernels *kernels;
};

/* The points that are counted at, and the enclosures of as many eigenvalues, from number `first` on. */
struct batch {
	_Alignas(64) double points[STURM_POINTS];
	size_t counts[STURM_POINTS];
	double low[STURM_POINTS], high[STURM_POINTS];
	size_t first, count;
};

static void
count_at_points(const struct tridiagonal *t, struct batch *batch)
{
	t->kernels->count_below(t->n, t->diagonal, t->squares, batch->points, batch->counts);
}

/* With the first counts, one enclosure for all, points divide it evenly; each count serves all. */
static void
divide(const struct tridiagonal *t, struct batch *batch)
{
	double low = batch->low[0], high = batch->high[batch->count - 1];

	for (size_t i = 0; i < STURM_POINTS; i++)
		batch->points[i] = low + (high - low) * ((double)(i + 1) / (STURM_POINTS + 1));
	count_at_points(t, batch);
	for (size_t i = 0; i < batch->count; i++)
		for (size_t p = 0; p < STURM_POINTS; p++)
			if (batch->counts[p] <= batch->first + i)
				batch->low[i] = fmax(batch->low[i], batch->points[p]);
			else
				batch->high[i] = fmin(batch->high[i], batch->points[p]);
}

static double
middle(const struct batch *batch, size_t i)
{
	return batch->low[i] + (batch->high[i] - batch->low[i]) / 2;
}

static bool
is_narrow(const struct tridiagonal *t, const struct batch *batch, size_t i)
{
	double width = batch->high[i] - batch->low[i], point = middle(batch, i);

	return width <= t->width || width <= RELATIVE_WIDTH * fabs(point) ||
	       point <= batch->low[i] || point >= batch->high[i];
}

/*
 * Halves the enclosures that are not narrow yet; returns whether there was one. The others stay, so that
 * an eigenvalue does not depend on those it shares a batch with.
 */
static bool
halve(const struct tridiagonal *t, struct batch *batch)
{
	bool wide[STURM_POINTS], any = false;

	for (size_t i = 0; i < STURM_POINTS; i++) {
		size_t own = i < batch->count ? i : batch->count - 1;

		batch->points[i] = middle(batch, own);
		wide[i] = !is_narrow(t, batch, own);
		any = any || wide[i];
	}
	if (!any)
		return false;
	count_at_points(t, batch);
	for (size_t i = 0; i < batch->count; i++)
		if (!wide[i])
			continue;
		else if (batch->counts[i] <= batch->first + i)
			batch->low[i] = batch->points[i];
		else
			batch->high[i] = batch->points[i];
	return true;
}

/* One piece: STURM_POINTS eigenvalues, or those that are left. */
static void
find_batch(void *context, size_t piece)
{
	const struct tridiagonal *t = context;
	struct batch batch = {.first = t->first + piece * STURM_POINTS};

	batch.count = t->n - batch.first < STURM_POINTS ? t->n - batch.first : STURM_POINTS;
	for (size_t i = 0; i < batch.count; i++) {
		batch.low[i] = t->low;
		batch.high[i] = t->high;
	}
	divide(t, &batch);
	for (size_t step = 0; step < MOST_STEPS && halve(t, &batch); step++)
		continue;
	for (size_t i = 0; i < batch.count; i++)
		t->values[batch.first + i] = middle(&batch, i);
}

/* All eigenvalues are in the union of Gerschgorin's discs; a little more for rounding. */
static void
enclose_all(struct tridiagonal *t, const double *off_diagonal)
{
	double norm;

	t->low = INFINITY;
	t->high = -INFINITY;
	for (size_t i = 0; i < t->n; i++) {
		double radius = (i ? fabs(off_diagonal[i - 1]) : 0) +
				(i + 1 < t->n ? fabs(off_diagonal[i]) : 0);

		t->low = fmin(t->low, t->diagonal[i] - radius);
		t->high = fmax(t->high, t->diagonal[i] + radius);
	}
	norm = fmax(fabs(t->low), fabs(t->high));
	t->low -= 0x1p-46 * norm;
	t->high += 0x1p-46 * norm;
	t->width = ABSOLUTE_WIDTH * norm;
}

bool
bisect(size_t n, const double *diagonal, const double *off_diagonal, size_t first, double *values,
       const struct kernels *kernels, struct crew *crew)
{
	struct tridiagonal t = {
		.n = n, .diagonal = diagonal, .first = first, .values = values, .kernels = kernels};

	t.squares = malloc(n * sizeof(*t.squares));
	if (!t.squares)
		return false;
	for (size_t i = 0; i + 1 < n; i++)
		t.squares[i] = fmax(off_diagonal[i] * off_diagonal[i], SMALLEST_SQUARE);
	enclose_all(&t, off_diagonal);
	crew_run(crew, find_batch, &t, (n - first + STURM_POINTS - 1) / STURM_POINTS);
	free(t.squares);
	return true;
}
