/*
 * Integers of 1 to 8 bits, packed by compressed-tensors ("pack-quantized"), in groups of input features or
 * by rows, each with a scale and perhaps a zero point.
 *
 * weight_packed, I32 [outputs, inputs * bits / 32, rounded up]: each row a string of bits, of codes that
 * are 2^(bits - 1) more than the values; weight_shape, I64: outputs, inputs; weight_scale [outputs,
 * groups]; weight_zero_point, I32 [outputs * bits / 32, rounded up, groups]: packed along the outputs
 * (compressed_tensors 0.20, compressors/pack_quantized). weight_g_idx, I32 [inputs], of earlier versions:
 * the group of each input, -1 if they come in order.
 *
 * A weight is (value - zero point) * scale, rounded once to the scale's type (quantization/lifecycle/
 * forward_helpers.py, _dequantize): the difference is exact.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "quantised_family.h"

enum { PACKED, SCALE, ZERO, SHAPE, ORDER };

static bool
claims(const struct quantised *weight, const struct quantisation *quantisation)
{
	(void)weight;
	return quantisation_is(quantisation, "compressed-tensors");
}

static int
plan_shape(struct quantised *weight, const struct model *model, struct failure *failure)
{
	const struct model_tensor *packed = &weight->parts[PACKED];
	const struct model_tensor *shape = &weight->parts[SHAPE];
	int64_t sizes[2];

	if (packed->rank != 2)
		return fail_part(weight, PACKED, failure);
	if (!shape->name || shape->elements != 2 || shape->dtype != DTYPE_I64)
		return fail_part(weight, SHAPE, failure);
	if (part_bytes(weight, model, SHAPE, 0, sizeof(sizes), sizes, failure))
		return -1;
	if (sizes[0] < 0 || sizes[1] <= 0 || (uint64_t)sizes[0] != packed->shape[0])
		return fail(failure, STATUS_DATA,
			    "%s weights of %" PRId64 "x%" PRId64
			    ", as weight_shape has it, in %" PRIu64 " rows",
			    weight->family->name, sizes[0], sizes[1], packed->shape[0]);
	weight->rank = 2;
	weight->shape[0] = (uint64_t)sizes[0];
	weight->shape[1] = (uint64_t)sizes[1];
	return 0;
}

/* One scale for all, one for each row, or one for each group. */
static int
plan_scale(struct quantised *weight, struct failure *failure)
{
	const struct model_tensor *scale = &weight->parts[SCALE];
	uint64_t rows = weight->shape[0], columns = weight->shape[1];

	if (!scale->name || !is_scale_type(scale->dtype))
		return fail_part(weight, SCALE, failure);
	weight->dtype = scale->dtype;
	weight->scale_rows = scale->elements == 1 ? 1 : rows;
	weight->groups = 1;
	if (scale->elements != 1 && !(scale->rank == 1 && scale->shape[0] == rows)) {
		if (scale->rank != 2 || scale->shape[0] != rows || !scale->shape[1] ||
		    columns % scale->shape[1])
			return fail_part(weight, SCALE, failure);
		weight->groups = scale->shape[1];
	}
	weight->block_columns = columns / weight->groups;
	return 0;
}

/* The setting of the weights of a group of layers, of which the configuration may have several. */
static const char *
group_text(const struct quantisation *quantisation, const char *group, const char *name)
{
	char *path = format_text("%.*sweights.%s", (int)(strstr(group, "weights.") - group), group,
				 name);
	const char *text = quantisation_text(quantisation, path);

	free(path);
	return text;
}

static bool
is_text_of(const char *text, const char *expected)
{
	return text && !strcmp(text, expected);
}

/* Whether a group of layers, given by the path of its num_bits, is one that the shapes are of. */
static bool
group_fits(const struct quantised *weight, const struct quantisation *quantisation,
	   const char *group, unsigned bits)
{
	const char *size = group_text(quantisation, group, "group_size");
	bool is_symmetric = !is_text_of(group_text(quantisation, group, "symmetric"), "false");
	uint64_t number, width;

	if (!multiply_checked(weight->shape[1], bits, &width) ||
	    divide_up(width, 32) != weight->parts[PACKED].shape[1] ||
	    is_symmetric == part_is_there(weight, ZERO) ||
	    is_text_of(group_text(quantisation, group, "type"), "float"))
		return false;
	if (size && parse_unsigned(size, UINT32_MAX, &number))
		return number && weight->shape[1] % number == 0 &&
		       weight->shape[1] / number == weight->groups;
	return weight->groups == 1;
}

