/* Colours that people with any kind of colour vision can tell apart. */
#ifndef PALETTE_H
#define PALETTE_H

#include <stddef.h>

/*
 * A colour for each precision, "#rrggbb", the array from malloc. A precision has the same colour in all
 * plots and for all models, unless it meets another of the same kind in one table. The eight are
 * those of B. Wong, Nature Methods 8 (2011) 441.
 */
const char **palette_of_precisions(const char *const *precisions, size_t count);

/* The i-th of colours for other things; sixteen differ. */
const char *palette_color(size_t i);

#endif
