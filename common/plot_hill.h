/* Hill plots: alpha against k, with what a random matrix gives, the interval, and the k of the table of fits. */
#ifndef PLOT_HILL_H
#define PLOT_HILL_H

#include "gnuplot.h"
#include "hill_table.h"

/*
 * A page with a panel for each layer, six at most, that have a curve. The first curve of each is the reference: it is
 * on top, and its interval and alpha_null are shown. Marked is k, or (k 0) the k of a share of the eigenvalues, of
 * which there is one more than the table has k.
 */
void plot_hill(FILE *script, enum plot_format format, const char *path, const char *title,
	       const struct hill_panel *const *panels, size_t count, size_t k, double share);

#endif
