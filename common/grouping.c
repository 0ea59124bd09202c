#include "grouping.h"

#include <stdlib.h>
#include <string.h>

#include "statistics.h"
#include "util.h"

/* Sums over all values up to a place, so that those of any class are a difference of two. */
struct sums {
	double count, sum, squares;
};

/* The least sum of squares for the values up to a place in two classes, and where the second begins. */
struct division {
	double squares;
	size_t start;
};

/*
 * Puts the different values into `distinct`, ascending, and their sums into the element after each.
 * Equal values are one, with its count, so that no class can end among them. Differences from the
 * mean are summed: squares of the values themselves would cancel. Returns how many there are.
 */
static size_t
sum_distinct(double *sorted, size_t count, double *distinct, struct sums *before)
{
	double mean = mean_of(sorted, count);
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		double value = sorted[i] - mean;

		if (!i || sorted[i] > sorted[i - 1]) {
			distinct[found++] = sorted[i];
			before[found] = before[found - 1];
		}
		before[found].count++;
		before[found].sum += value;
		before[found].squares += value * value;
	}
	return found;
}

/* The sum of squares within the class of the distinct values from one place to before another. */
static double
within(const struct sums *before, size_t from, size_t to)
{
	double count = before[to].count - before[from].count;
	double sum = before[to].sum - before[from].sum;

	return before[to].squares - before[from].squares - sum * sum / count;
}

/*
 * Finds the best division of the first n values for each n in [from, to], all of whose second classes
 * begin in [low, high]. With more values the second class begins no lower, so that the place for the
 * n in the middle bounds those on either side.
 */
static void
divide(const struct sums *before, size_t from, size_t to, size_t low, size_t high,
       struct division *best)
{
	size_t middle = from + (to - from) / 2;
	struct division *found = &best[middle];

	*found = (struct division){within(before, 0, low) + within(before, low, middle), low};
	for (size_t i = low + 1; i <= high && i < middle; i++) {
		double squares = within(before, 0, i) + within(before, i, middle);

		if (squares < found->squares)
			*found = (struct division){squares, i};
	}
	if (middle > from)
		divide(before, from, middle - 1, low, found->start, best);
	if (middle < to)
		divide(before, middle + 1, to, found->start, high, best);
}

/* Where the third class begins. */
static size_t
third_start(const struct sums *before, size_t count, const struct division *best)
{
	size_t start = 2;

	for (size_t i = 3; i < count; i++)
		if (best[i].squares + within(before, i, count) <
		    best[start].squares + within(before, start, count))
			start = i;
	return start;
}

size_t
group_in_three(const double *values, size_t count, double starts[2])
{
	double *sorted = xcalloc(count, sizeof(*sorted));
	double *distinct = xcalloc(count, sizeof(*distinct));
	struct sums *before = xcalloc(count + 1, sizeof(*before));
	struct division *best = xcalloc(count + 1, sizeof(*best));
	size_t found, third;

	if (count)
		memcpy(sorted, values, count * sizeof(*sorted));
	sort_ascending(sorted, count);
	found = sum_distinct(sorted, count, distinct, before);
	if (found >= 3) {
		divide(before, 2, found - 1, 1, found - 2, best);
		third = third_start(before, found, best);
		starts[0] = distinct[best[third].start];
		starts[1] = distinct[third];
	}
	free(best);
	free(before);
	free(distinct);
	free(sorted);
	return found;
}
