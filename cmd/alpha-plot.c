/*
 * alpha-plot: plots of a table of fits, or of spectra.
 *
 * In: a table of hill-alpha, or a stream of spectra. Out: a script for gnuplot, with the data in it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alpha_input.h"
#include "hill_table.h"
#include "palette.h"
#include "pattern.h"
#include "plot.h"
#include "plot_folder.h"
#include "plot_hill.h"
#include "program.h"
#include "spectra.h"

static const struct program program = {
	.name = "alpha-plot",
	.help = "Usage: alpha-plot [OPTION]... KIND [FILE]\n"
		"       alpha-plot [OPTION]... --all DIR [FILE]\n"
		"Write a gnuplot script that plots a table of hill-alpha, FILE or standard input.\n"
		"\n"
		"KIND is one of:\n"
		"  box         the distribution of alpha in each precision\n"
		"  category    means by category; with --category, bars for its layers\n"
		"  layers      bars for each layer\n"
		"  layer       bars and values of one layer (--layer)\n"
		"  heatmap     layers by precisions: alpha less that of the reference\n"
		"  depth       alpha along the depth of the model, by category\n"
		"  delta       how far each precision moves alpha of each layer\n"
		"  formats     bits, errors and changes of alpha, a line for each precision\n"
		"  spectrum    spectra with their tails; FILE is a stream of spectrum\n"
		"  fit         the same, with the law of the best cut beside that of Hill\n"
		"  hill        alpha against k; FILE is the Hill plot of hill-alpha\n"
		"\n"
		"  --format png|pdf|svg  the kind of picture (default: by the name of the output)\n"
		"  -o, --output FILE     the picture's file, for gnuplot to write\n"
		"  --category NAME       only layers of this category\n"
		"  --layer NAME          only this layer (repeatable)\n"
		"  --include RE          only layers whose name matches RE\n"
		"  --precisions LIST     only these, in this order, such as fp32,bf16\n"
		"  --fit NAME            the fit to take, such as ks, where a table has several\n"
		"  --reference P         the precision to compare with (default: the first)\n"
		"  --title TEXT          begins every title: the model's name\n"
		"  --k N, --k-frac F     size of the tail, for spectrum, fit, hill (default "
		"--k-frac "
		"0.1)\n"
		"  --all DIR             one script for all plots, into files in the folder DIR\n"
		"  --spectra FILE        with --all: the stream that the table was made from\n"
		"  --max-layers-per-plot N\n"
		"                        with --all: so many in each combined plot (default 10; "
		"0:\n"
		"                        all in one)\n"
		"  --no-individual       with --all: no plots of single layers\n"
		"  --shard I/N           with --all: part I of N parts of the plots\n"
		"  --help, --version\n"
		"\n"
		"Example: alpha-plot box -o box.png alpha.tsv | gnuplot\n",
};

static struct {
	enum plot_format format;
	const char *output, *category, *precisions, *fit, *reference, *title, *spectra;
	const char **layers; /* of --layer */
	size_t layer_count;
	struct pattern *include;
	struct tail_choice tails;
	struct plot_folder folder;
	uint64_t folder_options; /* how many were given that only --all takes */
} options = {.title = "", .tails = {.share = 0.1}, .folder = {NULL, 10, true, 1, 1}};

enum {
	OPTION_FORMAT = OPTION_OWN,
	OPTION_CATEGORY,
	OPTION_LAYER,
	OPTION_INCLUDE,
	OPTION_PRECISIONS,
	OPTION_REFERENCE,
	OPTION_FIT,
	OPTION_TITLE,
	OPTION_K,
	OPTION_K_FRAC,
	OPTION_ALL,
	OPTION_SPECTRA,
	OPTION_MAX_LAYERS,
	OPTION_NO_INDIVIDUAL,
	OPTION_SHARD
};

static const struct option long_options[] = {
	{"format", required_argument, 0, OPTION_FORMAT},
	{"output", required_argument, 0, 'o'},
	{"category", required_argument, 0, OPTION_CATEGORY},
	{"layer", required_argument, 0, OPTION_LAYER},
	{"include", required_argument, 0, OPTION_INCLUDE},
	{"precisions", required_argument, 0, OPTION_PRECISIONS},
	{"reference", required_argument, 0, OPTION_REFERENCE},
	{"fit", required_argument, 0, OPTION_FIT},
	{"title", required_argument, 0, OPTION_TITLE},
	{"k", required_argument, 0, OPTION_K},
	{"k-frac", required_argument, 0, OPTION_K_FRAC},
	{"all", required_argument, 0, OPTION_ALL},
	{"spectra", required_argument, 0, OPTION_SPECTRA},
	{"max-layers-per-plot", required_argument, 0, OPTION_MAX_LAYERS},
	{"no-individual", no_argument, 0, OPTION_NO_INDIVIDUAL},
	{"shard", required_argument, 0, OPTION_SHARD},
	COMMON_OPTIONS,
	{0},
};

