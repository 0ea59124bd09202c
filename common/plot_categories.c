/* Means over the layers of each category: alpha with its spread, and the change of alpha. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"
#include "statistics.h"

#define GROUP_WIDTH  0.8
#define LEFT	     78.0
#define RIGHT	     52.0
#define TOP	     72.0
#define ALPHA_HEIGHT 230.0
#define DELTA_HEIGHT 130.0
#define GAP	     24.0
#define BOTTOM	     86.0

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

/*
 * Columns of $pN: place, mean alpha, its standard deviation, mean |delta|. Returns whether any mean
 * |delta| is above 0, and between which two those are.
 */
static bool
print_data(const struct plot *plot, const struct layer_list *layers, const char **categories,
	   size_t count, double range[static 2])
{
	size_t precisions = plot->table->precision_count;
	double bar = GROUP_WIDTH / (double)precisions;

	range[0] = INFINITY;
	range[1] = 0;
	for (size_t p = 0; p < precisions; p++) {
		fprintf(plot->script, "$p%zu << EOD\n", p);
		for (size_t c = 0; c < count; c++) {
			struct layer_list list = plot_layers_in(layers, categories[c]);
			struct summary alpha = summary_of(plot, &list, p, false);
			double change = summary_of(plot, &list, p, true).mean;
			double place = (double)c + 1 +
				       ((double)p - ((double)precisions - 1) / 2) * bar;

			gnuplot_number(plot->script, place, '\t');
			gnuplot_number(plot->script, alpha.mean, '\t');
			gnuplot_number(plot->script, alpha.std, '\t');
			gnuplot_number(plot->script, change > 0 ? change : NAN, '\n');
			range[0] = change > 0 ? fmin(range[0], change) : range[0];
			range[1] = fmax(range[1], change);
			free(list.list);
		}
		fputs("EOD\n", plot->script);
	}
	fprintf(plot->script, "set boxwidth %.5f absolute\nset xrange [0.4:%zu.6]\n", bar, count);
	return range[1] > 0;
}

static void
print_tics(const struct plot *plot, const struct layer_list *layers, const char **categories,
	   size_t count)
{
	fputs("set xtics scale 0 rotate by 30 right noenhanced (", plot->script);
	for (size_t c = 0; c < count; c++) {
		struct layer_list list = plot_layers_in(layers, categories[c]);
		char *label = format_text("%s (%zu)", categories[c], list.count);

		fputs(c ? ", " : "", plot->script);
		gnuplot_tic_label(plot->script, label);
		fprintf(plot->script, " %zu", c + 1);
		free(label);
		free(list.list);
	}
	fputs(")\n", plot->script);
}

static void
print_alpha_panel(const struct plot *plot, const struct page *page)
{
	page_key_above(page);
	page_alpha_lines(page);
	fputs("set ylabel \"mean α ± std\"\nset yrange [0:6.6<*]\nplot ", plot->script);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		fprintf(plot->script, "%s$p%zu using 1:2 with boxes linecolor rgb '%s' title ",
			p ? ", \\\n\t" : "", p, plot->colors[p]);
		gnuplot_string(plot->script, plot->table->precisions[p]);
		fprintf(plot->script,
			", \\\n\t$p%zu using 1:($2-$3):(0):(2*$3) with vectors heads size graph "
			"0.004,90 linecolor rgb '#222222' notitle",
			p);
	}
	putc('\n', plot->script);
}

static void
print_change_panel(const struct plot *plot, const struct page *page, const double range[static 2])
{
	char *label = format_text("mean |α − α(%s)|", plot->table->precisions[plot->reference]);

	fputs("set ylabel ", plot->script);
	gnuplot_string(plot->script, label);
	fputs(" noenhanced\n", plot->script);
	page_power_tics(page, "y", range[0], range[1]);
	fputs("plot NaN notitle", plot->script);
	for (size_t p = 0; p < plot->table->precision_count; p++)
		if (p != plot->reference)
			fprintf(plot->script,
				", \\\n\t$p%zu using 1:4 with points pointtype 7 pointsize 0.9 "
				"linecolor rgb '%s' notitle",
				p, plot->colors[p]);
	putc('\n', plot->script);
	free(label);
}

void
plot_categories(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	size_t count;
	const char **categories = plot_category_names(layers, &count);
	double precisions = (double)plot->table->precision_count;
	double width = fmin(fmax(LEFT + RIGHT + (double)count * (precisions * 18 + 20), 620), 1800);
	double height = TOP + ALPHA_HEIGHT + GAP + DELTA_HEIGHT + BOTTOM;
	char *title = plot_title(plot, "α by category");
	char *subtitle = format_text("%zu layers; in parentheses, how many of each category",
				     layers->count);
	struct page page = page_begin(plot->script, plot->format, path, width, height);
	double range[2];
	bool has_change = print_data(plot, layers, categories, count, range);
	double bottom = has_change ? BOTTOM + DELTA_HEIGHT + GAP : BOTTOM;

	page_panel(&page, LEFT, width - RIGHT, bottom, height - TOP);
	page_title(&page, title, subtitle);
	if (has_change)
		fputs("unset xtics\n", plot->script);
	else
		print_tics(plot, layers, categories, count);
	print_alpha_panel(plot, &page);
	if (has_change) {
		page_panel(&page, LEFT, width - RIGHT, BOTTOM, BOTTOM + DELTA_HEIGHT);
		print_tics(plot, layers, categories, count);
		print_change_panel(plot, &page, range);
	}
	page_end(&page);
	free(categories);
	free(title);
	free(subtitle);
}
