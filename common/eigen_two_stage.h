/*
 * Spectra on the CPU, one matrix at a time, by a symmetric eigensolver of our own.
 *
 *     gram_tiles.h      G, the Gram matrix, from the weights as they are stored     m n^2 operations
 *     band_reduction.h  G to a band matrix: products of matrices                    4/3 n^3
 *     bulge_chasing.h   the band to a tridiagonal matrix T: in the cache            6 n^2 BAND
 *     bisection.h       T's eigenvalues, as many as are wanted                      n each for a count
 *
 * kernels.h has the inner loops. No LAPACK is called.
 *
 * Error bound: that of eigen.h, gamma_m ||W||_F^2 + p(n) u ||G||_F with p(n) = 8 n. Its first term is
 * derived there. The second is for the three other stages:
 * - A Householder reflector of length l, computed and applied from both sides, is exact for a matrix that
 *   differs by at most 2 gamma_cl ||.||_F, with a small integer c (Higham, Accuracy and Stability of
 *   Numerical Algorithms, 2nd ed., lemma 19.3; in the blocked form, section 19.5). Stage 1 applies n of
 *   them to G, and stage 2 n sweeps of them, those of one sweep to disjoint rows. The sum over all, about
 *   2 c n^2 u, supposes that all roundings point the same way, and no program comes near it; by the rule of
 *   the same book, that a constant is about the root of the worst case (section 2.8), it is c n u with a
 *   small c, as p(n) has it. ||T||_F is taken for ||G||_F, which reflectors keep.
 * - Bisection errs by no more than 4 u ||T|| in its counts and 2^-53 of an eigenvalue in its enclosure, or
 *   2^-81 ||T|| (bisection.h): 6 u ||T||_F, which p(n) has room for at n = 1, where nothing is reduced.
 * - Columns that are taken for zero (kernels.h) move G by less than 2^-440.
 * The tests hold the errors against the bound, and find them to be smaller by far.
 */
#ifndef EIGEN_TWO_STAGE_H
#define EIGEN_TWO_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "crew.h"
#include "eigen.h"

/*
 * Fills the second group of a job, whose count is set, but for its status, which is returned. Only the
 * job->wanted largest values are computed, and the others left as zeros. The bytes are the same for any
 * crew, which may be null.
 */
enum eigen_status two_stage_solve(struct eigen_job *job, struct crew *crew);

/* Bytes that a job holds until it has run: the weights, and the solver's matrices. */
uint64_t two_stage_memory(const struct eigen_job *job);

/* Whether it is faster than LAPACK's for this job, on this processor. */
bool two_stage_is_faster(const struct eigen_job *job);

#endif
