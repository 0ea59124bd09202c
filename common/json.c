#include "json.h"

#include <string.h>

void
json_begin(struct json *json, char *text, size_t length, unsigned depth_limit,
	   struct failure *failure)
{
	*json = (struct json){.start = text,
			      .at = text,
			      .end = text + length,
			      .depth_limit = depth_limit,
			      .failure = failure};
}

int
json_fail(struct json *json, const char *format, ...)
{
	va_list arguments;
	char reason[400];

	if (json->failed)
		return -1;
	json->failed = true;
	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	return fail(json->failure, STATUS_DATA, "%s (at byte %zu of the JSON)", reason,
		    (size_t)(json->at - json->start));
}

static void
skip_blanks(struct json *json)
{
	while (json->at < json->end &&
	       (*json->at == ' ' || *json->at == '\n' || *json->at == '\r' || *json->at == '\t'))
		json->at++;
}

/* The next character that is not blank, not taken; 0 at the end or after an error. */
static char
next_character(struct json *json)
{
	if (json->failed)
		return 0;
	skip_blanks(json);
	return json->at < json->end ? *json->at : 0;
}

static bool
take(struct json *json, char character)
{
	if (next_character(json) != character)
		return false;
	json->at++;
	return true;
}

enum json_kind
json_peek(struct json *json)
{
	char next = next_character(json);

	if (next == '{')
		return JSON_OBJECT;
	if (next == '[')
		return JSON_ARRAY;
	if (next == '"')
		return JSON_STRING;
	if (next == '-' || (next >= '0' && next <= '9'))
		return JSON_NUMBER;
	if (next == 't' || next == 'f' || next == 'n')
		return JSON_LITERAL;
	return JSON_INVALID;
}

bool
json_open(struct json *json, char bracket)
{
	if (!take(json, bracket)) {
		json_fail(json, "'%c' expected", bracket);
		return false;
	}
	if (++json->depth > json->depth_limit) {
		json_fail(json, "nested more than %u deep", json->depth_limit);
		return false;
	}
	return true;
}

/* Whether another member follows, before which a comma stands unless it is the first. */
static bool
another_member(struct json *json, char opening, char closing)
{
	const char *before = json->at;
	bool first;

	if (json->failed)
		return false;
	/* The parser stands behind the bracket only before the first member. */
	first = before > json->start && before[-1] == opening;
	if (take(json, closing)) {
		json->depth--;
		return false;
	}
	if (!first && !take(json, ',')) {
		json_fail(json, "',' or '%c' expected", closing);
		return false;
	}
	return true;
}

char *
json_key(struct json *json)
{
	char *key;

	if (!another_member(json, '{', '}'))
		return NULL;
	key = json_string(json);
	if (key && !take(json, ':')) {
		json_fail(json, "':' expected after a name");
		return NULL;
	}
	return key;
}

bool
json_item(struct json *json)
{
	return another_member(json, '[', ']');
}

