/*
 * Tables of hill-alpha --hill-plot, read back: for each layer and precision, alpha against k.
 *
 * Tables come from outside. Refused are ones that do not end in a whole line, that lack a column, or in which k does
 * not rise. Columns go by their names; those that are not known are passed over.
 */
#ifndef HILL_TABLE_H
#define HILL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "name_list.h"
#include "util.h"

struct hill_point {
	uint64_t k;
	double alpha;		/* nan unless it is an estimate */
	double null, low, high; /* nan where not given */
};

/* A layer in one precision. Without any point if the spectrum had no fit. */
struct hill_curve {
	const char *precision;
	const char *color; /* the caller's */
	struct hill_point *points;
	size_t count;
};

struct hill_panel {
	const char *layer;
	struct hill_curve *curves;
	size_t count;
};

/* A zeroed struct is empty. */
struct hill_table {
	struct hill_panel *panels; /* one for each layer */
	size_t count;
	struct name_list layers, precisions;
};

/*
 * Reads a table to its end; layers that are not wanted are passed over. Returns 0, or -1 with a failure;
 * hill_table_free() is the caller's in either case.
 */
int hill_table_read(struct hill_table *table, FILE *file, bool (*wanted)(const char *layer),
		    struct failure *failure);
void hill_table_free(struct hill_table *table);

#endif
