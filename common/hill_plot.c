#include "hill_plot.h"

#include <math.h>
#include <stdlib.h>

#include "marchenko_pastur.h"
#include "spectrum_frame.h"
#include "tsv.h"
#include "util.h"

static void
add_nulls(struct hill_plot *plot, size_t n, const struct spectrum_sides *sides)
{
	double aspect = (double)sides->smaller / (double)sides->larger;

	for (size_t k = 1; k < n; k++)
		plot->nulls[k - 1] = alpha_null(aspect, (double)k / (double)n);
}

static void
add_intervals(struct hill_plot *plot, const double *values, size_t n,
	      const struct spectrum_sides *sides, double confidence)
{
	size_t most = n / 4 > HILL_PLOT_INTERVALS ? n / 4 : HILL_PLOT_INTERVALS;

	most = most < plot->count ? most : plot->count;
	for (size_t k = 1; k <= plot->count; k++)
		plot->intervals[k - 1] = (struct alpha_interval){NAN, NAN, NAN};
	if (sides->are_pooled)
		return;
	for (size_t i = 0, last = 0; i < HILL_PLOT_INTERVALS; i++) {
		double place = (double)i / (HILL_PLOT_INTERVALS - 1);
		/* Small k would be the same: then the next. */
		size_t spread = (size_t)llround(pow((double)most, place));
		size_t k = spread > last ? spread : last + 1;

		if (k > most)
			break;
		plot->intervals[k - 1] = alpha_interval_of(values, n, sides->larger,
							   &plot->fits[k - 1], confidence);
		last = k;
	}
}

struct hill_plot
hill_plot_of(const struct frame *frame, const double *values, double confidence)
{
	struct spectrum_sides sides = spectrum_frame_sides(frame);
	size_t n = (size_t)frame->elements;
	struct hill_plot plot = {.count = n ? n - 1 : 0};

	if (!plot.count)
		return plot;
	plot.fits = xcalloc(plot.count, sizeof(*plot.fits));
	plot.nulls = xcalloc(plot.count, sizeof(*plot.nulls));
	spectrum_frame_hill_fits(frame, values, plot.fits);
	add_nulls(&plot, n, &sides);
	if (confidence > 0) {
		plot.intervals = xcalloc(plot.count, sizeof(*plot.intervals));
		add_intervals(&plot, values, n, &sides, confidence);
	}
	return plot;
}

void
hill_plot_free(struct hill_plot *plot)
{
	free(plot->fits);
	free(plot->nulls);
	free(plot->intervals);
	*plot = (struct hill_plot){0};
}

void
hill_plot_print_header(FILE *table, double confidence)
{
	fputs("layer_name\tprecision\tk\talpha\talpha_null\talpha_err", table);
	fputs(confidence > 0 ? "\talpha_low\talpha_high\n" : "\n", table);
}

static void
print_line(FILE *table, const struct frame *frame, const struct hill *fit, double null,
	   const struct alpha_interval *interval)
{
	tsv_text(table, frame_text(frame, "layer"), '\t');
	tsv_text(table, frame_text(frame, "precision"), '\t');
	tsv_unsigned(table, fit->k, '\t');
	tsv_double(table, fit->alpha, '\t');
	tsv_double(table, null, '\t');
	tsv_double(table, fit->alpha_err, interval ? '\t' : '\n');
	if (!interval)
		return;
	tsv_double(table, interval->low, '\t');
	tsv_double(table, interval->high, '\n');
}

void
hill_plot_print(FILE *table, const struct hill_plot *plot, const struct frame *frame,
		double confidence)
{
	static const struct hill no_fit = {.alpha = NAN, .alpha_err = NAN};
	static const struct alpha_interval no_interval = {NAN, NAN, NAN};

	if (!plot->count)
		print_line(table, frame, &no_fit, NAN, confidence > 0 ? &no_interval : NULL);
	for (size_t i = 0; i < plot->count; i++)
		print_line(table, frame, &plot->fits[i], plot->nulls[i],
			   plot->intervals ? &plot->intervals[i] : NULL);
}
