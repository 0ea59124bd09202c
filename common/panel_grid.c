#include "panel_grid.h"

#include <stdlib.h>

#include "label.h"

#define PANEL_WIDTH  330.0
#define PANEL_HEIGHT 240.0
#define SINGLE_SCALE 1.7 /* of the only panel of a page */
#define LEFT	     64.0
#define TOP	     58.0
#define TITLE	     44.0 /* above each panel */
#define BOTTOM	     44.0 /* below each panel */

struct panel_grid
panel_grid_begin(FILE *script, enum plot_format format, const char *path, size_t count,
		 double right)
{
	size_t across = count == 1 ? 1 : count <= 4 ? 2 : 3, down = (count + across - 1) / across;
	double scale = count == 1 ? SINGLE_SCALE : 1;
	struct panel_grid grid = {.across = across,
				  .panel_width = scale * PANEL_WIDTH,
				  .panel_height = scale * PANEL_HEIGHT};

	grid.cell = LEFT + grid.panel_width + right;
	grid.row = TITLE + grid.panel_height + BOTTOM;
	grid.page = page_begin(script, format, path, (double)across * grid.cell + 8,
			       TOP + (double)down * grid.row - 20);
	return grid;
}

void
panel_grid_place(const struct panel_grid *grid, size_t number)
{
	double left = LEFT + (double)(number % grid->across) * grid->cell;
	double top = grid->page.height - TOP - (double)(number / grid->across) * grid->row - TITLE +
		     20;

	page_panel(&grid->page, left, left + grid->panel_width, top - grid->panel_height, top);
}

bool
panel_grid_is_leftmost(const struct panel_grid *grid, size_t number)
{
	return number % grid->across == 0;
}

void
panel_name(FILE *script, const char *name, size_t longest)
{
	char *label = label_of(name, longest);

	gnuplot_string(script, label);
	free(label);
}
