/*
 * Whether values can be of a power law above a cut: the p-value of Clauset, Shalizi, Newman, SIAM Review 51
 * (2009) 661, section 4.1.
 *
 * Replicates are drawn from the law that was fitted and are fitted in the same way. The p-value is the share
 * of replicates whose D is no less than that of the values: little where values lie farther from their law
 * than those of a power law do from theirs. It supposes independent values; eigenvalues of one matrix repel
 * each other and lie nearer to a law, so theirs comes out larger. Its standard deviation by chance is at most
 * 1 / (2 sqrt(replicates)).
 */
#ifndef GOODNESS_OF_FIT_H
#define GOODNESS_OF_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "power_law.h"
#include "random.h"

/*
 * For a law that power_law_search() found for n values, all cuts tried, given by the logarithms of
 * power_law_logarithms(). A replicate has as many values: with the share of those from the cut on, one from
 * the law, otherwise one of the values below the cut; and it has a cut of its own. At least one replicate, drawn
 * from `random`. nan for a law that was not found.
 *
 * As the cut is searched, samples of a power law get p-values that are somewhat too large, 0.57 on average
 * in tests/study-p-values.py, and other laws are hard to reject: a short enough tail looks like a power law.
 */
double goodness_of_fit_of_search(const double *logarithms, size_t n, const struct power_law *law,
				 size_t replicates, struct random *random);

/*
 * For a law fitted by maximum likelihood to the n values above a fixed number of others, or with the cut
 * the first of the n, at a distance from them. Their own values do not matter, and neither does alpha: the
 * logarithms over the cut are exponential, in units of their mean (H. W. Lilliefors, Journal of the American
 * Statistical Association 64 (1969) 387). P-values of samples of a power law are uniform.
 */
double goodness_of_fit_at_cut(size_t n, bool cut_is_first, double distance, size_t replicates,
			      struct random *random);

#endif
