/*
 * The fits of a spectrum's tail that can be chosen, by their names:
 *
 *     hill    Hill's estimate of the k largest eigenvalues (hill.h)
 *     ks      maximum likelihood from the cut with the least distance of Kolmogorov and Smirnov on, of all
 *             cuts (power_law.h): Clauset, Shalizi, Newman, SIAM Review 51 (2009) 661
 *     median  maximum likelihood from the middle eigenvalue on: "xmin_mid"
 *     peak    as ks, of the cuts near the peak of the density of log10 l: "xmin_peak", "fix-finger" of
 *             C. H. Martin, WeightWatcher; with bounds for the cut as meant, 0.95 and 1.5 times the peak
 *
 *     weightwatcher  ks as WeightWatcher 0.7.7 computes it by default (class WWFit): of the eigenvalues above
 *             1e-5 alone, with the lower side of each jump alone, and ties as cuts of their own
 *     alphapruning  peak as AlphaPruning computes it: the lower bound is the decimal logarithm of 0.95 times the
 *             peak, taken for an eigenvalue, so that it seldom bounds; with the lower side of each jump alone
 *     powerlaw  ks as powerlaw 2.0.0 computes it by default: of laws with alpha below 3, with the lower side
 *             of each jump alone, and at least three eigenvalues
 *
 * In all but the first the tail begins with the cut itself, l_ref, which is counted in k.
 */
#ifndef TAIL_FIT_H
#define TAIL_FIT_H

#include <stddef.h>

#include "alternatives.h"
#include "hill.h"
#include "random.h"

struct tail_fit {
	struct hill hill;
	double distance; /* D, of the law to the k eigenvalues that it was fitted to; or nan */
};

enum tail_fit_kind {
	TAIL_FIT_HILL,
	TAIL_FIT_KS,
	TAIL_FIT_MEDIAN,
	TAIL_FIT_PEAK,
	TAIL_FIT_WEIGHTWATCHER,
	TAIL_FIT_ALPHAPRUNING,
	TAIL_FIT_POWERLAW,
	TAIL_FITS
};

/* The kinds before this one are fits by their own right; those from it on are as some tool computes them. */
#define TAIL_FIT_FIRST_TOOL TAIL_FIT_WEIGHTWATCHER

/* "hill" and so on. */
const char *tail_fit_name(enum tail_fit_kind kind);

/* The kind of this name; TAIL_FITS if there is none. */
enum tail_fit_kind tail_fit_of_name(const char *name);

/* The kind that equals what a tool computes by default; TAIL_FITS for another. */
enum tail_fit_kind tail_fit_of_tool(const char *name);

/*
 * Fits n >= 2 eigenvalues, with errors as for hill_fit(); k is for Hill's estimate alone. The others
 * take no eigenvalue that is not above its error and HILL_FLOOR: where fewer than two are left, or all of the
 * tail are equal, alpha is nan and the note says so. Their alpha_err is for the cut as it was chosen.
 */
struct tail_fit tail_fit(enum tail_fit_kind kind, const double *eigenvalues, size_t n, size_t k,
			 double lambda_error, double sigma_error);

/*
 * The p-value (goodness_of_fit.h) of a fit that tail_fit() made of these eigenvalues, from a number of
 * replicates drawn from `random`. nan for a fit that is no estimate, and for the kinds but hill, ks and median:
 * replicates would not choose their cut in the same way.
 */
double tail_fit_p_value(enum tail_fit_kind kind, const struct tail_fit *fit,
			const double *eigenvalues, size_t n, double lambda_error,
			double sigma_error, size_t replicates, struct random *random);

/*
 * The law of a fit that tail_fit() made of these eigenvalues beside another, on its tail. Both nan for Hill's
 * estimate, whose tail does not begin with the cut, and for a fit that is no estimate.
 */
struct likelihood_ratio tail_fit_compare(enum tail_fit_kind kind, const struct tail_fit *fit,
					 const double *eigenvalues, size_t n,
					 enum alternative alternative);

#endif
