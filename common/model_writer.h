/*
 * Writes a model as models are laid out on the Hugging Face hub: one safetensors file, or a folder
 * of shards with an index. Values come from the caller, a tensor at a time.
 */
#ifndef MODEL_WRITER_H
#define MODEL_WRITER_H

#include <stdint.h>

#include "architecture.h"
#include "dtype.h"
#include "output_file.h"
#include "util.h"

/* Where a model goes. */
struct model_target {
	const char *file;    /* the path of a file, or null */
	const char *folder;  /* else that of a folder, made if missing; null for standard output */
	uint64_t shard_size; /* of tensors in one file of a folder, in bytes; 0 for one file */
};

/*
 * Writes the payload of a tensor, tensor->elements of the model's dtype, by output_file_write().
 * Returns 0 or -1.
 */
typedef int model_produce(void *context, const struct synthetic_tensor *tensor,
			  struct output_file *file, struct failure *failure);

/* The bytes of all tensors. Fails if a reader of JSON could not be sure of offsets so large. */
int model_payload(const struct synthetic_model *model, enum dtype dtype, uint64_t *bytes,
		  struct failure *failure);

/*
 * Writes a model, calling produce for each tensor in order. A folder gets model.safetensors, or
 * model-00001-of-0000N.safetensors and so on with model.safetensors.index.json; a shard takes
 * tensors in order as long as they fit, and at least one. A folder that holds a model in the other
 * layout is refused, as readers would have to guess. Returns 0, or -1; then nothing is under a
 * final name that was not there before, unless it was the renaming that failed.
 */
int model_write(const struct synthetic_model *model, enum dtype dtype,
		const struct model_target *target, model_produce *produce, void *context,
		struct failure *failure);

#endif
