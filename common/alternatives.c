#include "alternatives.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util.h"

/* Integrals are taken so far from the peak that the integrand has fallen by e^-45, in panels of four points. */
#define NEGLIGIBLE 45.0
#define PANELS	   256

/* Newton's method ends when a step promises less than this, relative to the likelihood of one value. */
#define TOLERANCE  1e-13
#define MOST_STEPS 200

/* exp(-b s - c h(s)) on s >= 0. */
struct family {
	double (*statistic)(double s); /* h, convex, 0 at 0 */
	/* Where b + c h' is 0, for b below -c h'(0); and h'(0). */
	double (*mode)(double b, double c);
	double slope;
};

static double
square_of(double s)
{
	return s * s;
}

static double
mode_of_square(double b, double c)
{
	return -b / (2 * c);
}

static double
mode_of_expm1(double b, double c)
{
	return log(-b / c);
}

static const struct family lognormal = {square_of, mode_of_square, 0};
static const struct family truncated = {expm1, mode_of_expm1, 1};

/* The logarithm of the integral, and the moments of s and h. */
struct moments {
	double log_integral;
	double s, h, ss, sh, hh; /* the last three about the means */
};

static double
exponent(const struct family *family, double b, double c, double s)
{
	return -b * s - c * family->statistic(s);
}

/* Adds a point with its weight; the second moments about zero. */
static void
add_point(struct moments *sums, double s, double h, double weight)
{
	sums->log_integral += weight;
	sums->s += weight * s;
	sums->h += weight * h;
	sums->ss += weight * s * s;
	sums->sh += weight * s * h;
	sums->hh += weight * h * h;
}

/* The means of what was added up, for an integrand that was divided by e^top. */
static struct moments
means_of(const struct moments *sums, double top)
{
	double mass = sums->log_integral, s = sums->s / mass, h = sums->h / mass;

	return (struct moments){.log_integral = top + log(mass),
				.s = s,
				.h = h,
				.ss = sums->ss / mass - s * s,
				.sh = sums->sh / mass - s * h,
				.hh = sums->hh / mass - h * h};
}

/* How far from the mode, in one direction, the integrand is negligible. */
static double
reach_of(const struct family *family, double b, double c, double mode, double direction)
{
	double top = exponent(family, b, c, mode), reach = 1e-6;

	while (exponent(family, b, c, mode + direction * reach) > top - NEGLIGIBLE && reach < 1e6)
		reach *= 1.25;
	return reach;
}

/* By the rule of Gauss and Legendre with four points. */
static struct moments
moments_of(const struct family *family, double b, double c)
{
	static const double points[] = {0.06943184420297371, 0.33000947820757187,
					0.6699905217924281, 0.9305681557970263};
	static const double weights[] = {0.17392742256872693, 0.32607257743127307,
					 0.32607257743127307, 0.17392742256872693};
	double mode = b + c * family->slope < 0 ? family->mode(b, c) : 0;
	double top = exponent(family, b, c, mode);
	double first = fmax(0, mode - reach_of(family, b, c, mode, -1));
	double width = (mode + reach_of(family, b, c, mode, 1) - first) / PANELS;
	struct moments sums = {0};

	for (size_t panel = 0; panel < PANELS; panel++)
		for (size_t i = 0; i < 4; i++) {
			double s = first + ((double)panel + points[i]) * width;
			double height = exp(exponent(family, b, c, s) - top);

			add_point(&sums, s, family->statistic(s), weights[i] * width * height);
		}
	return means_of(&sums, top);
}

/* A law of a family, with the logarithm of its integral. */
struct law {
	double b, c, log_integral;
	bool is_found;
};

/* The logarithm of the likelihood of one value, on average, for values with these means of s and h. */
static double
likelihood(const struct law *law, double s, double h)
{
	return -law->b * s - law->c * h - law->log_integral;
}

/* The longest of the steps that stays in the domain and makes the values likelier. */
static bool
take_step(const struct family *family, struct law *law, struct moments *moments, double s, double h,
	  double step_b, double step_c)
{
	double before = likelihood(law, s, h);

	for (double share = 1; share > 1e-12; share /= 2) {
		struct law next = {law->b + share * step_b, law->c + share * step_c, 0, false};
		struct moments found;

		if (!(next.c > 0))
			continue;
		found = moments_of(family, next.b, next.c);
		next.log_integral = found.log_integral;
		if (likelihood(&next, s, h) > before) {
			*law = next;
			*moments = found;
			return true;
		}
	}
	return false;
}

