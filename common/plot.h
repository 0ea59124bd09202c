/*
 * The plots of alpha-plot(1). Each function writes one page of a gnuplot script.
 *
 * In all of them a value without a bound on its error (fit_is_estimate) is missing, and "delta" is alpha
 * less that of the reference precision.
 */
#ifndef PLOT_H
#define PLOT_H

#include <stddef.h>
#include <stdio.h>

#include "alpha_table.h"
#include "gnuplot.h"

/* What all plots of a run share. */
struct plot {
	FILE *script;
	enum plot_format format;
	const char *title; /* comes first in every title: the model's name, or "" */
	const struct alpha_table *table;
	size_t reference;    /* the precision that others are compared with */
	const char **colors; /* of the precisions */
	char **names;	     /* of the precisions, as labels */
};

/* Layers of a table. */
struct layer_list {
	const struct fitted_layer **list;
	size_t count;
};

/* The path of a page is null for gnuplot's standard output. */

/* How alpha is distributed in each precision, and |delta| in each other than the reference. */
void plot_box(const struct plot *plot, const char *path, const struct layer_list *layers);

/* A group of bars for each layer: alpha in each precision, and below it delta. `what` says which
 * layers these are. */
void plot_bars(const struct plot *plot, const char *path, const struct layer_list *layers,
	       const char *what);

/* The same for one layer, with the values. */
void plot_layer(const struct plot *plot, const char *path, const struct fitted_layer *layer);

/* The mean of alpha over the layers of each category, and the mean of |delta|. */
void plot_categories(const struct plot *plot, const char *path, const struct layer_list *layers);

/* Layers, by category, by precisions: delta as a colour. */
void plot_heatmap(const struct plot *plot, const char *path, const struct layer_list *layers);

/* Alpha along the depth of the model, a panel for each category. */
void plot_depth(const struct plot *plot, const char *path, const struct layer_list *layers);

/* |delta| of each layer in each precision, with its numerical error, on a logarithmic axis. */
void plot_delta(const struct plot *plot, const char *path, const struct layer_list *layers);

/* A line for each precision: its bits, its error, and the mean and the largest |delta| by category. */
void plot_formats(const struct plot *plot, const char *path, const struct layer_list *layers);

/* The names of the precisions of a table as labels, from malloc. */
char **plot_names(const struct alpha_table *table);
void plot_names_free(char **names, size_t count);

/* The width of the widest of them. */
size_t plot_longest_name(const struct plot *plot);

/* The label of the reference where there is little room, and that of a category. From malloc. */
char *plot_reference_label(const struct plot *plot);
char *plot_category_label(const char *category);

/* "12 layers", from malloc. */
char *plot_count_label(size_t layers);

/* The title of a page: that of the plot, then what the page shows. From malloc. */
char *plot_title(const struct plot *plot, const char *what);

/* The categories of the layers, in the order in which people know them; from malloc, and how many. */
const char **plot_category_names(const struct layer_list *layers, size_t *count);

/* The layers of one category. To be freed by free(list.list). */
struct layer_list plot_layers_in(const struct layer_list *layers, const char *category);

/* Alpha of an estimate within reason, and nan otherwise; its delta; the sum of the two errors. */
double plot_alpha(const struct fitted_layer *layer, size_t precision);
double plot_delta_of(const struct plot *plot, const struct fitted_layer *layer, size_t precision);
double plot_delta_err(const struct plot *plot, const struct fitted_layer *layer, size_t precision);

/* What a random matrix of the layer's shape gives in the reference; nan where the table does not say. */
double plot_null(const struct plot *plot, const struct fitted_layer *layer);

/* Dotted lines across the axes at what random matrices give, up to `top`, for layers of few shapes; and what
 * a subtitle says of them, "" where there are none. Lines go by the tags from PLOT_NULL_TAG on. */
#define PLOT_NULL_TAG 20
void plot_null_lines(const struct plot *plot, const struct layer_list *layers, double top);
const char *plot_null_label(const struct plot *plot, const struct layer_list *layers, double top);

/* The largest alpha of layers, or what random matrices give if that is not far up; 0 if there is none. */
double plot_highest(const struct plot *plot, const struct layer_list *layers);

/* The least and the largest |delta| of layers, among those that are not 0; 0 and 0 if there is none. */
void plot_change_range(const struct plot *plot, const struct layer_list *layers, double *least,
		       double *most);

/* The power of ten that values up to this one are shown in units of; and what the axis of deltas is
 * called then, from malloc. */
int plot_exponent(double largest);
char *plot_delta_label(const struct plot *plot, int exponent);

#endif
