/*
 * Which number format each layer of a model is to get, by the tail exponents of its weights: two
 * policies, and the reasons in words.
 *
 * Both are AlphaQuant's. They read alpha in opposite directions, as alpha-plan(1) says; either can be
 * turned round.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "alpha_table.h"
#include "util.h"

enum plan_policy { PLAN_THRESHOLDS, PLAN_RATIO };

/* The end of the range of alpha whose layers get the most bits. */
enum plan_end { PLAN_PROTECT_HIGH, PLAN_PROTECT_LOW };

enum plan_bits { PLAN_16_BITS, PLAN_8_BITS, PLAN_4_BITS };

enum plan_variation { PLAN_VARIATION_UNKNOWN, PLAN_VARIATION_LOW, PLAN_VARIATION_HIGH };

/* Each bounds from below: what equals it is above. */
struct plan_thresholds {
	double high, medium; /* of the mean alpha */
	double variation;    /* of the standard deviation of alpha over the precisions */
	double cv;	     /* of that divided by the mean; has no part in the format */
};

struct plan_shares {
	double mxfp4, bf16; /* of the layers that take part; together 1 at most */
	size_t reference;   /* the precision whose alpha counts */
};

struct planned_layer {
	enum plan_bits bits;
	double alpha; /* nan if there is no estimate */
	double std, cv;
	enum plan_variation variation; /* by thresholds alone */
	char *reason;
};

struct plan {
	enum plan_policy policy;
	struct planned_layer *layers; /* in the order of the table */
	size_t count;
	size_t without_estimate; /* how many got 16 bits because nothing is known of them */
};

/*
 * By the mean of alpha over the precisions: 16 bits from thresholds->high on, 8 from medium on, 4 below,
 * or the reverse; and 16 bits in any case from the standard deviation thresholds->variation on. high is
 * no less than medium.
 */
struct plan plan_by_thresholds(const struct alpha_table *table,
			       const struct plan_thresholds *thresholds, enum plan_end protect);

/*
 * By the order of alpha: a share of the layers from one end gets mxfp4, one from the other end bf16, and
 * the rest mxfp8. The counts are rounded down. Of layers with the same alpha the first in the table get
 * the fewest bits. lm_head and routers keep bf16 and take no part.
 */
struct plan plan_by_ratio(const struct alpha_table *table, const struct plan_shares *shares,
			  enum plan_end protect);

/* Frees what the plan holds. */
void plan_free(struct plan *plan);

/*
 * Thresholds from the layers themselves; cv is left alone. high and medium are the least of the upper two
 * of three classes of mean alpha (grouping.h). variation is above Tukey's upper fence,
 * q75 + 1.5 (q75 - q25), of the standard deviations, and above the largest sum of the alpha_err of a
 * layer: numerical error moves no standard deviation by more. J. W. Tukey, Exploratory Data Analysis
 * (1977), chapter 2. All are shortened as far as that changes the place of no layer, so that they can be
 * read, and given again.
 */
int plan_find_thresholds(const struct alpha_table *table, struct plan_thresholds *thresholds,
			 struct failure *failure);

/* What the policy calls the format that it gives to a layer. */
const char *plan_format(const struct plan *plan, const struct planned_layer *layer);

#endif
