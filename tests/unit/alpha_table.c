/* Tables of fits read back, their statistics, and the names of several models. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alpha_input.h"
#include "alpha_table.h"
#include "sensitivity.h"
#include "statistics.h"
#include "tap.h"
#include "tsv.h"

#define HEAD                                                                                       \
	"layer_name\tcategory\tout_features\tin_features\tnumel\tsource_dtype\tprecision\talpha\t" \
	"k_used\tn_eigs\tmethod\talpha_err\tlambda_ref\tlambda_max\tcast_rel_err\tnote\n"
#define ROW(layer, precision, alpha, err)                                                     \
	layer "\tmlp_up\t4\t3\t12\tF32\t" precision "\t" alpha "\t10\t99\tgram\t" err "\t1\t" \
	      "2\t0\t\n"

static struct alpha_table
read_table(const char *text, size_t length, int *status, struct failure *failure)
{
	struct alpha_table table = {0};
	FILE *file = fmemopen((char *)text, length ? length : 1, "r");

	if (!length)
		getc(file);
	*status = alpha_table_read(&table, file, "m", failure);
	fclose(file);
	return table;
}

static void
test_refused(const char *name, const char *text, const char *message)
{
	struct failure failure = {0};
	int status;
	struct alpha_table table = read_table(text, strlen(text), &status, &failure);

	tap(status == -1 && failure.status == STATUS_DATA && !strcmp(failure.text, message),
	    "refused: %s (%s)", name, failure.text);
	alpha_table_free(&table);
}

static void
test_bad_tables(void)
{
	test_refused("nothing", "", "is empty, and a table is expected");
	test_refused("no line end", HEAD "a\tb", "line 2: is cut off");
	test_refused("another table", "a\tb\n1\t2\n",
		     "no table of hill-alpha: there is no column 'layer_name'");
	test_refused("a column twice", "alpha\talpha\n", "line 1: two columns 'alpha'");
	test_refused("few fields", HEAD "a\tb\n", "line 2: 2 fields, where the first line has 16");
	test_refused("many fields", HEAD "a" ROW("", "fp32", "3", "1e-9") "x\n",
		     "line 3: 1 fields, where the first line has 16");
	test_refused("an escape that is none", HEAD "\\q" ROW("", "fp32", "3", "1e-9"),
		     "line 2: a field is not escaped UTF-8");
	test_refused("bytes that are not UTF-8", HEAD "\xff" ROW("", "fp32", "3", "1e-9"),
		     "line 2: a field is not escaped UTF-8");
	test_refused("no number", HEAD ROW("a", "fp32", "3x", "1e-9"),
		     "line 2: alpha is no number: '3x'");
	test_refused("a row twice", HEAD ROW("a", "fp32", "3", "0") ROW("a", "fp32", "3", "0"),
		     "line 3: a second row of layer 'a' in fp32");
	test_refused(
		"a layer of two shapes",
		HEAD ROW("a", "fp32", "3", "0") "a\tmlp_up\t5\t3\t15\tF32\tbf16\t3\t1\t3\tg\t0\t"
						"1\t1\t0\t\n",
		"line 3: layer 'a' is another than in line 2");
}

static void
test_good_table(void)
{
	static const char text[] = HEAD ROW("b\\t\\x1b", "fp32", "3", "1e-9")
		ROW("a", "bf16", "nan", "nan") ROW("b\\t\\x1b", "bf16", "3.5", "inf");
	struct failure failure = {0};
	int status;
	struct alpha_table table = read_table(text, sizeof(text) - 1, &status, &failure);

	tap(!status && table.layer_count == 2 && table.precision_count == 2, "layers, precisions");
	tap(!strcmp(table.layers[0].name, "b\t\x1b"), "the order of the table, names unescaped");
	tap(!strcmp(table.layers[1].name, "a"), "the second layer");
	tap(table.layers[0].elements == 12 && table.layers[0].fits[0].k == 10, "counts");
	tap(!table.layers[1].fits[0].there && isnan(table.layers[1].fits[0].alpha), "no such row");
	tap(table.layers[1].fits[1].there && isnan(table.layers[1].fits[1].alpha), "a row of nan");
	tap(fit_is_estimate(&table.layers[0].fits[0]), "an estimate");
	tap(!fit_is_estimate(&table.layers[0].fits[1]), "none without a bound");
	tap(alpha_table_precision(&table, "bf16") == 1, "a precision by name");
	alpha_table_select(&table, (size_t[]){1, 0}, 2);
	tap(alpha_table_precision(&table, "bf16") == 0 && table.layers[0].fits[0].alpha == 3.5 &&
		    table.layers[0].fits[1].alpha == 3,
	    "precisions in another order");
	alpha_table_select(&table, (size_t[]){1}, 1);
	tap(table.precision_count == 1 && !strcmp(table.precisions[0], "fp32") &&
		    table.layers[0].fits[0].alpha == 3 && !table.layers[1].fits[0].there,
	    "one of two precisions");
	alpha_table_free(&table);
}

static void
test_unescape(void)
{
	static const struct {
		const char *field, *text; /* null: refused */
	} cases[] = {{"", ""},
		     {"a\\tb\\n\\\\", "a\tb\n\\"},
		     {"\\x1b\\x7f", "\x1b\x7f"},
		     {"\\xc2\\x80", "\xc2\x80"},
		     {"\\", NULL},
		     {"\\x1", NULL},
		     {"\\x00", NULL},
		     {"\\x1G", NULL},
		     {"\\xff", NULL}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *field = xstrdup(cases[i].field);
		bool good = tsv_unescape(field);

		tap(good ? cases[i].text && !strcmp(field, cases[i].text) : !cases[i].text,
		    "unescape %zu", i);
		free(field);
	}
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 4e-16 * fabs(b);
}

