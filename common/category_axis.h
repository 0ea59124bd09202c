/* The horizontal axis of plots with a place for each layer, 1 to count, category by category. */
#ifndef CATEGORY_AXIS_H
#define CATEGORY_AXIS_H

#include "layer_axis.h"
#include "plot.h"

struct category_axis {
	struct layer_list layers; /* by category; within each in the order of the model */
	const char **names;	  /* of the categories */
	size_t *starts;		  /* the place of each category's first layer, counted from 0 */
	size_t count;		  /* of categories */
	struct layer_axis axis;	  /* for few layers, whose own labels fit */
	bool has_labels;	  /* whether they are shown */
	char **labels;		  /* of the categories, where their names are shown */
	double *places;		  /* where these stand, in layers */
	bool turned;		  /* category names stand at an angle */
	double length;
	double height;	 /* that labels and names take below the axis */
	double overhang; /* how far they reach out to the left of it */
};

struct category_axis category_axis_of(const struct layer_list *layers, double length);
void category_axis_free(struct category_axis *axis);

/* Sets the range, lines between the categories, and labels or names if they are wanted. */
void category_axis_print(const struct category_axis *axis, FILE *script, bool labels);

#endif
