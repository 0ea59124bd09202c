#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tried in this order; the last takes what no other knows. */
static const struct container *const containers[] = {&container_gguf, &container_torch,
						     &container_safetensors};

int
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
check_stand_in(const char *start, struct failure *failure)
{
	static const struct {
		const char *start, *message;
	} stand_ins[] = {
		/* Taken as a length, none of these could be a safetensors header's. */
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
