#include "alpha_row.h"

#include <math.h>
#include <stdbool.h>

#include "marchenko_pastur.h"
#include "spectrum_frame.h"
#include "tsv.h"
#include "util.h"

/* alpha_null of a spectrum. It takes as long as a fit of 384 eigenvalues, and layers of a model have few shapes,
 * so the last ones are kept. */
static double
null_of(const struct spectrum_sides *sides, size_t k, size_t n)
{
	static _Thread_local struct null {
		double aspect, share, alpha;
	} kept[8];
	static _Thread_local unsigned next;
	double aspect = (double)sides->smaller / (double)sides->larger;
	double share = (double)k / (double)n;
	struct null *null = kept;

	for (; null < kept + 8; null++)
		if (null->aspect == aspect && null->share == share)
			return null->alpha;
	null = &kept[next++ % 8];
	*null = (struct null){aspect, share, alpha_null(aspect, share)};
	return null->alpha;
}

/* What is said of the spectrum beside its fit. An interval is of Hill's estimate alone. */
static void
describe_spectrum(struct alpha_row *row, const double *values,
		  const struct alpha_row_choice *choice)
{
	struct spectrum_sides sides = spectrum_frame_sides(row->frame);
	struct metric_source source = {values,
				       row->count,
				       sides.larger,
				       sides.smaller,
				       frame_number(row->frame, "lambda_err"),
				       row->hill};

	if (row->count > 1 && row->hill.k)
		row->null = null_of(&sides, row->hill.k, row->count);
	if (row->count > 1 && row->kind == TAIL_FIT_HILL && choice->confidence > 0 &&
	    !sides.are_pooled)
		row->interval = alpha_interval_of(values, row->count, sides.larger, &row->hill,
						  choice->confidence);
	if (metric_choice_any(&choice->metrics))
		metrics_of(&source, row->metrics);
}

/* The law beside each of the others; `fit` is null where there is none. */
static void
compare_laws(struct alpha_row *row, const struct tail_fit *fit, const double *values)
{
	for (enum alternative i = 0; i < ALTERNATIVES; i++)
		row->ratios[i] = fit ? tail_fit_compare(row->kind, fit, values, row->count, i)
				     : (struct likelihood_ratio){NAN, NAN};
}

struct alpha_row
alpha_row_of(const struct frame *frame, const double *values, enum tail_fit_kind kind, size_t k,
	     const struct alpha_row_choice *choice)
{
	size_t held = (size_t)frame->elements, n = spectrum_frame_count(frame);
	bool failed = !n && frame->rows && frame->columns;
	struct alpha_row row = {
		.frame = frame,
		.kind = kind,
		.hill = {.alpha = NAN, .alpha_err = NAN, .lambda_ref = NAN, .k = n < 2 ? 0 : k},
		.distance = NAN,
		.count = n,
		.lambda_max = held ? values[held - 1] : NAN,
		.null = NAN,
		.interval = {NAN, NAN, NAN},
		.p_value = NAN,
		.method = failed ? "failed" : "degenerate",
		.note = failed ? frame_text(frame, "note") : "fewer than two eigenvalues",
	};

	compare_laws(&row, NULL, values);
	if (n > 1) {
		struct tail_fit fit = spectrum_frame_fit(frame, kind, values, k);

		row.hill = fit.hill;
		row.distance = fit.distance;
		if (choice->replicates)
			row.p_value = spectrum_frame_p_value(frame, kind, &fit, values,
							     choice->replicates, choice->seed);
		if (choice->compares)
			compare_laws(&row, &fit, values);
		row.method = frame_text(frame, "method");
		row.note = row.hill.note;
	}
	describe_spectrum(&row, values, choice);
	return row;
}

/* --- columns --- */

static void
print_layer(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_text(table, frame_text(row->frame, "layer"), separator);
}

static void
print_category(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_text(table, frame_text(row->frame, "category"), separator);
}

static void
print_out_features(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_unsigned(table, row->frame->rows, separator);
}

static void
print_in_features(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_unsigned(table, row->frame->columns, separator);
}

static void
print_numel(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_unsigned(table, row->frame->rows * row->frame->columns, separator);
}

static void
print_source_dtype(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_text(table, frame_text(row->frame, "source_dtype"), separator);
}

static void
print_precision(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_text(table, frame_text(row->frame, "precision"), separator);
}

static void
print_alpha(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->hill.alpha, separator);
}

static void
print_k_used(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_unsigned(table, row->hill.k, separator);
}

static void
print_n_eigs(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_unsigned(table, row->count, separator);
}

static void
print_method(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_text(table, row->method, separator);
}

static void
print_alpha_err(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->hill.alpha_err, separator);
}

static void
print_lambda_ref(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->hill.lambda_ref, separator);
}

static void
print_lambda_max(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->lambda_max, separator);
}

static void
print_cast_rel_err(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, frame_number(row->frame, "cast_rel_err"), separator);
}

static void
print_note(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_text(table, row->note, separator);
}

static void
print_cast_bits(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, frame_number(row->frame, "bits"), separator);
}

static void
print_cast_sqnr_db(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, frame_number(row->frame, "cast_sqnr_db"), separator);
}

static void
print_alpha_null(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->null, separator);
}

static void
print_fit(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_text(table, tail_fit_name(row->kind), separator);
}

static void
print_distance(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->distance, separator);
}

static bool
has_intervals(const struct alpha_row_choice *choice)
{
	return choice->confidence > 0;
}

