#include "tail_fit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "goodness_of_fit.h"
#include "power_law.h"
#include "util.h"

/* The bins of the histogram whose mode is the peak, and the cuts beside it, in units of it. */
#define PEAK_BINS  100
#define PEAK_LEAST 0.95
#define PEAK_MOST  1.5

#define LN10 2.302585092994046

/* The eigenvalues that a law may be fitted to, as power_law.h takes them. */
struct sample {
	const double *values, *logarithms, *sums;
	size_t n;
};

/* What WeightWatcher takes of a spectrum, and of how many it does otherwise. */
#define WEIGHTWATCHER_LEAST 1e-5
#define WEIGHTWATCHER_FEW   20

/* Where powerlaw ends its search for alpha; a law at that limit is not valid. */
#define POWERLAW_MOST_ALPHA 3

#define NO_SPREAD   "tail without spread"
#define NOT_AT_PEAK "no eigenvalue near the peak"

/* Chooses the cuts to try; returns false if there is none. */
typedef bool choose_cuts(const struct sample *sample, struct power_law_rules *rules);

static bool
all_cuts(const struct sample *sample, struct power_law_rules *rules)
{
	*rules = (struct power_law_rules){.first = 0, .end = sample->n - 1};
	return true;
}

static bool
middle_cut(const struct sample *sample, struct power_law_rules *rules)
{
	size_t middle = sample->n / 2;

	/* Of two eigenvalues the upper is no cut. */
	middle = middle < sample->n - 1 ? middle : sample->n - 2;
	*rules = (struct power_law_rules){.first = middle, .end = middle + 1, .all_ties = true};
	return true;
}

/* The left edge of the fullest bin of the logarithms, of equals the first. */
static double
peak_of(const double *logarithms, size_t n)
{
	double low = logarithms[0], width = (logarithms[n - 1] - low) / PEAK_BINS;
	size_t counts[PEAK_BINS] = {0}, fullest = 0;

	if (!(width > 0))
		return low;
	for (size_t i = 0; i < n; i++) {
		double place = (logarithms[i] - low) / width;

		counts[place < PEAK_BINS ? (size_t)place : PEAK_BINS - 1]++;
	}
	for (size_t i = 1; i < PEAK_BINS; i++)
		if (counts[i] > counts[fullest])
			fullest = i;
	return low + (double)fullest * width;
}

/* The cuts from least to most. */
static bool
cuts_between(const struct sample *sample, double least, double most, struct power_law_rules *rules)
{
	*rules = (struct power_law_rules){0};
	while (rules->first < sample->n - 1 && sample->values[rules->first] < least)
		rules->first++;
	rules->end = rules->first;
	while (rules->end < sample->n - 1 && sample->values[rules->end] <= most)
		rules->end++;
	return rules->end > rules->first;
}

static bool
cuts_at_peak(const struct sample *sample, struct power_law_rules *rules)
{
	double peak = exp(peak_of(sample->logarithms, sample->n));

	return cuts_between(sample, PEAK_LEAST * peak, PEAK_MOST * peak, rules);
}

static bool
cuts_of_alphapruning(const struct sample *sample, struct power_law_rules *rules)
{
	double peak = exp(peak_of(sample->logarithms, sample->n));
	bool found = cuts_between(sample, log10(PEAK_LEAST * peak), PEAK_MOST * peak, rules);

	rules->lower_side = true;
	rules->all_ties = true;
	return found;
}

static bool
cuts_of_powerlaw(const struct sample *sample, struct power_law_rules *rules)
{
	*rules = (struct power_law_rules){
		.end = sample->n - 2, .lower_side = true, .most_alpha = POWERLAW_MOST_ALPHA};
	return sample->n > 2;
}

static bool
cuts_of_weightwatcher(const struct sample *sample, struct power_law_rules *rules)
{
	*rules = (struct power_law_rules){
		.end = sample->n - 1, .lower_side = true, .all_ties = true};
	return true;
}

