#include "tsv.h"

#include <inttypes.h>
#include <stdio.h>
#include <math.h>
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

	fputs(format_double(value, buffer), file);
	putc(separator, file);
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

bool
tsv_read_double(const char *field, double *value)
{
	*value = NAN;
	if (!field || !strcmp(field, "nan"))
		return true;
	if (!strcmp(field, "inf") || !strcmp(field, "-inf")) {
		*value = *field == '-' ? -INFINITY : INFINITY;
		return true;
	}
	return parse_double(field, value);
}

/* Cuts the next field off a line and undoes its escapes; null when there is none left. */
static char *
next_field(char **at)
{
	char *field = strsep(at, "\t");

	return field && tsv_unescape(field) ? field : NULL;
}

int
tsv_read_header(char *line, const char *const *names, size_t columns, size_t required,
		const char *missing, struct tsv_layout *layout, struct failure *failure)
{
	*layout = (struct tsv_layout){.columns = columns};
	for (size_t i = 0; i < columns; i++)
		layout->place[i] = SIZE_MAX;
	for (char *field; (field = next_field(&line)); layout->fields++)
		for (size_t i = 0; i < columns; i++) {
			if (strcmp(field, names[i]) != 0)
				continue;
			if (layout->place[i] != SIZE_MAX)
				return fail(failure, STATUS_DATA, "line 1: two columns '%s'",
					    field);
			layout->place[i] = layout->fields;
		}
	for (size_t i = 0; i < required; i++)
		if (layout->place[i] == SIZE_MAX)
			return fail(failure, STATUS_DATA, "%s: there is no column '%s'", missing,
				    names[i]);
	return 0;
}

int
tsv_split_line(char *line, const struct tsv_layout *layout, const char **fields,
	       struct failure *failure)
{
	size_t count = 0;

	for (size_t i = 0; i < layout->columns; i++)
		fields[i] = NULL;
	for (; line; count++) {
		const char *field = next_field(&line);

		if (!field)
			return fail(failure, STATUS_DATA, "a field is not escaped UTF-8");
		for (size_t i = 0; i < layout->columns; i++)
			if (layout->place[i] == count)
				fields[i] = field;
	}
	if (count != layout->fields)
		return fail(failure, STATUS_DATA, "%zu fields, where the first line has %zu", count,
			    layout->fields);
	return 0;
}
