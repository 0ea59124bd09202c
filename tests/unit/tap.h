/* TAP from C: tap() for each test, `return tap_done();` at the end of main(). */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count, tap_failed;

/* One result, named by a format. Returns whether it passed. */
__attribute__((format(printf, 2, 3))) static inline bool
tap(bool passed, const char *format, ...)
{
	va_list arguments;

	tap_failed += !passed;
	printf("%sok %u - ", passed ? "" : "not ", ++tap_count);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	/* What came before a crash must have been seen. */
	fflush(stdout);
	return passed;
}

/* A result that two texts are equal, shown when they are not. */
static inline bool
tap_text(const char *found, const char *expected, const char *name)
{
	bool equal = found && expected ? !strcmp(found, expected) : found == expected;

	tap(equal, "%s", name);
	if (!equal)
		printf("# expected: %s\n# found:    %s\n", expected ? expected : "(null)",
		       found ? found : "(null)");
	return equal;
}

/* The plan; returns what main() should. */
static inline int
tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
