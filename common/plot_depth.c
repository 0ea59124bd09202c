/* Alpha along the depth of the model: small panels, one for each category, with the same axes. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"

#define PANEL_HEIGHT 150.0
#define LEFT	     64.0
#define RIGHT	     22.0
#define GAP	     46.0 /* below each panel, for its title and the tics of the one above */
#define TOP	     92.0
#define BOTTOM	     44.0
#define MOST_PANELS  30

/* The first whole number among the parts of a name, which is that of the block; -1 if there is none. */
static double
block_of(const char *name)
{
	while (name) {
		size_t digits = strspn(name, "0123456789");

		if (digits && digits < 9 && (name[digits] == '.' || !name[digits]))
			return atof(name);
		name = strchr(name, '.');
		name = name ? name + 1 : NULL;
	}
	return -1;
}

/* The layers of a category, where they stand, and whether a line can join them: each behind the last. */
struct panel {
	struct layer_list layers;
	const char *category;
	double *depths;
	bool joined;
};

/* A layer outside all blocks stands behind the last; where there are no blocks, layers stand in order. */
static struct panel
panel_of(const struct layer_list *layers, const char *category)
{
	struct panel panel = {
		.layers = plot_layers_in(layers, category), .category = category, .joined = true};
	double deepest = -1;

	panel.depths = xcalloc(panel.layers.count, sizeof(*panel.depths));
	for (size_t i = 0; i < panel.layers.count; i++) {
		panel.depths[i] = block_of(panel.layers.list[i]->name);
		deepest = fmax(deepest, panel.depths[i]);
	}
	for (size_t i = 0; i < panel.layers.count; i++) {
		if (panel.depths[i] < 0)
			panel.depths[i] = deepest < 0 ? (double)i : deepest + 1;
		if (i && panel.depths[i] <= panel.depths[i - 1])
			panel.joined = false;
	}
	return panel;
}

static void
panel_free(struct panel *panel)
{
	free(panel->layers.list);
	free(panel->depths);
}

/* Columns: depth, alpha in each precision. */
static void
print_data(const struct plot *plot, const struct panel *panel, size_t number)
{
	fprintf(plot->script, "$c%zu << EOD\n", number);
	for (size_t i = 0; i < panel->layers.count; i++) {
		const struct fitted_layer *layer = panel->layers.list[i];
		size_t count = plot->table->precision_count;

		gnuplot_number(plot->script, panel->depths[i], '\t');
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

	char *category = plot_category_label(panel->category);

	fputs("set title ", script);
	gnuplot_string(script, category);
	fputs(" noenhanced offset 0,-0.7 font ',9'\nplot NaN notitle", script);
	for (size_t i = 1; i <= count; i++) {
		size_t p = (plot->reference + i) % count;

		if (seen[p])
			fprintf(script,
				", \\\n\t$c%zu using 1:%zu with %s pointtype 7 pointsize 0.4 "
				"linewidth 1 linecolor rgb '%s' notitle",
				number, p + 2, panel->joined ? "linespoints" : "points",
				plot->colors[p]);
	}
	free(category);
	putc('\n', script);
}

/* What the panels are, and which precisions are not to be seen in them. */
static char *
describe(const struct plot *plot, const bool *seen, size_t shown, size_t categories)
{
	struct text text = {0};
	const char *reference = plot->names[plot->reference];
	bool any = false;

	text_print(&text, "a panel for each ");
	if (shown < categories)
		text_print(&text, "of the first %zu of %zu categories", shown, categories);
	else
		text_print(&text, "category");
	text_print(&text, "; across: the number of the block");
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		if (seen[p])
			continue;
		if (!any)
			text_print(&text, "; too close to %s to be seen: %s", reference,
				   plot->names[p]);
		else
			text_print(&text, ", %s", plot->names[p]);
		any = true;
	}
	return text.bytes;
}

/* The number of the last block in any panel. */
static double
deepest_block(const struct layer_list *layers)
{
	double deepest = 1;
	size_t count;
	const char **names = plot_category_names(layers, &count);

	for (size_t c = 0; c < count; c++) {
		struct panel panel = panel_of(layers, names[c]);

		for (size_t i = 0; i < panel.layers.count; i++)
			deepest = fmax(deepest, panel.depths[i]);
		panel_free(&panel);
	}
	free(names);
	return deepest;
}

/* The ranges that all panels have, with tics at whole numbers; alpha has labels in some panels only. */
static void
print_ranges(const struct plot *plot, const struct page *page, const struct layer_list *layers,
	     bool labels)
{
	static const int steps[] = {1, 2, 5};
	double deepest = deepest_block(layers), step = 1;

	for (unsigned i = 0; deepest / step > 6; i++)
		step = steps[i % 3] * pow(10, i / 3);
	fprintf(plot->script,
		"set xrange [-0.5:%.1f]\nset xtics nomirror out scale 0.6 0,%g norotate\n",
		deepest + 0.5, step);
	page_alpha_axis(page, 0, plot_highest(plot, layers));
	if (plot_highest(plot, layers) <= 12)
		fputs("set ytics 2\n", plot->script);
	if (!labels)
		fputs(plot_highest(plot, layers) <= 60 ? "set format y ''\n" : "unset ytics\n",
		      plot->script);
}

