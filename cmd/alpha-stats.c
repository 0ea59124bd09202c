/*
 * alpha-stats: statistics of the fits in tables of hill-alpha.
 *
 * In: tables, one for each model. Out: a table: statistics of alpha over the layers, by precision or
 * category; or a row for each layer, with its fits side by side or with how they differ.
 */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alpha_input.h"
#include "alpha_table.h"
#include "change.h"
#include "output_table.h"
#include "program.h"
#include "sensitivity.h"
#include "statistics.h"
#include "util.h"

static const struct program program = {
	.name = "alpha-stats",
	.help = "Usage: alpha-stats [OPTION]... [FILE]...\n"
		"Print statistics of alpha from tables of hill-alpha: FILEs, each the table of\n"
		"one model, or standard input.\n"
		"\n"
		"  --by WHAT          a row for each precision (default), category, or both\n"
		"  --changes          what each precision costs, and how far it moves alpha: by\n"
		"                     precision (default) or both\n"
		"  --summary          a row for each precision and quantity, metrics too: means "
		"over\n"
		"                     layers, and weighted by their parameters\n"
		"  --wide             a row for each layer, with its fits side by side\n"
		"  --sensitivity      a row for each layer: how alpha varies over precisions\n"
		"  --fit NAME         the fit to take, such as ks, where a table has several\n"
		"  --reference P      what --changes and --sensitivity compare with (default the\n"
		"                     first)\n"
		"  --precisions LIST  these alone, in this order, such as fp32,bf16\n"
		"  --csv, --json      print comma-separated values, or an array of objects\n"
		"  --help, --version\n"
		"\n"
		"Example: alpha-stats --by both alpha.tsv\n",
};

/* What there is a row for in statistics; a set. */
enum grouping { BY_PRECISION = 1, BY_CATEGORY = 2, BY_BOTH = BY_PRECISION | BY_CATEGORY };

enum content {
	CONTENT_STATISTICS,
	CONTENT_CHANGES,
	CONTENT_SUMMARY,
	CONTENT_WIDE,
	CONTENT_SENSITIVITY
};

static struct {
	enum content content;
	enum grouping by; /* 0: not given */
	enum table_format format;
	const char *fit, *reference, *precisions; /* null: not given */
} options;

enum {
	OPTION_BY = OPTION_OWN,
	OPTION_CHANGES,
	OPTION_SUMMARY,
	OPTION_WIDE,
	OPTION_SENSITIVITY,
	OPTION_FIT,
	OPTION_REFERENCE,
	OPTION_PRECISIONS,
	OPTION_CSV,
	OPTION_JSON
};

static const struct option long_options[] = {
	{"by", required_argument, 0, OPTION_BY},
	{"changes", no_argument, 0, OPTION_CHANGES},
	{"summary", no_argument, 0, OPTION_SUMMARY},
	{"wide", no_argument, 0, OPTION_WIDE},
	{"sensitivity", no_argument, 0, OPTION_SENSITIVITY},
	{"fit", required_argument, 0, OPTION_FIT},
	{"reference", required_argument, 0, OPTION_REFERENCE},
	{"precisions", required_argument, 0, OPTION_PRECISIONS},
	{"csv", no_argument, 0, OPTION_CSV},
	{"json", no_argument, 0, OPTION_JSON},
	COMMON_OPTIONS,
	{0},
};

static enum grouping
parse_grouping(const char *text)
{
	if (!strcmp(text, "precision"))
		return BY_PRECISION;
	if (!strcmp(text, "category"))
		return BY_CATEGORY;
	if (!strcmp(text, "both"))
		return BY_BOTH;
	usage_error("--by takes precision, category or both, and not '%s'", text);
}

static void
choose_content(enum content content)
{
	if (options.content != CONTENT_STATISTICS && content != options.content)
		usage_error("--changes, --summary, --wide and --sensitivity exclude each other");
	options.content = content;
}

static void
choose_format(enum table_format format)
{
	if (options.format != TABLE_TSV && format != options.format)
		usage_error("--csv and --json exclude each other");
	options.format = format;
}

static void
parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (option) {
		case OPTION_BY: options.by = parse_grouping(optarg); break;
		case OPTION_CHANGES: choose_content(CONTENT_CHANGES); break;
		case OPTION_SUMMARY: choose_content(CONTENT_SUMMARY); break;
		case OPTION_WIDE: choose_content(CONTENT_WIDE); break;
		case OPTION_SENSITIVITY: choose_content(CONTENT_SENSITIVITY); break;
		case OPTION_FIT: options.fit = optarg; break;
		case OPTION_REFERENCE: options.reference = optarg; break;
		case OPTION_PRECISIONS: options.precisions = optarg; break;
		case OPTION_CSV: choose_format(TABLE_CSV); break;
		case OPTION_JSON: choose_format(TABLE_JSON); break;
		default: program_common_option(&program, option, argv);
		}
	if (options.reference && options.content != CONTENT_SENSITIVITY &&
	    options.content != CONTENT_CHANGES)
		usage_error("--reference goes with --changes and --sensitivity");
	if (options.by && options.content != CONTENT_STATISTICS &&
	    options.content != CONTENT_CHANGES)
		usage_error("--by does not go with --summary, --wide and --sensitivity");
	if (options.by == BY_CATEGORY && options.content == CONTENT_CHANGES)
		usage_error("--changes are of a precision each: --by takes precision or both");
	if (!options.by)
		options.by = BY_PRECISION;
}

