/*
 * prec-cast: rounds each tensor of a stream to number formats.
 *
 * In: a stream of tensors. Out: for each of them a frame per format, in the order given, that holds
 * the values the format would hold and says how far they are from the source's.
 *
 * One thread reads tensors, one casts them with the help of a crew, and one writes the casts. Tensors and
 * casts go round in a few slots, so memory is bounded, and none is asked for twice.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "format.h"
#include "payload_hash.h"
#include "pool.h"
#include "program.h"
#include "stream.h"
#include "tsv.h"
#include "util.h"

static const struct program program = {
	.name = "prec-cast",
	.help = "Usage: prec-cast [OPTION]... FORMAT[,FORMAT]... [FILE]\n"
		"Round the tensors of a stream, FILE or standard input, to number formats.\n"
		"\n"
		"FORMAT is a name and perhaps parameters, such as bf16, mxfp4, int4:g64:asym or\n"
		"nf4:dq; --list shows all. One frame is written for each tensor and format.\n"
		"\n"
		"  --list         print the formats, their limits and their parameters\n"
		"  --threads N    use N threads (default: the processors there are)\n"
		"  --help, --version\n"
		"\n"
		"Example: st-layers gpt2 | prec-cast fp32,fp16,bf16 | spectrum > spectra.st\n",
};

enum { OPTION_LIST = OPTION_OWN, OPTION_THREADS };

static const struct option long_options[] = {
	{"list", no_argument, 0, OPTION_LIST},
	{"threads", required_argument, 0, OPTION_THREADS},
	COMMON_OPTIONS,
	{0},
};

/* The formats asked for, in order. */
struct formats {
	struct format **list;
	size_t count;
};

static struct formats formats;

static _Noreturn void
print_list(void)
{
	struct format_description format;

	printf("format\tbits\tlargest\tsmallest\tblock\tparameters\tdefaults\taliases\treference"
	       "\n");
	for (size_t i = 0; format_describe(i, &format); i++) {
		tsv_text(stdout, format.name, '\t');
		tsv_double(stdout, format.bits, '\t');
		tsv_double(stdout, format.largest, '\t');
		tsv_double(stdout, format.smallest, '\t');
		tsv_text(stdout, format.block, '\t');
		tsv_text(stdout, format.parameters, '\t');
		tsv_text(stdout, format.defaults, '\t');
		tsv_text(stdout, format.aliases, '\t');
		tsv_text(stdout, format.reference, '\n');
	}
	program_finish_output();
	exit(0);
}

static void
parse_formats(const char *names)
{
	char *copy = xstrdup(names), *rest = copy, *name;
	struct failure failure;

	while ((name = strsep(&rest, ","))) {
		struct format *format = format_new(name, &failure);

		if (!format)
			usage_error("%s", failure.text);
		for (size_t i = 0; i < formats.count; i++)
			if (format_equal(formats.list[i], format))
				usage_error("format %s is given twice", format_name(format));
		formats.list = xreallocarray(formats.list, formats.count + 1,
					     sizeof(struct format *));
		formats.list[formats.count++] = format;
	}
	free(copy);
}

static void
free_formats(void)
{
	for (size_t i = 0; i < formats.count; i++)
		format_free(formats.list[i]);
	free(formats.list);
}

/* --- slots --- */

/*
 * One tensor is cast while the reader reads the next, into memory of its own; one cast is made while
 * another is written. More would use memory and save no time.
 */
#define TENSORS 1
#define CASTS	2

struct tensor {
	struct frame frame;
	void *weights;
	size_t capacity; /* of weights */
	unsigned users;	 /* casts that need it; 0 if the slot is free */
};

/* A cast on its way: to be made, made, or being written; without a tensor the slot is free. */
struct task {
	struct pool_job job; /* the first member: the pool gives it back */
	struct tensor *tensor;
	size_t number; /* of the format */
	struct cast cast;
	uint64_t hash; /* of what it gives */
	void *target;
	size_t capacity; /* of target */
};

