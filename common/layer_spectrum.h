/* A layer with its spectrum, and the frame of a stream (tensor-stream(5)) that holds it. */
#ifndef LAYER_SPECTRUM_H
#define LAYER_SPECTRUM_H

#include <stdbool.h>
#include <stdint.h>

#include "eigen.h"
#include "frame.h"
#include "windows.h"

/* Of what a spectrum is to be, and how much of it. */
struct spectrum_choice {
	double top_share; /* what a fit of so large a tail needs; 0: all eigenvalues */
	bool shuffles;	  /* whether the matrix's elements are put into a random order before */
	uint64_t shuffle_seed;
	struct windows windows; /* whose spectra are pooled, of the matrices that have some */
};

struct layer_spectrum {
	struct eigen_job eigen; /* the first member: the back end gives it back */
	struct frame frame;	/* that of the matrix */
	uint64_t windows;	/* how many spectra are pooled; 0: it is that of the whole matrix */
};

/*
 * The frame of the spectrum: the matrix's metadata, and how the spectrum was made, what its error is, or why
 * there is none. Not signed yet, its hash not set; to be freed by frame_free(). The payload is eigen.values.
 */
struct frame layer_spectrum_frame(const struct layer_spectrum *layer,
				  const struct spectrum_choice *choice);

#endif
