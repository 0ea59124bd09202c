/* Statistics of a set of numbers, by the definitions that pandas uses by default. */
#ifndef STATISTICS_H
#define STATISTICS_H

#include <stddef.h>

/* All nan if there are no numbers, but for the count; std is nan for one number. */
struct summary {
	size_t count;
	double mean;
	double std; /* of the sample: divided by count - 1 */
	double min, q25, median, q75, max;
};

/* Puts values, none of which may be nan, in ascending order. */
void sort_ascending(double *values, size_t count);

/* nan if there are none. */
double mean_of(const double *values, size_t count);

/* Puts the values, none of which may be nan, in ascending order and summarizes them. */
struct summary summarize(double *values, size_t count);

/*
 * The quantile q, from 0 to 1, of ascending values: linear between the two nearest, at place
 * q (count - 1). R. J. Hyndman and Y. Fan, The American Statistician 50 (1996) 361, definition 7. nan
 * if there are none.
 */
double quantile(const double *ascending, size_t count, double q);

#endif
