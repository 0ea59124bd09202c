#include "format_extremes.h"

#include "bits.h"
#include "vector.h"

static inline void
find_extents_of(const float *values, size_t groups, size_t length, struct extent *extents)
{
	for (size_t i = 0; i < groups; i++)
		extents[i] = extent_of(values + i * length, length);
}

static inline void
find_magnitudes_of(const float *values, size_t groups, size_t length, float *magnitudes)
{
	for (size_t i = 0; i < groups; i++)
		magnitudes[i] = float_of(largest_magnitude_bits(values + i * length, length));
}

/* Lengths that are known when this is compiled make loops without remainders. */
HOT static void
extents_by_length(const float *values, size_t groups, size_t length, struct extent *extents)
{
	switch (length) {
	case 32: find_extents_of(values, groups, 32, extents); break;
	case 64: find_extents_of(values, groups, 64, extents); break;
	case 128: find_extents_of(values, groups, 128, extents); break;
	default: find_extents_of(values, groups, length, extents); break;
	}
}

HOT static void
magnitudes_by_length(const float *values, size_t groups, size_t length, float *magnitudes)
{
	switch (length) {
	case 16: find_magnitudes_of(values, groups, 16, magnitudes); break;
	case 32: find_magnitudes_of(values, groups, 32, magnitudes); break;
	case 64: find_magnitudes_of(values, groups, 64, magnitudes); break;
	case 128: find_magnitudes_of(values, groups, 128, magnitudes); break;
	default: find_magnitudes_of(values, groups, length, magnitudes); break;
	}
}

/* Functions of their own, as clang gives the clones of one that is HOT no name for other files. */
void
find_extents(const float *values, size_t groups, size_t length, struct extent *extents)
{
	extents_by_length(values, groups, length, extents);
}

void
find_magnitudes(const float *values, size_t groups, size_t length, float *magnitudes)
{
	magnitudes_by_length(values, groups, length, magnitudes);
}
