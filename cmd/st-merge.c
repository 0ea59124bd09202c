/*
 * st-merge: the parts of a stream, as one stream.
 *
 * In: streams made by the same pipeline from the parts of one model (st-layers --shard). Out: their
 * frames in the order of `index`, byte for byte the stream that the pipeline makes of the whole model;
 * so this program leaves no mark in the provenance. The head of one frame of each part is in memory,
 * and one payload.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "stream.h"
#include "util.h"

static const struct program program = {
	.name = "st-merge",
	.help = "Usage: st-merge [OPTION]... FILE...\n"
		"Merge the streams of the parts of a model into the stream of the whole. One FILE\n"
		"may be -, standard input.\n"
		"\n"
		"  --partial   also if parts are missing\n"
		"  --help, --version\n"
		"\n"
		"Example: st-merge part*.st | hill-alpha > alpha.tsv\n",
};

enum { OPTION_PARTIAL = OPTION_OWN };

static const struct option long_options[] = {
	{"partial", no_argument, 0, OPTION_PARTIAL},
	COMMON_OPTIONS,
	{0},
};

/* A stream to merge, and the head of its next frame. */
struct part {
	const char *source;
	int descriptor;
	struct stream_reader *reader;
	bool ended;
	struct frame frame;
	uint64_t index, count; /* the keys of the frame */
	uint64_t least;	       /* what its index must be at least: that of the frame before and 1 */
};

struct merge {
	struct part *parts;
	size_t parts_count;
	bool partial;
	/* What all heads must agree with: the first that was read, and the first count. */
	struct frame model;
	const char *model_source;
	uint64_t count;
	const char *count_source; /* null before there is a count */
	/* How far the output has come. */
	const struct part *last; /* the part of the frame before */
	uint64_t next;		 /* its index and 1 */
	uint64_t missing, first_missing;
};

/* Says what is wrong with the frame at hand of a part, and ends the program. */
static _Noreturn void
refuse(const struct part *part, const char *format, ...)
{
	const char *precision = frame_text(&part->frame, "precision");
	struct text text = {0};
	va_list arguments;
	char *reason;

	va_start(arguments, format);
	if (vasprintf(&reason, format, arguments) < 0)
		die(STATUS_RETRY, "out of memory");
	va_end(arguments);
	text_print(&text, "%s: layer '%s'", part->source, frame_text(&part->frame, "layer"));
	if (*precision)
		text_print(&text, ", %s", precision);
	die(STATUS_DATA, "%s: %s", text.bytes, reason);
}

/* --- what all parts must agree on --- */

/* The next key of the provenance from number *at on; null after the last. */
static const struct metadata_pair *
next_program(const struct frame *frame, size_t *at)
{
	while (*at < frame->metadata_count) {
		const struct metadata_pair *pair = &frame->metadata[(*at)++];

		if (has_prefix(pair->key, "prog."))
			return pair;
	}
	return NULL;
}

/* A head, of a frame or of the end, must come from the same programs and arguments as the first. */
static void
check_provenance(struct merge *merge, const struct part *part, const struct frame *head)
{
	const struct metadata_pair *mine, *first;
	size_t at = 0, first_at = 0;

	if (!merge->model_source) {
		merge->model = frame_copy(head);
		merge->model_source = part->source;
	}
	do {
		mine = next_program(head, &at);
		first = next_program(&merge->model, &first_at);
		if (!mine != !first ||
		    (mine && (strcmp(mine->key, first->key) || strcmp(mine->value, first->value))))
			die(STATUS_DATA, "%s: made in another way: %s is '%s', and '%s' in %s",
			    part->source, mine ? mine->key : first->key, mine ? mine->value : "",
			    first ? first->value : "", merge->model_source);
	} while (mine);
}

static void
check_count(struct merge *merge, const struct part *part)
{
	if (!merge->count_source) {
		merge->count = part->count;
		merge->count_source = part->source;
	}
	if (part->count != merge->count)
		refuse(part, "the count is %" PRIu64 ", and %" PRIu64 " in %s", part->count,
		       merge->count, merge->count_source);
}

/* --- reading --- */

/* The place of the frame at hand in the whole; it must be after that of the part's frame before. */
static void
read_place(struct part *part)
{
	if (!parse_unsigned(frame_text(&part->frame, "index"), UINT64_MAX, &part->index) ||
	    !parse_unsigned(frame_text(&part->frame, "count"), UINT64_MAX, &part->count))
		refuse(part, "no index and count, and st-layers sets them");
	if (part->index >= part->count)
		refuse(part, "the index is %" PRIu64 ", and the count %" PRIu64, part->index,
		       part->count);
	if (part->index + 1 == part->least)
		refuse(part, "a second frame of index %" PRIu64, part->index);
	if (part->index < part->least)
		refuse(part, "the index goes down from %" PRIu64 " to %" PRIu64, part->least - 1,
		       part->index);
	part->least = part->index + 1;
}

