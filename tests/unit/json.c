/*
 * The JSON parser against the table of tests/gen/json-cases.py, which the build writes to
 * $BUILD/tests/json-cases.tsv, and its functions one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "tap.h"

#define DEPTH 64

/* A parser on a copy of a text, in memory of just its size and one byte more, which is `after`. */
static struct json
begin_copy(const char *text, size_t length, char after, struct failure *failure)
{
	struct json json;
	char *copy = malloc(length + 1);

	if (!copy)
		abort();
	if (length)
		memcpy(copy, text, length);
	copy[length] = after;
	*failure = (struct failure){0};
	json_begin(&json, copy, length, DEPTH, failure);
	return json;
}

/* Whether the parser takes a text; the byte after it must not matter. */
static bool
takes(const char *text, size_t length, char after, struct failure *failure)
{
	struct json json = begin_copy(text, length, after, failure);
	bool skipped = json_skip(&json);
	bool taken = !json_end(&json);

	free(json.start);
	return taken && skipped;
}

static bool
is_blank(char character)
{
	return character && strchr(" \t\r\n", character);
}

/* A text in brackets or quotes has no proper beginning that is JSON, but for blanks at its end. */
static bool
beginnings_are_refused(const char *text, size_t length)
{
	struct failure failure;

	while (length && is_blank(text[length - 1]))
		length--;
	for (size_t i = 0; i < length; i++)
		if (takes(text, i, i % 2 ? ']' : '"', &failure)) {
			printf("# its first %zu bytes are taken\n", i);
			return false;
		}
	return true;
}

static void
check_case(char verdict, const char *name, const char *text, size_t length)
{
	static const char after[] = {'\0', '"', ']', '}', '0', ','};
	bool taken = verdict == 'y' || verdict == 't', right = true;
	struct failure failure;

	for (size_t i = 0; i < sizeof(after); i++) {
		if (takes(text, length, after[i], &failure) != taken) {
			printf("# %s before %#x: %s\n", taken ? "refused" : "taken",
			       (unsigned)after[i], failure.text);
			right = false;
		} else if (!taken && (failure.status != STATUS_DATA || !*failure.text)) {
			printf("# refused with status %d and text '%s'\n", failure.status,
			       failure.text);
			right = false;
		}
	}
	tap(right, "%c %s", verdict, name);
	while (length && is_blank(*text)) {
		text++;
		length--;
	}
	if (taken && length && strchr("[{\"", *text))
		tap(beginnings_are_refused(text, length), "n %s, cut anywhere", name);
}

/* Undoes %XX in place; returns the length. */
static size_t
unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (*at == '%') {
			char digits[3] = {at[1], at[2], '\0'};

			*to++ = (char)strtoul(digits, NULL, 16);
			at += 2;
		} else {
			*to++ = *at;
		}
	}
	return (size_t)(to - text);
}

static void
check_table(void)
{
	const char *build = getenv("BUILD");
	char *path = format_text("%s/tests/json-cases.tsv", build ? build : "build");
	FILE *table = fopen(path, "r");
	char *line = NULL;
	size_t capacity = 0, cases = 0;
	ssize_t length;

	while (table && (length = getline(&line, &capacity, table)) > 0) {
		char *name, *text;

		if (*line == '#')
			continue;
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		name = strchr(line, '\t') + 1;
		text = strchr(name, '\t');
		*text++ = '\0';
		check_case(*line, name, text, unescape(text));
		cases++;
	}
	tap(cases > 350, "the table %s holds %zu cases", path, cases);
	if (table)
		fclose(table);
	free(line);
	free(path);
}

