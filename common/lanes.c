#include "lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* How much a lane should hold. Less than the pipe, so that both sides go on meanwhile; measured. */
#define LANE_SIZE (256 << 10)

/* What is not worth waking a thread for. */
#define LEAST_FOR_THREAD (64 << 10)

struct lane {
	struct lanes *lanes;
	int from, to; /* the ends of its pipe */
	size_t size;
	pthread_t thread;
	pthread_cond_t given; /* there is work for the thread */
	bool working, ended;  /* under the lock; the rest is the thread's while it works */

	bool used, writes; /* whether it was given a copy to make, and which way */
	char *bytes;
	size_t count;
	int error;
};

struct lanes {
	int descriptor;
	pthread_mutex_t lock;
	pthread_cond_t done; /* the thread of some lane is */
	size_t turn;	     /* lanes are used one after the other, round and round */
	unsigned count;
	struct lane list[];
};

/* --- the threads --- */

/* Copies all of it through the lane's own pipe, which has room for it. Returns 0 or what went wrong. */
static int
copy(const struct lane *lane)
{
	for (size_t done = 0; done < lane->count;) {
		ssize_t step = lane->writes
				       ? write(lane->to, lane->bytes + done, lane->count - done)
				       : read(lane->from, lane->bytes + done, lane->count - done);

		if (step < 0 && errno == EINTR)
			continue;
		if (step <= 0)
			return step ? errno : EPIPE;
		done += (size_t)step;
	}
	return 0;
}

static void *
work(void *argument)
{
	struct lane *lane = argument;
	struct lanes *lanes = lane->lanes;

	pthread_mutex_lock(&lanes->lock);
	for (;;) {
		while (!lane->working && !lane->ended)
			pthread_cond_wait(&lane->given, &lanes->lock);
		if (lane->ended)
			break;
		pthread_mutex_unlock(&lanes->lock);
		lane->error = copy(lane);
		pthread_mutex_lock(&lanes->lock);
		lane->working = false;
		pthread_cond_signal(&lanes->done);
	}
	pthread_mutex_unlock(&lanes->lock);
	return NULL;
}

/* Gives a lane a copy to make; a small one is made at once, by the caller. */
static void
give(struct lane *lane, bool writes, const char *bytes, size_t count)
{
	lane->used = true;
	lane->writes = writes;
	lane->bytes = (char *)bytes;
	lane->count = count;
	if (count < LEAST_FOR_THREAD) {
		lane->error = copy(lane);
		return;
	}
	pthread_mutex_lock(&lane->lanes->lock);
	lane->working = true;
	pthread_cond_signal(&lane->given);
	pthread_mutex_unlock(&lane->lanes->lock);
}

/* Waits until the copy is made. Returns 0, or -1 with errno set. */
static int
await(struct lane *lane)
{
	pthread_mutex_lock(&lane->lanes->lock);
	while (lane->working)
		pthread_cond_wait(&lane->lanes->done, &lane->lanes->lock);
	pthread_mutex_unlock(&lane->lanes->lock);
	lane->used = false;
	errno = lane->error;
	return lane->error ? -1 : 0;
}

/* --- opening --- */

static bool
open_lane(struct lanes *lanes, struct lane *lane)
{
	int ends[2], size;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	/* The default will do where more is not allowed. */
	fcntl(ends[1], F_SETPIPE_SZ, LANE_SIZE);
	size = fcntl(ends[1], F_GETPIPE_SZ);
	*lane = (struct lane){.lanes = lanes,
			      .from = ends[0],
			      .to = ends[1],
			      .size = size > 0 ? (size_t)size : PIPE_BUF};
	pthread_cond_init(&lane->given, NULL);
	if (!pthread_create(&lane->thread, NULL, work, lane))
		return true;
	pthread_cond_destroy(&lane->given);
	close(lane->from);
	close(lane->to);
	return false;
}

