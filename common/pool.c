#include "pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "util.h"

/* More that have not started would not keep the workers busier, and would each want fresh memory
 * instead of what others have freed. */
#define WAITING_PER_WORKER 4

struct pool {
	pool_run *run;
	void *context;
	unsigned workers;
	uint64_t memory;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct pool_job *head, *tail; /* submitted and not taken, in order */
	struct pool_job *waiting;     /* the first of them that a worker is to start */
	unsigned in_flight, running, unstarted;
	uint64_t memory_used;
	bool running_alone, ended;
	pthread_t threads[];
};

/* Whether the first waiting job may start now. */
static bool
may_start(const struct pool *pool)
{
	if (!pool->waiting || pool->running_alone)
		return false;
	return !pool->waiting->alone || !pool->running;
}

/* The first job from this one on that is a worker's. */
static struct pool_job *
skip_elsewhere(struct pool_job *job)
{
	while (job && job->elsewhere)
		job = job->next;
	return job;
}

/* Notes that a job has run. The lock is held. */
static void
note_done(struct pool *pool, struct pool_job *job)
{
	job->done = true;
	pool->memory_used -= job->cost;
	pthread_cond_broadcast(&pool->changed);
}

/* Runs one job. The lock is held on entry and on return, not between. */
static void
run_next(struct pool *pool)
{
	struct pool_job *job = pool->waiting;

	pool->waiting = skip_elsewhere(job->next);
	pool->unstarted--;
	pool->running++;
	pool->running_alone = job->alone;
	pthread_mutex_unlock(&pool->lock);
	pool->run(pool->context, job, job->alone ? pool->workers : 1);
	pthread_mutex_lock(&pool->lock);
	pool->running--;
	pool->running_alone = false;
	note_done(pool, job);
}

static void *
work(void *argument)
{
	struct pool *pool = argument;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!may_start(pool) && !(pool->ended && !pool->waiting))
			pthread_cond_wait(&pool->changed, &pool->lock);
		if (!pool->waiting)
			break;
		run_next(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct pool *
pool_open(unsigned workers, uint64_t memory, pool_run *run, void *context)
{
	struct pool *pool = xcalloc(1, sizeof(*pool) + workers * sizeof(pthread_t));

	pool->run = run;
	pool->context = context;
	pool->workers = workers;
	pool->memory = memory;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	for (unsigned i = 0; i < workers; i++)
		if (pthread_create(&pool->threads[i], NULL, work, pool))
			die(STATUS_RETRY, "cannot start a thread:");
	return pool;
}

static bool
has_room(const struct pool *pool, const struct pool_job *job)
{
	if (pool->in_flight >= POOL_MOST_JOBS ||
	    pool->unstarted >= WAITING_PER_WORKER * pool->workers)
		return false;
	return !pool->memory_used ||
	       (pool->memory_used <= pool->memory && job->cost <= pool->memory - pool->memory_used);
}

void
pool_submit(struct pool *pool, struct pool_job *job)
{
	pthread_mutex_lock(&pool->lock);
	while (!has_room(pool, job))
		pthread_cond_wait(&pool->changed, &pool->lock);
	job->done = false;
	job->next = NULL;
	if (pool->head)
		pool->tail->next = job;
	else
		pool->head = job;
	pool->tail = job;
	if (!pool->waiting)
		pool->waiting = skip_elsewhere(job);
	pool->in_flight++;
	pool->unstarted += !job->elsewhere;
	pool->memory_used += job->cost;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

void
pool_finish(struct pool *pool, struct pool_job *job)
{
	pthread_mutex_lock(&pool->lock);
	note_done(pool, job);
	pthread_mutex_unlock(&pool->lock);
}

void
pool_end(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->ended = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

struct pool_job *
pool_next(struct pool *pool)
{
	struct pool_job *job;

	pthread_mutex_lock(&pool->lock);
	while (!(pool->head && pool->head->done) && !(pool->ended && !pool->head))
		pthread_cond_wait(&pool->changed, &pool->lock);
	job = pool->head;
	if (job) {
		pool->head = job->next;
		pool->in_flight--;
		pthread_cond_broadcast(&pool->changed);
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

void
pool_close(struct pool *pool)
{
	for (unsigned i = 0; i < pool->workers; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->changed);
	free(pool);
}
