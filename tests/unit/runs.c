/*
 * How tensors are cut for casts: every element is in one run, no run holds parts of two groups beside a
 * whole one, and groups have the numbers that they would have if they were counted one by one.
 */
#include <inttypes.h>

#include "format_runs.h"
#include "tap.h"

/* The number of the group that an element is in, and whether it is the first of it; by the definition. */
static uint64_t
group_of(const struct format *format, uint64_t columns, uint64_t element, bool *first)
{
	uint64_t group = (uint64_t)format->parameters[PARAMETER_GROUP];
	uint64_t row = element / columns, column = element % columns;

	switch (format->parameters[PARAMETER_SPAN]) {
	case SPAN_VALUE: *first = true; return element;
	case SPAN_FLAT: *first = element % group == 0; return element / group;
	case SPAN_ROW: *first = column == 0; return row;
	case SPAN_TENSOR: *first = element == 0; return 0;
	default: *first = column % group == 0;
	}
	return row * ((columns + group - 1) / group) + column / group;
}

static bool
is_right(const struct format *format, const struct geometry *geometry, const struct run *run,
	 uint64_t at, uint64_t columns)
{
	size_t count = run->groups * run->length;
	bool first, right = count > 0 && count <= RUN_MOST;
	bool in_parts = groups_are_in_parts(geometry);

	for (size_t i = 0; i < count; i++) {
		uint64_t group = group_of(format, columns, at + i, &first);

		right &= group == run->first + i / run->length;
		/* Whole groups begin where their values do. */
		right &= in_parts || first == (i % run->length == 0);
	}
	if (!in_parts && at + count < geometry->elements) {
		group_of(format, columns, at + count, &first);
		right &= first;
	}
	return right;
}

/* Walks over a tensor as the driver does. */
static bool
covers(const struct format *format, uint64_t rows, uint64_t columns)
{
	struct geometry geometry = geometry_of(format, rows, columns);
	uint64_t done = 0;
	bool first, right = true;

	for (size_t chunk = 0; chunk < chunk_count(&geometry); chunk++) {
		uint64_t at = chunk * geometry.chunk, end = chunk_end(&geometry, at);

		right &= at == done;
		while (at < end && right) {
			struct run run = run_at(&geometry, at, end);

			right &= is_right(format, &geometry, &run, at, columns);
			at += run.groups * run.length;
		}
		right &= at == end;
		done = end;
	}
	if (!rows || !columns)
		return right && !done && !group_count(&geometry);
	return right && done == rows * columns &&
	       group_count(&geometry) == group_of(format, columns, rows * columns - 1, &first) + 1;
}

int
main(void)
{
	static const struct {
		const char *name;
		enum span span;
		int group;
	} spans[] = {{"values", SPAN_VALUE, 0},		 {"groups of 32", SPAN_GROUP, 32},
		     {"groups of 3", SPAN_GROUP, 3},	 {"groups of 1500", SPAN_GROUP, 1500},
		     {"64 flat", SPAN_FLAT, 64},	 {"4096 flat", SPAN_FLAT, 4096},
		     {"300000 flat", SPAN_FLAT, 300000}, {"rows", SPAN_ROW, 0},
		     {"a tensor", SPAN_TENSOR, 0}};
	static const uint64_t shapes[][2] = {{1, 1},	  {0, 5},      {5, 0},	    {7, 31},
					     {3, 32},	  {10, 100},   {1, 1024},   {2, 1025},
					     {300, 1030}, {1000, 384}, {3, 300000}, {1, 600001},
					     {9000, 64},  {100000, 7}};

	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		struct format format = {.parameters = {[PARAMETER_SPAN] = (int)spans[i].span,
						       [PARAMETER_GROUP] = spans[i].group}};
		bool right = true;

		for (size_t shape = 0; shape < sizeof(shapes) / sizeof(*shapes); shape++)
			if (!covers(&format, shapes[shape][0], shapes[shape][1])) {
				printf("# %" PRIu64 " x %" PRIu64 "\n", shapes[shape][0],
				       shapes[shape][1]);
				right = false;
			}
		tap(right, "%s", spans[i].name);
	}
	return tap_done();
}
