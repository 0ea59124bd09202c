/*
 * spectrum: the eigenvalues of W^T W of each matrix W of a stream.
 *
 * In: a stream of tensors. Out: a stream of spectra, in the same order. One thread reads and submits
 * matrices to the eigenvalue back end (spectrum_queue.h), another takes spectra from it and writes.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eigen.h"
#include "program.h"
#include "progress.h"
#include "spectrum_queue.h"
#include "stream.h"
#include "util.h"
#include "windows.h"

#define DEFAULT_MEMORY ((uint64_t)2 << 30)

/* The program that has the back end for GPUs, and the matrices that are worth to be sent there. */
#define GPU_PROGRAM	 "spectrum-cuda"
#define DEFAULT_GPU_SIDE 128

static struct program program = {
	.name = "spectrum",
	.help = "Usage: spectrum [OPTION]... [FILE]\n"
		"Compute the eigenvalues of W^T W, the squared singular values, of each matrix W "
		"of a\n"
		"tensor stream, FILE or standard input, in float64.\n"
		"\n"
		"  --solver auto    eigenvalues of the Gram matrix of the smaller side, by the\n"
		"                   faster of the two that follow (default)\n"
		"  --solver lapack  by LAPACK, or on a GPU by cuSOLVER (also: cusolver, gram)\n"
		"  --solver two-stage  by a solver of its own, fast for large matrices, and on "
		"GPUs\n"
		"  --solver svd     squared singular values of W: small ones more accurate, "
		"slower\n"
		"  --shuffle SEED   put the elements of each matrix into a random order before: a "
		"null\n"
		"  --top SHARE      only what a fit of the largest SHARE of the eigenvalues needs\n"
		"  --threads N      use N threads (default: the processors there are)\n"
		"  --memory SIZE    keep matrices and work space in flight below SIZE, such as "
		"500M or\n"
		"                   8G, as far as the largest layer allows (default 2G)\n"
		"  --windows RxC[:stride=N][:sample=N][:seed=N]\n"
		"                   pool the spectra of windows of RxC (FARMS), all or a sample\n"
		"  --gpu[=LIST]     use GPUs: the first, or a LIST such as 1 or 0,1, or all; auto: "
		"all "
		"that\n"
		"                   there are, or else the CPU\n"
		"  --gpu-side N     leave matrices with a side below N to the CPU (default 128)\n"
		"  --gpu-memory SIZE  use no more of a GPU's memory (default: what is free)\n"
		"  --progress, --no-progress, -q, --quiet\n"
		"                   show progress, or do not; default: if standard error is a "
		"terminal\n"
		"  --help, --version\n"
		"\n"
		"Example: st-layers gpt2 | prec-cast fp32,bf16 | spectrum > spectra.st\n",
};

static struct eigen_options options = {.memory = DEFAULT_MEMORY, .device_side = DEFAULT_GPU_SIDE};
static bool gpu_if_any; /* --gpu=auto */
static struct spectrum_choice choice;
static enum progress_wish progress;

enum {
	OPTION_SOLVER = OPTION_OWN,
	OPTION_SHUFFLE,
	OPTION_WINDOWS,
	OPTION_THREADS,
	OPTION_TOP,
	OPTION_MEMORY,
	OPTION_GPU,
	OPTION_GPU_SIDE,
	OPTION_GPU_MEMORY
};

static const struct option long_options[] = {
	{"solver", required_argument, 0, OPTION_SOLVER},
	{"shuffle", required_argument, 0, OPTION_SHUFFLE},
	{"windows", required_argument, 0, OPTION_WINDOWS},
	{"top", required_argument, 0, OPTION_TOP},
	{"threads", required_argument, 0, OPTION_THREADS},
	{"memory", required_argument, 0, OPTION_MEMORY},
	{"gpu", optional_argument, 0, OPTION_GPU},
	{"gpu-side", required_argument, 0, OPTION_GPU_SIDE},
	{"gpu-memory", required_argument, 0, OPTION_GPU_MEMORY},
	PROGRESS_OPTIONS,
	COMMON_OPTIONS,
	{0},
};

