#include "model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "model_folder.h"
#include "model_index.h"
#include "natural.h"
#include "quantised.h"

int
model_read(const struct model *model, const struct model_tensor *tensor, uint64_t offset,
	   void *buffer, size_t count, struct failure *failure)
{
	const struct model_file *file = &model->files[tensor->file];
	int status;

	if (tensor->derivation)
		return tensor->derivation->read(model, tensor, offset, buffer, count, failure);
	status = file->container->read
			 ? file->container->read(file, tensor, offset, buffer, count, failure)
			 : read_at(file, tensor->offset + offset, buffer, count, failure);

	if (status)
		return fail_prefix(failure, "%.200s", file->path);
	return 0;
}

bool
model_place(const struct model *model, const struct model_tensor *tensor, int *descriptor,
	    uint64_t *offset)
{
	const struct model_file *file = &model->files[tensor->file];

	if (tensor->derivation || file->container->read)
		return false;
	*descriptor = file->descriptor;
	*offset = tensor->offset;
	return true;
}

static int
compare_tensors(const void *a, const void *b)
{
	const struct model_tensor *x = a, *y = b;

	return compare_natural(x->name, y->name);
}

void
model_sort(struct model *model)
{
	if (model->count)
		qsort(model->tensors, model->count, sizeof(*model->tensors), compare_tensors);
}

static int
sort_tensors(struct model *model, struct failure *failure)
{
	model_sort(model);
	for (size_t i = 1; i < model->count; i++) {
		const struct model_tensor *a = &model->tensors[i - 1], *b = a + 1;

		if (!strcmp(a->name, b->name))
			return fail(failure, STATUS_DATA,
				    "tensor '%.200s' is in two files, %.80s and %.80s", a->name,
				    path_file_name(model->files[a->file].path),
				    path_file_name(model->files[b->file].path));
	}
	return 0;
}

/* Index and files must name the same tensors in the same places. */
static int
match_index(struct model *model, const struct model_index *index, struct failure *failure)
{
	uint64_t total = 0, again = 0;
	size_t t = 0;

	for (size_t e = 0; e < index->count || t < model->count; e++, t++) {
		const struct model_index_entry *entry = &index->entries[e];
		const struct model_tensor *tensor = &model->tensors[t];
		int order = e == index->count	? 1
			    : t == model->count ? -1
						: compare_natural(entry->tensor, tensor->name);

		if (order < 0)
			return fail(failure, STATUS_DATA,
				    "tensor '%.200s' is in the index, but not in %.100s",
				    entry->tensor, entry->file);
		if (order > 0)
			return fail(failure, STATUS_DATA,
				    "tensor '%.200s' is in %.100s, but not in the index",
				    tensor->name, path_file_name(model->files[tensor->file].path));
		if (strcmp(entry->file, path_file_name(model->files[tensor->file].path)))
			return fail(failure, STATUS_DATA,
				    "tensor '%.200s' is in %.80s, and the index says %.80s",
				    tensor->name, path_file_name(model->files[tensor->file].path),
				    entry->file);
		total += tensor->bytes;
		again += tensor->again ? tensor->bytes : 0;
	}
	/* Some writers count what is there under two names once, and some twice. */
	if (index->total_size && index->total_size != total && index->total_size != total - again)
		model->notice = format_text("the index says %" PRIu64 " bytes in all, and there "
					    "are %" PRIu64,
					    index->total_size, total);
	return 0;
}

static int
add_shards(struct model *model, const char *folder, const struct model_index *index,
	   struct failure *failure)
{
	size_t count;
	const struct model_index_entry **files = model_index_files(index, &count);
	int result = 0;

	for (size_t i = 0; i < count && !result; i++) {
		result = container_add_file(model, format_text("%s/%s", folder, files[i]->file),
					    failure);
		if (result)
			fail_prefix(failure, "file '%.200s' of the index", files[i]->file);
	}
	free(files);
	return result;
}

static int
open_index(struct model *model, const char *path, struct failure *failure)
{
	const char *slash = strrchr(path, '/');
	struct model_index index;
	char *folder;
	int result;

	if (model_index_read(&index, path, failure))
		return -1;
	folder = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	result = add_shards(model, folder, &index, failure);
	if (!result)
		result = sort_tensors(model, failure);
	if (!result)
		result = match_index(model, &index, failure);
	free(folder);
	model_index_free(&index);
	return result;
}

static int
open_single(struct model *model, const char *path, struct failure *failure)
{
	return container_add_file(model, xstrdup(path), failure) || sort_tensors(model, failure)
		       ? -1
		       : 0;
}

static int
open_folder(struct model *model, const char *path, struct failure *failure)
{
	char *name;
	int result;

	if (model_folder_find(path, &name, failure))
		return -1;
	result = has_suffix(name, ".json") ? open_index(model, name, failure)
					   : open_single(model, name, failure);
	if (result)
		fail_prefix(failure, "%s", path_file_name(name));
	free(name);
	return result;
}

/* A configuration in a folder. One that cannot be used is told of, and does no other harm. */
static void
read_config(struct model *model, struct config *config, const char *folder, const char *file)
{
	char *path = format_text("%s/%s", folder, file);
	struct failure failure;

	if (config_read(config, path, &failure) && !model->notice)
		model->notice = format_text("%s: %s", file, failure.text);
	free(path);
}

/* The configurations beside the weights. */
static void
read_configs(struct model *model, const char *path, bool is_folder)
{
	const char *slash = strrchr(path, '/');
	char *folder = is_folder ? xstrdup(path)
		       : slash	 ? xstrndup(path, (size_t)(slash - path))
				 : xstrdup(".");

	read_config(model, &model->config, folder, "config.json");
	if (!config_setting(&model->config, "quantization_config.quant_method"))
		read_config(model, &model->quantize_config, folder, "quantize_config.json");
	free(folder);
}

int
model_open(struct model *model, const char *path, struct failure *failure)
{
	struct stat status;
	bool is_folder = !stat(path, &status) && S_ISDIR(status.st_mode);
	int result;

	*model = (struct model){0};
	if (is_folder)
		result = open_folder(model, path, failure);
	else if (has_suffix(path, ".json"))
		result = open_index(model, path, failure);
	else
		result = open_single(model, path, failure);
	if (!result) {
		read_configs(model, path, is_folder);
		result = quantised_derive(model, failure);
	}
	if (result)
		model_close(model);
	return result;
}

void *
model_own(struct model *model, void *memory)
{
	/* Room for twice as many, whenever there are as many as a power of two. */
	if (!(model->owned_count & (model->owned_count - 1)))
		model->owned = xreallocarray(model->owned,
					     model->owned_count ? 2 * model->owned_count : 1,
					     sizeof(*model->owned));
	return model->owned[model->owned_count++] = memory;
}

void
model_close(struct model *model)
{
	for (size_t i = 0; i < model->file_count; i++) {
		struct model_file *file = &model->files[i];

		if (file->details)
			file->container->forget(file->details);
		close(file->descriptor);
		free(file->path);
		free(file->names);
	}
	free(model->files);
	free(model->tensors);
	config_free(&model->config);
	config_free(&model->quantize_config);
	for (size_t i = 0; i < model->owned_count; i++)
		free(model->owned[i]);
	free(model->owned);
	free(model->notice);
	*model = (struct model){0};
}
