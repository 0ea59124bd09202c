/* The tables of fits that are named on a command line. What fails ends the program. */
#ifndef ALPHA_INPUT_H
#define ALPHA_INPUT_H

#include "alpha_table.h"

/*
 * Reads the tables that the operands name, standard input for "-" or if there are none. The models of
 * several are called by what their paths do not have in common: results/a/alpha.tsv and
 * results/b/alpha.tsv are a and b. A table without any row is refused.
 */
void alpha_input_read(struct alpha_table *table, char *const *operands, size_t count);

/*
 * Keeps the precisions of a comma-separated list, in its order. Refused are ones that no row has, and
 * one that is there twice.
 */
void alpha_input_select(struct alpha_table *table, const char *list);

/* The number of the precision that others are compared with: the one wanted, or by default (null) the
 * first of the table. */
size_t alpha_input_reference(const struct alpha_table *table, const char *wanted);

/* The names that alpha_input_read() gives to models, from malloc. */
char **alpha_input_models(char *const *operands, size_t count);

#endif
