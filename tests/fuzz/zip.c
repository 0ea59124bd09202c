/*
 * Fuzz target: a zip archive. The entries of one that is taken must lie in the file without overlap, and
 * be found by their names and no others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fuzz.h"
#include "zip.h"

struct memory {
	const uint8_t *bytes;
	size_t size;
};

static int
read_memory(const void *context, uint64_t offset, void *buffer, size_t count,
	    struct failure *failure)
{
	const struct memory *memory = context;

	(void)failure;
	/* Nothing outside of the file may be asked for. */
	REQUIRE(offset <= memory->size && count <= memory->size - offset);
	if (count)
		memcpy(buffer, memory->bytes + offset, count);
	return 0;
}

static void
check_entry(const struct zip *zip, size_t i, const struct zip_source *source)
{
	const struct zip_entry *entry = &zip->entries[i];
	struct failure failure = {0};
	char *bytes;

	REQUIRE(entry->begin >= 30 && entry->begin <= source->size &&
		entry->size <= source->size - entry->begin);
	for (size_t j = 0; j < i; j++) {
		const struct zip_entry *other = &zip->entries[j];

		REQUIRE(strcasecmp(other->name, entry->name));
		REQUIRE(other->begin + other->size <= entry->header ||
			entry->begin + entry->size <= other->header);
	}
	REQUIRE(zip_find(zip, entry->name) == entry);
	bytes = zip_read(source, entry, source->size, &failure);
	REQUIRE(bytes || failure.status == STATUS_DATA);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory memory = {data, size};
	struct zip_source source = {read_memory, &memory, size};
	struct failure failure = {0};
	struct zip zip;

	if (zip_open(&zip, &source, &failure)) {
		REQUIRE(failure.status == STATUS_DATA && *failure.text);
		return 0;
	}
	REQUIRE(zip.count);
	for (size_t i = 0; i < zip.count; i++)
		check_entry(&zip, i, &source);
	REQUIRE(!zip_find(&zip, "") && !zip_find(&zip, "no such name"));
	zip_free(&zip);
	return 0;
}
