#include "layer_spectrum.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util.h"

/* Whether weights that were finite are not after their cast. */
static bool
was_cast_out_of_range(const struct frame *frame)
{
	uint64_t overflows;

	return parse_unsigned(frame_text(frame, "cast_overflow"), UINT64_MAX, &overflows) &&
	       overflows > 0;
}

static void
set_method(struct frame *frame, const struct layer_spectrum *layer,
	   const struct spectrum_choice *choice)
{
	char *pooled;

	if (layer->eigen.status) {
		frame_set(frame, "method", "failed");
		return;
	}
	pooled = layer->windows ? format_text(", %" PRIu64 " windows %zux%zu", layer->windows,
					      choice->windows.rows, choice->windows.columns)
				: xstrdup("");
	frame_set(frame, "method", "%s%s%s", layer->eigen.method,
		  choice->shuffles ? ", shuffled" : "", pooled);
	free(pooled);
}

/* Of what the spectrum is, where it is not that of the matrix as it stands. */
static void
set_choice(struct frame *frame, const struct layer_spectrum *layer,
	   const struct spectrum_choice *choice)
{
	if (choice->shuffles)
		frame_set(frame, "shuffle", "%" PRIu64, choice->shuffle_seed);
	if (layer->windows) {
		frame_set(frame, "windows", "%" PRIu64, layer->windows);
		frame_set(frame, "window_rows", "%zu", choice->windows.rows);
		frame_set(frame, "window_cols", "%zu", choice->windows.columns);
	}
}

static void
set_failure(struct frame *frame, const struct layer_spectrum *layer)
{
	frame_set(frame, "note", "%s%s", eigen_status_text(layer->eigen.status),
		  was_cast_out_of_range(&layer->frame) ? " after a cast that overflowed" : "");
}

static void
set_size_and_error(struct frame *frame, const struct eigen_job *eigen)
{
	if (eigen->wanted < eigen->count)
		frame_set(frame, "n_eigs", "%zu", eigen->count);
	frame_set_number(frame, "lambda_err", eigen->lambda_error);
	if (eigen->sigma_error > 0)
		frame_set_number(frame, "sigma_err", eigen->sigma_error);
}

struct frame
layer_spectrum_frame(const struct layer_spectrum *layer, const struct spectrum_choice *choice)
{
	uint64_t count = layer->eigen.status ? 0 : layer->eigen.wanted;
	struct frame frame = frame_new(FRAME_SPECTRUM, "eigenvalues", DTYPE_F64, 1, &count);

	frame.rows = layer->frame.rows;
	frame.columns = layer->frame.columns;
	frame_take_metadata(&frame, &layer->frame);
	set_method(&frame, layer, choice);
	set_choice(&frame, layer, choice);
	if (layer->eigen.status)
		set_failure(&frame, layer);
	else
		set_size_and_error(&frame, &layer->eigen);
	return frame;
}