/* Newton's method from a law on, for values with these means of s and h. */
static struct law
climb(const struct family *family, struct law law, double s, double h)
{
	struct moments moments = moments_of(family, law.b, law.c);

	law.log_integral = moments.log_integral;
	for (unsigned step = 0; step < MOST_STEPS && !law.is_found; step++) {
		double slope_b = moments.s - s, slope_c = moments.h - h;
		double determinant = moments.ss * moments.hh - moments.sh * moments.sh;
		double step_b = (moments.hh * slope_b - moments.sh * slope_c) / determinant;
		double step_c = (moments.ss * slope_c - moments.sh * slope_b) / determinant;
		bool is_near = slope_b * step_b + slope_c * step_c < TOLERANCE;

		if (!isfinite(step_b) || !isfinite(step_c))
			break;
		/* Near the maximum a likelihood that does not grow has been reached. */
		if (!take_step(family, &law, &moments, s, h, step_b, step_c) || is_near) {
			law.is_found = is_near || slope_b * step_b + slope_c * step_c < 1e-9;
			break;
		}
	}
	return law;
}

/* The likeliest law of a family; c is 0 where that is the power law. */
static struct law
fit_family(const struct family *family, double s, double h)
{
	double b = 1 / s;
	/* The mean of h under the power law; that of t - 1 is infinite up to alpha = 2. */
	double null = family == &lognormal ? 2 * s * s : b > 1 ? 1 / (b - 1) : INFINITY;

	if (h >= null)
		return (struct law){b, 0, -log(b), true};
	return climb(family, (struct law){b, 0.1 / h, 0, false}, s, h);
}

/* What a value adds to the ratio: the logarithm of its density under the power law less that under the other. */
static double
term_of(enum alternative alternative, double rate, const struct law *law, double s)
{
	double power = log(rate) - rate * s;

	if (alternative == ALTERNATIVE_EXPONENTIAL)
		return power - (law->b + s - law->c * expm1(s));
	return power - (exponent(alternative == ALTERNATIVE_LOGNORMAL ? &lognormal : &truncated,
				 law->b, law->c, s) -
			law->log_integral);
}

/* The law that is fitted; of an exponential one b is ln L and c is L. */
static struct law
fit_law(enum alternative alternative, const double *logarithms, size_t n)
{
	double s = 0, square = 0, excess = 0, count = (double)n;

	for (size_t i = 0; i < n; i++) {
		s += logarithms[i] / count;
		square += logarithms[i] * logarithms[i] / count;
		excess += expm1(logarithms[i]) / count;
	}
	if (n < 3 || !(s > 0) || !isfinite(excess))
		return (struct law){0};
	switch (alternative) {
	case ALTERNATIVE_LOGNORMAL: return fit_family(&lognormal, s, square);
	case ALTERNATIVE_TRUNCATED: return fit_family(&truncated, s, excess);
	default: return (struct law){-log(excess), 1 / excess, 0, true};
	}
}

struct likelihood_ratio
likelihood_ratio(enum alternative alternative, const double *logarithms, size_t n)
{
	struct law law = fit_law(alternative, logarithms, n);
	double rate = 0, ratio = 0, variance = 0, count = (double)n;

	if (!law.is_found)
		return (struct likelihood_ratio){NAN, NAN};
	if (!(law.c > 0))
		return (struct likelihood_ratio){0, 1};
	for (size_t i = 0; i < n; i++)
		rate += logarithms[i] / count;
	rate = 1 / rate;
	for (size_t i = 0; i < n; i++)
		ratio += term_of(alternative, rate, &law, logarithms[i]);
	for (size_t i = 0; i < n; i++) {
		double excess = term_of(alternative, rate, &law, logarithms[i]) - ratio / count;

		variance += excess * excess / count;
	}
	return (struct likelihood_ratio){ratio,
					 alternative == ALTERNATIVE_TRUNCATED
						 ? erfc(sqrt(fabs(ratio)))
						 : erfc(fabs(ratio) / sqrt(2 * count * variance))};
}
