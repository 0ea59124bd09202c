/*
 * Stage 2 of two: from a band to a tridiagonal matrix.
 *
 * A reflector of length BAND clears column 0 below its subdiagonal. Applied from both sides it fills the
 * block below with a bulge. Of this only the first column is cleared, by the next reflector, whose
 * application moves the bulge on, and so on down the band: one sweep. What is left of the bulges is where
 * the next sweep, of column 1, makes its own. (Murata and Horikoshi 1975; Bischof, Lang and Sun, ACM TOMS
 * 26 (2000) 581; one column at a time after Haidar, Ltaief and Dongarra, Parallel Reduction to Condensed
 * Forms for Symmetric Eigenvalue Problems using Aggregated Fine-Grained and Memory-Aware Kernels, SC
 * 2011.) It takes 6 n^2 BAND operations, all on the 2 BAND rows around the bulge.
 *
 * Step t of sweep s needs that sweep s - 1 has done its step t + 1, and nothing else: a group of sweeps
 * goes down the band side by side, one step behind each other, while what they work on is in the cache,
 * and the next group may follow close behind in another thread.
 */
#ifndef BULGE_CHASING_H
#define BULGE_CHASING_H

#include <stdbool.h>

#include "band_reduction.h"
#include "crew.h"

/*
 * Reduces a band matrix, which is destroyed, to diagonal[n] and off_diagonal[n - 1]. False without
 * memory. The result does not depend on the crew.
 */
bool bulge_chase(struct band *band, double *diagonal, double *off_diagonal,
		 const struct kernels *kernels, struct crew *crew);

#endif
