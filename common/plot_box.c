/* Distributions over layers: boxes from the lower to the upper quartile, a line at the median, whiskers
 * to the farthest values within 1.5 times the box, and what lies beyond as points. */
#include <math.h>
#include <stdlib.h>

#include "precision_axis.h"
#include "statistics.h"

#define PANEL_HEIGHT 330.0
#define LEFT	     72.0
#define RIGHT	     52.0
#define COUNTS	     22.0 /* below the names of the precisions */
#define TOP	     64.0
#define COUNTS_TAG   2000
/* Fewer values than this are shown one by one instead of a box. */
#define LEAST_FOR_BOX 10

/* What a panel shows of a layer in a precision; nan where nothing. */
typedef double value_of(const struct plot *plot, const struct fitted_layer *layer,
			size_t precision);

/* Changes cover many powers of ten, so it is their logarithms that are summarized. */
struct quantity {
	const char *name;
	value_of *value;
	bool is_logarithm;
};

static double
alpha_value(const struct plot *plot, const struct fitted_layer *layer, size_t precision)
{
	(void)plot;
	return plot_alpha(layer, precision);
}

/* The power of ten of a change; what changes nothing has no place on the axis. */
static double
change_value(const struct plot *plot, const struct fitted_layer *layer, size_t precision)
{
	double delta = fabs(plot_delta_of(plot, layer, precision));

	return precision != plot->reference && delta > 0 ? log10(delta) : NAN;
}

static const struct quantity alphas = {"alpha", alpha_value, false};
static const struct quantity changes = {"change", change_value, true};

static double
shown(const struct quantity *quantity, double value)
{
	return quantity->is_logarithm ? pow(10, value) : value;
}

/* Values of one precision, in the order of the layers. */
static double *
collect(const struct plot *plot, const struct layer_list *layers, size_t precision, value_of *value,
	size_t *count)
{
	double *values = xcalloc(layers->count, sizeof(*values));

	*count = 0;
	for (size_t i = 0; i < layers->count; i++) {
		double x = value(plot, layers->list[i], precision);

		if (!isnan(x))
			values[(*count)++] = x;
	}
	return values;
}

/* What the data of one precision has. */
struct distribution {
	size_t count, dots; /* values, and those of them that are drawn as points */
};

/*
 * Two data blocks, NAME_boxP and NAME_dotsP: a line "place whisker q25 median q75 whisker", and the values
 * that are drawn as points, side by side where they would hide each other.
 */
static struct distribution
print_data(const struct plot *plot, const struct layer_list *layers, size_t precision,
	   const struct quantity *quantity)
{
	FILE *script = plot->script;
	size_t count, dots = 0;
	double *values = collect(plot, layers, precision, quantity->value, &count);
	struct summary summary = summarize(values, count);
	double reach = 1.5 * (summary.q75 - summary.q25), low = summary.max, high = summary.min;
	bool has_box = count >= LEAST_FOR_BOX;

	fprintf(script, "$%s_dots%zu << EOD\n", quantity->name, precision);
	for (size_t i = 0; i < count; i++) {
		bool inside = values[i] >= summary.q25 - reach && values[i] <= summary.q75 + reach;
		double aside = fmod((double)i * 0.618034, 1) - 0.5; /* the golden ratio: even */

		low = inside ? fmin(low, values[i]) : low;
		high = inside ? fmax(high, values[i]) : high;
		if (has_box && inside)
			continue;
		dots++;
		fprintf(script, "%g\t", (double)precision + 1 + (has_box ? 0.15 : 0.4) * aside);
		gnuplot_number(script, shown(quantity, values[i]), '\n');
	}
	fprintf(script, "EOD\n$%s_box%zu << EOD\n%zu\t", quantity->name, precision, precision + 1);
	for (unsigned i = 0; i < 5; i++) {
		const double line[] = {low, summary.q25, summary.median, summary.q75, high};

		gnuplot_number(script, has_box ? shown(quantity, line[i]) : NAN,
			       i < 4 ? '\t' : '\n');
	}
	fputs("EOD\n", script);
	free(values);
	return (struct distribution){count, dots};
}

/* How many values each precision has: under the names below the axis, or above it if these are turned. */
static void
print_counts(const struct precision_axis *axis, const struct distribution *list)
{
	for (size_t p = 0; p < axis->plot->table->precision_count; p++)
		fprintf(axis->plot->script,
			"set label %zu \"n = %zu\" at first %zu,graph %s font ',8' "
			"textcolor rgb '#777777'\n",
			COUNTS_TAG + p, list[p].count, p + 1,
			axis->turned ? "1 center offset 0,0.7" : "0 center offset 0,-2.1");
}

