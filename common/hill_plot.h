/*
 * The Hill plot of a spectrum: alpha against k, for every k (H. Drees, L. de Haan, S. Resnick, Annals of
 * Statistics 28 (2000) 254), beside what a random matrix would give, as a table with a line for each k.
 */
#ifndef HILL_PLOT_H
#define HILL_PLOT_H

#include <stddef.h>
#include <stdio.h>

#include "alpha_interval.h"
#include "frame.h"
#include "hill.h"

/* Intervals are computed for at most so many k: each takes longer than all fits. */
#define HILL_PLOT_INTERVALS 32

struct hill_plot {
	size_t count;			  /* of fits: one less than of eigenvalues, or 0 */
	struct hill *fits;		  /* for k = 1, 2, ...; as for all arrays */
	double *nulls;			  /* alpha_null */
	struct alpha_interval *intervals; /* nan where there is none; null where none are wanted */
};

/*
 * The plot of the eigenvalues of a frame, as spectrum_frame_values() gives them; confidence is that of the
 * intervals, 0 for none. They are for at most HILL_PLOT_INTERVALS k up to a quarter of n, or to that number
 * where it is more: the first k, and then some at even distances in ln(k); for none of pooled
 * windows. From any thread; to be freed by hill_plot_free().
 */
struct hill_plot hill_plot_of(const struct frame *frame, const double *values, double confidence);
void hill_plot_free(struct hill_plot *plot);

/* The names of the columns, a line: with alpha_low and alpha_high if there is a confidence. */
void hill_plot_print_header(FILE *table, double confidence);

/* A line for each k; for a spectrum of fewer than two eigenvalues one of k = 0 and nan. */
void hill_plot_print(FILE *table, const struct hill_plot *plot, const struct frame *frame,
		     double confidence);

#endif
