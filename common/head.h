/*
 * The output layer of a language model, whose weights often are those of the embedding and then have no
 * tensor of their own.
 */
#ifndef HEAD_H
#define HEAD_H

#include "anatomy.h"

struct head {
	/* The table of the embedding, if the output layer is tied to it; otherwise null. */
	const struct model_tensor *table;
	const char *module; /* the output layer's name */
	const struct model_tensor
		*tensor; /* its own, if the files have one all the same, or null */
};

struct head head_of(const struct anatomy *anatomy);

#endif
