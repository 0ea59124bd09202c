/* The spectra of a stream, thinned for plots: a panel for each layer, a curve for each precision. */
#ifndef SPECTRA_H
#define SPECTRA_H

#include <stdbool.h>

#include "alpha_table.h"
#include "name_list.h"
#include "plot_spectrum.h"

/* How large the tails are: as in a table, or else k, or else (k 0) a share of the eigenvalues. */
struct tail_choice {
	const struct alpha_table *table; /* may be null; else only its precisions are read */
	size_t k;
	double share;
	bool ks; /* whether curves get the fit from the best cut on as well */
};

/* A zeroed struct is empty. */
struct spectra {
	struct spectrum_panel *panels; /* one for each layer */
	size_t count;
	struct name_list layers, precisions;
};

/*
 * Reads a stream of spectra to its end. Layers that are not wanted (null: all are) are passed over.
 * Returns 0, or -1 with a failure; spectra_free() is the caller's in either case.
 */
int spectra_read(struct spectra *spectra, int input, const struct tail_choice *tails,
		 bool (*wanted)(const void *context, const char *layer), const void *context,
		 struct failure *failure);
void spectra_free(struct spectra *spectra);

/*
 * Gives the curves the colours of these precisions, or (null) of the spectra's own, and puts that of the
 * reference precision first (null: leaves the first one there).
 */
void spectra_arrange(struct spectra *spectra, const char *const *precisions,
		     const char *const *colors, size_t count, const char *reference);

/*
 * Sets shown[] to `most` panels at most: all there are, or those that stand at even distances when they
 * are put in the order of alpha. Returns how many.
 */
size_t spectra_spread(const struct spectra *spectra, const struct spectrum_panel **shown,
		      size_t most);

#endif
