/*
 * Plots of spectra: how large a share of the eigenvalues is above each value, on logarithmic axes, with
 * the tail and the power law fitted to it.
 */
#ifndef PLOT_SPECTRUM_H
#define PLOT_SPECTRUM_H

#include "gnuplot.h"
#include "hill.h"

/* The spectrum of a layer in one precision. */
struct spectrum_curve {
	char *precision;
	const char *color;
	struct hill fit;
	struct hill ks; /* maximum likelihood from the best cut on, to be drawn as well; nan: not */
	size_t n;	/* eigenvalues */
	/* Some of them, in descending order, and their ranks from the largest (1) on: all of the
	 * largest, fewer and fewer further down. Those that are not positive are left out. */
	double *values;
	size_t *ranks;
	size_t points;
};

struct spectrum_panel {
	const char *layer; /* not its own */
	char *category;
	struct spectrum_curve *curves; /* the first is that of the reference */
	size_t curve_count;
};

/* The curve of n ascending eigenvalues with this fit. */
struct spectrum_curve spectrum_curve_of(const char *precision, const double *eigenvalues, size_t n,
					struct hill fit);

void spectrum_panel_free(struct spectrum_panel *panel);

/* A page with a panel for each layer, six at most. Only the tail of the reference is fitted in it. */
void plot_spectra(FILE *script, enum plot_format format, const char *path, const char *title,
		  const struct spectrum_panel *const *panels, size_t count);

#endif
