/*
 * A checkpoint on disk: which tensors it has, and their bytes.
 *
 * A model is a file, a folder, or the index of a sharded checkpoint. What kinds of file there are is
 * the matter of the containers (container.h); this module finds the files, and sees that together they
 * are one consistent model. Everything in the files is untrusted.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "dtype.h"
#include "util.h"

#define MODEL_MAX_RANK 8

struct model;

struct model_tensor {
	const char *name;
	enum dtype dtype; /* of the values that model_read() gives */
	const char
		*stored; /* what they are stored as: the dtype's name, or a container's own type */
	bool opaque;	 /* of a type whose values cannot be read */
	unsigned rank;
	unsigned file; /* of the model's files */
	uint64_t shape[MODEL_MAX_RANK];
	uint64_t elements;
	uint64_t bytes;	 /* that it takes in the file */
	uint64_t offset; /* in the file */
	size_t detail;	 /* a number of the container's own */
	/* Rows of its matrices are outputs, also where the model's own parameter has inputs there. */
	bool outputs_first;
	bool again; /* it is the same bytes of the file as an earlier one */
	/* What this tensor is made of, if it is no tensor of a file but derived from some, as weights
	 * are from their quantised form; null otherwise. `file` is that of the first then. */
	const struct derivation *derivation;
	const char
		*part_of; /* the name of the derived tensor that this one is a part of, or null */
	const char *unreadable; /* why its values cannot be had, in words; or null */
};

/* How the values of a derived tensor are computed. */
struct derivation {
	/* Like a container's read(): count bytes of values of the tensor's dtype, from an offset on. */
	int (*read)(const struct model *model, const struct model_tensor *tensor, uint64_t offset,
		    void *buffer, size_t count, struct failure *failure);
};

struct model_file {
	char *path;
	int descriptor;
	uint64_t size;
	char *names; /* the memory that its tensors' names lie in */
	const struct container *container;
	void *details; /* what the container wants to know for reading, or null */
};

struct model {
	struct model_file *files;
	size_t file_count;
	struct model_tensor *tensors; /* in the natural order of their names */
	size_t count;
	struct config config;	       /* of the folder that the model is in */
	struct config quantize_config; /* its quantize_config.json, where config.json says nothing
					* of quantisation: early GPTQ */
	void **owned;		       /* memory that tensors refer to, see model_own() */
	size_t owned_count;
	char *notice; /* something odd that does no harm, to be told to the user; or null */
};

/* Opens a model and reads its headers, no weights. Returns 0 or -1; close it only after 0. */
int model_open(struct model *model, const char *path, struct failure *failure);
void model_close(struct model *model);

/* Gives memory from malloc, which tensors refer to, to the model to free; returns it. */
void *model_own(struct model *model, void *memory);

/* Puts tensors that were added, behind the others, in their place among them. */
void model_sort(struct model *model);

/* Reads count bytes of a tensor's values, of its dtype, from an offset in them on. Returns 0 or -1. */
int model_read(const struct model *model, const struct model_tensor *tensor, uint64_t offset,
	       void *buffer, size_t count, struct failure *failure);

/*
 * Whether the bytes of a tensor's values lie in a file as model_read() gives them: sets the file's descriptor,
 * and where they begin in it.
 */
bool model_place(const struct model *model, const struct model_tensor *tensor, int *descriptor,
		 uint64_t *offset);

#endif
