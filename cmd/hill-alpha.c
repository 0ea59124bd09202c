/*
 * hill-alpha: fits the tail of each spectrum of a stream.
 *
 * In: a stream of spectra. Out: a table, one row for each layer, precision and fit.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alpha_row.h"
#include "hill_plot.h"
#include "pattern.h"
#include "plateau.h"
#include "pool.h"
#include "program.h"
#include "progress.h"
#include "spectrum_frame.h"
#include "util.h"

static const struct program program = {
	.name = "hill-alpha",
	.help = "Usage: hill-alpha [OPTION]... [FILE]\n"
		"Fit the tail of each spectrum of a stream, FILE or standard input; print a "
		"table.\n"
		"\n"
		"  --fit LIST    hill (default), ks, median or peak; with several, such as "
		"hill,ks,\n"
		"                a row for each\n"
		"  --compare     with the law beside a lognormal, an exponential and a truncated "
		"one\n"
		"  --compat TOOL  as that tool fits: weightwatcher, powerlaw, alphapruning or "
		"alphaquant\n"
		"  --k N|auto    fit the N largest eigenvalues, or as many as the plateau of "
		"alpha has\n"
		"  --k-frac F    fit the largest share F of them, 10 at least (default 0.1)\n"
		"  --confidence[=P]  how far alpha would scatter, with intervals that hold it at "
		"P (0.95)\n"
		"  --hill-plot   instead, alpha for every k from 1 on: a line for each\n"
		"  --bootstrap N  with the p-value of the ks fit, from N replicates\n"
		"  --seed S      that these are drawn from (default 0)\n"
		"  --metrics all|basic|LIST  columns of norms, ranks, entropy and the bulk\n"
		"  --include RE  only layers whose name matches RE (repeatable: any of them)\n"
		"  --exclude RE  no layers whose name matches RE (repeatable)\n"
		"  --help, --version\n"
		"\n"
		"Example: hill-alpha spectra.st > alpha.tsv\n",
};

/* The most spectra in a batch, as many as make it worth while to hand them to another thread, and their bytes. */
#define BATCH	     64
#define BATCH_MEMORY ((uint64_t)512 << 10)

/* Batches that wait for each worker. */
#define WAITING_PER_WORKER 3

/* Bytes of eigenvalues that wait for their fit; more would not make it faster. */
#define MEMORY ((uint64_t)16 << 20)

static struct {
	uint64_t k; /* 0: by share */
	double share;
	bool k_is_automatic;	     /* chosen for each spectrum */
	bool has_tail_size, has_fit; /* by --k and --k-frac; by --fit and --compat */
	bool hill_plot;		     /* instead of the table of fits */
	struct alpha_row_choice columns;
	struct name_choice names;
	enum tail_fit_kind fits[TAIL_FITS];
	size_t fit_count;
} options = {.share = 0.1, .fits = {TAIL_FIT_HILL}, .fit_count = 1};

enum {
	OPTION_BOOTSTRAP = OPTION_OWN,
	OPTION_COMPARE,
	OPTION_COMPAT,
	OPTION_CONFIDENCE,
	OPTION_FIT,
	OPTION_HILL_PLOT,
	OPTION_K,
	OPTION_K_FRAC,
	OPTION_METRICS,
	OPTION_SEED,
	OPTION_INCLUDE,
	OPTION_EXCLUDE
};

static const struct option long_options[] = {
	{"bootstrap", required_argument, 0, OPTION_BOOTSTRAP},
	{"compare", no_argument, 0, OPTION_COMPARE},
	{"compat", required_argument, 0, OPTION_COMPAT},
	{"confidence", optional_argument, 0, OPTION_CONFIDENCE},
	{"fit", required_argument, 0, OPTION_FIT},
	{"hill-plot", no_argument, 0, OPTION_HILL_PLOT},
	{"k", required_argument, 0, OPTION_K},
	{"k-frac", required_argument, 0, OPTION_K_FRAC},
	{"metrics", required_argument, 0, OPTION_METRICS},
	{"seed", required_argument, 0, OPTION_SEED},
	{"include", required_argument, 0, OPTION_INCLUDE},
	{"exclude", required_argument, 0, OPTION_EXCLUDE},
	COMMON_OPTIONS,
	{0},
};

/* The fits of a comma-separated list, all different. */
static void
parse_fits(const char *list)
{
	options.has_fit = true;
	options.fit_count = 0;
	for (const char *end; list; list = *end ? end + 1 : NULL) {
		enum tail_fit_kind kind;
		char *name;

		end = list + strcspn(list, ",");
		name = xstrndup(list, (size_t)(end - list));
		kind = tail_fit_of_name(name);
		if (kind >= TAIL_FIT_FIRST_TOOL)
			usage_error("--fit takes hill, ks, median, peak, and not '%s'", name);
		for (size_t i = 0; i < options.fit_count; i++)
			if (options.fits[i] == kind)
				usage_error("--fit: '%s' is there twice", name);
		options.fits[options.fit_count++] = kind;
		free(name);
	}
}

