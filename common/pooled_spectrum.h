/*
 * Spectra of several matrices of one shape, the windows of a layer (windows.h), pooled into one: all their
 * eigenvalues, ascending, with bounds that hold for every one of them.
 */
#ifndef POOLED_SPECTRUM_H
#define POOLED_SPECTRUM_H

#include <stddef.h>

#include "eigen.h"

/* A zeroed struct is empty. */
struct pooled_spectrum {
	enum eigen_status status; /* the first that was not EIGEN_OK */
	double *values; /* in the order in which they came; null if status is not EIGEN_OK */
	size_t count;
	double lambda_error, sigma_error; /* the largest of the bounds */
};

/*
 * Adds the spectrum of a job that is done and wanted all eigenvalues; the job keeps its own. Ends the program
 * if there is no memory.
 */
void pooled_spectrum_add(struct pooled_spectrum *pooled, const struct eigen_job *job);

/*
 * Puts what was pooled in the place of a job's own spectrum, which is freed: status, values, count, wanted and
 * bounds. One window that failed fails all. The pool is empty again.
 */
void pooled_spectrum_take(struct pooled_spectrum *pooled, struct eigen_job *job);

#endif