static void
parse_solver(const char *name)
{
	static const char *const names[] = {[EIGEN_AUTO] = "auto",
					    [EIGEN_LAPACK] = "lapack",
					    [EIGEN_TWO_STAGE] = "two-stage",
					    [EIGEN_SVD] = "svd"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i])) {
			options.solver = (enum eigen_solver)i;
			return;
		}
	if (strcmp(name, "gram") != 0 && strcmp(name, "cusolver") != 0)
		usage_error("--solver takes auto, lapack, cusolver, two-stage or svd, and not '%s'",
			    name);
	options.solver = EIGEN_LAPACK;
}

static void
parse_memory(const char *option, const char *text, uint64_t *memory)
{
	if (!parse_size(text, memory) || !*memory)
		usage_error("%s takes a size such as 500M or 8G, and not '%s'", option, text);
}

/* Numbers with commas between them; each is at most three digits. */
static bool
is_device_list(const char *text)
{
	for (;;) {
		size_t digits = strspn(text, "0123456789");

		if (digits < 1 || digits > 3)
			return false;
		text += digits;
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
}

static void
parse_gpu(const char *list)
{
	gpu_if_any = list && !strcmp(list, "auto");
	options.devices = gpu_if_any ? "all" : list ? list : "0";
	if (strcmp(options.devices, "all") && !is_device_list(options.devices))
		usage_error("--gpu takes auto, all, or numbers such as 0 or 0,1, and not '%s'",
			    list);
}

static const char *
parse_options(int argc, char **argv)
{
	uint64_t side = DEFAULT_GPU_SIDE;
	int option;

	options.threads = usable_processors();
	while ((option = getopt_long(argc, argv, ":q", long_options, NULL)) != -1)
		switch (option) {
		case OPTION_SOLVER: parse_solver(optarg); break;
		case OPTION_SHUFFLE:
			choice.shuffles = true;
			if (!parse_unsigned(optarg, UINT64_MAX, &choice.shuffle_seed))
				usage_error("--shuffle takes a number for a seed, and not '%s'",
					    optarg);
			break;
		case OPTION_WINDOWS:
			if (!windows_parse(optarg, &choice.windows))
				usage_error("--windows takes a shape such as 128x128:stride=64, "
					    "and not '%s'",
					    optarg);
			break;
		case OPTION_THREADS: options.threads = program_parse_threads(optarg); break;
		case OPTION_TOP:
			if (!parse_double(optarg, &choice.top_share) ||
			    !(choice.top_share > 0 && choice.top_share <= 1))
				usage_error("--top takes a share above 0 and up to 1, and not '%s'",
					    optarg);
			break;
		case OPTION_MEMORY: parse_memory("--memory", optarg, &options.memory); break;
		case OPTION_GPU: parse_gpu(optarg); break;
		case OPTION_GPU_SIDE:
			if (!parse_unsigned(optarg, UINT32_MAX, &side))
				usage_error("--gpu-side takes a number, and not '%s'", optarg);
			break;
		case OPTION_GPU_MEMORY:
			parse_memory("--gpu-memory", optarg, &options.device_memory);
			break;
		case OPTION_PROGRESS: progress = PROGRESS_ALWAYS; break;
		case OPTION_NO_PROGRESS:
		case 'q': progress = PROGRESS_NEVER; break;
		case OPTION_VERSION: program.libraries = eigen_libraries(); /* fall through */
		default: program_common_option(&program, option, argv);
		}
	if (choice.top_share > 0 && choice.windows.rows)
		usage_error("--top is not for the pooled spectra of --windows");
	options.device_side = side;
	return program_operand(argc, argv, optind);
}

/* --- GPUs --- */

/* Replaces this program by the one for GPUs, beside it or in PATH; returns if there is none. */
static void
become_gpu_program(char **argv)
{
	char *own = realpath("/proc/self/exe", NULL), *beside;

	if (own) {
		*strrchr(own, '/') = '\0';
		beside = format_text("%s/%s", own, GPU_PROGRAM);
		execv(beside, argv);
		free(beside);
	}
	free(own);
	execvp(GPU_PROGRAM, argv);
}

/* Opens the back end; without a GPU where that will do. */
static struct eigen *
open_back_end(void)
{
	struct failure failure;
	struct eigen *eigen = eigen_open(&options, &failure);

	if (eigen)
		return eigen;
	if (!gpu_if_any)
		die(failure.status, "--gpu: %s", failure.text);
	warn("--gpu=auto: %s; computing on the CPU", failure.text);
	options.devices = NULL;
	return eigen_open(&options, &failure);
}

/* To open a GPU takes a while, in which the first matrix can be read. */
static void *
open_meanwhile(void *eigen)
{
	*(struct eigen **)eigen = open_back_end();
	return NULL;
}

static void
choose_program(char **argv)
{
	static const char *const missing =
		"there is no " GPU_PROGRAM
		" beside this program or in PATH; where the CUDA toolkit is, 'make cuda' builds it";

	if (eigen_has_devices()) {
		options.devices = options.devices ? options.devices : "0";
		return;
	}
	if (!options.devices)
		return;
	become_gpu_program(argv);
	if (!gpu_if_any)
		die(STATUS_UNAVAILABLE, "--gpu: %s", missing);
	warn("--gpu=auto: %s; computing on the CPU", missing);
	options.devices = NULL;
}

/* --- writing --- */

/* What the writing thread is given, and the status it leaves. */
struct output {
	struct spectrum_queue *queue;
	struct stream_writer *writer;
	const char *signature;
	int status;
};

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
write_spectrum(struct output *output, const struct layer_spectrum *layer)
{
	struct frame frame;

	if (layer->eigen.status == EIGEN_OUT_OF_MEMORY ||
	    layer->eigen.status == EIGEN_DEVICE_FAILED)
		die(STATUS_RETRY, "layer '%s': %s for a matrix of %zu x %zu",
		    frame_text(&layer->frame, "layer"), eigen_status_text(layer->eigen.status),
		    layer->eigen.rows, layer->eigen.columns);
	frame = layer_spectrum_frame(layer, &choice);
	frame_sign(&frame, output->signature);
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
	struct layer_spectrum *layer;

	while ((layer = spectrum_queue_next(output->queue))) {
		write_spectrum(output, layer);
		layer_spectrum_free(layer);
	}
	return NULL;
}

/* --- the stream --- */

static pthread_t
start_thread(void *(*run)(void *argument), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, argument))
		die(STATUS_RETRY, "cannot start a thread:");
	return thread;
}

