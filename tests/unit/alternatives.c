/* Likelihood ratios where they are known in closed form, and the signs that samples of each law must give. */
#include <math.h>
#include <stdlib.h>

#include "alternatives.h"
#include "tap.h"

enum { COUNT = 2000 };

/* Quantiles of a law as values of s = ln(x / cut), the first 0. */
static void
quantiles(double (*law)(double), double *values)
{
	for (unsigned i = 0; i < COUNT; i++)
		values[i] = law((double)i / COUNT);
}

static double
pareto(double share)
{
	return -log1p(-share) / 1.5;
}

static double
exponential(double share)
{
	return log1p(-log1p(-share) / 2);
}

/* Of ln x half-normal: a lognormal law cut off at its median. */
static double
lognormal(double share)
{
	double low = 0, high = 40;

	for (unsigned i = 0; i < 80; i++)
		*(erf((low + high) / 2 / sqrt(2)) < share ? &low : &high) = (low + high) / 2;
	return low;
}

static void
test_samples(void)
{
	double values[COUNT];
	struct likelihood_ratio ratio;

	quantiles(pareto, values);
	ratio = likelihood_ratio(ALTERNATIVE_EXPONENTIAL, values, COUNT);
	tap(ratio.ratio > 100 && ratio.p < 1e-4, "a power law, not an exponential: %g, p %g",
	    ratio.ratio, ratio.p);
	for (enum alternative i = 0; i < ALTERNATIVES; i++) {
		ratio = likelihood_ratio(i, values, COUNT);
		tap(ratio.ratio > -1, "a power law: law %d is no better: %g", i, ratio.ratio);
	}
	quantiles(exponential, values);
	ratio = likelihood_ratio(ALTERNATIVE_EXPONENTIAL, values, COUNT);
	tap(ratio.ratio < -20 && ratio.p < 1e-4, "an exponential law: %g, p %g", ratio.ratio,
	    ratio.p);
	tap(likelihood_ratio(ALTERNATIVE_TRUNCATED, values, COUNT).ratio <= ratio.ratio,
	    "a truncated law holds it");
	quantiles(lognormal, values);
	ratio = likelihood_ratio(ALTERNATIVE_LOGNORMAL, values, COUNT);
	tap(ratio.ratio < -20 && ratio.p < 1e-4, "a lognormal law: %g, p %g", ratio.ratio, ratio.p);
}

/*
 * 0, ln 2, ln 4: mean(s) = ln 2 and mean(t - 1) = 4 / 3, so the power law has b = 1 / ln 2 and -ln ln 2 - 1 on
 * average, and the exponential law ln(3 / 4) + ln 2 - 1.
 */
static void
test_three(void)
{
	double values[] = {0, log(2), log(4)}, spread[] = {0, 0.01, 5}, two[] = {0, 0, 0};
	double wanted = 3 * (-log(log(2)) - 1 - (log(0.75) + log(2) - 1));
	struct likelihood_ratio ratio = likelihood_ratio(ALTERNATIVE_EXPONENTIAL, values, 3);

	tap(fabs(ratio.ratio - wanted) < 1e-14, "three values by hand: %g", ratio.ratio - wanted);
	/* mean(s^2) is above 2 mean(s)^2. */
	ratio = likelihood_ratio(ALTERNATIVE_LOGNORMAL, spread, 3);
	tap(ratio.ratio == 0 && ratio.p == 1, "the likeliest lognormal law is the power law");
	for (enum alternative i = 0; i < ALTERNATIVES; i++)
		tap(isnan(likelihood_ratio(i, two, 3).ratio) &&
			    isnan(likelihood_ratio(i, values, 2).p),
		    "law %d: nan without spread, and for two values", i);
}

int
main(void)
{
	test_three();
	test_samples();
	return tap_done();
}
