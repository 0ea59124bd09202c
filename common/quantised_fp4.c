/*
 * FP4 (E2M1) in blocks that share a scale: NVFP4 and MXFP4.
 *
 * Two codes in a byte, the first in the lower half. NVFP4: weight_packed, U8 [outputs, inputs / 2];
 * weight_scale, F8_E4M3 [outputs, inputs / 16]; weight_global_scale, F32: scales are divided by it
 * (compressed_tensors 0.20, compressors/nvfp4); or, by NVIDIA ModelOpt, weight, weight_scale and
 * weight_scale_2, which they are multiplied by. MXFP4: weight_packed, and weight_scale, U8 [outputs,
 * inputs / 32], powers of two (compressors/mxfp4). MXFP4 of gpt-oss: NAME_blocks, U8 [experts, outputs,
 * blocks, 16], and NAME_scales, U8 [experts, outputs, blocks] (transformers 5.23, integrations/mxfp4.py).
 * That library transposes the weights of each expert; here they have the order of the file, outputs by
 * inputs.
 *
 * The values are those of these libraries: code * (scale / global scale) in float32, rounded to BF16; for
 * MXFP4, where code * scale is exact, only that.
 */
#include <stdlib.h>
#include <string.h>

#include "quantised_family.h"

enum { PACKED, SCALE, GLOBAL };

static bool
claims_compressed(const struct quantised *weight, const struct quantisation *quantisation)
{
	(void)weight;
	return quantisation_is(quantisation, "compressed-tensors");
}

static bool
claims_modelopt(const struct quantised *weight, const struct quantisation *quantisation)
{
	return quantisation_is(quantisation, "modelopt") && part_is_there(weight, SCALE);
}

/* Blocks that are 16 bytes, in a tensor with scales beside it: names that nothing else has. */
static bool
claims_blocks(const struct quantised *weight, const struct quantisation *quantisation)
{
	const struct model_tensor *blocks = &weight->parts[PACKED];

	(void)quantisation;
	return blocks->rank >= 3 && part_is_there(weight, SCALE);
}

static int
plan_matrix(struct quantised *weight, struct failure *failure)
{
	const struct model_tensor *packed = &weight->parts[PACKED];

	weight->rank = 2;
	weight->dtype = DTYPE_BF16;
	weight->shape[0] = packed->shape[0];
	if (packed->rank != 2 || !packed->shape[1] ||
	    !multiply_checked(packed->shape[1], 2, &weight->shape[1]))
		return fail_part(weight, PACKED, failure);
	return 0;
}

static int
plan_nvfp4(struct quantised *weight, struct failure *failure)
{
	const struct model_tensor *global = &weight->parts[GLOBAL];

	weight->block_columns = 16;
	if (weight->shape[1] % 16 ||
	    !part_is(weight, SCALE, DTYPE_F8_E4M3, 2, weight->shape[0], weight->shape[1] / 16))
		return fail_part(weight, SCALE, failure);
	if (!global->name || global->dtype != DTYPE_F32 || global->elements != 1)
		return fail_part(weight, GLOBAL, failure);
	weight->stored = xstrdup("nvfp4");
	return 0;
}

static int
plan_compressed(struct quantised *weight, const struct model *model,
		const struct quantisation *quantisation, struct failure *failure)
{
	(void)model;
	(void)quantisation;
	if (plan_matrix(weight, failure))
		return -1;
	if (weight->parts[SCALE].dtype != DTYPE_U8 || !part_is_there(weight, SCALE))
		return plan_nvfp4(weight, failure);
	weight->block_columns = 32;
	if (weight->shape[1] % 32 ||
	    !part_is(weight, SCALE, DTYPE_U8, 2, weight->shape[0], weight->shape[1] / 32))
		return fail_part(weight, SCALE, failure);
	if (part_is_there(weight, GLOBAL))
		return fail_part(weight, GLOBAL, failure);
	weight->stored = xstrdup("mxfp4");
	return 0;
}

