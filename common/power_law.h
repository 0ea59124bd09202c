/*
 * Power laws fitted by maximum likelihood, from the cut that fits best on.
 *
 * For x_i <= ... <= x_N, the N - i + 1 = n values from the cut x_i on, the density
 * ((a - 1) / x_i) (x / x_i)^-a has its maximum likelihood at
 *     a = 1 + n / sum_{j >= i} ln(x_j / x_i),
 * and the cut is the one whose law is nearest to the data in the distance of Kolmogorov and Smirnov,
 *     D = max_{x >= x_i} |S(x) - P(x)|,   P(x) = 1 - (x / x_i)^(1 - a),
 * S being the share of the n values that are at most x: A. Clauset, C. R. Shalizi, M. E. J. Newman,
 * SIAM Review 51 (2009) 661, equations 3.1 and 3.9.
 *
 * S jumps at every value, and D is the larger of the distances to both sides of a jump. Some programs
 * take the lower side alone; power_law_rules can say so.
 */
#ifndef POWER_LAW_H
#define POWER_LAW_H

#include <stdbool.h>
#include <stddef.h>

/* Which cuts are tried, and how each is judged. */
struct power_law_rules {
	size_t first, end; /* the cuts are the values with these numbers, end excluded; end < n */
	bool lower_side;   /* S is the share of the values that are less than x */
	bool all_ties;	   /* the second of two equal values is a cut as well, without the first */
	double most_alpha; /* laws are tried whose alpha is less; 0: all */
};

struct power_law {
	size_t cut;	 /* the number of the value x_i, counted from 0 */
	double alpha;	 /* the exponent of the density */
	double distance; /* D */
};

/*
 * The logarithms of n positive, normal, ascending values, to be given to the functions below, and for each
 * the sum of the logarithms of the values above it less its own: sums[i] = sum_{j > i} (y_j - y_i),
 * without cancellation. Both arrays are the caller's and have n places.
 */
void power_law_logarithms(const double *values, size_t n, double *logarithms, double *sums);

/* The second of these alone, of n ascending logarithms. */
void power_law_sums(const double *logarithms, size_t n, double *sums);

/* The law from one cut on, which must be below n - 1. Values that all equal the cut: alpha is infinite. */
struct power_law power_law_at(const double *logarithms, const double *sums, size_t n, size_t cut,
			      bool lower_side);

/*
 * The law of the cut with the least D; of equals the first. Cuts whose alpha is infinite are passed over;
 * when there is no other, cut is n and the numbers are nan.
 *
 * The result is that of computing every D in full, to the last bit, in a small part of the time: as S and
 * P only grow, a few points of each law bound what lies between them, and so which laws and which parts
 * of them can have the least of the greatest distances.
 */
struct power_law power_law_search(const double *logarithms, const double *sums, size_t n,
				  const struct power_law_rules *rules);

/*
 * Whether the law of some cut has a D below this distance: what power_law_search() would say, in less time
 * where it is so.
 */
bool power_law_comes_within(const double *logarithms, const double *sums, size_t n,
			    const struct power_law_rules *rules, double distance);

/*
 * The distance D of a law P(x) = 1 - e^(-rate (y - origin)), y = ln x, from n ascending values that are
 * given by their logarithms.
 */
double power_law_distance(const double *logarithms, size_t n, double origin, double rate);

#endif
