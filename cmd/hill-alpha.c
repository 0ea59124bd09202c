/*
 * hill-alpha: fits the tail of each spectrum of a stream.
 *
 * In: a stream of spectra. Out: a table, one row for each layer and precision.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pattern.h"
#include "program.h"
#include "progress.h"
#include "spectrum_frame.h"
#include "tsv.h"
#include "util.h"

static const struct program program = {
	.name = "hill-alpha",
	.help = "Usage: hill-alpha [OPTION]... [FILE]\n"
		"Fit the tail of each spectrum of a stream, FILE or standard input; print a "
		"table.\n"
		"\n"
		"  --k N         fit the N largest eigenvalues\n"
		"  --k-frac F    fit the largest share F of them, 10 at least (default 0.1)\n"
		"  --include RE  only layers whose name matches RE (repeatable: any of them)\n"
		"  --exclude RE  no layers whose name matches RE (repeatable)\n"
		"  --help, --version\n"
		"\n"
		"Example: hill-alpha spectra.st > alpha.tsv\n",
};

static struct {
	uint64_t k; /* 0: by share */
	double share;
	struct name_choice names;
} options = {.share = 0.1};

enum { OPTION_K = OPTION_OWN, OPTION_K_FRAC, OPTION_INCLUDE, OPTION_EXCLUDE };

static const struct option long_options[] = {
	{"k", required_argument, 0, OPTION_K},
	{"k-frac", required_argument, 0, OPTION_K_FRAC},
	{"include", required_argument, 0, OPTION_INCLUDE},
	{"exclude", required_argument, 0, OPTION_EXCLUDE},
	COMMON_OPTIONS,
	{0},
};

static const char *
parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (option) {
		case OPTION_K:
			if (!parse_unsigned(optarg, UINT32_MAX, &options.k) || !options.k)
				usage_error("--k takes a number from 1 up, and not '%s'", optarg);
			break;
		case OPTION_K_FRAC:
			if (!parse_double(optarg, &options.share) || options.share <= 0 ||
			    options.share > 1)
				usage_error(
					"--k-frac takes a share above 0 and up to 1, and not '%s'",
					optarg);
			break;
		case OPTION_INCLUDE: name_choice_include(&options.names, optarg); break;
		case OPTION_EXCLUDE: name_choice_exclude(&options.names, optarg); break;
		default: program_common_option(&program, option, argv);
		}
	return program_operand(argc, argv, optind);
}

/* The size of the tail for n eigenvalues; 0 when there are too few for any. */
static size_t
tail_size(size_t n)
{
	if (n < 2)
		return 0;
	if (!options.k)
		return hill_tail_size(n, options.share);
	return options.k < n ? (size_t)options.k : n - 1;
}

/* One fit, and the name of the method that gave the spectrum or of what prevented it. */
struct row {
	struct hill hill;
	size_t count;
	double lambda_max;
	const char *method, *note;
};

static struct row
fit_spectrum(const struct frame *frame, const double *values)
{
	size_t held = (size_t)frame->elements, n = spectrum_frame_count(frame);
	bool failed = !n && frame->rows && frame->columns;
	struct row row = {
		.hill = {.alpha = NAN, .alpha_err = NAN, .lambda_ref = NAN, .k = tail_size(n)},
		.count = n,
		.lambda_max = held ? values[held - 1] : NAN,
		.method = failed ? "failed" : "degenerate",
		.note = failed ? frame_text(frame, "note") : "fewer than two eigenvalues",
	};

	if (n < 2)
		return row;
	row.hill = spectrum_frame_fit(frame, values, row.hill.k);
	row.method = frame_text(frame, "method");
	row.note = row.hill.note;
	return row;
}

static void
print_header(FILE *table)
{
	fputs("layer_name\tcategory\tout_features\tin_features\tnumel\tsource_dtype\tprecision\t"
	      "alpha\tk_used\tn_eigs\tmethod\talpha_err\tlambda_ref\tlambda_max\tcast_rel_err\t"
	      "note\tcast_bits\tcast_sqnr_db\n",
	      table);
}