/* Where the panels stand: so many side by side, the first in the upper left corner. */
struct grid {
	size_t panels, across, down;
	double panel;	      /* width of each */
	double top;	      /* above the first */
	double width, height; /* of the page */
	struct page_key key;
};

static struct grid
grid_of(size_t panels, size_t entries, size_t longest)
{
	struct grid grid = {.panels = panels,
			    .across = panels < 4    ? panels
				      : panels < 10 ? (panels + 1) / 2
						    : 6};

	if (grid.across > 4 && panels < 13)
		grid.across = 4;
	grid.down = (panels + grid.across - 1) / grid.across;
	grid.panel = grid.across == 1 ? 640 : grid.across == 2 ? 400 : 250;
	grid.width = (double)grid.across * (grid.panel + RIGHT) + LEFT + 20;
	grid.key = page_key_of(entries, longest, grid.width - LEFT - 20);
	grid.top = TOP + grid.key.height;
	grid.height = grid.top + BOTTOM + (double)grid.down * (PANEL_HEIGHT + GAP) - GAP;
	return grid;
}

static void
place_panel(const struct plot *plot, const struct page *page, const struct grid *grid,
	    const struct layer_list *layers, size_t number)
{
	double left = LEFT + (double)(number % grid->across) * (grid->panel + RIGHT);
	double top = page->height - grid->top -
		     (double)(number / grid->across) * (PANEL_HEIGHT + GAP);
	bool is_leftmost = number % grid->across == 0;

	page_panel(page, left, left + grid->panel, top - PANEL_HEIGHT, top);
	print_ranges(plot, page, layers, is_leftmost);
	/* The lines have their names once, at the right end of each row. */
	if ((number + 1) % grid->across && number + 1 < grid->panels)
		fputs("unset label 10\nunset label 11\n", page->script);
	if (is_leftmost)
		page_y_label(page, "α");
}

/* Everything on the page that there is once. The key is that of a plot of nothing above the panels. */
static void
print_heading(const struct plot *plot, const struct page *page, const struct grid *grid,
	      const bool *seen, const char *subtitle)
{
	char *title = plot_title(plot, "α along the depth of the model");
	size_t count = plot->table->precision_count;
	double axes = page->height - grid->top + 20;

	page_panel(page, LEFT, page->width - 20, axes, axes + 1);
	page_title(page, title, subtitle);
	page_key_above(page, grid->key);
	fputs("unset xtics\nunset ytics\nset border 0\nset xrange [0:1]\nset yrange [0:1]\n"
	      "plot NaN notitle",
	      plot->script);
	for (size_t i = 1; i <= count; i++) {
		size_t p = (plot->reference + i) % count;

		if (!seen[p])
			continue;
		fprintf(plot->script,
			", \\\n\tNaN with linespoints pointtype 7 pointsize 0.4 linewidth 1 "
			"linecolor rgb '%s' title ",
			plot->colors[p]);
		gnuplot_string(plot->script, plot->names[p]);
	}
	fputs("\nset border 3 back\n", plot->script);
	free(title);
}

static void
print_page(const struct plot *plot, const char *path, const struct layer_list *layers,
	   const struct grid *grid, const bool *seen)
{
	size_t categories;
	const char **names = plot_category_names(layers, &categories);
	char *panels = describe(plot, seen, grid->panels, categories);
	char *subtitle = format_text("%s%s", panels,
				     plot_null_label(plot, layers, plot_highest(plot, layers)));
	struct page page = page_begin(plot->script, plot->format, path, grid->width, grid->height);

	print_heading(plot, &page, grid, seen, subtitle);
	for (size_t i = 0; i < grid->panels; i++) {
		struct panel panel = panel_of(layers, names[i]);

		print_data(plot, &panel, i);
		place_panel(plot, &page, grid, layers, i);
		plot_null_lines(plot, &panel.layers, plot_highest(plot, layers));
		print_panel(plot, &panel, i, seen);
		panel_free(&panel);
	}
	page_end(&page);
	free(panels);
	free(subtitle);
	free(names);
}

void
plot_depth(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	size_t count, precisions = plot->table->precision_count, shown = 0;
	const char **categories = plot_category_names(layers, &count);
	bool *seen = xcalloc(precisions, sizeof(*seen));
	struct grid grid;

	for (size_t p = 0; p < precisions; p++) {
		seen[p] = is_seen(plot, layers, p);
		shown += seen[p] ? 1 : 0;
	}
	grid = grid_of(count > MOST_PANELS ? MOST_PANELS : count, shown, plot_longest_name(plot));
	print_page(plot, path, layers, &grid, seen);
	free(seen);
	free(categories);
}
