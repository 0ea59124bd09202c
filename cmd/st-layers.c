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
#include "hub_model.h"
#include "layer.h"
#include "model.h"
#include "model_folder.h"
#include "pattern.h"
#include "pool.h"
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
		"MODEL is a .safetensors or .gguf file, a pytorch_model.bin or another file of\n"
		"torch.save(), a folder, the index of a sharded model, or the id\n"
		"ORG/NAME[@REVISION] of a model in the local Hugging Face cache. Pickles are\n"
		"decoded as data and never run.\n"
		"\n"
		"  --conv            also convolutions\n"
		"  --embeddings      also embeddings\n"
		"  --all             every floating-point tensor of two or more dimensions\n"
		"  --no-split        no parts of fused tensors: each is one matrix\n"
		"  --include RE      only layers whose name matches RE (repeatable: any of them)\n"
		"  --exclude RE      no layers whose name matches RE (repeatable)\n"
		"  --shard I/N       part I of N parts of about equal work\n"
		"  --download        let hf, of huggingface_hub, fetch what of MODEL is not in the "
		"cache\n"
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
	bool download, list, no_split;
	enum progress_wish progress;
} options = {.kinds = {[LAYER_LINEAR] = true}, .part = 1, .parts = 1};

enum {
	OPTION_CONV = OPTION_OWN,
	OPTION_EMBEDDINGS,
	OPTION_ALL,
	OPTION_INCLUDE,
	OPTION_EXCLUDE,
	OPTION_NO_SPLIT,
	OPTION_SHARD,
	OPTION_DOWNLOAD,
	OPTION_LIST
};

static const struct option long_options[] = {
	{"conv", no_argument, 0, OPTION_CONV},
	{"embeddings", no_argument, 0, OPTION_EMBEDDINGS},
	{"all", no_argument, 0, OPTION_ALL},
	{"include", required_argument, 0, OPTION_INCLUDE},
	{"exclude", required_argument, 0, OPTION_EXCLUDE},
	{"no-split", no_argument, 0, OPTION_NO_SPLIT},
	{"shard", required_argument, 0, OPTION_SHARD},
	{"download", no_argument, 0, OPTION_DOWNLOAD},
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
				options.kinds[LAYER_OTHER] = options.kinds[LAYER_UNUSED] = true;
			break;
		case OPTION_INCLUDE: name_choice_include(&options.names, optarg); break;
		case OPTION_EXCLUDE: name_choice_exclude(&options.names, optarg); break;
		case OPTION_NO_SPLIT: options.no_split = true; break;
		case OPTION_SHARD: program_parse_part(optarg, &options.part, &options.parts); break;
		case OPTION_DOWNLOAD: options.download = true; break;
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
	bool fetch;
	char *path;

	/* A link that leads nowhere, or what is named like a file, is a file that is missing. */
	if (!lstat(name, &status) || model_is_file_name(name) || !hub_is_id(name))
		return xstrdup(name);
	path = hub_model_find(name, &fetch, &failure);
	if (path)
		return path;
	if (!fetch)
		die_failure(&failure, name);
	if (!options.download)
		die(failure.status, "%s: %s; --download fetches what is missing", name,
		    failure.text);
	if (hub_model_fetch(name, options.progress == PROGRESS_NEVER, &failure))
		die_failure(&failure, name);
	path = hub_model_find(name, &fetch, &failure);
	if (!path)
		die(failure.status, "%s: after hf download: %s", name, failure.text);
	return path;
}

/*
 * Applies --include, --exclude and --shard to what the kinds have chosen. Returns how many layers are
 * chosen in all parts together.
 */
static size_t
narrow(struct layers *layers)
{
	size_t chosen;

	for (size_t i = 0; i < layers->count; i++) {
		const char *reason = name_choice_refuses(&options.names, layers->items[i].name);

		if (reason)
			layer_leave_out(&layers->items[i], reason);
	}
	layers_drop_repeated(layers);
	chosen = layers_number(layers);
	layers_keep_part(layers, options.part, options.parts);
	return chosen;
}

/* Whether a layer is all of its tensor, which then has the tensor's shape. */
static bool
is_whole(const struct layer *layer)
{
	return view_is_whole(&layer->view, layer->tensor);
}

/* A shape as "4096x1024"; "" for a scalar. */
static char *
shape_text(const struct layer *layer)
{
	const struct model_tensor *tensor = layer->tensor;
	struct text text = {0};

	text_append(&text, "", 0);
	if (!is_whole(layer))
		text_print(&text, "%" PRIu64 "x%" PRIu64, layer->view.rows, layer->view.columns);
	for (unsigned i = 0; is_whole(layer) && i < tensor->rank; i++)
		text_print(&text, "%s%" PRIu64, i ? "x" : "", tensor->shape[i]);
	return text.bytes;
}

