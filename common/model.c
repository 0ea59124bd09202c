#include "model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "model_index.h"
#include "natural.h"
#include "quantised.h"

#define INDEX_MAX_SIZE ((uint64_t)100000000)

/* Tried in this order; the last takes what no other knows. */
static const struct container *const containers[] = {&container_gguf, &container_torch,
						     &container_safetensors};

/* --- files --- */

/* Opens a regular file for reading. Returns a descriptor or -1. */
static int
open_regular(const char *path, uint64_t *size, struct failure *failure)
{
	/* Without O_NONBLOCK a FIFO in place of a file would hang us. */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (descriptor < 0)
		return fail(failure,
			    errno == ENOENT || errno == ENOTDIR ? STATUS_NO_INPUT : STATUS_IO, "%s",
			    strerror(errno));
	if (fstat(descriptor, &status) || !S_ISREG(status.st_mode)) {
		close(descriptor);
		return fail(failure, STATUS_DATA, "not a regular file");
	}
	*size = (uint64_t)status.st_size;
	return descriptor;
}

int
read_at(const struct model_file *file, uint64_t offset, void *buffer, size_t count,
	struct failure *failure)
{
	char *to = buffer;

	while (count) {
		ssize_t step = pread(file->descriptor, to, count, (off_t)offset);

		if (step < 0 && errno == EINTR)
			continue;
		if (step < 0)
			return fail(failure, STATUS_IO, "%s", strerror(errno));
		if (!step)
			return fail(failure, STATUS_IO,
				    "the file has become shorter while it is read");
		to += step;
		offset += (uint64_t)step;
		count -= (size_t)step;
	}
	return 0;
}

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

/*
 * Files that stand in for weights when a download went wrong, or that are weights of another kind, by
 * how they start. Taken as a length, none of these could be a safetensors header's.
 */
static int
check_stand_in(const char *start, struct failure *failure)
{
	static const struct {
		const char *start, *message;
	} stand_ins[] = {
		{"version https://git-lfs",
		 "a Git LFS pointer, not the weights; 'git lfs pull' fetches them"},
		{"<!doctype", "an HTML page, not the weights; the download went wrong"},
		{"<html", "an HTML page, not the weights; the download went wrong"},
		{"\x80\2\x8a\nl\xfc\x9c",
		 "a file of an old torch.save(); convert it to safetensors"},
	};

	start += strspn(start, " \t\r\n");
	for (size_t i = 0; i < sizeof(stand_ins) / sizeof(*stand_ins); i++)
		if (!strncasecmp(start, stand_ins[i].start, strlen(stand_ins[i].start)))
			return fail(failure, STATUS_DATA, "%s", stand_ins[i].message);
	return 0;
}

/* Archives of tar, as torch.save() wrote before there was a 0.2, have their magic far behind the start. */
static int
check_tar(const struct model_file *file, struct failure *failure)
{
	char magic[5];

	if (file->size < 512)
		return 0;
	if (read_at(file, 257, magic, sizeof(magic), failure))
		return -1;
	if (!memcmp(magic, "ustar", sizeof(magic)))
		return fail(failure, STATUS_DATA,
			    "a tar archive, such as torch.save() wrote long ago; convert it to "
			    "safetensors");
	return 0;
}

struct model_tensor *
container_add_tensor(struct model *model, unsigned file)
{
	/* Room for twice as many, whenever there are as many as a power of two. */
	if (!(model->count & (model->count - 1)))
		model->tensors = xreallocarray(model->tensors, model->count ? 2 * model->count : 1,
					       sizeof(*model->tensors));
	model->tensors[model->count] = (struct model_tensor){.file = file};
	return &model->tensors[model->count++];
}

static int
list_as(struct model *model, unsigned number, const struct container *container,
	struct failure *failure)
{
	size_t before = model->count;

	model->files[number].container = container;
	if (container->list(model, number, failure))
		return -1;
	for (size_t i = before; i < model->count; i++)
		if (!model->tensors[i].stored)
			model->tensors[i].stored = dtype_name(model->tensors[i].dtype);
	return 0;
}

