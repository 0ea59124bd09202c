/* The horizontal axis of plots with a place for each precision, 1 to their number. */
#ifndef PRECISION_AXIS_H
#define PRECISION_AXIS_H

#include "plot.h"

struct precision_axis {
	const struct plot *plot;
	bool turned;	 /* names stand at an angle */
	double height;	 /* that names take below the axis */
	double overhang; /* how far they may reach out to the left of it */
};

/* For axes with so much room for each precision. */
struct precision_axis precision_axis_of(const struct plot *plot, double room);

/* Sets the range and the names. These go by the tags from PRECISION_AXIS_TAG on. */
#define PRECISION_AXIS_TAG 1000
void precision_axis_print(const struct precision_axis *axis);

#endif
