/*
 * NVFP4: blocks of 16 E2M1 numbers, each beneath a scale of E4M3, and all of a tensor beneath one of
 * float32, chosen so that the largest block scale is the largest E4M3 number, 448.
 *
 * Implementations do the same arithmetic in different orders, so their results differ in the last bits,
 * and in what becomes of scales that are small.
 */
#include "format_family.h"

#include <float.h>
#include <math.h>

#include "bits.h"
#include "format_element.h"
#include "format_extremes.h"
#include "vector.h"

#define BLOCK		    16
#define LARGEST		    6.0F    /* E2M1 */
#define LARGEST_SCALE	    448.0F  /* E4M3 */
#define LARGEST_WITH_SCALES 2688.0F /* both together */

/* What the tensor has in common: its largest magnitude, its scale, and the inverse of that. */
struct tensor {
	float amax, scale, inverse;
};

/* --- block scales: within E4M3's range, and rounded to it; NaN stays NaN --- */

static inline float
round_scale(float scale, float least)
{
	float limited = scale < least ? least : scale > LARGEST_SCALE ? LARGEST_SCALE : scale;
	float rounded = element_round(ELEMENT_E4M3, TIES_EVEN, limited);

	return scale != scale ? scale : rounded;
}

/*
 * The scales of blocks, from their largest magnitudes: what weights are divided by, or multiplied by as
 * torchao does, and what elements are multiplied by.
 */
struct scales {
	float to_elements[RUN_MOST], to_weights[RUN_MOST];
};

/* NVIDIA ModelOpt 0.47, NVFP4QTensor. */
static inline float
modelopt_scale(const struct tensor *tensor, float amax)
{
	float scale = amax / (LARGEST * tensor->scale);

	return round_scale(scale == 0 ? 1 : scale, 0x1p-9F) * tensor->scale;
}

/* compressed-tensors 0.20, calculate_qparams() and fake_quantize(); the scale kept is the inverse. */
static inline float
compressed_tensors_scale(const struct tensor *tensor, float amax)
{
	float scale = round_scale(tensor->inverse * (amax / LARGEST), 0);

	return (scale == 0 ? 0.125F : scale) / tensor->inverse;
}

/* torchao 0.18, NVFP4Tensor: block scales are normal numbers. */
static inline float
torchao_scale(const struct tensor *tensor, float amax)
{
	return round_scale(amax / LARGEST / tensor->scale, 0x1p-6F);
}

HOT static void
scale_blocks(enum rule rule, const struct tensor *tensor, const float *amax, size_t count,
	     struct scales *scales)
{
	if (rule == RULE_TORCHAO)
		for (size_t i = 0; i < count; i++) {
			float scale = torchao_scale(tensor, amax[i]);

			scales->to_elements[i] = 1 / tensor->scale / scale;
			scales->to_weights[i] = tensor->scale * scale;
		}
	else if (rule == RULE_COMPRESSED_TENSORS)
		for (size_t i = 0; i < count; i++)
			scales->to_elements[i] = scales->to_weights[i] = compressed_tensors_scale(
				tensor, amax[i]);
	else
		for (size_t i = 0; i < count; i++)
			scales->to_elements[i] = scales->to_weights[i] = modelopt_scale(tensor,
											amax[i]);
}

/* --- casts --- */

/* torchao keeps the sign of a zero, ModelOpt has none, compressed-tensors that of weights below zero. */
static inline __attribute__((always_inline)) void
cast_block(enum rule rule, float to_elements, float to_weights, const float *values, size_t length,
	   float *casts)
{
	for (size_t i = 0; i < length; i++) {
		float element = rule == RULE_TORCHAO ? values[i] * to_elements
						     : values[i] / to_elements;
		uint32_t bits = bits_of_float(element), magnitude = bits & 0x7fffffff;
		float rounded = element_round(ELEMENT_E2M1, TIES_EVEN, float_of(magnitude));
		uint32_t sign = bits ^ magnitude;

		if (rule != RULE_TORCHAO)
			sign = (rule == RULE_MODELOPT ? rounded : element) == 0 ? 0 : sign;
		casts[i] = float_of(bits_of_float(rounded) | sign) * to_weights;
	}
}

static inline __attribute__((always_inline)) void
cast_blocks(enum rule rule, const struct scales *scales, const struct run *run, size_t length)
{
	for (size_t i = 0; i < run->groups; i++)
		cast_block(rule, scales->to_elements[i], scales->to_weights[i],
			   run->values + i * length, length, run->casts + i * length);
}

/* Loops for rules and lengths that are known. */
HOT static void
cast_run(enum rule rule, const struct scales *scales, const struct run *run)
{
	if (run->length != BLOCK)
		cast_blocks(rule, scales, run, run->length);
	else if (rule == RULE_MODELOPT)
		cast_blocks(RULE_MODELOPT, scales, run, BLOCK);
	else if (rule == RULE_COMPRESSED_TENSORS)
		cast_blocks(RULE_COMPRESSED_TENSORS, scales, run, BLOCK);
	else
		cast_blocks(RULE_TORCHAO, scales, run, BLOCK);
}

static struct tensor
tensor_of(enum rule rule, struct extent extent)
{
	struct tensor tensor = {.amax = extent_magnitude(extent)};

	tensor.scale = tensor.amax / LARGEST_WITH_SCALES;
	if (rule != RULE_COMPRESSED_TENSORS)
		return tensor;
	/* torch divides a number by a tensor so. */
	tensor.inverse = 1 / (tensor.amax < FLT_MIN ? FLT_MIN : tensor.amax) * LARGEST_WITH_SCALES;
	if (!isfinite(tensor.inverse))
		tensor.inverse = 1;
	return tensor;
}

static void
cast_nvfp4(const struct format *format, const struct survey *survey, const struct run *run)
{
	enum rule rule = (enum rule)format->parameters[PARAMETER_RULE];
	struct tensor tensor = tensor_of(rule, survey->tensor);
	struct scales scales;
	float amax[RUN_MOST];

	/* Zeros are zeros, where two of the implementations divide by the scale, 0. */
	if (tensor.amax == 0) {
		memcpy(run->casts, run->values, run->groups * run->length * sizeof(float));
		return;
	}
	find_magnitudes(run->values, run->groups, run->length, amax);
	scale_blocks(rule, &tensor, amax, run->groups, &scales);
	cast_run(rule, &scales, run);
}

const struct format_kind nvfp4_formats[] = {
	{
		.name = "nvfp4",
		.parameters = "rule=modelopt rule=ct rule=torchao",
		.defaults = ":rule=modelopt",
		.reference = "NVIDIA ModelOpt",
		.bits = 4,
		.largest = 6,
		.smallest = 0.5,
		.carrier = DTYPE_F32,
		.cast = cast_nvfp4,
		.block = BLOCK,
		.block_bits = 8,
		.tensor_bits = 32,
		.need = SURVEY_TENSOR,
	},
	{0},
};
