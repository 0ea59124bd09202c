/*
 * The tensors of well-known models: their names, roles and shapes, as in the checkpoints on the
 * Hugging Face hub. Everything comes from tables: of the tensors of each family, and of models'
 * dimensions.
 */
#ifndef ARCHITECTURE_H
#define ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tensor_role {
	ROLE_LINEAR,	/* the matrix of a linear layer: outputs x inputs */
	ROLE_EMBEDDING, /* a table with a row per token or position, and the matrix of lm_head */
	ROLE_BIAS,	/* what is added: of a linear layer or a norm */
	ROLE_NORM	/* what a norm multiplies by */
};

struct synthetic_tensor {
	char *name;
	enum tensor_role role;
	unsigned rank; /* 1 or 2 */
	uint64_t shape[2];
	uint64_t elements;
	/* Its place among all tensors of the whole model and among all linear layers, whichever of
	 * them are in the list. */
	uint64_t index, linear_index;
};

/* Tensors in the order of the model. A zeroed struct is an empty list. */
struct synthetic_model {
	struct synthetic_tensor *tensors;
	size_t count;
	uint64_t whole_count, whole_linear_count; /* those that were left out counted too */
};

struct architecture;

/* The architecture of a name such as "llama-3.1-8b"; null when there is none. */
const struct architecture *architecture_find(const char *name);

/* The i-th in alphabetical order; null past the last. */
const struct architecture *architecture_at(size_t i);

const char *architecture_name(const struct architecture *architecture);

/* How many decoder (or encoder) blocks the whole model has. */
uint64_t architecture_blocks(const struct architecture *architecture);

/*
 * The tensors, without those of the blocks after the first few and, if embeddings is false, without
 * those of ROLE_EMBEDDING. To be freed by synthetic_free().
 */
struct synthetic_model architecture_tensors(const struct architecture *architecture,
					    uint64_t blocks, bool embeddings);

/* Appends the matrix of a linear layer; the name is copied. */
void synthetic_add_matrix(struct synthetic_model *model, const char *name, uint64_t rows,
			  uint64_t columns);

void synthetic_free(struct synthetic_model *model);

#endif
