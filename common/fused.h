/*
 * The weights that some models fuse into one tensor: queries, keys and values, gate and up, the experts
 * of a layer. What lies where is as transformers' modeling files have it, which the tables name.
 */
#ifndef FUSED_H
#define FUSED_H

#include <stddef.h>

#include "anatomy.h"
#include "view.h"

struct part {
	char *name; /* the module's and the part's: "h.0.attn.c_attn.q", "mlp.experts.3.down_proj" */
	const char *category; /* a constant */
	struct view view;
};

struct parts {
	struct part *items; /* in the order of their rows; of a stack, expert by expert */
	size_t count;
	/* Null, or why a tensor that is known to be fused has no parts, in a few words; a constant. */
	const char *reason;
};

/*
 * What a tensor is made of; `matrix` is that of a tensor of two dimensions, rows its outputs, and not looked at
 * for others. No parts and no reason if it is not fused, as far as is known. The parts refer to nothing that was
 * given; to be freed by parts_free(). Ends the program if there is no memory.
 */
struct parts parts_of(const struct anatomy *anatomy, const struct model_tensor *tensor,
		      const char *module, const struct view *matrix);
void parts_free(struct parts *parts);

#endif
