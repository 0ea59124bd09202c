/* The change of alpha as colour: layers, category by category, by precisions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "category_axis.h"
#include "plot.h"

#define RIGHT	     120.0
#define TOP	     58.0
#define MOST_LENGTH  1320.0
#define LEAST_LENGTH 640.0
#define MOST_DECADES 6

/*
 * Colours tell the power of ten: +1 for what is ten times the least that is told apart, -1 for its
 * negative, 0 for the least and below.
 */
struct scale {
	int low;     /* the least is this power of ten */
	int decades; /* so many are told apart */
};

static struct scale
scale_of(const struct plot *plot, const struct layer_list *layers)
{
	double smallest, largest;
	struct scale scale;

	plot_change_range(plot, layers, &smallest, &largest);
	if (!(largest > 0))
		return (struct scale){0, 1};
	scale.decades = (int)ceil(log10(largest)) - (int)floor(log10(smallest));
	scale.decades = scale.decades < 1 ? 1 : scale.decades;
	scale.decades = scale.decades > MOST_DECADES ? MOST_DECADES : scale.decades;
	scale.low = (int)ceil(log10(largest)) - scale.decades;
	return scale;
}

static double
color_of(struct scale scale, double delta)
{
	double power = delta == 0 ? 0 : fmax(log10(fabs(delta)) - scale.low, 0);

	/* fmax() passes over nan. */
	if (isnan(delta))
		return NAN;
	return delta < 0 ? -power : power;
}

/* gnuplot wants four points or more in an image: of fewer layers and precisions each is there twice, in
 * both directions. */
static unsigned
repetition(const struct plot *plot, const struct layer_list *layers)
{
	size_t rows = plot->table->precision_count - 1;

	return rows < 2 || layers->count < 2 || layers->count * rows < 4 ? 2 : 1;
}

static void
print_line(const struct plot *plot, const struct layer_list *layers, size_t precision,
	   struct scale scale)
{
	size_t times = repetition(plot, layers), last = layers->count * times;

	for (size_t i = 0; i < last; i++)
		gnuplot_number(
			plot->script,
			color_of(scale, plot_delta_of(plot, layers->list[i / times], precision)),
			i + 1 < last ? '\t' : '\n');
}

/* A line for each precision but the reference, with a number for each layer. */
static void
print_matrix(const struct plot *plot, const struct layer_list *layers, struct scale scale)
{
	fputs("$matrix << EOD\n", plot->script);
	for (size_t p = 0; p < plot->table->precision_count; p++)
		for (unsigned i = 0; i < repetition(plot, layers) && p != plot->reference; i++)
			print_line(plot, layers, p, scale);
	fputs("EOD\n", plot->script);
}

static void
print_colors(const struct page *page, double bottom, double panel, struct scale scale)
{
	FILE *script = page->script;

	fprintf(script,
		"set palette defined (-3 '#053061', -2 '#2166ac', -1 '#92c5de', 0 '#f7f7f7', "
		"1 '#f4a582', 2 '#b2182b', 3 '#67001f')\n"
		"set cbrange [%d:%d]\nset colorbox user origin screen %.5f,%.5f size screen "
		"%.5f,%.5f vertical\n"
		"set cbtics scale 0.4 (",
		-scale.decades, scale.decades, 1 - (RIGHT - 24) / page->width,
		bottom / page->height, 16 / page->width, panel / page->height);
	for (int i = -scale.decades; i <= scale.decades; i++) {
		struct text label = {0};

		text_append_power(&label, scale.low + abs(i));
		if (i)
			fprintf(script, "'%s%s' %d, ", i < 0 ? "−" : "+", label.bytes, i);
		text_free(&label);
	}
	fputs("'0' 0)\n", script);
}

static void
print_precision_tics(const struct plot *plot, size_t rows)
{
	size_t row = 0;

	fprintf(plot->script, "set yrange [%zu.5:-0.5]\nset ytics scale 0 noenhanced (", rows - 1);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		if (p == plot->reference)
			continue;
		fputs(row ? ", " : "", plot->script);
		gnuplot_tic_label(plot->script, plot->names[p]);
		fprintf(plot->script, " %zu", row++);
	}
	fputs(")\n", plot->script);
}

static void
print_panel(const struct plot *plot, const struct category_axis *axis)
{
	FILE *script = plot->script;

	category_axis_print(axis, script, true);
	print_precision_tics(plot, plot->table->precision_count - 1);
	fprintf(script,
		"set xrange [0.5:%zu.5]\nunset grid\nset border 0\n"
		"set object 1 rectangle from graph 0,graph 0 to graph 1,graph 1 behind "
		"fillcolor rgb '#d9d9d9' fillstyle solid 1 noborder\n"
		"plot $matrix matrix using %s:3 with image pixels\n",
		axis->layers.count,
		repetition(plot, &axis->layers) == 2 ? "($1/2+0.75):($2/2-0.25)" : "($1+1):2");
}

void
plot_heatmap(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	double length = fmin(fmax(8 * (double)layers->count, LEAST_LENGTH), MOST_LENGTH);
	struct category_axis axis = category_axis_of(layers, length);
	double names = 24 + (double)plot_longest_name(plot) * PAGE_CHARACTER_WIDTH;
	double left = fmax(names, axis.overhang), width = left + length + RIGHT;
	double panel = fmax(160, 34 * (double)(plot->table->precision_count - 1));
	struct scale scale = scale_of(plot, &axis.layers);
	char *what = format_text("α − α(%s)", plot->names[plot->reference]);
	char *title = plot_title(plot, what), *count = plot_count_label(layers->count);
	char *subtitle = format_text(
		"%s by category, each in the order of the model; grey: no estimate", count);
	struct page page = page_begin(plot->script, plot->format, path, width,
				      TOP + panel + axis.height);

	print_matrix(plot, &axis.layers, scale);
	page_panel(&page, left, width - RIGHT, axis.height, axis.height + panel);
	page_title(&page, title, subtitle);
	print_colors(&page, axis.height, panel, scale);
	print_panel(plot, &axis);
	page_end(&page);
	category_axis_free(&axis);
	free(what);
	free(title);
	free(count);
	free(subtitle);
}