/* What each fit is called, also as what some tool computes; which cuts it tries; what there is if none fits. */
static const struct {
	const char *name, *tool;
	choose_cuts *choose; /* null: Hill's estimate */
	const char *no_cuts, *no_law;
} fits[TAIL_FITS] = {
	[TAIL_FIT_HILL] = {"hill", "alphaquant", NULL, NULL, NULL},
	[TAIL_FIT_KS] = {"ks", NULL, all_cuts, NULL, NO_SPREAD},
	[TAIL_FIT_MEDIAN] = {"median", NULL, middle_cut, NULL, NO_SPREAD},
	[TAIL_FIT_PEAK] = {"peak", NULL, cuts_at_peak, NOT_AT_PEAK, NO_SPREAD},
	[TAIL_FIT_WEIGHTWATCHER] = {"weightwatcher", "weightwatcher", cuts_of_weightwatcher, NULL,
				    NO_SPREAD},
	[TAIL_FIT_ALPHAPRUNING] = {"alphapruning", "alphapruning", cuts_of_alphapruning,
				   NOT_AT_PEAK, NO_SPREAD},
	[TAIL_FIT_POWERLAW] = {"powerlaw", "powerlaw", cuts_of_powerlaw,
			       "fewer than three eigenvalues above their error",
			       "no cut with alpha below 3"},
};

const char *
tail_fit_name(enum tail_fit_kind kind)
{
	return fits[kind].name;
}

enum tail_fit_kind
tail_fit_of_name(const char *name)
{
	enum tail_fit_kind kind = 0;

	while (kind < TAIL_FITS && strcmp(name, fits[kind].name) != 0)
		kind++;
	return kind;
}

enum tail_fit_kind
tail_fit_of_tool(const char *name)
{
	enum tail_fit_kind kind = 0;

	while (kind < TAIL_FITS && (!fits[kind].tool || strcmp(name, fits[kind].tool) != 0))
		kind++;
	return kind;
}

static struct tail_fit
no_fit(const char *note)
{
	return (struct tail_fit){{.alpha = NAN, .alpha_err = NAN, .lambda_ref = NAN, .note = note},
				 NAN};
}

/*
 * The sum of the logarithms over the cut is that of Hill's estimate with the cut as its reference, and as
 * the cut is counted, n / (n - 1) times as large an alpha - 1.
 */
static struct tail_fit
fit_from_cut(const struct sample *sample, const struct power_law *law, double lambda_error,
	     double sigma_error)
{
	size_t n = sample->n - law->cut;
	struct tail_fit fit = {
		hill_fit(sample->values, sample->n, n - 1, lambda_error, sigma_error),
		law->distance};
	double factor = (double)n / (double)(n - 1);

	fit.hill.alpha = 1 + (fit.hill.alpha - 1) * factor;
	fit.hill.alpha_err *= factor;
	fit.hill.k = n;
	return fit;
}

static struct tail_fit
fit_sample(enum tail_fit_kind kind, const struct sample *sample, double lambda_error,
	   double sigma_error)
{
	struct power_law_rules rules;
	struct power_law law;

	if (!fits[kind].choose(sample, &rules))
		return no_fit(fits[kind].no_cuts);
	law = power_law_search(sample->logarithms, sample->sums, sample->n, &rules);
	if (law.cut == sample->n)
		return no_fit(fits[kind].no_law);
	return fit_from_cut(sample, &law, lambda_error, sigma_error);
}

/* How many of the eigenvalues may as well be zero, or are below the floor of a reference. */
static size_t
count_unusable(const double *eigenvalues, size_t n, double lambda_error, double sigma_error)
{
	size_t count = 0;

	while (count < n &&
	       (eigenvalues[count] <= HILL_FLOOR ||
		eigenvalues[count] <= hill_error_of(eigenvalues[count], lambda_error, sigma_error)))
		count++;
	return count;
}

