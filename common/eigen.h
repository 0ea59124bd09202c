/*
 * Spectra of matrices: the eigenvalues of W^T W, which are the squared singular values of W.
 *
 * One narrow interface in front of back ends, of which the linker chooses. Matrices go in as
 * they are stored, spectra come out in the same order, many are in flight, and threads, devices and
 * work space stay inside. eigen_lapack.h and eigen_two_stage.h are the CPU's, eigen_device.h the seam for
 * GPUs'.
 *
 * Error bounds. With u = 2^-53, the larger side m, the smaller side n, and G the n x n Gram matrix:
 * - Forming G in float64 errs by at most gamma_m |W|^T|W| in each entry, whatever the order of
 *   summation (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.5), so by
 *   gamma_m ||W||_F^2 in norm, and no eigenvalue moves by more (Weyl). gamma_m = m u / (1 - m u).
 * - The symmetric eigensolver is backward stable: eigenvalues err by p(n) u ||G||, with p "a modestly
 *   growing function of n" (LAPACK Users' Guide, 3rd ed., section 4.7); p(n) = 8 n and the Frobenius
 *   norm are taken, which the tests find to be safe by an order of magnitude or more.
 * - An SVD of W itself errs by p(m) u ||W|| in each singular value (the same guide, section 4.9).
 */
#ifndef EIGEN_H
#define EIGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"
#include "pool.h"
#include "util.h"

enum eigen_solver {
	/* Eigenvalues of the Gram matrix of the smaller side: */
	EIGEN_AUTO,	 /* by the faster of the two that follow */
	EIGEN_LAPACK,	 /* by LAPACK, on a device by cuSOLVER */
	EIGEN_TWO_STAGE, /* by our own solver */
	/* Singular values of W, squared: small ones are relatively accurate, too. */
	EIGEN_SVD
};

enum eigen_status {
	EIGEN_OK,
	EIGEN_NOT_FINITE,    /* W has a NaN or an infinity */
	EIGEN_OUT_OF_RANGE,  /* the eigenvalues leave the range of double */
	EIGEN_NOT_CONVERGED, /* the solver gave up */
	EIGEN_TOO_LARGE,     /* a side exceeds what the linear algebra library can count */
	EIGEN_OUT_OF_MEMORY,
	EIGEN_DEVICE_FAILED /* a GPU was lost, or did what it should not */
};

/*
 * A matrix and then its spectrum. The caller fills the first group, and keeps the struct, as part of
 * one of its own, until eigen_next() gave it back. The back end frees weights, and fills the second.
 */
struct eigen_job {
	struct pool_job pool; /* the back end's */

	enum dtype dtype; /* decodable */
	size_t rows, columns;
	void *weights;			 /* rows x columns, row-major, from malloc */
	const struct eigen_job *same_as; /* an earlier job with the same matrix, still kept by the
	                                    caller, whose spectrum this one shares; weights is null */
	size_t wanted; /* so many of the largest eigenvalues are wanted; 0, or more than there
	                  are: all */

	enum eigen_status status;
	double *values;	     /* those wanted, ascending, none negative; from malloc, the caller's to
	                   free; null unless status is EIGEN_OK */
	size_t count;	     /* min(rows, columns) */
	double lambda_error; /* bounds the absolute error of every value */
	double sigma_error;  /* EIGEN_SVD: bounds that of every singular value; otherwise 0 */
	const char *method;
};

struct eigen_options {
	enum eigen_solver solver;
	unsigned threads; /* at least 1 */
	uint64_t memory;  /* bytes of matrices and work space in flight */

	const char *devices; /* GPUs to use: "all", or numbers from 0 on with commas; null: none */
	size_t device_side;  /* smaller matrices, by their smaller side, stay on the CPU */
	uint64_t device_memory; /* bytes to use on each; 0: what is free there */
};

struct eigen;

/* Null, with the failure filled, only where a device is asked for and cannot be had. */
struct eigen *eigen_open(const struct eigen_options *options, struct failure *failure);

/* Whether this program may use devices. */
bool eigen_has_devices(void);

/* Hands a matrix over, after waiting until there is room for it. */
void eigen_submit(struct eigen *eigen, struct eigen_job *job);

/* Says that no more will come. */
void eigen_end(struct eigen *eigen);

/*
 * The oldest matrix's job, after waiting for its spectrum; null after the last. May be called from
 * another thread than eigen_submit().
 */
struct eigen_job *eigen_next(struct eigen *eigen);

/* After eigen_next() returned null. */
void eigen_close(struct eigen *eigen);

/* A line a library, for --version. */
const char *eigen_libraries(void);

/* What a failed status means, in words for a note; null for EIGEN_OK. */
const char *eigen_status_text(enum eigen_status status);

#endif
