/*
 * The layers of a stream on their way through the eigenvalue back end (eigen.h): matrices go in as they are
 * read, spectra come out in the same order.
 *
 * A matrix that was among the last ones read already, to judge by type, shape and hash, shares the spectrum of
 * that one. A matrix that has windows goes to the back end window by window, and their spectra are pooled.
 */
#ifndef SPECTRUM_QUEUE_H
#define SPECTRUM_QUEUE_H

#include "eigen.h"
#include "frame.h"
#include "layer_spectrum.h"
#include "stream.h"

struct spectrum_queue;

/* Starts with a back end, which becomes the queue's; the choice stays the caller's, and there. */
struct spectrum_queue *spectrum_queue_open(const struct spectrum_choice *choice,
					   struct eigen *eigen);

/*
 * Hands over the matrix whose frame and weights were read last (stream_weights()), after waiting until there is
 * room for it. The frame becomes the queue's. Ends the program if there is no memory.
 */
void spectrum_queue_submit(struct spectrum_queue *queue, struct stream_reader *reader,
			   const struct frame *frame);

/* Says that no more will come; from the thread that submits. */
void spectrum_queue_end(struct spectrum_queue *queue);

/*
 * The oldest layer, after waiting for its spectrum; null after the last. To be freed by layer_spectrum_free().
 * May be called from another thread than the others, one at a time.
 */
struct layer_spectrum *spectrum_queue_next(struct spectrum_queue *queue);
void layer_spectrum_free(struct layer_spectrum *layer);

/* Closes the back end as well, after spectrum_queue_next() returned null. */
void spectrum_queue_close(struct spectrum_queue *queue);

#endif
