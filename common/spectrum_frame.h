/* Spectra in frames: their eigenvalues, checked, and the fit of their tails. */
#ifndef SPECTRUM_FRAME_H
#define SPECTRUM_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "frame.h"
#include "stream.h"
#include "tail_fit.h"

/* A number from a frame's metadata; nan when it is not there or none. */
double frame_number(const struct frame *frame, const char *key);

/*
 * The payload of a frame that must hold a spectrum: frame->elements eigenvalues, ascending, none
 * negative, with a bound on their error. Memory as for stream_payload(). Returns 0 or -1.
 */
int spectrum_frame_values(struct stream_reader *reader, const struct frame *frame,
			  const double **values, struct failure *failure);

/*
 * How many eigenvalues the matrix has: more than the frame holds if its n_eigs says that only the largest
 * are there.
 */
size_t spectrum_frame_count(const struct frame *frame);

/* The larger and the smaller side of the matrix that a spectrum is of, or of the windows. */
struct spectrum_sides {
	size_t larger, smaller;
	bool are_pooled; /* eigenvalues of several windows, which do not repel each other */
};

struct spectrum_sides spectrum_frame_sides(const struct frame *frame);

/* Fits these eigenvalues, two at least, with the errors that the frame states; k is for Hill's estimate. */
struct tail_fit spectrum_frame_fit(const struct frame *frame, enum tail_fit_kind kind,
				   const double *values, size_t k);

/* The fits of Hill's estimate for every k below their number, into as many places (hill_fits()). */
void spectrum_frame_hill_fits(const struct frame *frame, const double *values, struct hill *fits);

/*
 * The p-value of that fit, as tail_fit_p_value() has it. Layer, precision and seed decide what is drawn, so it
 * depends neither on other frames nor on their order.
 */
double spectrum_frame_p_value(const struct frame *frame, enum tail_fit_kind kind,
			      const struct tail_fit *fit, const double *values, size_t replicates,
			      uint64_t seed);

#endif