/* --- options --------------------------------------------------------------------------------------- */

static const char *const format_names[] = {
	[PLOT_PNG] = "png", [PLOT_PDF] = "pdf", [PLOT_SVG] = "svg"};

static enum plot_format
parse_format(const char *name)
{
	for (unsigned i = PLOT_PNG; i <= PLOT_SVG; i++)
		if (!strcmp(name, format_names[i]))
			return (enum plot_format)i;
	usage_error("a picture is png, pdf or svg, and not '%s'", name);
}

static void
compile_include(const char *expression)
{
	struct failure failure;

	if (options.include)
		usage_error("--include may be given once");
	options.include = pattern_compile(expression, &failure);
	if (!options.include)
		die(failure.status, "%s", failure.text);
}

static uint64_t
parse_count(const char *option, const char *text, uint64_t least)
{
	uint64_t count;

	if (!parse_unsigned(text, UINT32_MAX, &count) || count < least)
		usage_error("%s takes a whole number from %u on, and not '%s'", option,
			    (unsigned)least, text);
	return count;
}

static void
parse_share(const char *text)
{
	if (!parse_double(text, &options.tails.share) || options.tails.share <= 0 ||
	    options.tails.share > 1)
		usage_error("--k-frac takes a share above 0 and up to 1, and not '%s'", text);
	options.tails.k = 0;
}

/* An option that only a whole folder has. Returns false if it is none of them. */
static bool
parse_folder_option(int option, const char *argument)
{
	switch (option) {
	case OPTION_SPECTRA: options.spectra = argument; break;
	case OPTION_MAX_LAYERS:
		options.folder.layers_per_plot = parse_count("--max-layers-per-plot", argument, 0);
		break;
	case OPTION_NO_INDIVIDUAL: options.folder.individual = false; break;
	case OPTION_SHARD:
		program_parse_part(argument, &options.folder.part, &options.folder.parts);
		break;
	default: return false;
	}
	options.folder_options++;
	return true;
}

static bool
parse_option(int option, const char *argument)
{
	switch (option) {
	case OPTION_FORMAT: options.format = parse_format(argument); break;
	case 'o': options.output = argument; break;
	case OPTION_CATEGORY: options.category = argument; break;
	case OPTION_LAYER:
		options.layers = xreallocarray(options.layers, options.layer_count + 1,
					       sizeof(*options.layers));
		options.layers[options.layer_count++] = argument;
		break;
	case OPTION_INCLUDE: compile_include(argument); break;
	case OPTION_PRECISIONS: options.precisions = argument; break;
	case OPTION_FIT: options.fit = optarg; break;
	case OPTION_REFERENCE: options.reference = argument; break;
	case OPTION_TITLE: options.title = argument; break;
	case OPTION_K: options.tails.k = parse_count("--k", argument, 1); break;
	case OPTION_K_FRAC: parse_share(argument); break;
	case OPTION_ALL: options.folder.directory = argument; break;
	default: return parse_folder_option(option, argument);
	}
	return true;
}

