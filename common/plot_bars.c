/* Bars of alpha by layer and precision, and of how alpha differs from that of the reference. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "category_axis.h"
#include "plot.h"

/* The share of a group's place that its bars fill, the narrowest bar that is drawn as one, and the widest. */
#define GROUP_WIDTH  0.8
#define NARROWEST    2.0
#define WIDEST	     40.0
#define LEFT	     70.0
#define RIGHT	     52.0
#define TOP	     72.0
#define ALPHA_HEIGHT 230.0
#define DELTA_HEIGHT 120.0
#define GAP	     24.0
/* Of more layers than this, categories are named instead. */
#define MOST_LABELS 64

/* A page of bars, while it is written. */
struct bars {
	const struct plot *plot;
	const struct layer_list *layers;
	struct page page;
	double bar_width;   /* where a group has width 1 */
	double pixels;	    /* of a bar */
	double step;	    /* from tic to tic of the deltas */
	double least, most; /* delta, in the unit, and 0 */
	double floor;	    /* where the axis of alpha begins */
	struct page_key key;
	int exponent; /* deltas are shown in units of this power of ten */
	bool has_delta, has_unresolved, has_nulls;
	struct layer_axis axis;
	struct category_axis categories;
	bool by_category; /* which of the two axes is shown */
	double below;	  /* the height of that axis */
};

static double
bar_place(const struct bars *bars, size_t layer, size_t precision)
{
	double middle = ((double)bars->plot->table->precision_count - 1) / 2;

	return (double)layer + 1 + ((double)precision - middle) * bars->bar_width;
}

/* Finds the unit of the deltas, their tics, and whether there are any. */
static void
scale_deltas(struct bars *bars)
{
	double least = 0, most = 0, range;

	for (size_t i = 0; i < bars->layers->count; i++)
		for (size_t p = 0; p < bars->plot->table->precision_count; p++) {
			const struct fitted_layer *layer = bars->layers->list[i];
			double delta = plot_delta_of(bars->plot, layer, p);

			if (p == bars->plot->reference || isnan(delta))
				continue;
			bars->has_delta = true;
			least = fmin(least, delta);
			most = fmax(most, delta);
			if (delta != 0 && fabs(delta) <= plot_delta_err(bars->plot, layer, p))
				bars->has_unresolved = true;
		}
	bars->exponent = plot_exponent(fmax(most, -least));
	bars->least = least / pow(10, bars->exponent);
	bars->most = most / pow(10, bars->exponent);
	range = bars->most - bars->least;
	bars->step = range > 10 ? 5 : range > 4 ? 2 : range > 2 ? 1 : 0.5;
}

/*
 * The data of one precision: its place, alpha, delta in the unit, split into what exceeds the
 * numerical error and what does not, and the foot of the axis where alpha is missing.
 */
static void
print_data(const struct bars *bars, size_t precision)
{
	FILE *script = bars->page.script;

	fprintf(script, "$p%zu << EOD\n", precision);
	for (size_t i = 0; i < bars->layers->count; i++) {
		const struct fitted_layer *layer = bars->layers->list[i];
		double alpha = plot_alpha(layer, precision);
		double delta = plot_delta_of(bars->plot, layer, precision);
		bool resolved = fabs(delta) > plot_delta_err(bars->plot, layer, precision);

		delta *= pow(10, -bars->exponent);
		gnuplot_number(script, bar_place(bars, i, precision), '\t');
		gnuplot_number(script, alpha, '\t');
		gnuplot_number(script, resolved ? delta : NAN, '\t');
		gnuplot_number(script, resolved ? NAN : delta, '\t');
		gnuplot_number(script, isnan(alpha) ? bars->floor : NAN, '\n');
	}
	fputs("EOD\n", script);
}

/* Where each layer's tick of a random matrix begins; false if no layer has any. */
static bool
print_nulls(const struct bars *bars)
{
	bool any = false;

	fputs("$null << EOD\n", bars->page.script);
	for (size_t i = 0; i < bars->layers->count; i++) {
		double null = plot_null(bars->plot, bars->layers->list[i]);

		fprintf(bars->page.script, "%g\t", (double)i + 1 - GROUP_WIDTH / 2);
		gnuplot_number(bars->page.script, null, '\n');
		any |= !isnan(null);
	}
	fputs("EOD\n", bars->page.script);
	return any;
}

/* How bars are drawn, or points where bars would be too narrow. */
static void
print_style(const struct bars *bars, const char *color)
{
	if (bars->pixels >= NARROWEST)
		fprintf(bars->page.script, "with boxes linecolor rgb '%s'", color);
	else
		fprintf(bars->page.script,
			"with points pointtype 7 pointsize 0.3 linecolor rgb '%s'", color);
}

static void
print_plot_begin(const struct bars *bars)
{
	fprintf(bars->page.script, "set boxwidth %.5f absolute\nplot ", bars->bar_width);
}

