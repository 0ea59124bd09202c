#include "plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grouping.h"
#include "sensitivity.h"
#include "statistics.h"

/* --- reasons ---------------------------------------------------------------------------------- */

/*
 * Four digits, or as many more as it takes for the number in print to stand on the same sides of the two
 * bounds as the number itself.
 */
static const char *
short_number(double value, double low, double high, char buffer[static DOUBLE_TEXT_SIZE])
{
	for (int digits = 4; digits <= 17; digits++) {
		double printed;

		snprintf(buffer, DOUBLE_TEXT_SIZE, "%.*g", digits, value);
		printed = strtod(buffer, NULL);
		if ((printed >= low) == (value >= low) && (printed >= high) == (value >= high))
			break;
	}
	return buffer;
}

static void
explain_alpha(struct text *reason, double alpha, const struct plan_thresholds *thresholds)
{
	char number[DOUBLE_TEXT_SIZE], high[DOUBLE_TEXT_SIZE], medium[DOUBLE_TEXT_SIZE];

	short_number(alpha, thresholds->medium, thresholds->high, number);
	format_double(thresholds->high, high);
	format_double(thresholds->medium, medium);
	if (alpha >= thresholds->high)
		text_print(reason, "alpha %s is at or above %s", number, high);
	else if (alpha >= thresholds->medium)
		text_print(reason, "alpha %s is at or above %s and below %s", number, medium, high);
	else
		text_print(reason, "alpha %s is below %s", number, medium);
}

static void
explain_variation(struct text *reason, double std, double threshold)
{
	char number[DOUBLE_TEXT_SIZE], bound[DOUBLE_TEXT_SIZE];

	text_print(reason, "%salpha_std %s is at or above %s", reason->length ? ", and " : "",
		   short_number(std, threshold, threshold, number),
		   format_double(threshold, bound));
}

/* The first fit of a layer that the table has. */
static const struct fit *
first_fit(const struct fitted_layer *layer)
{
	const struct fit *fit = layer->fits;

	while (!fit->there)
		fit++;
	return fit;
}

/* Why nothing is known of a layer, as hill-alpha says it of a fit. */
static char *
explain_missing(const char *where, const struct fit *fit)
{
	const char *note = fit->there ? fit->note : "not in the table";

	return format_text("no estimate in %s%s%s", where, *note ? ": " : "", note);
}

/* --- by thresholds ---------------------------------------------------------------------------- */

static enum plan_bits
bits_by_alpha(double alpha, const struct plan_thresholds *thresholds, enum plan_end protect)
{
	enum plan_bits bits = alpha >= thresholds->high	    ? PLAN_16_BITS
			      : alpha >= thresholds->medium ? PLAN_8_BITS
							    : PLAN_4_BITS;

	if (protect == PLAN_PROTECT_HIGH || bits == PLAN_8_BITS)
		return bits;
	return bits == PLAN_16_BITS ? PLAN_4_BITS : PLAN_16_BITS;
}

static enum plan_variation
variation_of(const struct sensitivity *sensitivity, const struct plan_thresholds *thresholds)
{
	if (isnan(sensitivity->std))
		return PLAN_VARIATION_UNKNOWN;
	return sensitivity->std >= thresholds->variation || sensitivity->cv >= thresholds->cv
		       ? PLAN_VARIATION_HIGH
		       : PLAN_VARIATION_LOW;
}

/* Decides for a layer with an estimate in `known` of the precisions. */
static void
decide_by_thresholds(struct planned_layer *layer, size_t known, size_t precisions,
		     const struct plan_thresholds *thresholds, enum plan_end protect)
{
	bool varies = layer->std >= thresholds->variation;
	struct text reason = {0};

	layer->bits = bits_by_alpha(layer->alpha, thresholds, protect);
	if (!varies || layer->bits == PLAN_16_BITS)
		explain_alpha(&reason, layer->alpha, thresholds);
	if (varies) {
		explain_variation(&reason, layer->std, thresholds->variation);
		layer->bits = PLAN_16_BITS;
	}
	if (known < precisions)
		text_print(&reason, "; no estimate in %zu of %zu precisions", precisions - known,
			   precisions);
	layer->reason = reason.bytes;
}

