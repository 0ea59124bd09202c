/*
 * st-synth: nothing in, a safetensors model out.
 *
 * The matrices of linear layers are planted: their singular values are chosen so that the tail
 * exponent of W^T W, and what the Hill estimate makes of it, are known exactly (planted.h has the
 * formulas). Or they are Gaussian, like those of a model before training. Either way the model is
 * the same bytes for the same arguments, on every machine.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "architecture.h"
#include "dtype.h"
#include "hill.h"
#include "model_writer.h"
#include "planted.h"
#include "program.h"
#include "progress.h"
#include "synthesis.h"
#include "tsv.h"
#include "util.h"

#define LARGEST_ALPHA  1000.0
#define LARGEST_LENGTH INT32_MAX
#define LARGEST_STD    1e30
#define SMALLEST_STD   1e-30
#define TAIL_FRACTION  0.1

static const char help[] =
	"Usage: st-synth [OPTION]...\n"
	"Write a model whose matrices have known tail exponents, or random ones.\n"
	"\n"
	"  -o, --output PATH       a .safetensors file, or a folder (default: standard output)\n"
	"  --shard-size SIZE       split the model of a folder into files of at most SIZE, as in "
	"5G\n"
	"  --list                  print a table of the matrices and their exponents instead\n"
	"  -l, --like MODEL        names and shapes of a known model (default: demo)\n"
	"  --list-models           print the known models\n"
	"  --layers N              only the first N blocks\n"
	"  --no-embeddings         no embeddings and no lm_head\n"
	"  --shape RxC             a matrix of R rows and C columns instead (repeatable)\n"
	"  -a, --alpha A[,A]...    exponents, given to the matrices in turn (default\n"
	"                          2.5,3,3.5,4,4.5,5,5.5,6)\n"
	"  --random                Gaussian matrices, none planted\n"
	"  --std S                 root mean square of the elements (default 0.02)\n"
	"  -s, --seed N            another model of the same kind (default 0)\n"
	"  -t, --dtype TYPE        BF16, F16, F32 or F64 (default F32)\n"
	"  --progress, --no-progress, -q, --quiet\n"
	"                          show progress, or do not; default: if standard error is a "
	"terminal\n"
	"  --help, --version\n"
	"\n"
	"Example: st-synth --like qwen2.5-0.5b --layers 2 --dtype BF16 -o model.safetensors\n";

static const struct program program = {"st-synth", help, NULL};

enum {
	OPTION_SHARD_SIZE = OPTION_OWN,
	OPTION_LIST,
	OPTION_LIST_MODELS,
	OPTION_LAYERS,
	OPTION_NO_EMBEDDINGS,
	OPTION_SHAPE,
	OPTION_RANDOM,
	OPTION_STD
};

static const struct option option_table[] = {
	{"output", required_argument, 0, 'o'},
	{"shard-size", required_argument, 0, OPTION_SHARD_SIZE},
	{"list", no_argument, 0, OPTION_LIST},
	{"like", required_argument, 0, 'l'},
	{"list-models", no_argument, 0, OPTION_LIST_MODELS},
	{"layers", required_argument, 0, OPTION_LAYERS},
	{"no-embeddings", no_argument, 0, OPTION_NO_EMBEDDINGS},
	{"shape", required_argument, 0, OPTION_SHAPE},
	{"alpha", required_argument, 0, 'a'},
	{"random", no_argument, 0, OPTION_RANDOM},
	{"std", required_argument, 0, OPTION_STD},
	{"seed", required_argument, 0, 's'},
	{"dtype", required_argument, 0, 't'},
	PROGRESS_OPTIONS,
	COMMON_OPTIONS,
	{0},
};

/* The command line; a null pointer or a zero is what was not given. */
static struct {
	const char *output, *like;
	uint64_t shard_size, layers;
	bool list, list_models, no_embeddings;
	double *alphas;
	struct synthetic_model shapes;
	struct synthesis synthesis;
	enum progress_wish progress;
} options;

/* --- the command line ------------------------------------------------------------------------- */

static void
parse_layers(const char *text)
{
	if (!parse_unsigned(text, UINT64_MAX, &options.layers) || !options.layers)
		usage_error("--layers '%s': a whole number from 1 on is expected", text);
}

static void
parse_alphas(const char *text)
{
	char *copy = xstrdup(text), *rest = copy, *item;
	size_t count = 0;

	while ((item = strsep(&rest, ","))) {
		double alpha;

		if (!parse_double(item, &alpha) || alpha <= 1 || alpha > LARGEST_ALPHA)
			usage_error("--alpha '%s': '%s' is no number above 1, and at most %g", text,
				    item, LARGEST_ALPHA);
		options.alphas = xreallocarray(options.alphas, count + 1, sizeof(alpha));
		options.alphas[count++] = alpha;
	}
	options.synthesis.alphas = options.alphas;
	options.synthesis.alpha_count = count;
	free(copy);
}

