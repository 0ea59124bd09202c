/*
 * The law of Marchenko and Pastur against closed forms: the square case, moments, and limits that are
 * known; alpha_null against the values of another quadrature, tests/gen/alpha-null.py.
 */
#include <math.h>

#include "marchenko_pastur.h"
#include "tap.h"

#define PI 3.14159265358979323846

static const double aspects[] = {1, 0.5, 0.37, 0.25, 0.01, 1e-4};

enum { ASPECTS = sizeof(aspects) / sizeof(*aspects) };

/* q = 1: F(x) = (sqrt(x (4 - x)) + 4 arcsin(sqrt(x) / 2)) / (2 pi), the square of a quarter circle. */
static void
check_square(void)
{
	double worst = 0;

	for (double x = 0; x <= 4; x += 0.0625) {
		double expected = (sqrt(x * (4 - x)) + 4 * asin(sqrt(x) / 2)) / (2 * PI);

		worst = fmax(worst, fabs(marchenko_pastur_distribution(x, 1) - expected));
	}
	tap(worst < 1e-14, "aspect 1: the distribution in closed form, within %.1e", worst);
}

static void
check_edges(void)
{
	bool passed = true;

	for (int i = 0; i < ASPECTS; i++) {
		double lower = marchenko_pastur_lower_edge(aspects[i]);
		double upper = marchenko_pastur_upper_edge(aspects[i]);

		passed &= marchenko_pastur_distribution(lower, aspects[i]) < 1e-12 &&
			  marchenko_pastur_distribution(upper, aspects[i]) == 1 &&
			  marchenko_pastur_distribution(lower - 1, aspects[i]) < 1e-12 &&
			  marchenko_pastur_survival(upper + 1, aspects[i]) == 0 &&
			  marchenko_pastur_density(upper + 1, aspects[i]) == 0 &&
			  marchenko_pastur_density(lower / 2, aspects[i]) == 0;
	}
	tap(passed, "all of the mass lies between the edges");
}

/* The distribution's slope is the density: a central difference errs by h^2 F''' / 6. */
static void
check_slope(void)
{
	double worst = 0;

	for (int i = 0; i < ASPECTS; i++) {
		double lower = marchenko_pastur_lower_edge(aspects[i]);
		double width = marchenko_pastur_upper_edge(aspects[i]) - lower, h = width * 1e-4;

		for (double share = 0.125; share < 1; share += 0.125) {
			double x = lower + share * width;
			double slope = (marchenko_pastur_distribution(x + h, aspects[i]) -
					marchenko_pastur_distribution(x - h, aspects[i])) /
				       (2 * h);

			worst = fmax(worst,
				     fabs(slope / marchenko_pastur_density(x, aspects[i]) - 1));
		}
	}
	tap(worst < 1e-6, "the distribution's slope is the density, within %.1e", worst);
}

/* The mean of x is 1 for every aspect, that of x^2 is 1 + q: sums over quantiles at the middles. */
static void
check_moments(void)
{
	enum { POINTS = 4000 };
	double worst = 0;

	for (int i = 0; i < ASPECTS; i++) {
		double mean = 0, square = 0;

		for (int j = 0; j < POINTS; j++) {
			double x = marchenko_pastur_quantile((j + 0.5) / POINTS, aspects[i]);

			mean += x / POINTS;
			square += x * x / POINTS;
		}
		worst = fmax(worst, fmax(fabs(mean - 1), fabs(square - 1 - aspects[i])));
	}
	tap(worst < 1e-4, "mean 1 and second moment 1 + q, within %.1e", worst);
}

static void
check_quantiles(void)
{
	double worst = 0;

	for (int i = 0; i < ASPECTS; i++)
		for (double share = 0.0625; share < 1; share += 0.0625) {
			double x = marchenko_pastur_quantile(share, aspects[i]);

			worst = fmax(worst,
				     fabs(marchenko_pastur_distribution(x, aspects[i]) - share));
		}
	tap(worst < 1e-12, "quantiles invert the distribution, within %.1e", worst);
}

/* The values of another quadrature, and how far off the worst of ours is; nan if they cannot be read. */
static double
worst_alpha_null(size_t *count)
{
	FILE *golden = fopen("tests/golden/alpha-null.tsv", "r");
	double aspect, share, expected, worst = golden && fscanf(golden, "%*[^\n]") == 0 ? 0 : NAN;

	*count = 0;
	while (golden && fscanf(golden, "%lf %lf %lf", &aspect, &share, &expected) == 3) {
		worst = fmax(worst, fabs(alpha_null(aspect, share) / expected - 1));
		++*count;
	}
	if (golden)
		fclose(golden);
	return worst;
}

static void
check_alpha_null(void)
{
	size_t count;
	double worst = worst_alpha_null(&count), limit;

	tap(count >= 40 && worst < 1e-9, "alpha_null of %zu aspects and shares, within %.1e", count,
	    worst);
	/* At aspect 1 and all of the tail x_t tends to 0, and alpha - 1 to -1 / ln(x_t): to 0, slowly. */
	limit = alpha_null(1, 1 - 1e-9);
	tap(limit > 1 && limit < 1.05, "of a square matrix as a whole: nearly 1");
	tap(isnan(alpha_null(0, 0.1)) && isnan(alpha_null(1.5, 0.1)) && isnan(alpha_null(1, 0)) &&
		    isnan(alpha_null(1, 1)) && isnan(alpha_null(NAN, 0.1)),
	    "nan for what is no aspect or share");
}

int
main(void)
{
	check_square();
	check_edges();
	check_slope();
	check_moments();
	check_quantiles();
	check_alpha_null();
	return tap_done();
}
