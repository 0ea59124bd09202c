/* The fields of tab-separated tables. */
#ifndef TSV_H
#define TSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

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

#endif
