/* Numbers divided into classes that lie together. */
#ifndef GROUPING_H
#define GROUPING_H

#include <stddef.h>

/*
 * Divides the values, all finite, into the three classes, each without gaps, whose sum of squared
 * differences from the means of their classes is least. W. D. Fisher, Journal of the American
 * Statistical Association 53 (1958) 789; maps know them as the natural breaks of Jenks. Of divisions
 * that are equally good it takes the one whose third class, and then whose second, begins lowest.
 *
 * Sets starts to the smallest values of the second and of the third class. Returns how many different
 * values there are; if fewer than three, starts is left alone. Time n log n.
 */
size_t group_in_three(const double *values, size_t count, double starts[2]);

#endif