static int
list_file(struct model *model, unsigned number, struct failure *failure)
{
	struct model_file *file = &model->files[number];
	unsigned char start[CONTAINER_START + 1] = {0};
	size_t count = file->size < CONTAINER_START ? (size_t)file->size : CONTAINER_START;

	if (!count)
		return fail(failure, STATUS_DATA, "the file is empty");
	if (read_at(file, 0, start, count, failure) ||
	    check_stand_in((const char *)start, failure) || check_tar(file, failure))
		return -1;
	for (size_t i = 0; i < sizeof(containers) / sizeof(*containers); i++)
		if (containers[i]->recognises(start, count))
			return list_as(model, number, containers[i], failure);
	return fail(failure, STATUS_DATA, "text, not the weights; the download went wrong?");
}

int
container_add_file(struct model *model, char *path, struct failure *failure)
{
	struct model_file file = {.path = path};

	file.descriptor = open_regular(path, &file.size, failure);
	if (file.descriptor < 0) {
		free(path);
		return -1;
	}
	model->files = xreallocarray(model->files, model->file_count + 1, sizeof(file));
	model->files[model->file_count] = file;
	return list_file(model, (unsigned)model->file_count++, failure);
}

/* --- models --- */

static int
compare_tensors(const void *a, const void *b)
{
	const struct model_tensor *x = a, *y = b;

	return compare_natural(x->name, y->name);
}

