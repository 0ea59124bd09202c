/*
 * Plans in the two forms that AlphaQuant reads (alphaquant/utils/replacement.py), in JSON, on standard
 * output. Its names of formats stand for what its mapping makes of ours, as alpha-plan(1) says.
 */
#ifndef ALPHAQUANT_H
#define ALPHAQUANT_H

#include "alpha_table.h"
#include "plan.h"
#include "util.h"

/*
 * A configuration: a default, and an override for each layer, whose pattern matches its name and no
 * other. Fails, with nothing written, for a layer whose name is empty, since no pattern is for that.
 */
int alphaquant_write_config(const struct alpha_table *table, const struct plan *plan,
			    struct failure *failure);

/* A flat plan: an object for each layer, by its name. */
void alphaquant_write_plan(const struct alpha_table *table, const struct plan *plan);

#endif
