/*
 * A row of hill-alpha's table: what one fit says of one spectrum, and the columns that say it.
 */
#ifndef ALPHA_ROW_H
#define ALPHA_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "alpha_interval.h"
#include "frame.h"
#include "metrics.h"
#include "tail_fit.h"

/* What the table has beside what it always has. */
struct alpha_row_choice {
	double confidence; /* of intervals; 0: none */
	size_t replicates; /* for p-values; 0: none */
	uint64_t seed;	   /* of the replicates, with the layer's name and the precision */
	bool compares;	   /* the law with others */
	struct metric_choice metrics;
};

struct alpha_row {
	const struct frame *frame; /* of the spectrum; the caller's, until the row is printed */
	enum tail_fit_kind kind;
	struct hill hill;
	double distance; /* D */
	size_t count;	 /* of eigenvalues */
	double lambda_max;
	double null; /* what hill.alpha would be of a large random matrix */
	struct alpha_interval interval;
	double p_value;
	struct likelihood_ratio ratios[ALTERNATIVES];
	double metrics[METRIC_COUNT];
	const char *method; /* that gave the spectrum, or what prevented it */
	const char *note;
};

/*
 * Fits the eigenvalues of a frame, as spectrum_frame_values() gives them; k is the tail of Hill's estimate,
 * which is not used for fewer than two. From any thread.
 */
struct alpha_row alpha_row_of(const struct frame *frame, const double *values,
			      enum tail_fit_kind kind, size_t k,
			      const struct alpha_row_choice *choice);

/* The names of the columns, a line. */
void alpha_row_print_header(FILE *table, const struct alpha_row_choice *choice);

void alpha_row_print(FILE *table, const struct alpha_row *row,
		     const struct alpha_row_choice *choice);

#endif
