/*
 * Fuzz target: the header of a GGUF file, and the blocks of its tensors. What is taken must keep all that
 * gguf.h promises.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "gguf.h"

struct input {
	const uint8_t *data;
	size_t size;
};

static int
read_input(void *context, uint64_t offset, void *buffer, size_t count, struct failure *failure)
{
	const struct input *input = context;

	(void)failure;
	REQUIRE(offset <= input->size && count <= input->size - offset);
	if (count)
		memcpy(buffer, input->data + offset, count);
	return 0;
}

static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
require_unique(const struct gguf *gguf)
{
	const char **names = xcalloc(gguf->count + 1, sizeof(*names));

	for (size_t i = 0; i < gguf->count; i++)
		names[i] = gguf->tensors[i].name;
	qsort(names, gguf->count, sizeof(*names), compare_text);
	for (size_t i = 1; i < gguf->count; i++)
		REQUIRE(strcmp(names[i - 1], names[i]));
	free(names);
}

static void
check_name(const char *name)
{
	size_t length = strlen(name), step;

	REQUIRE(length && length <= GGUF_MAX_NAME);
	for (size_t i = 0; i < length; i += step) {
		step = utf8_length((const unsigned char *)name + i, length - i);
		REQUIRE(step);
	}
}

static void
check_tensor(const struct gguf_tensor *tensor, const struct input *input)
{
	uint64_t elements = 1;

	REQUIRE(tensor->rank <= GGUF_MAX_RANK);
	for (unsigned i = 0; i < tensor->rank; i++) {
		REQUIRE(tensor->shape[i] <= UINT64_C(1) << 53);
		REQUIRE(multiply_checked(elements, tensor->shape[i], &elements));
	}
	REQUIRE(elements == tensor->elements);
	REQUIRE(tensor->type == ggml_type_of(tensor->type_number));
	REQUIRE(elements % tensor->type->elements == 0);
	REQUIRE(elements / tensor->type->elements * tensor->type->bytes == tensor->bytes);
	REQUIRE(tensor->offset <= input->size && tensor->bytes <= input->size - tensor->offset);
	check_name(tensor->name);
}

/* The last block, where a byte too far is seen. */
static void
decode_block(const struct gguf_tensor *tensor, const struct input *input)
{
	const struct ggml_type *type = tensor->type;
	unsigned char *block = xmalloc(type->bytes);
	float *values = xcalloc(type->elements, sizeof(*values));

	if (type->decode && tensor->bytes) {
		memcpy(block, input->data + tensor->offset + tensor->bytes - type->bytes,
		       type->bytes);
		type->decode(block, values);
	}
	free(block);
	free(values);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct gguf_source source = {read_input, &input, size};
	struct failure failure = {0};
	struct gguf gguf;
	uint64_t end = 0;

	if (gguf_read(&gguf, &source, &failure)) {
		REQUIRE(failure.status == STATUS_DATA && *failure.text);
		return 0;
	}
	for (size_t i = 0; i < gguf.count; i++) {
		check_tensor(&gguf.tensors[i], &input);
		REQUIRE(gguf.tensors[i].offset >= end);
		end = gguf.tensors[i].offset + gguf.tensors[i].bytes;
		decode_block(&gguf.tensors[i], &input);
	}
	require_unique(&gguf);
	gguf_free(&gguf);
	return 0;
}
