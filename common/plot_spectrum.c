#include "plot_spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"
#include "panel_grid.h"

/* Room to the right of each panel. */
#define RIGHT 16.0

/* All of the largest so many are drawn, and after those one in each step of this factor in rank. */
#define ALL_UP_TO 60
#define STEP	  1.02

/* The axis does not go below this share of the largest eigenvalue. */
#define LEAST_SHARE 1e-7

struct spectrum_curve
spectrum_curve_of(const char *precision, const double *eigenvalues, size_t n, struct hill fit)
{
	struct spectrum_curve curve = {.precision = xstrdup(precision),
				       .fit = fit,
				       .ks = {.alpha = NAN, .alpha_err = NAN},
				       .n = n};
	size_t next = 1;

	curve.values = xcalloc(n, sizeof(*curve.values));
	curve.ranks = xcalloc(n, sizeof(*curve.ranks));
	for (size_t rank = 1; rank <= n; rank++) {
		double value = eigenvalues[n - rank];

		/* The last of the tail is where the fitted line begins. */
		if ((rank < next && rank != fit.k) || !(value > LEAST_SHARE * eigenvalues[n - 1]))
			continue;
		next = rank < ALL_UP_TO ? rank + 1 : (size_t)ceil((double)rank * STEP);
		curve.values[curve.points] = value;
		curve.ranks[curve.points++] = rank;
	}
	return curve;
}

void
spectrum_panel_free(struct spectrum_panel *panel)
{
	for (size_t i = 0; i < panel->curve_count; i++) {
		free(panel->curves[i].precision);
		free(panel->curves[i].values);
		free(panel->curves[i].ranks);
	}
	free(panel->curves);
	free(panel->category);
}

/* Columns: eigenvalue, share of eigenvalues that are as large or larger, the same in the tail only. */
static void
print_curve(FILE *script, const struct spectrum_curve *curve, size_t panel, size_t number)
{
	fprintf(script, "$s%zu_%zu << EOD\n", panel, number);
	for (size_t i = 0; i < curve->points; i++) {
		double share = (double)curve->ranks[i] / (double)curve->n;

		gnuplot_number(script, curve->values[i], '\t');
		gnuplot_number(script, share, '\t');
		gnuplot_number(script, curve->ranks[i] <= curve->fit.k ? share : NAN, '\n');
	}
	fputs("EOD\n", script);
}

static void
print_panel_title(FILE *script, const struct spectrum_panel *panel)
{
	char *label = label_of(panel->layer, PANEL_LONGEST_LAYER);
	size_t length = label_width(label);

	fputs("set title ", script);
	gnuplot_string(script, label);
	fprintf(script, " noenhanced offset 0,-0.6 font ',%d'\n", length <= 42 ? 9 : 7);
	free(label);
}

/* The line that falls as lambda^(1 - alpha) from lambda_ref on, where the tail begins: as large or larger
 * are the k eigenvalues of the tail and the reference itself. */
static bool
print_fit(FILE *script, const struct spectrum_curve *curve)
{
	double largest = curve->points ? curve->values[0] : NAN;

	if (!isfinite(curve->fit.alpha) || !isfinite(curve->fit.alpha_err) || !curve->points)
		return false;
	fprintf(script,
		"set arrow 1 from first %.17g,graph 0 to first %.17g,graph 1 nohead back dashtype "
		"3 "
		"linecolor rgb '#888888'\n",
		curve->fit.lambda_ref, curve->fit.lambda_ref);
	fprintf(script, "line(x) = x < %.17g || x > %.17g ? NaN : %.17g * (x / %.17g) ** (%.17g)\n",
		curve->fit.lambda_ref, fmin(1.3 * largest, 1e308),
		(double)(curve->fit.k + 1) / (double)curve->n, curve->fit.lambda_ref,
		1 - curve->fit.alpha);
	return true;
}

static bool
has_ks(const struct spectrum_curve *curve)
{
	return curve->points && isfinite(curve->ks.alpha) && isfinite(curve->ks.alpha_err);
}