/* What a layer takes in the file: its share of the tensor. */
static uint64_t
bytes_of(const struct layer *layer)
{
	uint64_t elements = layer->tensor->elements;

	if (is_whole(layer) || !elements)
		return layer->tensor->bytes;
	return (uint64_t)((double)layer->tensor->bytes *
			  ((double)layer->view.rows * (double)layer->view.columns /
			   (double)elements));
}

static void
print_list(const struct model *model, const struct layers *layers)
{
	printf("tensor\tlayer_name\tcategory\tdtype\tshape\tbytes\tfile\toffset\tchosen\treason\n");
	for (size_t i = 0; i < layers->count; i++) {
		const struct layer *layer = &layers->items[i];
		const struct model_tensor *tensor = layer->tensor;
		char *shape = shape_text(layer);

		tsv_text(stdout, tensor->name, '\t');
		tsv_text(stdout, layer->name, '\t');
		tsv_text(stdout, tensor->rank < 2 ? "" : layer->category, '\t');
		tsv_text(stdout, tensor->stored, '\t');
		tsv_text(stdout, shape, '\t');
		tsv_unsigned(stdout, bytes_of(layer), '\t');
		tsv_text(stdout, model->files[tensor->file].path, '\t');
		tsv_unsigned(stdout, tensor->offset, '\t');
		tsv_text(stdout, layer->chosen ? "yes" : "no", '\t');
		tsv_text(stdout, layer->reason, layer->note ? ';' : '\n');
		if (layer->note) {
			putchar(' ');
			tsv_text(stdout, layer->note, '\n');
		}
		free(shape);
	}
	program_finish_output();
}

/* What is read now, for the stream to take it from. */
struct source {
	const struct model *model;
	const struct layer *layer;
};

static void
read_piece(void *context, uint64_t offset, void *buffer, size_t count)
{
	const struct source *source = context;
	struct failure failure;

	if (view_read(source->model, source->layer->tensor, &source->layer->view, offset, buffer,
		      count, &failure))
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
	uint64_t shape[2] = {layer->view.rows, layer->view.columns};
	bool whole = is_whole(layer);
	struct frame frame = frame_new(FRAME_TENSOR, layer->tensor_name, tensor->dtype,
				       whole ? tensor->rank : 2, whole ? tensor->shape : shape);

	frame_set(&frame, "layer", "%s", layer->name);
	frame_set(&frame, "category", "%s", layer->category);
	frame_set(&frame, "index", "%zu", layer->number);
	frame_set(&frame, "count", "%zu", count);
	frame_set(&frame, "source_dtype", "%s", tensor->stored);
	frame_set(&frame, "precision", "%s", format_name_of_dtype(tensor->dtype));
	frame_set(&frame, "exact", "1");
	frame_set(&frame, "work", "%.6f", layer->work);
	frame_sign(&frame, signature);
	return frame;
}

/* --- hashing ahead --- */

/* One thread that hashes for so many processors, and so many of them at most. */
#define PROCESSORS_OF_HASHING 4
#define MOST_HASHING	      4

/* A layer whose payload is hashed while those before it are written. */
struct hashing {
	struct pool_job job; /* the first member: the pool gives it back */
	struct source source;
	struct frame frame;
	char *piece; /* of STREAM_PIECE bytes */
};

/* Those in the works, used round and round, and how far they have come. */
struct ahead {
	struct pool *pool;
	const struct model *model;
	const struct layers *layers;
	size_t count; /* of the layers of all parts */
	const char *signature;
	size_t next; /* layer to begin with */
	struct hashing slots[2 * MOST_HASHING];
	size_t slot_count, begun, written;
};

static void
hash_layer(void *context, struct pool_job *job, unsigned threads)
{
	struct hashing *hashing = (struct hashing *)job;

	(void)context, (void)threads;
	if (!hashing->piece)
		hashing->piece = xmalloc(STREAM_PIECE);
	hashing->frame.hash = stream_hash(read_piece, &hashing->source, hashing->frame.bytes,
					  hashing->piece);
}

