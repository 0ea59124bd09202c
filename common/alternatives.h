/*
 * Other laws beside the power law of a tail, by the ratio of their likelihoods: A. Clauset, C. R. Shalizi,
 * M. E. J. Newman, SIAM Review 51 (2009) 661, section 5 and appendix C.
 *
 * For values x >= x_i, the cut, let s = ln(x / x_i) and t = x / x_i. Each law is fitted to the values from the
 * cut on by maximum likelihood; as densities of s,
 *
 *     power law            b e^(-b s),  b = alpha - 1
 *     exponential law      L e^(s - L (t - 1)),  L = 1 / mean(t - 1)
 *     lognormal law        e^(-b s - c s^2) / Z,  c >= 0
 *     truncated power law  e^(-b s - c (t - 1)) / Z,  c >= 0
 *
 * The lognormal law has sigma^2 = 1 / (2 c) and mu = ln x_i - b sigma^2, cut off below x_i. The last two are
 * exponential families, so their likelihood is concave: there is one maximum, and where it is at c = 0 the
 * law is the power law itself.
 */
#ifndef ALTERNATIVES_H
#define ALTERNATIVES_H

#include <stddef.h>

enum alternative {
	ALTERNATIVE_LOGNORMAL,
	ALTERNATIVE_EXPONENTIAL,
	ALTERNATIVE_TRUNCATED,
	ALTERNATIVES
};

struct likelihood_ratio {
	double ratio; /* the logarithm; positive where the power law is the likelier one */
	double p;     /* how often chance alone makes its size as large */
};

/*
 * The power law beside another for n ascending values, given by their logarithms over the first, which is 0
 * therefore. p is that of Q. H. Vuong, Econometrica 57 (1989) 307, two-sided,
 *     p = erfc(|R| / sqrt(2 n v)),  v the variance of the n terms of R,
 * and for the truncated law, which holds the power law in it, that of S. S. Wilks, Annals of Mathematical
 * Statistics 9 (1938) 60, with one degree of freedom, erfc(sqrt|R|). Where both laws are one, 0 and 1.
 * Both nan for fewer than three values, values without spread, and a search that did not end.
 */
struct likelihood_ratio likelihood_ratio(enum alternative alternative, const double *logarithms,
					 size_t n);

#endif
