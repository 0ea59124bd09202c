/* What each precision costs and what it does: a line for each, from many bits to few. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "label.h"
#include "palette.h"
#include "plot.h"

#define LINE	20.0
#define RIGHT	30.0
#define TOP	92.0
#define BOTTOM	52.0
#define LENGTH	520.0
#define MOST	12    /* categories with points of their own */
#define NUMBERS 150.0 /* for bits and decibels, to the left of the axes */

/* A precision, with its change over all layers and over those of each category. */
struct line {
	size_t precision;
	struct change all, *by_category;
};

/* A page, while it is written. */
struct formats {
	const struct plot *plot;
	struct page page;
	const char **categories;
	size_t category_count;
	struct line *lines;
	size_t count;
	double least, most; /* of all means and largest changes above 0; 0 and 0 if there is none */
};

static struct line
line_of(const struct formats *formats, const struct layer_list *layers, size_t precision)
{
	size_t reference = formats->plot->reference;
	struct line line = {
		.precision = precision,
		.all = change_of(layers->list, layers->count, precision, reference),
		.by_category = xcalloc(formats->category_count, sizeof(*line.by_category)),
	};

	for (size_t c = 0; c < formats->category_count; c++) {
		struct layer_list list = plot_layers_in(layers, formats->categories[c]);

		line.by_category[c] = change_of(list.list, list.count, precision, reference);
		free(list.list);
	}
	return line;
}

/* More bits first; unknown ones last. Of equal bits, what moves alpha less. */
static int
compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	double x_bits = isnan(x->all.bits) ? 0 : x->all.bits;
	double y_bits = isnan(y->all.bits) ? 0 : y->all.bits;

	if (x_bits != y_bits)
		return x_bits < y_bits ? 1 : -1;
	if (x->all.mean != y->all.mean)
		return x->all.mean > y->all.mean ? 1 : -1;
	return x->precision < y->precision ? -1 : 1;
}

static void
widen(struct formats *formats, double value)
{
	if (!(value > 0))
		return;
	formats->least = fmin(formats->least, value);
	formats->most = fmax(formats->most, value);
}

static struct formats
formats_of(const struct plot *plot, const struct layer_list *layers)
{
	struct formats formats = {.plot = plot, .least = INFINITY};

	formats.categories = plot_category_names(layers, &formats.category_count);
	if (formats.category_count > MOST)
		formats.category_count = MOST;
	formats.lines = xcalloc(plot->table->precision_count, sizeof(*formats.lines));
	for (size_t p = 0; p < plot->table->precision_count; p++)
		if (p != plot->reference)
			formats.lines[formats.count++] = line_of(&formats, layers, p);
	qsort(formats.lines, formats.count, sizeof(*formats.lines), compare_lines);
	for (size_t i = 0; i < formats.count; i++) {
		for (size_t c = 0; c < formats.category_count; c++)
			widen(&formats, formats.lines[i].by_category[c].mean);
		widen(&formats, formats.lines[i].all.largest);
	}
	if (!(formats.most > 0))
		formats.least = 0;
	return formats;
}

static void
formats_free(struct formats *formats)
{
	for (size_t i = 0; i < formats->count; i++)
		free(formats->lines[i].by_category);
	free(formats->lines);
	free(formats->categories);
}

/* What does not change cannot be shown on a logarithmic axis. */
static double
shown(double value)
{
	return value > 0 ? value : NAN;
}

/* Columns: line, mean, largest, and the mean in each category. */
static void
print_data(const struct formats *formats)
{
	FILE *script = formats->plot->script;

	fputs("$d << EOD\n", script);
	for (size_t i = 0; i < formats->count; i++) {
		const struct line *line = &formats->lines[i];

		fprintf(script, "%zu\t", i);
		gnuplot_number(script, shown(line->all.mean), '\t');
		gnuplot_number(script, shown(line->all.largest), '\t');
		for (size_t c = 0; c < formats->category_count; c++)
			gnuplot_number(script, shown(line->by_category[c].mean),
				       c + 1 < formats->category_count ? '\t' : '\n');
	}
	fputs("EOD\n", script);
}

/* Text to the left of a line, so many points from the axes. */
static void
print_text(const struct formats *formats, size_t line, double distance, const char *text)
{
	FILE *script = formats->plot->script;

	fputs("set label ", script);
	gnuplot_string(script, text);
	fprintf(script,
		" noenhanced at screen panel_left-%.5f,first %zu right font ',9' textcolor rgb "
		"'#333333'\n",
		distance / formats->page.width, line);
}