/* --- statistics over the layers --------------------------------------------------------------- */

struct group {
	size_t model;
	const char *category; /* null: all */
	size_t precision;     /* precision_count: all */
};

static bool
is_in_group(const struct fitted_layer *layer, const struct group *group)
{
	return layer->model == group->model &&
	       (!group->category || !strcmp(layer->category, group->category));
}

/* The values are scratch, enough for all fits of the table. */
static struct summary
summarize_group(const struct alpha_table *table, const struct group *group, double *values)
{
	bool all = group->precision == table->precision_count;
	size_t first = all ? 0 : group->precision;
	size_t end = all ? table->precision_count : first + 1;
	size_t count = 0;

	for (size_t i = 0; i < table->layer_count; i++) {
		const struct fitted_layer *layer = &table->layers[i];

		if (!is_in_group(layer, group))
			continue;
		for (size_t p = first; p < end; p++)
			if (fit_is_estimate(&layer->fits[p]))
				values[count++] = layer->fits[p].alpha;
	}
	return summarize(values, count);
}

/* Lists the categories of a model in the order in which they first appear. Returns their number. */
static size_t
list_categories(const struct alpha_table *table, size_t model, const char **categories)
{
	size_t count = 0;

	for (size_t i = 0; i < table->layer_count; i++) {
		const char *category = table->layers[i].category;
		size_t c = 0;

		if (table->layers[i].model != model)
			continue;
		while (c < count && strcmp(categories[c], category) != 0)
			c++;
		if (c == count)
			categories[count++] = category;
	}
	return count;
}

static void
begin_row(struct output_table *output, const struct alpha_table *table, size_t model)
{
	if (table->model_count > 1)
		output_table_text(output, table->models[model]);
}

static void
begin_group(struct output_table *output, const struct alpha_table *table, const struct group *group)
{
	begin_row(output, table, group->model);
	if (group->category)
		output_table_text(output, group->category);
	if (group->precision < table->precision_count)
		output_table_text(output, table->precisions[group->precision]);
}

/* Names the columns that say which group a row is of, and then those given. */
static void
name_group_columns(struct output_table *output, const char *const *columns)
{
	if (options.by & BY_CATEGORY)
		output_table_column(output, "category");
	if (options.by & BY_PRECISION)
		output_table_column(output, "precision");
	output_table_columns(output, columns);
	output_table_begin(output, options.format);
}

/* Prints the row of one group; the context is the printer's own. */
typedef void print_group_row(struct output_table *output, const struct alpha_table *table,
			     const struct group *group, void *context);

/* Prints a row for each group that --by makes, model by model. */
static void
print_groups(struct output_table *output, const struct alpha_table *table, print_group_row *print,
	     void *context)
{
	const char **categories = xcalloc(table->layer_count, sizeof(*categories));
	size_t category_count = 1;
	size_t first = options.by & BY_PRECISION ? 0 : table->precision_count;
	size_t last = options.by & BY_PRECISION ? table->precision_count - 1 : first;

	for (size_t model = 0; model < table->model_count; model++) {
		if (options.by & BY_CATEGORY)
			category_count = list_categories(table, model, categories);
		for (size_t c = 0; c < category_count; c++)
			for (size_t p = first; p <= last; p++)
				print(output, table, &(struct group){model, categories[c], p},
				      context);
	}
	free(categories);
}

/* The values are scratch, enough for all fits of the table. */
static void
print_group(struct output_table *output, const struct alpha_table *table, const struct group *group,
	    void *values)
{
	struct summary summary = summarize_group(table, group, values);

	begin_group(output, table, group);
	output_table_unsigned(output, summary.count);
	output_table_double(output, summary.mean);
	output_table_double(output, summary.std);
	output_table_double(output, summary.min);
	output_table_double(output, summary.median);
	output_table_double(output, summary.max);
	output_table_double(output, summary.q25);
	output_table_double(output, summary.q75);
}

