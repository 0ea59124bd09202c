#include "quantised_family.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How many values are converted at a time. */
#define BLOCK 512

/* --- configuration --- */

const char *
quantisation_text(const struct quantisation *quantisation, const char *name)
{
	for (size_t i = 0; i < quantisation->count; i++)
		if (!strcmp(quantisation->names[i], name))
			return quantisation->values[i]->text;
	return NULL;
}

uint64_t
quantisation_number(const struct quantisation *quantisation, const char *name, uint64_t otherwise)
{
	const char *text = quantisation_text(quantisation, name);
	uint64_t value;

	if (!text || !strcmp(text, "null"))
		return otherwise;
	return parse_unsigned(text, UINT32_MAX, &value) ? value : 0;
}

bool
quantisation_is(const struct quantisation *quantisation, const char *method)
{
	return quantisation->method && !strcmp(quantisation->method, method);
}

/* --- parts --- */

bool
part_is_there(const struct quantised *weight, unsigned part)
{
	return weight->parts[part].name;
}

bool
part_is(const struct quantised *weight, unsigned part, enum dtype dtype, unsigned rank,
	uint64_t rows, uint64_t columns)
{
	const struct model_tensor *tensor = &weight->parts[part];

	return tensor->name && tensor->dtype == dtype && tensor->rank == rank &&
	       tensor->shape[0] == rows && (rank < 2 || tensor->shape[1] == columns);
}

int
fail_part_missing(const struct quantised *weight, unsigned part, struct failure *failure)
{
	return fail(failure, STATUS_DATA, "%s weights without %s", weight->family->name,
		    weight->family->parts[part] + 1);
}

int
fail_part(const struct quantised *weight, unsigned part, struct failure *failure)
{
	const struct model_tensor *tensor = &weight->parts[part];
	struct text shape = {0};
	const char *dot;

	if (!tensor->name)
		return fail_part_missing(weight, part, failure);
	dot = strrchr(tensor->name, '.');
	text_append(&shape, "", 0);
	for (unsigned i = 0; i < tensor->rank; i++)
		text_print(&shape, "%s%" PRIu64, i ? "x" : " ", tensor->shape[i]);
	fail(failure, STATUS_DATA, "%s weights whose %.200s, %s%s, does not fit",
	     weight->family->name, dot ? dot + 1 : tensor->name, dtype_name(tensor->dtype),
	     shape.bytes);
	text_free(&shape);
	return -1;
}

bool
is_scale_type(enum dtype dtype)
{
	return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

int
part_bytes(const struct quantised *weight, const struct model *model, unsigned part,
	   uint64_t offset, size_t count, void *buffer, struct failure *failure)
{
	return model_read(model, &weight->parts[part], offset, buffer, count, failure);
}

int
part_columns(const struct quantised *weight, const struct model *model, unsigned part,
	     uint64_t offset, size_t count, void *buffer, struct failure *failure)
{
	const struct model_tensor *tensor = &weight->parts[part];
	uint64_t rows = tensor->shape[0], stride = rows ? tensor->bytes / rows : 0;
	unsigned char *to = buffer;

	for (uint64_t row = 0; row < rows; row++, to += count)
		if (part_bytes(weight, model, part, row * stride + offset, count, to, failure))
			return -1;
	return 0;
}

/* Groups that are given for each column. */
static int
check_order(const struct quantised *weight, const struct model *model, unsigned part,
	    const uint32_t *order, struct failure *failure)
{
	const struct model_tensor *tensor = &weight->parts[part];

	for (uint64_t i = 0; i < weight->columns; i++)
		if (order[i] >= weight->groups) {
			fail(failure, STATUS_DATA,
			     "tensor '%.200s': input %" PRIu64 " is in group %" PRId32
			     ", and there are %" PRIu64,
			     tensor->name, i, (int32_t)order[i], weight->groups);
			return fail_prefix(failure, "%.200s", model->files[tensor->file].path);
		}
	return 0;
}

int
part_order(const struct quantised *weight, const struct model *model, unsigned part,
	   bool may_be_unset, uint32_t *order, struct failure *failure)
{
	bool in_order = !part_is_there(weight, part);

	if (!in_order &&
	    part_bytes(weight, model, part, 0, weight->columns * sizeof(*order), order, failure))
		return -1;
	for (uint64_t i = 0; i < weight->columns && !in_order; i++)
		in_order = may_be_unset && order[i] == UINT32_MAX;
	if (!in_order)
		return check_order(weight, model, part, order, failure);
	for (uint64_t i = 0; i < weight->columns; i++)
		order[i] = (uint32_t)(i / weight->block_columns);
	return 0;
}

/* --- values --- */

static float
float_of(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/*
 * A byte without a type that is a power of two, 2^(byte - 127). The highest is 2^128, which is infinite, as
 * in compressed_tensors (compressors/mx_utils.py) and transformers (integrations/mxfp4.py); that of E8M0 is
 * a NaN.
 */
static float
power_of_byte(unsigned byte)
{
	return float_of(byte ? (uint32_t)byte << 23 : (uint32_t)1 << 22);
}

void
decode_floats(enum dtype dtype, const void *stored, size_t count, float *values)
{
	double block[BLOCK];

	for (size_t done = 0, length; done < count; done += length) {
		length = count - done < BLOCK ? count - done : BLOCK;
		dtype_decode(dtype, stored, done, length, block);
		for (size_t i = 0; i < length; i++)
			values[done + i] = (float)block[i];
	}
}

static void
decode_bytes(enum dtype dtype, const unsigned char *bytes, size_t count, float *values)
{
	for (size_t i = 0; i < count; i++)
		values[i] = dtype == DTYPE_I8 ? (float)(bytes[i] < 128 ? bytes[i] : bytes[i] - 256)
					      : power_of_byte(bytes[i]);
}

int
part_values(const struct quantised *weight, const struct model *model, unsigned part,
	    uint64_t first, size_t count, float *values, struct failure *failure)
{
	enum dtype dtype = weight->parts[part].dtype;
	size_t size = dtype_bits(dtype) / 8;
	unsigned char *bytes = xmalloc(count * size + 1);
	int result = part_bytes(weight, model, part, first * size, count * size, bytes, failure);

	if (!result && dtype_is_decodable(dtype))
		decode_floats(dtype, bytes, count, values);
	else if (!result)
		decode_bytes(dtype, bytes, count, values);
	free(bytes);
	return result;
}