/* Reads the next matrix. Returns 1, 0 after a good end of the stream, or -1. */
static int
read_frame(struct stream_reader *reader, struct frame *frame, struct failure *failure)
{
	const void *weights;
	int more = stream_next(reader, frame, failure);

	return more > 0 && stream_weights(reader, frame, &weights, failure) ? -1 : more;
}

/* Reads and submits all matrices; ends the program where the stream is bad. */
static void
compute_stream(struct stream_reader *reader, struct output *output, const char *source)
{
	struct eigen *eigen;
	pthread_t opening = start_thread(open_meanwhile, &eigen), writing;
	struct failure failure;
	struct frame frame;
	int more = read_frame(reader, &frame, &failure);

	pthread_join(opening, NULL);
	output->queue = spectrum_queue_open(&choice, eigen);
	writing = start_thread(write_spectra, output);
	for (; more > 0; more = read_frame(reader, &frame, &failure))
		spectrum_queue_submit(output->queue, reader, &frame);
	if (more < 0)
		die_failure(&failure, source);
	spectrum_queue_end(output->queue);
	pthread_join(writing, NULL);
}

int
main(int argc, char **argv)
{
	static const char *const without_effect[] = {"--threads=",  "--memory=",     "--gpu",
						     "--gpu-side=", "--gpu-memory=", NULL};
	struct output output = {0};
	struct stream_reader *reader;
	const char *operand;
	char *signature;

	program_begin(&program);
	operand = parse_options(argc, argv);
	choose_program(argv);
	reader = stream_open(program_open_input(operand, "a stream"));
	program_refuse_terminal_output();
	signature = program_signature(&program, optind, argv, without_effect);
	output.signature = signature;
	output.writer = stream_create(STDOUT_FILENO);
	progress_begin(PROGRESS_SPECTRUM, progress);
	compute_stream(reader, &output, program_source(operand));
	progress_end();
	stream_finish(output.writer, stream_end_frame(reader), signature);
	spectrum_queue_close(output.queue);
	stream_close(reader);
	free(signature);
	return output.status;
}
