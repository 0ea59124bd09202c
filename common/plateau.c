#include "plateau.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define LEAST 10

/* Adds a value to ascending ones, of which there are `count`. */
static void
insert(double *values, size_t count, double value)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (values[middle] <= value)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(values + low + 1, values + low, (count - low) * sizeof(*values));
	values[low] = value;
}

/* The mean distance of ascending values from their median: for each pair from outside in, what lies between. */
static double
mean_distance(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count / 2; i++)
		sum += values[count - 1 - i] - values[i];
	return sum / (double)count;
}

size_t
plateau_tail_size(const struct hill *fits, size_t n)
{
	size_t least = n - 1 < LEAST ? n - 1 : LEAST, most = n / 2 > least ? n / 2 : least;
	double *values = xcalloc(most, sizeof(*values)), best = INFINITY;
	size_t chosen = least;

	for (size_t k = 1; k <= most && !isnan(fits[k - 1].alpha); k++) {
		double distance, gamma;

		/* Equal eigenvalues: alpha is what its floor makes it. */
		gamma = isfinite(fits[k - 1].alpha_err) ? 1 / (fits[k - 1].alpha - 1) : 0;
		insert(values, k - 1, gamma);
		distance = mean_distance(values, k);
		if (k >= least && distance < best) {
			best = distance;
			chosen = k;
		}
	}
	free(values);
	return chosen;
}
