/*
 * Jobs that run side by side and come out in the order they went in.
 *
 * One thread submits, one (it may be another) takes results, and the pool's workers run the jobs
 * between. What is in flight is bounded: by the memory the jobs say they need, and by their number.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stdint.h>

/* To be the first member of the caller's own struct. The caller sets cost, alone and elsewhere. */
struct pool_job {
	uint64_t cost;	/* bytes in use from submission until the job has run */
	bool alone;	/* wants all processors: runs when no other job does */
	bool elsewhere; /* no worker's: runs in some thread of the caller, who says when it has */
	bool done;
	struct pool_job *next;
};

/* Jobs that are submitted and not taken, at most: finished ones wait for the oldest. They are small, but there should
 * be an end. Who both submits and takes must take before there are so many. */
#define POOL_MOST_JOBS 256

struct pool;

/*
 * Runs one job on a worker; threads is the number that the job may use itself: 1, or all for a job
 * that runs alone.
 */
typedef void pool_run(void *context, struct pool_job *job, unsigned threads);

/* Starts the workers, which call run() with the context for each job. Jobs start in order. */
struct pool *pool_open(unsigned workers, uint64_t memory, pool_run *run, void *context);

/* Adds a job, after waiting until it fits; a job that is too large for all memory waits to be the
 * only one. */
void pool_submit(struct pool *pool, struct pool_job *job);

/* Says that a job that ran elsewhere has; from any thread, after pool_submit(). */
void pool_finish(struct pool *pool, struct pool_job *job);

/* Says that no more jobs will come. */
void pool_end(struct pool *pool);

/* The oldest job not yet taken, after waiting until it has run; null when there will be no more. */
struct pool_job *pool_next(struct pool *pool);

/* Joins the workers and frees the pool, after pool_next() returned null. */
void pool_close(struct pool *pool);

#endif
