/*
 * A line on the terminal that says how far the work has come: layers done, share of the work, time
 * left, and the layer at hand.
 *
 * In a pipeline several programs share one terminal. Each with progress to show marks its place there
 * by a record lock, and stays silent while one further down the pipeline, closer to the result, has
 * its mark. The line is redrawn at most ten times a second and cleared at the end.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* Where in a pipeline a program stands. */
enum progress_stage { PROGRESS_LAYERS, PROGRESS_CAST, PROGRESS_SPECTRUM, PROGRESS_FIT };

enum progress_wish { PROGRESS_AUTOMATIC, PROGRESS_ALWAYS, PROGRESS_NEVER };

/* Starts; PROGRESS_AUTOMATIC shows it when standard error is a terminal. */
void progress_begin(enum progress_stage stage, enum progress_wish wish);

/* done of total items (total 0: unknown), share of the work from 0 to 1, and the name at hand. */
void progress_update(uint64_t done, uint64_t total, double share, const char *name);

/*
 * For a program that prints its results on the terminal: clears the line that an earlier stage may
 * have drawn, and keeps all stages before it silent. Does nothing if standard output is no terminal.
 */
void progress_yield_to_output(enum progress_stage stage);

/* Clears the line. */
void progress_end(void);

#endif
