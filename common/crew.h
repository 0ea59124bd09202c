/*
 * Threads that share the pieces of one task.
 */
#ifndef CREW_H
#define CREW_H

#include <stdatomic.h>
#include <stddef.h>

struct crew;

/* Starts threads - 1 threads: the one that calls crew_run() works, too. */
struct crew *crew_open(unsigned threads);
void crew_close(struct crew *crew);

/*
 * At most so many of those threads work from now on, at first all. May be called at any time, from any
 * thread; who is at a piece finishes it.
 */
void crew_limit(struct crew *crew, unsigned threads);

/* Does one piece of a task, by its number. */
typedef void crew_task(void *context, size_t piece);

/*
 * Does all pieces of a task, and returns when they are done. Which thread does which piece, and when, is
 * not determined, but they are begun in order: a piece may wait for an earlier one, and for no other.
 * Without a crew, null, or while it is at another task, they are done one after the other by the caller.
 */
void crew_run(struct crew *crew, crew_task *task, void *context, size_t pieces);

/*
 * For pieces that wait: returns when a counter, which an earlier piece raises, is at least this. Spins for
 * a moment, and then lets others have the processor, since the one waited for may be without.
 */
void crew_wait(const atomic_size_t *counter, size_t least);

#endif
