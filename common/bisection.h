/*
 * Eigenvalues of a symmetric tridiagonal matrix, all or only the largest, by bisection.
 *
 * How many eigenvalues lie below a point is a count of signs (kernel_sturm.h), so an eigenvalue can be
 * enclosed as closely as is wanted, by itself (Barth, Martin and Wilkinson, Numerische Mathematik 9 (1967)
 * 386; Parlett, The Symmetric Eigenvalue Problem, section 3.5). The count is exact for a matrix whose
 * elements differ from T's by a few units of roundoff, relative to each or to the point (Demmel, Dhillon and
 * Ren, ETNA 3 (1995) 116), so the end points of the enclosure err by no more than 4 u |T|, and where T
 * determines small eigenvalues well, they are found so.
 */
#ifndef BISECTION_H
#define BISECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "crew.h"
#include "kernels.h"

/*
 * Sets values[first] to values[n - 1] to those eigenvalues, by number from 0 for the smallest. Each is the
 * middle of an enclosure that is no wider than 2^-52 of it, or 2^-80 of the norm of T, or neighbouring
 * doubles. The squares of off_diagonal must not overflow. False without memory. The result does not depend
 * on the crew.
 */
bool bisect(size_t n, const double *diagonal, const double *off_diagonal, size_t first,
	    double *values, const struct kernels *kernels, struct crew *crew);

#endif
