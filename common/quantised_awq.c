/*
 * AWQ in its GEMM form: weights of 4 bits in groups of input features, each with a scale and a zero point
 * for each output feature.
 *
 * qweight, I32 [inputs, outputs / 8], and qzeros, I32 [groups, outputs / 8]: a word has the codes of 8
 * output features, from its lowest bits on in the order 0 2 4 6 1 3 5 7; scales [groups, outputs] (autoawq
 * 0.2.7, utils/packing_utils.py, dequantize_gemm; compressed_tensors 0.20,
 * entrypoints/convert/converters/autoawq.py).
 *
 * A weight is (code - zero point) * scale, rounded once to the scales' type.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "quantised_family.h"

enum { CODES, ZEROS, SCALES };

#define IN_WORD 8

static bool
claims(const struct quantised *weight, const struct quantisation *quantisation)
{
	(void)weight;
	return quantisation_is(quantisation, "awq");
}

static int
plan_format(const struct quantisation *quantisation, struct failure *failure)
{
	const char *version = quantisation_text(quantisation, "version");
	uint64_t bits = quantisation_number(quantisation, "bits", 4);

	if (version && strcasecmp(version, "gemm"))
		return fail(failure, STATUS_DATA,
			    "AWQ weights of the version '%.40s', which is not read", version);
	if (bits != 4)
		return fail(failure, STATUS_DATA,
			    "AWQ weights of %" PRIu64 " bits, which are not read", bits);
	return 0;
}

static int
plan(struct quantised *weight, const struct model *model, const struct quantisation *quantisation,
     struct failure *failure)
{
	const struct model_tensor *codes = &weight->parts[CODES], *scales = &weight->parts[SCALES];
	uint64_t size = quantisation_number(quantisation, "group_size", 128);
	const char *text = quantisation_text(quantisation, "group_size");
	uint64_t inputs = codes->shape[0], outputs;

	(void)model;
	if (plan_format(quantisation, failure))
		return -1;
	if (codes->rank != 2 || !multiply_checked(codes->shape[1], IN_WORD, &outputs))
		return fail_part(weight, CODES, failure);
	if (text && !strcmp(text, "0"))
		return fail(failure, STATUS_DATA, "AWQ weights in groups of 0");
	weight->block_columns = size ? size : inputs;
	if (!inputs || inputs % weight->block_columns)
		return fail_part(weight, CODES, failure);
	weight->groups = inputs / weight->block_columns;
	if (!scales->name || !is_scale_type(scales->dtype) ||
	    !part_is(weight, SCALES, scales->dtype, 2, weight->groups, outputs))
		return fail_part(weight, SCALES, failure);
	if (!part_is(weight, ZEROS, DTYPE_I32, 2, weight->groups, codes->shape[1]))
		return fail_part(weight, ZEROS, failure);
	weight->dtype = scales->dtype;
	weight->rank = 2;
	weight->shape[0] = outputs;
	weight->shape[1] = inputs;
	weight->stored = xstrdup("AWQ int4");
	return 0;
}

static float
nibble_at(const uint32_t *words, size_t place)
{
	/* Where in its word an output feature lies. */
	static const unsigned char nibbles[IN_WORD] = {0, 4, 1, 5, 2, 6, 3, 7};

	return (float)(words[place / IN_WORD] >> 4 * nibbles[place % IN_WORD] & 15);
}

/* The values of one input feature, of a group, for some output features from the first of the words on. */
static void
decode_input(const struct quantised *weight, const uint32_t *codes, const uint32_t *zeros,
	     const float *scales, size_t first, size_t rows, float *values)
{
	for (size_t j = 0; j < rows; j++)
		values[j * weight->columns] = (nibble_at(codes, first + j) -
					       nibble_at(zeros, first + j)) *
					      scales[j];
}

static int
decode_words(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
	     uint32_t *codes, uint32_t *zeros, float *scales, float *values,
	     struct failure *failure)
{
	uint64_t word = row / IN_WORD;
	size_t count = divide_up(row + rows, IN_WORD) - word;

	if (part_columns(weight, model, CODES, word * 4, count * 4, codes, failure) ||
	    part_columns(weight, model, ZEROS, word * 4, count * 4, zeros, failure))
		return -1;
	for (uint64_t i = 0; i < weight->columns; i++) {
		uint64_t group = i / weight->block_columns;

		if (i % weight->block_columns == 0 &&
		    part_values(weight, model, SCALES, group * weight->rows + row, rows, scales,
				failure))
			return -1;
		decode_input(weight, codes + i * count, zeros + group * count, scales,
			     row % IN_WORD, rows, values + i);
	}
	return 0;
}

static int
decode(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
       float *values, struct failure *failure)
{
	size_t words = rows / IN_WORD + 2;
	uint32_t *codes = xcalloc(weight->columns, words * sizeof(*codes));
	uint32_t *zeros = xcalloc(weight->groups, words * sizeof(*zeros));
	float *scales = xcalloc(rows, sizeof(*scales));
	int result = decode_words(weight, model, row, rows, codes, zeros, scales, values, failure);

	free(codes);
	free(zeros);
	free(scales);
	return result;
}

const struct quantised_family quantised_awq = {
	.name = "AWQ",
	.types = 1U << DTYPE_I32,
	.parts = {".qweight", ".qzeros", ".scales"},
	.derived = ".weight",
	.claims = claims,
	.plan = plan,
	.decode = decode,
};
