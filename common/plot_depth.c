/* Alpha along the depth of the model: small panels, one for each category, with the same axes. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"

#define PANEL_HEIGHT 150.0
#define LEFT	     52.0
#define RIGHT	     22.0
#define GAP	     46.0 /* below each panel, for its title and the tics of the one above */
#define TOP	     64.0
#define BOTTOM	     44.0
#define MOST_PANELS  30

/* The first whole number among the parts of a name, which is that of the block; or else `otherwise`. */
static double
depth_of(const char *name, size_t otherwise)
{
	while (name) {
		size_t digits = strspn(name, "0123456789");

		if (digits && digits < 9 && (name[digits] == '.' || !name[digits]))
			return atof(name);
		name = strchr(name, '.');
		name = name ? name + 1 : NULL;
	}
	return (double)otherwise;
}

/* The layers of a category, and whether each block has one of them, so that a line can join them. */
struct panel {
	struct layer_list layers;
	const char *category;
	bool joined;
};

static struct panel
panel_of(const struct layer_list *layers, const char *category)
{
	struct panel panel = {plot_layers_in(layers, category), category, true};

	for (size_t i = 1; i < panel.layers.count; i++)
		if (depth_of(panel.layers.list[i]->name, i) <=
		    depth_of(panel.layers.list[i - 1]->name, i - 1))
			panel.joined = false;
	return panel;
}

/* Columns: depth, alpha in each precision. */
static void
print_data(const struct plot *plot, const struct panel *panel, size_t number)
{
	fprintf(plot->script, "$c%zu << EOD\n", number);
	for (size_t i = 0; i < panel->layers.count; i++) {
		const struct fitted_layer *layer = panel->layers.list[i];
		size_t count = plot->table->precision_count;

		gnuplot_number(plot->script, depth_of(layer->name, i), '\t');
		for (size_t p = 0; p < count; p++)
			gnuplot_number(plot->script, plot_alpha(layer, p),
				       p + 1 < count ? '\t' : '\n');
	}
	fputs("EOD\n", plot->script);
}

/* Differences below this cannot be seen in a panel; those precisions are left out. */
#define LEAST_SEEN 0.03

static bool
is_seen(const struct plot *plot, const struct layer_list *layers, size_t precision)
{
	if (precision == plot->reference)
		return true;
	for (size_t i = 0; i < layers->count; i++)
		if (fabs(plot_delta_of(plot, layers->list[i], precision)) >= LEAST_SEEN)
			return true;
	return false;
}

/* A line for each precision, the reference last and so on top. */
static void
print_panel(const struct plot *plot, const struct panel *panel, size_t number, const bool *seen)
{
	FILE *script = plot->script;
	size_t count = plot->table->precision_count;

	fputs("set title ", script);
	gnuplot_string(script, panel->category);
	fputs(" noenhanced offset 0,-0.7 font ',9'\nplot NaN notitle", script);
	for (size_t i = 1; i <= count; i++) {
		size_t p = (plot->reference + i) % count;

		if (!seen[p])
			continue;
		fprintf(script,
			", \\\n\t$c%zu using 1:%zu with %s pointtype 7 pointsize 0.4 linewidth 1 "
			"linecolor rgb '%s' title ",
			number, p + 2, panel->joined ? "linespoints" : "points", plot->colors[p]);
		gnuplot_string(script, number ? "" : plot->table->precisions[p]);
	}
	putc('\n', script);
}

/* What the panels are, and which precisions are not to be seen in them. */
static char *
describe(const struct plot *plot, const bool *seen)
{
	struct text text = {0};
	bool any = false;

	text_print(&text, "a panel for each category; across: the number of the block");
	for (size_t p = 0; p < plot->table->precision_count; p++)
		if (!seen[p]) {
			text_print(&text, "%s%s", any ? ", " : "; too close to ",
				   any ? "" : plot->table->precisions[plot->reference]);
			text_print(&text, "%s%s",
				   any ? "" : " to be seen: ", plot->table->precisions[p]);
			any = true;
		}
	return text.bytes;
}

/* The largest depth and alpha, so that all panels have the same axes. */
static void
print_ranges(const struct plot *plot, const struct layer_list *layers)
{
	double deepest = 1, highest = 6.6;

	for (size_t i = 0; i < layers->count; i++) {
		deepest = fmax(deepest, depth_of(layers->list[i]->name, 0));
		for (size_t p = 0; p < plot->table->precision_count; p++)
			highest = fmax(highest, plot_alpha(layers->list[i], p));
	}
	fprintf(plot->script, "set xrange [-0.5:%g]\nset yrange [0:%g]\nset ytics auto\n",
		deepest + 0.5, 1.05 * highest);
}

/* Where the panels stand: so many side by side, the first in the upper left corner. */
struct grid {
	size_t across, down;
	double panel;	      /* width of each */
	double width, height; /* of the page */
};

static struct grid
grid_of(size_t panels)
{
	struct grid grid = {.across = panels < 4 ? panels : panels < 10 ? (panels + 1) / 2 : 6};

	if (grid.across > 4 && panels < 13)
		grid.across = 4;
	grid.down = (panels + grid.across - 1) / grid.across;
	grid.panel = grid.across == 1 ? 640 : grid.across == 2 ? 400 : 250;
	grid.width = (double)grid.across * (grid.panel + RIGHT) + LEFT + 20;
	grid.height = TOP + BOTTOM + (double)grid.down * (PANEL_HEIGHT + GAP) - 12;
	return grid;
}

static void
place_panel(const struct page *page, const struct grid *grid, size_t number)
{
	double left = LEFT + (double)(number % grid->across) * (grid->panel + RIGHT);
	double top = page->height - TOP - (double)(number / grid->across) * (PANEL_HEIGHT + GAP) -
		     12;
	bool is_leftmost = number % grid->across == 0;

	page_panel(page, left, left + grid->panel, top - PANEL_HEIGHT, top);
	page_alpha_lines(page);
	/* The lines have their names once, at the right end of each row. */
	if ((number + 1) % grid->across)
		fputs("unset label 10\nunset label 11\n", page->script);
	fputs(is_leftmost ? "set ylabel \"α\"\n" : "set format y ''\n", page->script);
	if (is_leftmost)
		fputs("set format y '%g'\n", page->script);
}

/* Everything on the page that there is once. */
static void
print_heading(const struct plot *plot, const struct page *page, const bool *seen)
{
	char *title = plot_title(plot, "α along the depth of the model");
	char *subtitle = describe(plot, seen);

	page_title(page, title, subtitle);
	fputs("set key at screen 0.99,0.99 right top horizontal Left reverse samplen 1.2 "
	      "noenhanced\n",
	      plot->script);
	free(title);
	free(subtitle);
}

void
plot_depth(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	size_t count;
	const char **categories = plot_category_names(layers, &count);
	bool *seen = xcalloc(plot->table->precision_count, sizeof(*seen));
	struct grid grid;
	struct page page;

	count = count > MOST_PANELS ? MOST_PANELS : count;
	grid = grid_of(count);
	page = page_begin(plot->script, plot->format, path, grid.width, grid.height);
	for (size_t p = 0; p < plot->table->precision_count; p++)
		seen[p] = is_seen(plot, layers, p);
	print_ranges(plot, layers);
	for (size_t i = 0; i < count; i++) {
		struct panel panel = panel_of(layers, categories[i]);

		print_data(plot, &panel, i);
		place_panel(&page, &grid, i);
		if (!i)
			print_heading(plot, &page, seen);
		print_panel(plot, &panel, i, seen);
		free(panel.layers.list);
	}
	page_end(&page);
	free(seen);
	free(categories);
}
