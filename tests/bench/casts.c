/*
 * How fast format_cast() is on one core, without streams: for tests/bench/run.
 *
 * Usage: casts ROWS COLUMNS REPEAT FORMAT... Casts random matrices, normal with a standard deviation of
 * 0.02, of F32 and of BF16. For each format prints a line: the name, and gigabytes a second of F32 and
 * of BF16 that are read, medians. The line "memcpy" is for a copy of the F32 matrix.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "format.h"
#include "random.h"
#include "timing.h"
#include "util.h"

struct matrix {
	uint64_t rows, columns;
	float *singles;
	uint16_t *halves;
	void *target;
};

static struct matrix
make_matrix(uint64_t rows, uint64_t columns)
{
	struct matrix matrix = {.rows = rows, .columns = columns};
	size_t count = rows * columns;
	struct random random;
	double block[1024];

	matrix.singles = xmalloc(count * sizeof(float));
	matrix.halves = xmalloc(count * sizeof(uint16_t));
	matrix.target = xmalloc(count * sizeof(double));
	memset(matrix.target, 0, count * sizeof(double));
	random_begin(&random, 1, 0);
	for (size_t done = 0; done < count; done += 1024) {
		size_t length = count - done < 1024 ? count - done : 1024;

		random_gaussian(&random, block, length);
		for (size_t i = 0; i < length; i++)
			block[i] *= 0.02;
		dtype_encode(DTYPE_F32, block, length, matrix.singles + done);
	}
	for (size_t done = 0; done < count; done += 1024) {
		size_t length = count - done < 1024 ? count - done : 1024;
		float rounded[1024];

		float_round(DTYPE_BF16, matrix.singles + done, rounded, length);
		dtype_encode_floats(DTYPE_BF16, rounded, length, matrix.halves + done);
	}
	return matrix;
}

/* The median of gigabytes a second that one cast reads; without a format, of a copy. */
static double
rate(const struct matrix *matrix, const struct format *format, enum dtype dtype, unsigned repeat)
{
	size_t count = matrix->rows * matrix->columns, bytes = count * dtype_bits(dtype) / 8;
	const void *weights = dtype == DTYPE_F32 ? (void *)matrix->singles : matrix->halves;
	double *seconds = xmalloc(repeat * sizeof(*seconds)), usual;

	for (unsigned i = 0; i < repeat; i++) {
		double begin = now();

		if (format)
			format_cast(format, dtype, weights, matrix->rows, matrix->columns,
				    matrix->target, NULL);
		else
			memcpy(matrix->target, weights, bytes);
		seconds[i] = now() - begin;
	}
	usual = median(seconds, repeat);
	free(seconds);
	return (double)bytes / usual / 1e9;
}

int
main(int argc, char **argv)
{
	struct failure failure;
	struct matrix matrix;
	unsigned repeat;

	if (argc < 4)
		return STATUS_USAGE;
	matrix = make_matrix(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10));
	repeat = (unsigned)strtoul(argv[3], NULL, 10);
	printf("memcpy\t%.3f\n", rate(&matrix, NULL, DTYPE_F32, repeat));
	for (int i = 4; i < argc; i++) {
		struct format *format = format_new(argv[i], &failure);

		if (!format)
			die(failure.status, "%s", failure.text);
		printf("%s\t%.3f\t%.3f\n", argv[i], rate(&matrix, format, DTYPE_F32, repeat),
		       rate(&matrix, format, DTYPE_BF16, repeat));
		fflush(stdout);
		format_free(format);
	}
	free(matrix.singles);
	free(matrix.halves);
	free(matrix.target);
	return 0;
}
