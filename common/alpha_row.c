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

enum condition { ALWAYS, WITH_INTERVALS, WITH_P_VALUE, WITH_RATIOS };

/* The columns in their order, new ones at the end: the name, when it is shown, the type of its fields, and what they
 * hold of a row. */
#define COLUMNS(COLUMN)                                                                         \
	COLUMN(layer_name, ALWAYS, text, frame_text(row->frame, "layer"))                       \
	COLUMN(category, ALWAYS, text, frame_text(row->frame, "category"))                      \
	COLUMN(out_features, ALWAYS, unsigned, row->frame->rows)                                \
	COLUMN(in_features, ALWAYS, unsigned, row->frame->columns)                              \
	COLUMN(numel, ALWAYS, unsigned, row->frame->rows * row->frame->columns)                 \
	COLUMN(source_dtype, ALWAYS, text, frame_text(row->frame, "source_dtype"))              \
	COLUMN(precision, ALWAYS, text, frame_text(row->frame, "precision"))                    \
	COLUMN(alpha, ALWAYS, double, row->hill.alpha)                                          \
	COLUMN(k_used, ALWAYS, unsigned, row->hill.k)                                           \
	COLUMN(n_eigs, ALWAYS, unsigned, row->count)                                            \
	COLUMN(method, ALWAYS, text, row->method)                                               \
	COLUMN(alpha_err, ALWAYS, double, row->hill.alpha_err)                                  \
	COLUMN(lambda_ref, ALWAYS, double, row->hill.lambda_ref)                                \
	COLUMN(lambda_max, ALWAYS, double, row->lambda_max)                                     \
	COLUMN(cast_rel_err, ALWAYS, double, frame_number(row->frame, "cast_rel_err"))          \
	COLUMN(note, ALWAYS, text, row->note)                                                   \
	COLUMN(cast_bits, ALWAYS, double, frame_number(row->frame, "bits"))                     \
	COLUMN(cast_sqnr_db, ALWAYS, double, frame_number(row->frame, "cast_sqnr_db"))          \
	COLUMN(alpha_null, ALWAYS, double, row->null)                                           \
	COLUMN(fit, ALWAYS, text, tail_fit_name(row->kind))                                     \
	COLUMN(D, ALWAYS, double, row->distance)                                                \
	COLUMN(alpha_se, WITH_INTERVALS, double, row->interval.se)                              \
	COLUMN(alpha_low, WITH_INTERVALS, double, row->interval.low)                            \
	COLUMN(alpha_high, WITH_INTERVALS, double, row->interval.high)                          \
	COLUMN(alpha_se_iid, WITH_INTERVALS, double, alpha_se_iid(&row->hill))                  \
	COLUMN(p_value, WITH_P_VALUE, double, row->p_value)                                     \
	COLUMN(lr_lognormal, WITH_RATIOS, double, row->ratios[ALTERNATIVE_LOGNORMAL].ratio)     \
	COLUMN(p_lognormal, WITH_RATIOS, double, row->ratios[ALTERNATIVE_LOGNORMAL].p)          \
	COLUMN(lr_exponential, WITH_RATIOS, double, row->ratios[ALTERNATIVE_EXPONENTIAL].ratio) \
	COLUMN(p_exponential, WITH_RATIOS, double, row->ratios[ALTERNATIVE_EXPONENTIAL].p)      \
	COLUMN(lr_truncated, WITH_RATIOS, double, row->ratios[ALTERNATIVE_TRUNCATED].ratio)     \
	COLUMN(p_truncated, WITH_RATIOS, double, row->ratios[ALTERNATIVE_TRUNCATED].p)

#define DEFINE_PRINT(name, condition, type, value)                                         \
	static void print_##name(FILE *table, const struct alpha_row *row, char separator) \
	{                                                                                  \
		tsv_##type(table, value, separator);                                       \
	}

COLUMNS(DEFINE_PRINT)

#define DESCRIBE(name, condition, type, value) {#name, condition, print_##name},

static const struct column {
	const char *name;
	enum condition condition;
	void (*print)(FILE *table, const struct alpha_row *row, char separator);
} columns[] = {COLUMNS(DESCRIBE)};

/* Columns go by their number; metrics come after those above. */
enum { FIRST_METRIC = sizeof(columns) / sizeof(*columns), END = FIRST_METRIC + METRIC_COLUMNS };

static bool
is_shown(unsigned column, const struct alpha_row_choice *choice)
{
	if (column >= FIRST_METRIC)
		return choice->metrics.wanted[column - FIRST_METRIC];
	switch (columns[column].condition) {
	case WITH_INTERVALS: return choice->confidence > 0;
	case WITH_P_VALUE: return choice->replicates;
	case WITH_RATIOS: return choice->compares;
	default: return true;
	}
}

/* The first column from this one on that is shown; END where there is none. */
static unsigned
next_shown(unsigned column, const struct alpha_row_choice *choice)
{
	while (column < END && !is_shown(column, choice))
		column++;
	return column;
}

static void
print_name(FILE *table, unsigned column, char separator)
{
	tsv_text(table,
		 column < FIRST_METRIC ? columns[column].name
				       : metric_name((enum metric)(column - FIRST_METRIC)),
		 separator);
}

static void
print_field(FILE *table, const struct alpha_row *row, unsigned column, char separator)
{
	if (column < FIRST_METRIC)
		columns[column].print(table, row, separator);
	else if (column - FIRST_METRIC == METRIC_WARNING)
		tsv_text(table, metric_warning(row->hill.alpha), separator);
	else
		tsv_double(table, row->metrics[column - FIRST_METRIC], separator);
}

void
alpha_row_print_header(FILE *table, const struct alpha_row_choice *choice)
{
	for (unsigned column = next_shown(0, choice), next; column < END; column = next) {
		next = next_shown(column + 1, choice);
		print_name(table, column, next < END ? '\t' : '\n');
	}
}

void
alpha_row_print(FILE *table, const struct alpha_row *row, const struct alpha_row_choice *choice)
{
	for (unsigned column = next_shown(0, choice), next; column < END; column = next) {
		next = next_shown(column + 1, choice);
		print_field(table, row, column, next < END ? '\t' : '\n');
	}
}
