#include "spectra.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "palette.h"
#include "spectrum_frame.h"

/* The fit of this layer in this precision that the table has; null if it has none. */
static const struct fit *
find_fit(const struct alpha_table *table, const char *layer, const char *precision)
{
	size_t number = alpha_table_precision(table, precision);

	for (size_t i = 0; number < table->precision_count && i < table->layer_count; i++)
		if (!strcmp(table->layers[i].name, layer) && table->layers[i].fits[number].there)
			return &table->layers[i].fits[number];
	return NULL;
}

static size_t
tail_of(const struct frame *frame, const struct tail_choice *tails)
{
	size_t n = (size_t)frame->elements, k = tails->k;
	const struct fit *fit = NULL;

	if (tails->table)
		fit = find_fit(tails->table, frame_text(frame, "layer"),
			       frame_text(frame, "precision"));
	if (fit)
		k = (size_t)fit->k;
	else if (!k)
		k = hill_tail_size(n, tails->share);
	return k >= n ? n - 1 : k ? k : 1;
}

static struct spectrum_panel *
panel_of(struct spectra *spectra, const struct frame *frame)
{
	size_t number = name_list_number(&spectra->layers, frame_text(frame, "layer"));

	if (number == spectra->count) {
		spectra->panels = xreallocarray(spectra->panels, number + 1,
						sizeof(*spectra->panels));
		spectra->panels[spectra->count++] = (struct spectrum_panel){
			.layer = spectra->layers.names[number],
			.category = xstrdup(frame_text(frame, "category"))};
	}
	return &spectra->panels[number];
}

static void
add_curve(struct spectra *spectra, const struct frame *frame, const double *values,
	  const struct tail_choice *tails)
{
	struct spectrum_panel *panel = panel_of(spectra, frame);
	const char *precision = frame_text(frame, "precision");
	struct tail_fit fit = spectrum_frame_fit(frame, TAIL_FIT_HILL, values,
						 tail_of(frame, tails));

	name_list_number(&spectra->precisions, precision);
	panel->curves = xreallocarray(panel->curves, panel->curve_count + 1,
				      sizeof(*panel->curves));
	panel->curves[panel->curve_count++] = spectrum_curve_of(precision, values,
								(size_t)frame->elements, fit.hill);
	if (tails->ks)
		panel->curves[panel->curve_count - 1].ks =
			spectrum_frame_fit(frame, TAIL_FIT_KS, values, 0).hill;
}

static bool
is_of_table(const struct frame *frame, const struct alpha_table *table)
{
	return !table || alpha_table_precision(table, frame_text(frame, "precision")) <
				 table->precision_count;
}

int
spectra_read(struct spectra *spectra, int input, const struct tail_choice *tails,
	     bool (*wanted)(const void *context, const char *layer), const void *context,
	     struct failure *failure)
{
	struct stream_reader *reader = stream_open(input);
	struct frame frame;
	const double *values;
	int more;

	while ((more = stream_next(reader, &frame, failure)) > 0) {
		int status = spectrum_frame_values(reader, &frame, &values, failure);

		if (!status && spectrum_frame_count(&frame) > frame.elements)
			status = fail(failure, STATUS_DATA,
				      "layer '%.200s': only the largest eigenvalues are there, and "
				      "all are wanted",
				      frame_text(&frame, "layer"));
		if (!status && frame.elements > 1 && is_of_table(&frame, tails->table) &&
		    (!wanted || wanted(context, frame_text(&frame, "layer"))))
			add_curve(spectra, &frame, values, tails);
		frame_free(&frame);
		if (status) {
			more = -1;
			break;
		}
	}
	stream_close(reader);
	return more;
}

void
spectra_free(struct spectra *spectra)
{
	for (size_t i = 0; i < spectra->count; i++)
		spectrum_panel_free(&spectra->panels[i]);
	free(spectra->panels);
	name_list_free(&spectra->layers);
	name_list_free(&spectra->precisions);
	*spectra = (struct spectra){0};
}

static void
put_first(struct spectrum_panel *panel, const char *precision)
{
	for (size_t i = 1; i < panel->curve_count; i++) {
		struct spectrum_curve curve = panel->curves[i];

		if (strcmp(curve.precision, precision) != 0)
			continue;
		memmove(panel->curves + 1, panel->curves, i * sizeof(curve));
		panel->curves[0] = curve;
	}
}

void
spectra_arrange(struct spectra *spectra, const char *const *precisions, const char *const *colors,
		size_t count, const char *reference)
{
	const char **own = NULL;

	if (!precisions) {
		precisions = (const char *const *)spectra->precisions.names;
		count = spectra->precisions.count;
		colors = own = palette_of_precisions(precisions, count);
	}

	for (size_t i = 0; i < spectra->count; i++) {
		struct spectrum_panel *panel = &spectra->panels[i];

		for (size_t c = 0; c < panel->curve_count; c++)
			for (size_t p = 0; p < count; p++)
				if (!strcmp(panel->curves[c].precision, precisions[p]))
					panel->curves[c].color = colors[p];
		if (reference)
			put_first(panel, reference);
	}
	free(own);
}

/* By alpha of the first precision; those without one come last. */
static int
compare_alpha(const void *a, const void *b)
{
	const struct spectrum_panel *const *x = a, *const *y = b;
	double p = (*x)->curves[0].fit.alpha, q = (*y)->curves[0].fit.alpha;

	if (isnan(p) || isnan(q))
		return isnan(p) - isnan(q);
	return (p > q) - (p < q);
}

size_t
spectra_spread(const struct spectra *spectra, const struct spectrum_panel **shown, size_t most)
{
	const struct spectrum_panel **panels = xcalloc(spectra->count, sizeof(*panels));
	size_t count = spectra->count < most ? spectra->count : most;

	for (size_t i = 0; i < spectra->count; i++)
		panels[i] = &spectra->panels[i];
	if (spectra->count > count)
		qsort(panels, spectra->count, sizeof(*panels), compare_alpha);
	for (size_t i = 0; i < count; i++)
		shown[i] = panels[count > 1 ? i * (spectra->count - 1) / (count - 1) : 0];
	free(panels);
	return count;
}
