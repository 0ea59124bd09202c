/*
 * bitsandbytes: 4-bit codes of a table (nf4, fp4), in blocks of the weight's elements in a row, and 8-bit
 * integers by rows.
 *
 * 4 bits: weight, U8, two codes in a byte, the first in the upper half; weight.quant_map, F32 [16], the
 * table; weight.absmax, F32, a factor for each block; weight.quant_state.bitsandbytes__nf4 or __fp4, U8, a
 * JSON object with the weight's shape and type and the block size. With double quantisation absmax is U8:
 * codes of the table nested_quant_map, F32 [256], times nested_absmax, F32, a factor for each
 * nested_blocksize codes, plus nested_offset (bitsandbytes 0.50, functional.py, QuantState.as_dict and
 * dequantize_blockwise). A weight is table[code] * absmax in float32, rounded to the type that the object
 * says (backends/default/ops.py).
 *
 * 8 bits: weight, I8; SCB, F32, the largest magnitude of each row; weight_format, U8: 0, for rows. A weight
 * is weight * SCB * 7.874015718698502e-3, which is 1/127, in float32 (backends/default/ops.py).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "quantised_family.h"

enum { WEIGHT, ABSMAX, MAP, NESTED_ABSMAX, NESTED_MAP, STATE_NF4, STATE_FP4 };
enum { SCB = 1, FORMAT };

/* The object has a few hundred bytes. */
#define LARGEST_STATE 65536

static unsigned
state_part(const struct quantised *weight)
{
	return part_is_there(weight, STATE_NF4) ? STATE_NF4 : STATE_FP4;
}

static bool
claims_codes(const struct quantised *weight, const struct quantisation *quantisation)
{
	return part_is_there(weight, state_part(weight)) ||
	       (quantisation_is(quantisation, "bitsandbytes") &&
		(part_is_there(weight, ABSMAX) ||
		 has_suffix(weight->parts[WEIGHT].name, ".weight")));
}

/* --- the object of settings --- */

static bool
read_dtype(struct json *json, struct quantised *weight)
{
	const char *name = json_string(json);

	if (!name)
		return false;
	if (!strcmp(name, "float32"))
		weight->dtype = DTYPE_F32;
	else if (!strcmp(name, "float16"))
		weight->dtype = DTYPE_F16;
	else if (!strcmp(name, "bfloat16"))
		weight->dtype = DTYPE_BF16;
	else
		return json_fail(json, "a dtype that is not read"), false;
	return true;
}

static void
read_shape(struct json *json, struct quantised *weight)
{
	weight->rank = 0;
	if (!json_open(json, '['))
		return;
	while (json_item(json)) {
		if (weight->rank == MODEL_MAX_RANK) {
			json_fail(json, "too many dimensions");
			return;
		}
		if (!json_unsigned(json, &weight->shape[weight->rank++]))
			return;
	}
}

static void
read_offset(struct json *json, struct quantised *weight)
{
	const char *start;
	char *text;
	double value;

	json_peek(json);
	start = json->at;
	if (!json_skip(json))
		return;
	text = xstrndup(start, (size_t)(json->at - start));
	if (parse_double(text, &value))
		weight->offset = (float)value;
	else
		json_fail(json, "nested_offset is no number");
	free(text);
}

static void
read_setting(struct json *json, const char *key, struct quantised *weight)
{
	if (!strcmp(key, "dtype"))
		read_dtype(json, weight);
	else if (!strcmp(key, "shape"))
		read_shape(json, weight);
	else if (!strcmp(key, "blocksize"))
		json_unsigned(json, &weight->block);
	else if (!strcmp(key, "nested_blocksize"))
		json_unsigned(json, &weight->nested_block);
	else if (!strcmp(key, "nested_offset"))
		read_offset(json, weight);
	else
		json_skip(json);
}

