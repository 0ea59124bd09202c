/*
 * Fuzz target: the index of a sharded checkpoint. What is taken must name each tensor once, in
 * order, and no file outside of the model's folder.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "model_index.h"
#include "natural.h"

static void
check_file(const char *name)
{
	REQUIRE(*name && strcmp(name, ".") && strcmp(name, ".."));
	REQUIRE(!strpbrk(name, "/\\"));
}

/* Of any three tensors, compare_natural() must give one order. */
static void
check_order(const struct model_index *index)
{
	size_t some = index->count < 12 ? index->count : 12;

	for (size_t i = 1; i < index->count; i++)
		REQUIRE(compare_natural(index->entries[i - 1].tensor, index->entries[i].tensor) <
			0);
	for (size_t i = 0; i < some; i++)
		for (size_t j = 0; j < some; j++) {
			int order = compare_natural(index->entries[i].tensor,
						    index->entries[j].tensor);

			REQUIRE(i < j ? order < 0 : i > j ? order > 0 : order == 0);
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model_index index;
	struct failure failure = {0};
	char *text = xmalloc(size + 1);

	if (size)
		memcpy(text, data, size);
	if (model_index_parse(&index, text, size, &failure)) {
		REQUIRE(failure.status == STATUS_DATA && *failure.text);
		return 0;
	}
	for (size_t i = 0; i < index.count; i++)
		check_file(index.entries[i].file);
	check_order(&index);
	model_index_free(&index);
	return 0;
}
