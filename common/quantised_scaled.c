/*
 * Weights in F8_E4M3, F8_E5M2 or I8 that are multiplied by scales: one for all, one for each row, or one
 * for each block of rows and columns.
 *
 * weight_scale_inv: blocks of 128 rows and columns, those at the edges smaller, unless weight_block_size
 * in the configuration says another size (DeepSeek-V3, inference/kernel.py, weight_dequant). Despite its
 * name it is multiplied by. weight_scale: the same, or one scale, or one for each row (compressed-tensors,
 * compressors/naive_quantized/base.py; transformers, integrations/fbgemm_fp8.py).
 *
 * The values are those of compressed_tensors 0.20 (quantization/lifecycle/forward_helpers.py, _dequantize)
 * and, for weight_scale_inv, of transformers 5.23 (integrations/finegrained_fp8.py): the weight less the
 * zero point, in float32, times the scale, rounded to the scale's type; to BF16 where the scale is a power
 * of two in a byte. A product of a weight and a scale of 16 bits is exact in float32, so rounded once.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "quantised_family.h"

enum { WEIGHT, SCALE_INV, SCALE, ZERO };

static unsigned
scale_part(const struct quantised *weight)
{
	return part_is_there(weight, SCALE_INV) ? SCALE_INV : SCALE;
}

static bool
claims(const struct quantised *weight, const struct quantisation *quantisation)
{
	bool has_scale = part_is_there(weight, SCALE_INV) || part_is_there(weight, SCALE);

	if (weight->parts[WEIGHT].dtype == DTYPE_I8)
		return has_scale && quantisation_is(quantisation, "compressed-tensors");
	return has_scale;
}

/* Whether a setting is a size of blocks of rows (dimension 0) or columns (1), for all layers or for some. */
static bool
is_block_size(const char *name, unsigned dimension)
{
	return has_suffix(name, dimension ? "weight_block_size.1" : "weight_block_size.0") ||
	       has_suffix(name, dimension ? ".block_structure.1" : ".block_structure.0") ||
	       (dimension && has_suffix(name, ".weights.group_size"));
}

/*
 * How many of `count` rows or columns share one of `scales`: all; one; or as many as the configuration
 * says or, if it says nothing, 128 and, of columns, the 32 of the MX formats. 0 if none is right, or two
 * are.
 */
static uint64_t
shared_by(const struct quantisation *quantisation, unsigned dimension, uint64_t count,
	  uint64_t scales)
{
	bool is_configured = false;
	uint64_t size, fitting = 0;

	if (scales == 1)
		return count ? count : 1;
	if (scales == count)
		return 1;
	for (size_t i = 0; i < quantisation->count; i++) {
		if (!is_block_size(quantisation->names[i], dimension) ||
		    !parse_unsigned(quantisation->values[i]->text, UINT32_MAX, &size) || !size)
			continue;
		is_configured = true;
		if (divide_up(count, size) != scales)
			continue;
		if (fitting && fitting != size)
			return 0;
		fitting = size;
	}
	if (fitting)
		return fitting;
	if (!is_configured && divide_up(count, 128) == scales)
		return 128;
	return !is_configured && dimension && divide_up(count, 32) == scales ? 32 : 0;
}

/* A scale of no or one dimension is for all, or for the rows. */
static int
plan_scale_shape(struct quantised *weight, const struct model_tensor *scale)
{
	const struct model_tensor *tensor = &weight->parts[WEIGHT];

	weight->scale_rows = weight->scale_columns = 1;
	if (scale->elements == 1)
		return 0;
	if (scale->rank == 1 && tensor->rank == 2 && scale->shape[0] == tensor->shape[0]) {
		weight->scale_rows = scale->shape[0];
		return 0;
	}
	if (scale->rank != tensor->rank)
		return -1;
	for (unsigned i = 0; i + 2 < tensor->rank; i++)
		if (scale->shape[i] != tensor->shape[i])
			return -1;
	weight->scale_rows = scale->shape[scale->rank - 2];
	weight->scale_columns = scale->shape[scale->rank - 1];
	return weight->scale_rows && weight->scale_columns ? 0 : -1;
}

static int
plan_scales(struct quantised *weight, const struct quantisation *quantisation,
	    struct failure *failure)
{
	unsigned part = scale_part(weight);
	const struct model_tensor *scale = &weight->parts[part];
	uint64_t columns = weight->shape[weight->rank - 1];
	bool is_power = scale->dtype == DTYPE_U8 || scale->dtype == DTYPE_F8_E8M0;