static int
read_state(struct quantised *weight, const struct model *model, struct failure *failure)
{
	const struct model_tensor *state = &weight->parts[state_part(weight)];
	struct json json;
	const char *key;
	char *text;
	int result;

	if (state->dtype != DTYPE_U8 || state->bytes > LARGEST_STATE)
		return fail_part(weight, state_part(weight), failure);
	text = xcalloc(state->bytes + 1, 1);
	result = part_bytes(weight, model, state_part(weight), 0, state->bytes, text, failure);
	if (!result) {
		json_begin(&json, text, state->bytes, 4, failure);
		if (json_open(&json, '{'))
			while ((key = json_key(&json)))
				read_setting(&json, key, weight);
		result = json_end(&json);
		if (result)
			fail_prefix(failure, "bitsandbytes weights whose quant_state is bad");
	}
	free(text);
	return result;
}

/* --- 4 bits --- */

/* Factors that are themselves quantised. */
static int
plan_nested(const struct quantised *weight, uint64_t blocks, struct failure *failure)
{
	const struct model_tensor *factors = &weight->parts[NESTED_ABSMAX];

	if (!part_is(weight, NESTED_MAP, DTYPE_F32, 1, 256, 0))
		return fail_part(weight, NESTED_MAP, failure);
	if (!weight->nested_block)
		return fail(failure, STATUS_DATA, "bitsandbytes weights in nested blocks of 0");
	if (!factors->name || factors->dtype != DTYPE_F32 ||
	    factors->elements != divide_up(blocks, weight->nested_block))
		return fail_part(weight, NESTED_ABSMAX, failure);
	return 0;
}

static int
plan_blocks(const struct quantised *weight, uint64_t elements, struct failure *failure)
{
	const struct model_tensor *absmax = &weight->parts[ABSMAX];
	uint64_t blocks;

	if (!weight->block)
		return fail(failure, STATUS_DATA, "bitsandbytes weights in blocks of 0");
	blocks = divide_up(elements, weight->block);
	if (weight->parts[WEIGHT].elements != divide_up(elements, 2))
		return fail_part(weight, WEIGHT, failure);
	if (!part_is(weight, MAP, DTYPE_F32, 1, 16, 0))
		return fail_part(weight, MAP, failure);
	if (!absmax->name || absmax->elements != blocks ||
	    (absmax->dtype != DTYPE_F32 && absmax->dtype != DTYPE_U8))
		return fail_part(weight, ABSMAX, failure);
	return absmax->dtype == DTYPE_U8 ? plan_nested(weight, blocks, failure) : 0;
}

static int
plan_codes(struct quantised *weight, const struct model *model,
	   const struct quantisation *quantisation, struct failure *failure)
{
	uint64_t elements = 1;

	(void)quantisation;
	if (!part_is_there(weight, state_part(weight)))
		return fail(failure, STATUS_DATA, "bitsandbytes weights without quant_state");
	weight->dtype = DTYPE_COUNT;
	if (read_state(weight, model, failure))
		return -1;
	if (weight->dtype == DTYPE_COUNT || !weight->rank)
		return fail(failure, STATUS_DATA,
			    "bitsandbytes weights whose quant_state has no dtype or shape");
	for (unsigned i = 0; i < weight->rank; i++)
		if (!multiply_checked(elements, weight->shape[i], &elements))
			return fail(failure, STATUS_DATA,
				    "bitsandbytes weights of a shape that is too large");
	if (plan_blocks(weight, elements, failure))
		return -1;
	weight->stored = format_text("bnb %s%s", state_part(weight) == STATE_NF4 ? "nf4" : "fp4",
				     weight->parts[ABSMAX].dtype == DTYPE_U8 ? " nested" : "");
	return 0;
}

/* The factors of some blocks, of which the codes of a nested one are read and looked up. */
static int
read_nested(const struct quantised *weight, const struct model *model, uint64_t first, size_t count,
	    float *factors, struct failure *failure)
{
	uint64_t from = first / weight->nested_block;
	size_t outer = divide_up(first + count, weight->nested_block) - from;
	float table[256], *scales = xcalloc(outer, sizeof(*scales));
	unsigned char *codes = xmalloc(count);
	int result = part_bytes(weight, model, ABSMAX, first, count, codes, failure) ||
				     part_values(weight, model, NESTED_MAP, 0, 256, table,
						 failure) ||
				     part_values(weight, model, NESTED_ABSMAX, from, outer, scales,
						 failure)
			     ? -1
			     : 0;

	for (size_t i = 0; i < count && !result; i++) {
		float factor = table[codes[i]] * scales[(first + i) / weight->nested_block - from];

		factors[i] = factor + weight->offset;
	}
	free(scales);
	free(codes);
	return result;
}

