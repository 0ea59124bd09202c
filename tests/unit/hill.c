/*
 * The Hill fit: closed forms, floors, what it refuses, and that alpha_err bounds what the errors of
 * the eigenvalues may have done.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hill.h"
#include "tap.h"
#include "util.h"

#define U 0x1p-53

/* --- the size of the tail --- */

static void
test_tail_size(void)
{
	static const struct {
		size_t n;
		double fraction;
		size_t k;
	} cases[] = {{2, 0.1, 1},      {3, 0.1, 2},	   {10, 0.1, 9},   {11, 0.1, 10},
		     {100, 0.1, 10},   {109, 0.1, 10},	   {110, 0.1, 11}, {384, 0.1, 38},
		     {4096, 0.1, 409}, {14336, 0.1, 1433}, {100, 1, 99},   {100, 0.5, 50},
		     {100, 1e-9, 10},  {1000, 0.999, 999}, {3, 0.9, 2},	   {2, 1, 1}};
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		wrong += hill_tail_size(cases[i].n, cases[i].fraction) != cases[i].k;
	tap(!wrong, "k is a share of n, 10 at least, and less than n");
}

/* --- closed forms --- */

/*
 * Eigenvalues at the plotting positions of a Pareto density with exponent a: the j-th largest is
 * (j / (n + 1))^(-1 / (a - 1)), so the sum of the logarithms over the reference is
 * (k ln(k + 1) - ln k!) / (a - 1).
 */
static void
test_pareto(double a, size_t n, size_t k)
{
	double *eigenvalues = xmalloc(n * sizeof(*eigenvalues));
	long double order = (long double)k;
	long double wanted = 1 + (a - 1) * order / (order * logl(order + 1) - lgammal(order + 1));
	struct hill hill;
	double tolerance;

	for (size_t j = 1; j <= n; j++)
		eigenvalues[n - j] = pow((double)j / (double)(n + 1), -1 / (a - 1));
	hill = hill_fit(eigenvalues, n, k, 0, 0);
	/*
	 * A quantile errs by a unit in the last place of pow, and by the roundings of its arguments:
	 * ln q (1 + 2 u) / (a - 1). So does the reference. The rest is the fit's own error.
	 */
	tolerance = 2 * (2 * U + 3 * U * log((double)n + 1) / (a - 1)) * (hill.alpha - 1) *
		    (hill.alpha - 1);
	tap(fabsl(hill.alpha - wanted) <= tolerance + hill.alpha_err && hill.k == k &&
		    hill.lambda_ref == fmax(eigenvalues[n - k - 1], HILL_FLOOR) && !*hill.note &&
		    hill.alpha_err > 0,
	    "Pareto quantiles of exponent %g, n = %zu, k = %zu", a, n, k);
	free(eigenvalues);
}

static void
test_pareto_all(void)
{
	static const double exponents[] = {1.5, 2, 3.5, 8};
	static const size_t sizes[] = {2, 20, 384, 4096, 100000};

	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 5; j++) {
			size_t k = hill_tail_size(sizes[j], 0.1);

			test_pareto(exponents[i], sizes[j], k);
			if (k != 1)
				test_pareto(exponents[i], sizes[j], 1);
			if (k != sizes[j] - 1)
				test_pareto(exponents[i], sizes[j], sizes[j] - 1);
		}
}

/* One fit of a few eigenvalues, and what it should give; a negative error means no number at all. */
struct fit_case {
	const char *name;
	double eigenvalues[5];
	size_t n, k;
	double lambda_error, sigma_error;
	double alpha, reference;
	const char *note;
};

#define UNRESOLVED "tail not resolved: eigenvalues below their error"
#define AT_FLOOR   "lambda_ref at its floor of 1e-12"
#define NO_SPREAD  "tail without spread"

