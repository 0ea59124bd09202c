#include "metrics.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "bulk.h"

/* WeightWatcher's, which keeps logarithms of zero away; entropies would differ without it. */
#define EPSILON 1e-10

static const struct {
	const char *name;
	bool is_basic;
} metrics[METRIC_COLUMNS] = {
	[METRIC_SIGMA] = {"sigma", false},
	[METRIC_XMIN] = {"xmin", false},
	[METRIC_NUM_PL_SPIKES] = {"num_pl_spikes", false},
	[METRIC_NORM] = {"norm", true},
	[METRIC_LOG_NORM] = {"log_norm", true},
	[METRIC_SPECTRAL_NORM] = {"spectral_norm", true},
	[METRIC_LOG_SPECTRAL_NORM] = {"log_spectral_norm", true},
	[METRIC_STABLE_RANK] = {"stable_rank", true},
	[METRIC_ALPHA_WEIGHTED] = {"alpha_weighted", true},
	[METRIC_LOG_ALPHA_NORM] = {"log_alpha_norm", true},
	[METRIC_MATRIX_RANK] = {"matrix_rank", false},
	[METRIC_ENTROPY] = {"entropy", false},
	[METRIC_SIGMA_MP] = {"sigma_mp", false},
	[METRIC_BULK_MIN] = {"bulk_min", false},
	[METRIC_BULK_MAX] = {"bulk_max", false},
	[METRIC_MP_SOFTRANK] = {"mp_softrank", false},
	[METRIC_NUM_SPIKES] = {"num_spikes", false},
	[METRIC_DETX_NUM] = {"detX_num", false},
	[METRIC_WARNING] = {"warning", true},
};

const char *
metric_name(enum metric metric)
{
	return metrics[metric].name;
}

/* Adds the metrics that a word stands for; false if it stands for none. */
static bool
add_word(struct metric_choice *choice, const char *word, size_t length)
{
	bool all = length == 3 && !memcmp(word, "all", 3);
	bool basic = length == 5 && !memcmp(word, "basic", 5), known = all || basic;

	for (unsigned i = 0; i < METRIC_COLUMNS; i++) {
		bool named = strlen(metrics[i].name) == length &&
			     !memcmp(metrics[i].name, word, length);

		choice->wanted[i] |= all || named || (basic && metrics[i].is_basic);
		known |= named;
	}
	return known;
}

const char *
metric_choice_add(struct metric_choice *choice, const char *list)
{
	for (;;) {
		size_t length = strcspn(list, ",");

		if (!add_word(choice, list, length))
			return list;
		if (!list[length])
			return NULL;
		list += length + 1;
	}
}

bool
metric_choice_any(const struct metric_choice *choice)
{
	for (unsigned i = 0; i < METRIC_COLUMNS; i++)
		if (choice->wanted[i])
			return true;
	return false;
}

static double
sum_of(const double *values, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return sum;
}

/* log10(sum l^exponent), of which the largest term is taken out: the powers may leave the range of double. */
static double
log_of_powers(const double *eigenvalues, size_t n, double exponent)
{
	double largest = eigenvalues[n - 1], sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += pow(eigenvalues[i] / largest, exponent);
	return exponent * log10(largest) + log10(sum);
}

static size_t
rank_of(const struct metric_source *source)
{
	double root = sqrt(source->eigenvalues[source->n - 1]) * (double)source->larger *
		      DBL_EPSILON;
	double least = fmax(root * root, source->lambda_error);
	size_t rank = 0;

	while (rank < source->n && source->eigenvalues[source->n - 1 - rank] > least)
		rank++;
	return rank;
}

static double
entropy_of(const double *eigenvalues, size_t n, double norm, size_t rank)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double p = eigenvalues[i] / norm + EPSILON;

		sum -= p * log(p);
	}
	return sum / log((double)rank + EPSILON);
}

/* The least number of the largest eigenvalues whose product, at a mean of 1, is below 1; from logarithms, as
 * the product of many leaves the range of double. One is never enough: the largest is above the mean. */
static size_t
determinant_tail(const double *eigenvalues, size_t n, double norm)
{
	double mean = norm / (double)n, sum = 0;

	for (size_t count = 1; count < n; count++) {
		sum += log(eigenvalues[n - count] / mean);
		if (sum < 0)
			return count;
	}
	return n;
}

/* Those that are made of the fit. */
static void
fill_fitted(const struct metric_source *source, double values[METRIC_COUNT])
{
	const struct hill *hill = &source->hill;
	double largest = source->eigenvalues[source->n - 1];
	size_t spikes = 0;

	values[METRIC_XMIN] = hill->lambda_ref;
	while (spikes < source->n &&
	       source->eigenvalues[source->n - 1 - spikes] >= hill->lambda_ref)
		spikes++;
	values[METRIC_NUM_PL_SPIKES] = (double)spikes;
	if (!isfinite(hill->alpha_err))
		return;
	values[METRIC_SIGMA] = (hill->alpha - 1) / sqrt((double)hill->k);
	values[METRIC_ALPHA_WEIGHTED] = hill->alpha * log10(largest);
	values[METRIC_LOG_ALPHA_NORM] = log_of_powers(source->eigenvalues, source->n, hill->alpha);
}

static void
fill_bulk(const struct metric_source *source, double norm, double values[METRIC_COUNT])
{
	struct bulk bulk = bulk_fit(source->eigenvalues, source->n, source->larger,
				    source->smaller);

	if (isnan(bulk.scale))
		return;
	values[METRIC_SIGMA_MP] = sqrt(bulk.scale * (double)source->n / norm);
	values[METRIC_BULK_MIN] = bulk.lower;
	values[METRIC_BULK_MAX] = bulk.upper;
	values[METRIC_MP_SOFTRANK] = bulk.upper / source->eigenvalues[source->n - 1];
	values[METRIC_NUM_SPIKES] = (double)bulk.spikes;
}

void
metrics_of(const struct metric_source *source, double values[METRIC_COUNT])
{
	double norm = sum_of(source->eigenvalues, source->n), largest;
	size_t rank;

	for (unsigned i = 0; i < METRIC_COUNT; i++)
		values[i] = NAN;
	if (!source->n || !(norm > 0))
		return;
	largest = source->eigenvalues[source->n - 1];
	rank = rank_of(source);
	values[METRIC_NORM] = norm;
	values[METRIC_LOG_NORM] = log10(norm);
	values[METRIC_SPECTRAL_NORM] = largest;
	values[METRIC_LOG_SPECTRAL_NORM] = log10(largest);
	values[METRIC_STABLE_RANK] = norm / largest;
	values[METRIC_MATRIX_RANK] = (double)rank;
	values[METRIC_ENTROPY] = entropy_of(source->eigenvalues, source->n, norm, rank);
	values[METRIC_DETX_NUM] = (double)determinant_tail(source->eigenvalues, source->n, norm);
	fill_bulk(source, norm, values);
	if (source->n > 1)
		fill_fitted(source, values);
}

const char *
metric_warning(double alpha)
{
	return alpha < 2 ? "over-trained" : alpha > 6 ? "under-trained" : "";
}