static int
decode_codes(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
	     float *values, struct failure *failure)
{
	uint64_t first = row * weight->columns, end = first + rows * weight->columns;
	uint64_t block = first / weight->block;
	size_t blocks = divide_up(end, weight->block) - block;
	size_t bytes = divide_up(end, 2) - first / 2;
	float table[16], *factors = xcalloc(blocks, sizeof(*factors));
	unsigned char *codes = xmalloc(bytes);
	int result = part_bytes(weight, model, WEIGHT, first / 2, bytes, codes, failure) ||
				     part_values(weight, model, MAP, 0, 16, table, failure)
			     ? -1
			     : 0;

	if (!result)
		result = weight->parts[ABSMAX].dtype == DTYPE_U8
				 ? read_nested(weight, model, block, blocks, factors, failure)
				 : part_values(weight, model, ABSMAX, block, blocks, factors,
					       failure);
	for (uint64_t i = first; i < end && !result; i++) {
		unsigned byte = codes[i / 2 - first / 2];

		values[i - first] = table[i % 2 ? byte & 15 : byte >> 4] *
				    factors[i / weight->block - block];
	}
	free(factors);
	free(codes);
	return result;
}

const struct quantised_family quantised_bnb4 = {
	.name = "bitsandbytes",
	.types = 1U << DTYPE_U8,
	.parts = {"", ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map",
		  ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4"},
	.derived = "",
	.claims = claims_codes,
	.plan = plan_codes,
	.decode = decode_codes,
};

/* --- 8 bits --- */

static bool
claims_rows(const struct quantised *weight, const struct quantisation *quantisation)
{
	return part_is_there(weight, SCB) || quantisation_is(quantisation, "bitsandbytes");
}

static int
plan_rows(struct quantised *weight, const struct model *model,
	  const struct quantisation *quantisation, struct failure *failure)
{
	const struct model_tensor *tensor = &weight->parts[WEIGHT];
	const struct model_tensor *format = &weight->parts[FORMAT];
	unsigned char value = 0;

	(void)quantisation;
	if (tensor->rank != 2)
		return fail_part(weight, WEIGHT, failure);
	if (!part_is(weight, SCB, DTYPE_F32, 1, tensor->shape[0], 0))
		return fail_part(weight, SCB, failure);
	if (format->name && (format->dtype != DTYPE_U8 || format->elements != 1))
		return fail_part(weight, FORMAT, failure);
	if (format->name && part_bytes(weight, model, FORMAT, 0, 1, &value, failure))
		return -1;
	if (value)
		return fail(failure, STATUS_DATA,
			    "bitsandbytes weights in the order %u of columns, which is not read",
			    value);
	weight->dtype = DTYPE_F32;
	weight->rank = 2;
	memcpy(weight->shape, tensor->shape, sizeof(weight->shape));
	weight->stored = xstrdup("bnb int8");
	return 0;
}

static int
decode_rows(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
	    float *values, struct failure *failure)
{
	float *factors = xcalloc(rows, sizeof(*factors));
	int result = part_values(weight, model, WEIGHT, row * weight->columns,
				 rows * weight->columns, values, failure);

	if (!result)
		result = part_values(weight, model, SCB, row, rows, factors, failure);
	for (size_t i = 0; i < rows * weight->columns && !result; i++) {
		float product = values[i] * factors[i / weight->columns];

		values[i] = product * 7.874015718698502e-3F;
	}
	free(factors);
	return result;
}

const struct quantised_family quantised_bnb8 = {
	.name = "bitsandbytes",
	.types = 1U << DTYPE_I8,
	.parts = {".weight", ".SCB", ".weight_format"},
	.derived = ".weight",
	.claims = claims_rows,
	.plan = plan_rows,
	.decode = decode_rows,
};