/* The head of the next frame of a part, or the part's end. */
static void
advance(struct merge *merge, struct part *part)
{
	struct failure failure;
	int more;

	frame_free(&part->frame);
	more = stream_next(part->reader, &part->frame, &failure);
	if (more < 0)
		die_failure(&failure, part->source);
	part->ended = !more;
	check_provenance(merge, part, more ? &part->frame : stream_end_frame(part->reader));
	if (more) {
		read_place(part);
		check_count(merge, part);
	}
}

static void
open_parts(struct merge *merge, size_t count, char **operands)
{
	bool has_stdin = false;

	merge->parts = xcalloc(count, sizeof(*merge->parts));
	merge->parts_count = count;
	for (size_t i = 0; i < count; i++) {
		struct part *part = &merge->parts[i];
		const char *operand = strcmp(operands[i], "-") ? operands[i] : NULL;

		if (!operand && has_stdin)
			usage_error("standard input is given twice");
		has_stdin = has_stdin || !operand;
		part->source = program_source(operand);
		part->descriptor = program_open_input(operand, "a stream");
		part->reader = stream_open(part->descriptor);
	}
}

static void
close_parts(struct merge *merge)
{
	for (size_t i = 0; i < merge->parts_count; i++) {
		stream_close(merge->parts[i].reader);
		close(merge->parts[i].descriptor);
	}
	free(merge->parts);
	frame_free(&merge->model);
}

/* --- writing --- */

/* The part whose frame comes next, of equal ones the first given; null when all have ended. */
static struct part *
next_part(const struct merge *merge)
{
	struct part *least = NULL;

	for (size_t i = 0; i < merge->parts_count; i++) {
		struct part *part = &merge->parts[i];

		if (!part->ended && (!least || part->index < least->index))
			least = part;
	}
	return least;
}

/* Counts the frames from where the output has come to up to this one. */
static void
note_missing(struct merge *merge, uint64_t index)
{
	if (index > merge->next && !merge->missing)
		merge->first_missing = merge->next;
	merge->missing += index - merge->next;
}

/* Takes the frame at hand of a part, the next in order, into the output. */
static void
take_frame(struct merge *merge, struct part *part, struct stream_writer *writer)
{
	struct failure failure;
	const void *payload;

	if (part->index < merge->next)
		refuse(part, "the frame of index %" PRIu64 " is in %s too", part->index,
		       merge->last->source);
	note_missing(merge, part->index);
	if (stream_payload(part->reader, &part->frame, &payload, &failure))
		die_failure(&failure, part->source);
	/* What will get no end need not be worked on by the programs after this one. */
	if (!merge->missing || merge->partial)
		stream_write_hashed(writer, &part->frame, payload);
	/* Readers keep their memory; of many parts it would be many payloads. */
	free(stream_take_payload(part->reader));
	merge->next = part->index + 1;
	merge->last = part;
}

static void
check_complete(struct merge *merge)
{
	note_missing(merge, merge->count);
	if (merge->partial)
		return;
	if (!merge->last)
		die(STATUS_DATA, "no part holds a frame; parts are missing");
	if (merge->missing)
		die(STATUS_DATA,
		    "%" PRIu64 " of %" PRIu64 " frames are missing, the first is number %" PRIu64
		    "; is a part missing?",
		    merge->missing, merge->count, merge->first_missing);
}

static void
write_merged(struct merge *merge)
{
	struct stream_writer *writer = stream_create(STDOUT_FILENO);
	struct part *part;

	for (size_t i = 0; i < merge->parts_count; i++)
		advance(merge, &merge->parts[i]);
	while ((part = next_part(merge))) {
		take_frame(merge, part, writer);
		advance(merge, part);
	}
	check_complete(merge);
	stream_finish(writer, stream_end_frame(merge->parts[0].reader), NULL);
}

int
main(int argc, char **argv)
{
	struct merge merge = {0};
	int option;

	program_begin(&program);
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		if (option == OPTION_PARTIAL)
			merge.partial = true;
		else
			program_common_option(&program, option, argv);
	if (optind == argc)
		usage_error("the parts to merge are needed");
	program_refuse_terminal_output();
	open_parts(&merge, (size_t)(argc - optind), argv + optind);
	write_merged(&merge);
	close_parts(&merge);
	return 0;
}
