/*
 * What every program needs before it can do its own work: exit statuses, messages, checked memory,
 * growing text, and numbers as people write them.
 *
 * Two ways to report trouble. Code that parses outside data or computes returns a status and fills a
 * struct failure, so that it can be tested and fuzzed; programs end with die() or die_failure().
 */
#ifndef UTIL_H
#define UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses, documented in hillpipe(7). 0 is complete. */
enum {
	STATUS_INCOMPLETE = 1,	 /* some layer could not be computed; everything else is there */
	STATUS_USAGE = 64,	 /* the command line is wrong */
	STATUS_DATA = 65,	 /* the input is not what it should be */
	STATUS_NO_INPUT = 66,	 /* there is no such input */
	STATUS_UNAVAILABLE = 69, /* something needed is missing */
	STATUS_INTERNAL = 70,	 /* a defect in hillpipe */
	STATUS_IO = 74,		 /* reading or writing failed */
	STATUS_RETRY = 75	 /* worth trying again: out of memory, device lost */
};

/* Why a function failed: the exit status it calls for and one line of text without a newline. */
struct failure {
	int status;
	char text[480];
};

/* Fills failure from a format; returns -1, so that callers write `return fail(...)`. */
int fail(struct failure *failure, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the text of a failure; returns -1. */
int fail_prefix(struct failure *failure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Prints "program: message" and a newline on standard error, as one write. Control characters,
 * backslashes and bytes that are not UTF-8 are escaped (\n, \t, \\, \x1b), so that no name from a
 * file reaches the terminal raw. A format that ends in a colon gets the text of errno appended.
 */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* warn(), then ends the program with the status given, without flushing standard output. */
_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* die() with "source: text" of a failure. */
_Noreturn void die_failure(const struct failure *failure, const char *source);

/* The name that messages begin with; set once by program_begin(). */
extern const char *message_program;

/* Memory, zeroed by the second. They end the program with STATUS_RETRY when there is none. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *memory, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);

/* A new string from a format; the caller frees it. */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Text that grows. A zeroed struct is empty; bytes is null-terminated once anything was added, and
 * belongs to the struct until text_free().
 */
struct text {
	char *bytes;
	size_t length;
	size_t capacity;
};

void text_append(struct text *text, const void *bytes, size_t length);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *text);

/* Appends bytes as warn() would print them: escaped where a terminal or a line could be harmed. */
void text_append_escaped(struct text *text, const char *bytes, size_t length);

/* The length of the valid UTF-8 character at bytes (1 to 4), or 0 when there is none. */
size_t utf8_length(const unsigned char *bytes, size_t available);

/* Whether bytes are printable ASCII, blanks and line ends. */
bool is_text(const unsigned char *bytes, size_t count);

/* The part of a path behind its last slash; the whole where there is none. */
const char *path_file_name(const char *path);

/* Whether name ends in suffix; whether it begins with prefix. */
bool has_suffix(const char *name, const char *suffix);
bool has_prefix(const char *name, const char *prefix);

/* a·b and a+b into *result; false on overflow, with *result unspecified. */
static inline bool
multiply_checked(uint64_t a, uint64_t b, uint64_t *result)
{
	return !__builtin_mul_overflow(a, b, result);
}

static inline bool
add_checked(uint64_t a, uint64_t b, uint64_t *result)
{
	return !__builtin_add_overflow(a, b, result);
}

/* A decimal number without sign, blanks or leading zeros, at most maximum; false otherwise. */
bool parse_unsigned(const char *text, uint64_t maximum, uint64_t *result);

/* A finite decimal number that fills the whole text; false otherwise. */
bool parse_double(const char *text, double *result);

/* A size in bytes: a number and an optional K, M, G or T (powers of 1024); false otherwise. */
bool parse_size(const char *text, uint64_t *result);

/* Long enough for format_double() and its null. */
enum { DOUBLE_TEXT_SIZE = 32 };

/*
 * The fewest significant digits that read back to the same double ("nan", "inf", "-inf" where it is
 * none). Returns the buffer.
 */
const char *format_double(double value, char buffer[static DOUBLE_TEXT_SIZE]);

/* How many processors this process may use; at least 1. */
unsigned usable_processors(void);

#endif
