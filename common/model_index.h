/*
 * The index of a sharded checkpoint, model.safetensors.index.json: which file holds which tensor.
 */
#ifndef MODEL_INDEX_H
#define MODEL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct model_index_entry {
	const char *tensor, *file;
};

/* What an index says: tensor names and the file of each, and how many bytes all should have. */
struct model_index {
	char *buffer;
	struct model_index_entry *entries; /* in natural order of the tensor names, unique */
	size_t count;
	uint64_t total_size; /* 0 when it is not given as an integer */
};

/*
 * Parses an index. The buffer, from malloc, must have room for one byte more than length; it becomes
 * part of the result, or is freed on failure. File names are refused unless they are plain names, so
 * that none can leave the model's folder. Returns 0 or -1.
 */
int model_index_parse(struct model_index *index, char *buffer, size_t length,
		      struct failure *failure);

/* Reads and parses the index in a file. Returns 0 or -1. */
int model_index_read(struct model_index *index, const char *path, struct failure *failure);

/*
 * The files that an index names: of each its first entry, in the natural order of the files' names. Sets
 * how many there are. From malloc, to be freed before the index.
 */
const struct model_index_entry **model_index_files(const struct model_index *index, size_t *count);

void model_index_free(struct model_index *index);

#endif