static void
parse_tool(const char *name)
{
	options.has_fit = true;
	options.fit_count = 1;
	options.fits[0] = tail_fit_of_tool(name);
	if (options.fits[0] == TAIL_FITS)
		usage_error("--compat takes weightwatcher, powerlaw, alphapruning or alphaquant, "
			    "and not '%s'",
			    name);
}

static void
parse_confidence(const char *text)
{
	options.columns.confidence = 0.95;
	if (text && (!parse_double(text, &options.columns.confidence) ||
		     options.columns.confidence <= 0 || options.columns.confidence >= 1))
		usage_error("--confidence takes a share between 0 and 1, and not '%s'", text);
}

static void
parse_bootstrap(const char *text)
{
	uint64_t replicates;

	if (!parse_unsigned(text, 1000000, &replicates) || !replicates)
		usage_error("--bootstrap takes a number from 1 to 1000000, and not '%s'", text);
	options.columns.replicates = (size_t)replicates;
}

static void
parse_metrics(const char *list)
{
	const char *unknown = metric_choice_add(&options.columns.metrics, list);

	if (unknown)
		usage_error("--metrics takes all, basic or names of columns, and not '%.*s'",
			    (int)strcspn(unknown, ","), unknown);
}

/* A tail of so many eigenvalues. */
static void
parse_k(const char *text)
{
	options.has_tail_size = true;
	options.k_is_automatic = !strcmp(text, "auto");
	if (!options.k_is_automatic &&
	    (!parse_unsigned(text, UINT32_MAX, &options.k) || !options.k))
		usage_error("--k takes a number from 1 up or auto, and not '%s'", text);
}

/* A tail of a share of the eigenvalues. */
static void
parse_share(const char *text)
{
	options.has_tail_size = true;
	options.k_is_automatic = false;
	options.k = 0;
	if (!parse_double(text, &options.share) || options.share <= 0 || options.share > 1)
		usage_error("--k-frac takes a share above 0 and up to 1, and not '%s'", text);
}

/* --hill-plot has every k of Hill's estimate, and columns of its own. */
static void
check_hill_plot(void)
{
	const struct alpha_row_choice *columns = &options.columns;

	if (options.hill_plot && (options.has_tail_size || options.has_fit || columns->replicates ||
				  columns->compares || metric_choice_any(&columns->metrics)))
		usage_error("--hill-plot is of every k: leave out --k, --k-frac, --fit, --compat, "
			    "--compare, --bootstrap and --metrics");
}

static const char *
parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (option) {
		case OPTION_BOOTSTRAP: parse_bootstrap(optarg); break;
		case OPTION_COMPARE: options.columns.compares = true; break;
		case OPTION_COMPAT: parse_tool(optarg); break;
		case OPTION_CONFIDENCE: parse_confidence(optarg); break;
		case OPTION_FIT: parse_fits(optarg); break;
		case OPTION_HILL_PLOT: options.hill_plot = true; break;
		case OPTION_K: parse_k(optarg); break;
		case OPTION_K_FRAC: parse_share(optarg); break;
		case OPTION_METRICS: parse_metrics(optarg); break;
		case OPTION_SEED:
			if (!parse_unsigned(optarg, UINT64_MAX, &options.columns.seed))
				usage_error("--seed takes a number from 0 up, and not '%s'",
					    optarg);
			break;
		case OPTION_INCLUDE: name_choice_include(&options.names, optarg); break;
		case OPTION_EXCLUDE: name_choice_exclude(&options.names, optarg); break;
		default: program_common_option(&program, option, argv);
		}
	check_hill_plot();
	return program_operand(argc, argv, optind);
}

static size_t
automatic_tail_size(const struct frame *frame, const double *values)
{
	size_t n = (size_t)frame->elements, k;
	struct hill *fits = xcalloc(n, sizeof(*fits));

	spectrum_frame_hill_fits(frame, values, fits);
	k = plateau_tail_size(fits, n);
	free(fits);
	return k;
}

/* The size of the tail of a spectrum; 0 when there are too few eigenvalues for any. */
static size_t
tail_size(const struct frame *frame, const double *values)
{
	size_t n = spectrum_frame_count(frame);

	if (n < 2)
		return 0;
	if (options.k_is_automatic)
		return automatic_tail_size(frame, values);
	if (!options.k)
		return hill_tail_size(n, options.share);
	return options.k < n ? (size_t)options.k : n - 1;
}

/* --- fitting --- */

