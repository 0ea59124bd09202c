/*
 * bare: what the linear algebra alone costs for the matrices of a tensor stream.
 *
 *     bare STREAM THREADS
 *
 * Loads the different matrices of a stream as doubles. Then, for each line on standard input, runs
 * dsyrk and dsyevd on all of them, and prints the seconds that the calls took:
 *     side    on so many threads side by side, with one BLAS thread each
 *     every   the same, and a matrix that came several times as often as it came
 *     wide    one matrix after the other, with so many BLAS threads
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "dtype.h"
#include "matrices.h"
#include "timing.h"
#include "util.h"

#define MAX_THREADS 64

static struct matrices matrices;
static bool every;	   /* whether to solve each as often as it came */
static atomic_size_t next; /* the first that no thread has taken */

/* A thread's own room for a Gram matrix and its eigenvalues. */
struct room {
	double *gram, *eigenvalues, *work;
	lapack_int work_size;
};

static void *
widen(const struct frame *frame, const void *payload)
{
	double *values = xmalloc(frame->elements * sizeof(*values));

	dtype_decode(frame->dtype, payload, 0, frame->elements, values);
	return values;
}

static struct room
room_new(void)
{
	size_t n = matrices.largest_side;
	struct room room;
	lapack_int integer_work;
	double wanted;

	room.gram = xmalloc(n * n * sizeof(double));
	room.eigenvalues = xmalloc(n * sizeof(double));
	LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'N', 'L', (lapack_int)n, room.gram, (lapack_int)n,
			    room.eigenvalues, &wanted, -1, &integer_work, -1);
	room.work_size = (lapack_int)wanted;
	room.work = xmalloc((size_t)wanted * sizeof(double));
	/* So that no page is given out while the clock runs. */
	memset(room.gram, 0, n * n * sizeof(double));
	return room;
}

/* The two calls. */
static void
solve(const struct matrix *matrix, const struct room *room)
{
	bool tall = matrix->rows >= matrix->columns;
	int n = (int)matrix_smaller_side(matrix), m = (int)(tall ? matrix->rows : matrix->columns);
	lapack_int integer_work;

	cblas_dsyrk(CblasRowMajor, CblasUpper, tall ? CblasTrans : CblasNoTrans, n, m, 1,
		    matrix->elements, (int)matrix->columns, 0, room->gram, n);
	if (LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'N', 'L', n, room->gram, n, room->eigenvalues,
				room->work, room->work_size, &integer_work, 1))
		die(STATUS_INTERNAL, "dsyevd failed");
}

static void *
solve_all(void *room)
{
	size_t i;

	while ((i = atomic_fetch_add(&next, 1)) < matrices.count)
		for (unsigned t = 0; t < (every ? matrices.list[i].times : 1); t++)
			solve(&matrices.list[i], room);
	return NULL;
}

/* One pass over all matrices. */
static double
time_pass(unsigned threads, unsigned blas_threads, struct room *rooms)
{
	pthread_t others[MAX_THREADS];
	double begin;

	openblas_set_num_threads((int)blas_threads);
	atomic_store(&next, 0);
	begin = now();
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&others[i], NULL, solve_all, &rooms[i]))
			die(STATUS_RETRY, "cannot start a thread:");
	solve_all(&rooms[0]);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	return now() - begin;
}

int
main(int argc, char **argv)
{
	struct room rooms[MAX_THREADS];
	uint64_t threads;
	char line[16];

	if (argc != 3 || !parse_unsigned(argv[2], MAX_THREADS, &threads) || !threads)
		die(STATUS_USAGE, "usage: bare STREAM THREADS");
	matrices_load(&matrices, argv[1], widen);
	for (uint64_t i = 0; i < threads; i++)
		rooms[i] = room_new();
	while (fgets(line, sizeof(line), stdin)) {
		bool side;

		every = !strcmp(line, "every\n");
		side = every || !strcmp(line, "side\n");
		printf("%.6f\n", time_pass(side ? (unsigned)threads : 1,
					   side ? 1 : (unsigned)threads, rooms));
		fflush(stdout);
	}
	return 0;
}