/* D of Hill's estimate: the k eigenvalues against the law from the reference on. */
static double
distance_of_hill(const struct hill *hill, const double *eigenvalues, size_t n)
{
	const double *tail = eigenvalues + (n - hill->k);
	double *logarithms, distance, origin;

	if (!isfinite(hill->alpha_err))
		return NAN;
	logarithms = xcalloc(2 * hill->k, sizeof(*logarithms));
	power_law_logarithms(tail, hill->k, logarithms, logarithms + hill->k);
	power_law_logarithms(&hill->lambda_ref, 1, &origin, &(double){0});
	distance = power_law_distance(logarithms, hill->k, origin, hill->alpha - 1);
	free(logarithms);
	return distance;
}

struct tail_fit
tail_fit(enum tail_fit_kind kind, const double *eigenvalues, size_t n, size_t k,
	 double lambda_error, double sigma_error)
{
	size_t unusable;
	struct tail_fit fit;
	double *memory;

	if (kind == TAIL_FIT_HILL) {
		fit.hill = hill_fit(eigenvalues, n, k, lambda_error, sigma_error);
		fit.distance = distance_of_hill(&fit.hill, eigenvalues, n);
		return fit;
	}
	unusable = count_unusable(eigenvalues, n, lambda_error, sigma_error);
	while (kind == TAIL_FIT_WEIGHTWATCHER && unusable < n &&
	       eigenvalues[unusable] <= WEIGHTWATCHER_LEAST)
		unusable++;
	n -= unusable;
	if (kind == TAIL_FIT_WEIGHTWATCHER && n < WEIGHTWATCHER_FEW)
		return no_fit("fewer than 20 eigenvalues above 1e-5");
	if (n < 2)
		return no_fit("fewer than two eigenvalues above their error");
	memory = xcalloc(2 * n, sizeof(*memory));
	power_law_logarithms(eigenvalues + unusable, n, memory, memory + n);
	fit = fit_sample(kind, &(struct sample){eigenvalues + unusable, memory, memory + n, n},
			 lambda_error, sigma_error);
	free(memory);
	return fit;
}

/* The p-value of a fit whose cut was searched among n eigenvalues. */
static double
p_value_of_search(const struct tail_fit *fit, const double *eigenvalues, size_t n,
		  size_t replicates, struct random *random)
{
	struct power_law law = {n - fit->hill.k, fit->hill.alpha, fit->distance};
	double *memory = xcalloc(2 * n, sizeof(*memory)), p_value;

	power_law_logarithms(eigenvalues, n, memory, memory + n);
	p_value = goodness_of_fit_of_search(memory, n, &law, replicates, random);
	free(memory);
	return p_value;
}

double
tail_fit_p_value(enum tail_fit_kind kind, const struct tail_fit *fit, const double *eigenvalues,
		 size_t n, double lambda_error, double sigma_error, size_t replicates,
		 struct random *random)
{
	size_t unusable;

	if (!isfinite(fit->distance))
		return NAN;
	switch (kind) {
	case TAIL_FIT_HILL:
	case TAIL_FIT_MEDIAN:
		return goodness_of_fit_at_cut(fit->hill.k, kind == TAIL_FIT_MEDIAN, fit->distance,
					      replicates, random);
	case TAIL_FIT_KS:
		unusable = count_unusable(eigenvalues, n, lambda_error, sigma_error);
		return p_value_of_search(fit, eigenvalues + unusable, n - unusable, replicates,
					 random);
	default: return NAN;
	}
}

struct likelihood_ratio
tail_fit_compare(enum tail_fit_kind kind, const struct tail_fit *fit, const double *eigenvalues,
		 size_t n, enum alternative alternative)
{
	size_t k = fit->hill.k;
	struct likelihood_ratio ratio;
	double *memory, first;

	if (kind == TAIL_FIT_HILL || !isfinite(fit->distance))
		return (struct likelihood_ratio){NAN, NAN};
	memory = xcalloc(2 * k, sizeof(*memory));
	power_law_logarithms(eigenvalues + (n - k), k, memory, memory + k);
	first = memory[0];
	for (size_t i = 0; i < k; i++)
		memory[i] -= first;
	ratio = likelihood_ratio(alternative, memory, k);
	free(memory);
	return ratio;
}
