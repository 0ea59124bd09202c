/* The pool: order, memory, jobs alone, jobs side by side. Clean under ThreadSanitizer. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "pool.h"
#include "tap.h"
#include "util.h"

#define JOBS	600
#define WORKERS 4
#define MEMORY	1000
/* At most so many are submitted and not taken, as pool.c has it. */
#define IN_FLIGHT 256

struct job {
	struct pool_job pool; /* the first member */
	unsigned number, milliseconds;
	unsigned runs, threads;
};

/* What the jobs saw, together. */
static struct {
	atomic_int running, most_running;
	atomic_int not_alone;	 /* times that a job to be alone was not */
	atomic_long memory_used; /* of jobs that were submitted and have not run */
	atomic_long most_memory;
	atomic_uint taken, out_of_order;
} seen;

static void
forget(void)
{
	atomic_store(&seen.running, 0);
	atomic_store(&seen.most_running, 0);
	atomic_store(&seen.not_alone, 0);
	atomic_store(&seen.memory_used, 0);
	atomic_store(&seen.most_memory, 0);
	atomic_store(&seen.taken, 0);
	atomic_store(&seen.out_of_order, 0);
}

static void
pause_for(unsigned milliseconds)
{
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

	nanosleep(&time, NULL);
}

static void
note_memory(void)
{
	long used = atomic_load(&seen.memory_used), most = atomic_load(&seen.most_memory);

	while (used > most && !atomic_compare_exchange_weak(&seen.most_memory, &most, used))
		;
}

static void
note_running(int running)
{
	int most = atomic_load(&seen.most_running);

	while (running > most && !atomic_compare_exchange_weak(&seen.most_running, &most, running))
		;
}

static void
run_job(void *context, struct pool_job *pool_job, unsigned threads)
{
	struct job *job = (struct job *)pool_job;
	int running = atomic_fetch_add(&seen.running, 1) + 1;

	(void)context;
	note_running(running);
	note_memory();
	job->runs++;
	job->threads = threads;
	pause_for(job->milliseconds);
	if (job->pool.alone && (running != 1 || atomic_load(&seen.running) != 1))
		atomic_fetch_add(&seen.not_alone, 1);
	note_memory();
	atomic_fetch_sub(&seen.running, 1);
	atomic_fetch_sub(&seen.memory_used, (long)job->pool.cost);
}

static void
submit(struct pool *pool, struct job *job)
{
	pool_submit(pool, &job->pool);
	/* After the pool let it in, so what is seen is never more than what the pool knows. */
	atomic_fetch_add(&seen.memory_used, (long)job->pool.cost);
}

/* Takes all results on a thread of its own; counts those that are not the next. */
static void *
take_all(void *argument)
{
	struct pool *pool = argument;
	struct pool_job *job;
	unsigned number = 0;

	while ((job = pool_next(pool)))
		if (((struct job *)job)->number != number++)
			atomic_fetch_add(&seen.out_of_order, 1);
	atomic_store(&seen.taken, number);
	return NULL;
}

/* Runs jobs through a pool, taking results meanwhile. */
static void
run_all(struct job *jobs, unsigned count, unsigned workers)
{
	struct pool *pool = pool_open(workers, MEMORY, run_job, NULL);
	pthread_t taker;

	forget();
	if (pthread_create(&taker, NULL, take_all, pool))
		abort();
	for (unsigned i = 0; i < count; i++) {
		jobs[i].number = i;
		submit(pool, &jobs[i]);
	}
	pool_end(pool);
	pthread_join(taker, NULL);
	pool_close(pool);
}

/* Jobs whose times and costs vary; some want to be alone, some exceed all memory. */
static void
make_jobs(struct job *jobs, unsigned alone_every, unsigned too_large_every)
{
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){.milliseconds = i * 7 % 3};
		jobs[i].pool.cost = i * 37 % 400;
		jobs[i].pool.alone = alone_every && i % alone_every == 5;
		if (too_large_every && i % too_large_every == 3)
			jobs[i].pool.cost = 3 * MEMORY;
	}
}

/* Whether each job ran once, on as many threads as it should. */
static bool
ran_once(const struct job *jobs, unsigned workers)
{
	for (unsigned i = 0; i < JOBS; i++)
		if (jobs[i].runs != 1 || jobs[i].threads != (jobs[i].pool.alone ? workers : 1))
			return false;
	return true;
}

