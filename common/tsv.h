/* Writing tab-separated tables on standard output. */
#ifndef TSV_H
#define TSV_H

#include <stdint.h>

/* One field, followed by the separator ('\t' or '\n'). Tab, newline and backslash in text are
 * written \t \n \\, and other control characters \xHH. */
void tsv_text(const char *text, char separator);
void tsv_unsigned(uint64_t value, char separator);

/* The fewest digits that read back to the same double; nan, inf, -inf. */
void tsv_double(double value, char separator);

#endif
