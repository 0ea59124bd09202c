#include "quantised.h"

#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "format.h"
#include "quantised_family.h"

/* How many values are computed at a time, if that is at least a row. */
#define CHUNK ((uint64_t)2 << 20)

/* How many are converted at a time. */
#define BLOCK 512

/* In this order, the first that claims a set of tensors has it. */
static const struct quantised_family *const families[] = {
	&quantised_scaled,   &quantised_gptq,  &quantised_awq,	&quantised_packed, &quantised_fp4,
	&quantised_modelopt, &quantised_mxfp4, &quantised_bnb4, &quantised_bnb8};

#define FAMILIES (sizeof(families) / sizeof(*families))

/* --- configuration --- */

/* The objects that settings of quantisation are in: those of the whole, and of a language model in it. */
static const char *
setting_name(const char *path)
{
	static const char *const objects[] = {"quantization_config.", "compression_config.",
					      "text_config.quantization_config."};

	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
		if (has_prefix(path, objects[i]))
			return path + strlen(objects[i]);
	return NULL;
}

static void
add_settings(struct quantisation *quantisation, const struct config *config, bool all)
{
	for (size_t i = 0; i < config->count; i++) {
		const char *path = config->values[i].path;
		const char *name = all ? path : setting_name(path);

		/* These can name every layer of a large model. */
		if (!name || has_prefix(name, "ignore.") ||
		    has_prefix(name, "modules_to_not_convert."))
			continue;
		quantisation->names[quantisation->count] = name;
		quantisation->values[quantisation->count++] = &config->values[i];
	}
}

static struct quantisation
quantisation_of(const struct model *model)
{
	size_t most = model->config.count + model->quantize_config.count;
	struct quantisation quantisation = {
		.values = xcalloc(most, sizeof(*quantisation.values)),
		.names = xcalloc(most, sizeof(*quantisation.names)),
	};
	const char *flag;

	add_settings(&quantisation, &model->config, false);
	quantisation.method = quantisation_text(&quantisation, "quant_method");
	flag = quantisation_text(&quantisation, "load_in_8bit");
	/* bitsandbytes before its configurations had a method (transformers, quantizers/auto.py). */
	if (!quantisation.method && flag)
		quantisation.method = "bitsandbytes";
	if (quantisation.method || !model->quantize_config.count)
		return quantisation;
	add_settings(&quantisation, &model->quantize_config, true);
	quantisation.method = quantisation_text(&quantisation, "quant_method");
	/* AutoGPTQ wrote no method into it (auto_gptq, modeling/_base.py). */
	if (!quantisation.method && quantisation_text(&quantisation, "bits"))
		quantisation.method = "gptq";
	return quantisation;
}

/* --- values --- */

/* Rounds to the values of a type, and stores them. */
static void
encode(enum dtype dtype, const float *values, size_t count, unsigned char *stored)
{
	size_t size = dtype_bits(dtype) / 8;
	float block[BLOCK];

	for (size_t done = 0, length; done < count; done += length) {
		length = count - done < BLOCK ? count - done : BLOCK;
		float_round(dtype, values + done, block, length);
		dtype_encode_floats(dtype, block, length, stored + done * size);
	}
}

/* Computes whole rows, and takes of their bytes count from an offset on. */
static int
read_rows(const struct quantised *weight, const struct model *model, uint64_t row, size_t rows,
	  size_t offset, size_t count, void *buffer, struct failure *failure)
{
	size_t elements = rows * weight->columns, size = dtype_bits(weight->dtype) / 8;
	float *values = xcalloc(elements, sizeof(*values));
	unsigned char *bytes = xmalloc(elements * size);
	int result = weight->family->decode(weight, model, row, rows, values, failure);

	if (!result) {
		encode(weight->dtype, values, elements, bytes);
		memcpy(buffer, bytes + offset, count);
	}
	free(values);
	free(bytes);
	return result;
}

static int
read_weight(const struct model *model, const struct model_tensor *tensor, uint64_t offset,
	    void *buffer, size_t count, struct failure *failure)
{
	const struct quantised *weight = (const struct quantised *)tensor->derivation;
	uint64_t row_bytes = weight->columns * dtype_bits(weight->dtype) / 8;
	unsigned char *to = buffer;

	while (count) {
		uint64_t row = offset / row_bytes, within = offset % row_bytes;
		uint64_t rows = divide_up(within + count, row_bytes);
		uint64_t most = CHUNK / weight->columns ? CHUNK / weight->columns : 1;
		size_t got;

		if (rows > most)
			rows = most;
		got = rows * row_bytes - within < count ? rows * row_bytes - within : count;
		if (read_rows(weight, model, row, rows, within, got, to, failure))
			return -1;
		offset += got;
		to += got;
		count -= got;
	}
	return 0;
}

/* --- finding --- */

