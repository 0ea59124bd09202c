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
tsv_text(FILE *file, const char *text, char separator)
{
	struct text escaped = {0};

	if (is_plain(text)) {
		fputs(text, file);
		putc(separator, file);
		return;
	}
	text_append_escaped(&escaped, text, strlen(text));
	if (escaped.length)
		fwrite(escaped.bytes, 1, escaped.length, file);
	putc(separator, file);
	text_free(&escaped);
}

void
tsv_unsigned(FILE *file, uint64_t value, char separator)
{
	fprintf(file, "%" PRIu64 "%c", value, separator);
}

void
tsv_double(FILE *file, double value, char separator)
{
	char buffer[DOUBLE_TEXT_SIZE];

	fprintf(file, "%s%c", format_double(value, buffer), separator);
}

/* The value of a hexadecimal digit as text_append_escaped() writes it; -1 for any other character. */
static int
hex_value(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The character that the escape after a backslash stands for, and its length; 0 if it is none. */
static size_t
unescape_one(const char *escape, char *character)
{
	static const char names[] = "tn\\", characters[] = "\t\n\\";
	const char *found = *escape ? strchr(names, *escape) : NULL;
	int high, low;

	if (found) {
		*character = characters[found - names];
		return 1;
	}
	if (*escape != 'x' || (high = hex_value(escape[1])) < 0 || (low = hex_value(escape[2])) < 0)
		return 0;
	*character = (char)(16 * high + low);
	return *character ? 3 : 0;
}

bool
tsv_unescape(char *field)
{
	char *to = field;
	size_t length, step;

	for (const char *from = field; *from; to++) {
		*to = *from++;
		if (*to != '\\')
			continue;
		length = unescape_one(from, to);
		if (!length)
			return false;
		from += length;
	}
	*to = '\0';
	length = (size_t)(to - field);
	for (size_t i = 0; i < length; i += step)
		if (!(step = utf8_length((const unsigned char *)field + i, length - i)))
			return false;
	return true;
}