static struct tensor tensors[TENSORS];
static struct task tasks[CASTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;

/* A free slot, for a tensor that all formats will use. */
static struct tensor *
take_tensor(void)
{
	struct tensor *tensor = NULL;

	pthread_mutex_lock(&lock);
	while (!tensor) {
		for (size_t i = 0; i < TENSORS && !tensor; i++)
			if (!tensors[i].users)
				tensor = &tensors[i];
		if (!tensor)
			pthread_cond_wait(&freed, &lock);
	}
	tensor->users = (unsigned)formats.count;
	pthread_mutex_unlock(&lock);
	return tensor;
}

static struct task *
take_task(struct tensor *tensor, size_t number)
{
	struct task *task = NULL;

	pthread_mutex_lock(&lock);
	while (!task) {
		for (size_t i = 0; i < CASTS && !task; i++)
			if (!tasks[i].tensor)
				task = &tasks[i];
		if (!task)
			pthread_cond_wait(&freed, &lock);
	}
	task->tensor = tensor;
	task->number = number;
	pthread_mutex_unlock(&lock);
	return task;
}

static void
give_back(struct task *task)
{
	struct tensor *tensor = task->tensor;

	pthread_mutex_lock(&lock);
	if (!--tensor->users)
		frame_free(&tensor->frame);
	task->tensor = NULL;
	pthread_cond_broadcast(&freed);
	pthread_mutex_unlock(&lock);
}

static void
free_slots(void)
{
	for (size_t i = 0; i < TENSORS; i++)
		free(tensors[i].weights);
	for (size_t i = 0; i < CASTS; i++)
		free(tasks[i].target);
}

/* --- reading --- */

/* Reads one tensor and submits its casts; the frame becomes the tensor's. Returns 0 or -1. */
static int
submit_frame(struct stream_reader *reader, struct pool *pool, struct frame *frame,
	     const char *signature, struct failure *failure)
{
	struct tensor *tensor;
	const void *weights;

	if (stream_weights(reader, frame, &weights, failure))
		return -1;
	tensor = take_tensor();
	stream_exchange_payload(reader, &tensor->weights, &tensor->capacity);
	tensor->frame = *frame;
	frame_sign(&tensor->frame, signature);
	for (size_t i = 0; i < formats.count; i++)
		pool_submit(pool, &take_task(tensor, i)->job);
	return 0;
}

/* Reads the stream to its end; ends the program where it is bad. */
static void
submit_stream(struct stream_reader *reader, struct pool *pool, const char *source,
	      const char *signature)
{
	struct failure failure;
	struct frame frame;
	int more;

	while ((more = stream_next(reader, &frame, &failure)) > 0)
		if (submit_frame(reader, pool, &frame, signature, &failure))
			die_failure(&failure, source);
	if (more < 0)
		die_failure(&failure, source);
	pool_end(pool);
}

/* --- casting --- */

/* Grows the memory of a slot. */
static void
reserve(struct task *task, size_t size)
{
	if (size <= task->capacity && task->target)
		return;
	free(task->target);
	task->target = xmalloc(size);
	task->capacity = size;
}

/* Runs one cast, with a crew as its context. */
static void
run_task(void *crew, struct pool_job *job, unsigned threads)
{
	struct task *task = (struct task *)job;
	const struct frame *frame = &task->tensor->frame;
	const struct format *format = formats.list[task->number];
	uint64_t bytes = 0;

	(void)threads;
	if (!format_holds(format, frame->dtype) &&
	    !dtype_bytes(format_carrier(format), frame->elements, &bytes))
		die(STATUS_RETRY, "no memory for %" PRIu64 " elements", frame->elements);
	reserve(task, bytes);
	task->cast = format_cast(format, frame->dtype, task->tensor->weights, frame->rows,
				 frame->columns, task->target, crew);
	/* Here and not where it is written, which is what others wait for. */
	task->hash = task->cast.exact ? frame->hash : payload_hash(task->target, bytes);
}

/* --- writing --- */

/* What the writing thread is given. */
struct output {
	struct pool *pool;
	struct stream_writer *writer;
};

/* What the frames of a tensor inherit: its place among all casts of all tensors. */
static void
set_place(struct frame *frame, const struct frame *source, size_t cast)
{
	uint64_t index, count;

	if (parse_unsigned(frame_text(source, "index"), UINT32_MAX, &index))
		frame_set(frame, "index", "%" PRIu64, index * formats.count + cast);
	if (parse_unsigned(frame_text(source, "count"), UINT32_MAX, &count))
		frame_set(frame, "count", "%" PRIu64, count * formats.count);
}

/* What the cast did to the values. */
static void
set_errors(struct frame *frame, const struct cast *cast)
{
	frame_set(frame, "exact", "%d", cast->exact);
	frame_set_number(frame, "bits", cast->bits);
	frame_set_number(frame, "cast_rel_err", cast->relative_error);
	/* A logarithm may differ in its last digits between libraries; streams may not. */
	frame_set(frame, "cast_sqnr_db", "%.6f", cast->sqnr_db);
	frame_set_number(frame, "cast_max_err", cast->largest_error);
	frame_set(frame, "cast_overflow", "%" PRIu64, cast->overflows);
	frame_set(frame, "cast_underflow", "%" PRIu64, cast->underflows);
	frame_set(frame, "cast_nonfinite", "%" PRIu64, cast->not_finite);
	if (cast->instead)
		frame_set(frame, "cast_instead", "%s", cast->instead);
}

static void
write_cast(struct stream_writer *writer, const struct task *task)
{
	const struct frame *source = &task->tensor->frame;
	const struct format *format = formats.list[task->number];
	struct frame frame = frame_copy(source);

	set_place(&frame, source, task->number);
	frame_set(&frame, "precision", "%s", format_name(format));
	set_errors(&frame, &task->cast);
	if (task->cast.exact) {
		stream_write_hashed(writer, &frame, task->tensor->weights);
	} else {
		frame.dtype = format_carrier(format);
		dtype_bytes(frame.dtype, frame.elements, &frame.bytes);
		frame.hash = task->hash;
		stream_write_hashed(writer, &frame, task->target);
	}
	frame_free(&frame);
}

static void *
write_casts(void *argument)
{
	struct output *output = argument;
	struct pool_job *job;

	while ((job = pool_next(output->pool))) {
		struct task *task = (struct task *)job;

		write_cast(output->writer, task);
		give_back(task);
	}
	return NULL;
}

/* Casts the whole stream; ends the program where it is bad. */
static void
cast_stream(int input, const char *source, unsigned threads, const char *signature)
{
	struct stream_reader *reader = stream_open(input);
	struct crew *crew = crew_open(threads);
	struct output output = {pool_open(1, 0, run_task, crew), stream_create(STDOUT_FILENO)};
	pthread_t writing;

	if (pthread_create(&writing, NULL, write_casts, &output))
		die(STATUS_RETRY, "cannot start a thread:");
	submit_stream(reader, output.pool, source, signature);
	pthread_join(writing, NULL);
	stream_finish(output.writer, stream_end_frame(reader), signature);
	pool_close(output.pool);
	crew_close(crew);
	stream_close(reader);
	free_slots();
}

static unsigned
parse_options(int argc, char **argv)
{
	unsigned threads = usable_processors();
	int option;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (option) {
		case OPTION_LIST: print_list();
		case OPTION_THREADS: threads = program_parse_threads(optarg); break;
		default: program_common_option(&program, option, argv);
		}
	return threads;
}

int
main(int argc, char **argv)
{
	static const char *const without_effect[] = {"--threads=", NULL};
	const char *operand;
	char *signature;
	unsigned threads;

	program_begin(&program);
	threads = parse_options(argc, argv);
	if (optind == argc)
		usage_error("a list of formats is needed, such as fp32,bf16");
	parse_formats(argv[optind]);
	operand = program_operand(argc, argv, optind + 1);
	program_refuse_terminal_output();
	signature = program_signature(&program, optind + 1, argv, without_effect);
	cast_stream(program_open_input(operand, "a stream"), program_source(operand), threads,
		    signature);
	free(signature);
	free_formats();
	return 0;
}
