/* Means over the layers of each category: alpha with its spread, and the change of alpha. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"
#include "plot.h"
#include "statistics.h"

#define GROUP_WIDTH  0.8
#define LEFT	     78.0
#define RIGHT	     52.0
#define TOP	     72.0
#define ALPHA_HEIGHT 230.0
#define DELTA_HEIGHT 130.0
#define GAP	     24.0
#define TURN_SINE    0.5 /* of the names' angle, 30 degrees, and its cosine */
#define TURN_COSINE  0.87
#define WIDEST	     40.0 /* bar */

static struct summary
summary_of(const struct plot *plot, const struct layer_list *layers, size_t precision, bool change)
{
	double *values = xcalloc(layers->count, sizeof(*values));
	struct summary summary;
	size_t count = 0;

	for (size_t i = 0; i < layers->count; i++) {
		double x = change ? fabs(plot_delta_of(plot, layers->list[i], precision))
				  : plot_alpha(layers->list[i], precision);

		if (!isnan(x))
			values[count++] = x;
	}
	summary = summarize(values, count);
	free(values);
	return summary;
}

/* A page, while it is written. */
struct means {
	const struct plot *plot;
	struct page page;
	const char **categories;
	struct layer_list *lists; /* the layers of each */
	char **labels;
	size_t count;
	double step, bar;   /* widths: of a category, in points; of a bar, in categories */
	double highest;	    /* mean alpha with its standard deviation */
	double least, most; /* mean |delta| above 0; 0 and 0 if there is none */
	struct page_key key;
};

static struct means
means_of(const struct plot *plot, const struct layer_list *layers)
{
	double precisions = (double)plot->table->precision_count, length;
	struct means means = {.plot = plot, .least = INFINITY};

	means.categories = plot_category_names(layers, &means.count);
	means.lists = xcalloc(means.count, sizeof(*means.lists));
	means.labels = xcalloc(means.count, sizeof(*means.labels));
	for (size_t c = 0; c < means.count; c++) {
		char *category = plot_category_label(means.categories[c]);

		means.lists[c] = plot_layers_in(layers, means.categories[c]);
		means.labels[c] = format_text("%s (%zu)", category, means.lists[c].count);
		free(category);
	}
	length = fmin(fmax((double)means.count * (precisions * 18 + 20), 490), 1670);
	means.step = length / (double)means.count;
	means.bar = fmin(GROUP_WIDTH / precisions, WIDEST / means.step);
	means.key = page_key_of(plot->table->precision_count, plot_longest_name(plot), length);
	return means;
}

static void
means_free(struct means *means)
{
	for (size_t c = 0; c < means->count; c++) {
		free(means->labels[c]);
		free(means->lists[c].list);
	}
	free(means->labels);
	free(means->lists);
	free(means->categories);
}

/* Columns of $pN: place, mean alpha, lower and upper end of its standard deviation, mean |delta|. */
static void
print_data(struct means *means, size_t precision)
{
	const struct plot *plot = means->plot;
	double middle = ((double)plot->table->precision_count - 1) / 2;

	fprintf(plot->script, "$p%zu << EOD\n", precision);
	for (size_t c = 0; c < means->count; c++) {
		struct summary alpha = summary_of(plot, &means->lists[c], precision, false);
		double change = summary_of(plot, &means->lists[c], precision, true).mean;

		gnuplot_number(plot->script,
			       (double)c + 1 + ((double)precision - middle) * means->bar, '\t');
		gnuplot_number(plot->script, alpha.mean, '\t');
		/* No alpha is below 1. */
		gnuplot_number(plot->script,
			       isnan(alpha.std) ? NAN : fmax(alpha.mean - alpha.std, 1), '\t');
		gnuplot_number(plot->script, alpha.mean + alpha.std, '\t');
		gnuplot_number(plot->script, change > 0 ? change : NAN, '\n');
		means->highest = fmax(means->highest, alpha.mean);
		means->highest = fmax(means->highest, alpha.mean + alpha.std);
		means->least = change > 0 ? fmin(means->least, change) : means->least;
		means->most = fmax(means->most, change);
	}
	fputs("EOD\n", plot->script);
}

