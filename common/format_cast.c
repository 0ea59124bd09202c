/*
 * The driver of casts: weights are decoded to float32 in pieces that stay in the first-level cache, cast
 * by the format's function, compared with what they were, and encoded.
 *
 * A tensor is cut into chunks, which threads share. Where they are cut depends on the tensor and the
 * format alone, and sums over chunks are added in order: so figures do not depend on the threads.
 */
#include "format.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "crew.h"
#include "format_extremes.h"
#include "format_family.h"
#include "format_runs.h"
#include "tally.h"
#include "util.h"
#include "vector.h"

_Static_assert(RUN_MOST <= TALLY_BLOCK, "the errors of a run are summed up at once");

/* --- decoding --- */

/* A tensor to be cast. */
struct source {
	const struct format *format;
	enum dtype dtype;
	const void *weights;
	struct geometry geometry;
	enum dtype carrier; /* of the casts */
	struct survey survey;
	struct extent *extents; /* of the survey's groups */
	bool survey_chunks;	/* each before it is cast */
	pthread_mutex_t lock;	/* of extents that several chunks share */
};

/*
 * The nearest float with an odd last bit, unless a float has the value exactly. What is rounded so can
 * be rounded again, to two bits less or more, with the result of rounding once.
 */
static inline float
round_to_odd(double value)
{
	float nearest = (float)value;
	double error = value - (double)nearest;
	uint32_t bits = bits_of_float(nearest);
	/* Whether the nearest is beyond the value, so that its neighbour towards zero is needed. */
	bool beyond = fabs((double)nearest) > fabs(value);

	return error == 0 || error != error || bits & 1 ? nearest
							: float_of(beyond ? bits - 1 : bits + 1);
}

HOT static void
round_all_to_odd(const double *values, size_t count, float *rounded)
{
	for (size_t i = 0; i < count; i++)
		rounded[i] = round_to_odd(values[i]);
}

/* A piece of a tensor: its elements as floats, and those of F64 as they are, too. */
struct piece {
	float buffer[RUN_MOST];
	double wide[RUN_MOST];
	const float *values; /* the buffer, or what is floats already */
};

static bool
is_aligned(const void *memory)
{
	return (uintptr_t)memory % sizeof(float) == 0;
}

static void
decode(const struct source *source, uint64_t first, size_t count, struct piece *piece)
{
	const struct float_shape *shape = &source->format->kind->shape;

	piece->values = piece->buffer;
	if (source->dtype == DTYPE_F32 && is_aligned(source->weights)) {
		piece->values = (const float *)source->weights + first;
	} else if (source->dtype != DTYPE_F64) {
		dtype_decode_floats(source->dtype, source->weights, first, count, piece->buffer);
	} else {
		dtype_decode(DTYPE_F64, source->weights, first, count, piece->wide);
		if (source->format->parameters[PARAMETER_SPAN] == SPAN_VALUE && shape->precision &&
		    shape->precision < FLT_MANT_DIG)
			round_all_to_odd(piece->wide, count, piece->buffer);
		else
			dtype_encode(DTYPE_F32, piece->wide, count, piece->buffer);
	}
}

/* --- the survey --- */

static const struct extent no_extent = {INFINITY, -INFINITY};

static void
extend(struct extent *extent, struct extent by)
{
	if (isnan(extent->smallest) || isnan(by.smallest)) {
		*extent = (struct extent){(float)NAN, (float)NAN};
		return;
	}
	if (by.smallest < extent->smallest)
		extent->smallest = by.smallest;
	if (by.largest > extent->largest)
		extent->largest = by.largest;
}

/* Adds a run to the extents of its groups, if they are kept. */
static void
extend_groups(struct source *source, const struct run *run, const struct extent *extents)
{
	bool is_shared = source->geometry.group > source->geometry.chunk;

	if (!source->extents)
		return;
	if (is_shared)
		pthread_mutex_lock(&source->lock);
	for (size_t i = 0; i < run->groups; i++)
		extend(&source->extents[run->first + i], extents[i]);
	if (is_shared)
		pthread_mutex_unlock(&source->lock);
}

/* Surveys the elements from one on up to an end. */
static struct extent
survey_between(struct source *source, uint64_t at, uint64_t end, struct piece *piece)
{
	struct extent all = no_extent, extents[RUN_MOST];

	while (at < end) {
		struct run run = run_at(&source->geometry, at, end);

		decode(source, at, run.groups * run.length, piece);
		/* Where none but the tensor's extent is asked for, groups are of no interest. */
		if (!source->extents)
			run = (struct run){.groups = 1, .length = run.groups * run.length};
		find_extents(piece->values, run.groups, run.length, extents);
		for (size_t i = 0; i < run.groups; i++)
			extend(&all, extents[i]);
		extend_groups(source, &run, extents);
		at += run.groups * run.length;
	}
	return all;
}

