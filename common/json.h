/*
 * A strict pull parser for JSON from outside (RFC 8259), for headers of models and streams and for
 * index files, and the writing of strings.
 *
 * It reads a buffer in place: strings are unescaped where they stand and null-terminated, so nothing
 * is allocated. It is stricter than the RFC where leniency has been used to show two readers two
 * different files: strings must be valid UTF-8 without U+0000, escaped surrogates must pair up,
 * numbers asked for as unsigned must be plain integers of at most 2^53, nothing may follow the value,
 * and nesting has a limit. Duplicate keys are the caller's to refuse, who has all keys at hand.
 *
 * Errors are sticky: after the first, every function returns false or null, so a caller may check
 * once, by json_end().
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct json {
	char *start, *at, *end;
	unsigned depth, depth_limit;
	bool failed;
	struct failure *failure;
};

enum json_kind { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_LITERAL, JSON_INVALID };

/* The largest integer that every JSON reader holds exactly. */
#define JSON_INTEGER_MAX ((uint64_t)1 << 53)

/*
 * Starts on length bytes at text, which is overwritten as strings are read; text[length] must be
 * writable. Values may nest depth_limit deep.
 */
void json_begin(struct json *json, char *text, size_t length, unsigned depth_limit,
		struct failure *failure);

/* What comes next, without taking it. */
enum json_kind json_peek(struct json *json);

/*
 * Objects and arrays:
 *     json_open(json, '{'); while ((key = json_key(json))) { take the value }
 *     json_open(json, '['); while (json_item(json)) { take the value }
 * The last call of json_key() or json_item() takes the closing bracket.
 */
bool json_open(struct json *json, char bracket);
char *json_key(struct json *json);
bool json_item(struct json *json);

/* A string, null-terminated and unescaped in place, so that it lies in the text; null on error. */
char *json_string(struct json *json);

/* An integer from 0 to 2^53. */
bool json_unsigned(struct json *json, uint64_t *value);

/* Any value, checked and dropped. */
bool json_skip(struct json *json);

/* Requires the end of the text; returns 0, or -1 if anything failed, with the first failure. */
int json_end(struct json *json);

/* Fails at the current place for a reason of the caller's, unless something did before; returns -1. */
int json_fail(struct json *json, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a string in quotes, escaped as RFC 8259 asks; or prints it. */
void json_write_string(struct text *text, const char *string);
void json_print_string(FILE *file, const char *string);

#endif
