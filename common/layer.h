/*
 * Which tensors of a model are layers: their names, categories and shapes as matrices, and why the
 * others are not.
 */
#ifndef LAYER_H
#define LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

/* What a tensor is, as far as its name, shape and type tell. */
enum layer_kind {
	LAYER_LINEAR,	  /* a matrix such as torch.nn.Linear holds */
	LAYER_CONV,	  /* a convolution kernel */
	LAYER_EMBEDDING,  /* a table of vectors, looked up and not multiplied */
	LAYER_OTHER,	  /* another floating-point tensor of two or more dimensions */
	LAYER_VECTOR,	  /* fewer than two dimensions: biases, norms */
	LAYER_NOT_FLOAT,  /* integers, and not in the place of a layer's weights */
	LAYER_PART,	  /* a part of another tensor, which is what counts */
	LAYER_UNREADABLE, /* in the place of a layer's weights, of a type that is not read */
	LAYER_KINDS
};

struct layer {
	const struct model_tensor *tensor;
	enum layer_kind kind;
	char *name; /* of the module: the tensor's without ".weight" */
	const char *category;
	uint64_t rows, columns; /* of the matrix: first dimension, product of the rest */
	double cost;		/* estimated work for its spectrum, in floating-point operations */
	bool chosen;
	bool left_out;	    /* by the user's wish, whatever its kind */
	const char *reason; /* why, or why not, in a few words */
	char *own_reason;   /* the memory of one that is not a constant, or null */
	size_t number;	    /* among the chosen, from 0; set by layers_number() */
	double work; /* the share of the cost of all chosen after it, from 0 to 1; likewise */
};

/*
 * Looks at all count tensors of a model, in its order. Chosen are those of the kinds whose flag is
 * set. The result is from malloc; it refers to the model.
 */
struct layer *layers_of(const struct model *model, const bool kinds[static LAYER_KINDS]);
void layers_free(struct layer *layers, size_t count);

/* Takes a layer out of the choice for a reason, which must last. */
void layer_leave_out(struct layer *layer, const char *reason);

/*
 * The category of a layer name, by AlphaQuant's rules (alphaquant/alpha_hill/utils.py): attn_q attn_k
 * attn_v attn_o mlp_up mlp_gate mlp_down router_or_gate expert_linear other_linear; and conv, embedding
 * and lm_head where those say other_linear.
 */
const char *layer_category(const char *name, enum layer_kind kind);

/*
 * Numbers the chosen layers, in order; returns how many they are. Comes before layers_keep_part(), so
 * that a layer has the same number whichever part it is in.
 */
size_t layers_number(struct layer *layers, size_t count);

/*
 * Of the chosen layers, keeps chosen only part number part (from 1) of parts. The same for everyone
 * who asks; largest costs first, each to the part with the least so far.
 */
void layers_keep_part(struct layer *layers, size_t count, unsigned part, unsigned parts);

#endif