static const struct fit_case cases[] = {
	{"two", {1, 4}, 2, 1, 0, 0, 1 + 1 / 1.3862943611198906, 1, ""},
	{"ties in the tail", {1, 2, 2, 4}, 4, 3, 0, 0, 1 + 3 / 2.772588722239781, 1, ""},
	{"a tie with the reference", {1, 2, 2, 4}, 4, 2, 0, 0, 1 + 2 / 0.6931471805599453, 2, ""},
	{"a reference below the floor",
	 {1e-15, 1, 1},
	 3,
	 2,
	 0,
	 0,
	 1 + 2 / 55.262042231857095,
	 1e-12,
	 AT_FLOOR},
	{"a reference of zero", {0, 1}, 2, 1, 0, 0, 1 + 1 / 27.631021115928547, 1e-12, AT_FLOOR},
	{"a reference certainly below the floor",
	 {0, 1},
	 2,
	 1,
	 9e-13,
	 0,
	 1 + 1 / 27.631021115928547,
	 1e-12,
	 AT_FLOOR},
	{"a quotient beyond doubles",
	 {0, 1e300},
	 2,
	 1,
	 0,
	 0,
	 1 + 1 / 718.4065490141423,
	 1e-12,
	 AT_FLOOR},
	{"equal", {3, 3, 3, 3}, 4, 2, 0, 0, 2000000000001, 3, NO_SPREAD},
	{"equal but for errors",
	 {3, 3, 3.0000000001, 3.0000000001},
	 4,
	 2,
	 1e-9,
	 0,
	 -1,
	 3,
	 NO_SPREAD},
	{"zeros", {0, 0, 0, 0}, 4, 2, 0, 0, 2000000000001, 1e-12, "zero matrix"},
	{"all below the floor", {1e-14, 1e-13, 1e-13}, 3, 2, 0, 0, 2000000000001, 1e-12, AT_FLOOR},
	{"zeros below one, exactly", {0, 0, 0, 5}, 4, 2, 0, 0, 2000000000001, 1e-12, AT_FLOOR},
	{"zeros below one, perhaps", {0, 0, 0, 5}, 4, 2, 1e-14, 0, NAN, 1e-12, UNRESOLVED},
	{"zeros where errors lie", {0, 1e-15, 3e-15, 5}, 4, 3, 1e-14, 0, NAN, 1e-12, UNRESOLVED},
	{"a reference below its error", {1e-15, 5, 6}, 3, 2, 1e-11, 0, NAN, 1e-12, UNRESOLVED},
	{"a spread below its error", {1, 1.4, 1.6}, 3, 2, 0.45, 0, NAN, 1, UNRESOLVED},
	{"errors without end", {1, 2, 3}, 3, 2, INFINITY, 0, NAN, 1, UNRESOLVED},
	{"resolved by the SVD's error",
	 {1e-6, 1e-4, 1},
	 3,
	 2,
	 1e-3,
	 1e-9,
	 1 + 2 / 18.420680743952367,
	 1e-6,
	 ""},
};

static bool
gives(const struct hill *hill, const struct fit_case *wanted)
{
	double tolerance = 0;

	if (strcmp(hill->note, wanted->note) || hill->k != wanted->k ||
	    hill->lambda_ref != wanted->reference)
		return false;
	if (isnan(wanted->alpha))
		return isnan(hill->alpha) && isnan(hill->alpha_err);
	/* A tail that has no spread to speak of: what the formula gives is no estimate. */
	if (!strcmp(wanted->note, NO_SPREAD) || wanted->alpha > 1e9)
		return (wanted->alpha < 0 ? hill->alpha > 1e9 : hill->alpha == wanted->alpha) &&
		       hill->alpha_err == INFINITY;
	tolerance = 8 * U * wanted->alpha;
	return fabs(hill->alpha - wanted->alpha) <= tolerance && hill->alpha_err > 0 &&
	       (wanted->lambda_error > 0 || hill->alpha_err < 1e-13);
}

/* --- every k --- */

static bool
is_near(double a, double b)
{
	return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= 1e-12 * fabs(a);
}

/* How many of the fits for every k differ from those of one k at a time. */
static unsigned
count_different(const double *eigenvalues, size_t n, double lambda_error, double sigma_error)
{
	struct hill *fits = xcalloc(n, sizeof(*fits));
	unsigned different = 0;

	hill_fits(eigenvalues, n, lambda_error, sigma_error, fits);
	for (size_t k = 1; k < n; k++) {
		struct hill one = hill_fit(eigenvalues, n, k, lambda_error, sigma_error);
		struct hill *fit = &fits[k - 1];
		/* Where nothing but rounding errs, bounds on it differ by a small factor. */
		bool near = is_near(fit->alpha_err, one.alpha_err) ||
			    (fit->alpha_err < 1e-10 * fit->alpha &&
			     one.alpha_err < 1e-10 * one.alpha) ||
			    fabs(fit->alpha_err - one.alpha_err) < 1e-3 * one.alpha_err;

		different += !near || !is_near(fit->alpha, one.alpha) || fit->k != k ||
			     fit->lambda_ref != one.lambda_ref || strcmp(fit->note, one.note) != 0;
	}
	free(fits);
	return different;
}

static void
test_every_k(void)
{
	unsigned different = 0;
	double pareto[3000];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		different += count_different(cases[i].eigenvalues, cases[i].n,
					     cases[i].lambda_error, cases[i].sigma_error);
	tap(!different, "every k: those of all cases");
	for (size_t j = 1; j <= 3000; j++)
		pareto[3000 - j] = pow((double)j / 3001, -0.5);
	tap(!count_different(pareto, 3000, 0, 0), "every k: Pareto quantiles");
	for (size_t j = 0; j < 500; j++)
		pareto[j] = 0;
	tap(!count_different(pareto, 3000, 0, 0), "every k: with zeros below them");
	tap(!count_different(pareto, 3000, 1e-10, 0), "every k: with zeros and errors");
}

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hill hill = hill_fit(cases[i].eigenvalues, cases[i].n, cases[i].k,
					    cases[i].lambda_error, cases[i].sigma_error);

		if (!tap(gives(&hill, &cases[i]), "%s", cases[i].name))
			printf("# %.17g +- %g, reference %g, %s\n", hill.alpha, hill.alpha_err,
			       hill.lambda_ref, hill.note);
	}
}