/* By pandas: Series([5, 1, 4, 2.5]).describe(). */
static void
test_summary(void)
{
	double values[] = {5, 1, 4, 2.5}, one[] = {7};
	struct summary summary = summarize(values, 4);

	tap(near(summary.mean, 3.125) && near(summary.std, 1.75), "mean, std");
	tap(summary.min == 1 && summary.max == 5, "min, max");
	tap(near(summary.q25, 2.125) && near(summary.median, 3.25) && near(summary.q75, 4.25),
	    "quantiles");
	summary = summarize(one, 1);
	tap(summary.mean == 7 && summary.q25 == 7 && isnan(summary.std), "one value");
	summary = summarize(NULL, 0);
	tap(!summary.count && isnan(summary.mean) && isnan(summary.median), "no value");
}

static void
test_sensitivity(void)
{
	struct fit fits[4] = {{.there = true, .alpha = 3, .alpha_err = 0.1},
			      {.there = true, .alpha = 3.125, .alpha_err = 0.01},
			      {.there = true, .alpha = 2.75, .alpha_err = 0.2},
			      {.there = true, .alpha = 9, .alpha_err = INFINITY}};
	struct fitted_layer layer = {.fits = fits};
	struct sensitivity result = sensitivity_of(&layer, 4, 0);

	tap(result.count == 3 && result.min == 2.75 && result.max == 3.125, "no estimate, no part");
	tap(result.delta == -0.25 && result.precision == 2, "the largest difference");
	tap(near(result.delta_err, 0.3) && !result.resolved, "below the numerical error");
	tap(near(result.cv, result.std / result.mean), "coefficient of variation");
	result = sensitivity_of(&layer, 4, 1);
	tap(result.precision == 2 && result.resolved, "above the numerical error");
	result = sensitivity_of(&layer, 4, 3);
	tap(isnan(result.delta) && result.precision == 4, "a reference without an estimate");
	result = sensitivity_of(&layer, 1, 0);
	tap(isnan(result.std) && isnan(result.delta), "one precision");
}

static void
test_models(const char *a, const char *b, const char *name_a, const char *name_b)
{
	char *paths[] = {xstrdup(a), xstrdup(b)};
	char **models = alpha_input_models(paths, 2);

	tap(!strcmp(models[0], name_a) && !strcmp(models[1], name_b), "models %s %s: %s %s", a, b,
	    models[0], models[1]);
	for (size_t i = 0; i < 2; i++) {
		free(paths[i]);
		free(models[i]);
	}
	free(models);
}

int
main(void)
{
	test_bad_tables();
	test_good_table();
	test_unescape();
	test_summary();
	test_sensitivity();
	test_models("results/a/alpha.tsv", "results/b/alpha.tsv", "a", "b");
	test_models("a.tsv", "b.tsv", "a", "b");
	test_models("x/a.tsv", "x/ab.tsv", "a", "ab");
	test_models("a.tsv", "b.txt", "a.tsv", "b.txt");
	test_models("a/x.tsv", "x.tsv", "a/x", "x");
	test_models("o/m/alpha.tsv", "p/m/alpha.tsv", "o", "p");
	test_models("-", "b.tsv", "-", "b.tsv");
	return tap_done();
}
