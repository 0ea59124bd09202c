/*
 * st-info: lists and verifies a stream.
 *
 * In: any tensor stream. Out: a table, one row for each frame. Reading to the end checks all that a
 * stream promises: headers, hashes, counts, the end frame.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "program.h"
#include "stream.h"
#include "tsv.h"
#include "util.h"

static const struct program program = {
	.name = "st-info",
	.help = "Usage: st-info [OPTION]... [FILE]\n"
		"Verify a tensor stream, FILE or standard input, and list its frames as a table.\n"
		"\n"
		"  -m, --metadata    print what else each frame says, a row for each key\n"
		"  -q, --quiet       print nothing; the exit status says whether the stream is "
		"good\n"
		"  --help, --version\n"
		"\n"
		"Example: st-layers gpt2 | st-info\n",
};

static const struct option long_options[] = {
	{"metadata", no_argument, 0, 'm'},
	{"quiet", no_argument, 0, 'q'},
	COMMON_OPTIONS,
	{0},
};

enum style { STYLE_TABLE, STYLE_METADATA, STYLE_QUIET };

static void
print_header(enum style style)
{
	if (style == STYLE_TABLE)
		printf("frame\tkind\tlayer\tprecision\tdtype\tshape\trows\tcols\tbytes\txxh3\n");
	else if (style == STYLE_METADATA)
		printf("frame\tkey\tvalue\n");
}

static void
print_row(uint64_t number, const struct frame *frame)
{
	tsv_unsigned(stdout, number, '\t');
	tsv_text(stdout, frame_kind_name(frame->kind), '\t');
	tsv_text(stdout, frame_text(frame, "layer"), '\t');
	tsv_text(stdout, frame_text(frame, "precision"), '\t');
	tsv_text(stdout, dtype_name(frame->dtype), '\t');
	for (unsigned i = 0; i < frame->rank; i++)
		printf("%s%" PRIu64, i ? "x" : "", frame->shape[i]);
	putchar('\t');
	tsv_unsigned(stdout, frame->rows, '\t');
	tsv_unsigned(stdout, frame->columns, '\t');
	tsv_unsigned(stdout, frame->bytes, '\t');
	printf("%016" PRIx64 "\n", frame->hash);
}

static void
print_metadata(const char *number, const struct frame *frame)
{
	for (size_t i = 0; i < frame->metadata_count; i++) {
		tsv_text(stdout, number, '\t');
		tsv_text(stdout, frame->metadata[i].key, '\t');
		tsv_text(stdout, frame->metadata[i].value, '\n');
	}
}

static void
print_frame(enum style style, uint64_t number, const struct frame *frame)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	if (style == STYLE_TABLE)
		print_row(number, frame);
	else if (style == STYLE_METADATA)
		print_metadata(text, frame);
}

static void
list_stream(int input, const char *source, enum style style)
{
	struct stream_reader *reader = stream_open(input);
	struct failure failure;
	struct frame frame;
	uint64_t number = 0;
	const void *payload;
	int more;

	while ((more = stream_next(reader, &frame, &failure)) > 0) {
		if (stream_payload(reader, &frame, &payload, &failure))
			die_failure(&failure, source);
		if (!number)
			print_header(style);
		print_frame(style, number++, &frame);
		frame_free(&frame);
	}
	if (more < 0)
		die_failure(&failure, source);
	if (!number)
		print_header(style);
	if (style == STYLE_METADATA)
		print_metadata("end", stream_end_frame(reader));
	stream_close(reader);
}

int
main(int argc, char **argv)
{
	enum style style = STYLE_TABLE;
	const char *operand;
	int option;

	program_begin(&program);
	while ((option = getopt_long(argc, argv, ":mq", long_options, NULL)) != -1)
		switch (option) {
		case 'm': style = STYLE_METADATA; break;
		case 'q': style = STYLE_QUIET; break;
		default: program_common_option(&program, option, argv);
		}
	operand = program_operand(argc, argv, optind);
	/* Whole lines at a time, so that a bad end of the input leaves no half row. */
	setvbuf(stdout, NULL, _IOLBF, 1 << 16);
	list_stream(program_open_input(operand, "a stream"), program_source(operand), style);
	program_finish_output();
	return 0;
}
