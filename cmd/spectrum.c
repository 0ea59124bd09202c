/*
 * spectrum: the eigenvalues of W^T W of each matrix W of a stream.
 *
 * In: a stream of tensors. Out: a stream of spectra, in the same order. One thread reads and submits
 * matrices to the eigenvalue back end (eigen.h), another takes spectra from it and writes.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eigen.h"
#include "program.h"
#include "progress.h"
#include "stream.h"
#include "util.h"

#define DEFAULT_MEMORY ((uint64_t)2 << 30)
#define MAX_THREADS    1024

/* So many different matrices are remembered, in case one comes again. */
#define REMEMBERED 32

static struct program program = {
	.name = "spectrum",
	.help = "Usage: spectrum [OPTION]... [FILE]\n"
		"Compute the eigenvalues of W^T W, the squared singular values, of each matrix W "
		"of a\n"
		"tensor stream, FILE or standard input, in float64.\n"
		"\n"
		"  --solver gram    eigenvalues of the Gram matrix of the smaller side (default)\n"
		"  --solver svd     squared singular values of W: small ones more accurate, "
		"slower\n"
		"  --threads N      use N threads (default: the processors there are)\n"
		"  --memory SIZE    keep matrices and work space in flight below SIZE, such as "
		"500M or\n"
		"                   8G, as far as the largest layer allows (default 2G)\n"
		"  --progress, --no-progress, -q, --quiet\n"
		"                   show progress, or do not; default: if standard error is a "
		"terminal\n"
		"  --help, --version\n"
		"\n"
		"Example: st-layers gpt2 | prec-cast fp32,bf16 | spectrum > spectra.st\n",
};

static struct eigen_options options = {.memory = DEFAULT_MEMORY};
static enum progress_wish progress;

enum { OPTION_SOLVER = OPTION_OWN, OPTION_THREADS, OPTION_MEMORY };

static const struct option long_options[] = {
	{"solver", required_argument, 0, OPTION_SOLVER},
	{"threads", required_argument, 0, OPTION_THREADS},
	{"memory", required_argument, 0, OPTION_MEMORY},
	PROGRESS_OPTIONS,
	COMMON_OPTIONS,
	{0},
};

static void
parse_solver(const char *name)
{
	if (!strcmp(name, "gram"))
		options.solver = EIGEN_GRAM;
	else if (!strcmp(name, "svd"))
		options.solver = EIGEN_SVD;
	else
		usage_error("--solver takes gram or svd, and not '%s'", name);
}

static const char *
parse_options(int argc, char **argv)
{
	uint64_t threads = program_processors();
	int option;

	while ((option = getopt_long(argc, argv, ":q", long_options, NULL)) != -1)
		switch (option) {
		case OPTION_SOLVER: parse_solver(optarg); break;
		case OPTION_THREADS:
			if (!parse_unsigned(optarg, MAX_THREADS, &threads) || !threads)
				usage_error("--threads takes a number from 1 to %d, and not '%s'",
					    MAX_THREADS, optarg);
			break;
		case OPTION_MEMORY:
			if (!parse_size(optarg, &options.memory) || !options.memory)
				usage_error(
					"--memory takes a size such as 500M or 8G, and not '%s'",
					optarg);
			break;
		case OPTION_PROGRESS: progress = PROGRESS_ALWAYS; break;
		case OPTION_NO_PROGRESS:
		case 'q': progress = PROGRESS_NEVER; break;
		case OPTION_VERSION: program.libraries = eigen_libraries(); /* fall through */
		default: program_common_option(&program, option, argv);
		}
	options.threads = (unsigned)threads;
	return program_operand(argc, argv, optind);
}

/* A matrix on its way through the back end, and the frame it came in. */
struct layer {
	struct eigen_job eigen; /* the first member: the back end gives it back */
	struct frame frame;
	struct layer *original; /* the layer whose spectrum this one shares; or null */
	atomic_uint users;
};

static void
release(struct layer *layer)
{
	if (!layer || atomic_fetch_sub(&layer->users, 1) != 1)
		return;
	release(layer->original);
	frame_free(&layer->frame);
	free(layer->eigen.values);
	free(layer);
}

/* --- reading --- */

/* The matrices seen last, each kept for as long as it stands here. */
static struct layer *remembered[REMEMBERED];
static unsigned remembered_at;

static void
remember(struct layer *layer)
{
	atomic_fetch_add(&layer->users, 1);
	release(remembered[remembered_at]);
	remembered[remembered_at] = layer;
	remembered_at = (remembered_at + 1) % REMEMBERED;
}

static void
forget_all(void)
{
	for (size_t i = 0; i < REMEMBERED; i++)
		release(remembered[i]);
}

/* A layer with the same matrix, to judge by type, shape and hash; null if none is remembered. */
static struct layer *
find_same(const struct frame *frame)
{
	for (size_t i = 0; i < REMEMBERED; i++) {
		struct layer *layer = remembered[i];

		if (layer && layer->frame.hash == frame->hash &&
		    layer->frame.dtype == frame->dtype && layer->frame.rows == frame->rows &&
		    layer->frame.columns == frame->columns)
			return layer;
	}
	return NULL;
}