static void
print_row(FILE *table, const struct frame *frame, const struct row *row)
{
	tsv_text(table, frame_text(frame, "layer"), '\t');
	tsv_text(table, frame_text(frame, "category"), '\t');
	tsv_unsigned(table, frame->rows, '\t');
	tsv_unsigned(table, frame->columns, '\t');
	tsv_unsigned(table, frame->rows * frame->columns, '\t');
	tsv_text(table, frame_text(frame, "source_dtype"), '\t');
	tsv_text(table, frame_text(frame, "precision"), '\t');
	tsv_double(table, row->hill.alpha, '\t');
	tsv_unsigned(table, row->hill.k, '\t');
	tsv_unsigned(table, row->count, '\t');
	tsv_text(table, row->method, '\t');
	tsv_double(table, row->hill.alpha_err, '\t');
	tsv_double(table, row->hill.lambda_ref, '\t');
	tsv_double(table, row->lambda_max, '\t');
	tsv_double(table, frame_number(frame, "cast_rel_err"), '\t');
	tsv_text(table, row->note, '\t');
	tsv_double(table, frame_number(frame, "bits"), '\t');
	tsv_double(table, frame_number(frame, "cast_sqnr_db"), '\n');
}

/*
 * Fits one frame and prints its row, before the first of all the header; counts it in *rows. Returns -1,
 * or the status that the row calls for.
 */
static int
fit_frame(struct stream_reader *reader, const struct frame *frame, uint64_t *rows, FILE *table,
	  struct failure *failure)
{
	struct row row;
	const double *values;
	size_t k;

	if (spectrum_frame_values(reader, frame, &values, failure))
		return -1;
	if (name_choice_refuses(&options.names, frame_text(frame, "layer")))
		return 0;
	k = tail_size(spectrum_frame_count(frame));
	if (frame->elements < spectrum_frame_count(frame) && k >= frame->elements)
		return fail(
			failure, STATUS_DATA,
			"layer '%.200s': a fit of the %zu largest eigenvalues needs one more, and "
			"the frame holds %" PRIu64 " of %zu; see spectrum --top",
			frame_text(frame, "layer"), k, frame->elements,
			spectrum_frame_count(frame));
	row = fit_spectrum(frame, values);
	if (!(*rows)++)
		print_header(table);
	print_row(table, frame, &row);
	/* A value without a bound on its error is no estimate. */
	return isfinite(row.hill.alpha_err) ? 0 : STATUS_INCOMPLETE;
}

/*
 * Where the table goes until the stream is known to be good: rows of a stream that is not whole must
 * not reach another program or a file. On a terminal people watch them come, and see the message.
 */
static FILE *
open_table(char **held, size_t *length)
{
	FILE *table = isatty(STDOUT_FILENO) ? stdout : open_memstream(held, length);

	if (!table)
		die(STATUS_RETRY, "out of memory");
	return table;
}

static void
close_table(FILE *table, char *const *held, const size_t *length)
{
	if (table == stdout)
		return;
	if (fclose(table))
		die(STATUS_RETRY, "out of memory");
	fwrite(*held, 1, *length, stdout);
	free(*held);
}

static int
fit_stream(int input, const char *source)
{
	struct stream_reader *reader = stream_open(input);
	struct failure failure;
	struct frame frame;
	char *held = NULL;
	size_t length = 0;
	FILE *table = open_table(&held, &length);
	uint64_t frames = 0, rows = 0;
	int more, status = 0;

	while ((more = stream_next(reader, &frame, &failure)) > 0) {
		int result = fit_frame(reader, &frame, &rows, table, &failure);

		if (result < 0)
			die_failure(&failure, source);
		status |= result;
		frames++;
		frame_free(&frame);
	}
	if (more < 0)
		die_failure(&failure, source);
	if (frames && !rows)
		die(STATUS_NO_INPUT, "%s: no layer is chosen", source);
	if (!rows)
		print_header(table);
	close_table(table, &held, &length);
	stream_close(reader);
	return status;
}

int
main(int argc, char **argv)
{
	const char *operand;
	int status;

	program_begin(&program);
	operand = parse_options(argc, argv);
	progress_yield_to_output(PROGRESS_FIT);
	status = fit_stream(program_open_input(operand, "a stream"), program_source(operand));
	name_choice_free(&options.names);
	program_finish_output();
	return status;
}