static void
survey_chunk(void *context, size_t chunk)
{
	struct source *source = context;
	uint64_t at = chunk * source->geometry.chunk;
	struct piece piece;
	struct extent extent = survey_between(source, at, chunk_end(&source->geometry, at), &piece);

	pthread_mutex_lock(&source->lock);
	extend(&source->survey.tensor, extent);
	pthread_mutex_unlock(&source->lock);
}

/*
 * Finds out what has to be known before any part of the tensor is cast. Long groups that lie within a
 * chunk are surveyed with it instead, while it is in the cache.
 */
static void
survey(struct source *source, struct crew *crew)
{
	const struct format *format = source->format;
	const struct geometry *geometry = &source->geometry;

	source->survey.tensor = no_extent;
	source->survey.count = group_count(geometry);
	source->survey.elements = geometry->elements;
	if (format->need == SURVEY_GROUPS || groups_are_in_parts(geometry)) {
		source->extents = xreallocarray(NULL, source->survey.count, sizeof(struct extent));
		for (uint64_t i = 0; i < source->survey.count; i++)
			source->extents[i] = no_extent;
	}
	source->survey.groups = source->extents;
	source->survey_chunks = groups_are_in_parts(geometry) && format->need == SURVEY_NOTHING &&
				geometry->group <= geometry->chunk;
	if (format->need != SURVEY_NOTHING ||
	    (groups_are_in_parts(geometry) && !source->survey_chunks))
		crew_run(crew, survey_chunk, source, chunk_count(geometry));
	if (format->kind->prepare)
		format->kind->prepare(format, &source->survey);
}

/* --- casting --- */

struct casting {
	struct source *source;
	unsigned char *target;
	struct tally *tallies; /* one for each chunk */
	double value_scale, error_scale;
};

static void
tally_piece(const struct casting *casting, struct tally *tally, const struct piece *piece,
	    const float *casts, size_t count)
{
	double wide_casts[RUN_MOST];

	if (casting->source->dtype != DTYPE_F64) {
		tally_floats(tally, piece->values, casts, count);
		return;
	}
	dtype_decode(DTYPE_F32, casts, 0, count, wide_casts);
	tally_doubles(tally, piece->wide, wide_casts, count, casting->value_scale,
		      casting->error_scale);
}

static void
cast_chunk(void *context, size_t chunk)
{
	const struct casting *casting = context;
	struct source *source = casting->source;
	uint64_t at = chunk * source->geometry.chunk, end = chunk_end(&source->geometry, at);
	size_t size = dtype_bits(source->carrier) / 8;
	bool in_place = source->carrier == DTYPE_F32 && is_aligned(casting->target);
	struct piece piece;
	float casts[RUN_MOST];

	if (source->survey_chunks)
		survey_between(source, at, end, &piece);
	while (at < end) {
		struct run run = run_at(&source->geometry, at, end);
		size_t count = run.groups * run.length;
		unsigned char *target = casting->target + at * size;

		decode(source, at, count, &piece);
		run.values = piece.values;
		run.casts = in_place ? (float *)(void *)target : casts;
		run.extents = source->extents ? source->extents + run.first : NULL;
		source->format->kind->cast(source->format, &source->survey, &run);
		tally_piece(casting, &casting->tallies[chunk], &piece, run.casts, count);
		if (!in_place)
			dtype_encode_floats(source->carrier, casts, count, target);
		at += count;
	}
}

static struct tally
cast_all(struct source *source, void *target, struct crew *crew, double value_scale,
	 double error_scale)
{
	size_t chunks = chunk_count(&source->geometry);
	struct tally *tallies = xcalloc(chunks, sizeof(*tallies)), tally = {0};
	struct casting casting = {source, target, tallies, value_scale, error_scale};

	crew_run(crew, cast_chunk, &casting, chunks);
	for (size_t i = 0; i < chunks; i++)
		tally_add(&tally, &tallies[i]);
	free(tallies);
	return tally;
}

/* The power of two that brings a value to [1/2, 1). */
static double
scale_for(double value)
{
	int exponent;

	frexp(value, &exponent);
	/* Twice at most 1023, as 2^1074 is no double. */
	return ldexp(1, exponent < -1022 ? 1022 : -exponent);
}

