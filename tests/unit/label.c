/* Names as pictures show them, the labels of axes, and the colours of precisions. */
#include <stdlib.h>

#include "label.h"
#include "layer_axis.h"
#include "palette.h"
#include "tap.h"

static void
test_label(const char *name, size_t most, const char *expected)
{
	char *label = label_of(name, most);

	tap_text(label, expected, expected);
	tap(label_width(label) <= most, "which has at most %zu columns", most);
	free(label);
}

static void
test_labels(void)
{
	test_label("", 3, "");
	test_label("abc", 3, "abc");
	test_label("abcd", 3, "a…d");
	test_label("abcdefgh", 6, "abc…gh");
	test_label("éééééééé", 6, "ééé…éé");
	test_label("😀😀😀😀", 8, "😀😀😀😀");
	test_label("😀😀😀😀", 7, "😀…😀😀");
	test_label("a名前名前", 6, "a名…前");
	test_label("e\xcc\x81"
		   "e\xcc\x81"
		   "e\xcc\x81"
		   "e\xcc\x81",
		   3, "e\xcc\x81…e\xcc\x81");
	test_label("a\n\tb\\", 9, "a\\n\\tb\\");
	test_label("\x1b\x7f", 9, "\\x1b\\x7f");
	test_label("\xc2\x9b", 9, "\\xc2\\x9b");
	test_label("\xff"
		   "a\xc3",
		   9, "\\xffa\\xc3");
	test_label("\xef\xbf\xbf", 12, "\\xef\\xbf\\xbf");
	test_label("\xef\xbf\xbd", 12, "\xef\xbf\xbd");
	test_label("\xe2\x80\xa8", 12, "\\xe2\\x80\\xa8");
	test_label("a]]>b", 12, "a]]\\x3eb");
}

/* The labels of layers with these names, on an axis long enough, one after the other. */
static void
test_axis(const char *const *names, size_t count, const char *expected)
{
	struct fitted_layer *layers = xcalloc(count, sizeof(*layers));
	const struct fitted_layer **list = xcalloc(count, sizeof(*list));
	struct layer_axis axis;
	struct text found = {0};

	for (size_t i = 0; i < count; i++) {
		layers[i].name = names[i];
		list[i] = &layers[i];
	}
	axis = layer_axis_of(list, count, 5000);
	text_print(&found, "%s:", axis.pattern);
	for (size_t i = 0; i < count; i++)
		text_print(&found, " %s", axis.labels[i]);
	tap_text(found.bytes, expected, expected);
	layer_axis_free(&axis);
	text_free(&found);
	free(layers);
	free(list);
}

static void
test_axes(void)
{
	test_axis((const char *[]){"a.b.c"}, 1, ": a.b.c");
	test_axis((const char *[]){"m.0.up.w", "m.1.up.w"}, 2, "m.*.up.w: 0 1");
	test_axis((const char *[]){"m.0.up", "m.0.down"}, 2, "m.0.*: up down");
	test_axis((const char *[]){"up", "upper"}, 2, ": up upper");
	test_axis((const char *[]){"a.b", "a.b.b"}, 2, "a.*: b b.b");
	test_axis((const char *[]){"a.b.b", "a.b"}, 2, "a.*: b.b b");
	test_axis((const char *[]){"a.", "a..", "a"}, 3, ": a. a.. a");
	test_axis((const char *[]){"", "x"}, 2, ":  x");
	test_axis((const char *[]){"é.0", "é.1"}, 2, "é.*: 0 1");
}

static void
test_palette(void)
{
	static const char *const names[] = {"fp32", "bf16", "fp16", "fp8", "mxfp4", "fp64",
					    "a",    "b",    "c",    "d",   "e",	    "f",
					    "g",    "h",    "i",    "j"};
	size_t count = sizeof(names) / sizeof(*names), same = 0;
	const char **colors = palette_of_precisions(names, count);
	const char **two = palette_of_precisions((const char *[]){"bf16", "fp32"}, 2);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			same += !strcmp(colors[i], colors[j]) ? 1 : 0;
	tap(!same, "sixteen precisions have sixteen colours");
	tap(!strcmp(two[0], colors[1]) && !strcmp(two[1], colors[0]),
	    "common ones have their own in any order");
	free(colors);
	free(two);
}

int
main(void)
{
	test_labels();
	test_axes();
	test_palette();
	return tap_done();
}
