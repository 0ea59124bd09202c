#include "plot_hill.h"

#include <math.h>
#include <stdlib.h>

#include "hill.h"
#include "panel_grid.h"

/* Room to the right of each panel. */
#define RIGHT 44.0

/* All of the first so many k are drawn, and after those one in each step of this factor. */
#define ALL_UP_TO 60
#define STEP	  1.02

/* The axis reaches all alphas from this k on: below it they scatter, and go far up. */
#define STEADY 10

/* Columns: k, alpha, alpha_null. */
static void
print_curve(FILE *script, const struct hill_curve *curve, size_t panel, size_t number)
{
	double next = 1;

	fprintf(script, "$h%zu_%zu << EOD\n", panel, number);
	for (size_t i = 0; i < curve->count; i++) {
		const struct hill_point *point = &curve->points[i];
		double k = (double)point->k;

		if (k < next && i + 1 < curve->count)
			continue;
		next = k < ALL_UP_TO ? k + 1 : ceil(k * STEP);
		gnuplot_number(script, k, '\t');
		gnuplot_number(script, point->alpha, '\t');
		gnuplot_number(script, point->null, '\n');
	}
	fputs("EOD\n", script);
}

static double
highest_of(const struct hill_panel *panel)
{
	double highest = 0;

	for (size_t c = 0; c < panel->count; c++)
		for (size_t i = 0; i < panel->curves[c].count; i++) {
			const struct hill_point *point = &panel->curves[c].points[i];

			if (point->k >= STEADY || panel->curves[c].count < STEADY)
				highest = fmax(highest, point->alpha);
		}
	return 1.05 * highest;
}

/* Where page_alpha_axis() ends a linear axis. */
static double
top_of(const struct hill_panel *panel)
{
	double highest = fmax(highest_of(panel), 6.6);

	return highest > 12 ? highest : ceil(highest);
}

/* Columns: k, where the interval begins and ends, no farther up than the axis, where gnuplot would cut the area at a slant.
 * Returns whether there is any. */
static bool
print_band(FILE *script, const struct hill_curve *curve, double top, size_t panel)
{
	bool any = false;

	fprintf(script, "$b%zu << EOD\n", panel);
	for (size_t i = 0; i < curve->count; i++) {
		const struct hill_point *point = &curve->points[i];

		if (!isfinite(point->low) || isnan(point->high))
			continue;
		any = true;
		gnuplot_number(script, (double)point->k, '\t');
		gnuplot_number(script, fmin(point->low, top), '\t');
		gnuplot_number(script, fmin(point->high, top), '\n');
	}
	fputs("EOD\n", script);
	return any;
}

static void
print_axes(const struct page *page, const struct hill_panel *panel)
{
	double most = 1;

	for (size_t c = 0; c < panel->count; c++)
		for (size_t i = 0; i < panel->curves[c].count; i++)
			most = fmax(most, (double)panel->curves[c].points[i].k);
	page_power_tics(page, "x", 1, most);
	fprintf(page->script, "set xrange [1:%.17g]\n", most > 1 ? most : 10);
	page_alpha_axis(page, 1, highest_of(panel));
}

static const struct hill_point *
marked_point(const struct hill_curve *curve, size_t k, double share)
{
	size_t n = curve->count ? (size_t)curve->points[curve->count - 1].k + 1 : 0;

	if (n < 2)
		return NULL;
	k = !k ? hill_tail_size(n, share) : k < n ? k : n - 1;
	for (size_t i = 0; i < curve->count; i++)
		if (curve->points[i].k == k && isfinite(curve->points[i].alpha))
			return &curve->points[i];
	return NULL;
}

/* The curve of the reference, and what belongs to it. */
static void
print_reference(FILE *script, const struct hill_curve *curve, size_t panel,
		const struct hill_point *marked)
{
	fprintf(script,
		", \\\n\t$h%zu_0 using 1:3 with lines linewidth 1 dashtype 3 linecolor rgb "
		"'#555555' title \"random matrix\", \\\n\t'' using 1:2 with lines linewidth 1.6 "
		"linecolor rgb '%s' title ",
		panel, curve->color);
	panel_name(script, curve->precision, PANEL_LONGEST_PRECISION);
	if (marked)
		fprintf(script,
			", \\\n\t'+' every ::::0 using (%.17g):(%.17g) with points pointtype 7 "
			"pointsize 0.7 linecolor rgb '#222222' title \"k = %.0f: α = %.4g\"",
			(double)marked->k, marked->alpha, (double)marked->k, marked->alpha);
}

static void
print_panel(FILE *script, const struct hill_panel *panel, size_t number,
	    const struct hill_point *marked, bool has_band)
{
	fputs("set title ", script);
	panel_name(script, panel->layer, PANEL_LONGEST_LAYER);
	fputs(" noenhanced offset 0,-0.6 font ',8'\n", script);
	if (marked)
		fprintf(script,
			"set arrow 1 from first %.17g,graph 0 to first %.17g,graph 1 nohead back "
			"dashtype 3 linecolor rgb '#888888'\n",
			(double)marked->k, (double)marked->k);
	fputs("plot NaN notitle", script);
	if (has_band)
		fprintf(script,
			", \\\n\t$b%zu using 1:2:3 with filledcurves fillcolor rgb '#d5e3ee' "
			"fillstyle solid noborder title \"interval\"",
			number);
	for (size_t i = panel->count; i-- > 1;) {
		if (!panel->curves[i].count)
			continue;
		fprintf(script,
			", \\\n\t$h%zu_%zu using 1:2 with lines linewidth 1.2 linecolor rgb '%s' "
			"title ",
			number, i, panel->curves[i].color);
		panel_name(script, panel->curves[i].precision, PANEL_LONGEST_PRECISION);
	}
	if (panel->curves[0].count)
		print_reference(script, &panel->curves[0], number, marked);
	putc('\n', script);
}

void
plot_hill(FILE *script, enum plot_format format, const char *path, const char *title,
	  const struct hill_panel *const *panels, size_t count, size_t k, double share)
{
	struct panel_grid grid = panel_grid_begin(script, format, path, count, RIGHT);
	const struct page *page = &grid.page;

	for (size_t i = 0; i < count; i++) {
		bool has_band = print_band(script, &panels[i]->curves[0], top_of(panels[i]), i);

		for (size_t c = 0; c < panels[i]->count; c++)
			print_curve(script, &panels[i]->curves[c], i, c);
		panel_grid_place(&grid, i);
		if (!i)
			page_title(page, title, "Hill's α of the k largest eigenvalues, against k");
		print_axes(page, panels[i]);
		fputs("set samples 2\nset xlabel \"k\" offset 0,0.5\n"
		      "set key opaque at graph 0.97,0.97 right top vertical Right noreverse "
		      "samplen 1 "
		      "spacing 1 noenhanced font ',8' textcolor rgb '#333333'\n",
		      script);
		if (panel_grid_is_leftmost(&grid, i))
			page_y_label(page, "α");
		print_panel(script, panels[i], i, marked_point(&panels[i]->curves[0], k, share),
			    has_band);
	}
	page_end(page);
}
