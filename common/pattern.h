/* Regular expressions of the user's, with the meaning of Python's re.search (by PCRE2). */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stddef.h>

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

/*
 * What --include and --exclude choose, each of which may be given several times. A zeroed struct takes
 * every name.
 */
struct name_choice {
	struct pattern **include, **exclude;
	size_t include_count, exclude_count;
};

/* Add an expression. An expression that is none ends the program. */
void name_choice_include(struct name_choice *choice, const char *expression);
void name_choice_exclude(struct name_choice *choice, const char *expression);

/* Why a name is not taken, in a few words; null if it is. A search that takes too long ends the program. */
const char *name_choice_refuses(const struct name_choice *choice, const char *name);

void name_choice_free(struct name_choice *choice);

#endif