/* How far the names reach out to the left of the axis, and below it. */
static void
measure_names(const struct means *means, double *left, double *below)
{
	*left = *below = 0;
	for (size_t c = 0; c < means->count; c++) {
		double width = PAGE_CHARACTER_WIDTH * (double)label_width(means->labels[c]);

		*left = fmax(*left, TURN_COSINE * width - ((double)c + 0.5) * means->step);
		*below = fmax(*below, TURN_SINE * width);
	}
}

static void
print_names(const struct means *means)
{
	FILE *script = means->plot->script;

	for (size_t c = 0; c < means->count; c++) {
		fprintf(script, "set label %zu ", 100 + c);
		gnuplot_string(script, means->labels[c]);
		fprintf(script,
			" at first %zu,graph 0 right rotate by 30 offset 0.6,-0.7 noenhanced "
			"textcolor rgb '#333333'\n",
			c + 1);
	}
}

static void
print_axis(const struct means *means, bool names)
{
	fprintf(means->plot->script,
		"unset xtics\nset boxwidth %.5f absolute\nset xrange [0.4:%zu.6]\n", means->bar,
		means->count);
	if (names)
		print_names(means);
}

static void
print_alpha_panel(const struct means *means)
{
	const struct plot *plot = means->plot;

	page_key_above(&means->page, means->key);
	page_alpha_axis(&means->page, 0, means->highest);
	page_y_label(&means->page, "mean α ± std");
	fputs("plot ", plot->script);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		fprintf(plot->script, "%s$p%zu using 1:2 with boxes linecolor rgb '%s' title ",
			p ? ", \\\n\t" : "", p, plot->colors[p]);
		gnuplot_string(plot->script, plot->names[p]);
		fprintf(plot->script,
			", \\\n\t$p%zu using 1:3:(0):($4-$3) with vectors heads size graph "
			"0.004,90 linecolor rgb '#222222' notitle",
			p);
	}
	putc('\n', plot->script);
}

static void
print_change_panel(const struct means *means)
{
	const struct plot *plot = means->plot;
	char *reference = plot_reference_label(plot);
	char *label = format_text("mean |α − α(%s)|", reference);

	page_y_label(&means->page, label);
	page_power_tics(&means->page, "y", means->least, means->most);
	fputs("plot NaN notitle", plot->script);
	for (size_t p = 0; p < plot->table->precision_count; p++)
		if (p != plot->reference)
			fprintf(plot->script,
				", \\\n\t$p%zu using 1:5 with points pointtype 7 pointsize 0.9 "
				"linecolor rgb '%s' notitle",
				p, plot->colors[p]);
	putc('\n', plot->script);
	free(reference);
	free(label);
}

/* Both panels, the upper one from `bottom` on. */
static void
print_panels(const struct means *means, const char *title, const char *subtitle, double left,
	     double below, double bottom)
{
	double right = left + (double)means->count * means->step;

	page_panel(&means->page, left, right, bottom, bottom + ALPHA_HEIGHT);
	page_title(&means->page, title, subtitle);
	print_axis(means, !(means->most > 0));
	print_alpha_panel(means);
	if (!(means->most > 0))
		return;
	page_panel(&means->page, left, right, below, below + DELTA_HEIGHT);
	print_axis(means, true);
	print_change_panel(means);
}

void
plot_categories(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	struct means means = means_of(plot, layers);
	double least, most, left, below, bottom;
	char *title = plot_title(plot, "α by category");
	char *count = plot_count_label(layers->count);
	char *subtitle = format_text("%s; in parentheses, how many of each category", count);

	plot_change_range(plot, layers, &least, &most);
	measure_names(&means, &left, &below);
	left = fmax(LEFT, left + 10);
	below += 24;
	bottom = below + (most > 0 ? DELTA_HEIGHT + GAP : 0);
	means.page = page_begin(plot->script, plot->format, path,
				left + (double)means.count * means.step + RIGHT,
				bottom + ALPHA_HEIGHT + means.key.height + TOP);
	for (size_t p = 0; p < plot->table->precision_count; p++)
		print_data(&means, p);
	print_panels(&means, title, subtitle, left, below, bottom);
	page_end(&means.page);
	means_free(&means);
	free(title);
	free(count);
	free(subtitle);
}
