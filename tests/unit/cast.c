/*
 * Casts against golden data of tests/gen/golden-casts.py: digests of the casts of all float32 and
 * 16-bit patterns, a table of float64 boundaries, and error figures.
 *
 * Usage: cast [--exhaustive]. Without it, every sixteenth of the 256 chunks of float32 patterns and
 * those where rounding changes its ways.
 */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "formats.h"
#include "payload_hash.h"
#include "stream.h"
#include "tap.h"
#include "util.h"

/* float32 patterns a digest. */
#define CHUNK ((size_t)1 << 24)

#define LINE 256

/* The golden file, past its head line. */
static FILE *
open_golden(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[LINE];

	if (!file || !fgets(line, sizeof(line), file)) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	return file;
}

static size_t
size_of(enum dtype dtype)
{
	return dtype_bits(dtype) / 8;
}

/* --- digests --- */

/*
 * Chunks worth a look, by the upper eight bits of a float32 without its sign: every sixteenth; where
 * fp16 begins, its subnormals end and it overflows; what is subnormal in bf16, and where that
 * overflows and infinity and NaN lie.
 */
static bool
is_sampled(unsigned chunk)
{
	static const unsigned char edges[] = {0x32, 0x33, 0x38, 0x47, 0x7e, 0x7f};

	for (size_t i = 0; i < sizeof(edges); i++)
		if ((chunk & 0x7f) == edges[i])
			return true;
	return chunk % 16 == 0;
}

/* The digest of the casts of a chunk of float32 patterns. */
static uint64_t
chunk_digest(const struct format *format, unsigned chunk, uint32_t *patterns, uint16_t *casts)
{
	for (size_t i = 0; i < CHUNK; i++)
		patterns[i] = (uint32_t)(chunk * CHUNK + i);
	memset(casts, 0xee, CHUNK * sizeof(*casts));
	format_cast(format, DTYPE_F32, patterns, 1, CHUNK, casts, NULL);
	return payload_hash(casts, CHUNK * sizeof(*casts));
}

/* The digest of the casts of all patterns of a 16-bit type. */
static uint64_t
half_digest(const struct format *format, enum dtype source, uint16_t *casts)
{
	static uint16_t patterns[1 << 16];

	for (size_t i = 0; i < 1 << 16; i++)
		patterns[i] = (uint16_t)i;
	format_cast(format, source, patterns, 1, 1 << 16, casts, NULL);
	return payload_hash(casts, sizeof(patterns));
}

static void
test_digests(bool exhaustive)
{
	FILE *golden = open_golden("tests/golden/cast-digests.tsv");
	uint32_t *patterns = xmalloc(CHUNK * sizeof(*patterns));
	uint16_t *casts = xmalloc(CHUNK * sizeof(*casts));
	unsigned chunk, wrong = 0, done = 0, lines = 0;
	char source[8], target[8];
	uint64_t wanted, found;

	while (fscanf(golden, "%7s %7s %u %16" SCNx64 "\n", source, target, &chunk, &wanted) == 4) {
		lines++;
		if (!strcmp(source, "F32") && !exhaustive && !is_sampled(chunk))
			continue;
		found = !strcmp(source, "F32")
				? chunk_digest(format_named(target), chunk, patterns, casts)
				: half_digest(format_named(target),
					      !strcmp(source, "F16") ? DTYPE_F16 : DTYPE_BF16,
					      casts);
		done++;
		if (found != wanted && ++wrong)
			printf("# %s to %s, chunk %u: %016" PRIx64 ", not %016" PRIx64 "\n", source,
			       target, chunk, found, wanted);
	}
	tap(!wrong && feof(golden) && lines == 2 + 2 * 256,
	    "%u digests of casts to 16 bits are those of numpy and ml_dtypes", done);
	free(patterns);
	free(casts);
	fclose(golden);
}

/* --- types of 16 bits are held by wider formats --- */

