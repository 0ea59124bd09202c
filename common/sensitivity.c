#include "sensitivity.h"

#include <math.h>
#include <stdlib.h>

#include "statistics.h"

static void
compare_with_reference(struct sensitivity *result, const struct fit *fits, size_t count,
		       size_t reference)
{
	if (reference >= count || !fit_is_estimate(&fits[reference]))
		return;
	for (size_t p = 0; p < count; p++) {
		double delta = fits[p].alpha - fits[reference].alpha;

		if (p == reference || !fit_is_estimate(&fits[p]) ||
		    fabs(delta) <= fabs(result->delta))
			continue;
		result->delta = delta;
		result->delta_err = fits[p].alpha_err + fits[reference].alpha_err;
		result->precision = p;
		result->resolved = fabs(delta) > result->delta_err;
	}
}

struct sensitivity
sensitivity_of(const struct fitted_layer *layer, size_t precision_count, size_t reference)
{
	double *alphas = xcalloc(precision_count, sizeof(*alphas));
	struct sensitivity result = {.delta = NAN, .delta_err = NAN, .precision = precision_count};
	struct summary summary;

	for (size_t p = 0; p < precision_count; p++)
		if (fit_is_estimate(&layer->fits[p]))
			alphas[result.count++] = layer->fits[p].alpha;
	summary = summarize(alphas, result.count);
	free(alphas);
	result.mean = summary.mean;
	result.std = summary.std;
	result.min = summary.min;
	result.max = summary.max;
	result.range = summary.max - summary.min;
	result.cv = summary.std / summary.mean;
	compare_with_reference(&result, layer->fits, precision_count, reference);
	return result;
}