/* The tensors of the model by their names, in an order that is fast to search. */
struct names {
	struct model_tensor **tensors;
	size_t count;
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp((*(struct model_tensor *const *)a)->name,
		      (*(struct model_tensor *const *)b)->name);
}

static struct names
names_of(struct model *model)
{
	struct names names = {xcalloc(model->count, sizeof(*names.tensors)), model->count};

	for (size_t i = 0; i < model->count; i++)
		names.tensors[i] = &model->tensors[i];
	if (names.count)
		qsort(names.tensors, names.count, sizeof(*names.tensors), compare_names);
	return names;
}

static struct model_tensor *
names_find(const struct names *names, const char *name)
{
	struct model_tensor key = {.name = name}, *pointer = &key, **found;

	if (!names->count)
		return NULL;
	found = bsearch(&pointer, names->tensors, names->count, sizeof(*names->tensors),
			compare_names);
	return found ? *found : NULL;
}

/* The tensors that are found for the parts of a family beside one that has the name of its first. */
static bool
find_parts(const struct names *names, const struct quantised_family *family,
	   struct model_tensor *first, struct model_tensor *found[static QUANTISED_PARTS])
{
	size_t length;

	if (!(family->types >> first->dtype & 1) || first->part_of ||
	    !has_suffix(first->name, family->parts[0]))
		return false;
	length = strlen(first->name) - strlen(family->parts[0]);
	found[0] = first;
	for (unsigned i = 1; family->parts[i]; i++) {
		char *name = format_text("%.*s%s", (int)length, first->name, family->parts[i]);

		found[i] = names_find(names, name);
		free(name);
	}
	return true;
}

/* What the values of a weight's shape take; false if there are more than any file has. */
static bool
size_weight(const struct quantised *weight, struct model_tensor *tensor)
{
	uint64_t bytes;

	tensor->elements = 1;
	for (unsigned i = 0; i < weight->rank; i++)
		if (!multiply_checked(tensor->elements, weight->shape[i], &tensor->elements))
			return false;
	return multiply_checked(tensor->elements, sizeof(float), &bytes) && bytes <= INT64_MAX;
}

static int
plan_weight(struct quantised *weight, struct model_tensor *tensor, const struct model *model,
	    const struct quantisation *quantisation, struct failure *failure)
{
	if (weight->family->plan(weight, model, quantisation, failure))
		return -1;
	if (!size_weight(weight, tensor))
		return fail(failure, STATUS_DATA, "%s weights of a shape that is too large",
			    weight->family->name);
	weight->columns = weight->shape[weight->rank - 1];
	weight->rows = weight->columns ? tensor->elements / weight->columns : 0;
	tensor->name = weight->name;
	tensor->dtype = weight->dtype;
	tensor->stored = weight->stored;
	tensor->rank = weight->rank;
	tensor->outputs_first = weight->outputs_first;
	tensor->derivation = &weight->derivation;
	memcpy(tensor->shape, weight->shape, sizeof(tensor->shape));
	return 0;
}

/* The weights that are found: they are added when all are. */
struct added {
	struct model_tensor *tensors;
	size_t count;
};

/* Puts a derived tensor into the place of its part of the same name, or among those to be added. */
static void
place_weight(struct added *added, const struct model_tensor *tensor,
	     struct model_tensor *found[static QUANTISED_PARTS], unsigned count)
{
	struct model_tensor *same = NULL;

	for (unsigned i = 0; i < count; i++) {
		if (!found[i])
			continue;
		found[i]->part_of = tensor->name;
		if (!strcmp(found[i]->name, tensor->name))
			same = found[i];
	}
	if (same)
		*same = *tensor;
	else
		added->tensors[added->count++] = *tensor;
}

/* What cannot be read stays as it is, with a reason; the parts beside it are its own. */
static void
leave_out(struct model *model, struct model_tensor *found[static QUANTISED_PARTS], unsigned count,
	  const char *reason)
{
	found[0]->unreadable = model_own(model, xstrdup(reason));
	for (unsigned i = 1; i < count; i++)
		if (found[i])
			found[i]->part_of = found[0]->name;
}

static struct quantised *
weight_of(struct model *model, const struct quantised_family *family,
	  struct model_tensor *found[static QUANTISED_PARTS])
{
	struct quantised *weight = model_own(model, xcalloc(1, sizeof(*weight)));
	size_t length = strlen(found[0]->name) - strlen(family->parts[0]);

	weight->derivation.read = read_weight;
	weight->family = family;
	weight->name = model_own(
		model, format_text("%.*s%s", (int)length, found[0]->name, family->derived));
	for (unsigned i = 0; family->parts[i]; i++)
		if (found[i])
			weight->parts[i] = *found[i];
	return weight;
}

static unsigned
part_count(const struct quantised_family *family)
{
	unsigned count = 0;

	while (family->parts[count])
		count++;
	return count;
}

