/*
 * Stage 1 of two: from a full symmetric matrix to one that is zero outside a band.
 *
 * BAND columns at a time: what stands BAND rows and more below the diagonal is factored into Q R, and Q,
 * a product of BAND Householder reflectors, is applied to the rest from both sides. That is successive
 * band reduction (Bischof, Lang and Sun, A Framework for Symmetric Band Reduction, ACM TOMS 26 (2000)
 * 581), whose point is that nearly all of its 4/3 n^3 operations are products of matrices, where a
 * reduction to tridiagonal form in one go spends half of them on products with vectors, as fast as
 * memory delivers (Haidar, Ltaief and Dongarra, SC 2011).
 *
 * With Q = I - V T V^T (Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10 (1989) 53), Y = A V and
 *     W = Y T - 1/2 V T^T (V^T Y T),
 * the rest becomes Q^T A Q = A - V W^T - W V^T (Dongarra, Sorensen and Hammarling, J. Comput. Appl. Math.
 * 27 (1989) 215). This is one pass over the matrix for the update and one for the next Y. Here each tile
 * is updated with the last V and W and multiplied with the new V while it is in the cache: the panel that
 * V comes from is brought up to date before the others.
 */
#ifndef BAND_REDUCTION_H
#define BAND_REDUCTION_H

#include <stdbool.h>

#include "crew.h"
#include "tiles.h"

/*
 * The n x n band matrix, its lower half: element (i, j), j <= i <= j + BAND, is values[i + j * column].
 * There is room down to row j + 2 BAND, and for octets around, all of it zero.
 */
struct band {
	size_t n, column;
	double *values;
};

/* Zeros; false without memory. */
bool band_open(struct band *band, size_t n);
void band_close(struct band *band);

/*
 * Reduces the matrix in tiles, which is destroyed, to a band that has its eigenvalues. False without
 * memory. The result does not depend on the crew.
 */
bool band_reduce(struct tiles *tiles, struct band *band, const struct kernels *kernels,
		 struct crew *crew);

/* Bytes of the band and of work space. */
double band_memory(size_t n);

#endif
