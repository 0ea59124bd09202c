/* Lanes: what goes through them comes out, whatever the sizes; and what is cut off is said to be. */
#include "lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "util.h"

#define MOST ((size_t)9 << 20)

/* What a thread writes into a pipe, and how. */
struct sender {
	int descriptor;
	unsigned lanes; /* 0: by write() */
	const char *bytes;
	size_t count, step;
	int result;
};

static int
send_plainly(const struct sender *sender)
{
	for (size_t done = 0; done < sender->count;) {
		size_t left = sender->count - done;
		ssize_t step = write(sender->descriptor, sender->bytes + done,
				     left < sender->step ? left : sender->step);

		if (step < 0)
			return -1;
		done += (size_t)step;
	}
	return 0;
}

static int
send_by_lanes(const struct sender *sender)
{
	struct lanes *lanes = lanes_open(sender->descriptor, sender->lanes);
	int result = 0;

	for (size_t done = 0; !result && done < sender->count; done += sender->step) {
		size_t left = sender->count - done;

		result = lanes_write(lanes, sender->bytes + done,
				     left < sender->step ? left : sender->step);
	}
	lanes_close(lanes);
	return result;
}

static void *
send_all(void *argument)
{
	struct sender *sender = argument;

	sender->result = sender->lanes ? send_by_lanes(sender) : send_plainly(sender);
	close(sender->descriptor);
	return NULL;
}

/* Counts what has arrived, and whether it did so in order. */
struct arrived {
	const char *next;
	bool ordered;
};

static void
note_arrived(void *context, const void *bytes, size_t count)
{
	struct arrived *arrived = context;

	arrived->ordered = arrived->ordered && bytes == arrived->next;
	arrived->next += count;
}

/* Sends and reads count bytes of which asked are asked for. */
static void
pass(unsigned lanes_out, unsigned lanes_in, size_t count, size_t step, size_t asked)
{
	char *source = xmalloc(MOST), *target = xcalloc(1, MOST + 1);
	struct arrived arrived = {target, true};
	struct sender sender = {.lanes = lanes_out, .bytes = source, .count = count, .step = step};
	size_t got = 0, expected = asked < count ? asked : count;
	struct lanes *lanes;
	pthread_t thread;
	int ends[2], result;

	for (size_t i = 0; i < count; i++)
		source[i] = (char)(i * 2654435761u >> 13);
	if (pipe(ends))
		die(STATUS_RETRY, "pipe:");
	sender.descriptor = ends[1];
	pthread_create(&thread, NULL, send_all, &sender);
	lanes = lanes_open(ends[0], lanes_in);
	result = lanes_read(lanes, target, asked, note_arrived, &arrived, &got);
	lanes_close(lanes);
	close(ends[0]);
	pthread_join(thread, NULL);
	tap(!result && got == expected && !memcmp(source, target, got) && !target[got],
	    "%u lanes out, %u in: %zu of %zu bytes, %zu at a time", lanes_out, lanes_in, asked,
	    count, step);
	tap(arrived.ordered && arrived.next == target + got, "each is seen once, in order");
	free(source);
	free(target);
}

static void
test_refusals(void)
{
	int file = open("/dev/null", O_RDWR), ends[2];
	struct lanes *lanes;
	char *bytes = xcalloc(1, MOST);

	tap(!lanes_open(file, 2), "a file has no lanes");
	close(file);
	if (pipe(ends))
		die(STATUS_RETRY, "pipe:");
	tap(!lanes_open(ends[0], 0), "nor has a pipe with none");
	signal(SIGPIPE, SIG_IGN);
	lanes = lanes_open(ends[1], 3);
	close(ends[0]);
	tap(lanes_write(lanes, bytes, MOST) && errno == EPIPE, "a reader that has gone is noticed");
	lanes_close(lanes);
	close(ends[1]);
	free(bytes);
}

int
main(void)
{
	static const size_t counts[] = {0, 1, 4096, 65537, (1 << 20) + 1, MOST};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		pass(3, 2, counts[i], MOST, counts[i]);
		pass(0, 3, counts[i], 70001, counts[i]);
	}
	pass(2, 2, MOST, 300001, MOST);
	pass(4, 1, MOST, MOST, MOST);
	pass(3, 3, MOST / 2 + 5, MOST, MOST);
	pass(0, 2, 100, 7, MOST);
	test_refusals();
	return tap_done();
}
