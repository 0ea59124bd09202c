#include "crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util.h"

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t begun, done;
	crew_task *task;
	void *context;
	size_t next, pieces; /* the first that nobody has taken, and how many there are */
	unsigned busy;	     /* threads that are at a piece */
	bool closing;
	unsigned threads; /* beside the caller's */
	pthread_t members[];
};

/* Takes pieces as long as there are some. The lock is held on entry and on return, not between. */
static void
work(struct crew *crew)
{
	crew->busy++;
	while (crew->next < crew->pieces) {
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
		if (crew->next < crew->pieces)
			work(crew);
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

	crew->threads = others;
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
crew_run(struct crew *crew, crew_task *task, void *context, size_t pieces)
{
	if (!crew || !crew->threads || pieces < 2) {
		for (size_t i = 0; i < pieces; i++)
			task(context, i);
		return;
	}
	pthread_mutex_lock(&crew->lock);
	crew->task = task;
	crew->context = context;
	crew->next = 0;
	crew->pieces = pieces;
	pthread_cond_broadcast(&crew->begun);
	work(crew);
	while (crew->busy)
		pthread_cond_wait(&crew->done, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
}
