#include "spectrum_frame.h"

#include <math.h>
#include <string.h>

#include "payload_hash.h"
#include "random.h"

double
frame_number(const struct frame *frame, const char *key)
{
	const char *text = frame_get(frame, key);
	double value;

	if (!text)
		return NAN;
	if (parse_double(text, &value))
		return value;
	return !strcmp(text, "inf") ? INFINITY : NAN;
}

/* Ascending, none negative: what a frame of another program might not hold. */
static bool
is_spectrum(const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!(values[i] >= (i ? values[i - 1] : 0)) || !isfinite(values[i]))
			return false;
	return true;
}

int
spectrum_frame_values(struct stream_reader *reader, const struct frame *frame,
		      const double **values, struct failure *failure)
{
	const void *payload;

	if (frame_require(frame, FRAME_SPECTRUM, failure) ||
	    stream_payload(reader, frame, &payload, failure))
		return -1;
	*values = payload;
	if (!is_spectrum(*values, (size_t)frame->elements) ||
	    (frame->elements && !(frame_number(frame, "lambda_err") >= 0)))
		return fail(failure, STATUS_DATA,
			    "layer '%.200s': not the eigenvalues of a spectrum with their error",
			    frame_text(frame, "layer"));
	return 0;
}

size_t
spectrum_frame_count(const struct frame *frame)
{
	uint64_t count;

	if (!parse_unsigned(frame_text(frame, "n_eigs"), SIZE_MAX, &count) ||
	    count < frame->elements)
		count = frame->elements;
	return (size_t)count;
}

struct tail_fit
spectrum_frame_fit(const struct frame *frame, enum tail_fit_kind kind, const double *values,
		   size_t k)
{
	return tail_fit(kind, values, (size_t)frame->elements, k, frame_number(frame, "lambda_err"),
			fmax(frame_number(frame, "sigma_err"), 0));
}

void
spectrum_frame_hill_fits(const struct frame *frame, const double *values, struct hill *fits)
{
	hill_fits(values, (size_t)frame->elements, frame_number(frame, "lambda_err"),
		  fmax(frame_number(frame, "sigma_err"), 0), fits);
}

struct spectrum_sides
spectrum_frame_sides(const struct frame *frame)
{
	uint64_t rows = 0, columns = 0;
	bool are_pooled = frame_get(frame, "windows");

	if (!are_pooled || !parse_unsigned(frame_text(frame, "window_rows"), UINT32_MAX, &rows) ||
	    !parse_unsigned(frame_text(frame, "window_cols"), UINT32_MAX, &columns)) {
		rows = frame->rows;
		columns = frame->columns;
	}
	return (struct spectrum_sides){(size_t)(rows > columns ? rows : columns),
				       (size_t)(rows > columns ? columns : rows), are_pooled};
}

/* A number for a layer and a precision. */
static uint64_t
stream_of(const struct frame *frame)
{
	const char *layer = frame_text(frame, "layer"), *precision = frame_text(frame, "precision");
	uint64_t hashes[] = {payload_hash(layer, strlen(layer)),
			     payload_hash(precision, strlen(precision))};

	return payload_hash(hashes, sizeof(hashes));
}

double
spectrum_frame_p_value(const struct frame *frame, enum tail_fit_kind kind,
		       const struct tail_fit *fit, const double *values, size_t replicates,
		       uint64_t seed)
{
	struct random random;

	random_begin(&random, seed, stream_of(frame));
	return tail_fit_p_value(kind, fit, values, (size_t)frame->elements,
				frame_number(frame, "lambda_err"),
				fmax(frame_number(frame, "sigma_err"), 0), replicates, &random);
}