struct plan
plan_by_thresholds(const struct alpha_table *table, const struct plan_thresholds *thresholds,
		   enum plan_end protect)
{
	struct plan plan = {.policy = PLAN_THRESHOLDS, .count = table->layer_count};

	plan.layers = xcalloc(plan.count, sizeof(*plan.layers));
	for (size_t i = 0; i < plan.count; i++) {
		struct sensitivity sensitivity = sensitivity_of(
			&table->layers[i], table->precision_count, table->precision_count);
		struct planned_layer *layer = &plan.layers[i];

		layer->alpha = sensitivity.mean;
		layer->std = sensitivity.std;
		layer->cv = sensitivity.cv;
		layer->variation = variation_of(&sensitivity, thresholds);
		if (isfinite(layer->alpha)) {
			decide_by_thresholds(layer, sensitivity.count, table->precision_count,
					     thresholds, protect);
			continue;
		}
		layer->bits = PLAN_16_BITS;
		layer->reason = explain_missing("any precision", first_fit(&table->layers[i]));
		plan.without_estimate++;
	}
	return plan;
}

/* The bound on the numerical error of a layer's standard deviation of alpha: see plan.h. */
static double
error_of_std(const struct fitted_layer *layer, size_t precisions)
{
	double error = 0;

	for (size_t p = 0; p < precisions; p++)
		if (fit_is_estimate(&layer->fits[p]))
			error += layer->fits[p].alpha_err;
	return error;
}

/* The number of the fewest digits, four or more, that is near the target, above low, and at most high. */
static double
short_between(double target, double low, double high)
{
	for (int digits = 4; digits <= 17; digits++) {
		char text[DOUBLE_TEXT_SIZE];
		double value;

		snprintf(text, sizeof(text), "%.*g", digits, target);
		value = strtod(text, NULL);
		if (value > low && value <= high)
			return value;
	}
	return target;
}

/* A threshold below the class that starts here, and above the values of the classes below it. */
static double
threshold_of_class(const double *means, size_t count, double start)
{
	double below = -INFINITY;

	for (size_t i = 0; i < count; i++)
		if (means[i] < start && means[i] > below)
			below = means[i];
	return short_between(start, below, start);
}

/* The threshold above the fence of the standard deviations, and above what error may have made of any. */
static double
threshold_of_variation(double *stds, size_t count, double error)
{
	struct summary summary = summarize(stds, count);
	/* fmax() passes over nan: there may be no stds. */
	double fence = fmax(summary.q75 + 1.5 * (summary.q75 - summary.q25), error);
	double above = INFINITY;

	for (size_t i = 0; i < count; i++)
		if (stds[i] > fence && stds[i] < above)
			above = stds[i];
	return short_between(nextafter(fence, INFINITY), fence, above);
}

int
plan_find_thresholds(const struct alpha_table *table, struct plan_thresholds *thresholds,
		     struct failure *failure)
{
	double *means = xcalloc(table->layer_count, sizeof(*means));
	double *stds = xcalloc(table->layer_count, sizeof(*stds));
	size_t mean_count = 0, std_count = 0, different;
	double starts[2], error = 0;

	for (size_t i = 0; i < table->layer_count; i++) {
		struct sensitivity sensitivity = sensitivity_of(
			&table->layers[i], table->precision_count, table->precision_count);

		if (isfinite(sensitivity.mean))
			means[mean_count++] = sensitivity.mean;
		if (!isnan(sensitivity.std))
			stds[std_count++] = sensitivity.std;
		error = fmax(error, error_of_std(&table->layers[i], table->precision_count));
	}
	different = group_in_three(means, mean_count, starts);
	if (different >= 3) {
		thresholds->medium = threshold_of_class(means, mean_count, starts[0]);
		thresholds->high = threshold_of_class(means, mean_count, starts[1]);
		thresholds->variation = threshold_of_variation(stds, std_count, error);
	}
	free(stds);
	free(means);
	return different >= 3 ? 0
			      : fail(failure, STATUS_DATA,
				     "--auto-threshold needs three different values of alpha, and "
				     "there are %zu",
				     different);
}

/* --- by shares -------------------------------------------------------------------------------- */

/* A layer that takes part. */
struct candidate {
	double order; /* what is least gets the fewest bits */
	size_t layer;
};

static int
compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->layer > y->layer) - (x->layer < y->layer);
}