/* The value of a pattern with so many bits of fraction, by the definition of IEEE 754. */
static double
value_of(unsigned pattern, int fraction_bits)
{
	int exponent = (int)(pattern & 0x7fff) >> fraction_bits;
	int fraction = (int)pattern & ((1 << fraction_bits) - 1);
	int bias = (1 << (14 - fraction_bits)) - 1;
	double value = exponent ? ldexp(fraction + (1 << fraction_bits),
					exponent - bias - fraction_bits)
				: ldexp(fraction, 1 - bias - fraction_bits);

	if (exponent == 2 * bias + 1)
		value = fraction ? NAN : INFINITY;
	return pattern >> 15 ? -value : value;
}

static void
test_decoding(enum dtype dtype, int fraction_bits)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < 1 << 16; i++) {
		uint16_t pattern = (uint16_t)i, back;
		double value, wanted = value_of(i, fraction_bits);

		dtype_decode(dtype, &pattern, 0, 1, &value);
		dtype_encode(dtype, &value, 1, &back);
		if (isnan(wanted))
			wrong += !isnan(value) || !isnan(value_of(back, fraction_bits)) ||
				 (back ^ pattern) >> 15;
		else
			wrong += memcmp(&value, &wanted, sizeof(value)) || back != pattern;
	}
	tap(!wrong, "%s: all patterns are read as they should and written back", dtype_name(dtype));
}

/* Casts to formats that hold all values of the source are exact, and touch nothing. */
static void
test_held(enum dtype dtype, unsigned not_finite)
{
	static const char *const wide[] = {"fp32", "fp64"};
	static uint16_t patterns[1 << 16];
	unsigned char target = 0xee;

	for (size_t i = 0; i < 1 << 16; i++)
		patterns[i] = (uint16_t)i;
	for (size_t i = 0; i < 2; i++) {
		struct cast cast = format_cast(format_named(wide[i]), dtype, patterns, 1, 1 << 16,
					       &target, NULL);

		tap(cast.exact && target == 0xee && cast.not_finite == not_finite &&
			    cast.relative_error == 0 && cast.sqnr_db == INFINITY &&
			    cast.largest_error == 0 && !cast.overflows && !cast.underflows,
		    "%s to %s is exact", dtype_name(dtype), wide[i]);
	}
}

/* --- float64, rounded once --- */

#define TARGETS 3

static const char *const target_names[TARGETS] = {"fp32", "fp16", "bf16"};

struct golden_casts {
	size_t count;
	uint64_t *sources;
	uint32_t *targets[TARGETS];
};

static struct golden_casts
read_float64_table(void)
{
	FILE *file = open_golden("tests/golden/cast-f64.tsv");
	struct golden_casts golden = {0};
	uint64_t source;
	uint32_t targets[TARGETS];

	while (fscanf(file, "%16" SCNx64 " %8x %4x %4x\n", &source, &targets[0], &targets[1],
		      &targets[2]) == 4) {
		golden.sources = xreallocarray(golden.sources, golden.count + 1, sizeof(source));
		golden.sources[golden.count] = source;
		for (size_t i = 0; i < TARGETS; i++) {
			golden.targets[i] = xreallocarray(golden.targets[i], golden.count + 1,
							  sizeof(uint32_t));
			golden.targets[i][golden.count] = targets[i];
		}
		golden.count++;
	}
	tap(feof(file) && golden.count > 4000, "a table of %zu float64 casts", golden.count);
	fclose(file);
	return golden;
}

/* One pattern of a carrier type from memory. */
static uint32_t
pattern_at(enum dtype carrier, const void *memory, size_t i)
{
	uint32_t pattern = 0;

	memcpy(&pattern, (const unsigned char *)memory + i * size_of(carrier), size_of(carrier));
	return pattern;
}

/* Whether a float64 has the value of its cast, as read back by dtype_decode(). */
static bool
is_unchanged(uint64_t source, enum dtype carrier, uint32_t cast)
{
	double value, read;

	memcpy(&value, &source, sizeof(value));
	dtype_decode(carrier, &cast, 0, 1, &read);
	return !isfinite(value) || value == read;
}

