/* Pages with a panel for each of some layers. */
#ifndef PANEL_GRID_H
#define PANEL_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "gnuplot.h"

/* The most columns of the names of layers and of precisions. */
#define PANEL_LONGEST_LAYER	54
#define PANEL_LONGEST_PRECISION 16

/* Where the panels stand: up to three side by side, the first in the upper left corner. */
struct panel_grid {
	struct page page;
	size_t across;
	double panel_width, panel_height;
	double cell, row; /* from one panel to the next */
};

/* Starts a page with so many panels, a larger one if it is the only one, and room of this width to the right of each.
 * To be ended by page_end(). */
struct panel_grid panel_grid_begin(FILE *script, enum plot_format format, const char *path,
				   size_t count, double right);

/* The axes of the next plot are to be the panel of this number, counted from 0. */
void panel_grid_place(const struct panel_grid *grid, size_t number);

/* Whether no panel stands to the left of this one. */
bool panel_grid_is_leftmost(const struct panel_grid *grid, size_t number);

/* Writes the name of a layer or a precision as a string, without the middle of one that is too long. */
void panel_name(FILE *script, const char *name, size_t longest);

#endif
