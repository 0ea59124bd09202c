#include "layer_axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"

/* Of a character of a label, and of a line of them. */
#define LABEL_WIDTH  7.0
#define LABEL_HEIGHT 15.0

/* How many bytes at the start all names share, up to a dot and with it. */
static size_t
shared_start(const struct fitted_layer *const *layers, size_t count)
{
	size_t shared = 0;

	for (size_t i = 0; layers[0]->name[i]; i++) {
		for (size_t l = 1; l < count; l++)
			if (layers[l]->name[i] != layers[0]->name[i])
				return shared;
		if (layers[0]->name[i] == '.')
			shared = i + 1;
	}
	return shared;
}

/* How many bytes at the end all names share behind the first `start` ones, from a dot on. */
static size_t
shared_end(const struct fitted_layer *const *layers, size_t count, size_t start)
{
	size_t length = strlen(layers[0]->name), shared = 0;

	for (size_t i = 1; i < length - start; i++) {
		char byte = layers[0]->name[length - i];

		for (size_t l = 1; l < count; l++) {
			size_t other = strlen(layers[l]->name);

			if (i >= other - start || layers[l]->name[other - i] != byte)
				return shared;
		}
		if (byte == '.')
			shared = i;
	}
	return shared;
}

/* The columns of the longest label: the middle of a longer name is left out. */
#define LONGEST 60

/* Cuts out what is shared; returns the width of the widest label. */
static size_t
cut_labels(struct layer_axis *axis, const struct fitted_layer *const *layers)
{
	size_t start = axis->count > 1 ? shared_start(layers, axis->count) : 0;
	size_t end = axis->count > 1 ? shared_end(layers, axis->count, start) : 0;
	size_t longest = 0;

	axis->labels = xcalloc(axis->count, sizeof(*axis->labels));
	for (size_t i = 0; i < axis->count; i++) {
		size_t length = strlen(layers[i]->name) - start - end;

		axis->labels[i] = label_of_part(layers[i]->name + start, length, LONGEST);
		length = label_width(axis->labels[i]);
		longest = length > longest ? length : longest;
	}
	axis->pattern = start || end ? format_text("%.*s*%s", (int)start, layers[0]->name,
						   layers[0]->name + strlen(layers[0]->name) - end)
				     : xstrdup("");
	return longest;
}

struct layer_axis
layer_axis_of(const struct fitted_layer *const *layers, size_t count, double length)
{
	struct layer_axis axis = {.count = count};
	size_t longest = cut_labels(&axis, layers);
	double text = (double)longest * LABEL_WIDTH, room = length / (double)count;

	/* Short ones stand side by side, at every so many layers if need be; long ones on end. */
	axis.turned = longest > 3 && text + LABEL_WIDTH > room;
	axis.height = axis.turned ? text + 18 : 30;
	axis.step = (size_t)ceil((axis.turned ? LABEL_HEIGHT : text + LABEL_WIDTH) / room);
	return axis;
}

void
layer_axis_free(struct layer_axis *axis)
{
	for (size_t i = 0; i < axis->count; i++)
		free(axis->labels[i]);
	free(axis->labels);
	free(axis->pattern);
}

/* Labels and not tics, for which gnuplot would want room. */
void
layer_axis_print(const struct layer_axis *axis, FILE *script, bool labels)
{
	fprintf(script, "set xrange [0.4:%zu.6]\nunset xtics\n", axis->count);
	for (size_t i = 0; labels && i < axis->count; i += axis->step) {
		fprintf(script, "set label %zu ", LAYER_AXIS_TAG + i);
		gnuplot_string(script, axis->labels[i]);
		fprintf(script,
			" at first %zu,graph 0 %s noenhanced font ',9' textcolor rgb '#333333'\n",
			i + 1,
			axis->turned ? "right rotate by 90 offset 0,-0.5" : "center offset 0,-0.9");
	}
}
