/*
 * Fuzz target: a cast. The input is a format as one writes it, a newline, a byte for the type of the
 * weights, one for the number of rows, and the weights as they lie in memory. Whatever the weights are, the
 * figures must be right: counted again here from the casts; and casts must be those of the rows alone,
 * where rows share no scale.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "fuzz.h"
#include "util.h"

static const enum dtype types[] = {DTYPE_F32,	  DTYPE_F64,	 DTYPE_BF16,   DTYPE_F16,
				   DTYPE_F8_E4M3, DTYPE_F8_E5M2, DTYPE_F8_E8M0};

struct counts {
	uint64_t overflows, underflows, not_finite;
	double largest_error;
};

static struct counts
count(const double *values, const double *casts, size_t length)
{
	struct counts counts = {0};

	for (size_t i = 0; i < length; i++) {
		if (!isfinite(values[i])) {
			counts.not_finite++;
			continue;
		}
		counts.underflows += values[i] != 0 && casts[i] == 0;
		if (!isfinite(casts[i]))
			counts.overflows++;
		else
			counts.largest_error = fmax(counts.largest_error,
						    fabs(values[i] - casts[i]));
	}
	if (counts.overflows)
		counts.largest_error = INFINITY;
	return counts;
}

static void
check(const struct format *format, enum dtype dtype, const void *weights, uint64_t rows,
      uint64_t columns)
{
	size_t length = rows * columns;
	void *target = xmalloc(length * sizeof(double) + 1);
	double *values = xmalloc(length * sizeof(double) + 1);
	double *casts = xmalloc(length * sizeof(double) + 1);
	struct cast cast = format_cast(format, dtype, weights, rows, columns, target, NULL);
	struct counts counts;

	dtype_decode(dtype, weights, 0, length, values);
	if (cast.exact)
		memcpy(casts, values, length * sizeof(double));
	else
		dtype_decode(format_carrier(format), target, 0, length, casts);
	counts = count(values, casts, length);
	REQUIRE(cast.not_finite == counts.not_finite);
	REQUIRE(cast.overflows == (cast.exact ? 0 : counts.overflows));
	REQUIRE(cast.underflows == (cast.exact ? 0 : counts.underflows));
	REQUIRE(cast.largest_error == counts.largest_error);
	REQUIRE(cast.bits > 0);
	REQUIRE(cast.relative_error >= 0);
	REQUIRE(cast.largest_error > 0 || cast.relative_error == 0);
	free(target);
	free(values);
	free(casts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	struct failure failure = {0};
	struct format *format;
	char *text;

	if (!newline || data + size - newline < 3)
		return 0;
	text = xstrndup((const char *)data, (size_t)(newline - data));
	format = format_new(text, &failure);
	if (!format)
		REQUIRE(failure.status == STATUS_USAGE && *failure.text);
	if (format) {
		enum dtype dtype = types[newline[1] % (sizeof(types) / sizeof(*types))];
		size_t left = (size_t)(data + size - newline) - 3;
		uint64_t elements = left * 8 / dtype_bits(dtype), rows = newline[2] % 16 + 1;

		check(format, dtype, newline + 3, rows, elements / rows);
	}
	format_free(format);
	free(text);
	return 0;
}
