/* All plots of a table, as one script that fills a folder with files of known names. */
#ifndef PLOT_FOLDER_H
#define PLOT_FOLDER_H

#include "plot.h"
#include "spectra.h"

struct plot_folder {
	const char *directory;
	size_t layers_per_plot; /* of the combined plots; 0: all in one */
	bool individual;	/* a plot for each layer as well */
	unsigned part, parts;	/* only part number part, from 1, of so many */
};

/*
 * Writes the pages. `spectra` are those of a few layers, and may be empty. plot->format must be that of
 * files.
 */
void plot_all(const struct plot *plot, const struct plot_folder *folder,
	      const struct layer_list *layers, const struct spectra *spectra);

/* The layers whose spectra are worth a look: the least, middle and largest alpha, and the largest
 * changes. Sets list->count to 6 at most. */
struct layer_list plot_notable_layers(const struct plot *plot, const struct layer_list *layers);

#endif
