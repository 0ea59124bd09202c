/* Numbers in three classes against all divisions, and what the policies do at their boundaries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grouping.h"
#include "plan.h"
#include "random.h"
#include "tap.h"

/* --- grouping --------------------------------------------------------------------------------- */

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The sum of squares of the values in [low, high) around their mean; 0 if there are none. */
static double
squares_within(const double *values, size_t count, double low, double high, size_t *members)
{
	double mean = 0, sum = 0;

	*members = 0;
	for (size_t i = 0; i < count; i++)
		if (values[i] >= low && values[i] < high)
			mean += (values[i] - mean) / (double)++*members;
	for (size_t i = 0; i < count; i++)
		if (values[i] >= low && values[i] < high)
			sum += (values[i] - mean) * (values[i] - mean);
	return sum;
}

/* That of the three classes that begin at starts; infinite if one is empty. */
static double
squares_of(const double *values, size_t count, const double starts[2])
{
	const double bounds[] = {-INFINITY, starts[0], starts[1], INFINITY};
	double sum = 0;

	for (size_t class = 0; class < 3; class ++) {
		size_t members;

		sum += squares_within(values, count, bounds[class], bounds[class + 1], &members);
		if (!members)
			return INFINITY;
	}
	return sum;
}

static double
least_squares(const double *values, size_t count)
{
	double least = INFINITY;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++) {
			const double starts[] = {values[i], values[j]};

			if (starts[0] < starts[1])
				least = fmin(least, squares_of(values, count, starts));
		}
	return least;
}

static void
test_grouping(void)
{
	static const double planted[] = {7, 2.1, 4, 2, 4.2, 7.5, 2.2, 4.1, 2.15};
	static const double even[] = {4, 3, 2, 1}, two[] = {1, 2, 1, 2, 2};
	static const double shifted[] = {1e9, 1e9 + 1, 1e9 + 10, 1e9 + 11, 1e9 + 30};
	double starts[2] = {0, 0};

	tap(group_in_three(planted, 9, starts) == 9 && starts[0] == 4 && starts[1] == 7,
	    "planted classes");
	tap(group_in_three(even, 4, starts) == 4 && starts[0] == 2 && starts[1] == 3,
	    "equally good: the lowest starts");
	tap(group_in_three(shifted, 5, starts) == 5 && starts[0] == 1e9 + 10 &&
		    starts[1] == 1e9 + 30,
	    "far from zero");
	starts[0] = starts[1] = 5;
	tap(group_in_three(two, 5, starts) == 2 && starts[0] == 5 && starts[1] == 5,
	    "two different values");
	tap(group_in_three(NULL, 0, starts) == 0, "no values");
}

static void
test_against_all_divisions(void)
{
	size_t wrong = 0;

	for (uint64_t seed = 0; seed < 400; seed++) {
		double values[24], starts[2], least;
		struct random random;
		size_t count = 3 + seed % 22;

		random_begin(&random, seed, 0);
		random_gaussian(&random, values, count);
		for (size_t i = 0; i < count && seed % 2; i++)
			values[i] = rint(2 * values[i]);
		if (group_in_three(values, count, starts) < 3)
			continue;
		least = least_squares(values, count);
		wrong += !(squares_of(values, count, starts) <= least + 1e-12);
	}
	tap(!wrong, "the least sum of squares of all divisions (%zu wrong)", wrong);
}