static void
test_order(void)
{
	static struct job jobs[JOBS];

	make_jobs(jobs, 0, 0);
	run_all(jobs, JOBS, WORKERS);
	tap(ran_once(jobs, WORKERS), "each job runs once, on one thread");
	tap(atomic_load(&seen.taken) == JOBS && !atomic_load(&seen.out_of_order),
	    "results come in the order of the jobs");
	tap(atomic_load(&seen.most_running) <= WORKERS, "no more jobs run than there are workers");
	tap(atomic_load(&seen.most_memory) > 0 && atomic_load(&seen.most_memory) <= MEMORY,
	    "memory in flight: %ld of %d", atomic_load(&seen.most_memory), MEMORY);
}

static void
test_one_worker(void)
{
	static struct job jobs[JOBS];

	make_jobs(jobs, 10, 50);
	run_all(jobs, JOBS, 1);
	tap(ran_once(jobs, 1) && atomic_load(&seen.most_running) == 1 &&
		    atomic_load(&seen.taken) == JOBS && !atomic_load(&seen.out_of_order),
	    "one worker runs one job at a time, in order");
}

static void
test_alone(void)
{
	static struct job jobs[JOBS];

	make_jobs(jobs, 10, 0);
	run_all(jobs, JOBS, WORKERS);
	tap(ran_once(jobs, WORKERS), "jobs that run alone get all threads");
	tap(!atomic_load(&seen.not_alone), "and run when no other does");
	tap(atomic_load(&seen.taken) == JOBS && !atomic_load(&seen.out_of_order),
	    "and do not change the order");
}

/* A job larger than all memory is let in when it is the only one, and then no other is. */
static void
test_too_large(void)
{
	static struct job jobs[JOBS];

	make_jobs(jobs, 0, 20);
	run_all(jobs, JOBS, WORKERS);
	tap(ran_once(jobs, WORKERS) && atomic_load(&seen.most_memory) == 3 * MEMORY &&
		    atomic_load(&seen.taken) == JOBS && !atomic_load(&seen.out_of_order),
	    "jobs that are too large wait to be the only ones");
}

/* --- jobs side by side --- */

static atomic_int met;

/* Waits until another job does so too, for ten seconds at most. */
static void
meet(void *context, struct pool_job *job, unsigned threads)
{
	(void)context;
	(void)job;
	(void)threads;
	atomic_fetch_add(&met, 1);
	for (int i = 0; i < 10000 && atomic_load(&met) < 2; i++)
		pause_for(1);
}

static void
test_side_by_side(void)
{
	struct pool *pool = pool_open(2, MEMORY, meet, NULL);
	struct job jobs[2] = {0};

	pool_submit(pool, &jobs[0].pool);
	pool_submit(pool, &jobs[1].pool);
	pool_end(pool);
	tap(pool_next(pool) == &jobs[0].pool && atomic_load(&met) == 2,
	    "two jobs run at the same time");
	tap(pool_next(pool) == &jobs[1].pool && !pool_next(pool) && !pool_next(pool),
	    "after the last there is none");
	pool_close(pool);
}

/* --- results that nobody takes --- */

static atomic_uint submitted;

static void *
submit_many(void *argument)
{
	static struct job jobs[IN_FLIGHT + 50];
	struct pool *pool = argument;

	for (unsigned i = 0; i < IN_FLIGHT + 50; i++) {
		jobs[i].number = i;
		submit(pool, &jobs[i]);
		atomic_fetch_add(&submitted, 1);
	}
	pool_end(pool);
	return NULL;
}

static void
test_not_taken(void)
{
	struct pool *pool = pool_open(WORKERS, MEMORY, run_job, NULL);
	pthread_t submitter;

	forget();
	if (pthread_create(&submitter, NULL, submit_many, pool))
		abort();
	for (int i = 0; i < 10000 && atomic_load(&submitted) < IN_FLIGHT; i++)
		pause_for(1);
	pause_for(50);
	tap(atomic_load(&submitted) == IN_FLIGHT, "%d results wait to be taken and no more",
	    IN_FLIGHT);
	take_all(pool);
	pthread_join(submitter, NULL);
	tap(atomic_load(&seen.taken) == IN_FLIGHT + 50 && !atomic_load(&seen.out_of_order),
	    "the others follow when they are");
	pool_close(pool);
}

static void
test_nothing(void)
{
	struct pool *pool = pool_open(WORKERS, MEMORY, run_job, NULL);

	pool_end(pool);
	tap(!pool_next(pool), "no jobs, no results");
	pool_close(pool);
}

int
main(void)
{
	test_nothing();
	test_order();
	test_one_worker();
	test_alone();
	test_too_large();
	test_side_by_side();
	test_not_taken();
	return tap_done();
}