/* Spectra that one worker fits and writes lines about, while others have other batches. */
struct batch {
	struct pool_job job; /* the first member: the pool gives it back */
	struct spectrum {
		struct frame frame;
		double *values; /* the payload */
	} spectra[BATCH];
	size_t count;
	char *lines; /* of the table */
	size_t length;
	int status; /* that they call for */
};

static void
print_header(FILE *table)
{
	if (options.hill_plot)
		hill_plot_print_header(table, options.columns.confidence);
	else
		alpha_row_print_header(table, &options.columns);
}

/* The rows of a spectrum. Returns the status that they call for: a value without a bound on its error is no
 * estimate. */
static int
print_rows(FILE *lines, const struct spectrum *spectrum)
{
	const struct frame *frame = &spectrum->frame;
	size_t k = tail_size(frame, spectrum->values);
	int status = 0;

	for (size_t i = 0; i < options.fit_count; i++) {
		struct alpha_row row = alpha_row_of(frame, spectrum->values, options.fits[i], k,
						    &options.columns);

		alpha_row_print(lines, &row, &options.columns);
		if (!isfinite(row.hill.alpha_err))
			status = STATUS_INCOMPLETE;
	}
	return status;
}

/* The same for its plot. Where a matrix has not full rank some k never has an estimate: one that has is enough. */
static int
print_plot(FILE *lines, const struct spectrum *spectrum)
{
	double confidence = options.columns.confidence;
	struct hill_plot plot = hill_plot_of(&spectrum->frame, spectrum->values, confidence);
	int status = STATUS_INCOMPLETE;

	hill_plot_print(lines, &plot, &spectrum->frame, confidence);
	for (size_t i = 0; i < plot.count; i++)
		if (isfinite(plot.fits[i].alpha_err))
			status = 0;
	hill_plot_free(&plot);
	return status;
}

/* What is done with a batch. The frames are left to the thread that made them: to free so many small pieces of memory in
 * another is what takes longest. */
static void
fit_batch(struct batch *batch)
{
	FILE *lines = open_memstream(&batch->lines, &batch->length);

	if (!lines)
		die(STATUS_RETRY, "out of memory");
	for (size_t i = 0; i < batch->count; i++) {
		struct spectrum *spectrum = &batch->spectra[i];

		batch->status |= options.hill_plot ? print_plot(lines, spectrum)
						   : print_rows(lines, spectrum);
		free(spectrum->values);
	}
	if (fclose(lines))
		die(STATUS_RETRY, "out of memory");
}

/* What a worker does; the context counts the batches that wait for one. */
static void
start_batch(void *context, struct pool_job *job, unsigned threads)
{
	(void)threads;
	atomic_fetch_sub((atomic_uint *)context, 1);
	fit_batch((struct batch *)job);
}

/* --- the stream --- */

/* Whether the options need eigenvalues below those that a fit of the largest does. */
static bool
need_all(void)
{
	const struct alpha_row_choice *columns = &options.columns;
	bool all = options.hill_plot || options.k_is_automatic || columns->confidence > 0 ||
		   columns->replicates || columns->compares || metric_choice_any(&columns->metrics);

	for (size_t i = 0; i < options.fit_count; i++)
		all = all || options.fits[i] != TAIL_FIT_HILL;
	return all;
}

/* Fails if a frame of spectrum --top does not hold what the options need. */
static int
check_held(const struct frame *frame, const double *values, struct failure *failure)
{
	size_t n = spectrum_frame_count(frame), k;

	if (frame->elements == n)
		return 0;
	k = need_all() ? n : tail_size(frame, values);
	if (k < frame->elements)
		return 0;
	if (need_all())
		return fail(failure, STATUS_DATA,
			    "layer '%.200s': the options need all eigenvalues, and the frame holds "
			    "%" PRIu64 " of %zu; see spectrum --top",
			    frame_text(frame, "layer"), frame->elements, n);
	return fail(failure, STATUS_DATA,
		    "layer '%.200s': a fit of the %zu largest eigenvalues needs one more, and "
		    "the frame holds %" PRIu64 " of %zu; see spectrum --top",
		    frame_text(frame, "layer"), k, frame->elements, n);
}

/* Adds the frame just read to the batch, which then owns it, or frees it if its layer is not wanted. */
static int
take_frame(struct stream_reader *reader, struct frame *frame, struct batch *batch,
	   struct failure *failure)
{
	const double *values;

	if (spectrum_frame_values(reader, frame, &values, failure))
		return -1;
	if (name_choice_refuses(&options.names, frame_text(frame, "layer"))) {
		frame_free(frame);
		return 0;
	}
	if (check_held(frame, values, failure))
		return -1;
	batch->job.cost += frame->bytes;
	batch->spectra[batch->count++] = (struct spectrum){*frame, stream_take_payload(reader)};
	return 0;
}

