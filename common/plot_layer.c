/* The page of one layer: alpha in each precision as a bar with its value, and the differences. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"

#define WIDTH  800.0
#define HEIGHT 380.0
#define BOTTOM 46.0
#define TOP    (HEIGHT - 70)

/* The power of ten that the differences are shown in units of. */
static int
exponent_of(const struct plot *plot, const struct fitted_layer *layer)
{
	double largest = 0;

	for (size_t p = 0; p < plot->table->precision_count; p++)
		largest = fmax(largest, fabs(plot_delta_of(plot, layer, p)));
	return plot_exponent(largest);
}

/* Columns: place, alpha, delta and its numerical error in the unit; a line for each precision. */
static void
print_data(const struct plot *plot, const struct fitted_layer *layer, double unit)
{
	FILE *script = plot->script;

	fputs("$fits << EOD\n", script);
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		bool is_reference = p == plot->reference;

		fprintf(script, "%zu\t", p + 1);
		gnuplot_number(script, plot_alpha(layer, p), '\t');
		gnuplot_number(script, is_reference ? NAN : plot_delta_of(plot, layer, p) / unit,
			       '\t');
		gnuplot_number(script, is_reference ? NAN : plot_delta_err(plot, layer, p) / unit,
			       '\n');
	}
	fputs("EOD\n", script);
}

static void
print_precision_tics(const struct plot *plot)
{
	FILE *script = plot->script;

	fprintf(script, "set xtics scale 0 %s noenhanced (",
		plot->table->precision_count > 5 ? "rotate by 35 right font ',8'" : "norotate");
	for (size_t p = 0; p < plot->table->precision_count; p++) {
		fputs(p ? ", " : "", script);
		gnuplot_tic_label(script, plot->table->precisions[p]);
		fprintf(script, " %zu", p + 1);
	}
	fprintf(script, ")\nset xrange [0.4:%zu.6]\n", plot->table->precision_count);
}

/* A bar for each precision in its colour, and its value beside its end. */
static void
print_bars(const struct plot *plot, int column, const char *value_format)
{
	size_t count = plot->table->precision_count;

	fputs("set boxwidth 0.62 absolute\nplot ", plot->script);
	for (size_t p = 0; p < count; p++)
		fprintf(plot->script,
			"$fits every ::%zu::%zu using 1:%d with boxes linecolor rgb '%s', \\\n\t",
			p, p, column, plot->colors[p]);
	for (int sign = 1; sign >= -1; sign -= 2)
		fprintf(plot->script,
			"$fits using 1:($%d*%d>%s0?$%d:NaN):(sprintf('%s',$%d)) with labels offset "
			"0,%g font ',%d'%s",
			column, sign, sign > 0 ? "=" : "", column, value_format, column, 0.7 * sign,
			count > 5 ? 7 : 9, sign > 0 ? ", \\\n\t" : "");
}

static void
print_alpha_panel(const struct plot *plot, const struct page *page)
{
	page_alpha_lines(page);
	print_precision_tics(plot);
	fputs("set ylabel \"Hill α\"\nset yrange [0:6.6<*]\nset offsets 0,0,graph 0.06,0\n",
	      plot->script);
	print_bars(plot, 2, "%.6g");
	putc('\n', plot->script);
}

/* With whiskers as long as the numerical error, where they can be seen. */
static void
print_delta_panel(const struct plot *plot, int exponent)
{
	char *label = plot_delta_label(plot, exponent);

	print_precision_tics(plot);
	fputs("set ylabel ", plot->script);
	gnuplot_string(plot->script, label);
	fputs(" noenhanced\nset yrange [*<0:0<*]\n"
	      "set offsets 0,0,graph 0.14,graph 0.14\n"
	      "set xzeroaxis linetype 1 linewidth 0.8 linecolor rgb '#555555'\n",
	      plot->script);
	print_bars(plot, 3, "%+.4g");
	fputs(", \\\n\t$fits using 1:($3-$4):(0):($4>0.02?2*$4:NaN) with vectors heads size graph "
	      "0.01,90 linecolor rgb '#222222'\n",
	      plot->script);
	free(label);
}

static bool
has_delta(const struct plot *plot, const struct fitted_layer *layer)
{
	for (size_t p = 0; p < plot->table->precision_count; p++)
		if (p != plot->reference && !isnan(plot_delta_of(plot, layer, p)))
			return true;
	return false;
}

static char *
describe(const struct plot *plot, const struct fitted_layer *layer)
{
	const struct fit *fit = &layer->fits[plot->reference];

	return format_text("%s, %" PRIu64 " × %" PRIu64 ", stored as %s, tail of %" PRIu64
			   " of %" PRIu64 " eigenvalues%s%s",
			   layer->category, layer->rows, layer->columns, layer->source_dtype,
			   fit->k, fit->n, *fit->note ? "; " : "", fit->note);
}

void
plot_layer(const struct plot *plot, const char *path, const struct fitted_layer *layer)
{
	bool two_panels = has_delta(plot, layer);
	int exponent = exponent_of(plot, layer);
	struct page page = page_begin(plot->script, plot->format, path, WIDTH, HEIGHT);
	char *title = plot_title(plot, layer->name), *subtitle = describe(plot, layer);

	print_data(plot, layer, pow(10, exponent));
	page_panel(&page, 60, two_panels ? WIDTH / 2 - 40 : WIDTH - 60, BOTTOM, TOP);
	page_title(&page, title, subtitle);
	print_alpha_panel(plot, &page);
	if (two_panels) {
		page_panel(&page, WIDTH / 2 + 80, WIDTH - 20, BOTTOM, TOP);
		print_delta_panel(plot, exponent);
	}
	page_end(&page);
	free(title);
	free(subtitle);
}
