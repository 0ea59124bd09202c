/* What is largest and smallest in each of many groups: what scales are made of. By vectors. */
#ifndef FORMAT_EXTREMES_H
#define FORMAT_EXTREMES_H

#include "format_family.h"

/* The extents of groups of one length that lie one after the other. */
void find_extents(const float *values, size_t groups, size_t length, struct extent *extents);

/* Their largest magnitudes; NaN where there is one. */
void find_magnitudes(const float *values, size_t groups, size_t length, float *magnitudes);

/* The same, of a group of which only the extent is known. */
static inline float
extent_magnitude(struct extent extent)
{
	return -extent.smallest > extent.largest ? -extent.smallest : extent.largest;
}

#endif
