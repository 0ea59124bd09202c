/*
 * Casts against what the formats' references made of the same inputs: tests/golden/casts, one file for
 * each family. tests/gen/format_inputs.py says what inputs there are, and how they are made.
 *
 * Usage: golden_casts [FORMAT INPUT ROWS COLUMNS]. With arguments it prints the casts instead, one a
 * line, with the input, as hexadecimal patterns and as numbers, to be compared with a reference's.
 */
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "crew.h"
#include "format.h"
#include "formats.h"
#include "payload_hash.h"
#include "stream.h"
#include "tap.h"
#include "util.h"

/* --- inputs --- */

/* The i-th output of SplitMix64. */
static uint64_t
random_word(uint64_t seed, uint64_t i)
{
	uint64_t z = (i + 1 + (seed << 32)) * UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static float
bf16_input(uint64_t i)
{
	return float_of((uint32_t)(i & 0xffff) << 16);
}

static float
finite_or_zero(float value)
{
	return isfinite(value) ? value : 0;
}

static float
finite_bf16_input(uint64_t i)
{
	return finite_or_zero(bf16_input(i));
}

static float
normal_input(uint64_t i)
{
	uint64_t word = random_word(1, i);
	int64_t total = 0;

	for (unsigned shift = 0; shift < 64; shift += 16)
		total += (int64_t)(word >> shift & 0xffff);
	return (float)(total - 131070) * 0x1p-21F;
}

static float
wide_input(uint64_t i)
{
	uint64_t word = random_word(2, i);
	uint32_t exponent = (uint32_t)(random_word(3, i / 16) % 239 + 15 - (word >> 32 & 15));

	if (!(word >> 58))
		return float_of((uint32_t)word & 0x80000000);
	return float_of(((uint32_t)word & 0x807fffff) | exponent << 23);
}

static float
ties_input(uint64_t i)
{
	int value = (int)(random_word(4, i) & 0xff) - 128;

	return ldexpf((float)value, (int)(random_word(5, i / 32) & 3) * 3 - 8);
}

static float
special_input(uint64_t i)
{
	static const uint32_t special[16] = {
		0x7fc00000, 0x7f800000, 0xff800000, 0,		0x80000000, 1,
		0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x7f000000,
		0x00400000, 0x33800000, 0x43e00000, 0x477fe000,
	};
	uint64_t word = random_word(6, i);

	return word >> 58 ? normal_input(i) : float_of(special[word & 15]);
}

static float
finite_input(uint64_t i)
{
	return finite_or_zero(special_input(i));
}

static float
constant_input(uint64_t i)
{
	static const uint32_t values[16] = {
		0,	    0x80000000, 0x3f800000, 0xbf800000, 0x3e99999a, 0xbd4ccccd,
		0x24e69595, 0xa8342a55, 0x01235f2a, 0x000002ca, 0x80000001, 0x33800000,
		0x49742400, 0x7149f2ca, 0xff7fffff, 0x477fe000,
	};

	return float_of(values[random_word(7, i / 16) & 15]);
}

static const struct {
	const char *name;
	float (*make)(uint64_t i);
} inputs[] = {
	{"bf16", bf16_input},
	{"normal", normal_input},
	{"wide", wide_input},
	{"ties", ties_input},
	{"special", special_input},
	{"finite", finite_input},
	{"finite_bf16", finite_bf16_input},
	{"constant", constant_input},
};

static float *
make_input(const char *name, uint64_t count)
{
	float *values = xmalloc(count * sizeof(*values));
	size_t input = 0;

	while (strcmp(inputs[input].name, name))
		if (++input == sizeof(inputs) / sizeof(*inputs)) {
			printf("Bail out! no input %s\n", name);
			exit(1);
		}
	for (uint64_t i = 0; i < count; i++)
		values[i] = inputs[input].make(i);
	return values;
}

/* --- casts --- */

/* What a format makes of a matrix, as floats, with one NaN for all. */
static float *
cast_matrix(const char *name, enum dtype dtype, const void *weights, const float *values,
	    uint64_t rows, uint64_t columns, struct crew *crew)
{
	const struct format *format = format_named(name);
	uint64_t count = rows * columns;
	void *target = xmalloc(count * sizeof(double));
	float *casts = xmalloc(count * sizeof(*casts));
	struct cast cast = format_cast(format, dtype, weights, rows, columns, target, crew);

	if (cast.exact)
		memcpy(casts, values, count * sizeof(*casts));
	else
		dtype_decode_floats(format_carrier(format), target, 0, count, casts);
	for (uint64_t i = 0; i < count; i++)
		if (isnan(casts[i]))
			casts[i] = float_of(0x7fc00000);
	free(target);
	return casts;
}

/* --- golden files --- */

struct line {
	char format[64], input[16];
	uint64_t rows, columns, hash;
};

static void
test_line(const struct line *line, struct crew *crew)
{
	uint64_t count = line->rows * line->columns;
	float *values = make_input(line->input, count);
	double *doubles = xmalloc(count * sizeof(*doubles));
	float *casts = cast_matrix(line->format, DTYPE_F32, values, values, line->rows,
				   line->columns, NULL);
	float *wide_casts;

	tap(payload_hash(casts, count * sizeof(*casts)) == line->hash,
	    "%s of %s, %" PRIu64 " x %" PRIu64, line->format, line->input, line->rows,
	    line->columns);
	for (uint64_t i = 0; i < count; i++)
		doubles[i] = (double)values[i];
	wide_casts = cast_matrix(line->format, DTYPE_F64, doubles, values, line->rows,
				 line->columns, crew);
	if (memcmp(casts, wide_casts, count * sizeof(*casts)))
		tap(false, "%s of %s as F64, by three threads", line->format, line->input);
	free(values);
	free(doubles);
	free(casts);
	free(wide_casts);
}

static void
test_file(const char *path, struct crew *crew)
{
	FILE *file = fopen(path, "r");
	char head[256];
	struct line line;
	unsigned lines = 0;

	if (!file || !fgets(head, sizeof(head), file)) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	for (; fscanf(file, "%63s %15s %" SCNu64 " %" SCNu64 " %" SCNx64 "\n", line.format,
		      line.input, &line.rows, &line.columns, &line.hash) == 5;
	     lines++)
		test_line(&line, crew);
	tap(feof(file) && lines > 3, "%s has %u lines", path_file_name(path), lines);
	fclose(file);
}

static void
print_casts(char **arguments)
{
	uint64_t rows = strtoull(arguments[2], NULL, 10);
	uint64_t columns = strtoull(arguments[3], NULL, 10), count = rows * columns;
	float *values = make_input(arguments[1], count);
	float *casts = cast_matrix(arguments[0], DTYPE_F32, values, values, rows, columns, NULL);

	for (uint64_t i = 0; i < count; i++)
		printf("%08" PRIx32 "\t%08" PRIx32 "\t%.9g\t%.9g\n", bits_of_float(values[i]),
		       bits_of_float(casts[i]), (double)values[i], (double)casts[i]);
	free(values);
	free(casts);
}

int
main(int argc, char **argv)
{
	struct crew *crew;
	glob_t files;

	if (argc == 5) {
		print_casts(argv + 1);
		return 0;
	}
	if (glob("tests/golden/casts/*.tsv", 0, NULL, &files)) {
		printf("Bail out! no golden casts\n");
		return 1;
	}
	crew = crew_open(3);
	for (size_t i = 0; i < files.gl_pathc; i++)
		if (!has_suffix(files.gl_pathv[i], "-minilm.tsv"))
			test_file(files.gl_pathv[i], crew);
	globfree(&files);
	crew_close(crew);
	return tap_done();
}
