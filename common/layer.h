/*
 * Which tensors of a model are layers, or made of layers: their names, categories and shapes as
 * matrices, and why the others are not.
 */
#ifndef LAYER_H
#define LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"
#include "view.h"

/* What a tensor is, as far as its name, shape and type, and the model's configuration, tell. */
enum layer_kind {
	LAYER_LINEAR,	 /* a matrix such as torch.nn.Linear holds, or several of them */
	LAYER_CONV,	 /* a convolution kernel */
	LAYER_EMBEDDING, /* a table of vectors, looked up and not multiplied */
	LAYER_OTHER,	 /* another floating-point tensor of two or more dimensions */
	LAYER_UNUSED,	 /* in the files, but the model never loads it */
	LAYER_VECTOR,	 /* fewer than two dimensions: biases, norms */
	LAYER_NOT_FLOAT, /* integers, and not in the place of a layer's weights */
	LAYER_SCALES,	 /* small floats that are scales of other tensors */
	LAYER_SCALED,	 /* small floats with scales beside them, without which they are not read */
	LAYER_PART,	 /* a part of another tensor, which is what counts */
	LAYER_UNREADABLE, /* in the place of a layer's weights, of a type that is not read */
	LAYER_KINDS
};

/* A tensor, or one of the parts of a tensor that several layers are fused into. */
struct layer {
	const struct model_tensor *tensor;
	struct view view; /* what of the tensor it is */
	enum layer_kind kind;
	char *name;	   /* of the module: the tensor's without ".weight", and the part's */
	char *tensor_name; /* what the tensor would be called if it held only this layer */
	const char *category;
	double cost; /* estimated work for its spectrum, in floating-point operations */
	bool chosen;
	bool left_out;	    /* by the user's wish, whatever its kind */
	bool missing;	    /* it is a layer, or several, that cannot be given as such */
	bool is_head;	    /* an output layer tied to an embedding */
	bool is_table;	    /* that embedding */
	const char *reason; /* why, or why not, in a few words */
	const char *note;   /* more about it, or null */
	char *own_reason;   /* the memory of one that is not a constant, or null */
	size_t number;	    /* among the chosen, from 0; set by layers_number() */
	double work; /* the share of the cost of all chosen after it, from 0 to 1; likewise */
};

struct layers {
	struct layer *items;
	size_t count;
};

/*
 * Looks at all tensors of a model, in its order; parts of a tensor are in its place. Chosen are those of
 * the kinds whose flag is set. Unless `split`, fused tensors stay whole. The result refers to the model.
 */
struct layers layers_of(const struct model *model, const bool kinds[static LAYER_KINDS],
			bool split);
void layers_free(struct layers *layers);

/* Whether the weights of a layer, or what looks like one, cannot be read, for layer->reason. */
bool layer_is_unreadable(const struct layer *layer);

/* Takes a layer out of the choice for a reason, which must last. */
void layer_leave_out(struct layer *layer, const char *reason);

/* Of a tied output layer and its embedding, leaves out the embedding if both are chosen. */
void layers_drop_repeated(struct layers *layers);

/*
 * Numbers the chosen layers, in order; returns how many they are. Comes before layers_keep_part(), so
 * that a layer has the same number whichever part it is in.
 */
size_t layers_number(struct layers *layers);

/*
 * Of the chosen layers, keeps chosen only part number part (from 1) of parts. The same for everyone
 * who asks; largest costs first, each to the part with the least so far.
 */
void layers_keep_part(struct layers *layers, unsigned part, unsigned parts);

#endif
