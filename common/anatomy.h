/*
 * How a model is built, as far as its config.json and the shapes of its tensors tell: what is needed to
 * know which tensors are layers, and what fused ones are made of. Zero where nothing tells.
 */
#ifndef ANATOMY_H
#define ANATOMY_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

struct anatomy {
	const struct model *model;
	const char *type, *text_type; /* model_type, and that of the language model within; or "" */
	uint64_t hidden;	      /* length of the residual stream */
	uint64_t heads, kv_heads;     /* of queries; of keys and values */
	uint64_t head_dim;
	uint64_t experts; /* in a layer that has some */
	uint64_t blocks;  /* decoder layers that the model has, however many the files have */
	uint64_t vocabulary;
	/* Falcon's: whether keys and values are shared by groups of queries; or by all queries. */
	bool grouped, multi_query;
	bool second_glm; /* ChatGLM of the second version or later, another architecture */
	bool transposed; /* weights are inputs x outputs, those of transformers' Conv1D */
};

struct anatomy anatomy_of(const struct model *model);

/* Whether the model's type, or that of its language model, is in a list that null ends. */
bool anatomy_is(const struct anatomy *anatomy, const char *const *types);

#define TYPES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The tensor of a name; null if there is none. */
const struct model_tensor *model_find(const struct model *model, const char *name);

#endif
