/*
 * alpha-plan: recommends a number format for each layer of a model.
 *
 * In: a table of hill-alpha. Out: a plan: a table with the reasons, or one of the files that AlphaQuant
 * reads. The policies are in plan.h.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "alpha_input.h"
#include "alpha_table.h"
#include "alphaquant.h"
#include "output_table.h"
#include "plan.h"
#include "program.h"
#include "util.h"

static const char help[] =
	"Usage: alpha-plan [OPTION]... [FILE]\n"
	"Recommend a number format for each layer, from a table of hill-alpha, FILE or standard\n"
	"input.\n"
	"\n"
	"  --policy NAME            thresholds (the default) or ratio\n"
	"  --protect END            the end of alpha that gets the most bits: high (the default "
	"of\n"
	"                           thresholds) or low (the default of ratio)\n"
	"  --to FORM                table (the default), alphaquant or alphaquant-plan\n"
	"  --csv, --json            the table as comma-separated values, or as an array of "
	"objects\n"
	"\n"
	"By thresholds, of the mean and the standard deviation of alpha over the precisions:\n"
	"  --alpha-threshold A      the upper band of alpha (default 3)\n"
	"  --medium-threshold A     the middle band of alpha (default 2.5)\n"
	"  --variation-threshold S  the standard deviation that calls for 16 bits (default 0.01)\n"
	"  --cv-threshold V         the deviation, divided by the mean, that is listed as high\n"
	"                           variation too (default 0.005)\n"
	"  --auto-threshold         the first three from the layers themselves\n"
	"\n"
	"By ratio, of the layers in the order of alpha:\n"
	"  --mxfp4-ratio R          the share that gets mxfp4 (default 0.3)\n"
	"  --bf16-ratio R           the share that keeps bf16 (default 0)\n"
	"  --fit NAME               the fit to take, such as ks, where a table has several\n"
	"  --reference P            the precision whose alpha counts (default the first)\n"
	"\n"
	"  --help, --version\n"
	"\n"
	"Example: alpha-plan --to alphaquant alpha.tsv > config.json\n";

static const struct program program = {"alpha-plan", help, NULL};

enum {
	OPTION_POLICY = OPTION_OWN,
	OPTION_PROTECT,
	OPTION_TO,
	OPTION_CSV,
	OPTION_JSON,
	OPTION_FIT,
	OPTION_ALPHA,
	OPTION_MEDIUM,
	OPTION_VARIATION,
	OPTION_CV,
	OPTION_AUTO,
	OPTION_MXFP4,
	OPTION_BF16,
	OPTION_REFERENCE
};

static const struct option long_options[] = {
	{"policy", required_argument, 0, OPTION_POLICY},
	{"protect", required_argument, 0, OPTION_PROTECT},
	{"to", required_argument, 0, OPTION_TO},
	{"csv", no_argument, 0, OPTION_CSV},
	{"json", no_argument, 0, OPTION_JSON},
	{"fit", required_argument, 0, OPTION_FIT},
	{"alpha-threshold", required_argument, 0, OPTION_ALPHA},
	{"medium-threshold", required_argument, 0, OPTION_MEDIUM},
	{"variation-threshold", required_argument, 0, OPTION_VARIATION},
	{"cv-threshold", required_argument, 0, OPTION_CV},
	{"auto-threshold", no_argument, 0, OPTION_AUTO},
	{"mxfp4-ratio", required_argument, 0, OPTION_MXFP4},
	{"bf16-ratio", required_argument, 0, OPTION_BF16},
	{"reference", required_argument, 0, OPTION_REFERENCE},
	COMMON_OPTIONS,
	{0},
};

enum form { FORM_TABLE, FORM_ALPHAQUANT, FORM_ALPHAQUANT_PLAN };

static struct {
	unsigned policy, form; /* of enum plan_policy and enum form */
	unsigned protect;      /* of enum plan_end, if it was given */
	bool given[OPTION_REFERENCE + 1];
	enum table_format format;
	struct plan_thresholds thresholds;
	double mxfp4, bf16;
	const char *fit, *reference;
} options = {
	.thresholds = {.high = 3, .medium = 2.5, .variation = 0.01, .cv = 0.005},
	.mxfp4 = 0.3,
};

/* --- the command line ------------------------------------------------------------------------- */

/* The number of the argument in a null-terminated list of names. */
static unsigned
parse_name(const char *option, const char *const *names)
{
	struct text list = {0};

	for (unsigned i = 0; names[i]; i++)
		if (!strcmp(optarg, names[i]))
			return i;
	for (unsigned i = 0; names[i]; i++)
		text_print(&list, "%s%s", !i ? "" : names[i + 1] ? ", " : " or ", names[i]);
	usage_error("%s takes %s, and not '%s'", option, list.bytes, optarg);
}

static double
parse_threshold(const char *option)
{
	double value;

	if (!parse_double(optarg, &value) || value < 0)
		usage_error("%s takes a number from 0 up, and not '%s'", option, optarg);
	return value;
}

static double
parse_share(const char *option)
{
	double value;

	if (!parse_double(optarg, &value) || value < 0 || value > 1)
		usage_error("%s takes a share from 0 to 1, and not '%s'", option, optarg);
	return value;
}

