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

	return delta < 0 ? -power : power;
}

/* A line "place, row, colour" for each layer in each precision but the reference, where there are
 * estimates. Returns how many. */
static size_t
print_cells(const struct plot *plot, const struct layer_list *layers, struct scale scale)
{
	size_t count = 0, row = 0;

	fputs("$cells << EOD\n", plot->script);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		for (size_t i = 0; i < layers->count && p != plot->reference; i++) {
			double delta = plot_delta_of(plot, layers->list[i], p);

			if (isnan(delta))
				continue;
			fprintf(plot->script, "%zu\t%zu\t", i + 1, row);
			gnuplot_number(plot->script, color_of(scale, delta), '\n');
			count++;
		}
		row += p != plot->reference;
	}
	fputs("EOD\n", plot->script);
	return count;
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

/* A rectangle for each cell, a little larger so that no ground shows between them. */
static void
print_panel(const struct plot *plot, const struct category_axis *axis, size_t cells)
{
	FILE *script = plot->script;

	category_axis_print(axis, script, true);
	print_precision_tics(plot, plot->table->precision_count - 1);
	fprintf(script,
		"set xrange [0.5:%zu.5]\nunset grid\nset border 0\nset style fill solid 1 "
		"noborder\n"
		"set object 1 rectangle from graph 0,graph 0 to graph 1,graph 1 behind "
		"fillcolor rgb '#d9d9d9' fillstyle solid 1 noborder\nplot NaN",
		axis->layers.count);
	if (cells)
		fputs(", \\\n\t$cells using 1:2:(0.51):(0.51):3 with boxxyerror linecolor palette "
		      "fillstyle solid 1 noborder",
		      script);
	putc('\n', script);
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
	size_t cells;

	cells = print_cells(plot, &axis.layers, scale);
	page_panel(&page, left, width - RIGHT, axis.height, axis.height + panel);
	page_title(&page, title, subtitle);
	print_colors(&page, axis.height, panel, scale);
	print_panel(plot, &axis, cells);
	page_end(&page);
	category_axis_free(&axis);
	free(what);
	free(title);
	free(count);
	free(subtitle);
}
