/*
 * prec-cast: rounds each tensor of a stream to number formats.
 *
 * In: a stream of tensors. Out: for each of them a frame per format, in the order given, that holds
 * the values the format would hold and says how far they are from the source's.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "program.h"
#include "stream.h"
#include "tsv.h"
#include "util.h"

static const struct program program = {
	.name = "prec-cast",
	.help = "Usage: prec-cast [OPTION]... FORMAT[,FORMAT]... [FILE]\n"
		"Round the tensors of a stream, FILE or standard input, to number formats.\n"
		"\n"
		"FORMAT is fp64, fp32, fp16 or bf16; their other names, such as bfloat16, are\n"
		"understood. One frame is written for each tensor and format.\n"
		"\n"
		"  --list      print the formats and their limits\n"
		"  --help, --version\n"
		"\n"
		"Example: st-layers gpt2 | prec-cast fp32,fp16,bf16 | spectrum > spectra.st\n",
};

enum { OPTION_LIST = OPTION_OWN };

static const struct option long_options[] = {
	{"list", no_argument, 0, OPTION_LIST},
	COMMON_OPTIONS,
	{0},
};

/* The formats asked for, in order. */
struct formats {
	const struct format **list;
	size_t count;
};

static _Noreturn void
print_list(void)
{
	const struct format *format;

	printf("format\taliases\tbits\tprecision\tlargest\tsmallest_normal\tsmallest\n");
	for (size_t i = 0; (format = format_at(i)); i++) {
		struct float_shape shape = format_shape(format);

		tsv_text(stdout, format_name(format), '\t');
		tsv_text(stdout, format_aliases(format), '\t');
		tsv_unsigned(stdout, dtype_bits(format_carrier(format)), '\t');
		tsv_unsigned(stdout, (uint64_t)shape.precision, '\t');
		tsv_double(stdout, ldexp(2 - ldexp(1, 1 - shape.precision), shape.largest_exponent),
			   '\t');
		tsv_double(stdout, ldexp(1, shape.smallest_exponent + shape.precision - 1), '\t');
		tsv_double(stdout, ldexp(1, shape.smallest_exponent), '\n');
	}
	program_finish_output();
	exit(0);
}

static _Noreturn void
refuse_format(const char *name)
{
	struct text known = {0};
	const struct format *format;

	for (size_t i = 0; (format = format_at(i)); i++)
		text_print(&known, "%s%s", i ? ", " : "", format_name(format));
	usage_error("no format '%s'; there are %s", name, known.bytes);
}

static struct formats
parse_formats(const char *names)
{
	struct formats formats = {0};
	char *copy = xstrdup(names), *rest = copy, *name;

	while ((name = strsep(&rest, ","))) {
		const struct format *format = format_find(name);

		if (!format)
			refuse_format(name);
		for (size_t i = 0; i < formats.count; i++)
			if (formats.list[i] == format)
				usage_error("format %s is given twice", format_name(format));
		formats.list = xreallocarray(formats.list, formats.count + 1,
					     sizeof(struct format *));
		formats.list[formats.count++] = format;
	}
	free(copy);
	return formats;
}

/* What the frames of a tensor inherit: its place among all casts of all tensors. */
static void
set_place(struct frame *frame, const struct frame *source, size_t cast, size_t casts)
{
	uint64_t index, count;

	if (parse_unsigned(frame_text(source, "index"), UINT32_MAX, &index))
		frame_set(frame, "index", "%" PRIu64, index * casts + cast);
	if (parse_unsigned(frame_text(source, "count"), UINT32_MAX, &count))
		frame_set(frame, "count", "%" PRIu64, count * casts);
}

