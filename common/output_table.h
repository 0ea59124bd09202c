/*
 * Tables on standard output, in the forms that people read them: tab-separated, comma-separated, and
 * JSON. A row is as many calls as there are columns.
 */
#ifndef OUTPUT_TABLE_H
#define OUTPUT_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum table_format {
	TABLE_TSV, /* as tsv.h says; a number that is missing is "nan" */
	TABLE_CSV, /* RFC 4180 with lines that end in a newline; what is missing is empty */
	TABLE_JSON /* an array of objects; what is missing, and what is infinite, is null */
};

struct output_table {
	enum table_format format;
	char **columns;
	size_t column_count;
	size_t column; /* the next */
	uint64_t rows;
};

/* A zeroed struct has no columns. Adds one, named by a format; all come before the first row. */
void output_table_column(struct output_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds the columns of a null-terminated list. */
void output_table_columns(struct output_table *table, const char *const *names);

/* Prints the head. */
void output_table_begin(struct output_table *table, enum table_format format);

/* The next field of the row. */
void output_table_text(struct output_table *table, const char *text); /* null: missing */
void output_table_unsigned(struct output_table *table, uint64_t value);
void output_table_double(struct output_table *table, double value); /* nan: missing */

/* Prints the end, and frees the columns. */
void output_table_end(struct output_table *table);

#endif
