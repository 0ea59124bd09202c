/* How far each precision moves alpha of each layer, over many powers of ten. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "category_axis.h"
#include "label.h"
#include "plot.h"

#define LEFT	     78.0
#define RIGHT	     24.0
#define TOP	     72.0
#define PANEL	     300.0
#define MOST_LENGTH  1400.0
#define LEAST_LENGTH 718.0

/* What the key calls the line of errors. */
#define ERRORS "numerical error, at most"

/* How many layers a precision leaves as they are, of those that can be compared. */
struct counts {
	size_t compared, equal;
};

static struct counts
count_changes(const struct plot *plot, const struct layer_list *layers, size_t precision)
{
	struct counts counts = {0};

	for (size_t i = 0; i < layers->count; i++) {
		double delta = plot_delta_of(plot, layers->list[i], precision);

		counts.compared += isnan(delta) ? 0 : 1;
		counts.equal += delta == 0 ? 1 : 0;
	}
	return counts;
}

/*
 * Columns: place, |delta| where it raises alpha above the error, where it lowers it, and where it does
 * not exceed the error.
 */
static void
print_precision(const struct plot *plot, const struct layer_list *layers, size_t precision)
{
	FILE *script = plot->script;

	fprintf(script, "$p%zu << EOD\n", precision);
	for (size_t i = 0; i < layers->count; i++) {
		const struct fitted_layer *layer = layers->list[i];
		double delta = plot_delta_of(plot, layer, precision);
		bool resolved = fabs(delta) > plot_delta_err(plot, layer, precision);

		fprintf(script, "%zu\t", i + 1);
		gnuplot_number(script, resolved && delta > 0 ? delta : NAN, '\t');
		gnuplot_number(script, resolved && delta < 0 ? -delta : NAN, '\t');
		gnuplot_number(script, !resolved && delta != 0 ? fabs(delta) : NAN, '\n');
	}
	fputs("EOD\n", script);
}

/* The largest numerical error of a layer's differences, as a line. Returns the least of them, 0 if there is none. */
static double
print_errors(const struct plot *plot, const struct layer_list *layers)
{
	double least = INFINITY;

	fputs("$error << EOD\n", plot->script);
	for (size_t i = 0; i < layers->count; i++) {
		double largest = NAN;

		for (size_t p = 0; p < plot->table->precision_count; p++)
			if (!isnan(plot_delta_of(plot, layers->list[i], p)) && p != plot->reference)
				largest = fmax(largest, plot_delta_err(plot, layers->list[i], p));
		least = largest > 0 ? fmin(least, largest) : least;
		fprintf(plot->script, "%zu\t", i + 1);
		gnuplot_number(plot->script, largest > 0 ? largest : NAN, '\n');
	}
	fputs("EOD\n", plot->script);
	return isfinite(least) ? least : 0;
}

/* What the key calls a precision; it says how many layers do not move at all. From malloc. */
static char *
entry_of(const struct plot *plot, size_t precision, struct counts counts)
{
	if (!counts.equal)
		return xstrdup(plot->names[precision]);
	return format_text("%s (no change in %zu of %zu)", plot->names[precision], counts.equal,
			   counts.compared);
}

/* Triangles that point where alpha goes. */
static void
print_points(const struct plot *plot, size_t precision, struct counts counts, double size)
{
	const char *color = plot->colors[precision];
	char *title = entry_of(plot, precision, counts);

	fprintf(plot->script,
		", \\\n\t$p%zu using 1:2 with points pointtype 9 pointsize %g linecolor rgb '%s' "
		"title ",
		precision, size, color);
	gnuplot_string(plot->script, title);
	fprintf(plot->script,
		", \\\n\t'' using 1:3 with points pointtype 11 pointsize %g linecolor rgb '%s' "
		"notitle, "
		"\\\n\t'' using 1:4 with points pointtype 6 pointsize %g linecolor rgb '%s' "
		"notitle",
		size, color, 0.6 * size, color);
	free(title);
}

/* A page, while it is written. */
struct deltas {
	const struct plot *plot;
	struct page page;
	struct category_axis axis;
	struct counts *counts;	    /* by precision */
	double least, most, errors; /* the range of |delta|, and the least numerical error */
};

static struct page_key
key_of(const struct deltas *deltas, double length)
{
	size_t count = deltas->plot->table->precision_count, longest = strlen(ERRORS);

	for (size_t p = 0; p < count; p++) {
		char *entry = entry_of(deltas->plot, p, deltas->counts[p]);

		if (p != deltas->plot->reference && label_width(entry) > longest)
			longest = label_width(entry);
		free(entry);
	}
	return page_key_of(count, longest, length);
}

static void
print_points_of_all(const struct deltas *deltas, const struct layer_list *layers)
{
	const struct plot *plot = deltas->plot;
	double size = layers->count > 150 ? 0.6 : 0.9;

	page_y_label(&deltas->page, "|α − α(reference)|");
	/* Errors far below all changes are as good as none. */
	page_power_tics(&deltas->page, "y",
			deltas->errors > 0
				? fmax(fmin(deltas->errors, deltas->least), 1e-6 * deltas->least)
				: deltas->least,
			deltas->most);
	fputs("plot NaN notitle", plot->script);
	if (deltas->errors > 0)
		fputs(", \\\n\t$error using 1:2 with lines linewidth 1 linecolor rgb '#999999' "
		      "title '" ERRORS "'",
		      plot->script);
	for (size_t p = 0; p < plot->table->precision_count; p++)
		if (p != plot->reference)
			print_points(plot, p, deltas->counts[p], size);
	putc('\n', plot->script);
}

static void
print_page(struct deltas *deltas, const char *path, double length)
{
	const struct plot *plot = deltas->plot;
	double left = fmax(LEFT, deltas->axis.overhang), below = deltas->axis.height;
	struct page_key key = key_of(deltas, length);
	char *what = format_text("change of α from %s", plot->names[plot->reference]);
	char *title = plot_title(plot, what);

	deltas->page = page_begin(plot->script, plot->format, path, left + length + RIGHT,
				  TOP + key.height + PANEL + below);
	deltas->errors = print_errors(plot, &deltas->axis.layers);
	for (size_t p = 0; p < plot->table->precision_count; p++)
		print_precision(plot, &deltas->axis.layers, p);
	page_panel(&deltas->page, left, left + length, below, below + PANEL);
	page_title(&deltas->page, title,
		   "▲ raises α, ▼ lowers it, ○ is below the numerical error; layers by category");
	page_key_above(&deltas->page, key);
	category_axis_print(&deltas->axis, plot->script, true);
	print_points_of_all(deltas, &deltas->axis.layers);
	page_end(&deltas->page);
	free(title);
	free(what);
}

void
plot_delta(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	double length = fmin(fmax(6 * (double)layers->count, LEAST_LENGTH), MOST_LENGTH);
	struct deltas deltas = {
		.plot = plot,
		.axis = category_axis_of(layers, length),
		.counts = xcalloc(plot->table->precision_count, sizeof(*deltas.counts))};

	plot_change_range(plot, layers, &deltas.least, &deltas.most);
	for (size_t p = 0; p < plot->table->precision_count; p++)
		deltas.counts[p] = count_changes(plot, layers, p);
	print_page(&deltas, path, length);
	category_axis_free(&deltas.axis);
	free(deltas.counts);
}