static void
parse_shape(const char *text)
{
	char *copy = xstrdup(text), *columns = strchr(copy, 'x');
	uint64_t shape[2] = {0, 0};
	char *name = format_text("layers.%zu.weight", options.shapes.count);

	if (columns)
		*columns++ = '\0';
	if (!columns || !parse_unsigned(copy, LARGEST_LENGTH, &shape[0]) ||
	    !parse_unsigned(columns, LARGEST_LENGTH, &shape[1]) || !shape[0] || !shape[1])
		usage_error("--shape '%s': two whole numbers from 1 to 2^31 - 1 are expected, "
			    "such as 4096x1024",
			    text);
	synthetic_add_matrix(&options.shapes, name, shape[0], shape[1]);
	free(name);
	free(copy);
}

static void
parse_std(const char *text)
{
	double std;

	if (!parse_double(text, &std) || std < SMALLEST_STD || std > LARGEST_STD)
		usage_error("--std '%s': a number from %g to %g is expected", text, SMALLEST_STD,
			    LARGEST_STD);
	options.synthesis.std = std;
}

static void
parse_dtype(const char *text)
{
	for (int i = 0; i < DTYPE_COUNT; i++)
		if (dtype_is_encodable((enum dtype)i) &&
		    !strcasecmp(text, dtype_name((enum dtype)i))) {
			options.synthesis.dtype = (enum dtype)i;
			return;
		}
	usage_error("--dtype '%s': BF16, F16, F32 or F64 is expected", text);
}

static void
set_option(int option, char **argv)
{
	switch (option) {
	case 'o': options.output = optarg; break;
	case OPTION_SHARD_SIZE:
		if (!parse_size(optarg, &options.shard_size) || !options.shard_size)
			usage_error("--shard-size '%s': a size is expected, such as 5G", optarg);
		break;
	case OPTION_LIST: options.list = true; break;
	case 'l': options.like = optarg; break;
	case OPTION_LIST_MODELS: options.list_models = true; break;
	case OPTION_LAYERS: parse_layers(optarg); break;
	case OPTION_NO_EMBEDDINGS: options.no_embeddings = true; break;
	case OPTION_SHAPE: parse_shape(optarg); break;
	case 'a': parse_alphas(optarg); break;
	case OPTION_RANDOM: options.synthesis.random = true; break;
	case OPTION_STD: parse_std(optarg); break;
	case 's':
		if (!parse_unsigned(optarg, UINT64_MAX, &options.synthesis.seed))
			usage_error("--seed '%s': a whole number below 2^64 is expected", optarg);
		break;
	case 't': parse_dtype(optarg); break;
	case OPTION_PROGRESS: options.progress = PROGRESS_ALWAYS; break;
	case OPTION_NO_PROGRESS:
	case 'q': options.progress = PROGRESS_NEVER; break;
	default: program_common_option(&program, option, argv);
	}
}

static void
parse_options(int argc, char **argv)
{
	int option;

	options.synthesis.std = 0.02;
	options.synthesis.dtype = DTYPE_F32;
	while ((option = getopt_long(argc, argv, ":o:l:a:s:t:q", option_table, NULL)) != -1)
		set_option(option, argv);
	if (optind < argc)
		usage_error("there is no input to name: '%s'", argv[optind]);
	if (options.synthesis.random && options.alphas)
		usage_error("--random matrices have no --alpha");
	if (options.shapes.count && (options.like || options.layers || options.no_embeddings))
		usage_error("--shape goes without --like, --layers and --no-embeddings");
	if (options.list && (options.output || options.shard_size))
		usage_error("--list writes no model: leave out --output and --shard-size");
	if (!options.alphas)
		parse_alphas("2.5,3,3.5,4,4.5,5,5.5,6");
}

/* A path that ends in .safetensors is a file's; "-" is standard output; any other is a folder's. */
static struct model_target
choose_target(void)
{
	struct model_target target = {.shard_size = options.shard_size};

	if (options.output && !*options.output)
		usage_error("--output '': a path is expected");
	if (options.output && has_suffix(options.output, ".safetensors"))
		target.file = options.output;
	else if (options.output && strcmp(options.output, "-"))
		target.folder = options.output;
	if (target.shard_size && !target.folder)
		usage_error("--shard-size needs --output with a folder's name: one that does not "
			    "end in .safetensors");
	return target;
}

