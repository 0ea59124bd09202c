/*
 * st-layers: the weight matrices of a model, as a tensor stream.
 *
 * In: a checkpoint on disk. Out: a frame for each layer, in model order. Weights pass through piece by
 * piece, so that the memory in use does not depend on the model.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "hub.h"
#include "layer.h"
#include "model.h"
#include "pattern.h"
#include "program.h"
#include "progress.h"
#include "stream.h"
#include "tsv.h"
#include "util.h"

static const struct program program = {
	.name = "st-layers",
	.help = "Usage: st-layers [OPTION]... MODEL\n"
		"Write the weight matrices of a model as a tensor stream.\n"
		"\n"
		"MODEL is a .safetensors file, a folder, a model.safetensors.index.json, or the "
		"id\n"
		"ORG/NAME[@REVISION] of a model in the local Hugging Face cache.\n"
		"\n"
		"  --conv            also convolutions\n"
		"  --embeddings      also embeddings\n"
		"  --all             every floating-point tensor of two or more dimensions\n"
		"  --include RE      only layers whose name matches RE (repeatable: any of them)\n"
		"  --exclude RE      no layers whose name matches RE (repeatable)\n"
		"  --shard I/N       part I of N parts of about equal work\n"
		"  --list            print a table of all tensors instead; reads no weights\n"
		"  --progress, --no-progress, -q, --quiet\n"
		"                    show progress, or do not; default: if standard error is a "
		"terminal\n"
		"  --help, --version\n"
		"\n"
		"Example: st-layers gpt2 --include 'mlp' | prec-cast fp32,bf16 | spectrum | "
		"hill-alpha\n",
};

static struct {
	bool kinds[LAYER_KINDS];
	struct name_choice names;
	unsigned part, parts;
	bool list;
	enum progress_wish progress;
} options = {.kinds = {[LAYER_LINEAR] = true}, .part = 1, .parts = 1};

enum {
	OPTION_CONV = OPTION_OWN,
	OPTION_EMBEDDINGS,
	OPTION_ALL,
	OPTION_INCLUDE,
	OPTION_EXCLUDE,
	OPTION_SHARD,
	OPTION_LIST
};

static const struct option long_options[] = {
	{"conv", no_argument, 0, OPTION_CONV},
	{"embeddings", no_argument, 0, OPTION_EMBEDDINGS},
	{"all", no_argument, 0, OPTION_ALL},
	{"include", required_argument, 0, OPTION_INCLUDE},
	{"exclude", required_argument, 0, OPTION_EXCLUDE},
	{"shard", required_argument, 0, OPTION_SHARD},
	{"list", no_argument, 0, OPTION_LIST},
	PROGRESS_OPTIONS,
	COMMON_OPTIONS,
	{0},
};

static const char *
parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, ":q", long_options, NULL)) != -1)
		switch (option) {
		case OPTION_CONV: options.kinds[LAYER_CONV] = true; break;
		case OPTION_EMBEDDINGS: options.kinds[LAYER_EMBEDDING] = true; break;
		case OPTION_ALL:
			options.kinds[LAYER_CONV] = options.kinds[LAYER_EMBEDDING] =
				options.kinds[LAYER_OTHER] = true;
			break;
		case OPTION_INCLUDE: name_choice_include(&options.names, optarg); break;
		case OPTION_EXCLUDE: name_choice_exclude(&options.names, optarg); break;
		case OPTION_SHARD: program_parse_part(optarg, &options.part, &options.parts); break;
		case OPTION_LIST: options.list = true; break;
		case OPTION_PROGRESS: options.progress = PROGRESS_ALWAYS; break;
		case OPTION_NO_PROGRESS:
		case 'q': options.progress = PROGRESS_NEVER; break;
		default: program_common_option(&program, option, argv);
		}
	if (argc - optind != 1)
		usage_error(argc == optind ? "a model is needed" : "one model at a time");
	return argv[optind];
}

/* The model's path: what is given, if it is there, or else the place of an id in the local cache. */
static char *
find_model(const char *name)
{
	struct failure failure;
	struct stat status;
	char *path;

	/* A link that leads nowhere, or what is named like a file, is a file that is missing. */
	if (!lstat(name, &status) || model_is_file_name(name) || !hub_is_id(name))
		return xstrdup(name);
	path = hub_find(name, &failure);
	if (!path)
		die_failure(&failure, name);
	return path;
}

/*
 * Applies --include, --exclude and --shard to what the kinds have chosen. Returns how many layers are
 * chosen in all parts together.
 */
static size_t
narrow(struct layer *layers, size_t count)
{
	size_t chosen;

	for (size_t i = 0; i < count; i++) {
		const char *reason = name_choice_refuses(&options.names, layers[i].name);

		if (reason)
			layer_leave_out(&layers[i], reason);
	}
	chosen = layers_number(layers, count);
	layers_keep_part(layers, count, options.part, options.parts);
	return chosen;
}

/* A shape as "4096x1024"; "" for a scalar. */
static char *
shape_text(const struct model_tensor *tensor)
{
	struct text text = {0};

	text_append(&text, "", 0);
	for (unsigned i = 0; i < tensor->rank; i++)
		text_print(&text, "%s%" PRIu64, i ? "x" : "", tensor->shape[i]);
	return text.bytes;
}

