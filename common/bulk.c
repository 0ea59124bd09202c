#include "bulk.h"

#include <math.h>

#include "marchenko_pastur.h"
#include "statistics.h"

/* F. Bornemann, Markov Processes and Related Fields 16 (2010) 803: the law's distribution function is 0.95. */
#define TRACY_WIDOM_95 0.97932

/* The margin for noise of variance 1. */
static double
margin_of(double larger, double smaller)
{
	double m = sqrt(larger - 1), n = sqrt(smaller);

	return (m + n) * (m + n) + (m + n) * cbrt(1 / m + 1 / n) * TRACY_WIDOM_95;
}

struct bulk
bulk_fit(const double *eigenvalues, size_t n, size_t larger, size_t smaller)
{
	struct bulk bulk = {NAN, NAN, NAN, NAN, 0};
	double aspect = (double)smaller / (double)larger, median = quantile(eigenvalues, n, 0.5);

	if (smaller < 2 || !(median > 0))
		return bulk;
	bulk.scale = median / marchenko_pastur_quantile(0.5, aspect);
	bulk.lower = bulk.scale * marchenko_pastur_lower_edge(aspect);
	bulk.upper = bulk.scale * marchenko_pastur_upper_edge(aspect);
	bulk.margin = bulk.scale / (double)larger * margin_of((double)larger, (double)smaller);
	while (bulk.spikes < n && eigenvalues[n - 1 - bulk.spikes] > bulk.margin)
		bulk.spikes++;
	return bulk;
}
