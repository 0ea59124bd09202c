/*
 * What torch.save() says of a dictionary of tensors: the file data.pkl of its archives, read as data
 * (pickle.h) and understood as torch.load() would (torch/serialization.py, torch/_utils.py).
 *
 * The tensors are those in the dictionary itself, or, if it has none, in the one dictionary that it holds
 * under one of the names that training scripts give to the weights. Other values, such as numbers and
 * the state of an optimizer, are passed over.
 */
#ifndef TORCH_STATE_H
#define TORCH_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "dtype.h"
#include "strided.h"
#include "util.h"

#define TORCH_STATE_MAX_RANK 8

struct torch_tensor {
	const char *name;    /* unique; this and the next the state's, until torch_state_free() */
	const char *storage; /* the key of what its elements lie in; several may share one */
	uint64_t storage_bytes;
	enum dtype storage_dtype, dtype;
	unsigned rank;
	uint64_t shape[TORCH_STATE_MAX_RANK];
	uint64_t elements, bytes; /* of the tensor */
	uint64_t offset;	  /* of its first element, in bytes from the start of the storage */
	uint64_t span;		  /* bytes from the first to the last element; they are all there */
	struct strided layout;	  /* of elements from the first on */
};

struct torch_state {
	char *buffer;		      /* of the names */
	struct torch_tensor *tensors; /* in the order of their names as bytes */
	size_t count;
};

/*
 * Reads a pickle. The buffer, from malloc, must have room for one byte more than length; it becomes part
 * of the result, or is freed on failure. Returns 0; or -1 with a failure, and nothing to free.
 */
int torch_state_parse(struct torch_state *state, char *buffer, size_t length,
		      struct failure *failure);
void torch_state_free(struct torch_state *state);

#endif
