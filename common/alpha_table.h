/*
 * Tables of fits, as hill-alpha(1) prints them, read back: layers by precisions, from one table or
 * from several, one for each model.
 *
 * Tables come from outside. Refused are ones that do not end in a whole line, that lack a column, that say two
 * things of one layer, or that have rows of several fits when none is chosen. Columns go by their names, and may
 * stand in any order; those that are not known are passed over.
 */
#ifndef ALPHA_TABLE_H
#define ALPHA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "metrics.h"
#include "util.h"

/* The fit of one layer in one precision: a row of a table. */
struct fit {
	bool there; /* false: the table has no such row, and alpha and alpha_err are nan */
	/* nan where not given */
	double alpha, alpha_err, lambda_ref, lambda_max, cast_rel_err, cast_bits, cast_sqnr_db;
	double alpha_null;
	double metrics[METRIC_COUNT]; /* where the row is there */
	uint64_t k, n;
	const char *method, *note;
};

struct fitted_layer {
	const char *name, *category, *source_dtype;
	uint64_t rows, columns,
		elements; /* of the weight matrix; out_features, in_features, numel */
	size_t model;	  /* which table it comes from */
	struct fit *fits; /* by precision, as many as the table has */
};

/*
 * A zeroed struct is an empty table, but for `fit`, which may be set before reading. All that it refers to
 * belongs to it until alpha_table_free(), but for such a `fit`, which stays the caller's.
 */
struct alpha_table {
	const char **models; /* the names given to alpha_table_read() */
	size_t model_count;
	const char **precisions; /* in the order in which they first appear */
	size_t precision_count;
	struct fitted_layer *layers; /* model by model, in the order in which they first appear */
	size_t layer_count;
	/* Rows of this fit alone are taken. Null: those of the only one there is, which it then names. A row that
	 * names none is of "hill". */
	const char *fit;
	struct alpha_table_text *texts; /* what the strings stand in */
};

/*
 * Adds the table that the file holds, read to its end, as that of a model, whose name is copied. Returns 0, or -1
 * with a failure; the table is the caller's to free in either case, and is not to be used after -1.
 */
int alpha_table_read(struct alpha_table *table, FILE *file, const char *model,
		     struct failure *failure);

/* Keeps the count precisions of these numbers, all different and in the table, and puts them in this order. */
void alpha_table_select(struct alpha_table *table, const size_t *numbers, size_t count);

void alpha_table_free(struct alpha_table *table);

/* The number of a precision; that of all precisions if the table does not have it. */
size_t alpha_table_precision(const struct alpha_table *table, const char *precision);

/* Whether a fit has an alpha and a bound on its error. What has none is no estimate. */
bool fit_is_estimate(const struct fit *fit);

#endif