/* --- the bound --- */

/* A number from 0 to 1, by splitmix64. */
static double
next_number(uint64_t *state)
{
	uint64_t bits = *state += 0x9e3779b97f4a7c15;

	bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
	bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
	return ldexp((double)((bits ^ bits >> 31) >> 11), -53);
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The definition, in extended precision. */
static long double
alpha_of(const double *eigenvalues, size_t n, size_t k)
{
	long double reference = fmaxl(eigenvalues[n - k - 1], 1e-12L), sum = 0;

	for (size_t i = n - k; i < n; i++)
		sum += logl(eigenvalues[i] / reference);
	return 1 + (long double)k / fmaxl(sum, 1e-12L);
}

#define N 60
#define K 10

/*
 * Moves the eigenvalues by up to their errors: the tail up and the rest down, the other way round, or
 * each at random. Sorted again they are still within their errors of the ones they came from.
 */
static void
perturb(const double *eigenvalues, double lambda_error, double sigma_error, int way,
	uint64_t *state, double *perturbed)
{
	for (size_t i = 0; i < N; i++) {
		double by_sigma = (2 * sqrt(eigenvalues[i]) + sigma_error) * sigma_error;
		double error = sigma_error > 0 ? fmin(by_sigma, lambda_error) : lambda_error;
		double up = way == 0 ? 1 : way == 1 ? -1 : 2 * next_number(state) - 1;

		perturbed[i] = fmax(eigenvalues[i] + (i < N - K ? -up : up) * error, 0);
	}
	qsort(perturbed, N, sizeof(double), compare_doubles);
}

/* What a bound was found to be worth, over many spectra. */
struct worth {
	unsigned spectra, fits, broken;
	unsigned different;   /* of the fits for every k */
	double largest_ratio; /* of the change of alpha to alpha_err */
};

static void
test_spectrum(const double *eigenvalues, double lambda_error, double sigma_error, uint64_t *state,
	      struct worth *worth)
{
	struct hill hill = hill_fit(eigenvalues, N, K, lambda_error, sigma_error);
	double perturbed[N];

	worth->spectra++;
	if (!isfinite(hill.alpha_err))
		return;
	worth->fits++;
	for (int way = 0; way < 6; way++) {
		double change;

		perturb(eigenvalues, lambda_error, sigma_error, way, state, perturbed);
		change = (double)fabsl(alpha_of(perturbed, N, K) - hill.alpha);
		worth->broken += !(change <= hill.alpha_err);
		worth->largest_ratio = fmax(worth->largest_ratio, change / hill.alpha_err);
	}
}

/* Spectra of a scale and errors of a size, relative to the largest or, by sigma, to its root. */
static struct worth
test_spectra(double scale, double error, bool by_sigma)
{
	struct worth worth = {0};
	uint64_t state = 1;

	for (int i = 0; i < 2000; i++) {
		double eigenvalues[N], exponent = 1 + 4 * next_number(&state), largest;

		for (size_t j = 0; j < N; j++)
			eigenvalues[j] = scale * pow(next_number(&state) + 1e-9, -1 / exponent);
		qsort(eigenvalues, N, sizeof(double), compare_doubles);
		largest = eigenvalues[N - 1];
		if (i % 20 == 0)
			worth.different += count_different(eigenvalues, N, error * largest,
							   by_sigma ? error * sqrt(largest) / 2
								    : 0);
		if (by_sigma)
			test_spectrum(eigenvalues, 2 * error * largest, error * sqrt(largest),
				      &state, &worth);
		else
			test_spectrum(eigenvalues, error * largest, 0, &state, &worth);
	}
	return worth;
}

static void
test_bound(void)
{
	static const double errors[] = {1e-14, 1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 0.05};

	for (int by_sigma = 0; by_sigma < 2; by_sigma++)
		for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
			struct worth worth = test_spectra(1, errors[i], by_sigma);

			/* Large errors change the order, and then not all can add up. */
			tap(!worth.broken && !worth.different && worth.fits > worth.spectra / 20 &&
				    worth.largest_ratio > (errors[i] > 0.01 ? 0.5 : 0.9),
			    "alpha_err bounds what errors of %g do, %s: %u of %u fits, "
			    "largest ratio %.3g",
			    errors[i], by_sigma ? "sigma" : "lambda", worth.fits, worth.spectra,
			    worth.largest_ratio);
		}
}

/* References on both sides of the floor, near enough to cross it. */
static void
test_bound_at_floor(void)
{
	static const double scales[] = {3e-13, 5e-13, 1e-12, 2e-12};

	for (size_t i = 0; i < 4; i++) {
		struct worth worth = test_spectra(scales[i], 0.01, false);

		tap(!worth.broken && !worth.different && worth.fits > worth.spectra / 20,
		    "alpha_err across the floor, scale %g: %u of %u fits", scales[i], worth.fits,
		    worth.spectra);
	}
}

int
main(void)
{
	test_tail_size();
	test_pareto_all();
	test_cases();
	test_every_k();
	test_bound();
	test_bound_at_floor();
	return tap_done();
}
