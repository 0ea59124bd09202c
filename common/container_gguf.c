/*
 * GGUF files. Blocks of integers are decoded to float32 as they are read. A model may be split into several
 * files, which are found by their names; any of them stands for the whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "gguf.h"

_Static_assert(MODEL_MAX_RANK >= GGUF_MAX_RANK, "a shape must fit");

/* As much of a tensor as is read at once. */
#define PIECE ((size_t)1 << 16)

static bool
recognises(const unsigned char *start, size_t count)
{
	return count >= 4 && !memcmp(start, "GGUF", 4);
}

static int
read_file(void *context, uint64_t offset, void *buffer, size_t count, struct failure *failure)
{
	return read_at(context, offset, buffer, count, failure);
}

static void
add_tensors(struct model *model, unsigned number, const struct gguf *gguf)
{
	for (size_t i = 0; i < gguf->count; i++) {
		const struct gguf_tensor *from = &gguf->tensors[i];
		struct model_tensor *to = container_add_tensor(model, number);

		to->name = from->name;
		to->dtype = from->type->dtype;
		to->stored = from->type->name;
		to->opaque = from->type->elements > 1 && !from->type->decode;
		to->detail = from->type_number;
		to->rank = from->rank;
		memcpy(to->shape, from->shape, from->rank * sizeof(*to->shape));
		to->elements = from->elements;
		to->bytes = from->bytes;
		to->offset = from->offset;
	}
}

/* --- split models --- */

/* The end of the name of a part, from 1: "-00002-of-00003.gguf" (llama.cpp's gguf-split). */
#define PART_SUFFIX   "-%05u-of-%05u.gguf"
#define PART_NAME_MAX 32

/* The path of a file without the end that it has as a part; null if it does not end like that. */
static char *
stem_of(const char *path, const struct gguf_split *split)
{
	char suffix[PART_NAME_MAX];

	snprintf(suffix, sizeof(suffix), PART_SUFFIX, (unsigned)split->number + 1,
		 (unsigned)split->count);
	return has_suffix(path, suffix) ? xstrndup(path, strlen(path) - strlen(suffix)) : NULL;
}

/* Adds the other parts of the model whose file, the only one so far, is one of several. */
static int
add_parts(struct model *model, const struct gguf_split *split, struct failure *failure)
{
	char *stem = stem_of(model->files[0].path, split);
	int result = 0;

	if (!stem)
		return fail(failure, STATUS_DATA,
			    "part %" PRIu64 " of %" PRIu64
			    " of a split model, but the name does not end in " PART_SUFFIX,
			    split->number + 1, split->count, (unsigned)split->number + 1,
			    (unsigned)split->count);
	for (unsigned i = 0; i < split->count && !result; i++) {
		if (i == split->number)
			continue;
		result = container_add_file(
			model, format_text("%s" PART_SUFFIX, stem, i + 1, (unsigned)split->count),
			failure);
		if (result)
			fail_prefix(failure, "part %u of the split model", i + 1);
	}
	free(stem);
	if (!result && model->count != split->tensors)
		return fail(failure, STATUS_DATA,
			    "the parts have %zu tensors in all, and should have %" PRIu64,
			    model->count, split->tensors);
	return result;
}

/* A part other than the one that was asked for must be what its name says. */
static int
check_part(const struct model_file *file, const struct gguf_split *split, struct failure *failure)
{
	char *stem;

	if (split->count < 2)
		return fail(failure, STATUS_DATA, "not a part of a split model");
	stem = stem_of(file->path, split);
	if (!stem)
		return fail(failure, STATUS_DATA, "says that it is part %" PRIu64 " of %" PRIu64,
			    split->number + 1, split->count);
	free(stem);
	return 0;
}

static int
list(struct model *model, unsigned number, struct failure *failure)
{
	struct gguf_source source = {read_file, &model->files[number], model->files[number].size};
	struct gguf_split split;
	struct gguf gguf;

	if (gguf_read(&gguf, &source, failure))
		return -1;
	split = gguf.split;
	add_tensors(model, number, &gguf);
	model->files[number].names = gguf.names;
	gguf.names = NULL;
	gguf_free(&gguf);
	if (number)
		return check_part(&model->files[number], &split, failure);
	return split.count > 1 ? add_parts(model, &split, failure) : 0;
}

/* --- values --- */

/* What is being decoded: bytes from `offset` on of the float32 values, into a buffer. */
struct target {
	uint64_t offset;
	char *buffer;
	size_t count; /* still to come */
};

/* Copies what the target wants of a block whose values begin at a byte of all values. */
static void
copy_block(struct target *target, const float *values, size_t bytes, uint64_t begin)
{
	size_t skipped = (size_t)(target->offset - begin);
	size_t step = bytes - skipped < target->count ? bytes - skipped : target->count;

	memcpy(target->buffer, (const char *)values + skipped, step);
	target->offset += step;
	target->buffer += step;
	target->count -= step;
}

static int
read_values(const struct model_file *file, const struct model_tensor *tensor, uint64_t offset,
	    void *buffer, size_t count, struct failure *failure)
{
	const struct ggml_type *type = ggml_type_of((uint32_t)tensor->detail);
	struct target target = {offset, buffer, count};
	size_t width = type->elements * sizeof(float);
	unsigned char piece[PIECE];
	float values[GGML_MAX_BLOCK_ELEMENTS];

	if (!type->decode)
		return read_at(file, tensor->offset + offset, buffer, count, failure);
	while (target.count) {
		uint64_t first = target.offset / width;
		uint64_t blocks = (target.offset + target.count - 1) / width - first + 1;

		if (blocks > PIECE / type->bytes)
			blocks = PIECE / type->bytes;
		if (read_at(file, tensor->offset + first * type->bytes, piece,
			    (size_t)blocks * type->bytes, failure))
			return -1;
		for (size_t i = 0; i < blocks; i++) {
			type->decode(piece + i * type->bytes, values);
			copy_block(&target, values, width, (first + i) * width);
		}
	}
	return 0;
}

const struct container container_gguf = {
	.name = "GGUF", .recognises = recognises, .list = list, .read = read_values};
