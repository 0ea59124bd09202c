/* Crews do each piece of a task once, whatever the number of threads and of pieces. */
#include <stdatomic.h>

#include "crew.h"
#include "tap.h"

#define MOST 1000

static atomic_uint done[MOST];

static void
do_piece(void *context, size_t piece)
{
	atomic_fetch_add(&done[piece], *(unsigned *)context);
}

/* Whether all tasks of 0 to MOST pieces are done whole by the time that crew_run() returns. */
static bool
does_all(struct crew *crew)
{
	bool right = true;

	for (size_t pieces = 0; pieces <= MOST; pieces += pieces < 40 ? 1 : 96) {
		unsigned step = (unsigned)pieces + 1;

		for (size_t i = 0; i < MOST; i++)
			atomic_store(&done[i], 0);
		crew_run(crew, do_piece, &step, pieces);
		for (size_t i = 0; i < MOST; i++)
			right &= atomic_load(&done[i]) == (i < pieces ? step : 0);
	}
	return right;
}

int
main(void)
{
	static const unsigned threads[] = {0, 1, 2, 3, 16};

	tap(does_all(NULL), "without a crew");
	for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
		struct crew *crew = crew_open(threads[i]);

		tap(does_all(crew) && does_all(crew), "%u threads", threads[i]);
		crew_close(crew);
	}
	return tap_done();
}
