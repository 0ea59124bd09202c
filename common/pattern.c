#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Far more than any sensible expression takes on a name, and still over in a moment. */
#define MATCH_LIMIT 1000000
#define DEPTH_LIMIT 10000

struct pattern {
	char *expression;
	pcre2_code *code;
	pcre2_match_context *limits;
	pcre2_match_data *match;
};

struct pattern *
pattern_compile(const char *expression, struct failure *failure)
{
	struct pattern *pattern;
	unsigned char reason[120];
	PCRE2_SIZE offset;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
					 PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error,
					 &offset, NULL);

	if (!code) {
		pcre2_get_error_message(error, reason, sizeof(reason));
		fail(failure, STATUS_USAGE, "bad expression '%.200s': %s (at character %zu)",
		     expression, (const char *)reason, (size_t)offset + 1);
		return NULL;
	}
	pattern = xcalloc(1, sizeof(*pattern));
	pattern->expression = xstrdup(expression);
	pattern->code = code;
	pattern->limits = pcre2_match_context_create(NULL);
	pattern->match = pcre2_match_data_create_from_pattern(code, NULL);
	if (!pattern->limits || !pattern->match)
		die(STATUS_RETRY, "out of memory");
	pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(pattern->limits, DEPTH_LIMIT);
	return pattern;
}

void
pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_match_data_free(pattern->match);
	pcre2_match_context_free(pattern->limits);
	pcre2_code_free(pattern->code);
	free(pattern->expression);
	free(pattern);
}

int
pattern_search(const struct pattern *pattern, const char *name, struct failure *failure)
{
	int result = pcre2_match(pattern->code, (PCRE2_SPTR)name, strlen(name), 0, 0,
				 pattern->match, pattern->limits);

	if (result >= 0)
		return 1;
	if (result == PCRE2_ERROR_NOMATCH)
		return 0;
	return fail(failure, STATUS_USAGE,
		    "expression '%.200s' takes too long on the name '%.100s'", pattern->expression,
		    name);
}

static void
add_pattern(struct pattern ***list, size_t *count, const char *expression)
{
	struct failure failure;
	struct pattern *pattern = pattern_compile(expression, &failure);

	if (!pattern)
		die(failure.status, "%s", failure.text);
	*list = xreallocarray(*list, *count + 1, sizeof(struct pattern *));
	(*list)[(*count)++] = pattern;
}

void
name_choice_include(struct name_choice *choice, const char *expression)
{
	add_pattern(&choice->include, &choice->include_count, expression);
}

void
name_choice_exclude(struct name_choice *choice, const char *expression)
{
	add_pattern(&choice->exclude, &choice->exclude_count, expression);
}

static bool
matches_any(struct pattern *const *list, size_t count, const char *name)
{
	struct failure failure;

	for (size_t i = 0; i < count; i++) {
		int found = pattern_search(list[i], name, &failure);

		if (found < 0)
			die(failure.status, "%s", failure.text);
		if (found)
			return true;
	}
	return false;
}

const char *
name_choice_refuses(const struct name_choice *choice, const char *name)
{
	if (choice->include_count && !matches_any(choice->include, choice->include_count, name))
		return "no --include matches";
	if (matches_any(choice->exclude, choice->exclude_count, name))
		return "an --exclude matches";
	return NULL;
}

void
name_choice_free(struct name_choice *choice)
{
	for (size_t i = 0; i < choice->include_count; i++)
		pattern_free(choice->include[i]);
	for (size_t i = 0; i < choice->exclude_count; i++)
		pattern_free(choice->exclude[i]);
	free(choice->include);
	free(choice->exclude);
	*choice = (struct name_choice){0};
}
