#include "model_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "model_index.h"

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
 * Finds the only file of a folder that ends like this and that a container knows. Sets *found to its
 * path, from malloc, or to null if there is none. Returns 0, or -1 if there are several or the folder
 * cannot be read.
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

int
model_folder_find(const char *path, char **found, struct failure *failure)
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
	if (model_folder_find(folder, &path, failure))
		return -1;
	missing->first = xstrdup(path_file_name(path));
	if (!has_suffix(path, ".json")) {
		add_if_missing(missing, folder, missing->first);
	} else if (model_index_read(&index, path, failure)) {
		fail_prefix(failure, "%s", missing->first);
		free(path);
		model_missing_free(missing);
		return -1;
	} else {
		files = model_index_files(&index, &count);
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
