#include "plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

	return fit_is_estimate(fit) ? fit->alpha : NAN;
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
	if (!*most)
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

	text_print(&label, "α − α(%s)", plot->table->precisions[plot->reference]);
	if (exponent) {
		text_print(&label, " / ");
		text_append_power(&label, exponent);
	}
	return label.bytes;
}
