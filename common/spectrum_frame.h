/* Spectra in frames: their eigenvalues, checked, and the fit of their tails. */
#ifndef SPECTRUM_FRAME_H
#define SPECTRUM_FRAME_H

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

/* Fits these eigenvalues, two at least, with the errors that the frame states; k is for Hill's estimate. */
struct tail_fit spectrum_frame_fit(const struct frame *frame, enum tail_fit_kind kind,
				   const double *values, size_t k);

/*
 * The p-value of that fit, as tail_fit_p_value() has it. Layer, precision and seed decide what is drawn, so it
 * depends neither on other frames nor on their order.
 */
double spectrum_frame_p_value(const struct frame *frame, enum tail_fit_kind kind,
			      const struct tail_fit *fit, const double *values, size_t replicates,
			      uint64_t seed);

#endif