/* Draws what there is: a precision without values has no part. */
static void
print_boxes(const struct plot *plot, const char *name, const struct distribution *list)
{
	FILE *script = plot->script;

	fputs("set boxwidth 0.5 absolute\nset style fill solid 0.35 border\nplot NaN", script);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		const char *color = plot->colors[p];

		if (list[p].count >= LEAST_FOR_BOX)
			fprintf(script,
				", \\\n\t$%s_box%zu using 1:3:2:6:5 with candlesticks linewidth "
				"1.2 "
				"linecolor rgb '%s' whiskerbars 0.4, \\\n\t'' using 1:4:4:4:4 with "
				"candlesticks linewidth 2.2 linecolor rgb '%s'",
				name, p, color, color);
		if (list[p].dots)
			fprintf(script,
				", \\\n\t$%s_dots%zu using 1:2 with points pointtype 7 pointsize "
				"0.35 "
				"linecolor rgb '%s'",
				name, p, color);
	}
	putc('\n', script);
}

/* Both panels of the page. */
struct panels {
	const struct plot *plot;
	struct page page;
	struct precision_axis axis;
	struct distribution *alphas, *changes; /* by precision */
};

static void
print_alpha_panel(const struct panels *panels, const struct layer_list *layers)
{
	const struct plot *plot = panels->plot;
	double least = 2, most = plot_highest(plot, layers);

	for (size_t i = 0; i < layers->count; i++)
		for (size_t p = 0; p < plot->table->precision_count; p++)
			least = fmin(least, plot_alpha(layers->list[i], p));
	precision_axis_print(&panels->axis);
	print_counts(&panels->axis, panels->alphas);
	page_y_label(&panels->page, "Hill α");
	page_alpha_axis(&panels->page, ceil(least) - 1, most);
	plot_null_lines(plot, layers, most);
	print_boxes(plot, "alpha", panels->alphas);
}

static void
print_change_panel(const struct panels *panels, double least, double most)
{
	const struct plot *plot = panels->plot;
	char *reference = plot_reference_label(plot);
	char *label = format_text("|α − α(%s)|, where it is not 0", reference);

	precision_axis_print(&panels->axis);
	print_counts(&panels->axis, panels->changes);
	fprintf(plot->script, "unset label %zu\n", COUNTS_TAG + plot->reference);
	page_y_label(&panels->page, label);
	page_power_tics(&panels->page, "y", least, most);
	print_boxes(plot, "change", panels->changes);
	free(reference);
	free(label);
}

/* Begins the page, which has the data of both panels. */
static void
print_page(struct panels *panels, const char *path, const struct layer_list *layers, double width)
{
	const struct plot *plot = panels->plot;

	panels->page = page_begin(plot->script, plot->format, path, width,
				  TOP + PANEL_HEIGHT + panels->axis.height + COUNTS);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		panels->alphas[p] = print_data(plot, layers, p, &alphas);
		panels->changes[p] = print_data(plot, layers, p, &changes);
	}
}

void
plot_box(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	size_t precisions = plot->table->precision_count;
	double panel = fmax(270, 70 * (double)precisions), left, width, bottom, least, most;
	struct panels panels = {.plot = plot,
				.axis = precision_axis_of(plot, panel / (double)precisions),
				.alphas = xcalloc(precisions, sizeof(*panels.alphas)),
				.changes = xcalloc(precisions, sizeof(*panels.changes))};
	char *title = plot_title(plot, "distribution of α");
	char *layer_count = plot_count_label(layers->count);
	char *subtitle = format_text("%s%s", layer_count,
				     plot_null_label(plot, layers, plot_highest(plot, layers)));

	plot_change_range(plot, layers, &least, &most);
	left = fmax(LEFT, panels.axis.overhang);
	width = left + panel + RIGHT + (most > 0 ? left + 14 + panel : 0);
	bottom = panels.axis.height + COUNTS;
	print_page(&panels, path, layers, width);
	page_panel(&panels.page, left, left + panel, bottom, bottom + PANEL_HEIGHT);
	page_title(&panels.page, title, subtitle);
	print_alpha_panel(&panels, layers);
	if (most > 0) {
		page_panel(&panels.page, width - 14 - panel, width - 14, bottom,
			   bottom + PANEL_HEIGHT);
		print_change_panel(&panels, least, most);
	}
	page_end(&panels.page);
	free(panels.alphas);
	free(panels.changes);
	free(title);
	free(layer_count);
	free(subtitle);
}