/* Begins with as many layers as there are slots free. */
static void
hash_ahead(struct ahead *ahead)
{
	while (ahead->next < ahead->layers->count &&
	       ahead->begun - ahead->written < ahead->slot_count) {
		const struct layer *layer = &ahead->layers->items[ahead->next++];
		struct hashing *hashing = &ahead->slots[ahead->begun % ahead->slot_count];

		if (!layer->chosen)
			continue;
		hashing->source = (struct source){ahead->model, layer};
		hashing->frame = frame_of(layer, ahead->count, ahead->signature);
		pool_submit(ahead->pool, &hashing->job);
		ahead->begun++;
	}
}

static struct ahead
ahead_open(const struct model *model, const struct layers *layers, size_t count,
	   const char *signature)
{
	unsigned threads = usable_processors() / PROCESSORS_OF_HASHING;

	threads = threads < 1 ? 1 : threads < MOST_HASHING ? threads : MOST_HASHING;
	return (struct ahead){.pool = pool_open(threads, 0, hash_layer, NULL),
			      .model = model,
			      .layers = layers,
			      .count = count,
			      .signature = signature,
			      .slot_count = 2 * threads};
}

static void
ahead_close(struct ahead *ahead)
{
	pool_close(ahead->pool);
	for (size_t i = 0; i < ahead->slot_count; i++)
		free(ahead->slots[i].piece);
}

/* --- writing --- */

static void
write_frame(struct stream_writer *writer, struct hashing *hashing)
{
	const struct layer *layer = hashing->source.layer;
	const struct frame *frame = &hashing->frame;
	uint64_t offset = 0;
	int descriptor = -1;

	if (frame->bytes <= STREAM_PIECE) {
		stream_write_hashed(writer, frame, hashing->piece);
		return;
	}
	if (!is_whole(layer) ||
	    !model_place(hashing->source.model, layer->tensor, &descriptor, &offset))
		descriptor = -1;
	stream_write_pieces(writer, frame, read_piece, &hashing->source, descriptor, offset,
			    hashing->piece);
}

/* The frames of the layers of this part; count is that of all parts. */
static void
write_stream(const struct model *model, const struct layers *layers, size_t count,
	     const char *signature)
{
	struct stream_writer *writer = stream_create(STDOUT_FILENO);
	struct ahead ahead = ahead_open(model, layers, count, signature);
	double work = 0;

	progress_begin(PROGRESS_LAYERS, options.progress);
	for (hash_ahead(&ahead); ahead.written < ahead.begun; hash_ahead(&ahead)) {
		struct hashing *hashing = (struct hashing *)pool_next(ahead.pool);
		const struct layer *layer = hashing->source.layer;

		progress_update(layer->number, count, work, layer->name);
		work = layer->work;
		write_frame(writer, hashing);
		frame_free(&hashing->frame);
		ahead.written++;
	}
	pool_end(ahead.pool);
	ahead_close(&ahead);
	stream_finish(writer, NULL, signature);
	progress_end();
}

/* Says which layers cannot be given. */
static int
report_missing(const struct model *model, const struct layers *layers)
{
	int status = 0;

	for (size_t i = 0; i < layers->count; i++) {
		const struct layer *layer = &layers->items[i];
		const char *path = model->files[layer->tensor->file].path;

		if (layer->left_out || layer->chosen ||
		    (!layer_is_unreadable(layer) && !layer->missing))
			continue;
		if (layer->missing)
			warn("%s: tensor '%s': %s", path, layer->tensor->name, layer->note);
		else if (layer->tensor->unreadable)
			warn("%s: tensor '%s': left out: %s", path, layer->tensor->name,
			     layer->tensor->unreadable);
		else
			warn("%s: tensor '%s': left out: weights of type %s%s are not read", path,
			     layer->tensor->name, layer->tensor->stored,
			     layer->kind == LAYER_SCALED ? " with scales beside them" : "");
		status = STATUS_INCOMPLETE;
	}
	return status;
}

int
main(int argc, char **argv)
{
	static const char *const without_effect[] = {"--shard=", "--download",
						     NULL}; /* on a frame */
	struct model model;
	struct failure failure;
	struct layers layers;
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
	layers = layers_of(&model, options.kinds, !options.no_split);
	count = narrow(&layers);
	status = report_missing(&model, &layers);
	if (options.list) {
		print_list(&model, &layers);
	} else if (count) {
		signature = program_signature(&program, argc, argv, without_effect);
		write_stream(&model, &layers, count, signature);
		free(signature);
	} else {
		die(STATUS_NO_INPUT, "%s: no layer is chosen; --list shows why", path);
	}
	layers_free(&layers);
	name_choice_free(&options.names);
	model_close(&model);
	free(path);
	return status;
}