/* The same for the fit from the best cut on, which is among its k. */
static void
print_ks_line(FILE *script, const struct spectrum_curve *curve)
{
	fprintf(script,
		"ks_line(x) = x < %.17g || x > %.17g ? NaN : %.17g * (x / %.17g) ** (%.17g)\n",
		curve->ks.lambda_ref, fmin(1.3 * curve->values[0], 1e308),
		(double)curve->ks.k / (double)curve->n, curve->ks.lambda_ref, 1 - curve->ks.alpha);
}

/* All of the reference's spectrum, its tail and the fit to that. */
static void
print_reference(FILE *script, const struct spectrum_curve *reference, size_t number, bool fitted)
{
	fprintf(script,
		", \\\n\t$s%zu_0 using 1:2 with points pointtype 7 pointsize 0.25 linecolor rgb "
		"'#9db8cc' title ",
		number);
	panel_name(script, reference->precision, PANEL_LONGEST_PRECISION);
	fprintf(script,
		", \\\n\t'' using 1:3 with points pointtype 7 pointsize 0.3 linecolor rgb '%s' "
		"title \"the largest %zu of %zu\"",
		reference->color, reference->fit.k, reference->n);
	if (fitted)
		fprintf(script,
			", \\\n\tline(x) with lines linewidth 1.8 linecolor rgb '#222222' title "
			"\"α = %.4g, numerical error below %.0e\"",
			reference->fit.alpha, reference->fit.alpha_err);
	if (has_ks(reference))
		fprintf(script,
			", \\\n\tks_line(x) with lines linewidth 1.4 dashtype 2 linecolor rgb "
			"'#d55e00' title \"ks: α = %.4g, the largest %zu\"",
			reference->ks.alpha, reference->ks.k);
}

/* A spectrum that is all zero has no curve. */
static void
print_panel(FILE *script, const struct spectrum_panel *panel, size_t number)
{
	const struct spectrum_curve *reference = &panel->curves[0];
	bool fitted;

	print_panel_title(script, panel);
	fitted = print_fit(script, reference);
	if (has_ks(reference))
		print_ks_line(script, reference);
	fputs("plot NaN notitle", script);
	for (size_t i = panel->curve_count; i-- > 1;) {
		if (!panel->curves[i].points)
			continue;
		fprintf(script,
			", \\\n\t$s%zu_%zu using 1:2 with lines linewidth 1.4 linecolor rgb '%s' "
			"title ",
			number, i, panel->curves[i].color);
		panel_name(script, panel->curves[i].precision, PANEL_LONGEST_PRECISION);
	}
	if (reference->points)
		print_reference(script, reference, number, fitted);
	putc('\n', script);
}

/* From the least eigenvalue that is drawn to the largest, and from the share of one to that of all. */
static void
print_axes(const struct page *page, const struct spectrum_panel *panel)
{
	double least = INFINITY, most = 0, share = 1;

	for (size_t i = 0; i < panel->curve_count; i++) {
		const struct spectrum_curve *curve = &panel->curves[i];

		share = fmin(share, 1 / (double)curve->n);
		if (!curve->points)
			continue;
		most = fmax(most, curve->values[0]);
		least = fmin(least, curve->values[curve->points - 1]);
	}
	page_power_tics(page, "x", isfinite(least) ? least : 1, most);
	page_power_tics(page, "y", share, 1);
}

void
plot_spectra(FILE *script, enum plot_format format, const char *path, const char *title,
	     const struct spectrum_panel *const *panels, size_t count)
{
	struct panel_grid grid = panel_grid_begin(script, format, path, count, RIGHT);
	const struct page *page = &grid.page;

	for (size_t i = 0; i < count; i++) {
		for (size_t c = 0; c < panels[i]->curve_count; c++)
			print_curve(script, &panels[i]->curves[c], i, c);
		panel_grid_place(&grid, i);
		if (!i)
			page_title(page, title,
				   "share of the eigenvalues of WᵀW above λ, and Hill's power law");
		print_axes(page, panels[i]);
		fputs("set samples 400\nset xlabel \"λ\" offset 0,0.5\n"
		      "set key at graph 0.03,0.03 left bottom vertical Left reverse samplen 1 "
		      "spacing 1 "
		      "noenhanced font ',8' textcolor rgb '#333333'\n",
		      script);
		if (panel_grid_is_leftmost(&grid, i))
			page_y_label(page, "share above λ");
		print_panel(script, panels[i], i);
	}
	page_end(page);
}