/* Divisions of many values: no start can be moved to the next value with profit. */
static void
test_many(void)
{
	enum { COUNT = 20000 };
	static double values[COUNT];
	double starts[2], least;
	struct random random;
	bool moved = false;

	random_begin(&random, 1, 0);
	random_gaussian(&random, values, COUNT);
	qsort(values, COUNT, sizeof(*values), compare_doubles);
	group_in_three(values, COUNT, starts);
	least = squares_of(values, COUNT, starts);
	for (size_t i = 1; i + 1 < COUNT; i++)
		for (size_t s = 0; s < 2; s++) {
			double others[] = {starts[0], starts[1]};

			if (values[i] != starts[s])
				continue;
			others[s] = values[i - 1];
			moved = moved || squares_of(values, COUNT, others) < least - 1e-9;
			others[s] = values[i + 1];
			moved = moved || squares_of(values, COUNT, others) < least - 1e-9;
		}
	/* Three equal parts of a normal distribution: Lloyd's levels, at 0.612 sigma. */
	tap(!moved && fabs(starts[0] + 0.612) < 0.03 && fabs(starts[1] - 0.612) < 0.03,
	    "many values: %.3f, %.3f", starts[0], starts[1]);
}

/* --- policies --------------------------------------------------------------------------------- */

enum { PRECISIONS = 3, LAYERS = 10 };

static const char *precisions[PRECISIONS] = {"fp32", "fp16", "bf16"};

/* A table of layers whose alphas are given, each with an error of 1e-9; nan is no estimate. */
struct fixture {
	struct fit fits[LAYERS][PRECISIONS];
	struct fitted_layer layers[LAYERS];
	struct alpha_table table;
};

static void
make_fixture(struct fixture *fixture, double alphas[][PRECISIONS], size_t layers)
{
	fixture->table = (struct alpha_table){.precisions = precisions,
					      .precision_count = PRECISIONS,
					      .layers = fixture->layers,
					      .layer_count = layers};
	for (size_t i = 0; i < layers; i++) {
		fixture->layers[i] = (struct fitted_layer){
			.name = "layer", .category = "mlp_up", .fits = fixture->fits[i]};
		for (size_t p = 0; p < PRECISIONS; p++)
			fixture->fits[i][p] = (struct fit){.there = true,
							   .alpha = alphas[i][p],
							   .alpha_err = isnan(alphas[i][p]) ? NAN
											    : 1e-9,
							   .method = "gram",
							   .note = ""};
	}
}

/* The bits of each layer as a digit: 1 for 16, 8, 4. */
static void
write_bits(const struct plan *plan, char text[LAYERS + 1])
{
	for (size_t i = 0; i < plan->count; i++)
		text[i] = "184"[plan->layers[i].bits];
	text[plan->count] = '\0';
}

static const struct plan_thresholds thresholds = {
	.high = 3, .medium = 2.5, .variation = 0.25, .cv = 0.0625};

static void
test_thresholds(void)
{
	const double below3 = nextafter(3, 0), below25 = nextafter(2.5, 0);
	double alphas[][PRECISIONS] = {
		{3, 3, 3},	   {below3, below3, below3},
		{2.5, 2.5, 2.5},   {below25, below25, below25},
		{1.75, 2, 2.25},   {1.7501, 2, 2.2499},
		{2.75, 2.75, NAN}, {NAN, NAN, NAN},
		{NAN, 2, NAN},	   {3.75, 4, 4.25},
	};
	struct fixture fixture;
	struct plan plan;
	char bits[LAYERS + 1];

	make_fixture(&fixture, alphas, LAYERS);
	plan = plan_by_thresholds(&fixture.table, &thresholds, PLAN_PROTECT_HIGH);
	write_bits(&plan, bits);
	tap_text(bits, "1884148141", "thresholds: bounds belong to what is above them");
	tap(plan.without_estimate == 1 && isnan(plan.layers[7].alpha), "a layer without estimate");
	tap(plan.layers[4].variation == PLAN_VARIATION_HIGH &&
		    plan.layers[5].variation == PLAN_VARIATION_HIGH &&
		    plan.layers[0].variation == PLAN_VARIATION_LOW &&
		    plan.layers[8].variation == PLAN_VARIATION_UNKNOWN,
	    "variation: by std, by cv alone, low, of one precision");
	tap_text(plan.layers[1].reason, "alpha 2.9999999999999996 is at or above 2.5 and below 3",
		 "a reason shows on which side of a threshold alpha is");
	tap_text(plan.layers[6].reason,
		 "alpha 2.75 is at or above 2.5 and below 3; no estimate in 1 of 3 precisions",
		 "a reason says what is missing");
	plan_free(&plan);
	plan = plan_by_thresholds(&fixture.table, &thresholds, PLAN_PROTECT_LOW);
	write_bits(&plan, bits);
	tap_text(bits, "4881118111", "thresholds: the reverse");
	plan_free(&plan);
}

