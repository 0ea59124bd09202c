/*
 * The kinds of file that hold tensors. A new kind is one file that defines a struct container, and one
 * entry in the table of model.c.
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
};

extern const struct container container_safetensors;

/* Reads count bytes at an offset of a file, all or it fails. Returns 0 or -1. */
int read_at(const struct model_file *file, uint64_t offset, void *buffer, size_t count,
	    struct failure *failure);

#endif