/* The name of a line, its bits and its ratio of signal to noise; and that nothing moves, if so. */
static void
print_names(const struct formats *formats, size_t i)
{
	const struct line *line = &formats->lines[i];
	char *bits = format_text("%.4g", line->all.bits);
	char *sqnr = format_text("%.1f", line->all.sqnr_db);

	print_text(formats, i, NUMBERS, formats->plot->names[line->precision]);
	print_text(formats, i, NUMBERS / 2 + 8, isnan(line->all.bits) ? "–" : bits);
	print_text(formats, i, 14,
		   isinf(line->all.sqnr_db)   ? "exact"
		   : isnan(line->all.sqnr_db) ? "–"
					      : sqnr);
	free(bits);
	free(sqnr);
}

static void
print_points(const struct formats *formats)
{
	FILE *script = formats->plot->script;

	/* A line from the mean to the largest, whose end is the layer that moves most. */
	fputs("plot $d using 2:1:($3-$2):(0) with vectors nohead linewidth 1 linecolor rgb "
	      "'#bbbbbb' "
	      "notitle, \\\n\t'' using 3:1 with points pointtype 10 pointsize 0.8 linecolor rgb "
	      "'#444444' title 'largest'",
	      script);
	for (size_t c = 0; c < formats->category_count; c++) {
		char *label = plot_category_label(formats->categories[c]);

		fprintf(script,
			", \\\n\t'' using %zu:1 with points pointtype 7 pointsize 0.7 linecolor "
			"rgb "
			"'%s' "
			"title ",
			c + 4, palette_color(c));
		gnuplot_string(script, label);
		free(label);
	}
	fputs(", \\\n\t'' using 2:1 with points pointtype 2 pointsize 0.9 linewidth 1.6 linecolor "
	      "rgb '#000000' title 'all layers'\n",
	      script);
}

static void
print_axes(const struct formats *formats)
{
	FILE *script = formats->plot->script;
	char *reference = plot_reference_label(formats->plot);
	char *label = format_text("|α − α(%s)|", reference);

	page_power_tics(&formats->page, "x", formats->least, formats->most);
	fprintf(script, "set yrange [%zu.5:-0.5]\nunset ytics\nset grid xtics\n",
		formats->count - 1);
	fputs("set xlabel ", script);
	gnuplot_string(script, label);
	fputs(" noenhanced\n", script);
	for (size_t i = 0; i < formats->count; i++)
		print_names(formats, i);
	print_text(formats, 0, NUMBERS / 2 + 8, "");
	free(label);
	free(reference);
}

/* What the numbers beside the names are. */
static void
print_heads(const struct formats *formats)
{
	static const char *const heads[] = {"bits", "SQNR, dB"};

	for (size_t i = 0; i < 2; i++)
		fprintf(formats->plot->script,
			"set label '%s' at screen panel_left-%.5f,graph 1 right offset 0,0.8 font "
			"',8' textcolor rgb '#777777'\n",
			heads[i], (i ? 14 : NUMBERS / 2 + 8) / formats->page.width);
}

static size_t
longest_entry(const struct formats *formats)
{
	size_t longest = strlen("all layers");

	for (size_t c = 0; c < formats->category_count; c++) {
		char *label = plot_category_label(formats->categories[c]);

		longest = label_width(label) > longest ? label_width(label) : longest;
		free(label);
	}
	return longest;
}

void
plot_formats(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	struct formats formats = formats_of(plot, layers);
	struct page_key key = page_key_of(formats.category_count + 2, longest_entry(&formats),
					  LENGTH);
	double left = NUMBERS + PAGE_CHARACTER_WIDTH * (double)plot_longest_name(plot) + 24;
	double height = LINE * (double)formats.count + 10;
	char *title = plot_title(plot, "formats by bits per weight");

	formats.page = page_begin(plot->script, plot->format, path, left + LENGTH + RIGHT,
				  TOP + key.height + height + BOTTOM);
	print_data(&formats);
	page_panel(&formats.page, left, left + LENGTH, BOTTOM, BOTTOM + height);
	page_title(&formats.page, title,
		   "how far each format moves α: means over layers, by category, and the largest");
	page_key_above(&formats.page, key);
	print_heads(&formats);
	print_axes(&formats);
	print_points(&formats);
	page_end(&formats.page);
	free(title);
	formats_free(&formats);
}