static void
parse_options(int argc, char **argv)
{
	const char *dot;
	int option;

	while ((option = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1)
		if (!parse_option(option, optarg))
			program_common_option(&program, option, argv);
	if (options.folder_options && !options.folder.directory)
		usage_error("--spectra, --max-layers-per-plot, --no-individual and --shard go with "
			    "--all");
	if (options.folder.directory && options.output)
		usage_error("--all names its files itself: leave out --output");
	if (options.folder.directory && options.format == PLOT_SCREEN)
		options.format = PLOT_PNG;
	if (options.output && !*options.output)
		usage_error("the name of the output is empty");
	if (options.output && options.format == PLOT_SCREEN) {
		dot = strrchr(options.output, '.');
		if (!dot || strchr(dot, '/'))
			usage_error("--output: the name has no .png, .pdf or .svg at its end, and "
				    "there is "
				    "no --format");
		options.format = parse_format(dot + 1);
	}
}

/* --- which layers ---------------------------------------------------------------------------------- */

static bool
is_named(const char *layer)
{
	for (size_t i = 0; i < options.layer_count; i++)
		if (!strcmp(options.layers[i], layer))
			return true;
	return !options.layer_count;
}

/* Whether --layer and --include take a layer. */
static bool
takes_layer(const char *layer)
{
	struct failure failure;
	int found = options.include ? pattern_search(options.include, layer, &failure) : 1;

	if (found < 0)
		die(failure.status, "%s", failure.text);
	return found && is_named(layer);
}

static struct layer_list
choose_layers(const struct alpha_table *table)
{
	struct layer_list layers = {xcalloc(table->layer_count, sizeof(*layers.list)), 0};

	for (size_t i = 0; i < table->layer_count; i++) {
		const struct fitted_layer *layer = &table->layers[i];

		if (takes_layer(layer->name) &&
		    (!options.category || !strcmp(options.category, layer->category)))
			layers.list[layers.count++] = layer;
	}
	if (!layers.count)
		die(STATUS_NO_INPUT, "no layer is chosen");
	return layers;
}

/* --- kinds ----------------------------------------------------------------------------------------- */

static void
plot_layers_kind(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	plot_bars(plot, path, layers, options.category ? options.category : "layers");
}

static void
plot_category_kind(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	if (options.category)
		plot_bars(plot, path, layers, options.category);
	else
		plot_categories(plot, path, layers);
}

static void
plot_layer_kind(const struct plot *plot, const char *path, const struct layer_list *layers)
{
	if (layers->count > 1)
		usage_error("there are %zu layers: choose one by --layer", layers->count);
	plot_layer(plot, path, layers->list[0]);
}

static const struct kind {
	const char *name;
	void (*plot)(const struct plot *plot, const char *path, const struct layer_list *layers);
	bool compares; /* makes no sense with one precision */
} kinds[] = {{"box", plot_box, false},
	     {"category", plot_category_kind, false},
	     {"layers", plot_layers_kind, false},
	     {"layer", plot_layer_kind, false},
	     {"heatmap", plot_heatmap, true},
	     {"depth", plot_depth, false},
	     {"delta", plot_delta, true},
	     {"formats", plot_formats, true},
	     {"spectrum", NULL, false},
	     {"fit", NULL, false},
	     {"hill", NULL, false}};

static const struct kind *
parse_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(name, kinds[i].name))
			return &kinds[i];
	usage_error("there is no plot '%s'", name);
}

/* --- spectra --------------------------------------------------------------------------------------- */

static bool
is_wanted(const void *context, const char *layer)
{
	(void)context;
	return takes_layer(layer);
}

static bool
is_listed(const void *context, const char *layer)
{
	const struct layer_list *layers = context;

	for (size_t i = 0; i < layers->count; i++)
		if (!strcmp(layers->list[i]->name, layer))
			return true;
	return false;
}

static void
plot_stream(const char *operand)
{
	const struct spectrum_panel *shown[6];
	struct spectra spectra = {0};
	struct failure failure;

	if (options.category || options.precisions)
		usage_error("--category and --precisions are not for spectra");
	if (spectra_read(&spectra, program_open_input(operand, "a stream"), &options.tails,
			 is_wanted, NULL, &failure))
		die_failure(&failure, program_source(operand));
	if (!spectra.count)
		die(STATUS_NO_INPUT, "%s: no spectrum is chosen", program_source(operand));
	spectra_arrange(&spectra, NULL, NULL, 0, options.reference);
	plot_spectra(stdout, options.format, options.output,
		     *options.title ? options.title : "spectra", shown,
		     spectra_spread(&spectra, shown, 6));
	spectra_free(&spectra);
}

/* --- Hill plots ------------------------------------------------------------------------------------ */

/* The most panels of a page. */
#define MOST_PANELS 6

/* Gives the curves their colours, and puts that of the reference first. */
static void
arrange_curves(struct hill_table *table)
{
	const char **colors = palette_of_precisions((const char *const *)table->precisions.names,
						    table->precisions.count);

	for (size_t i = 0; i < table->count; i++) {
		struct hill_panel *panel = &table->panels[i];

		for (size_t c = 0; c < panel->count; c++) {
			struct hill_curve curve = panel->curves[c];

			for (size_t p = 0; p < table->precisions.count; p++)
				if (!strcmp(table->precisions.names[p], curve.precision))
					curve.color = colors[p];
			panel->curves[c] = curve;
			if (options.reference && !strcmp(curve.precision, options.reference)) {
				memmove(panel->curves + 1, panel->curves, c * sizeof(curve));
				panel->curves[0] = curve;
			}
		}
	}
	free(colors);
}

static void
plot_hill_table(const char *operand)
{
	const struct hill_panel *shown[MOST_PANELS];
	struct hill_table table = {0};
	struct failure failure;
	FILE *file = fdopen(program_open_input(operand, "a table"), "r");
	size_t count;

	if (options.category || options.precisions || options.fit)
		usage_error("--category, --precisions and --fit are not for hill");
	if (!file)
		die(STATUS_RETRY, "out of memory");
	if (hill_table_read(&table, file, takes_layer, &failure))
		die_failure(&failure, program_source(operand));
	fclose(file);
	if (!table.count)
		die(STATUS_NO_INPUT, "%s: no layer is chosen", program_source(operand));
	arrange_curves(&table);
	count = table.count < MOST_PANELS ? table.count : MOST_PANELS;
	for (size_t i = 0; i < count; i++)
		shown[i] = &table.panels[count > 1 ? i * (table.count - 1) / (count - 1) : 0];
	plot_hill(stdout, options.format, options.output,
		  *options.title ? options.title : "Hill plot", shown, count, options.tails.k,
		  options.tails.share);
	hill_table_free(&table);
}

