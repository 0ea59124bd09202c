/*
 * The kinds of file that hold tensors. A new kind is one file that defines a struct container, and one
 * entry in the table of container.c.
 */
#ifndef CONTAINER_H
#define CONTAINER_H

#include <stdbool.h>

#include "model.h"

/* How much of the start of a file a container may look at to know its own. */
#define CONTAINER_START 64

struct container {
	const char *name;
	/* Whether a file that starts with these bytes (fewer than CONTAINER_START if it is short) is
	 * of this kind. */
	bool (*recognises)(const unsigned char *start, size_t count);
	/*
	 * Appends the tensors of an open file, its number given, to model->tensors, of which
	 * model->count are there; sets names of the file. Returns 0 or -1.
	 */
	int (*list)(struct model *model, unsigned file, struct failure *failure);
	/*
	 * Reads count bytes of a tensor's values, row-major and as tensor->dtype lays them out, from
	 * an offset on. Null if the values lie in the file like that, from tensor->offset on. Returns
	 * 0 or -1.
	 */
	int (*read)(const struct model_file *file, const struct model_tensor *tensor,
		    uint64_t offset, void *buffer, size_t count, struct failure *failure);
	/* Frees file->details, where that is not null; null if the container has none. */
	void (*forget)(void *details);
};

extern const struct container container_gguf, container_safetensors, container_torch;

/* Appends an empty tensor of a file to the model's, for list() to fill in: its `stored` is set later from
 * dtype if list() leaves it null. Valid until the next. */
struct model_tensor *container_add_tensor(struct model *model, unsigned file);

/* Opens one more file of the model, whose path is taken over, and lists its tensors. Returns 0 or -1. */
int container_add_file(struct model *model, char *path, struct failure *failure);

/* Opens a regular file for reading and sets its size in bytes. Returns a descriptor, or -1. */
int open_regular(const char *path, uint64_t *size, struct failure *failure);

/* Reads count bytes at an offset of a file, all or it fails. Returns 0 or -1. */
int read_at(const struct model_file *file, uint64_t offset, void *buffer, size_t count,
	    struct failure *failure);

/*
 * Fails for the start of a file, null-terminated, that stands in for weights when a download went wrong, or
 * is of weights that no container reads.
 */
int check_stand_in(const char *start, struct failure *failure);

#endif
