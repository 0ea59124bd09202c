/*
 * How a tensor is cut for a cast: into chunks, which threads share, and these into runs of groups that
 * stay in the first-level cache.
 *
 * It depends on the tensor and the format alone, not on the threads.
 */
#ifndef FORMAT_RUNS_H
#define FORMAT_RUNS_H

#include "format_family.h"

/*
 * Groups as they lie in the elements of a tensor: groups of so many, beginning anew at the start of each
 * line. A line is a row if rows end in shorter groups, otherwise all elements.
 */
struct geometry {
	uint64_t elements, line, group;
	uint64_t chunk; /* elements of a chunk */
};

struct geometry geometry_of(const struct format *format, uint64_t rows, uint64_t columns);

/* How many groups there are; and chunks. */
uint64_t group_count(const struct geometry *geometry);
size_t chunk_count(const struct geometry *geometry);

/* Where the chunk ends that begins at an element. */
uint64_t chunk_end(const struct geometry *geometry, uint64_t begin);

/* Whether groups have to be surveyed, and are cast in parts. */
static inline bool
groups_are_in_parts(const struct geometry *geometry)
{
	return geometry->group > RUN_MOST;
}

/* The next run from an element on, up to an end: whole groups, or a part of a long one. */
struct run run_at(const struct geometry *geometry, uint64_t at, uint64_t end);

#endif
