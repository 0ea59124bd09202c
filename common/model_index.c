#include "model_index.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "json.h"
#include "natural.h"

#define INDEX_DEPTH    8
#define INDEX_MAX_SIZE ((uint64_t)100000000)

/* A plain file name: it cannot leave the folder it is looked up in. */
static bool
is_plain_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && !strchr(name, '\\');
}

static void
parse_weight_map(struct json *json, struct model_index *index)
{
	size_t capacity = 0;
	char *tensor, *file;

	json_open(json, '{');
	while ((tensor = json_key(json)) && (file = json_string(json))) {
		if (!is_plain_name(file)) {
			json_fail(json,
				  "the file of tensor '%.100s' is '%.100s', which is not a plain "
				  "file name",
				  tensor, file);
			return;
		}
		if (index->count == capacity) {
			capacity = capacity ? 2 * capacity : 64;
			index->entries = xreallocarray(index->entries, capacity,
						       sizeof(*index->entries));
		}
		index->entries[index->count++] = (struct model_index_entry){tensor, file};
	}
}

static void
parse_index_metadata(struct json *json, struct model_index *index)
{
	char *key;

	json_open(json, '{');
	while ((key = json_key(json))) {
		char *start;

		if (strcmp(key, "total_size") || json_peek(json) != JSON_NUMBER) {
			json_skip(json);
			continue;
		}
		/* Some writers put a float here; only an integer is worth comparing. */
		start = json->at;
		json_skip(json);
		index->total_size = 0;
		for (; start < json->at && isdigit((unsigned char)*start); start++)
			if (index->total_size <= JSON_INTEGER_MAX)
				index->total_size = 10 * index->total_size +
						    (uint64_t)(*start - '0');
		if (start < json->at || index->total_size > JSON_INTEGER_MAX)
			index->total_size = 0;
	}
}

static int
parse_index_members(struct json *json, struct model_index *index)
{
	unsigned maps = 0;
	char *key;

	json_open(json, '{');
	while ((key = json_key(json))) {
		if (!strcmp(key, "weight_map")) {
			if (maps++)
				return json_fail(json, "weight_map is given twice");
			parse_weight_map(json, index);
		} else if (!strcmp(key, "metadata") && json_peek(json) == JSON_OBJECT) {
			parse_index_metadata(json, index);
		} else {
			json_skip(json);
		}
	}
	if (!json_end(json) && !maps)
		return json_fail(json, "there is no weight_map");
	return json->failed ? -1 : 0;
}

static int
compare_entries(const void *a, const void *b)
{
	const struct model_index_entry *x = a, *y = b;

	return compare_natural(x->tensor, y->tensor);
}

int
model_index_parse(struct model_index *index, char *buffer, size_t length, struct failure *failure)
{
	struct json json;

	*index = (struct model_index){.buffer = buffer};
	json_begin(&json, buffer, length, INDEX_DEPTH, failure);
	if (parse_index_members(&json, index)) {
		fail_prefix(failure, "bad index");
		model_index_free(index);
		return -1;
	}
	if (index->count)
		qsort(index->entries, index->count, sizeof(*index->entries), compare_entries);
	for (size_t i = 1; i < index->count; i++)
		if (!strcmp(index->entries[i - 1].tensor, index->entries[i].tensor)) {
			fail(failure, STATUS_DATA, "bad index: tensor '%.200s' is given twice",
			     index->entries[i].tensor);
			model_index_free(index);
			return -1;
		}
	return 0;
}

int
model_index_read(struct model_index *index, const char *path, struct failure *failure)
{
	struct model_file file = {.path = (char *)path};
	char *buffer;
	int result;

	file.descriptor = open_regular(path, &file.size, failure);
	if (file.descriptor < 0)
		return -1;
	if (file.size > INDEX_MAX_SIZE) {
		close(file.descriptor);
		return fail(failure, STATUS_DATA, "an index of %" PRIu64 " bytes", file.size);
	}
	buffer = xcalloc(file.size + 1, 1);
	result = read_at(&file, 0, buffer, file.size, failure);
	close(file.descriptor);
	if (result || check_stand_in(buffer, failure)) {
		free(buffer);
		return -1;
	}
	return model_index_parse(index, buffer, file.size, failure);
}

static int
compare_files(const void *a, const void *b)
{
	const struct model_index_entry *const *x = a, *const *y = b;

	return compare_natural((*x)->file, (*y)->file);
}

const struct model_index_entry **
model_index_files(const struct model_index *index, size_t *count)
{
	const struct model_index_entry **by_file = xcalloc(index->count, sizeof(*by_file));

	for (size_t i = 0; i < index->count; i++)
		by_file[i] = &index->entries[i];
	if (index->count)
		qsort(by_file, index->count, sizeof(*by_file), compare_files);
	*count = 0;
	for (size_t i = 0; i < index->count; i++)
		if (!*count || strcmp(by_file[i]->file, by_file[*count - 1]->file))
			by_file[(*count)++] = by_file[i];
	return by_file;
}

void
model_index_free(struct model_index *index)
{
	free(index->buffer);
	free(index->entries);
	*index = (struct model_index){0};
}
