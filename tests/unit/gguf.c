/* Values of blocks, read from any byte on: pieces of a tensor are the same as the whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gguf.h"
#include "model.h"
#include "random.h"
#include "tap.h"

/* Rows of whole blocks of all types. */
#define ROWS	  41
#define COLUMNS	  1024
#define ELEMENTS  ((size_t)ROWS * COLUMNS)
#define ALIGNMENT 32

static void
put(struct text *text, uint64_t number, size_t size)
{
	text_append(text, &number, size);
}

static void
put_tensor(struct text *text, const char *name, uint32_t type, uint64_t offset)
{
	put(text, strlen(name), 8);
	text_append(text, name, strlen(name));
	put(text, 2, 4);
	put(text, COLUMNS, 8);
	put(text, ROWS, 8);
	put(text, type, 4);
	put(text, offset, 8);
}

static void
pad(struct text *text)
{
	while (text->length % ALIGNMENT)
		put(text, 0, 1);
}

/* A file of two tensors of a type, the first of zeros, the second of these bytes. */
static struct text
file_of(uint32_t number, const unsigned char *bytes, size_t count)
{
	struct text text = {0};
	size_t padded = (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	text_append(&text, "GGUF\3\0\0", 8);
	put(&text, 2, 8);
	put(&text, 0, 8);
	put_tensor(&text, "a", number, 0);
	put_tensor(&text, "b", number, padded);
	pad(&text);
	for (size_t i = 0; i < padded; i++)
		put(&text, 0, 1);
	text_append(&text, bytes, count);
	return text;
}

static void
write_temporary(const struct text *text, char *path)
{
	int descriptor = mkstemp(path);

	if (descriptor < 0 || write(descriptor, text->bytes, text->length) != (ssize_t)text->length)
		die(STATUS_IO, "%s:", path);
	close(descriptor);
}

static void
read_values(const struct model *model, uint64_t offset, void *buffer, size_t count)
{
	struct failure failure;

	if (model_read(model, &model->tensors[1], offset, buffer, count, &failure))
		die_failure(&failure, "read");
}

static bool
any_range_is_same(const struct model *model, struct random *random, const char *whole, size_t bytes)
{
	char *piece = xmalloc(bytes);
	bool same = true;

	for (int i = 0; i < 300 && same; i++) {
		size_t start = (size_t)(random_below(random, bytes));
		size_t most = i % 2 ? bytes - start : 2000;
		size_t count = (size_t)(random_below(random, most));

		if (count > bytes - start)
			count = bytes - start;
		read_values(model, start, piece, count);
		same = !memcmp(piece, whole + start, count);
	}
	free(piece);
	return same;
}

static void
test_type(uint32_t number, struct random *random)
{
	const struct ggml_type *type = ggml_type_of(number);
	size_t count = ELEMENTS / type->elements * type->bytes, bytes = ELEMENTS * sizeof(float);
	unsigned char *blocks = xmalloc(count);
	char path[] = "/tmp/hillpipe-gguf-XXXXXX", *whole = xmalloc(bytes);
	float *values = xmalloc(bytes);
	struct failure failure;
	struct model model;
	struct text text;

	for (size_t i = 0; i < count; i++)
		blocks[i] = (unsigned char)random_bits(random);
	text = file_of(number, blocks, count);
	write_temporary(&text, path);
	if (model_open(&model, path, &failure))
		die_failure(&failure, path);
	read_values(&model, 0, whole, bytes);
	for (size_t i = 0; i < ELEMENTS / type->elements; i++)
		type->decode(blocks + i * type->bytes, values + i * type->elements);
	tap(!memcmp(whole, values, bytes), "%s: the whole is its blocks", type->name);
	tap(any_range_is_same(&model, random, whole, bytes), "%s: any range", type->name);
	model_close(&model);
	unlink(path);
	text_free(&text);
	free(whole);
	free(values);
	free(blocks);
}

static void
test_sizes(void)
{
	bool good = true;

	for (uint32_t i = 0; i < 1000; i++) {
		const struct ggml_type *type = ggml_type_of(i);

		good &= !type || (type->elements && type->elements <= GGML_MAX_BLOCK_ELEMENTS &&
				  type->bytes && type->bytes <= GGML_MAX_BLOCK_BYTES);
	}
	tap(good, "blocks are as large as is said");
	tap(!ggml_type_of(UINT32_MAX), "the last number is no type");
}

int
main(void)
{
	struct random random;

	random_begin(&random, 1, 0);
	test_sizes();
	for (uint32_t number = 0; number < 100; number++)
		if (ggml_type_of(number) && ggml_type_of(number)->decode)
			test_type(number, &random);
	return tap_done();
}