static void
print_alpha_se(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->interval.se, separator);
}

static void
print_alpha_low(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->interval.low, separator);
}

static void
print_alpha_high(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->interval.high, separator);
}

static void
print_alpha_se_iid(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, alpha_se_iid(&row->hill), separator);
}

static bool
has_p_value(const struct alpha_row_choice *choice)
{
	return choice->replicates;
}

static void
print_p_value(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->p_value, separator);
}

static bool
has_ratios(const struct alpha_row_choice *choice)
{
	return choice->compares;
}

static void
print_lr_lognormal(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->ratios[ALTERNATIVE_LOGNORMAL].ratio, separator);
}

static void
print_p_lognormal(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->ratios[ALTERNATIVE_LOGNORMAL].p, separator);
}

static void
print_lr_exponential(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->ratios[ALTERNATIVE_EXPONENTIAL].ratio, separator);
}

static void
print_p_exponential(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->ratios[ALTERNATIVE_EXPONENTIAL].p, separator);
}

static void
print_lr_truncated(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->ratios[ALTERNATIVE_TRUNCATED].ratio, separator);
}

static void
print_p_truncated(FILE *table, const struct alpha_row *row, char separator)
{
	tsv_double(table, row->ratios[ALTERNATIVE_TRUNCATED].p, separator);
}

/* The columns in their order; new ones go to the end. */
static const struct column {
	const char *name;
	void (*print)(FILE *table, const struct alpha_row *row, char separator);
	bool (*is_shown)(const struct alpha_row_choice *choice); /* null: always */
} columns[] = {
	{"layer_name", print_layer, NULL},
	{"category", print_category, NULL},
	{"out_features", print_out_features, NULL},
	{"in_features", print_in_features, NULL},
	{"numel", print_numel, NULL},
	{"source_dtype", print_source_dtype, NULL},
	{"precision", print_precision, NULL},
	{"alpha", print_alpha, NULL},
	{"k_used", print_k_used, NULL},
	{"n_eigs", print_n_eigs, NULL},
	{"method", print_method, NULL},
	{"alpha_err", print_alpha_err, NULL},
	{"lambda_ref", print_lambda_ref, NULL},
	{"lambda_max", print_lambda_max, NULL},
	{"cast_rel_err", print_cast_rel_err, NULL},
	{"note", print_note, NULL},
	{"cast_bits", print_cast_bits, NULL},
	{"cast_sqnr_db", print_cast_sqnr_db, NULL},
	{"alpha_null", print_alpha_null, NULL},
	{"fit", print_fit, NULL},
	{"D", print_distance, NULL},
	{"alpha_se", print_alpha_se, has_intervals},
	{"alpha_low", print_alpha_low, has_intervals},
	{"alpha_high", print_alpha_high, has_intervals},
	{"alpha_se_iid", print_alpha_se_iid, has_intervals},
	{"p_value", print_p_value, has_p_value},
	{"lr_lognormal", print_lr_lognormal, has_ratios},
	{"p_lognormal", print_p_lognormal, has_ratios},
	{"lr_exponential", print_lr_exponential, has_ratios},
	{"p_exponential", print_p_exponential, has_ratios},
	{"lr_truncated", print_lr_truncated, has_ratios},
	{"p_truncated", print_p_truncated, has_ratios},
};

/* The column shown after this one, from null the first; null after the last. */
static const struct column *
next_column(const struct column *column, const struct alpha_row_choice *choice)
{
	const struct column *end = columns + sizeof(columns) / sizeof(*columns);

	for (column = column ? column + 1 : columns; column < end; column++)
		if (!column->is_shown || column->is_shown(choice))
			return column;
	return NULL;
}

/* The metric wanted from this one on; METRIC_COLUMNS after the last. */
static enum metric
next_metric(unsigned metric, const struct alpha_row_choice *choice)
{
	while (metric < METRIC_COLUMNS && !choice->metrics.wanted[metric])
		metric++;
	return (enum metric)metric;
}

/* What stands after a column: metrics come last. */
static char
separator_after(const struct column *next, unsigned metric)
{
	return next || metric < METRIC_COLUMNS ? '\t' : '\n';
}

void
alpha_row_print_header(FILE *table, const struct alpha_row_choice *choice)
{
	enum metric metric = next_metric(0, choice);

	for (const struct column *column = next_column(NULL, choice), *next; column;
	     column = next) {
		next = next_column(column, choice);
		tsv_text(table, column->name, separator_after(next, metric));
	}
	for (enum metric next; metric < METRIC_COLUMNS; metric = next) {
		next = next_metric(metric + 1, choice);
		tsv_text(table, metric_name(metric), separator_after(NULL, next));
	}
}

static void
print_metric(FILE *table, const struct alpha_row *row, enum metric metric, char separator)
{
	if (metric == METRIC_WARNING)
		tsv_text(table, metric_warning(row->hill.alpha), separator);
	else
		tsv_double(table, row->metrics[metric], separator);
}

void
alpha_row_print(FILE *table, const struct alpha_row *row, const struct alpha_row_choice *choice)
{
	enum metric metric = next_metric(0, choice);

	for (const struct column *column = next_column(NULL, choice), *next; column;
	     column = next) {
		next = next_column(column, choice);
		column->print(table, row, separator_after(next, metric));
	}
	for (enum metric next; metric < METRIC_COLUMNS; metric = next) {
		next = next_metric(metric + 1, choice);
		print_metric(table, row, metric, separator_after(NULL, next));
	}
}