static const char *
file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
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
				    file_name(model->files[a->file].path),
				    file_name(model->files[b->file].path));
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
				    tensor->name, file_name(model->files[tensor->file].path));
		if (strcmp(entry->file, file_name(model->files[tensor->file].path)))
			return fail(failure, STATUS_DATA,
				    "tensor '%.200s' is in %.80s, and the index says %.80s",
				    tensor->name, file_name(model->files[tensor->file].path),
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
compare_files(const void *a, const void *b)
{
	const struct model_index_entry *const *x = a, *const *y = b;

	return compare_natural((*x)->file, (*y)->file);
}

/* The entries of an index that are the first of their file, count of them, in the files' order. */
static const struct model_index_entry **
files_of_index(const struct model_index *index, size_t *count)
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

static int
add_shards(struct model *model, const char *folder, const struct model_index *index,
	   struct failure *failure)
{
	size_t count;
	const struct model_index_entry **files = files_of_index(index, &count);
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
read_index(const char *path, struct model_index *index, struct failure *failure)
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
open_index(struct model *model, const char *path, struct failure *failure)
{
	const char *slash = strrchr(path, '/');
	struct model_index index;
	char *folder;
	int result;

	if (read_index(path, &index, failure))
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

static bool
exists(const char *folder, const char *name)
{
	char *path = format_text("%s/%s", folder, name);
	bool found = !access(path, F_OK);

	free(path);
	return found;
}

/* The names that weights have in a folder, best first; null where a kind has no such name. */
static const struct layout {
	const char *index, *single, *suffix;
	/* If not null, a file with only the suffix counts only if this knows it. */
	const struct container *container;
} layouts[] = {
	{"model.safetensors.index.json", "model.safetensors", ".safetensors", NULL},
	{"pytorch_model.bin.index.json", "pytorch_model.bin", ".bin", &container_torch},
	{NULL, NULL, ".gguf", NULL},
};

#define LAYOUTS (sizeof(layouts) / sizeof(*layouts))

bool
model_is_file_name(const char *name)
{
	for (size_t i = 0; i < LAYOUTS; i++)
		if (has_suffix(name, layouts[i].suffix))
			return true;
	return has_suffix(name, ".json") || has_suffix(name, ".pt") || has_suffix(name, ".pth");
}

/* Whether a file is there and a container knows it; any is known to null. */
static bool
is_known(const char *path, const struct container *container)
{
	unsigned char start[CONTAINER_START];
	struct model_file file = {.path = (char *)path};
	struct failure failure;
	size_t count;
	bool known;

	if (!container)
		return true;
	file.descriptor = open_regular(path, &file.size, &failure);
	if (file.descriptor < 0)
		return false;
	count = file.size < CONTAINER_START ? (size_t)file.size : CONTAINER_START;
	known = !read_at(&file, 0, start, count, &failure) && container->recognises(start, count);
	close(file.descriptor);
	return known;
}

/*
 * Finds the only file of a folder that ends like this and that a container knows. Sets *found to its path, from malloc, or to null if
 * there is none. Returns 0, or -1 if there are several or the folder cannot be read.
 */
static int
only_file(const char *path, const struct layout *layout, char **found, struct failure *failure)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	unsigned count = 0;

	*found = NULL;
	if (!folder)
		return fail(failure, STATUS_IO, "%s", strerror(errno));
	while ((entry = readdir(folder))) {
		char *name;

		if (!has_suffix(entry->d_name, layout->suffix))
			continue;
		name = format_text("%s/%s", path, entry->d_name);
		if (!is_known(name, layout->container)) {
			free(name);
			continue;
		}
		count++;
		free(*found);
		*found = name;
	}
	closedir(folder);
	if (count < 2)
		return 0;
	free(*found);
	return fail(failure, STATUS_NO_INPUT, "several %s files and no index; name the one to read",
		    layout->suffix);
}

/* The file of a folder to begin with, an index or a file of weights: the same conventions. */
static int
find_in_layout(const char *path, const struct layout *layout, char **found, struct failure *failure)
{
	bool has_index = layout->index && exists(path, layout->index);
	bool has_single = layout->single && exists(path, layout->single);

	if (has_index && has_single)
		return fail(failure, STATUS_DATA, "both %s and %s are here; name the one to read",
			    layout->single, layout->index);
	if (!has_index && !has_single)
		return only_file(path, layout, found, failure);
	*found = format_text("%s/%s", path, has_index ? layout->index : layout->single);
	return 0;
}

static int
find_weights(const char *path, char **found, struct failure *failure)
{
	for (size_t i = 0; i < LAYOUTS; i++)
		if (find_in_layout(path, &layouts[i], found, failure))
			return -1;
		else if (*found)
			return 0;
	return fail(failure, STATUS_NO_INPUT, "no %s or %s file, and no %s, in this folder",
		    layouts[0].suffix, layouts[2].suffix, layouts[1].single);
}

static void
add_if_missing(struct model_missing *missing, const char *folder, const char *name)
{
	missing->of++;
	if (exists(folder, name))
		return;
	missing->names = xreallocarray(missing->names, missing->count + 1, sizeof(*missing->names));
	missing->names[missing->count++] = xstrdup(name);
}

int
model_find_missing(struct model_missing *missing, const char *folder, struct failure *failure)
{
	const struct model_index_entry **files;
	struct model_index index;
	size_t count;
	char *path;

	*missing = (struct model_missing){0};
	if (find_weights(folder, &path, failure))
		return -1;
	missing->first = xstrdup(file_name(path));
	if (!has_suffix(path, ".json")) {
		add_if_missing(missing, folder, missing->first);
	} else if (read_index(path, &index, failure)) {
		fail_prefix(failure, "%s", missing->first);
		free(path);
		model_missing_free(missing);
		return -1;
	} else {
		files = files_of_index(&index, &count);
		for (size_t i = 0; i < count; i++)
			add_if_missing(missing, folder, files[i]->file);
		free(files);
		model_index_free(&index);
	}
	free(path);
	return 0;
}

void
model_missing_free(struct model_missing *missing)
{
	for (size_t i = 0; i < missing->count; i++)
		free(missing->names[i]);
	free(missing->names);
	free(missing->first);
	*missing = (struct model_missing){0};
}

static int
open_folder(struct model *model, const char *path, struct failure *failure)
{
	char *name;
	int result;

	if (find_weights(path, &name, failure))
		return -1;
	result = has_suffix(name, ".json") ? open_index(model, name, failure)
					   : open_single(model, name, failure);
	if (result)
		fail_prefix(failure, "%s", file_name(name));
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
