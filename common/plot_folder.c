#include "plot_folder.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sensitivity.h"

/* Names of files may not be longer than 255 bytes. */
#define NAME_BYTES 200

/* The pages written so far, of which only some are this part's. */
struct pages {
	const struct plot *plot;
	const struct plot_folder *folder;
	size_t count;
};

/* A name as a part of a file's: letters, digits, "-" and "_", and "_" for all else. From malloc. */
static char *
file_name(const char *name)
{
	char *copy = xstrndup(name, strlen(name) < NAME_BYTES ? strlen(name) : NAME_BYTES);

	for (char *at = copy; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '-')
			*at = '_';
	return copy;
}

/* The path of the next page, from malloc; null if that page is another part's. */
static char *
next_path(struct pages *pages, const char *format, ...)
{
	static const char *const extensions[] = {
		[PLOT_SCREEN] = "txt", [PLOT_PNG] = "png", [PLOT_PDF] = "pdf", [PLOT_SVG] = "svg"};
	const struct plot_folder *folder = pages->folder;
	va_list arguments;
	char *name, *path;

	if (pages->count++ % folder->parts + 1 != folder->part)
		return NULL;
	va_start(arguments, format);
	if (vasprintf(&name, format, arguments) < 0)
		die(STATUS_RETRY, "out of memory");
	va_end(arguments);
	path = format_text("%s/%s.%s", folder->directory, name, extensions[pages->plot->format]);
	free(name);
	return path;
}

typedef void page_function(const struct plot *plot, const char *path,
			   const struct layer_list *layers);

static void
print_overviews(struct pages *pages, const struct layer_list *layers)
{
	static const struct {
		const char *name;
		page_function *function;
		bool compares; /* with the reference: needs another precision */
	} overviews[] = {{"alpha_distribution_by_precision", plot_box, false},
			 {"alpha_by_category", plot_categories, false},
			 {"alpha_by_depth", plot_depth, false},
			 {"delta_heatmap", plot_heatmap, true},
			 {"delta_by_layer", plot_delta, true},
			 {"formats", plot_formats, true}};

	for (size_t i = 0; i < sizeof(overviews) / sizeof(*overviews); i++) {
		char *path;

		if (overviews[i].compares && pages->plot->table->precision_count < 2)
			continue;
		path = next_path(pages, "%s", overviews[i].name);
		if (path)
			overviews[i].function(pages->plot, path, layers);
		free(path);
	}
}

static bool
is_among(char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* The names of the categories' files. Two categories may be the same but for characters that these lack:
 * they are numbered. From malloc. */
static char **
category_file_names(const char *const *categories, size_t count)
{
	char **names = xcalloc(count, sizeof(*names));

	for (size_t i = 0; i < count; i++) {
		char *plain = file_name(categories[i]);

		names[i] = format_text("category_%s", plain);
		for (size_t number = 2; is_among(names, i, names[i]); number++) {
			free(names[i]);
			names[i] = format_text("category_%s_%zu", plain, number);
		}
		free(plain);
	}
	return names;
}

static void
print_category_pages(struct pages *pages, const struct layer_list *layers)
{
	size_t count;
	const char **categories = plot_category_names(layers, &count);
	char **names = category_file_names(categories, count);

	for (size_t i = 0; i < count; i++) {
		struct layer_list list = plot_layers_in(layers, categories[i]);
		char *path = next_path(pages, "%s", names[i]);

		if (path)
			plot_bars(pages->plot, path, &list, categories[i]);
		free(path);
		free(list.list);
		free(names[i]);
	}
	free(names);
	free(categories);
}

static void
print_combined_pages(struct pages *pages, const struct layer_list *layers)
{
	size_t each = pages->folder->layers_per_plot;
	bool all_fit = !each || layers->count <= each;

	each = all_fit ? layers->count : each;
	for (size_t first = 0; first < layers->count; first += each) {
		size_t rest = layers->count - first;
		struct layer_list batch = {layers->list + first, rest < each ? rest : each};
		char *path = all_fit ? next_path(pages, "all_layers_combined")
				     : next_path(pages, "combined_batch_%zu", first / each + 1);
		char *what = all_fit ? xstrdup("all layers")
				     : format_text("layers %zu to %zu of %zu", first + 1,
						   first + batch.count, layers->count);

		if (path)
			plot_bars(pages->plot, path, &batch, what);
		free(path);
		free(what);
	}
}

static void
print_layer_pages(struct pages *pages, const struct layer_list *layers)
{
	for (size_t i = 0; i < layers->count; i++) {
		char *name = file_name(layers->list[i]->name);
		char *path = next_path(pages, "individual_layers/layer_%03zu_%s", i + 1, name);

		if (path)
			plot_layer(pages->plot, path, layers->list[i]);
		free(path);
		free(name);
	}
}

static void
print_spectra_page(struct pages *pages, const struct spectra *spectra)
{
	const struct spectrum_panel **panels = xcalloc(spectra->count, sizeof(*panels));
	char *path = next_path(pages, "spectra");
	char *title = plot_title(pages->plot, "spectra of layers with low, middle and high α, and "
					      "with the largest changes");

	for (size_t i = 0; i < spectra->count; i++)
		panels[i] = &spectra->panels[i];
	if (path)
		plot_spectra(pages->plot->script, pages->plot->format, path, title, panels,
			     spectra->count);
	free(title);
	free(path);
	free(panels);
}

void
plot_all(const struct plot *plot, const struct plot_folder *folder, const struct layer_list *layers,
	 const struct spectra *spectra)
{
	struct pages pages = {plot, folder, 0};

	print_overviews(&pages, layers);
	if (spectra->count)
		print_spectra_page(&pages, spectra);
	print_category_pages(&pages, layers);
	print_combined_pages(&pages, layers);
	if (folder->individual)
		print_layer_pages(&pages, layers);
}

/* A layer and what it is ordered by. */
struct ranked {
	const struct fitted_layer *layer;
	double value;
};

/* Ascending, with what has no value at the end, and the order of the model among equals. */
static int
compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (isnan(x->value) || isnan(y->value))
		return isnan(x->value) - isnan(y->value);
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->layer > y->layer) - (x->layer < y->layer);
}

static void
add_notable(struct layer_list *found, const struct ranked *ranked)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->list[i] == ranked->layer)
			return;
	if (!isnan(ranked->value) && found->count < 6)
		found->list[found->count++] = ranked->layer;
}

struct layer_list
plot_notable_layers(const struct plot *plot, const struct layer_list *layers)
{
	struct layer_list found = {xcalloc(6, sizeof(*found.list)), 0};
	struct ranked *ranked = xcalloc(layers->count, sizeof(*ranked));
	size_t known = 0;

	for (size_t i = 0; i < layers->count; i++) {
		double alpha = plot_alpha(layers->list[i], plot->reference);

		ranked[i] = (struct ranked){layers->list[i], alpha};
		known += isnan(alpha) ? 0 : 1;
	}
	qsort(ranked, layers->count, sizeof(*ranked), compare_ranked);
	if (known) {
		add_notable(&found, &ranked[0]);
		add_notable(&found, &ranked[known / 2]);
		add_notable(&found, &ranked[known - 1]);
	}
	for (size_t i = 0; i < layers->count; i++)
		ranked[i].value = -fabs(sensitivity_of(ranked[i].layer,
						       plot->table->precision_count,
						       plot->reference)
						.delta);
	qsort(ranked, layers->count, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < layers->count && i < 6; i++)
		if (ranked[i].value < 0)
			add_notable(&found, &ranked[i]);
	free(ranked);
	return found;
}