/* --- tables ---------------------------------------------------------------------------------------- */

static void
make_directory(const char *path)
{
	struct stat status;

	if (mkdir(path, 0777) && errno != EEXIST)
		die(errno == ENOENT ? STATUS_NO_INPUT : STATUS_IO, "%s:", path);
	if (stat(path, &status))
		die(STATUS_IO, "%s:", path);
	if (!S_ISDIR(status.st_mode))
		die(STATUS_IO, "%s: is no directory", path);
}

static void
make_directories(void)
{
	char *individual = format_text("%s/individual_layers", options.folder.directory);

	make_directory(options.folder.directory);
	if (options.folder.individual)
		make_directory(individual);
	free(individual);
}

/* The spectra of the layers that are worth a look. */
static void
read_notable(struct spectra *spectra, const struct plot *plot, const struct layer_list *layers)
{
	struct layer_list notable = plot_notable_layers(plot, layers);
	struct tail_choice tails = {.table = plot->table, .share = options.tails.share};
	struct failure failure;

	if (spectra_read(spectra, program_open_input(options.spectra, "a stream"), &tails,
			 is_listed, &notable, &failure))
		die_failure(&failure, options.spectra);
	spectra_arrange(spectra, plot->table->precisions, plot->colors,
			plot->table->precision_count, plot->table->precisions[plot->reference]);
	free(notable.list);
}

static void
plot_directory(const struct plot *plot, const struct layer_list *layers)
{
	struct spectra spectra = {0};

	if (options.spectra)
		read_notable(&spectra, plot, layers);
	make_directories();
	plot_all(plot, &options.folder, layers, &spectra);
	spectra_free(&spectra);
}

/* Keeps those of --precisions. Returns their colours: those that they have among all. */
static const char **
choose_precisions(struct alpha_table *table)
{
	size_t all = table->precision_count;
	const char **names = xcalloc(all, sizeof(*names));
	const char **of_all = palette_of_precisions(table->precisions, all);
	const char **colors = xcalloc(all, sizeof(*colors));

	memcpy(names, table->precisions, all * sizeof(*names));
	if (options.precisions)
		alpha_input_select(table, options.precisions);
	for (size_t p = 0; p < table->precision_count; p++)
		for (size_t i = 0; i < all; i++)
			if (!strcmp(names[i], table->precisions[p]))
				colors[p] = of_all[i];
	free(names);
	free(of_all);
	return colors;
}

/* One kind of plot of a table, or all of them if it is null. */
static void
plot_table(const struct kind *kind, char **operands, size_t count)
{
	struct alpha_table table = {.fit = options.fit};
	struct plot plot = {.script = stdout,
			    .format = options.format,
			    .title = options.title,
			    .table = &table};
	struct layer_list layers;

	alpha_input_read(&table, operands, count);
	plot.colors = choose_precisions(&table);
	plot.reference = alpha_input_reference(&table, options.reference);
	plot.names = plot_names(&table);
	layers = choose_layers(&table);
	if (kind && kind->compares && table.precision_count < 2)
		die(STATUS_DATA, "%s needs two precisions, and the table has one", kind->name);
	if (kind)
		kind->plot(&plot, options.output, &layers);
	else
		plot_directory(&plot, &layers);
	free(layers.list);
	free(plot.colors);
	plot_names_free(plot.names, table.precision_count);
	alpha_table_free(&table);
}

int
main(int argc, char **argv)
{
	const struct kind *kind = NULL;

	program_begin(&program);
	parse_options(argc, argv);
	if (!options.folder.directory) {
		if (optind == argc)
			usage_error("a kind of plot is needed");
		kind = parse_kind(argv[optind++]);
	}
	program_operand(argc, argv, optind); /* one at most */
	options.tails.ks = kind && !strcmp(kind->name, "fit");
	if (kind && !strcmp(kind->name, "hill"))
		plot_hill_table(program_operand(argc, argv, optind));
	else if (kind && !kind->plot)
		plot_stream(program_operand(argc, argv, optind));
	else
		plot_table(kind, argv + optind, (size_t)(argc - optind));
	pattern_free(options.include);
	free(options.layers);
	program_finish_output();
	return 0;
}