	if (!(is_scale_type(scale->dtype) || is_power) || plan_scale_shape(weight, scale))
		return fail_part(weight, part, failure);
	weight->matrix_rows = weight->shape[weight->rank - 2];
	weight->block_rows = shared_by(quantisation, 0, weight->matrix_rows, weight->scale_rows);
	weight->block_columns = shared_by(quantisation, 1, columns, weight->scale_columns);
	if (!weight->block_rows || !weight->block_columns)
		return fail_part(weight, part, failure);
	weight->dtype = is_power ? DTYPE_BF16 : scale->dtype;
	return 0;
}

static char *
describe(const struct quantised *weight)
{
	const char *type = dtype_name(weight->parts[WEIGHT].dtype);

	if (weight->scale_rows == 1 && weight->scale_columns == 1)
		return format_text("%s scaled", type);
	if (weight->scale_columns == 1 && weight->block_rows == 1)
		return format_text("%s scaled by rows", type);
	if (weight->block_rows == 1)
		return format_text("%s groups of %" PRIu64, type, weight->block_columns);
	return format_text("%s %" PRIu64 "x%" PRIu64 " blocks", type, weight->block_rows,
			   weight->block_columns);
}

static int
plan(struct quantised *weight, const struct model *model, const struct quantisation *quantisation,
     struct failure *failure)
{
	const struct model_tensor *tensor = &weight->parts[WEIGHT];
	const struct model_tensor *scale = &weight->parts[scale_part(weight)];

	(void)model;
	if (tensor->rank < 2)
		return fail_part(weight, WEIGHT, failure);
	if (part_is_there(weight, SCALE_INV) && part_is_there(weight, SCALE))
		return fail(failure, STATUS_DATA, "scaled weights with two kinds of scales");
	weight->rank = tensor->rank;
	memcpy(weight->shape, tensor->shape, sizeof(weight->shape));
	if (plan_scales(weight, quantisation, failure))
		return -1;
	if (part_is_there(weight, ZERO) && (weight->parts[ZERO].dtype != DTYPE_I8 ||
					    weight->parts[ZERO].elements != scale->elements))
		return fail_part(weight, ZERO, failure);
	weight->stored = describe(weight);
	return 0;
}

/* Reads the scales of one row of blocks, or the zero points, for the row that is given. */
static int
read_scale_row(const struct quantised *weight, const struct model *model, unsigned part,
	       uint64_t row, float *scales, struct failure *failure)
{
	uint64_t matrix = row / weight->matrix_rows, within = row % weight->matrix_rows;
	uint64_t scale_row = matrix * weight->scale_rows + within / weight->block_rows;

	/* One scale for all matrices. */
	if (weight->parts[part].elements == 1)
		scale_row = 0;
	return part_values(weight, model, part, scale_row * weight->scale_columns,
			   weight->scale_columns, scales, failure);
}

static int
scale_row(const struct quantised *weight, const struct model *model, uint64_t row, float *values,
	  float *scales, float *zeros, struct failure *failure)
{
	bool has_zeros = part_is_there(weight, ZERO);

	if (read_scale_row(weight, model, scale_part(weight), row, scales, failure) ||
	    (has_zeros && read_scale_row(weight, model, ZERO, row, zeros, failure)))
		return -1;
	for (uint64_t block = 0; block < weight->scale_columns; block++) {
		uint64_t end = (block + 1) * weight->block_columns;

		for (uint64_t i = block * weight->block_columns; i < end && i < weight->columns;
		     i++)
			values[i] = (values[i] - zeros[block]) * scales[block];
	}
	return 0;
}

static int
decode(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
       float *values, struct failure *failure)
{
	float *scales = xcalloc(weight->scale_columns, sizeof(*scales));
	float *zeros = xcalloc(weight->scale_columns, sizeof(*zeros));
	int result = part_values(weight, model, WEIGHT, row * weight->columns,
				 rows * weight->columns, values, failure);

	for (size_t i = 0; i < rows && !result; i++)
		result = scale_row(weight, model, row + i, values + i * weight->columns, scales,
				   zeros, failure);
	free(scales);
	free(zeros);
	return result;
}

const struct quantised_family quantised_scaled = {
	.name = "scaled",
	.types = 1U << DTYPE_F8_E4M3 | 1U << DTYPE_F8_E5M2 | 1U << DTYPE_I8,
	.parts = {"", "_scale_inv", "_scale", "_zero_point"},
	.derived = "",
	.claims = claims,
	.plan = plan,
	.decode = decode,
};
