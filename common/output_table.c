#include "output_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "tsv.h"
#include "util.h"

static void
add_column(struct output_table *table, char *name)
{
	table->columns = xreallocarray(table->columns, table->column_count + 1,
				       sizeof(*table->columns));
	table->columns[table->column_count++] = name;
}

void
output_table_column(struct output_table *table, const char *format, ...)
{
	va_list arguments;
	char *name;

	va_start(arguments, format);
	if (vasprintf(&name, format, arguments) < 0)
		die(STATUS_RETRY, "out of memory");
	va_end(arguments);
	add_column(table, name);
}

void
output_table_columns(struct output_table *table, const char *const *names)
{
	for (; *names; names++)
		add_column(table, xstrdup(*names));
}

/* A field with quotes around it where RFC 4180 asks for them. */
static void
print_csv_text(const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

/* What follows the field just begun: a tab, a comma, or the end of the line. */
static char
separator(const struct output_table *table)
{
	bool last = table->column + 1 == table->column_count;

	return last ? '\n' : table->format == TABLE_TSV ? '\t' : ',';
}

/* What comes before a value in JSON: brackets, the name. */
static void
begin_field(struct output_table *table)
{
	if (table->format != TABLE_JSON)
		return;
	if (!table->column)
		fputs(table->rows ? ",\n{" : "\n{", stdout);
	else
		fputs(", ", stdout);
	json_print_string(stdout, table->columns[table->column]);
	fputs(": ", stdout);
}

static void
end_field(struct output_table *table)
{
	if (table->format == TABLE_CSV)
		putchar(separator(table));
	if (++table->column < table->column_count)
		return;
	if (table->format == TABLE_JSON)
		putchar('}');
	table->column = 0;
	table->rows++;
}

void
output_table_text(struct output_table *table, const char *text)
{
	begin_field(table);
	switch (table->format) {
	case TABLE_TSV: tsv_text(stdout, text ? text : "", separator(table)); break;
	case TABLE_CSV: print_csv_text(text ? text : ""); break;
	case TABLE_JSON:
		if (text)
			json_print_string(stdout, text);
		else
			fputs("null", stdout);
		break;
	}
	end_field(table);
}

void
output_table_unsigned(struct output_table *table, uint64_t value)
{
	begin_field(table);
	if (table->format == TABLE_TSV)
		tsv_unsigned(stdout, value, separator(table));
	else
		printf("%" PRIu64, value);
	end_field(table);
}

void
output_table_double(struct output_table *table, double value)
{
	char buffer[DOUBLE_TEXT_SIZE];

	begin_field(table);
	if (table->format == TABLE_TSV)
		tsv_double(stdout, value, separator(table));
	else if (table->format == TABLE_JSON && !isfinite(value))
		fputs("null", stdout);
	else if (!isnan(value))
		fputs(format_double(value, buffer), stdout);
	end_field(table);
}

void
output_table_begin(struct output_table *table, enum table_format format)
{
	table->format = format;
	if (format == TABLE_JSON) {
		putchar('[');
		return;
	}
	for (size_t i = 0; i < table->column_count; i++)
		output_table_text(table, table->columns[i]);
	table->rows = 0;
}

void
output_table_end(struct output_table *table)
{
	if (table->format == TABLE_JSON)
		fputs(table->rows ? "\n]\n" : "]\n", stdout);
	for (size_t i = 0; i < table->column_count; i++)
		free(table->columns[i]);
	free(table->columns);
	*table = (struct output_table){0};
}