static bool
keeps_bf16(const char *category)
{
	return !strcmp(category, "lm_head") || !strcmp(category, "router_or_gate");
}

/* A share of a count, rounded down. 0.29 * 100 is less than 29 in doubles, and is meant to be 29. */
static size_t
share_of(double share, size_t count)
{
	return (size_t)floor(share * (double)count + 1e-9);
}

/* What is known of the layer before others are looked at. Returns whether it takes part. */
static bool
begin_layer(struct planned_layer *layer, const struct alpha_table *table, size_t number,
	    size_t reference)
{
	const struct fitted_layer *fitted = &table->layers[number];
	const struct fit *fit = &fitted->fits[reference];
	struct sensitivity sensitivity = sensitivity_of(fitted, table->precision_count,
							table->precision_count);

	*layer = (struct planned_layer){.bits = PLAN_16_BITS,
					.alpha = fit_is_estimate(fit) ? fit->alpha : NAN,
					.std = sensitivity.std,
					.cv = sensitivity.cv};
	if (keeps_bf16(fitted->category))
		layer->reason = format_text("%s is not quantised", fitted->category);
	else if (isnan(layer->alpha))
		layer->reason = explain_missing(table->precisions[reference], fit);
	return !layer->reason;
}

/* Gives the candidates, in their order, their formats. */
static void
divide(struct plan *plan, const struct candidate *candidates, size_t count,
       const struct plan_shares *shares, enum plan_end protect)
{
	size_t few = share_of(shares->mxfp4, count), most = share_of(shares->bf16, count);
	size_t rest = count - few - most;
	const char *fewest_end = protect == PLAN_PROTECT_LOW ? "highest" : "lowest";
	const char *most_end = protect == PLAN_PROTECT_LOW ? "lowest" : "highest";

	for (size_t i = 0; i < count; i++) {
		struct planned_layer *layer = &plan->layers[candidates[i].layer];
		char number[DOUBLE_TEXT_SIZE];

		short_number(layer->alpha, -INFINITY, INFINITY, number);
		layer->bits = i < few ? PLAN_4_BITS : i < few + rest ? PLAN_8_BITS : PLAN_16_BITS;
		if (layer->bits == PLAN_8_BITS)
			layer->reason = format_text("alpha %s is among the other %zu of %zu",
						    number, rest, count);
		else
			layer->reason = format_text("alpha %s is among the %zu %s of %zu", number,
						    i < few ? few : most,
						    i < few ? fewest_end : most_end, count);
	}
}

struct plan
plan_by_ratio(const struct alpha_table *table, const struct plan_shares *shares,
	      enum plan_end protect)
{
	struct plan plan = {.policy = PLAN_RATIO, .count = table->layer_count};
	struct candidate *candidates = xcalloc(plan.count, sizeof(*candidates));
	double sign = protect == PLAN_PROTECT_LOW ? -1 : 1;
	size_t count = 0;

	plan.layers = xcalloc(plan.count, sizeof(*plan.layers));
	for (size_t i = 0; i < plan.count; i++) {
		struct planned_layer *layer = &plan.layers[i];

		if (begin_layer(layer, table, i, shares->reference))
			candidates[count++] = (struct candidate){sign * layer->alpha, i};
		else if (!keeps_bf16(table->layers[i].category))
			plan.without_estimate++;
	}
	qsort(candidates, count, sizeof(*candidates), compare_candidates);
	divide(&plan, candidates, count, shares, protect);
	free(candidates);
	return plan;
}

/* --- both ------------------------------------------------------------------------------------- */

void
plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		free(plan->layers[i].reason);
	free(plan->layers);
	*plan = (struct plan){0};
}

const char *
plan_format(const struct plan *plan, const struct planned_layer *layer)
{
	static const char *const names[][3] = {
		[PLAN_THRESHOLDS] = {[PLAN_16_BITS] = "fp16_or_bf16",
				     [PLAN_8_BITS] = "fp8_or_int8",
				     [PLAN_4_BITS] = "int4_or_fp4"},
		[PLAN_RATIO] = {
			[PLAN_16_BITS] = "bf16", [PLAN_8_BITS] = "mxfp8", [PLAN_4_BITS] = "mxfp4"}};

	return names[plan->policy][layer->bits];
}
