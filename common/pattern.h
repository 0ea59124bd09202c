/* Regular expressions of the user's, with the meaning of Python's re.search (by PCRE2). */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>

#include "util.h"

struct pattern;

/* Compiles an expression. Returns null with a failure of STATUS_USAGE if it is not one. */
struct pattern *pattern_compile(const char *expression, struct failure *failure);
void pattern_free(struct pattern *pattern);

/*
 * Whether the expression matches somewhere in a name. Returns 1, 0, or -1 with a failure when the
 * search took too many steps: an expression can be exponential.
 */
int pattern_search(const struct pattern *pattern, const char *name, struct failure *failure);

#endif
