/*
 * The horizontal axis of plots with a place for each layer, 1 to count: which labels it has, and how
 * they are set. Labels are what tells the layers apart, without what all of them share.
 */
#ifndef LAYER_AXIS_H
#define LAYER_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#include "alpha_table.h"
#include "gnuplot.h"

struct layer_axis {
	size_t count;
	char **labels; /* one for each layer; the whole name if there is one layer only */
	char *pattern; /* the name that all share, with "*" in the place of the label; "" if none */
	size_t step;   /* every so many have their label shown */
	bool turned;   /* labels stand on end */
	double height; /* that they take below the axis */
};

/*
 * Cuts off the parts, between dots, with which all names begin, and those with which all end, and
 * finds how the labels fit an axis of this length.
 */
struct layer_axis layer_axis_of(const struct fitted_layer *const *layers, size_t count,
				double length);
void layer_axis_free(struct layer_axis *axis);

/* Sets the range of the axis, and its labels if they are wanted. Labels go by the tags from
 * LAYER_AXIS_TAG on. */
#define LAYER_AXIS_TAG 100
void layer_axis_print(const struct layer_axis *axis, FILE *script, bool labels);

#endif
