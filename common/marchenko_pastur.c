#include "marchenko_pastur.h"

#include <math.h>
#include <stdbool.h>

#define PI 3.14159265358979323846

/* Bisections of the angle: enough for all digits of a double. */
#define BISECTIONS 60

/* Steps of the double-exponential rule to each side of the middle, and their width. */
#define QUADRATURE_STEPS 56
#define QUADRATURE_WIDTH 0.0625

/*
 * Points of the support are angles t from its upper edge: x = 1 + q + 2 sqrt(q) cos t, which is
 * (1 - sqrt(q))^2 + 4 sqrt(q) cos^2(t / 2), a sum without cancellation. The square root in
 * the density is then 2 sqrt(q) sin t, and the density of t is smooth:
 *     (2 / pi) sin(t)^2 / (1 + q + 2 sqrt(q) cos t).
 */
static double
at_angle(double angle, double aspect)
{
	double half = cos(angle / 2);

	return marchenko_pastur_lower_edge(aspect) + 4 * sqrt(aspect) * half * half;
}

static double
angle_of(double x, double aspect)
{
	double lower = marchenko_pastur_lower_edge(aspect);
	double upper = marchenko_pastur_upper_edge(aspect);

	/* tan(t / 2)^2 = (b - x) / (x - a) */
	return 2 * atan2(sqrt(fmax(upper - x, 0)), sqrt(fmax(x - lower, 0)));
}

/*
 * The share of eigenvalues at angles up to t, with s = sqrt(q): the integral of sin^2 / (1 + q + 2 s cos) is
 *     t / 2 - sin(t) / (2 s) + (1 - q) / (2 q) arctan(s sin(t) / (1 + s cos(t))),
 * by dividing the polynomial in cos t and writing the arctangent for the difference of two angles that
 * nearly cancel where q is small.
 */
static double
share_above_angle(double angle, double aspect)
{
	double s = sqrt(aspect);
	double difference = atan2(s * sin(angle), 1 + s * cos(angle));
	double integral = angle / 2 - sin(angle) / (2 * s) +
			  (1 - aspect) * difference / (2 * aspect);

	return fmin(fmax(2 / PI * integral, 0), 1);
}

static bool
is_aspect(double aspect)
{
	return aspect > 0 && aspect <= 1;
}

double
marchenko_pastur_lower_edge(double aspect)
{
	return is_aspect(aspect) ? (1 - sqrt(aspect)) * (1 - sqrt(aspect)) : NAN;
}

double
marchenko_pastur_upper_edge(double aspect)
{
	return is_aspect(aspect) ? (1 + sqrt(aspect)) * (1 + sqrt(aspect)) : NAN;
}

double
marchenko_pastur_density(double x, double aspect)
{
	double lower = marchenko_pastur_lower_edge(aspect);
	double upper = marchenko_pastur_upper_edge(aspect);

	if (!is_aspect(aspect) || isnan(x))
		return NAN;
	if (x <= lower || x >= upper)
		return 0;
	return sqrt((upper - x) * (x - lower)) / (2 * PI * aspect * x);
}

double
marchenko_pastur_survival(double x, double aspect)
{
	if (!is_aspect(aspect) || isnan(x))
		return NAN;
	return share_above_angle(angle_of(x, aspect), aspect);
}

double
marchenko_pastur_distribution(double x, double aspect)
{
	return 1 - marchenko_pastur_survival(x, aspect);
}

/* The angle above which the share of 0 to 1 lies. */
static double
angle_of_share(double share, double aspect)
{
	double low = 0, high = PI;

	for (int i = 0; i < BISECTIONS; i++) {
		double middle = (low + high) / 2;

		if (share_above_angle(middle, aspect) < share)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

double
marchenko_pastur_quantile(double share, double aspect)
{
	if (!is_aspect(aspect) || !(share >= 0 && share <= 1))
		return NAN;
	return at_angle(angle_of_share(1 - share, aspect), aspect);
}

/* ln(x / x_t) times the density, at an angle below that of the threshold x_t. */
static double
log_excess_at(double angle, double threshold, double aspect)
{
	double x = at_angle(angle, aspect), sine = sin(angle);

	return x > threshold ? log(x / threshold) * 2 / PI * sine * sine / x : 0;
}

/* Its integral over angles from 0 to end. The substitution makes both ends, the singular one too, decay. */
static double
integrate_log_excess(double end, double aspect)
{
	double threshold = at_angle(end, aspect), sum = 0;

	for (int i = -QUADRATURE_STEPS; i <= QUADRATURE_STEPS; i++) {
		double u = i * QUADRATURE_WIDTH, inner = PI / 2 * sinh(u);
		double weight = PI / 2 * cosh(u) / (cosh(inner) * cosh(inner));

		sum += weight * log_excess_at(end * (1 + tanh(inner)) / 2, threshold, aspect);
	}
	return sum * QUADRATURE_WIDTH * end / 2;
}

double
alpha_null(double aspect, double share)
{
	if (!is_aspect(aspect) || !(share > 0 && share < 1))
		return NAN;
	return 1 + share / integrate_log_excess(angle_of_share(share, aspect), aspect);
}