/* The layer of the frame and the payload just read. */
static struct layer *
layer_new(struct stream_reader *reader, struct frame *frame)
{
	struct layer *layer = xcalloc(1, sizeof(*layer));
	struct layer *same = find_same(frame);

	atomic_init(&layer->users, 1);
	layer->frame = *frame;
	layer->eigen.dtype = frame->dtype;
	layer->eigen.rows = frame->rows;
	layer->eigen.columns = frame->columns;
	if (same) {
		atomic_fetch_add(&same->users, 1);
		layer->original = same;
		layer->eigen.same_as = &same->eigen;
	} else {
		layer->eigen.weights = stream_take_payload(reader);
		remember(layer);
	}
	return layer;
}

/* Reads one matrix and submits it; the frame becomes the layer's. Returns 0 or -1. */
static int
submit_frame(struct stream_reader *reader, struct eigen *eigen, struct frame *frame,
	     struct failure *failure)
{
	const void *weights;

	if (stream_weights(reader, frame, &weights, failure))
		return -1;
	eigen_submit(eigen, &layer_new(reader, frame)->eigen);
	return 0;
}

/* Reads the stream to its end; ends the program where it is bad. */
static void
submit_stream(struct stream_reader *reader, struct eigen *eigen, const char *source)
{
	struct failure failure;
	struct frame frame;
	int more;

	while ((more = stream_next(reader, &frame, &failure)) > 0)
		if (submit_frame(reader, eigen, &frame, &failure))
			die_failure(&failure, source);
	if (more < 0)
		die_failure(&failure, source);
	eigen_end(eigen);
	forget_all();
}

/* --- writing --- */

/* What the writing thread is given, and the status it leaves. */
struct output {
	struct eigen *eigen;
	struct stream_writer *writer;
	const char *signature;
	int status;
};

/* Whether weights that were finite are not after their cast. */
static bool
was_cast_out_of_range(const struct frame *frame)
{
	uint64_t overflows;

	return parse_unsigned(frame_text(frame, "cast_overflow"), UINT64_MAX, &overflows) &&
	       overflows > 0;
}

/* The frame of a spectrum: that of the matrix, with another tensor. */
static struct frame
spectrum_frame(const struct layer *layer, const char *signature)
{
	const struct eigen_job *eigen = &layer->eigen;
	uint64_t count = eigen->status ? 0 : eigen->count;
	struct frame frame = frame_new(FRAME_SPECTRUM, "eigenvalues", DTYPE_F64, 1, &count);

	frame.rows = layer->frame.rows;
	frame.columns = layer->frame.columns;
	frame_take_metadata(&frame, &layer->frame);
	frame_set(&frame, "method", "%s", eigen->method);
	if (eigen->status) {
		frame_set(&frame, "note", "%s%s", eigen_status_text(eigen->status),
			  was_cast_out_of_range(&layer->frame) ? " after a cast that overflowed"
							       : "");
	} else {
		frame_set_number(&frame, "lambda_err", eigen->lambda_error);
		if (eigen->sigma_error > 0)
			frame_set_number(&frame, "sigma_err", eigen->sigma_error);
	}
	frame_sign(&frame, signature);
	return frame;
}

static void
show_progress(const struct frame *frame)
{
	uint64_t index = 0, count = 0;
	double share = 0;

	parse_unsigned(frame_text(frame, "index"), UINT32_MAX, &index);
	parse_unsigned(frame_text(frame, "count"), UINT32_MAX, &count);
	if (!parse_double(frame_text(frame, "work"), &share))
		share = count ? (double)(index + 1) / (double)count : 0;
	progress_update(index + 1, count, share, frame_text(frame, "layer"));
}

static void
write_layer(struct output *output, const struct layer *layer)
{
	struct frame frame;

	if (layer->eigen.status == EIGEN_OUT_OF_MEMORY)
		die(STATUS_RETRY, "layer '%s': out of memory for a matrix of %zu x %zu",
		    frame_text(&layer->frame, "layer"), layer->eigen.rows, layer->eigen.columns);
	frame = spectrum_frame(layer, output->signature);
	stream_write(output->writer, &frame, layer->eigen.values);
	show_progress(&layer->frame);
	if (layer->eigen.status) {
		warn("layer '%s', %s: %s", frame_text(&frame, "layer"),
		     frame_text(&frame, "precision"), frame_text(&frame, "note"));
		output->status = STATUS_INCOMPLETE;
	}
	frame_free(&frame);
}

static void *
write_spectra(void *argument)
{
	struct output *output = argument;
	struct eigen_job *job;

	while ((job = eigen_next(output->eigen))) {
		struct layer *layer = (struct layer *)job;

		write_layer(output, layer);
		release(layer);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	static const char *const without_effect[] = {"--threads=", "--memory=", NULL};
	struct output output = {0};
	struct stream_reader *reader;
	const char *operand;
	pthread_t thread;
	char *signature;

	program_begin(&program);
	operand = parse_options(argc, argv);
	reader = stream_open(program_open_input(operand, "a stream"));
	program_refuse_terminal_output();
	signature = program_signature(&program, optind, argv, without_effect);
	output.signature = signature;
	output.writer = stream_create(STDOUT_FILENO);
	output.eigen = eigen_open(&options);
	progress_begin(PROGRESS_SPECTRUM, progress);
	if (pthread_create(&thread, NULL, write_spectra, &output))
		die(STATUS_RETRY, "cannot start a thread:");
	submit_stream(reader, output.eigen, program_source(operand));
	pthread_join(thread, NULL);
	progress_end();
	stream_finish(output.writer, stream_end_frame(reader), signature);
	eigen_close(output.eigen);
	stream_close(reader);
	free(signature);
	return output.status;
}
