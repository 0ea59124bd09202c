#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util.h"

/* Looks at a counter before the processor is given up. */
#define SPINS 1000

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t begun, done;
	crew_task *task;
	void *context;
	size_t next, pieces; /* the first that nobody has taken, and how many there are */
	unsigned busy;	     /* threads that are at a piece, the caller's included */
	bool taken, closing; /* whether a task is under way */
	unsigned threads;    /* beside the caller's */
	unsigned limit;	     /* on those that work */
	pthread_t members[];
};

/* Whether one more thread, or one that is at work already, may take a piece. */
static bool
may_help(const struct crew *crew, unsigned working)
{
	return crew->next < crew->pieces && working <= crew->limit + 1;
}

/*
 * Takes pieces as long as there are some, and a member only within the limit. The lock is held on entry
 * and on return, not between.
 */
static void
work(struct crew *crew, bool member)
{
	crew->busy++;
	while (member ? may_help(crew, crew->busy) : crew->next < crew->pieces) {
		size_t piece = crew->next++;

		pthread_mutex_unlock(&crew->lock);
		crew->task(crew->context, piece);
		pthread_mutex_lock(&crew->lock);
	}
	if (!--crew->busy)
		pthread_cond_signal(&crew->done);
}

static void *
be_member(void *argument)
{
	struct crew *crew = argument;

	pthread_mutex_lock(&crew->lock);
	while (!crew->closing)
		if (may_help(crew, crew->busy + 1))
			work(crew, true);
		else
			pthread_cond_wait(&crew->begun, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

struct crew *
crew_open(unsigned threads)
{
	unsigned others = threads > 1 ? threads - 1 : 0;
	struct crew *crew = xcalloc(1, sizeof(*crew) + others * sizeof(pthread_t));

	crew->threads = crew->limit = others;
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->begun, NULL);
	pthread_cond_init(&crew->done, NULL);
	for (unsigned i = 0; i < others; i++)
		if (pthread_create(&crew->members[i], NULL, be_member, crew))
			die(STATUS_RETRY, "cannot start a thread:");
	return crew;
}

void
crew_close(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	crew->closing = true;
	pthread_cond_broadcast(&crew->begun);
	pthread_mutex_unlock(&crew->lock);
	for (unsigned i = 0; i < crew->threads; i++)
		pthread_join(crew->members[i], NULL);
	pthread_mutex_destroy(&crew->lock);
	pthread_cond_destroy(&crew->begun);
	pthread_cond_destroy(&crew->done);
	free(crew);
}

void
crew_limit(struct crew *crew, unsigned threads)
{
	pthread_mutex_lock(&crew->lock);
	crew->limit = threads;
	pthread_cond_broadcast(&crew->begun);
	pthread_mutex_unlock(&crew->lock);
}

/* Takes a crew for a task and its lock, if there is one that may help and is free. */
static bool
take(struct crew *crew)
{
	if (!crew || !crew->threads)
		return false;
	pthread_mutex_lock(&crew->lock);
	if (!crew->taken && crew->limit) {
		crew->taken = true;
		return true;
	}
	pthread_mutex_unlock(&crew->lock);
	return false;
}

void
crew_run(struct crew *crew, crew_task *task, void *context, size_t pieces)
{
	if (pieces < 2 || !take(crew)) {
		for (size_t i = 0; i < pieces; i++)
			task(context, i);
		return;
	}
	crew->task = task;
	crew->context = context;
	crew->next = 0;
	crew->pieces = pieces;
	pthread_cond_broadcast(&crew->begun);
	work(crew, false);
	while (crew->busy)
		pthread_cond_wait(&crew->done, &crew->lock);
	crew->taken = false;
	pthread_mutex_unlock(&crew->lock);
}

void
crew_wait(const atomic_size_t *counter, size_t least)
{
	for (unsigned spins = 0; atomic_load_explicit(counter, memory_order_acquire) < least;
	     spins++)
		if (spins >= SPINS)
			sched_yield();
}