/* The bits of a code: the shapes alone do not tell, if rows are short. */
static int
plan_bits(struct quantised *weight, const struct quantisation *quantisation,
	  struct failure *failure)
{
	for (size_t i = 0; i < quantisation->count; i++) {
		const char *name = quantisation->names[i];
		uint64_t bits;

		if (!has_prefix(name, "config_groups.") || !has_suffix(name, ".weights.num_bits") ||
		    !parse_unsigned(quantisation->values[i]->text, 8, &bits) || !bits ||
		    !group_fits(weight, quantisation, name, (unsigned)bits))
			continue;
		if (weight->bits && weight->bits != bits)
			return fail(failure, STATUS_DATA,
				    "%s weights that may be of %u or of %" PRIu64 " bits",
				    weight->family->name, weight->bits, bits);
		weight->bits = (unsigned)bits;
	}
	if (!weight->bits)
		return fail(failure, STATUS_DATA,
			    "%s weights whose shapes fit none of the config_groups",
			    weight->family->name);
	return 0;
}

static int
plan(struct quantised *weight, const struct model *model, const struct quantisation *quantisation,
     struct failure *failure)
{
	if (plan_shape(weight, model, failure) || plan_scale(weight, failure) ||
	    plan_bits(weight, quantisation, failure))
		return -1;
	if (part_is_there(weight, ZERO) &&
	    (weight->scale_rows != weight->shape[0] ||
	     !part_is(weight, ZERO, DTYPE_I32, 2, divide_up(weight->shape[0] * weight->bits, 32),
		      weight->groups)))
		return fail_part(weight, ZERO, failure);
	if (part_is_there(weight, ORDER) &&
	    !part_is(weight, ORDER, DTYPE_I32, 1, weight->shape[1], 0))
		return fail_part(weight, ORDER, failure);
	weight->stored = format_text("compressed-tensors int%u", weight->bits);
	return 0;
}

/* A code of a string of bits, of which words lie so far apart, as the value that it stands for. */
static float
value_at(const uint32_t *words, size_t stride, uint64_t place, unsigned bits)
{
	unsigned code = code_at(words, stride, place, bits);

	return (float)((int)code - (1 << (bits - 1)));
}

/* The zero points of the groups of a row, from the words of all its groups. */
static int
read_zeros(const struct quantised *weight, const struct model *model, uint64_t row, float *zeros,
	   struct failure *failure)
{
	uint64_t first = row * weight->bits / 32, end = divide_up((row + 1) * weight->bits, 32);
	uint32_t *words;
	int result;

	memset(zeros, 0, weight->groups * sizeof(*zeros));
	if (!part_is_there(weight, ZERO))
		return 0;
	words = xcalloc(weight->groups, 2 * sizeof(*words));
	result = part_bytes(weight, model, ZERO, first * weight->groups * sizeof(*words),
			    (end - first) * weight->groups * sizeof(*words), words, failure);
	for (uint64_t group = 0; group < weight->groups && !result; group++)
		zeros[group] = value_at(words + group, weight->groups, row * weight->bits % 32,
					weight->bits);
	free(words);
	return result;
}

/* The memory that a row takes. */
struct row {
	uint32_t *order, *words;
	float *scales, *zeros;
};

static int
decode_row(const struct quantised *weight, const struct model *model, uint64_t row,
	   const struct row *parts, float *values, struct failure *failure)
{
	size_t bytes = weight->parts[PACKED].shape[1] * sizeof(*parts->words);
	uint64_t scale_row = weight->scale_rows == 1 ? 0 : row;

	if (part_bytes(weight, model, PACKED, row * bytes, bytes, parts->words, failure) ||
	    part_values(weight, model, SCALE, scale_row * weight->groups, weight->groups,
			parts->scales, failure) ||
	    read_zeros(weight, model, row, parts->zeros, failure))
		return -1;
	for (uint64_t i = 0; i < weight->columns; i++) {
		uint32_t group = parts->order[i];
		float value = value_at(parts->words, 1, i * weight->bits, weight->bits);

		values[i] = (value - parts->zeros[group]) * parts->scales[group];
	}
	return 0;
}

static int
decode(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
       float *values, struct failure *failure)
{
	struct row parts = {
		.order = xcalloc(weight->columns, sizeof(*parts.order)),
		.words = xcalloc(weight->parts[PACKED].shape[1], sizeof(*parts.words)),
		.scales = xcalloc(weight->groups, sizeof(*parts.scales)),
		.zeros = xcalloc(weight->groups, sizeof(*parts.zeros)),
	};
	int result = part_order(weight, model, ORDER, true, parts.order, failure);

	for (size_t i = 0; i < rows && !result; i++)
		result = decode_row(weight, model, row + i, &parts, values + i * weight->columns,
				    failure);
	free(parts.order);
	free(parts.words);
	free(parts.scales);
	free(parts.zeros);
	return result;
}

const struct quantised_family quantised_packed = {
	.name = "compressed-tensors",
	.types = 1U << DTYPE_I32,
	.parts = {".weight_packed", ".weight_scale", ".weight_zero_point", ".weight_shape",
		  ".weight_g_idx"},
	.derived = ".weight",
	.claims = claims,
	.plan = plan,
	.decode = decode,
};
