/* The page of one layer: alpha in each precision as a bar with its value, and the differences. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "precision_axis.h"

#define HEIGHT	     334.0 /* without what the names of the precisions take */
#define PANEL_HEIGHT 264.0
/* The width of a panel, where there are few precisions, and for each of many. */
#define LEAST_PANEL 300.0
#define PER_BAR	    56.0
#define LEFT	    70.0
#define BETWEEN	    120.0
#define RIGHT	    20.0
/* Values of more bars than this are written upwards. */
#define MOST_LEVEL 5
#define VALUES_TAG 2000

/* The power of ten that the differences are shown in units of. */
static int
exponent_of(const struct plot *plot, const struct fitted_layer *layer)
{
	double largest = 0;

	for (size_t p = 0; p < plot->table->precision_count; p++)
		largest = fmax(largest, fabs(plot_delta_of(plot, layer, p)));
	return plot_exponent(largest);
}

/* Columns: place, alpha, delta and its numerical error in the unit; a line for each precision. */
static void
print_data(const struct plot *plot, const struct fitted_layer *layer, double unit)
{
	FILE *script = plot->script;

	fputs("$fits << EOD\n", script);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		bool is_reference = p == plot->reference;

		fprintf(script, "%zu\t", p + 1);
		gnuplot_number(script, plot_alpha(layer, p), '\t');
		gnuplot_number(script, is_reference ? NAN : plot_delta_of(plot, layer, p) / unit,
			       '\t');
		gnuplot_number(script, is_reference ? NAN : plot_delta_err(plot, layer, p) / unit,
			       '\n');
	}
	fputs("EOD\n", script);
}

/* What a panel shows of a precision. */
typedef double value_of(const struct plot *plot, const struct fitted_layer *layer,
			size_t precision);

static double
alpha_value(const struct plot *plot, const struct fitted_layer *layer, size_t precision)
{
	(void)plot;
	return plot_alpha(layer, precision);
}

static double
delta_value(const struct plot *plot, const struct fitted_layer *layer, size_t precision)
{
	return precision == plot->reference ? NAN : plot_delta_of(plot, layer, precision);
}

/* A value beside the end of each bar. As labels, for gnuplot fails where all of a plot's are missing. */
static void
print_values(const struct plot *plot, const struct fitted_layer *layer, value_of *value,
	     double unit, const char *format)
{
	bool level = plot->table->precision_count <= MOST_LEVEL;

	for (size_t p = 0; p < plot->table->precision_count; p++) {
		double x = value(plot, layer, p) / unit;

		if (isnan(x))
			continue;
		fprintf(plot->script, "set label %zu \"", VALUES_TAG + p);
		fprintf(plot->script, format, x);
		fprintf(plot->script, "\" at first %zu,first %.17g %s offset 0,%g font ',%d'\n",
			p + 1, x,
			level	? "center"
			: x < 0 ? "right rotate by 90"
				: "left rotate by 90",
			(x < 0 ? -1 : 1) * (level ? 0.7 : 0.4), level ? 9 : 8);
	}
}

/* A bar for each precision in its colour. */
static void
print_bars(const struct plot *plot, int column)
{
	size_t count = plot->table->precision_count;

	fputs("set boxwidth 0.62 absolute\nplot ", plot->script);
	for (size_t p = 0; p < count; p++)
		fprintf(plot->script,
			"%s$fits every ::%zu::%zu using 1:%d with boxes linecolor rgb '%s'",
			p ? ", \\\n\t" : "", p, p, column, plot->colors[p]);
}

/* The page, while it is written. */
struct layer_page {
	const struct plot *plot;
	const struct fitted_layer *layer;
	struct page page;
	struct precision_axis axis;
	double panel; /* width of each */
	int exponent; /* deltas are shown in units of this power of ten */
};

static void
print_alpha_panel(const struct layer_page *all)
{
	const struct plot *plot = all->plot;
	double highest = 0, room = plot->table->precision_count <= MOST_LEVEL ? 1.08 : 1.25;
	const struct fitted_layer *list[] = {all->layer};
	struct layer_list only = {list, 1};
	double top = plot_highest(plot, &only);

	for (size_t p = 0; p < plot->table->precision_count; p++)
		highest = fmax(highest, plot_alpha(all->layer, p));
	precision_axis_print(&all->axis);
	page_y_label(&all->page, "Hill α");
	page_alpha_axis(&all->page, 0, fmax(room * highest, top));
	plot_null_lines(plot, &only, top);
	print_values(plot, all->layer, alpha_value, 1, "%.6g");
	print_bars(plot, 2);
	putc('\n', plot->script);
}

