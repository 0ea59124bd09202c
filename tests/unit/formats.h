/* Formats by name, for tests: made once, and kept until the end. */
#ifndef FORMATS_H
#define FORMATS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "util.h"

static inline const struct format *
format_named(const char *name)
{
	static struct {
		char *name;
		struct format *format;
	} known[256];
	struct failure failure;
	size_t i = 0;

	while (known[i].name && strcmp(known[i].name, name))
		i++;
	if (!known[i].name) {
		known[i].name = xstrdup(name);
		known[i].format = format_new(name, &failure);
		if (!known[i].format) {
			printf("Bail out! %s\n", failure.text);
			exit(1);
		}
	}
	return known[i].format;
}

#endif