/* --- the model -------------------------------------------------------------------------------- */

static struct synthetic_model
choose_tensors(void)
{
	const char *name = options.like ? options.like : "demo";
	const struct architecture *architecture = architecture_find(name);
	uint64_t blocks = options.layers;

	if (options.shapes.count)
		return options.shapes;
	if (!architecture)
		usage_error("--like '%s': no such model is known; --list-models has their names",
			    name);
	if (!blocks)
		blocks = architecture_blocks(architecture);
	if (blocks > architecture_blocks(architecture))
		usage_error("--layers %" PRIu64 ": %s has %" PRIu64 " blocks", blocks, name,
			    architecture_blocks(architecture));
	return architecture_tensors(architecture, blocks, !options.no_embeddings);
}

/* Ends the program if some tensor cannot be made; returns the elements of all. */
static double
check_tensors(const struct synthetic_model *model)
{
	struct failure failure;
	double elements = 0;
	uint64_t bytes;

	if (model_payload(model, options.synthesis.dtype, &bytes, &failure) < 0)
		usage_error("%s", failure.text);
	for (size_t i = 0; i < model->count; i++) {
		const struct synthetic_tensor *tensor = &model->tensors[i];
		double alpha = synthesis_alpha(&options.synthesis, tensor);

		elements += (double)tensor->elements;
		if (!isnan(alpha) && !planted_is_possible(alpha, synthesis_rank(tensor)))
			usage_error("--alpha %g: the singular values of '%s', of %" PRIu64
				    " x %" PRIu64 ", would span more than double precision holds",
				    alpha, tensor->name, tensor->shape[0], tensor->shape[1]);
	}
	return elements;
}

static void
list_tensor(const struct synthetic_tensor *tensor)
{
	const size_t n = synthesis_rank(tensor);
	const char *suffix = ".weight";
	size_t length = strlen(tensor->name) - strlen(suffix);
	char *layer = has_suffix(tensor->name, suffix) ? xstrndup(tensor->name, length)
						       : xstrdup(tensor->name);
	double alpha = synthesis_alpha(&options.synthesis, tensor);

	tsv_text(stdout, layer, '\t');
	tsv_unsigned(stdout, tensor->shape[0], '\t');
	tsv_unsigned(stdout, tensor->shape[1], '\t');
	tsv_text(stdout, dtype_name(options.synthesis.dtype), '\t');
	tsv_double(stdout, alpha, '\t');
	tsv_double(stdout,
		   n < 2 || isnan(alpha) ? NAN
					 : planted_hill(alpha, hill_tail_size(n, TAIL_FRACTION)),
		   '\n');
	free(layer);
}

static void
list_model(const struct synthetic_model *model)
{
	printf("layer_name\trows\tcols\tdtype\talpha\thill\n");
	for (size_t i = 0; i < model->count; i++)
		if (model->tensors[i].rank == 2)
			list_tensor(&model->tensors[i]);
	program_finish_output();
}

static void
list_models(void)
{
	const struct architecture *architecture;

	for (size_t i = 0; (architecture = architecture_at(i)); i++)
		printf("%s\n", architecture_name(architecture));
	program_finish_output();
}

/* How far the model has come, for the progress line. */
struct account {
	uint64_t tensors, all_tensors;
	double elements, all_elements;
};

static int
produce(void *context, const struct synthetic_tensor *tensor, struct output_file *file,
	struct failure *failure)
{
	struct account *account = context;

	progress_update(account->tensors++, account->all_tensors,
			account->elements / account->all_elements, tensor->name);
	account->elements += (double)tensor->elements;
	return synthesis_write(&options.synthesis, tensor, file, failure);
}

static void
write_model(const struct synthetic_model *model, double elements)
{
	struct model_target target = choose_target();
	struct account account = {.all_tensors = model->count, .all_elements = elements};
	struct failure failure;

	if (!target.file && !target.folder)
		program_refuse_terminal_output();
	progress_begin(PROGRESS_LAYERS, options.progress);
	if (model_write(model, options.synthesis.dtype, &target, produce, &account, &failure) < 0)
		die(failure.status, "%s", failure.text);
	progress_end();
}

int
main(int argc, char **argv)
{
	struct synthetic_model model;
	double elements;

	program_begin(&program);
	parse_options(argc, argv);
	if (options.list_models) {
		list_models();
		return 0;
	}
	model = choose_tensors();
	elements = check_tensors(&model);
	if (options.list)
		list_model(&model);
	else
		write_model(&model, elements);
	synthetic_free(&model);
	free(options.alphas);
	return 0;
}