/* Four hexadecimal digits, or -1. */
static int
hexadecimal(const char *at, const char *end)
{
	int value = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static char *
put_utf8(char *to, unsigned long code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* \uXXXX, the parser standing behind the u: the code point, or -1. */
static long
unicode_escape(struct json *json)
{
	int first = hexadecimal(json->at, json->end), second;

	if (first < 0)
		return json_fail(json, "\\u needs four hexadecimal digits");
	if (!first)
		return json_fail(json, "a null character in a string");
	json->at += 4;
	if (first >= 0xdc00 && first <= 0xdfff)
		return json_fail(json, "an unpaired surrogate in a string");
	if (first < 0xd800 || first > 0xdbff)
		return first;
	second = json->end - json->at >= 6 && json->at[0] == '\\' && json->at[1] == 'u'
			 ? hexadecimal(json->at + 2, json->end)
			 : -1;
	if (second < 0xdc00 || second > 0xdfff)
		return json_fail(json, "an unpaired surrogate in a string");
	json->at += 6;
	return 0x10000 + ((long)(first - 0xd800) << 10) + (second - 0xdc00);
}

/* One escape, the parser standing behind the backslash. Returns where to write on; null on error. */
static char *
unescape(struct json *json, char *to)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char name = json->at < json->end ? *json->at : 0;
	const char *found = name ? strchr(names, name) : NULL;
	long code;

	if (found) {
		json->at++;
		*to++ = values[found - names];
		return to;
	}
	if (name != 'u') {
		json_fail(json, "an unknown escape in a string");
		return NULL;
	}
	json->at++;
	code = unicode_escape(json);
	return code < 0 ? NULL : put_utf8(to, (unsigned long)code);
}

char *
json_string(struct json *json)
{
	char *string, *to;

	if (!take(json, '"')) {
		json_fail(json, "a string expected");
		return NULL;
	}
	string = to = json->at;
	for (;;) {
		size_t step;

		if (json->at >= json->end) {
			json_fail(json, "the text ends inside a string");
			return NULL;
		}
		if (*json->at == '"')
			break;
		if ((unsigned char)*json->at < 0x20) {
			json_fail(json, "a control character in a string");
			return NULL;
		}
		if (*json->at == '\\') {
			json->at++;
			to = unescape(json, to);
			if (!to)
				return NULL;
			continue;
		}
		step = utf8_length((unsigned char *)json->at, (size_t)(json->end - json->at));
		if (!step) {
			json_fail(json, "a string is not valid UTF-8");
			return NULL;
		}
		while (step--)
			*to++ = *json->at++;
	}
	json->at++;
	*to = '\0';
	return string;
}

bool
json_unsigned(struct json *json, uint64_t *value)
{
	char next = next_character(json);
	uint64_t number = 0;

	if (next < '0' || next > '9') {
		json_fail(json, "an integer that is not negative expected");
		return false;
	}
	if (next == '0' && json->at + 1 < json->end && json->at[1] >= '0' && json->at[1] <= '9') {
		json_fail(json, "an integer with leading zeros");
		return false;
	}
	for (; json->at < json->end && *json->at >= '0' && *json->at <= '9'; json->at++) {
		number = number * 10 + (uint64_t)(*json->at - '0');
		if (number > JSON_INTEGER_MAX) {
			json_fail(json, "an integer beyond 2^53");
			return false;
		}
	}
	if (json->at < json->end && (*json->at == '.' || *json->at == 'e' || *json->at == 'E')) {
		json_fail(json, "an integer expected, not a fraction or an exponent");
		return false;
	}
	*value = number;
	return true;
}

/* At least one digit. */
static bool
skip_digits(struct json *json)
{
	const char *first = json->at;

	while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
		json->at++;
	if (json->at > first)
		return true;
	json_fail(json, "a digit expected");
	return false;
}

static bool
skip_number(struct json *json)
{
	if (*json->at == '-')
		json->at++;
	if (json->at + 1 < json->end && json->at[0] == '0' && json->at[1] >= '0' &&
	    json->at[1] <= '9') {
		json_fail(json, "a number with leading zeros");
		return false;
	}
	if (!skip_digits(json))
		return false;
	if (json->at < json->end && *json->at == '.') {
		json->at++;
		if (!skip_digits(json))
			return false;
	}
	if (json->at < json->end && (*json->at == 'e' || *json->at == 'E')) {
		json->at++;
		if (json->at < json->end && (*json->at == '+' || *json->at == '-'))
			json->at++;
		return skip_digits(json);
	}
	return true;
}

static bool
skip_literal(struct json *json)
{
	static const char *const literals[] = {"true", "false", "null"};

	for (size_t i = 0; i < 3; i++) {
		size_t length = strlen(literals[i]);

		if ((size_t)(json->end - json->at) >= length &&
		    !memcmp(json->at, literals[i], length)) {
			json->at += length;
			return true;
		}
	}
	json_fail(json, "a value expected");
	return false;
}

bool
json_skip(struct json *json)
{
	switch (json_peek(json)) {
	case JSON_OBJECT:
		json_open(json, '{');
		while (json_key(json))
			json_skip(json);
		break;
	case JSON_ARRAY:
		json_open(json, '[');
		while (json_item(json))
			json_skip(json);
		break;
	case JSON_STRING: json_string(json); break;
	case JSON_NUMBER: skip_number(json); break;
	case JSON_LITERAL: skip_literal(json); break;
	case JSON_INVALID: json_fail(json, "a value expected"); break;
	}
	return !json->failed;
}

int
json_end(struct json *json)
{
	if (!json->failed && (next_character(json) || json->at < json->end))
		json_fail(json, "something follows the end of the JSON");
	return json->failed ? -1 : 0;
}

void
json_write_string(struct text *text, const char *string)
{
	text_append(text, "\"", 1);
	for (; *string; string++) {
		if (*string == '"' || *string == '\\')
			text_print(text, "\\%c", *string);
		else if ((unsigned char)*string < 0x20)
			text_print(text, "\\u%04x", (unsigned)*string);
		else
			text_append(text, string, 1);
	}
	text_append(text, "\"", 1);
}

void
json_print_string(FILE *file, const char *string)
{
	struct text text = {0};

	json_write_string(&text, string);
	fwrite(text.bytes, 1, text.length, file);
	text_free(&text);
}
