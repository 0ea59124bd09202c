#include "spectrum_queue.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "hill.h"
#include "pooled_spectrum.h"
#include "shuffle.h"
#include "util.h"
#include "windows.h"

/* So many different matrices are remembered, in case one comes again. */
#define REMEMBERED 32

/* A matrix or a window at the back end. */
struct task {
	struct layer_spectrum layer; /* the first member, as the back end's job is of this */
	struct task *original;	     /* the one whose spectrum this one shares; or null */
	bool has_more; /* a window, but not the last, which alone has the frame and is given out */
	atomic_uint users;
};

struct spectrum_queue {
	const struct spectrum_choice *choice;
	struct eigen *eigen;

	/* Of the thread that submits: the matrices seen last, each kept for as long as it stands here. */
	struct task *remembered[REMEMBERED];
	unsigned remembered_at;

	/* Of the thread that takes spectra: those of the windows so far. */
	struct pooled_spectrum pooled;
};

struct spectrum_queue *
spectrum_queue_open(const struct spectrum_choice *choice, struct eigen *eigen)
{
	struct spectrum_queue *queue = xcalloc(1, sizeof(*queue));

	queue->choice = choice;
	queue->eigen = eigen;
	return queue;
}

void
spectrum_queue_close(struct spectrum_queue *queue)
{
	eigen_close(queue->eigen);
	free(queue);
}

/* A task for a matrix of this type and shape, without weights. */
static struct task *
task_new(enum dtype dtype, size_t rows, size_t columns)
{
	struct task *task = xcalloc(1, sizeof(*task));

	atomic_init(&task->users, 1);
	task->layer.eigen.dtype = dtype;
	task->layer.eigen.rows = rows;
	task->layer.eigen.columns = columns;
	return task;
}

static void
release(struct task *task)
{
	if (!task || atomic_fetch_sub(&task->users, 1) != 1)
		return;
	release(task->original);
	frame_free(&task->layer.frame);
	free(task->layer.eigen.values);
	free(task);
}

void
layer_spectrum_free(struct layer_spectrum *layer)
{
	release((struct task *)layer);
}

/* --- matrices that come again --- */

static void
remember(struct spectrum_queue *queue, struct task *task)
{
	atomic_fetch_add(&task->users, 1);
	release(queue->remembered[queue->remembered_at]);
	queue->remembered[queue->remembered_at] = task;
	queue->remembered_at = (queue->remembered_at + 1) % REMEMBERED;
}

/* The task of the same matrix, to judge by type, shape and hash; null if none is remembered. */
static struct task *
find_same(const struct spectrum_queue *queue, const struct frame *frame)
{
	for (size_t i = 0; i < REMEMBERED; i++) {
		struct task *task = queue->remembered[i];

		if (task && task->layer.frame.hash == frame->hash &&
		    task->layer.frame.dtype == frame->dtype &&
		    task->layer.frame.rows == frame->rows &&
		    task->layer.frame.columns == frame->columns)
			return task;
	}
	return NULL;
}

/* --- submitting --- */

/* The weights that the solver is given: the payload just read, or what the choice makes of it. */
static void *
take_weights(const struct spectrum_choice *choice, struct stream_reader *reader,
	     struct eigen_job *matrix)
{
	void *weights = stream_take_payload(reader);

	return choice->shuffles ? shuffle_weights(weights, &matrix->dtype, matrix->rows,
						  matrix->columns, choice->shuffle_seed)
				: weights;
}

/* How many eigenvalues are wanted of a matrix: the tail and the one below it, which a fit refers to. */
static size_t
wanted_of(const struct spectrum_choice *choice, const struct frame *frame)
{
	size_t n = (size_t)(frame->rows < frame->columns ? frame->rows : frame->columns);

	return choice->top_share > 0 && n > 1 ? hill_tail_size(n, choice->top_share) + 1 : n;
}

static void
submit_matrix(struct spectrum_queue *queue, struct stream_reader *reader, const struct frame *frame)
{
	struct task *task = task_new(frame->dtype, frame->rows, frame->columns);
	struct task *same = find_same(queue, frame);
	struct eigen_job *job = &task->layer.eigen;

	task->layer.frame = *frame;
	job->wanted = wanted_of(queue->choice, frame);
	if (same) {
		atomic_fetch_add(&same->users, 1);
		task->original = same;
		job->same_as = &same->layer.eigen;
	} else {
		job->weights = take_weights(queue->choice, reader, job);
		remember(queue, task);
	}
	eigen_submit(queue->eigen, job);
}

/* A task for the window at a place of a matrix. */
static struct task *
window_task(const struct window_walk *walk, const struct eigen_job *matrix, size_t row,
	    size_t column)
{
	struct task *task = task_new(matrix->dtype, walk->windows->rows, walk->windows->columns);
	struct eigen_job *job = &task->layer.eigen;

	job->weights = window_copy(walk, matrix->weights, &job->dtype, row, column);
	if (!job->weights)
		die(STATUS_RETRY, "out of memory");
	return task;
}

/* Submits the windows of the matrix, each for itself; the frame becomes that of the last. */
static void
submit_windows(struct spectrum_queue *queue, struct stream_reader *reader,
	       const struct frame *frame)
{
	struct eigen_job whole = {
		.dtype = frame->dtype, .rows = frame->rows, .columns = frame->columns};
	struct window_walk walk = window_walk_begin(&queue->choice->windows, whole.rows,
						    whole.columns);
	uint64_t windows = walk.wanted;
	size_t row, column;

	whole.weights = take_weights(queue->choice, reader, &whole);
	while (window_walk_next(&walk, &row, &column)) {
		struct task *task = window_task(&walk, &whole, row, column);

		task->layer.windows = windows;
		task->has_more = walk.wanted;
		if (!task->has_more)
			task->layer.frame = *frame;
		eigen_submit(queue->eigen, &task->layer.eigen);
	}
	window_walk_end(&walk);
	free(whole.weights);
}

void
spectrum_queue_submit(struct spectrum_queue *queue, struct stream_reader *reader,
		      const struct frame *frame)
{
	if (windows_fit(&queue->choice->windows, frame->rows, frame->columns))
		submit_windows(queue, reader, frame);
	else
		submit_matrix(queue, reader, frame);
}

void
spectrum_queue_end(struct spectrum_queue *queue)
{
	eigen_end(queue->eigen);
	for (size_t i = 0; i < REMEMBERED; i++)
		release(queue->remembered[i]);
}

/* --- taking spectra --- */

struct layer_spectrum *
spectrum_queue_next(struct spectrum_queue *queue)
{
	struct task *task;

	while ((task = (struct task *)eigen_next(queue->eigen))) {
		if (task->layer.windows)
			pooled_spectrum_add(&queue->pooled, &task->layer.eigen);
		if (!task->has_more)
			break;
		release(task);
	}
	if (task && task->layer.windows)
		pooled_spectrum_take(&queue->pooled, &task->layer.eigen);
	return task ? &task->layer : NULL;
}