/* Makes a weight of the parts that were found. Returns whether the family claims them; *failure has
 * another status than 0 if reading failed. */
static bool
take(struct model *model, struct added *added, const struct names *names,
     const struct quantised_family *family, struct model_tensor *found[static QUANTISED_PARTS],
     const struct quantisation *quantisation, struct failure *failure)
{
	struct quantised *weight = weight_of(model, family, found);
	struct model_tensor tensor = {.file = found[0]->file, .offset = found[0]->offset};
	unsigned count = part_count(family);
	struct failure reason = {0};

	failure->status = 0;
	if (!family->claims(weight, quantisation))
		return false;
	for (unsigned i = 0; i < count; i++)
		tensor.bytes += found[i] ? found[i]->bytes : 0;
	if (strcmp(weight->name, found[0]->name) && names_find(names, weight->name))
		fail(&reason, STATUS_DATA,
		     "%s weights beside %s, which has the name of what they "
		     "stand for",
		     family->name, weight->name);
	else
		plan_weight(weight, &tensor, model, quantisation, &reason);
	if (weight->stored)
		model_own(model, weight->stored);
	if (!reason.status)
		place_weight(added, &tensor, found, count);
	else if (reason.status == STATUS_DATA)
		leave_out(model, found, count, reason.text);
	else
		*failure = reason;
	return true;
}

/* --- what nobody claims --- */

/*
 * Whether a tensor, in a model that is quantised by a method that is not known, may be made of weights:
 * numbers of a small type. Not those of 64 bits or Booleans, which are positions and masks.
 */
static bool
may_be_quantised(const struct model_tensor *tensor)
{
	return dtype_bits(tensor->dtype) < 64 && tensor->dtype != DTYPE_BOOL &&
	       !is_scale_type(tensor->dtype);
}

static bool
is_known(const struct quantisation *quantisation)
{
	static const char *const methods[] = {"gptq",
					      "awq",
					      "fp8",
					      "fbgemm_fp8",
					      "mxfp4",
					      "mxfp8",
					      "compressed-tensors",
					      "bitsandbytes",
					      "modelopt"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (!quantisation->method || quantisation_is(quantisation, methods[i]))
			return true;
	return false;
}

/* The ends of names that only quantised weights have. */
static bool
is_packed_name(const char *name)
{
	return has_suffix(name, ".qweight") || has_suffix(name, ".weight_packed");
}

/*
 * Why a tensor that no family claims cannot be read; null if nothing speaks against it. Sparse weights are
 * those of earlier versions of compressed-tensors: their non-zero values, and where they are.
 */
static char *
explain(const struct model_tensor *tensor, const struct quantisation *quantisation)
{
	bool is_float8 = tensor->dtype == DTYPE_F8_E4M3 || tensor->dtype == DTYPE_F8_E5M2;

	if (has_suffix(tensor->name, ".compressed"))
		return xstrdup("sparse weights, which are not read");
	if (tensor->rank < 2)
		return NULL;
	if (may_be_quantised(tensor) && !is_known(quantisation))
		return format_text("quantised by the method '%.60s', which is not read",
				   quantisation->method);
	if (is_float8 && quantisation->method && has_suffix(tensor->name, ".weight"))
		return format_text("%s weights without the scales that the method '%.60s' has",
				   dtype_name(tensor->dtype), quantisation->method);
	if (may_be_quantised(tensor) && is_packed_name(tensor->name))
		return xstrdup("quantised weights, and no configuration says how");
	return NULL;
}

static void
explain_rest(struct model *model, const struct quantisation *quantisation)
{
	for (size_t i = 0; i < model->count; i++) {
		struct model_tensor *tensor = &model->tensors[i];
		char *reason;

		if (tensor->part_of || tensor->unreadable || tensor->derivation)
			continue;
		reason = explain(tensor, quantisation);
		if (reason)
			tensor->unreadable = model_own(model, reason);
	}
}

int
quantised_derive(struct model *model, struct failure *failure)
{
	struct quantisation quantisation = quantisation_of(model);
	struct names names = names_of(model);
	struct added added = {.tensors = xcalloc(model->count, sizeof(*added.tensors))};

	failure->status = 0;
	for (size_t i = 0; i < model->count && !failure->status; i++)
		for (size_t f = 0; f < FAMILIES; f++) {
			struct model_tensor *found[QUANTISED_PARTS] = {0};

			if (find_parts(&names, families[f], &model->tensors[i], found) &&
			    take(model, &added, &names, families[f], found, &quantisation, failure))
				break;
		}
	if (!failure->status)
		explain_rest(model, &quantisation);
	for (size_t i = 0; i < added.count; i++)
		*container_add_tensor(model, added.tensors[i].file) = added.tensors[i];
	if (added.count)
		model_sort(model);
	free(added.tensors);
	free(names.tensors);
	free(quantisation.names);
	free(quantisation.values);
	return failure->status ? -1 : 0;
}