static void
print_alpha_panel(const struct bars *bars)
{
	const struct plot *plot = bars->plot;
	FILE *script = bars->page.script;

	page_key_above(&bars->page, bars->key);
	page_y_label(&bars->page, "α");
	print_plot_begin(bars);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		fprintf(script, "$p%zu using 1:2 ", p);
		print_style(bars, plot->colors[p]);
		fputs(" title ", script);
		gnuplot_string(script, plot->names[p]);
		fprintf(script,
			", \\\n\t$p%zu using 1:5 with points pointtype 2 pointsize 0.5 "
			"linecolor rgb '#999999' notitle%s",
			p, p + 1 < plot->table->precision_count ? ", \\\n\t" : "");
	}
	if (bars->has_nulls)
		fprintf(script,
			", \\\n\t$null using 1:2:(%g):(0) with vectors nohead linewidth 1 "
			"linecolor "
			"rgb '#222222' notitle",
			GROUP_WIDTH);
	putc('\n', script);
}

static void
print_delta_panel(const struct bars *bars)
{
	const struct plot *plot = bars->plot;
	FILE *script = bars->page.script;
	char *label = plot_delta_label(plot, bars->exponent);

	page_y_label(&bars->page, label);
	free(label);
	fprintf(script,
		"set ytics %g\nset yrange [%g:%g]\n"
		"set xzeroaxis linetype 1 linewidth 0.8 linecolor rgb '#555555'\n",
		bars->step, bars->step * floor(bars->least / bars->step),
		bars->step * fmax(ceil(bars->most / bars->step), bars->least < 0 ? 0 : 1));
	if (bars->has_unresolved)
		page_key_above(&bars->page, (struct page_key){1, 0});
	print_plot_begin(bars);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		if (p == plot->reference)
			continue;
		fprintf(script, "$p%zu using 1:3 ", p);
		print_style(bars, plot->colors[p]);
		fprintf(script, " notitle, \\\n\t$p%zu using 1:4 ", p);
		print_style(bars, "#bbbbbb");
		fputs(" notitle, \\\n\t", script);
	}
	fputs("NaN with boxes linecolor rgb '#bbbbbb' title 'below the numerical error'\n", script);
}

/* Lays the axis out: labels of layers, or names of categories where labels would be too many. */
static void
lay_out_axis(struct bars *bars, const struct layer_list *layers, double length)
{
	bars->axis = layer_axis_of(layers->list, layers->count, length);
	bars->categories = category_axis_of(layers, length);
	bars->by_category = bars->categories.count > 1 && layers->count > MOST_LABELS;
	bars->layers = bars->by_category ? &bars->categories.layers : layers;
	bars->below = bars->by_category ? bars->categories.height : bars->axis.height;
}

static void
print_axis(const struct bars *bars, bool labels)
{
	if (bars->by_category)
		category_axis_print(&bars->categories, bars->page.script, labels);
	else
		layer_axis_print(&bars->axis, bars->page.script, labels);
}

static void
print_titles(const struct bars *bars, const char *what)
{
	size_t count = bars->layers->count;
	char *title = plot_title(bars->plot, what);
	char *subtitle = format_text(
		"Hill α of %zu layer%s%s%s%s%s", count, count == 1 ? "" : "s",
		*bars->axis.pattern ? " " : "", bars->axis.pattern,
		bars->by_category ? ", by category, each in the order of the model" : "",
		bars->has_nulls ? "; ticks: random matrices" : "");

	page_title(&bars->page, title, subtitle);
	free(title);
	free(subtitle);
}

void
plot_bars(const struct plot *plot, const char *path, const struct layer_list *layers,
	  const char *what)
{
	double precisions = (double)plot->table->precision_count, count = (double)layers->count;
	double length = fmin(fmax(count * (precisions * 9 + 8), 640), 1680), left, bottom;
	struct bars bars = {.plot = plot, .bar_width = GROUP_WIDTH / precisions};

	lay_out_axis(&bars, layers, length);
	scale_deltas(&bars);
	left = fmax(LEFT, bars.by_category ? bars.categories.overhang : 0);
	bars.key = page_key_of(plot->table->precision_count, plot_longest_name(plot), length);
	bars.pixels = fmin(bars.bar_width * length / count, WIDEST);
	bars.bar_width = bars.pixels * count / length;
	bottom = bars.below + (bars.has_delta ? DELTA_HEIGHT + GAP : 0);
	bars.page = page_begin(plot->script, plot->format, path, left + length + RIGHT,
			       bottom + ALPHA_HEIGHT + bars.key.height + TOP);
	page_panel(&bars.page, left, left + length, bottom, bottom + ALPHA_HEIGHT);
	bars.floor = page_alpha_axis(&bars.page, 0, plot_highest(plot, layers));
	for (size_t p = 0; p < plot->table->precision_count; p++)
		print_data(&bars, p);
	bars.has_nulls = print_nulls(&bars);
	print_titles(&bars, what);
	print_axis(&bars, !bars.has_delta);
	print_alpha_panel(&bars);
	if (bars.has_delta) {
		page_panel(&bars.page, left, left + length, bars.below, bars.below + DELTA_HEIGHT);
		print_axis(&bars, true);
		print_delta_panel(&bars);
	}
	page_end(&bars.page);
	category_axis_free(&bars.categories);
	layer_axis_free(&bars.axis);
}
