/*
 * Fuzz target: the header of a safetensors document. The input is the header without its length.
 * What is taken must keep all that safetensors.h promises, and read back the same once written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "safetensors.h"

/* Wide enough for any product of eight dimensions below 2^53 that is not refused. */
__extension__ typedef unsigned __int128 wide;

static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
require_unique(char **names, size_t count)
{
	qsort(names, count, sizeof(*names), compare_text);
	for (size_t i = 1; i < count; i++)
		REQUIRE(strcmp(names[i - 1], names[i]));
}

static void
require_utf8(const char *text)
{
	size_t length = strlen(text), step;

	for (size_t i = 0; i < length; i += step) {
		step = utf8_length((const unsigned char *)text + i, length - i);
		REQUIRE(step);
	}
}

static void
check_tensor(const struct safetensors_tensor *tensor, uint64_t begin)
{
	wide elements = 1;

	REQUIRE(tensor->rank <= SAFETENSORS_MAX_RANK);
	for (unsigned i = 0; i < tensor->rank; i++)
		elements *= tensor->shape[i];
	REQUIRE(elements == tensor->elements);
	REQUIRE(tensor->begin == begin && tensor->end >= begin);
	REQUIRE(elements * dtype_bits(tensor->dtype) == (wide)8 * (tensor->end - begin));
	require_utf8(tensor->name);
}

static void
check_document(const struct safetensors *document)
{
	char **names = xcalloc(document->count + document->metadata_count + 1, sizeof(*names));
	uint64_t at = 0;

	for (size_t i = 0; i < document->count; i++) {
		check_tensor(&document->tensors[i], at);
		at = document->tensors[i].end;
		names[i] = document->tensors[i].name;
	}
	REQUIRE(at == document->payload);
	require_unique(names, document->count);
	for (size_t i = 0; i < document->metadata_count; i++) {
		names[i] = document->metadata[i].key;
		require_utf8(document->metadata[i].key);
		require_utf8(document->metadata[i].value);
	}
	require_unique(names, document->metadata_count);
	free(names);
}

static void
require_same_tensor(const struct safetensors_tensor *a, const struct safetensors_tensor *b)
{
	REQUIRE(!strcmp(a->name, b->name) && a->dtype == b->dtype && a->rank == b->rank &&
		a->begin == b->begin && a->end == b->end);
	REQUIRE(!a->rank || !memcmp(a->shape, b->shape, a->rank * sizeof(*a->shape)));
}

static void
require_same(const struct safetensors *a, const struct safetensors *b)
{
	REQUIRE(a->count == b->count && a->metadata_count == b->metadata_count);
	for (size_t i = 0; i < a->metadata_count; i++)
		REQUIRE(!strcmp(a->metadata[i].key, b->metadata[i].key) &&
			!strcmp(a->metadata[i].value, b->metadata[i].value));
	for (size_t i = 0; i < a->count; i++)
		require_same_tensor(&a->tensors[i], &b->tensors[i]);
}

static struct text
written(const struct safetensors *document)
{
	struct safetensors_writer writer;

	safetensors_write_begin(&writer);
	for (size_t i = 0; i < document->metadata_count; i++)
		safetensors_write_metadata(&writer, document->metadata[i].key,
					   document->metadata[i].value);
	for (size_t i = 0; i < document->count; i++)
		safetensors_write_tensor(&writer, document->tensors[i].name,
					 document->tensors[i].dtype, document->tensors[i].rank,
					 document->tensors[i].shape);
	return safetensors_write_end(&writer);
}

static void
check_round_trip(const struct safetensors *document)
{
	struct text text = written(document);
	struct safetensors again;
	struct failure failure;
	uint64_t length;
	char *header;

	REQUIRE(text.length % 64 == 0);
	REQUIRE(!safetensors_header_length((unsigned char *)text.bytes, &length, &failure));
	REQUIRE(length == text.length - 8);
	header = xmalloc(length + 1);
	memcpy(header, text.bytes + 8, length);
	REQUIRE(!safetensors_parse(&again, header, length, &failure));
	require_same(document, &again);
	safetensors_free(&again);
	text_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct safetensors document;
	struct failure failure = {0};
	char *header = xmalloc(size + 1);

	if (size)
		memcpy(header, data, size);
	if (safetensors_parse(&document, header, size, &failure)) {
		REQUIRE(failure.status == STATUS_DATA && *failure.text);
		return 0;
	}
	check_document(&document);
	check_round_trip(&document);
	safetensors_free(&document);
	return 0;
}