/* What the cast did to the values. */
static void
set_errors(struct frame *frame, const struct cast *cast)
{
	frame_set(frame, "exact", "%d", cast->exact);
	frame_set_number(frame, "cast_rel_err", cast->relative_error);
	/* A logarithm may differ in its last digits between libraries; streams may not. */
	frame_set(frame, "cast_sqnr_db", "%.6f", cast->sqnr_db);
	frame_set_number(frame, "cast_max_err", cast->largest_error);
	frame_set(frame, "cast_overflow", "%" PRIu64, cast->overflows);
	frame_set(frame, "cast_underflow", "%" PRIu64, cast->underflows);
	frame_set(frame, "cast_nonfinite", "%" PRIu64, cast->not_finite);
}

/* Casts one tensor to one format, into memory for as many doubles as it has elements. */
static void
write_cast(struct stream_writer *writer, const struct frame *source, const void *weights,
	   const struct format *format, void *target, size_t number, size_t casts)
{
	struct cast cast = format_cast(format, source->dtype, weights, source->elements, target);
	struct frame frame = frame_copy(source);

	set_place(&frame, source, number, casts);
	frame_set(&frame, "precision", "%s", format_name(format));
	set_errors(&frame, &cast);
	if (cast.exact) {
		stream_write_hashed(writer, &frame, weights);
	} else {
		frame.dtype = format_carrier(format);
		dtype_bytes(frame.dtype, frame.elements, &frame.bytes);
		stream_write(writer, &frame, target);
	}
	frame_free(&frame);
}

/* Room for the widest of the formats that a source may need rounding to; 0 if it needs none. */
static size_t
target_bytes(const struct frame *frame, const struct formats *formats)
{
	uint64_t most = 0, bytes = 0;

	for (size_t i = 0; i < formats->count; i++)
		if (!format_holds(formats->list[i], frame->dtype) &&
		    dtype_bytes(format_carrier(formats->list[i]), frame->elements, &bytes) &&
		    bytes > most)
			most = bytes;
	return most;
}

/* Memory for casts, used for one after the other. */
struct room {
	void *bytes;
	size_t capacity;
};

static void
reserve(struct room *room, size_t size)
{
	if (size <= room->capacity && room->bytes)
		return;
	free(room->bytes);
	room->bytes = xmalloc(size);
	room->capacity = size;
}

static int
cast_frame(struct stream_reader *reader, struct stream_writer *writer, struct frame *frame,
	   const struct formats *formats, struct room *room, const char *signature,
	   struct failure *failure)
{
	const void *weights;

	if (stream_weights(reader, frame, &weights, failure))
		return -1;
	frame_sign(frame, signature);
	reserve(room, target_bytes(frame, formats));
	for (size_t i = 0; i < formats->count; i++)
		write_cast(writer, frame, weights, formats->list[i], room->bytes, i,
			   formats->count);
	return 0;
}

/* Casts the whole stream; ends the program where it is bad. */
static void
cast_stream(int input, const char *source, const struct formats *formats, const char *signature)
{
	struct stream_reader *reader = stream_open(input);
	struct stream_writer *writer = stream_create(STDOUT_FILENO);
	struct room room = {0};
	struct failure failure;
	struct frame frame;
	int more;

	while ((more = stream_next(reader, &frame, &failure)) > 0) {
		if (cast_frame(reader, writer, &frame, formats, &room, signature, &failure))
			die_failure(&failure, source);
		frame_free(&frame);
	}
	if (more < 0)
		die_failure(&failure, source);
	stream_finish(writer, stream_end_frame(reader), signature);
	stream_close(reader);
	free(room.bytes);
}

int
main(int argc, char **argv)
{
	struct formats formats;
	const char *operand;
	char *signature;
	int option;

	program_begin(&program);
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		if (option == OPTION_LIST)
			print_list();
		else
			program_common_option(&program, option, argv);
	if (optind == argc)
		usage_error("a list of formats is needed, such as fp32,bf16");
	formats = parse_formats(argv[optind]);
	operand = program_operand(argc, argv, optind + 1);
	program_refuse_terminal_output();
	signature = program_signature(&program, optind + 1, argv, NULL);
	cast_stream(program_open_input(operand, "a stream"), program_source(operand), &formats,
		    signature);
	free(signature);
	free(formats.list);
	return 0;
}