/* Whether a fit may take a millisecond or more, so that each is better shared out by itself. */
static bool
is_slow(void)
{
	const struct alpha_row_choice *columns = &options.columns;
	bool slow = options.hill_plot || columns->confidence > 0 || columns->replicates ||
		    columns->compares;

	for (size_t i = 0; i < options.fit_count; i++)
		slow = slow ||
		       (options.fits[i] != TAIL_FIT_HILL && options.fits[i] != TAIL_FIT_MEDIAN);
	return slow;
}

/* Whether a batch is to be fitted as it is; on a terminal each row by itself. */
static bool
is_full(const struct batch *batch, const FILE *table)
{
	return batch->count == BATCH || batch->job.cost >= BATCH_MEMORY ||
	       (batch->count && (table == stdout || is_slow()));
}

struct fitting {
	struct pool *pool;
	FILE *table;
	unsigned workers;
	bool helps;		 /* whether the thread that reads fits as well */
	atomic_uint waiting;	 /* batches that no worker has started */
	size_t batches, most;	 /* not yet in the table, and how many may be */
	uint64_t frames, chosen; /* read so far */
	int status;		 /* that the rows call for */
};

/* Puts the lines of the oldest batch into the table, when they are there. */
static void
collect_batch(struct fitting *fitting)
{
	struct batch *batch = (struct batch *)pool_next(fitting->pool);

	fwrite(batch->lines, 1, batch->length, fitting->table);
	fitting->status |= batch->status;
	for (size_t i = 0; i < batch->count; i++)
		frame_free(&batch->spectra[i].frame);
	free(batch->lines);
	free(batch);
	fitting->batches--;
}

/* Gives a batch to the workers, or fits it here if they have enough to do. */
static void
submit_batch(struct fitting *fitting, struct batch *batch)
{
	if (!fitting->chosen)
		print_header(fitting->table);
	fitting->chosen += batch->count;
	batch->job.elsewhere = fitting->helps && atomic_load(&fitting->waiting) >=
							 WAITING_PER_WORKER * fitting->workers;
	if (!batch->job.elsewhere)
		atomic_fetch_add(&fitting->waiting, 1);
	pool_submit(fitting->pool, &batch->job);
	if (batch->job.elsewhere) {
		fit_batch(batch);
		pool_finish(fitting->pool, &batch->job);
	}
	if (++fitting->batches == fitting->most)
		collect_batch(fitting);
}

/* Reads all of the stream. Returns 0, or -1 with a failure; what came before it is fitted all the same. */
static int
read_spectra(struct fitting *fitting, struct stream_reader *reader, struct failure *failure)
{
	struct batch *batch = xcalloc(1, sizeof(*batch));
	struct frame frame;
	int more;

	while ((more = stream_next(reader, &frame, failure)) > 0) {
		if (take_frame(reader, &frame, batch, failure)) {
			more = -1;
			break;
		}
		fitting->frames++;
		if (is_full(batch, fitting->table)) {
			submit_batch(fitting, batch);
			batch = xcalloc(1, sizeof(*batch));
		}
	}
	if (batch->count)
		submit_batch(fitting, batch);
	else
		free(batch);
	return more;
}

/* On a terminal each row is to be seen at once, but for replicates all processors are wanted. */
static size_t
most_batches(const struct fitting *fitting)
{
	size_t most = 2 * (WAITING_PER_WORKER + 1) * (size_t)fitting->workers;

	if (fitting->table == stdout && !options.columns.replicates)
		return 1;
	return most < POOL_MOST_JOBS ? most : POOL_MOST_JOBS;
}

/* Reads, fits and prints, to the end of the stream or to where it is bad: as read_spectra(). */
static int
fit_spectra(struct fitting *fitting, int input, struct failure *failure)
{
	struct stream_reader *reader = stream_open(input);
	unsigned processors = usable_processors();
	int status;

	/* Where a fit is slow, to read takes next to nothing; where it is not, a thread too many only disturbs. */
	fitting->helps = !is_slow();
	fitting->workers = processors > 1 && fitting->helps ? processors - 1 : processors;
	fitting->pool = pool_open(fitting->workers, MEMORY, start_batch, &fitting->waiting);
	fitting->most = most_batches(fitting);
	status = read_spectra(fitting, reader, failure);
	while (fitting->batches)
		collect_batch(fitting);
	pool_end(fitting->pool);
	pool_close(fitting->pool);
	stream_close(reader);
	return status;
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
	char *held = NULL;
	size_t length = 0;
	struct fitting fitting = {.table = open_table(&held, &length)};
	struct failure failure;

	if (fit_spectra(&fitting, input, &failure))
		die_failure(&failure, source);
	if (fitting.frames && !fitting.chosen)
		die(STATUS_NO_INPUT, "%s: no layer is chosen", source);
	if (!fitting.chosen)
		print_header(fitting.table);
	close_table(fitting.table, &held, &length);
	return fitting.status;
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
