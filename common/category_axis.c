#include "category_axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"

/* More layers than this have no labels of their own. */
#define MOST_LABELS 40

#define NAME_WIDTH 7.6

/* How far apart names at an angle stand. */
#define TURNED_STEP 26

static size_t
block_size(const struct category_axis *axis, size_t block)
{
	size_t end = block + 1 < axis->count ? axis->starts[block + 1] : axis->layers.count;

	return end - axis->starts[block];
}

/* Whether some category's name is wider than its place. Returns the width of the widest name. */
static size_t
fit_names(struct category_axis *axis, double length)
{
	double room = length / (double)axis->layers.count;
	size_t longest = 0;

	for (size_t i = 0; i < axis->count; i++) {
		size_t name;

		axis->labels[i] = plot_category_label(axis->names[i]);
		name = label_width(axis->labels[i]);

		longest = name > longest ? name : longest;
		if ((double)(name + 1) * NAME_WIDTH > room * (double)block_size(axis, i))
			axis->turned = true;
	}
	return longest;
}

/*
 * Finds where the names stand, in layers: at the middle of their categories, moved apart where they would
 * cover each other.
 */
static void
place_names(struct category_axis *axis)
{
	double layers = (double)axis->layers.count, *places = xcalloc(axis->count, sizeof(*places));
	double step = axis->turned ? TURNED_STEP * layers / axis->length : 0;

	for (size_t i = 0; i < axis->count; i++) {
		places[i] = (double)axis->starts[i] + ((double)block_size(axis, i) + 1) / 2;
		if (i && places[i] < places[i - 1] + step)
			places[i] = places[i - 1] + step;
	}
	/* The last stays on the axis, and pushes the others back. */
	for (size_t i = axis->count; i-- > 0;) {
		double most = i + 1 == axis->count ? layers : places[i + 1] - step;

		places[i] = fmin(places[i], most);
	}
	axis->places = places;
	/* A name at 35 degrees reaches cos 35 of its length to the left. */
	for (size_t i = 0; axis->turned && !axis->has_labels && i < axis->count; i++)
		axis->overhang = fmax(axis->overhang,
				      0.82 * NAME_WIDTH * (double)label_width(axis->labels[i]) -
					      (places[i] - 0.4) * axis->length / layers);
}

struct category_axis
category_axis_of(const struct layer_list *layers, double length)
{
	struct category_axis axis = {
		.layers = {xcalloc(layers->count, sizeof(*axis.layers.list)), 0}, .length = length};
	size_t longest;

	axis.names = plot_category_names(layers, &axis.count);
	axis.starts = xcalloc(axis.count, sizeof(*axis.starts));
	for (size_t i = 0; i < axis.count; i++) {
		struct layer_list block = plot_layers_in(layers, axis.names[i]);

		axis.starts[i] = axis.layers.count;
		memcpy(axis.layers.list + axis.layers.count, block.list,
		       block.count * sizeof(*block.list));
		axis.layers.count += block.count;
		free(block.list);
	}
	axis.axis = layer_axis_of(axis.layers.list, axis.layers.count, length);
	axis.has_labels = layers->count <= MOST_LABELS && axis.axis.step == 1;
	axis.labels = xcalloc(axis.count, sizeof(*axis.labels));
	longest = fit_names(&axis, length);
	place_names(&axis);
	/* A name at 35 degrees is sin 35 of its length high. */
	axis.height = axis.has_labels ? axis.axis.height
		      : axis.turned   ? 24 + 0.57 * NAME_WIDTH * (double)longest
				      : 30;
	return axis;
}

void
category_axis_free(struct category_axis *axis)
{
	free(axis->layers.list);
	free(axis->names);
	free(axis->starts);
	for (size_t i = 0; i < axis->count; i++)
		free(axis->labels[i]);
	free(axis->labels);
	free(axis->places);
	layer_axis_free(&axis->axis);
}

static void
print_names(const struct category_axis *axis, FILE *script)
{
	for (size_t i = 0; i < axis->count; i++) {
		fprintf(script, "set label %zu ", LAYER_AXIS_TAG + i);
		gnuplot_string(script, axis->labels[i]);
		fprintf(script, " at first %.3f,graph 0 %s noenhanced textcolor rgb '#333333'\n",
			axis->places[i],
			axis->turned ? "right rotate by 35 offset 0.6,-0.7"
				     : "center offset 0,-0.9");
	}
}

void
category_axis_print(const struct category_axis *axis, FILE *script, bool labels)
{
	layer_axis_print(&axis->axis, script, labels && axis->has_labels);
	if (labels && !axis->has_labels)
		print_names(axis, script);
	for (size_t i = 1; i < axis->count; i++)
		fprintf(script,
			"set arrow from first %zu.5,graph 0 to first %zu.5,graph 1 nohead front "
			"linewidth 0.8 linecolor rgb '#aaaaaa'\n",
			axis->starts[i], axis->starts[i]);
}
