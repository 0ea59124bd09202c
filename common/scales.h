/*
 * Which tensors of a model are the scales of others.
 *
 * Quantised weights are values and scales, in tensors of the same module: weight and weight_scale,
 * weight_scale_inv, weight_scale_2, weight_global_scale or scale, gate_up_proj and
 * gate_up_proj_scale; or one beneath the other, weight and weight.scale. So a tensor has scales if one
 * with "scale" in the last part of its name is in the same place, or in the place that the tensor's
 * whole name is. A layer that is left out, with a message, for a scale that is not its own is better than
 * one that is measured without its scales.
 */
#ifndef SCALES_H
#define SCALES_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

struct place {
	const char *name;
	size_t length; /* of name, up to the last dot */
};

/* The places where scales are, sorted; from malloc. */
struct scales {
	struct place *places;
	size_t count;
};

struct scales scales_of(const struct model *model);

/* Whether a tensor's name is that of scales. */
bool is_scale_name(const char *name);

/* Whether the name is that of a tensor with scales. */
bool has_scales(const struct scales *scales, const char *name);

#endif