static void
test_ratio(void)
{
	double alphas[][PRECISIONS] = {{3, 0, 0}, {5, 0, 0}, {3, 0, 0}, {2, 0, 0}, {NAN, 9, 9},
				       {5, 0, 0}, {4, 0, 0}, {9, 0, 0}, {1, 0, 0}, {6, 0, 0}};
	static const struct {
		double mxfp4, bf16;
		enum plan_end protect;
		const char *bits, *name;
	} cases[] = {
		{0, 0, PLAN_PROTECT_LOW, "8888188188", "no shares"},
		{1, 0, PLAN_PROTECT_LOW, "4444144144", "all mxfp4"},
		{0, 1, PLAN_PROTECT_LOW, "1111111111", "all bf16"},
		{0.25, 0, PLAN_PROTECT_LOW, "8488188184", "of equal ones the first has fewer bits"},
		{0.374, 0, PLAN_PROTECT_LOW, "8488188184", "rounded down"},
		{0.375, 0.25, PLAN_PROTECT_LOW, "8481148114", "both ends"},
		{0.5, 0.5, PLAN_PROTECT_LOW, "1411144114", "nothing between"},
		{0.375, 0.25, PLAN_PROTECT_HIGH, "4884118141", "the reverse"},
	};
	struct fixture fixture;

	make_fixture(&fixture, alphas, LAYERS);
	fixture.layers[7].category = "router_or_gate";
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan_shares shares = {.mxfp4 = cases[i].mxfp4, .bf16 = cases[i].bf16};
		struct plan plan = plan_by_ratio(&fixture.table, &shares, cases[i].protect);
		char bits[LAYERS + 1];

		write_bits(&plan, bits);
		tap_text(bits, cases[i].bits, cases[i].name);
		tap(plan.without_estimate == 1, "and one layer without estimate");
		plan_free(&plan);
	}
}

static void
test_found_thresholds(void)
{
	double alphas[][PRECISIONS] = {
		{2, 2, 2}, {2.125, 2.125, 2.125}, {4.5, 4.5, 4.5}, {4.625, 4.625, 4.625}, {9, 9, 9},
	};
	struct fixture fixture;
	struct plan_thresholds found = thresholds;
	struct failure failure;

	make_fixture(&fixture, alphas, 5);
	tap(!plan_find_thresholds(&fixture.table, &found, &failure) && found.medium == 4.5 &&
		    found.high == 9 && found.cv == thresholds.cv,
	    "thresholds of classes");
	tap(found.variation > 3e-9 && found.variation < 3.01e-9,
	    "equal stds: what exceeds numerical error is variation (%g)", found.variation);
	alphas[4][2] = NAN;
	alphas[4][0] = alphas[4][1] = 4.5;
	alphas[3][0] = alphas[3][1] = alphas[3][2] = 2;
	make_fixture(&fixture, alphas, 5);
	tap(!plan_find_thresholds(&fixture.table, &found, &failure) && found.medium == 2.125 &&
		    found.high == 4.5,
	    "three different values do");
	make_fixture(&fixture, alphas, 2);
	tap(plan_find_thresholds(&fixture.table, &found, &failure) == -1 &&
		    failure.status == STATUS_DATA,
	    "two do not (%s)", failure.text);
}

int
main(void)
{
	test_grouping();
	test_against_all_divisions();
	test_many();
	test_thresholds();
	test_ratio();
	test_found_thresholds();
	return tap_done();
}