static void
check_strings(void)
{
	static const struct {
		const char *json, *value;
	} cases[] = {
		{"\"\"", ""},
		{"\"plain\"", "plain"},
		{"  \"blanks around\"", "blanks around"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
		{"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
		{"\"\\ud834\\udd1e\"", "\xf0\x9d\x84\x9e"},
		{"\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
		{"\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
		 "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
		{"\"\\u0001\\u001f\"", "\x01\x1f"},
		{"\"\\\\u0000\"", "\\u0000"},
		{"\"\xe2\x82\xac \xf0\x9f\x98\x80\"", "\xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\"\\u000\"", NULL},
		{"\"a", NULL},
		{"1", NULL},
		{"null", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct failure failure;
		struct json json = begin_copy(cases[i].json, strlen(cases[i].json), 'x', &failure);

		tap_text(json_string(&json), cases[i].value, cases[i].json);
		tap(json_end(&json) == (cases[i].value ? 0 : -1), "and the end of it");
		free(json.start);
	}
}

static void
check_unsigned(void)
{
	static const struct {
		const char *json;
		uint64_t value;
		const char *message; /* null when it is taken */
	} cases[] = {
		{"0", 0, NULL},
		{"7", 7, NULL},
		{" 10 ", 10, NULL},
		{"9007199254740992", (uint64_t)1 << 53, NULL},
		{"9007199254740993", 0, "an integer beyond 2^53 (at byte 15 of the JSON)"},
		{"18446744073709551616", 0, "an integer beyond 2^53 (at byte 16 of the JSON)"},
		{"18446744073709551617", 0, "an integer beyond 2^53 (at byte 16 of the JSON)"},
		{"00", 0, "an integer with leading zeros (at byte 0 of the JSON)"},
		{"007", 0, "an integer with leading zeros (at byte 0 of the JSON)"},
		{"-1", 0, "an integer that is not negative expected (at byte 0 of the JSON)"},
		{"-0", 0, "an integer that is not negative expected (at byte 0 of the JSON)"},
		{"+1", 0, "an integer that is not negative expected (at byte 0 of the JSON)"},
		{"1.0", 0,
		 "an integer expected, not a fraction or an exponent (at byte 1 of the JSON)"},
		{"1.", 0,
		 "an integer expected, not a fraction or an exponent (at byte 1 of the JSON)"},
		{"1e2", 0,
		 "an integer expected, not a fraction or an exponent (at byte 1 of the JSON)"},
		{"0E0", 0,
		 "an integer expected, not a fraction or an exponent (at byte 1 of the JSON)"},
		{"1x", 0, "something follows the end of the JSON (at byte 1 of the JSON)"},
		{"1 2", 0, "something follows the end of the JSON (at byte 2 of the JSON)"},
		{"\"1\"", 0, "an integer that is not negative expected (at byte 0 of the JSON)"},
		{"true", 0, "an integer that is not negative expected (at byte 0 of the JSON)"},
		{"[1]", 0, "an integer that is not negative expected (at byte 0 of the JSON)"},
		{"", 0, "an integer that is not negative expected (at byte 0 of the JSON)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct failure failure;
		/* A digit after the end must not be taken for one more. */
		struct json json = begin_copy(cases[i].json, strlen(cases[i].json), '5', &failure);
		uint64_t value = 0;
		bool taken = json_unsigned(&json, &value) && !json_end(&json);

		if (cases[i].message)
			tap_text(taken ? "taken" : failure.text, cases[i].message, cases[i].json);
		else
			tap(taken && value == cases[i].value, "the integer %s", cases[i].json);
		free(json.start);
	}
}

/* Takes {"a": [1, 2], "b": {"c": "x"}, "d": null} the way a reader of headers does. */
static void
check_walk(void)
{
	static const char text[] = " { \"a\" : [ 1 , 2 ] , \"b\":{\"c\":\"x\"},\"d\":null } ";
	struct failure failure;
	struct json json = begin_copy(text, sizeof(text) - 1, '}', &failure);
	uint64_t one = 0, two = 0;

	tap(json_peek(&json) == JSON_OBJECT && json_open(&json, '{'), "an object opens");
	tap_text(json_key(&json), "a", "its first key");
	tap(json_peek(&json) == JSON_ARRAY && json_open(&json, '['), "an array opens");
	tap(json_item(&json) && json_unsigned(&json, &one) && json_item(&json) &&
		    json_unsigned(&json, &two) && !json_item(&json) && one == 1 && two == 2,
	    "its items and its end");
	tap_text(json_key(&json), "b", "the key after it");
	tap(json_open(&json, '{'), "an object inside opens");
	tap_text(json_key(&json), "c", "its key");
	tap(json_peek(&json) == JSON_STRING, "a string follows");
	tap_text(json_string(&json), "x", "its value");
	tap(!json_key(&json), "its end");
	tap_text(json_key(&json), "d", "the last key");
	tap(json_peek(&json) == JSON_LITERAL && json_skip(&json), "a literal is skipped");
	tap(!json_key(&json), "the end of the object");
	tap(json_peek(&json) == JSON_INVALID && !json_end(&json), "the end of the text");
	free(json.start);
}

/* After an error nothing succeeds, and the first reason stays. */
static void
check_sticky(void)
{
	static const char text[] = "{\"a\":[1],\"b\":\"x\"}";
	struct failure failure;
	struct json json = begin_copy(text, sizeof(text) - 1, '}', &failure);
	uint64_t value;

	json_open(&json, '{');
	json_key(&json);
	tap(json_fail(&json, "%s is %d", "reason", 1) == -1, "json_fail() returns -1");
	tap(json_fail(&json, "reason 2") == -1, "and again");
	tap(json_peek(&json) == JSON_INVALID && !json_open(&json, '[') && !json_item(&json) &&
		    !json_unsigned(&json, &value) && !json_key(&json) && !json_string(&json) &&
		    !json_skip(&json) && json_end(&json) == -1,
	    "nothing succeeds after an error");
	tap_text(failure.text, "reason is 1 (at byte 5 of the JSON)", "the first reason stays");
	free(json.start);
}

static void
check_wrong_kind(void)
{
	struct failure failure;
	struct json json = begin_copy("[1]", 3, ']', &failure);

	tap(!json_open(&json, '{'), "an array is no object");
	tap_text(failure.text, "'{' expected (at byte 0 of the JSON)", "and the message says so");
	free(json.start);
	json = begin_copy("{\"a\":1}", 7, ']', &failure);
	tap(!json_open(&json, '['), "an object is no array");
	free(json.start);
	json = begin_copy("[1,2]", 5, ']', &failure);
	json_open(&json, '[');
	tap(json_end(&json) == -1, "an array half read is no end");
	free(json.start);
}

/* What is written reads back, and each control character is escaped. */
static void
check_writing(void)
{
	char every[256 + 16], *at = every;
	struct failure failure;
	struct text text = {0};
	struct json json;

	for (int c = 1; c < 0x80; c++)
		*at++ = (char)c;
	strcpy(at, "\xc2\x80\xed\x9f\xbf\xf0\x9f\x98\x80");
	json_write_string(&text, every);
	json = begin_copy(text.bytes, text.length, '"', &failure);
	tap_text(json_string(&json), every, "a written string reads back");
	tap(!json_end(&json), "to its end");
	free(json.start);
	text_free(&text);
	json_write_string(&text, "\n\"\\/\x1f\x7f");
	tap_text(text.bytes, "\"\\u000a\\\"\\\\/\\u001f\x7f\"", "only what must be is escaped");
	text_free(&text);
	json_write_string(&text, "");
	tap_text(text.bytes, "\"\"", "an empty string is written");
	text_free(&text);
}

int
main(void)
{
	check_table();
	check_strings();
	check_unsigned();
	check_walk();
	check_sticky();
	check_wrong_kind();
	check_writing();
	return tap_done();
}