/* Whether one float64 alone becomes what it should, and is called exact just when it is. */
static bool
casts_alone(const struct format *format, uint64_t source, uint32_t wanted)
{
	enum dtype carrier = format_carrier(format);
	uint32_t target = 0;
	struct cast cast = format_cast(format, DTYPE_F64, &source, 1, 1, &target, NULL);
	bool unchanged = is_unchanged(source, carrier, wanted);

	return cast.exact == unchanged && (unchanged || target == wanted) &&
	       (cast.relative_error > 0) == !unchanged && (cast.largest_error > 0) == !unchanged;
}

static void
test_float64(const struct golden_casts *golden, size_t which)
{
	const struct format *format = format_named(target_names[which]);
	enum dtype carrier = format_carrier(format);
	void *casts = xmalloc(golden->count * size_of(carrier));
	unsigned wrong = 0, wrong_alone = 0;

	format_cast(format, DTYPE_F64, golden->sources, 1, golden->count, casts, NULL);
	for (size_t i = 0; i < golden->count; i++) {
		uint32_t wanted = golden->targets[which][i], found = pattern_at(carrier, casts, i);

		if (found != wanted && ++wrong <= 20)
			printf("# %016" PRIx64 " to %s: %x, not %x\n", golden->sources[i],
			       target_names[which], found, wanted);
		if (!casts_alone(format, golden->sources[i], wanted) && ++wrong_alone <= 20)
			printf("# %016" PRIx64 " alone to %s\n", golden->sources[i],
			       target_names[which]);
	}
	tap(!wrong, "float64 to %s rounds once", target_names[which]);
	tap(!wrong_alone, "float64 to %s, one by one: exact just when nothing changes",
	    target_names[which]);
	free(casts);
}

static void
test_float64_table(void)
{
	struct golden_casts golden = read_float64_table();

	for (size_t i = 0; i < TARGETS; i++) {
		test_float64(&golden, i);
		free(golden.targets[i]);
	}
	free(golden.sources);
}

/* --- error figures --- */

/* The next of the splitmix64 sequence. */
static uint64_t
next_integer(uint64_t *state)
{
	uint64_t bits = *state += 0x9e3779b97f4a7c15;

	bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
	bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
	return bits ^ bits >> 31;
}

/* A line of the table of figures. */
struct golden_figures {
	char name[40], source[8], target[8];
	uint64_t seed, count, special;
	int middle, spread;
	struct cast cast;
};

static bool
read_figures(FILE *file, struct golden_figures *golden)
{
	struct cast *cast = &golden->cast;

	return fscanf(file,
		      "%39[^\t] %" SCNu64 " %7s %" SCNu64 " %d %d %" SCNu64
		      " %7s %lg %lg %lg %" SCNu64 " %" SCNu64 " %" SCNu64 "\n",
		      golden->name, &golden->seed, golden->source, &golden->count, &golden->middle,
		      &golden->spread, &golden->special, golden->target, &cast->relative_error,
		      &cast->sqnr_db, &cast->largest_error, &cast->overflows, &cast->underflows,
		      &cast->not_finite) == 14;
}

/* The tensor that make_tensor() of the generator makes. */
static void
make_tensor(const struct golden_figures *golden, double *values)
{
	static const double specials[] = {NAN, INFINITY, -INFINITY};
	bool is_float = !strcmp(golden->source, "F32");
	int width = is_float ? 24 : 48;
	uint64_t state = golden->seed;

	for (size_t i = 0; i < golden->count; i++) {
		uint64_t bits = next_integer(&state);
		int exponent = golden->middle - golden->spread / 2 +
			       (int)((bits & 0xffff) % (unsigned)golden->spread);
		int64_t fraction = (int64_t)(bits >> (64 - width)) - ((int64_t)1 << (width - 1));
		uint64_t choice = golden->special ? next_integer(&state) % golden->special : 3;

		values[i] = choice < 3 ? specials[choice]
				       : ldexp((double)fraction, exponent - width + 1);
	}
}