static void
print_list(const struct model *model, const struct layer *layers)
{
	printf("tensor\tlayer_name\tcategory\tdtype\tshape\tbytes\tfile\toffset\tchosen\treason\n");
	for (size_t i = 0; i < model->count; i++) {
		const struct layer *layer = &layers[i];
		const struct model_tensor *tensor = layer->tensor;
		char *shape = shape_text(tensor);

		tsv_text(stdout, tensor->name, '\t');
		tsv_text(stdout, layer->name, '\t');
		tsv_text(stdout, tensor->rank < 2 ? "" : layer->category, '\t');
		tsv_text(stdout, tensor->stored, '\t');
		tsv_text(stdout, shape, '\t');
		tsv_unsigned(stdout, tensor->bytes, '\t');
		tsv_text(stdout, model->files[tensor->file].path, '\t');
		tsv_unsigned(stdout, tensor->offset, '\t');
		tsv_text(stdout, layer->chosen ? "yes" : "no", '\t');
		tsv_text(stdout, layer->reason, '\n');
		free(shape);
	}
	program_finish_output();
}

/* What is read now, for the stream to take it from. */
struct source {
	const struct model *model;
	const struct model_tensor *tensor;
};

static void
read_piece(void *context, uint64_t offset, void *buffer, size_t count)
{
	const struct source *source = context;
	struct failure failure;

	if (model_read(source->model, source->tensor, offset, buffer, count, &failure))
		die(failure.status, "%s", failure.text);
}

/*
 * The frame of a layer, one of so many. Nothing in it depends on --shard, so that the frames of all
 * parts are those of the whole.
 */
static struct frame
frame_of(const struct layer *layer, size_t count, const char *signature)
{
	const struct model_tensor *tensor = layer->tensor;
	struct frame frame = frame_new(FRAME_TENSOR, tensor->name, tensor->dtype, tensor->rank,
				       tensor->shape);

	frame_set(&frame, "layer", "%s", layer->name);
	frame_set(&frame, "category", "%s", layer->category);
	frame_set(&frame, "index", "%zu", layer->number);
	frame_set(&frame, "count", "%zu", count);
	frame_set(&frame, "source_dtype", "%s", tensor->stored);
	frame_set(&frame, "precision", "%s", format_name(format_of_dtype(tensor->dtype)));
	frame_set(&frame, "exact", "1");
	frame_set(&frame, "work", "%.6f", layer->work);
	frame_sign(&frame, signature);
	return frame;
}

/* The frames of the layers of this part; count is that of all parts. */
static void
write_stream(const struct model *model, const struct layer *layers, size_t count,
	     const char *signature)
{
	struct stream_writer *writer = stream_create(STDOUT_FILENO);
	double work = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct layer *layer = &layers[i];
		struct source source = {model, layer->tensor};
		struct frame frame;

		if (!layer->chosen)
			continue;
		progress_update(layer->number, count, work, layer->name);
		work = layer->work;
		frame = frame_of(layer, count, signature);
		stream_write_pieces(writer, &frame, read_piece, &source);
		frame_free(&frame);
	}
	stream_finish(writer, NULL, signature);
}

/* Says which layers cannot be read. */
static int
report_unreadable(const struct model *model, const struct layer *layers)
{
	int status = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct model_tensor *tensor = layers[i].tensor;
		const char *path = model->files[tensor->file].path;

		if (layers[i].kind != LAYER_UNREADABLE || layers[i].left_out)
			continue;
		if (tensor->unreadable)
			warn("%s: tensor '%s': left out: %s", path, tensor->name,
			     tensor->unreadable);
		else
			warn("%s: tensor '%s': left out: weights of type %s are not read", path,
			     tensor->name, tensor->stored);
		status = STATUS_INCOMPLETE;
	}
	return status;
}

int
main(int argc, char **argv)
{
	static const char *const without_effect[] = {"--shard", NULL}; /* on a frame */
	struct model model;
	struct failure failure;
	struct layer *layers;
	const char *name;
	char *path, *signature;
	size_t count;
	int status;

	program_begin(&program);
	name = parse_options(argc, argv);
	if (!options.list)
		program_refuse_terminal_output();
	path = find_model(name);
	if (model_open(&model, path, &failure))
		die_failure(&failure, path);
	if (model.notice)
		warn("%s: %s", path, model.notice);
	layers = layers_of(&model, options.kinds);
	count = narrow(layers, model.count);
	status = report_unreadable(&model, layers);
	if (options.list) {
		print_list(&model, layers);
	} else {
		if (!count)
			die(STATUS_NO_INPUT, "%s: no layer is chosen; --list shows why", path);
		signature = program_signature(&program, argc, argv, without_effect);
		progress_begin(PROGRESS_LAYERS, options.progress);
		write_stream(&model, layers, count, signature);
		progress_end();
		free(signature);
	}
	layers_free(layers, model.count);
	name_choice_free(&options.names);
	model_close(&model);
	free(path);
	return status;
}