static void
print_statistics(struct output_table *output, const struct alpha_table *table)
{
	static const char *const statistics[] = {"count", "mean", "std", "min", "median",
						 "max",	  "q25",  "q75", NULL};
	double *values = xcalloc(table->layer_count, table->precision_count * sizeof(*values));

	name_group_columns(output, statistics);
	print_groups(output, table, print_group, values);
	free(values);
}

/* --- a model as a whole ----------------------------------------------------------------------- */

/* Quantities: alpha, what random matrices would give, the difference, and then the metrics. */
enum { ALPHA, NULL_ALPHA, EXCESS, METRICS, QUANTITIES = METRICS + METRIC_COUNT };

static const char *
quantity_name(unsigned quantity)
{
	static const char *const names[METRICS] = {"alpha", "alpha_null", "alpha_excess"};

	return quantity < METRICS ? names[quantity]
				  : metric_name((enum metric)(quantity - METRICS));
}

/* nan where the layer has none. What is made of alpha needs one that is an estimate. */
static double
quantity_of(const struct fit *fit, unsigned quantity)
{
	double alpha = fit_is_estimate(fit) ? fit->alpha : NAN;

	if (!fit->there)
		return NAN;
	switch (quantity) {
	case ALPHA: return alpha;
	case NULL_ALPHA: return fit->alpha_null;
	case EXCESS: return alpha - fit->alpha_null;
	default: return fit->metrics[quantity - METRICS];
	}
}

/* A row, if any layer of the model has the quantity. */
static void
print_summary(struct output_table *output, const struct alpha_table *table, size_t model,
	      size_t precision, unsigned quantity)
{
	double sum = 0, weighted = 0, weights = 0;
	size_t count = 0;

	for (size_t i = 0; i < table->layer_count; i++) {
		const struct fitted_layer *layer = &table->layers[i];
		double value = quantity_of(&layer->fits[precision], quantity);

		if (layer->model != model || !isfinite(value))
			continue;
		count++;
		sum += value;
		weighted += (double)layer->elements * value;
		weights += (double)layer->elements;
	}
	if (!count)
		return;
	begin_row(output, table, model);
	output_table_text(output, table->precisions[precision]);
	output_table_text(output, quantity_name(quantity));
	output_table_unsigned(output, count);
	output_table_double(output, sum / (double)count);
	output_table_double(output, weighted / weights);
}

static void
print_summaries(struct output_table *output, const struct alpha_table *table)
{
	static const char *const columns[] = {"precision", "quantity",	    "count",
					      "mean",	   "weighted_mean", NULL};

	output_table_columns(output, columns);
	output_table_begin(output, options.format);
	for (size_t model = 0; model < table->model_count; model++)
		for (size_t p = 0; p < table->precision_count; p++)
			for (unsigned quantity = 0; quantity < QUANTITIES; quantity++)
				print_summary(output, table, model, p, quantity);
}

/* --- what precisions change ------------------------------------------------------------------- */

/* What all changes are to be seen against, and scratch for all layers of the table. */
struct changing {
	size_t reference;
	const struct fitted_layer **layers;
};

static void
print_change(struct output_table *output, const struct alpha_table *table,
	     const struct group *group, void *context)
{
	const struct changing *changing = context;
	size_t count = 0;
	struct change change;

	for (size_t i = 0; i < table->layer_count; i++)
		if (is_in_group(&table->layers[i], group))
			changing->layers[count++] = &table->layers[i];
	change = change_of(changing->layers, count, group->precision, changing->reference);
	begin_group(output, table, group);
	output_table_unsigned(output, change.count);
	output_table_double(output, change.bits);
	output_table_double(output, change.sqnr_db);
	output_table_double(output, change.rel_err);
	output_table_text(output, table->precisions[changing->reference]);
	output_table_double(output, change.mean);
	output_table_double(output, change.largest);
	output_table_text(output, change.layer ? change.layer->name : NULL);
}

static void
print_changes(struct output_table *output, const struct alpha_table *table, size_t reference)
{
	static const char *const columns[] = {
		"count",	  "bits",	   "sqnr_db",	      "rel_err", "reference",
		"mean_abs_delta", "max_abs_delta", "max_delta_layer", NULL};
	struct changing changing = {reference,
				    xcalloc(table->layer_count, sizeof(*changing.layers))};

	name_group_columns(output, columns);
	print_groups(output, table, print_change, &changing);
	free(changing.layers);
}

/* --- a row for each layer --------------------------------------------------------------------- */

static void
begin_layer(struct output_table *output, const struct alpha_table *table,
	    const struct fitted_layer *layer)
{
	begin_row(output, table, layer->model);
	output_table_text(output, layer->name);
	output_table_text(output, layer->category);
}

static void
print_fit(struct output_table *output, const struct fit *fit)
{
	output_table_double(output, fit->alpha);
	if (fit->there) {
		output_table_unsigned(output, fit->k);
		output_table_unsigned(output, fit->n);
		output_table_text(output, fit->method);
	} else {
		output_table_double(output, NAN);
		output_table_double(output, NAN);
		output_table_text(output, NULL);
	}
}