static bool
is_near(double found, double wanted, double tolerance)
{
	return found == wanted || fabs(found - wanted) <= tolerance;
}

/*
 * The sums are of up to 64 squares in each of 16 lanes, these together, and blocks with compensation:
 * less than 100 roundings on the way of any term, none negative, so 100 u relative; then roots and a
 * quotient. The golden sums are exact. In decibels that is 20 / ln 10 as much, and a logarithm.
 */
static bool
are_same_figures(const struct cast *found, const struct cast *wanted)
{
	double tolerance = 100 * 0x1p-53;

	return !found->exact &&
	       is_near(found->relative_error, wanted->relative_error,
		       tolerance * wanted->relative_error) &&
	       is_near(found->sqnr_db, wanted->sqnr_db,
		       20 / log(10) * tolerance + 0x1p-51 * fabs(wanted->sqnr_db)) &&
	       found->largest_error == wanted->largest_error &&
	       found->overflows == wanted->overflows && found->underflows == wanted->underflows &&
	       found->not_finite == wanted->not_finite;
}

static void
test_figures(const struct golden_figures *golden)
{
	enum dtype source = !strcmp(golden->source, "F32") ? DTYPE_F32 : DTYPE_F64;
	double *values = xmalloc(golden->count * sizeof(*values));
	void *weights = xmalloc(golden->count * sizeof(double));
	void *target = xmalloc(golden->count * sizeof(double));
	struct cast cast;

	make_tensor(golden, values);
	dtype_encode(source, values, golden->count, weights);
	cast = format_cast(format_named(golden->target), source, weights, 1, golden->count, target,
			   NULL);
	if (!tap(are_same_figures(&cast, &golden->cast), "figures of %s, %s to %s", golden->name,
		 golden->source, golden->target))
		printf("# %.17g %.17g %.17g %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		       cast.relative_error, cast.sqnr_db, cast.largest_error, cast.overflows,
		       cast.underflows, cast.not_finite);
	free(values);
	free(weights);
	free(target);
}

static void
test_figures_table(void)
{
	FILE *file = open_golden("tests/golden/cast-errors.tsv");
	struct golden_figures golden;
	unsigned lines = 0;

	for (; read_figures(file, &golden); lines++)
		test_figures(&golden);
	tap(feof(file) && lines > 40, "%u lines of figures", lines);
	fclose(file);
}

/* --- closed forms --- */

static void
test_figures_closed(void)
{
	/* The only error is far below what a square can hold. */
	double far[] = {1, 0x1p-700};
	double lost[] = {0x1p-30, -0x1p-30};
	double target[2];
	struct cast cast = format_cast(format_named("fp32"), DTYPE_F64, far, 1, 2, target, NULL);

	tap(cast.relative_error == 0x1p-700 &&
		    fabs(cast.sqnr_db - 1400 * 20 * log10(sqrt(2))) < 1e-9,
	    "an error of 2^-700 is not lost beside a weight of 1");
	cast = format_cast(format_named("fp16"), DTYPE_F64, lost, 1, 2, target, NULL);
	tap(cast.relative_error == 1 && cast.sqnr_db == 0 && !signbit(cast.sqnr_db) &&
		    cast.underflows == 2,
	    "all lost: an error of 1 and 0 dB, not -0");
	cast = format_cast(format_named("fp16"), DTYPE_F64, lost, 1, 0, target, NULL);
	tap(cast.exact && cast.relative_error == 0 && cast.sqnr_db == INFINITY,
	    "a cast of nothing is exact");
}

int
main(int argc, char **argv)
{
	test_digests(argc > 1 && !strcmp(argv[1], "--exhaustive"));
	test_decoding(DTYPE_F16, 10);
	test_decoding(DTYPE_BF16, 7);
	test_held(DTYPE_F16, 2048);
	test_held(DTYPE_BF16, 256);
	test_float64_table();
	test_figures_table();
	test_figures_closed();
	return tap_done();
}