struct lanes *
lanes_open(int descriptor, unsigned count)
{
	struct lanes *lanes;
	struct stat status;

	if (!count || fstat(descriptor, &status) || !S_ISFIFO(status.st_mode))
		return NULL;
	lanes = xcalloc(1, sizeof(*lanes) + count * sizeof(struct lane));
	lanes->descriptor = descriptor;
	pthread_mutex_init(&lanes->lock, NULL);
	pthread_cond_init(&lanes->done, NULL);
	while (lanes->count < count && open_lane(lanes, &lanes->list[lanes->count]))
		lanes->count++;
	if (lanes->count)
		return lanes;
	lanes_close(lanes);
	return NULL;
}

void
lanes_close(struct lanes *lanes)
{
	if (!lanes)
		return;
	for (unsigned i = 0; i < lanes->count; i++) {
		struct lane *lane = &lanes->list[i];

		pthread_mutex_lock(&lanes->lock);
		lane->ended = true;
		pthread_cond_signal(&lane->given);
		pthread_mutex_unlock(&lanes->lock);
		pthread_join(lane->thread, NULL);
		pthread_cond_destroy(&lane->given);
		close(lane->from);
		close(lane->to);
	}
	pthread_cond_destroy(&lanes->done);
	pthread_mutex_destroy(&lanes->lock);
	free(lanes);
}

/* --- moving pages --- */

/* Moves up to count bytes from one pipe to another. Returns how many, 0 at the end of input, or -1. */
static ssize_t
move(int from, int to, size_t count)
{
	ssize_t moved;

	do
		moved = splice(from, NULL, to, NULL, count, SPLICE_F_MOVE);
	while (moved < 0 && errno == EINTR);
	return moved;
}

/* The lane whose turn it is; the one after it will be the next. */
static struct lane *
next_lane(struct lanes *lanes)
{
	return &lanes->list[lanes->turn++ % lanes->count];
}

/* Passes on what a lane has read, if it was given anything. Returns 0 or -1. */
static int
take(struct lane *lane, lanes_arrived *arrived, void *context)
{
	if (!lane->used)
		return 0;
	if (await(lane))
		return -1;
	arrived(context, lane->bytes, lane->count);
	return 0;
}

int
lanes_read(struct lanes *lanes, void *buffer, size_t count, lanes_arrived *arrived, void *context,
	   size_t *got)
{
	for (*got = 0; *got < count;) {
		struct lane *lane = next_lane(lanes);
		size_t left = count - *got;
		ssize_t moved;

		if (take(lane, arrived, context))
			return -1;
		moved = move(lanes->descriptor, lane->to, left < lane->size ? left : lane->size);
		if (moved < 0)
			return -1;
		if (!moved)
			break;
		give(lane, false, (char *)buffer + *got, (size_t)moved);
		*got += (size_t)moved;
	}
	for (unsigned i = 0; i < lanes->count; i++)
		if (take(next_lane(lanes), arrived, context))
			return -1;
	return 0;
}

/* Moves what a lane has been given on to the output. Returns 0 or -1. */
static int
pass_on(struct lane *lane)
{
	if (!lane->used)
		return 0;
	if (await(lane))
		return -1;
	while (lane->count) {
		ssize_t moved = move(lane->from, lane->lanes->descriptor, lane->count);

		if (moved <= 0)
			return -1;
		lane->count -= (size_t)moved;
	}
	return 0;
}

int
lanes_write(struct lanes *lanes, const void *buffer, size_t count)
{
	for (size_t done = 0, step; done < count; done += step) {
		struct lane *lane = next_lane(lanes);

		if (pass_on(lane))
			return -1;
		step = count - done < lane->size ? count - done : lane->size;
		give(lane, true, (const char *)buffer + done, step);
	}
	for (unsigned i = 0; i < lanes->count; i++)
		if (pass_on(next_lane(lanes)))
			return -1;
	return 0;
}