/* Whether squares of such values leave the range of double, or lose bits at its lower end. */
static bool
leaves_range(double value)
{
	return value > 0x1p500 || value < 0x1p-400;
}

static void
set_figures(struct cast *cast, const struct tally *tally, double scales)
{
	cast->largest_error = tally->largest_error;
	cast->overflows = tally->overflows;
	cast->underflows = tally->underflows;
	/* Nothing but infinities may have changed. */
	if (!(tally->largest_error > 0))
		return;
	cast->relative_error = tally->overflows
				       ? INFINITY
				       : sqrt(tally->noise + tally->noise_rest) /
						 sqrt(tally->signal + tally->signal_rest) * scales;
	/* 0 minus it, so that an error of 1 is 0 dB and not -0. */
	cast->sqnr_db = 0 - 20 * log10(cast->relative_error);
}

static struct cast
cast_source(struct source *source, void *target, struct crew *crew)
{
	struct cast cast = {.sqnr_db = INFINITY};
	double value_scale = 1, error_scale = 1;
	struct tally tally = cast_all(source, target, crew, value_scale, error_scale);

	if (source->dtype == DTYPE_F64 && tally.largest_error > 0 && !tally.overflows &&
	    (leaves_range(tally.largest_value) || leaves_range(tally.largest_error))) {
		value_scale = scale_for(tally.largest_value);
		error_scale = scale_for(tally.largest_error);
		tally = cast_all(source, target, crew, value_scale, error_scale);
	}
	cast.not_finite = tally.not_finite;
	cast.exact = !(tally.largest_error > 0) && !tally.changes;
	if (!cast.exact)
		set_figures(&cast, &tally, value_scale / error_scale);
	return cast;
}

/* --- for a format that holds every value of the source type there is nothing to do but to look --- */

HOT static uint64_t
count_not_finite(const float *values, size_t count)
{
	uint32_t not_finite = 0;

	for (size_t i = 0; i < count; i++)
		not_finite += !(fabsf(values[i]) <= FLT_MAX);
	return not_finite;
}

static uint64_t
count_wide_not_finite(const double *values, size_t count)
{
	uint64_t not_finite = 0;

	for (size_t i = 0; i < count; i++)
		not_finite += !(fabs(values[i]) <= DBL_MAX);
	return not_finite;
}

static void
look_at_chunk(void *context, size_t chunk)
{
	struct casting *casting = context;
	struct source *source = casting->source;
	uint64_t at = chunk * source->geometry.chunk, end = chunk_end(&source->geometry, at);
	struct piece piece;

	for (size_t count; at < end; at += count) {
		count = end - at < RUN_MOST ? end - at : RUN_MOST;
		decode(source, at, count, &piece);
		casting->tallies[chunk].not_finite += source->dtype == DTYPE_F64
							      ? count_wide_not_finite(piece.wide,
										      count)
							      : count_not_finite(piece.values,
										 count);
	}
}

static struct cast
look_at(struct source *source, struct crew *crew)
{
	struct cast cast = {.exact = true, .sqnr_db = INFINITY};
	size_t chunks = chunk_count(&source->geometry);
	struct tally *tallies = xcalloc(chunks, sizeof(*tallies));

	crew_run(crew, look_at_chunk, &(struct casting){.source = source, .tallies = tallies},
		 chunks);
	for (size_t i = 0; i < chunks; i++)
		cast.not_finite += tallies[i].not_finite;
	free(tallies);
	return cast;
}

/* A format that can take rows of this length. */
static const struct format *
usable(const struct format *format, uint64_t columns)
{
	while (format->instead && columns % (uint64_t)format->parameters[PARAMETER_GROUP])
		format = format->instead;
	return format;
}

struct cast
format_cast(const struct format *format, enum dtype source, const void *weights, uint64_t rows,
	    uint64_t columns, void *target, struct crew *crew)
{
	const struct format *used = usable(format, columns);
	struct source all = {
		.format = used,
		.dtype = source,
		.weights = weights,
		.geometry = geometry_of(used, rows, columns),
		.carrier = format_carrier(format),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct cast cast;

	if (format_holds(used, source) || !rows || !columns) {
		cast = look_at(&all, crew);
	} else {
		survey(&all, crew);
		cast = cast_source(&all, target, crew);
		free(all.survey.prepared);
		free(all.extents);
	}
	cast.bits = format_bits(used, rows, columns);
	cast.instead = used == format ? NULL : format_name(used);
	return cast;
}
