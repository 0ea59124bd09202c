/*
 * Threads that share the pieces of one task.
 */
#ifndef CREW_H
#define CREW_H

#include <stddef.h>

struct crew;

/* Starts threads - 1 threads: the one that calls crew_run() works, too. */
struct crew *crew_open(unsigned threads);
void crew_close(struct crew *crew);

/* Does one piece of a task, by its number. */
typedef void crew_task(void *context, size_t piece);

/*
 * Does all pieces of a task, and returns when they are done. Which thread does which piece, and when, is
 * not determined, so pieces must not depend on each other. Without a crew, null, they are done one
 * after the other.
 */
void crew_run(struct crew *crew, crew_task *task, void *context, size_t pieces);

#endif
