/*
 * The values of a synthetic model's tensors: planted matrices (planted.h), independent normal
 * values, or ones, rounded to the model's type and written.
 */
#ifndef SYNTHESIS_H
#define SYNTHESIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "architecture.h"
#include "dtype.h"
#include "output_file.h"
#include "util.h"

/* What all tensors of a model have in common. */
struct synthesis {
	uint64_t seed;
	enum dtype dtype; /* BF16, F16, F32 or F64 */
	double std;  /* standard deviation of normal values, root mean square of planted matrices */
	bool random; /* linear layers are normal values too */
	const double *alphas; /* exponents for linear layers, in turn; at least one unless random */
	size_t alpha_count;
};

/* The exponent that is planted in a tensor; nan for none. */
double synthesis_alpha(const struct synthesis *synthesis, const struct synthetic_tensor *tensor);

/* The smaller of the two dimensions: the number of singular values. */
size_t synthesis_rank(const struct synthetic_tensor *tensor);

/*
 * Writes the payload of a tensor. Its values depend on the synthesis and on the tensor, its place
 * in the whole model included, and on nothing else. Returns 0 or -1.
 */
int synthesis_write(const struct synthesis *synthesis, const struct synthetic_tensor *tensor,
		    struct output_file *file, struct failure *failure);

#endif
