/*
 * GPTQ: weights of 2, 3, 4 or 8 bits in groups of input features, each with a scale and a zero point for
 * each output feature.
 *
 * qweight, I32 [inputs * bits / 32, outputs]: the codes of an output feature are a string of bits along
 * the inputs, lowest first, which for 3 bits goes on across words; qzeros, I32 [groups, outputs * bits /
 * 32]: zero points, likewise along the outputs; scales [groups, outputs]; g_idx, I32 [inputs]: the group
 * of each input, without which they come in order. In the checkpoint format "gptq" zero points are stored
 * less one, in "gptq_v2" as they are (auto_gptq 0.7, nn_modules/qlinear/qlinear_cuda.py, pack() and
 * forward(); auto_round_extension 0.16, torch/qlinear_torch.py).
 *
 * A weight is scale * (code - zero point), rounded once to the scales' type: the difference is exact. A
 * zero point of 0, which "gptq" stores as all ones, is read as 0: auto_gptq's kernels disagree there, and
 * qlinear_cuda_old.py reads it so.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "quantised_family.h"

enum { CODES, ZEROS, SCALES, ORDER };

static bool
claims(const struct quantised *weight, const struct quantisation *quantisation)
{
	(void)weight;
	return quantisation_is(quantisation, "gptq");
}

static int
plan_format(struct quantised *weight, const struct quantisation *quantisation,
	    struct failure *failure)
{
	const char *format = quantisation_text(quantisation, "checkpoint_format");

	if (!format)
		format = "gptq";
	weight->zeros_less_one = !strcmp(format, "gptq");
	if (!weight->zeros_less_one && strcmp(format, "gptq_v2"))
		return fail(failure, STATUS_DATA,
			    "GPTQ weights in the checkpoint format '%.40s', which is not read",
			    format);
	weight->bits = (unsigned)quantisation_number(quantisation, "bits", 4);
	if (weight->bits != 2 && weight->bits != 3 && weight->bits != 4 && weight->bits != 8)
		return fail(failure, STATUS_DATA, "GPTQ weights of %u bits, which are not read",
			    weight->bits);
	return 0;
}

/* The group size of the configuration must be that of the shapes; 0 is one group of all inputs. */
static int
plan_groups(struct quantised *weight, const struct quantisation *quantisation, uint64_t inputs,
	    struct failure *failure)
{
	const char *text = quantisation_text(quantisation, "group_size");
	uint64_t size = quantisation_number(quantisation, "group_size", 128);

	if (text && !strcmp(text, "0"))
		return fail(failure, STATUS_DATA, "%s weights in groups of 0",
			    weight->family->name);
	weight->block_columns = size && size < inputs ? size : inputs;
	weight->groups = weight->parts[SCALES].shape[0];
	if (!inputs || divide_up(inputs, weight->block_columns) != weight->groups)
		return fail(failure, STATUS_DATA,
			    "%s weights of %" PRIu64 " inputs in %" PRIu64
			    " groups, and the configuration says groups of %" PRIu64,
			    weight->family->name, inputs, weight->groups, weight->block_columns);
	return 0;
}

static bool
is_ordered(const struct quantisation *quantisation)
{
	const char *text = quantisation_text(quantisation, "desc_act");

	return text && !strcmp(text, "true");
}

static int
plan(struct quantised *weight, const struct model *model, const struct quantisation *quantisation,
     struct failure *failure)
{
	const struct model_tensor *codes = &weight->parts[CODES], *scales = &weight->parts[SCALES];
	uint64_t bits, inputs, outputs = codes->shape[1];

