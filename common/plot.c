#include "plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"

/* The most columns of labels. */
#define LONGEST_PRECISION 20
#define LONGEST_CATEGORY  24
#define LONGEST_REFERENCE 10

/* Beyond this random matrices would leave little room for the rest: flat matrices, or few eigenvalues. */
#define HIGHEST_NULL 12

/* Of more shapes than this no lines are drawn: they could not be told apart. */
#define MOST_NULLS 6

/* No tail is as light as this: doubles cannot tell alpha from its neighbours. */
#define LARGEST_ALPHA 1e15

char **
plot_names(const struct alpha_table *table)
{
	char **names = xcalloc(table->precision_count, sizeof(*names));

	for (size_t p = 0; p < table->precision_count; p++)
		names[p] = label_of(table->precisions[p], LONGEST_PRECISION);
	return names;
}

void
plot_names_free(char **names, size_t count)
{
	for (size_t p = 0; p < count; p++)
		free(names[p]);
	free(names);
}

size_t
plot_longest_name(const struct plot *plot)
{
	size_t longest = 0;

	for (size_t p = 0; p < plot->table->precision_count; p++) {
		size_t width = label_width(plot->names[p]);

		longest = width > longest ? width : longest;
	}
	return longest;
}

char *
plot_reference_label(const struct plot *plot)
{
	return label_of(plot->table->precisions[plot->reference], LONGEST_REFERENCE);
}

char *
plot_category_label(const char *category)
{
	return label_of(category, LONGEST_CATEGORY);
}

char *
plot_count_label(size_t layers)
{
	return format_text("%zu layer%s", layers, layers == 1 ? "" : "s");
}

char *
plot_title(const struct plot *plot, const char *what)
{
	return *plot->title ? format_text("%s: %s", plot->title, what) : xstrdup(what);
}

/* The order in which categories are shown; others follow, in that of the model. */
static const char *const usual_order[] = {"attn_q",	   "attn_k", "attn_v",	  "attn_o",
					  "mlp_gate",	   "mlp_up", "mlp_down",  "router_or_gate",
					  "expert_linear", "conv",   "embedding", "lm_head"};

static bool
has_category(const struct layer_list *layers, const char *category)
{
	for (size_t i = 0; i < layers->count; i++)
		if (!strcmp(layers->list[i]->category, category))
			return true;
	return false;
}

static void
add_category(const char ***names, size_t *count, const char *name)
{
	for (size_t i = 0; i < *count; i++)
		if (!strcmp((*names)[i], name))
			return;
	*names = xreallocarray(*names, *count + 1, sizeof(**names));
	(*names)[(*count)++] = name;
}

const char **
plot_category_names(const struct layer_list *layers, size_t *count)
{
	const char **names = NULL;

	*count = 0;
	for (size_t i = 0; i < sizeof(usual_order) / sizeof(*usual_order); i++)
		if (has_category(layers, usual_order[i]))
			add_category(&names, count, usual_order[i]);
	for (size_t i = 0; i < layers->count; i++)
		add_category(&names, count, layers->list[i]->category);
	return names;
}

struct layer_list
plot_layers_in(const struct layer_list *layers, const char *category)
{
	struct layer_list found = {xcalloc(layers->count, sizeof(*found.list)), 0};

	for (size_t i = 0; i < layers->count; i++)
		if (!strcmp(layers->list[i]->category, category))
			found.list[found.count++] = layers->list[i];
	return found;
}

double
plot_alpha(const struct fitted_layer *layer, size_t precision)
{
	const struct fit *fit = &layer->fits[precision];

	return fit_is_estimate(fit) && fit->alpha >= 1 && fit->alpha <= LARGEST_ALPHA ? fit->alpha
										      : NAN;
}

double
plot_delta_of(const struct plot *plot, const struct fitted_layer *layer, size_t precision)
{
	return plot_alpha(layer, precision) - plot_alpha(layer, plot->reference);
}

double
plot_delta_err(const struct plot *plot, const struct fitted_layer *layer, size_t precision)
{
	return layer->fits[precision].alpha_err + layer->fits[plot->reference].alpha_err;
}

double
plot_null(const struct plot *plot, const struct fitted_layer *layer)
{
	double null = layer->fits[plot->reference].alpha_null;

	return null >= 1 && null <= LARGEST_ALPHA ? null : NAN;
}

/* Adds a value to a list of different ones, if there is room; returns how many there are or would be. */
static size_t
add_different(double values[MOST_NULLS], size_t count, double value)
{
	for (size_t i = 0; i < count && i < MOST_NULLS; i++)
		if (values[i] == value)
			return count;
	if (count < MOST_NULLS)
		values[count] = value;
	return count + 1;
}

/* The different values up to `top` of layers; none if there are too many. */
static size_t
list_nulls(const struct plot *plot, const struct layer_list *layers, double top,
	   double values[MOST_NULLS])
{
	size_t count = 0;

	for (size_t i = 0; i < layers->count; i++) {
		double null = plot_null(plot, layers->list[i]);

		if (null <= top)
			count = add_different(values, count, null);
	}
	return count > MOST_NULLS ? 0 : count;
}

const char *
plot_null_label(const struct plot *plot, const struct layer_list *layers, double top)
{
	double values[MOST_NULLS];

	return list_nulls(plot, layers, top, values) ? "; dotted: random matrices" : "";
}

void
plot_null_lines(const struct plot *plot, const struct layer_list *layers, double top)
{
	double values[MOST_NULLS];
	size_t count = list_nulls(plot, layers, top, values);

	for (size_t i = 0; i < count; i++)
		fprintf(plot->script,
			"set arrow %zu from graph 0,first %.17g to graph 1,first %.17g nohead back "
			"dashtype 3 linewidth 1.2 linecolor rgb '#222222'\n",
			PLOT_NULL_TAG + i, values[i], values[i]);
}

double
plot_highest(const struct plot *plot, const struct layer_list *layers)
{
	double highest = 0;

	for (size_t i = 0; i < layers->count; i++) {
		double null = plot_null(plot, layers->list[i]);

		highest = null <= HIGHEST_NULL ? fmax(highest, null) : highest;
		for (size_t p = 0; p < plot->table->precision_count; p++)
			highest = fmax(highest, plot_alpha(layers->list[i], p));
	}
	return highest;
}

void
plot_change_range(const struct plot *plot, const struct layer_list *layers, double *least,
		  double *most)
{
	*least = INFINITY;
	*most = 0;
	for (size_t i = 0; i < layers->count; i++)
		for (size_t p = 0; p < plot->table->precision_count; p++) {
			double delta = fabs(plot_delta_of(plot, layers->list[i], p));

			if (!(delta > 0))
				continue;
			*least = fmin(*least, delta);
			*most = fmax(*most, delta);
		}
	if (!(*most > 0))
		*least = 0;
}

int
plot_exponent(double largest)
{
	return largest > 0 ? (int)floor(log10(largest)) : 0;
}

char *
plot_delta_label(const struct plot *plot, int exponent)
{
	struct text label = {0};
	char *reference = plot_reference_label(plot);

	text_print(&label, "α − α(%s)", reference);
	free(reference);
	if (exponent) {
		text_print(&label, " / ");
		text_append_power(&label, exponent);
	}
	return label.bytes;
}
