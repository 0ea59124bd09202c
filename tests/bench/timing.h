/* Seconds, and medians of them. */
#ifndef TIMING_H
#define TIMING_H

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/* Seconds since some moment, the same in a whole run. */
static inline double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static inline int
timing_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values; there is at least one. */
static inline double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), timing_compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

#endif