	(void)model;
	if (plan_format(weight, quantisation, failure))
		return -1;
	if (codes->rank != 2 || !multiply_checked(codes->shape[0], 32, &bits) ||
	    bits % weight->bits || !multiply_checked(outputs, weight->bits, &inputs))
		return fail_part(weight, CODES, failure);
	inputs = bits / weight->bits;
	if (!scales->name || !is_scale_type(scales->dtype) || scales->rank != 2 ||
	    scales->shape[1] != outputs)
		return fail_part(weight, SCALES, failure);
	if (plan_groups(weight, quantisation, inputs, failure))
		return -1;
	if (!part_is(weight, ZEROS, DTYPE_I32, 2, weight->groups,
		     divide_up(outputs * weight->bits, 32)))
		return fail_part(weight, ZEROS, failure);
	/* With desc_act the groups are of the order of importance, which only g_idx tells. */
	if (!part_is_there(weight, ORDER) && weight->groups > 1 && is_ordered(quantisation))
		return fail_part_missing(weight, ORDER, failure);
	if (part_is_there(weight, ORDER) && !part_is(weight, ORDER, DTYPE_I32, 1, inputs, 0))
		return fail_part(weight, ORDER, failure);
	weight->dtype = scales->dtype;
	weight->rank = 2;
	weight->shape[0] = outputs;
	weight->shape[1] = inputs;
	weight->stored = format_text("GPTQ int%u", weight->bits);
	return 0;
}

/* The parts of some outputs, read: codes [inputs * bits / 32, outputs], the others by groups. */
struct piece {
	uint32_t *codes, *zeros, *order;
	float *scales;
	size_t zero_words; /* of each group */
	unsigned zero_bit; /* of the first, where the first output's zero point begins */
};

static int
read_piece(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
	   struct piece *piece, struct failure *failure)
{
	uint64_t first = row * weight->bits / 32;
	uint64_t end = divide_up((row + rows) * weight->bits, 32);

	piece->zero_words = end - first;
	piece->zero_bit = row * weight->bits % 32;
	piece->codes = xcalloc(weight->parts[CODES].shape[0], rows * sizeof(*piece->codes));
	piece->zeros = xcalloc(weight->groups, piece->zero_words * sizeof(*piece->zeros));
	piece->order = xcalloc(weight->columns, sizeof(*piece->order));
	piece->scales = xcalloc(weight->groups, rows * sizeof(*piece->scales));
	if (part_columns(weight, model, CODES, row * 4, rows * 4, piece->codes, failure) ||
	    part_columns(weight, model, ZEROS, first * 4, piece->zero_words * 4, piece->zeros,
			 failure) ||
	    part_order(weight, model, ORDER, false, piece->order, failure))
		return -1;
	for (uint64_t group = 0; group < weight->groups; group++)
		if (part_values(weight, model, SCALES, group * weight->rows + row, rows,
				piece->scales + group * rows, failure))
			return -1;
	return 0;
}

static void
free_piece(struct piece *piece)
{
	free(piece->codes);
	free(piece->zeros);
	free(piece->order);
	free(piece->scales);
}

static float
zero_of(const struct quantised *weight, const struct piece *piece, uint64_t group, size_t output)
{
	unsigned zero = code_at(piece->zeros + group * piece->zero_words, 1,
				piece->zero_bit + output * weight->bits, weight->bits);

	if (weight->zeros_less_one)
		zero = (zero + 1) & ((1U << weight->bits) - 1);
	return (float)zero;
}

static int
decode(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
       float *values, struct failure *failure)
{
	struct piece piece = {0};
	int result = read_piece(weight, model, row, rows, &piece, failure);
	float *zeros = xcalloc(weight->groups, sizeof(*zeros));

	for (size_t j = 0; j < rows && !result; j++) {
		float *to = values + j * weight->columns;

		for (uint64_t group = 0; group < weight->groups; group++)
			zeros[group] = zero_of(weight, &piece, group, j);
		for (uint64_t i = 0; i < weight->columns; i++) {
			uint32_t group = piece.order[i];
			unsigned code = code_at(piece.codes + j, rows, i * weight->bits,
						weight->bits);

			to[i] = ((float)code - zeros[group]) * piece.scales[group * rows + j];
		}
	}
	free(zeros);
	free_piece(&piece);
	return result;
}

const struct quantised_family quantised_gptq = {
	.name = "GPTQ",
	.types = 1U << DTYPE_I32,
	.parts = {".qweight", ".qzeros", ".scales", ".g_idx"},
	.derived = ".weight",
	.claims = claims,
	.plan = plan,
	.decode = decode,
};