static void
set_option(int option, char **argv)
{
	static const char *const policies[] = {"thresholds", "ratio", NULL};
	static const char *const ends[] = {"high", "low", NULL};
	static const char *const forms[] = {"table", "alphaquant", "alphaquant-plan", NULL};
	struct plan_thresholds *thresholds = &options.thresholds;

	switch (option) {
	case OPTION_POLICY: options.policy = parse_name("--policy", policies); break;
	case OPTION_PROTECT: options.protect = parse_name("--protect", ends); break;
	case OPTION_TO: options.form = parse_name("--to", forms); break;
	case OPTION_CSV: options.format = TABLE_CSV; break;
	case OPTION_JSON: options.format = TABLE_JSON; break;
	case OPTION_ALPHA: thresholds->high = parse_threshold("--alpha-threshold"); break;
	case OPTION_MEDIUM: thresholds->medium = parse_threshold("--medium-threshold"); break;
	case OPTION_VARIATION:
		thresholds->variation = parse_threshold("--variation-threshold");
		break;
	case OPTION_CV: thresholds->cv = parse_threshold("--cv-threshold"); break;
	case OPTION_MXFP4: options.mxfp4 = parse_share("--mxfp4-ratio"); break;
	case OPTION_BF16: options.bf16 = parse_share("--bf16-ratio"); break;
	case OPTION_FIT: options.fit = optarg; break;
	case OPTION_REFERENCE: options.reference = optarg; break;
	case OPTION_AUTO: break;
	default: program_common_option(&program, option, argv);
	}
	options.given[option] = true;
}

/* What is given for the other policy would have no effect, and whoever gave it expects one. */
static void
check_policy(void)
{
	bool by_ratio = options.policy == PLAN_RATIO;

	for (const struct option *option = long_options; option->name; option++) {
		bool of_ratio = option->val >= OPTION_MXFP4;

		if (option->val < OPTION_ALPHA || !options.given[option->val])
			continue;
		if (of_ratio != by_ratio)
			usage_error("--%s is for --policy %s", option->name,
				    of_ratio ? "ratio" : "thresholds");
		if (options.given[OPTION_AUTO] && option->val < OPTION_CV)
			usage_error("--auto-threshold and --%s exclude each other", option->name);
	}
}

static void
check_options(void)
{
	check_policy();
	if (options.given[OPTION_CSV] && options.given[OPTION_JSON])
		usage_error("--csv and --json exclude each other");
	if (options.format != TABLE_TSV && options.form != FORM_TABLE)
		usage_error("--csv and --json are for --to table");
	if (options.thresholds.medium > options.thresholds.high)
		usage_error("--medium-threshold is above --alpha-threshold");
	/* A sum of decimals that are 1 may exceed it in doubles. */
	if (options.mxfp4 + options.bf16 > 1 + 1e-12)
		usage_error("--mxfp4-ratio and --bf16-ratio are more than 1 together");
}

/* Returns the operands, of which there is one or none. */
static char *const *
parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		set_option(option, argv);
	check_options();
	program_operand(argc, argv, optind);
	return argv + optind;
}

/* --- the plan --------------------------------------------------------------------------------- */

static struct plan
make_plan(const struct alpha_table *table, const char *source)
{
	bool by_ratio = options.policy == PLAN_RATIO;
	enum plan_end protect = by_ratio ? PLAN_PROTECT_LOW : PLAN_PROTECT_HIGH;
	struct failure failure;

	if (options.given[OPTION_PROTECT])
		protect = options.protect;
	if (by_ratio) {
		struct plan_shares shares = {
			.mxfp4 = options.mxfp4,
			.bf16 = options.bf16,
			.reference = alpha_input_reference(table, options.reference)};

		return plan_by_ratio(table, &shares, protect);
	}
	if (options.given[OPTION_AUTO] &&
	    plan_find_thresholds(table, &options.thresholds, &failure))
		die_failure(&failure, source);
	return plan_by_thresholds(table, &options.thresholds, protect);
}

static void
print_table(const struct alpha_table *layers, const struct plan *plan)
{
	static const char *const columns[] = {"layer_name", "category",	 "format",
					      "alpha",	    "alpha_std", "alpha_cv",
					      "variation",  "reason",	 NULL};
	static const char *const variations[] = {[PLAN_VARIATION_UNKNOWN] = "",
						 [PLAN_VARIATION_LOW] = "low",
						 [PLAN_VARIATION_HIGH] = "high"};
	struct output_table table = {0};

	output_table_columns(&table, columns);
	output_table_begin(&table, options.format);
	for (size_t i = 0; i < plan->count; i++) {
		const struct planned_layer *layer = &plan->layers[i];

		output_table_text(&table, layers->layers[i].name);
		output_table_text(&table, layers->layers[i].category);
		output_table_text(&table, plan_format(plan, layer));
		output_table_double(&table, layer->alpha);
		output_table_double(&table, layer->std);
		output_table_double(&table, layer->cv);
		output_table_text(&table, variations[layer->variation]);
		output_table_text(&table, layer->reason);
	}
	output_table_end(&table);
}

static void
print_plan(const struct alpha_table *table, const struct plan *plan, const char *source)
{
	struct failure failure;

	switch ((enum form)options.form) {
	case FORM_TABLE: print_table(table, plan); break;
	case FORM_ALPHAQUANT:
		if (alphaquant_write_config(table, plan, &failure))
			die_failure(&failure, source);
		break;
	case FORM_ALPHAQUANT_PLAN: alphaquant_write_plan(table, plan); break;
	}
}

int
main(int argc, char **argv)
{
	struct alpha_table table = {0};
	char *const *operands;
	const char *source;
	struct plan plan;
	int status;

	program_begin(&program);
	operands = parse_options(argc, argv);
	table.fit = options.fit;
	source = program_source(*operands && strcmp(*operands, "-") != 0 ? *operands : NULL);
	alpha_input_read(&table, operands, *operands ? 1 : 0);
	plan = make_plan(&table, source);
	print_plan(&table, &plan, source);
	status = plan.without_estimate ? STATUS_INCOMPLETE : 0;
	plan_free(&plan);
	alpha_table_free(&table);
	program_finish_output();
	return status;
}