static void
print_wide(struct output_table *output, const struct alpha_table *table)
{
	static const char *const columns[] = {"layer_name",  "category", "out_features",
					      "in_features", "numel",	 NULL};

	output_table_columns(output, columns);
	for (size_t p = 0; p < table->precision_count; p++) {
		output_table_column(output, "alpha_%s", table->precisions[p]);
		output_table_column(output, "k_used_%s", table->precisions[p]);
		output_table_column(output, "n_eigs_%s", table->precisions[p]);
		output_table_column(output, "method_%s", table->precisions[p]);
	}
	output_table_begin(output, options.format);
	for (size_t i = 0; i < table->layer_count; i++) {
		const struct fitted_layer *layer = &table->layers[i];

		begin_layer(output, table, layer);
		output_table_unsigned(output, layer->rows);
		output_table_unsigned(output, layer->columns);
		output_table_unsigned(output, layer->elements);
		for (size_t p = 0; p < table->precision_count; p++)
			print_fit(output, &layer->fits[p]);
	}
}

static void
print_layer_sensitivity(struct output_table *output, const struct alpha_table *table,
			const struct fitted_layer *layer, size_t reference)
{
	struct sensitivity found = sensitivity_of(layer, table->precision_count, reference);
	bool compared = found.precision < table->precision_count;

	begin_layer(output, table, layer);
	output_table_double(output, found.mean);
	output_table_double(output, found.std);
	output_table_double(output, found.min);
	output_table_double(output, found.max);
	output_table_double(output, found.range);
	output_table_double(output, found.cv);
	output_table_text(output, table->precisions[reference]);
	output_table_text(output, compared ? table->precisions[found.precision] : NULL);
	output_table_double(output, found.delta);
	output_table_double(output, found.delta_err);
	output_table_text(output, !compared ? NULL : found.resolved ? "yes" : "no");
}

static void
print_sensitivity(struct output_table *output, const struct alpha_table *table, size_t reference)
{
	static const char *const columns[] = {
		"layer_name", "category",    "alpha_mean", "alpha_std", "alpha_min",
		"alpha_max",  "alpha_range", "alpha_cv",   "reference", "max_delta_precision",
		"max_delta",  "delta_err",   "resolved",   NULL};

	output_table_columns(output, columns);
	output_table_begin(output, options.format);
	for (size_t i = 0; i < table->layer_count; i++)
		print_layer_sensitivity(output, table, &table->layers[i], reference);
}

/* --- the program ------------------------------------------------------------------------------ */

/* Reads the tables and keeps what is asked for. Returns the number of the reference. */
static size_t
read_tables(struct alpha_table *table, char *const *operands, size_t count)
{
	alpha_input_read(table, operands, count);
	if (!options.precisions)
		return alpha_input_reference(table, options.reference);
	alpha_input_select(table, options.precisions);
	if (options.reference &&
	    alpha_table_precision(table, options.reference) == table->precision_count)
		usage_error("--reference: '%s' is not among --precisions", options.reference);
	return alpha_input_reference(table, options.reference);
}

/* Says how many rows have no part in what is printed, for those who count. */
static void
report_left_out(const struct alpha_table *table)
{
	size_t count = 0;

	for (size_t i = 0; i < table->layer_count; i++)
		for (size_t p = 0; p < table->precision_count; p++) {
			const struct fit *fit = &table->layers[i].fits[p];

			count += fit->there && !fit_is_estimate(fit);
		}
	if (count)
		warn("%zu value%s without an estimate left out", count, count > 1 ? "s" : "");
}

static void
print_table(const struct alpha_table *table, size_t reference)
{
	struct output_table output = {0};

	if (table->model_count > 1)
		output_table_column(&output, "model");
	switch (options.content) {
	case CONTENT_STATISTICS: print_statistics(&output, table); break;
	case CONTENT_CHANGES: print_changes(&output, table, reference); break;
	case CONTENT_SUMMARY: print_summaries(&output, table); break;
	case CONTENT_WIDE: print_wide(&output, table); break;
	case CONTENT_SENSITIVITY: print_sensitivity(&output, table, reference); break;
	}
	output_table_end(&output);
}

int
main(int argc, char **argv)
{
	struct alpha_table table = {0};
	size_t reference;

	program_begin(&program);
	parse_options(argc, argv);
	table.fit = options.fit;
	reference = read_tables(&table, argv + optind, (size_t)(argc - optind));
	if (options.content != CONTENT_WIDE)
		report_left_out(&table);
	print_table(&table, reference);
	alpha_table_free(&table);
	program_finish_output();
	return 0;
}
