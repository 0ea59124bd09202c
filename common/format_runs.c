#include "format_runs.h"

/* Elements of a chunk, about. */
#define CHUNK ((uint64_t)1 << 18)

static uint64_t
divide_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

struct geometry
geometry_of(const struct format *format, uint64_t rows, uint64_t columns)
{
	struct geometry geometry = {rows * columns, rows * columns, 1, CHUNK};

	switch (format->parameters[PARAMETER_SPAN]) {
	case SPAN_GROUP:
		geometry.group = (uint64_t)format->parameters[PARAMETER_GROUP];
		if (columns % geometry.group)
			geometry.line = columns;
		if (geometry.group > columns)
			geometry.group = columns;
		break;
	case SPAN_FLAT: geometry.group = (uint64_t)format->parameters[PARAMETER_GROUP]; break;
	case SPAN_ROW: geometry.group = columns; break;
	case SPAN_TENSOR: geometry.group = geometry.elements; break;
	default: break;
	}
	/* No chunk ends within a group, unless that is longer, nor within a line of several groups. */
	if (geometry.line < geometry.elements)
		geometry.chunk = divide_up(CHUNK, geometry.line) * geometry.line;
	else if (geometry.group <= CHUNK && geometry.group)
		geometry.chunk = CHUNK / geometry.group * geometry.group;
	return geometry;
}

/* How many groups begin before an element. */
static uint64_t
groups_before(const struct geometry *geometry, uint64_t element)
{
	return element / geometry->line * divide_up(geometry->line, geometry->group) +
	       divide_up(element % geometry->line, geometry->group);
}

uint64_t
group_count(const struct geometry *geometry)
{
	return geometry->elements ? groups_before(geometry, geometry->elements) : 0;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct run
run_at(const struct geometry *geometry, uint64_t at, uint64_t end)
{
	uint64_t in_line = at % geometry->line, group = geometry->group;
	uint64_t line_rest = geometry->line - in_line;
	struct run run = {.groups = 1,
			  .first = at / geometry->line * divide_up(geometry->line, group) +
				   in_line / group};

	if (groups_are_in_parts(geometry)) {
		run.length = least(least(RUN_MOST, group - in_line % group),
				   least(line_rest, end - at));
	} else if (least(line_rest, end - at) < group) {
		run.length = least(line_rest, end - at);
	} else {
		run.length = group;
		run.groups = least(RUN_MOST, least(line_rest, end - at)) / group;
	}
	return run;
}

size_t
chunk_count(const struct geometry *geometry)
{
	return divide_up(geometry->elements, geometry->chunk);
}

uint64_t
chunk_end(const struct geometry *geometry, uint64_t begin)
{
	return least(begin + geometry->chunk, geometry->elements);
}

double
format_bits(const struct format *format, uint64_t rows, uint64_t columns)
{
	const struct format_kind *kind = format->kind;
	struct geometry geometry = geometry_of(format, rows, columns);
	double groups = (double)group_count(&geometry);

	if (!geometry.elements)
		return kind->bits;
	return kind->bits +
	       (groups * (kind->group_bits ? kind->group_bits(format) : kind->block_bits) +
		format->tensor_bits) /
		       (double)geometry.elements;
}
