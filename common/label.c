#include "label.h"

#include <stdlib.h>
#include <string.h>

/* Whether this character of three bytes ends a line (U+2028, U+2029), or XML forbids it (U+FFFE, U+FFFF). */
static bool
is_unfit(const unsigned char *at)
{
	return (at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) ||
	       (at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe);
}

void
text_append_label(struct text *text, const char *name, size_t length)
{
	const unsigned char *at = (const unsigned char *)name;
	size_t i = 0;

	text_append(text, "", 0);
	while (i < length) {
		size_t step = utf8_length(at + i, length - i);

		if (at[i] == '\\')
			text_append(text, "\\", 1);
		else if (at[i] == '>' && i >= 2 && at[i - 1] == ']' && at[i - 2] == ']')
			text_print(text, "\\x3e"); /* XML forbids "]]>", and gnuplot lets it pass */
		else if (step == 3 && is_unfit(at + i))
			text_print(text, "\\x%02x\\x%02x\\x%02x", at[i], at[i + 1], at[i + 2]);
		else
			text_append_escaped(text, name + i, step ? step : 1);
		i += step ? step : 1;
	}
}

/* The columns of one valid character: those of East Asia and emoji are wide, accents have none. */
static size_t
columns_of(const unsigned char *at, size_t length)
{
	if (length == 2 && (at[0] == 0xcc || (at[0] == 0xcd && at[1] < 0xb0)))
		return 0;
	return length == 4 || (length == 3 && at[0] >= 0xe3 && at[0] < 0xee) ? 2 : 1;
}

/* How many bytes at the start of a label take up to `most` columns, whose number is left in *columns. */
static size_t
bytes_within(const char *label, size_t most, size_t *columns)
{
	size_t left = strlen(label), at = 0;

	for (*columns = 0; at < left;) {
		const unsigned char *next = (const unsigned char *)label + at;
		size_t step = utf8_length(next, left - at), width;

		step = step ? step : 1;
		width = columns_of(next, step);
		if (*columns + width > most)
			break;
		*columns += width;
		at += step;
	}
	return at;
}

size_t
label_width(const char *label)
{
	size_t columns;

	bytes_within(label, SIZE_MAX, &columns);
	return columns;
}

char *
label_of_part(const char *name, size_t length, size_t most)
{
	struct text whole = {0};
	size_t width, head, head_columns, skipped, start;
	char *label;

	text_append_label(&whole, name, length);
	width = label_width(whole.bytes);
	if (width <= most)
		return whole.bytes;
	head = bytes_within(whole.bytes, most / 2, &head_columns);
	start = bytes_within(whole.bytes, width - (most - 1 - head_columns), &skipped);
	/* A wide character may stand across the place, and accents belong to what is before them. */
	while (whole.bytes[start] && (label_width(whole.bytes + start) + head_columns + 1 > most ||
				      ((unsigned char)whole.bytes[start] & 0xc0) == 0x80))
		start++;
	label = format_text("%.*s…%s", (int)head, whole.bytes, whole.bytes + start);
	text_free(&whole);
	return label;
}

char *
label_of(const char *name, size_t most)
{
	return label_of_part(name, strlen(name), most);
}
