#include "alphaquant.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

/* What AlphaQuant does with a layer. Weights and activations get the same format. */
struct scheme {
	const char *format;
	unsigned group_size;
};

/*
 * Those of its exporter (scripts/analyze_precision_results.py), which has no 16 bits for the layers that
 * it recommends them for, and those of its planning.
 */
static const struct scheme schemes[][3] = {
	[PLAN_THRESHOLDS] = {[PLAN_16_BITS] = {"mxfp8", 64},
			     [PLAN_8_BITS] = {"mxfp8", 32},
			     [PLAN_4_BITS] = {"mxfp4", 32}},
	[PLAN_RATIO] = {[PLAN_16_BITS] = {"bf16", 32},
			[PLAN_8_BITS] = {"mxfp8", 32},
			[PLAN_4_BITS] = {"mxfp4", 32}},
};

static const struct scheme default_scheme = {"mxfp8", 32};

/* --- JSON, laid out as Python's json.dump(indent=2) does it ------------------------------------- */

/* An object or an array that is being written. */
struct nest {
	unsigned depth;
	bool begun;
};

/* Goes to the line of the next item. */
static void
next_item(struct nest *nest)
{
	printf("%s\n%*s", nest->begun ? "," : "", (int)(2 * nest->depth), "");
	nest->begun = true;
}

static void
print_name(struct nest *nest, const char *name)
{
	next_item(nest);
	json_print_string(stdout, name);
	fputs(": ", stdout);
}

static void
print_member(struct nest *nest, const char *name, const char *value)
{
	print_name(nest, name);
	json_print_string(stdout, value);
}

static struct nest
open_nest(unsigned depth, char bracket)
{
	putchar(bracket);
	return (struct nest){.depth = depth};
}

static void
close_nest(const struct nest *nest, char bracket)
{
	printf("\n%*s%c", (int)(2 * (nest->depth - 1)), "", bracket);
}

/* --- layers ----------------------------------------------------------------------------------- */

static void
print_scheme(struct nest *object, const struct scheme *scheme)
{
	print_member(object, "wq", scheme->format);
	print_member(object, "aq", scheme->format);
	print_name(object, "group_size");
	printf("%u", scheme->group_size);
}

static void
print_alpha(struct nest *object, double alpha, const char *category)
{
	char number[DOUBLE_TEXT_SIZE];

	print_name(object, "alpha_hill");
	fputs(isfinite(alpha) ? format_double(alpha, number) : "null", stdout);
	print_member(object, "category", category);
}

/* A name as a pattern of Python's fnmatch that matches nothing else: what glob.escape() makes of it. */
static void
print_pattern(struct nest *object, const char *name)
{
	struct text pattern = {0};

	for (; *name; name++)
		text_print(&pattern, strchr("*?[", *name) ? "[%c]" : "%c", *name);
	print_member(object, "pattern", pattern.bytes);
	text_free(&pattern);
}

static void
print_override(const struct fitted_layer *fitted, const struct planned_layer *layer,
	       enum plan_policy policy)
{
	struct nest object = open_nest(3, '{');

	print_pattern(&object, fitted->name);
	if (policy == PLAN_RATIO && layer->bits == PLAN_16_BITS) {
		print_name(&object, "skip");
		fputs("true", stdout);
	} else
		print_scheme(&object, &schemes[policy][layer->bits]);
	if (policy == PLAN_RATIO && layer->bits != PLAN_16_BITS)
		print_alpha(&object, layer->alpha, fitted->category);
	print_member(&object, "source",
		     policy == PLAN_RATIO ? "alpha_hill_planning" : "precision_analysis");
	close_nest(&object, '}');
}

/* --- the files -------------------------------------------------------------------------------- */

static int
check_names(const struct alpha_table *table, struct failure *failure)
{
	for (size_t i = 0; i < table->layer_count; i++)
		if (!*table->layers[i].name)
			return fail(failure, STATUS_DATA,
				    "a layer has no name, and no pattern would match it");
	return 0;
}

/* By thresholds AlphaQuant lists the layers with the most bits first; by shares, in model order. */
static void
print_overrides(const struct alpha_table *table, const struct plan *plan, struct nest *array)
{
	unsigned passes = plan->policy == PLAN_THRESHOLDS ? 3 : 1;

	for (unsigned pass = 0; pass < passes; pass++)
		for (size_t i = 0; i < plan->count; i++) {
			if (passes > 1 && plan->layers[i].bits != (enum plan_bits)pass)
				continue;
			next_item(array);
			print_override(&table->layers[i], &plan->layers[i], plan->policy);
		}
}

int
alphaquant_write_config(const struct alpha_table *table, const struct plan *plan,
			struct failure *failure)
{
	struct nest object, inner;

	if (check_names(table, failure))
		return -1;
	object = open_nest(1, '{');
	print_name(&object, "default");
	inner = open_nest(2, '{');
	print_scheme(&inner, &default_scheme);
	close_nest(&inner, '}');
	print_name(&object, "overrides");
	inner = open_nest(2, '[');
	print_overrides(table, plan, &inner);
	close_nest(&inner, ']');
	close_nest(&object, '}');
	putchar('\n');
	return 0;
}

void
alphaquant_write_plan(const struct alpha_table *table, const struct plan *plan)
{
	struct nest object = open_nest(1, '{');

	for (size_t i = 0; i < plan->count; i++) {
		const struct planned_layer *layer = &plan->layers[i];
		struct nest inner;

		print_name(&object, table->layers[i].name);
		inner = open_nest(2, '{');
		print_scheme(&inner, &schemes[plan->policy][layer->bits]);
		print_alpha(&inner, layer->alpha, table->layers[i].category);
		close_nest(&inner, '}');
	}
	close_nest(&object, '}');
	putchar('\n');
}