static int
plan_modelopt(struct quantised *weight, const struct model *model,
	      const struct quantisation *quantisation, struct failure *failure)
{
	(void)model;
	(void)quantisation;
	return plan_matrix(weight, failure) || plan_nvfp4(weight, failure) ? -1 : 0;
}

static int
plan_blocks(struct quantised *weight, const struct model *model,
	    const struct quantisation *quantisation, struct failure *failure)
{
	const struct model_tensor *blocks = &weight->parts[PACKED];
	const struct model_tensor *scales = &weight->parts[SCALE];
	unsigned rank = blocks->rank - 1;

	(void)model;
	(void)quantisation;
	if (blocks->shape[rank] != 16)
		return fail_part(weight, PACKED, failure);
	if (scales->dtype != DTYPE_U8 || scales->rank != rank ||
	    memcmp(scales->shape, blocks->shape, rank * sizeof(*scales->shape)))
		return fail_part(weight, SCALE, failure);
	weight->rank = rank;
	memcpy(weight->shape, blocks->shape, rank * sizeof(*weight->shape));
	if (!multiply_checked(blocks->shape[rank - 1], 32, &weight->shape[rank - 1]))
		return fail_part(weight, PACKED, failure);
	weight->block_columns = 32;
	weight->outputs_first = true;
	weight->dtype = DTYPE_BF16;
	weight->stored = xstrdup("mxfp4");
	return 0;
}

/* Makes of the scales of all blocks what their codes are multiplied by. */
static int
apply_global(const struct quantised *weight, const struct model *model, float *scales, size_t count,
	     struct failure *failure)
{
	bool divides = weight->family == &quantised_fp4;
	float global;

	if (!part_is_there(weight, GLOBAL))
		return 0;
	if (part_values(weight, model, GLOBAL, 0, 1, &global, failure))
		return -1;
	for (size_t i = 0; i < count; i++)
		scales[i] = divides ? scales[i] / global : scales[i] * global;
	return 0;
}

static int
decode(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
       float *values, struct failure *failure)
{
	size_t count = rows * weight->columns, blocks = count / weight->block_columns;
	unsigned char *bytes = xmalloc(count / 2 + 1);
	float *scales = xcalloc(blocks, sizeof(*scales));
	int result = part_bytes(weight, model, PACKED, row * weight->columns / 2, count / 2, bytes,
				failure);

	if (!result)
		result = part_values(weight, model, SCALE,
				     row * weight->columns / weight->block_columns, blocks, scales,
				     failure);
	if (!result)
		result = apply_global(weight, model, scales, blocks, failure);
	if (!result)
		decode_floats(DTYPE_F4, bytes, count, values);
	for (size_t i = 0; i < count && !result; i++)
		values[i] *= scales[i / weight->block_columns];
	free(bytes);
	free(scales);
	return result;
}

const struct quantised_family quantised_fp4 = {
	.name = "compressed-tensors FP4",
	.types = 1U << DTYPE_U8,
	.parts = {".weight_packed", ".weight_scale", ".weight_global_scale"},
	.derived = ".weight",
	.claims = claims_compressed,
	.plan = plan_compressed,
	.decode = decode,
};

const struct quantised_family quantised_modelopt = {
	.name = "ModelOpt FP4",
	.types = 1U << DTYPE_U8,
	.parts = {".weight", ".weight_scale", ".weight_scale_2"},
	.derived = ".weight",
	.claims = claims_modelopt,
	.plan = plan_modelopt,
	.decode = decode,
};

const struct quantised_family quantised_mxfp4 = {
	.name = "MXFP4",
	.types = 1U << DTYPE_U8,
	.parts = {"_blocks", "_scales"},
	.derived = "",
	.claims = claims_blocks,
	.plan = plan_blocks,
	.decode = decode,
};
