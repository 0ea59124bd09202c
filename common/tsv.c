#include "tsv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

/* Nearly every field: nothing in it needs an escape. */
static bool
is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e || *text == '\\')
			return false;
	return true;
}

void
tsv_text(const char *text, char separator)
{
	struct text escaped = {0};

	if (is_plain(text)) {
		fputs(text, stdout);
		putchar(separator);
		return;
	}
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
