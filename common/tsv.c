#include "tsv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

void
tsv_text(const char *text, char separator)
{
	struct text escaped = {0};

	text_append_escaped(&escaped, text, strlen(text));
	if (escaped.length)
		fwrite(escaped.bytes, 1, escaped.length, stdout);
	putchar(separator);
	text_free(&escaped);
}

void
tsv_unsigned(uint64_t value, char separator)
{
	printf("%" PRIu64 "%c", value, separator);
}

void
tsv_double(double value, char separator)
{
	char buffer[DOUBLE_TEXT_SIZE];

	printf("%s%c", format_double(value, buffer), separator);
}
