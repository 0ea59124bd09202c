/* How far each precision moves alpha of each layer, over many powers of ten. */
#include <math.h>
#include <stdlib.h>

#include "category_axis.h"
#include "plot.h"

#define LEFT	    78.0
#define RIGHT	    24.0
#define TOP	    96.0
#define PANEL	    300.0
#define MOST_WIDTH  1500.0
#define LEAST_WIDTH 820.0

/* How many layers a precision leaves as they are, and what is drawn of the others. */
struct counts {
	size_t compared, equal;
};

/*
 * Columns: place, |delta| where it raises alpha above the error, where it lowers it, and where it does
 * not exceed the error.
 */
static struct counts
print_precision(const struct plot *plot, const struct layer_list *layers, size_t precision)
{
	FILE *script = plot->script;
	struct counts counts = {0};

	fprintf(script, "$p%zu << EOD\n", precision);
	for (size_t i = 0; i < layers->count; i++) {
		const struct fitted_layer *layer = layers->list[i];
		double delta = plot_delta_of(plot, layer, precision);
		bool resolved = fabs(delta) > plot_delta_err(plot, layer, precision);

		counts.compared += isnan(delta) ? 0 : 1;
		counts.equal += delta == 0 ? 1 : 0;
		fprintf(script, "%zu\t", i + 1);
		gnuplot_number(script, resolved && delta > 0 ? delta : NAN, '\t');
		gnuplot_number(script, resolved && delta < 0 ? -delta : NAN, '\t');
		gnuplot_number(script, !resolved && delta != 0 ? fabs(delta) : NAN, '\n');
	}
	fputs("EOD\n", script);
	return counts;
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

/* Triangles that point where alpha goes; the key says how many layers do not move at all. */
static void
print_points(const struct plot *plot, size_t precision, struct counts counts, double size)
{
	const char *color = plot->colors[precision];
	char *title = counts.equal ? format_text("%s (no change in %zu of %zu)",
						 plot->table->precisions[precision], counts.equal,
						 counts.compared)
				   : xstrdup(plot->table->precisions[precision]);

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

void
plot_delta(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	double width = fmin(fmax(LEFT + RIGHT + 6 * (double)layers->count, LEAST_WIDTH),
			    MOST_WIDTH);
	struct category_axis axis = category_axis_of(layers, width - LEFT - RIGHT);
	double size = layers->count > 150 ? 0.6 : 0.9;
	size_t count = plot->table->precision_count;
	struct counts *counts = xcalloc(count, sizeof(*counts));
	char *what = format_text("change of α from %s", plot->table->precisions[plot->reference]);
	char *title = plot_title(plot, what);
	struct page page = page_begin(plot->script, plot->format, path, width,
				      TOP + PANEL + axis.height);
	double errors = print_errors(plot, &axis.layers), least, most;

	plot_change_range(plot, layers, &least, &most);
	for (size_t p = 0; p < count; p++)
		counts[p] = print_precision(plot, &axis.layers, p);
	page_panel(&page, LEFT, width - RIGHT, axis.height, axis.height + PANEL);
	page_title(&page, title,
		   "▲ raises α, ▼ lowers it, ○ is below the numerical error; layers by category");
	page_key_above(&page);
	category_axis_print(&axis, plot->script, true);
	fputs("set ylabel \"|α − α(reference)|\"\n", plot->script);
	page_power_tics(&page, "y", errors > 0 ? fmin(errors, least) : least, most);
	fputs("plot NaN notitle", plot->script);
	if (errors > 0)
		fputs(", \\\n\t$error using 1:2 with lines linewidth 1 linecolor rgb '#999999' "
		      "title "
		      "'numerical error, at most'",
		      plot->script);
	for (size_t p = 0; p < count; p++)
		if (p != plot->reference)
			print_points(plot, p, counts[p], size);
	putc('\n', plot->script);
	page_end(&page);
	category_axis_free(&axis);
	free(counts);
	free(title);
	free(what);
}
