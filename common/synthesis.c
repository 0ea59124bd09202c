#include "synthesis.h"

#include <math.h>
#include <stdlib.h>

#include "format.h"
#include "planted.h"
#include "random.h"

/* Independent values made at a time: a tensor of them needs no more memory than this. */
#define CHUNK 8192

/* One tensor under way: where it goes, and room for its values before and after rounding. */
struct production {
	const struct synthesis *synthesis;
	const struct synthetic_tensor *tensor;
	struct output_file *file;
	struct failure *failure;
	struct format *format;
	double *values;
	unsigned char *bytes;
};

double
synthesis_alpha(const struct synthesis *synthesis, const struct synthetic_tensor *tensor)
{
	if (tensor->role != ROLE_LINEAR || synthesis->random)
		return NAN;
	return synthesis->alphas[tensor->linear_index % synthesis->alpha_count];
}

size_t
synthesis_rank(const struct synthetic_tensor *tensor)
{
	return tensor->shape[tensor->shape[0] < tensor->shape[1] ? 0 : 1];
}

/* Rounds the first values and writes them. */
static int
write_values(const struct production *production, size_t count)
{
	enum dtype dtype = production->synthesis->dtype;
	struct cast cast = format_cast(production->format, DTYPE_F64, production->values, 1, count,
				       production->bytes, NULL);

	if (cast.exact)
		dtype_encode(dtype, production->values, count, production->bytes);
	if (cast.overflows)
		return fail(production->failure, STATUS_USAGE,
			    "values so large are infinite in %s; use a smaller --std",
			    dtype_name(dtype));
	return output_file_write(production->file, production->bytes,
				 count * (dtype_bits(dtype) / 8), production->failure);
}

static int
write_planted(const struct production *production, struct random *random)
{
	const struct synthesis *synthesis = production->synthesis;
	const struct synthetic_tensor *tensor = production->tensor;
	struct planted planted;
	size_t rows;
	int status = 0;

	if (planted_begin(&planted, tensor->shape[0], tensor->shape[1],
			  synthesis_alpha(synthesis, tensor), synthesis->std, random,
			  production->failure) < 0)
		return -1;
	while (!status && (rows = planted_rows(&planted, production->values)) > 0)
		status = write_values(production, rows * tensor->shape[1]);
	planted_end(&planted);
	return status;
}

/* Writes ones, or normal values if there is a stream of random numbers to make them from. */
static int
write_independent(const struct production *production, struct random *random)
{
	uint64_t left = production->tensor->elements;
	int status = 0;

	for (size_t i = 0; !random && i < CHUNK; i++)
		production->values[i] = 1;
	while (!status && left) {
		size_t count = left < CHUNK ? left : CHUNK;

		if (random)
			random_gaussian(random, production->values, count);
		for (size_t i = 0; random && i < count; i++)
			production->values[i] *= production->synthesis->std;
		status = write_values(production, count);
		left -= count;
	}
	return status;
}

int
synthesis_write(const struct synthesis *synthesis, const struct synthetic_tensor *tensor,
		struct output_file *file, struct failure *failure)
{
	bool is_planted = !isnan(synthesis_alpha(synthesis, tensor));
	size_t room = is_planted ? PLANTED_ROWS * tensor->shape[1] : CHUNK;
	struct production production = {
		.synthesis = synthesis,
		.tensor = tensor,
		.file = file,
		.failure = failure,
		.format = format_new(format_name_of_dtype(synthesis->dtype), failure),
		.values = reallocarray(NULL, room, sizeof(double)),
		.bytes = reallocarray(NULL, room, sizeof(double))};
	struct random random;
	int status;

	random_begin(&random, synthesis->seed, tensor->index);
	if (!production.format)
		status = -1;
	else if (!production.values || !production.bytes)
		status = fail(failure, STATUS_RETRY, "no memory for %zu values", room);
	else if (is_planted)
		status = write_planted(&production, &random);
	else
		status = write_independent(&production, tensor->role == ROLE_NORM ? NULL : &random);
	free(production.values);
	free(production.bytes);
	format_free(production.format);
	/* A message about a file names the file. */
	if (status < 0 && failure->status != STATUS_IO)
		fail_prefix(failure, "tensor '%s'", tensor->name);
	return status;
}
