/* The fields of tab-separated tables. */
#ifndef TSV_H
#define TSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util.h"

/* Writes one field, followed by the separator ('\t' or '\n'). Tab, newline and backslash in text are
 * written \t \n \\, and other control characters \xHH. */
void tsv_text(FILE *file, const char *text, char separator);
void tsv_unsigned(FILE *file, uint64_t value, char separator);

/* The fewest digits that read back to the same double; nan, inf, -inf. */
void tsv_double(FILE *file, double value, char separator);

/*
 * Undoes in place what tsv_text() does to text. False if that is not what the field holds, or if the
 * text is not UTF-8 or holds a null byte; the field is then unspecified.
 */
bool tsv_unescape(char *field);

/* A number as tsv_double() writes it, nan where there is no field. */
bool tsv_read_double(const char *field, double *value);

/* As many columns as a table may be asked for. */
enum { TSV_MOST_COLUMNS = 64 };

/* Where the columns that are looked for stand in the lines of a table, SIZE_MAX if nowhere. */
struct tsv_layout {
	size_t place[TSV_MOST_COLUMNS];
	size_t columns; /* that are looked for */
	size_t fields;	/* in each line */
};

/*
 * Finds the columns of these names in a table's first line, which is cut up. Fails where one of the first
 * `required` is missing, with the words for that, and where one is there twice.
 */
int tsv_read_header(char *line, const char *const *names, size_t columns, size_t required,
		    const char *missing, struct tsv_layout *layout, struct failure *failure);

/*
 * Cuts a line into its fields and undoes their escapes. Sets fields[] to those of the columns, null where
 * there is no such column; they are in the line.
 */
int tsv_split_line(char *line, const struct tsv_layout *layout, const char **fields,
		   struct failure *failure);

#endif