/* With room for the values at both ends. */
static void
print_delta_range(const struct layer_page *all)
{
	const struct plot *plot = all->plot;
	double least = 0, most = 0, unit = pow(10, all->exponent), room;

	for (size_t p = 0; p < plot->table->precision_count; p++) {
		least = fmin(least, delta_value(plot, all->layer, p) / unit);
		most = fmax(most, delta_value(plot, all->layer, p) / unit);
	}
	if (least == most)
		most = 1;
	room = (most - least) * (plot->table->precision_count <= MOST_LEVEL ? 0.14 : 0.35);
	fprintf(plot->script, "set yrange [%g:%g]\n", least < 0 ? least - room : 0, most + room);
}

/* With whiskers as long as the numerical error, where they can be seen. */
static void
print_delta_panel(const struct layer_page *all)
{
	const struct plot *plot = all->plot;
	char *label = plot_delta_label(plot, all->exponent);

	precision_axis_print(&all->axis);
	page_y_label(&all->page, label);
	fputs("set xzeroaxis linetype 1 linewidth 0.8 linecolor rgb '#555555'\n", plot->script);
	print_delta_range(all);
	print_values(plot, all->layer, delta_value, pow(10, all->exponent), "%+.4g");
	print_bars(plot, 3);
	fputs(", \\\n\t$fits using 1:($3-$4):(0):($4>0.02?2*$4:NaN) with vectors heads size graph "
	      "0.01,90 linecolor rgb '#222222'\n",
	      plot->script);
	free(label);
}

static bool
has_delta(const struct plot *plot, const struct fitted_layer *layer)
{
	for (size_t p = 0; p < plot->table->precision_count; p++)
		if (p != plot->reference && !isnan(plot_delta_of(plot, layer, p)))
			return true;
	return false;
}

static char *
describe(const struct plot *plot, const struct fitted_layer *layer)
{
	const struct fit *fit = &layer->fits[plot->reference];
	const struct fitted_layer *list[] = {layer};
	struct layer_list only = {list, 1};

	char *category = plot_category_label(layer->category), *text;

	text = format_text("%s, %" PRIu64 " × %" PRIu64 ", stored as %s, tail of %" PRIu64
			   " of %" PRIu64 " eigenvalues%s%s%s",
			   category, layer->rows, layer->columns, layer->source_dtype, fit->k,
			   fit->n, plot_null_label(plot, &only, plot_highest(plot, &only)),
			   *fit->note ? "; " : "", fit->note);
	free(category);
	return text;
}

static void
print_panels(const struct layer_page *all, double left)
{
	double bottom = all->axis.height + 16, top = bottom + PANEL_HEIGHT;
	char *title = plot_title(all->plot, all->layer->name);
	char *subtitle = describe(all->plot, all->layer);

	page_panel(&all->page, left, left + all->panel, bottom, top);
	page_title(&all->page, title, subtitle);
	print_alpha_panel(all);
	if (has_delta(all->plot, all->layer)) {
		page_panel(&all->page, all->page.width - RIGHT - all->panel,
			   all->page.width - RIGHT, bottom, top);
		print_delta_panel(all);
	}
	free(title);
	free(subtitle);
}

void
plot_layer(const struct plot *plot, const char *path, const struct fitted_layer *layer)
{
	double precisions = (double)plot->table->precision_count, left, width;
	struct layer_page all = {.plot = plot,
				 .layer = layer,
				 .panel = fmax(LEAST_PANEL, PER_BAR * precisions),
				 .exponent = exponent_of(plot, layer)};

	/* One panel alone is as wide as two. */
	if (!has_delta(plot, layer))
		all.panel = 2 * all.panel + BETWEEN - 40;
	all.axis = precision_axis_of(plot, all.panel / precisions);
	left = fmax(LEFT, all.axis.overhang);
	width = left + all.panel + (has_delta(plot, layer) ? BETWEEN + all.panel + RIGHT : 60);
	all.page = page_begin(plot->script, plot->format, path, width,
			      HEIGHT + all.axis.height + 16);
	print_data(plot, layer, pow(10, all.exponent));
	print_panels(&all, left);
	page_end(&all.page);
}
