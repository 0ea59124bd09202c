/*
 * solver: how long eigenvalues of one matrix take, by the two-stage eigensolver and by LAPACK.
 *
 *     solver SIDE
 *
 * Makes random matrices in BF16, and their copies in double. Prints the kernels that are chosen here, the core
 * that OpenBLAS takes, and the solver that spectrum takes for this side, separated by tabs. Then, for each
 * line on standard input, runs what it says, with LAYERS matrices at once and THREADS threads for each, and
 * prints the seconds that a matrix took:
 *     two-stage KERNELS LAYERS THREADS WANTED     from BF16 to the largest WANTED eigenvalues
 *     stages KERNELS LAYERS THREADS WANTED        the same, in its four parts
 *     lapack LAYERS THREADS                       dsyrk and dsyevd, from double, with room that is kept
 *     peak KERNELS THREADS                        or, instead, the operations a second of all the threads
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "band_reduction.h"
#include "bisection.h"
#include "bulge_chasing.h"
#include "eigen_lapack.h"
#include "eigen_two_stage.h"
#include "gram_tiles.h"
#include "multiply_add_peak.h"
#include "random.h"
#include "timing.h"
#include "util.h"

#define MAX_LAYERS 64
#define STAGES	   4

/* A small matrix is solved so often that all take as long as one of this side. */
#define LONG_SIDE 1024

/* One layer, and who is at it. */
struct layer {
	size_t side, wanted;
	uint16_t *weights;
	double *doubles, *gram, *eigenvalues, *work;
	lapack_int work_size;

	const struct kernels *kernels;
	struct crew *crew;
	double seconds[STAGES];
	double operations;
};

/* Weights as a trained layer's, normal with a standard deviation of 0.02. */
static void
fill_weights(struct layer *layer, uint64_t number)
{
	size_t count = layer->side * layer->side;
	struct random random;
	double block[1024];

	random_begin(&random, 1, number);
	for (size_t done = 0; done < count; done += 1024) {
		size_t length = count - done < 1024 ? count - done : 1024;

		random_gaussian(&random, block, length);
		for (size_t i = 0; i < length; i++)
			block[i] *= 0.02;
		dtype_encode(DTYPE_BF16, block, length, layer->weights + done);
	}
}

/* With all the room that LAPACK needs, so that no page is given out while the clock runs. */
static struct layer
layer_new(size_t side, uint64_t number)
{
	struct layer layer = {.side = side};
	lapack_int integer_work, n = (lapack_int)side;
	double wanted;

	layer.weights = xmalloc(side * side * sizeof(*layer.weights));
	layer.doubles = xmalloc(side * side * sizeof(double));
	layer.gram = xcalloc(side * side, sizeof(double));
	layer.eigenvalues = xmalloc(side * sizeof(double));
	LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'N', 'L', n, layer.gram, n, layer.eigenvalues,
			    &wanted, -1, &integer_work, -1);
	layer.work_size = (lapack_int)wanted;
	layer.work = xcalloc((size_t)wanted, sizeof(double));
	fill_weights(&layer, number);
	dtype_decode(DTYPE_BF16, layer.weights, 0, side * side, layer.doubles);
	return layer;
}

/* --- what is timed --- */

static void
solve_by_lapack(struct layer *layer)
{
	lapack_int n = (lapack_int)layer->side, integer_work;

	cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, n, n, 1, layer->doubles, n, 0,
		    layer->gram, n);
	if (LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'N', 'L', n, layer->gram, n, layer->eigenvalues,
				layer->work, layer->work_size, &integer_work, 1))
		die(STATUS_INTERNAL, "dsyevd failed");
}

static void
solve_by_two_stages(struct layer *layer)
{
	struct eigen_job job = {.dtype = DTYPE_BF16,
				.rows = layer->side,
				.columns = layer->side,
				.count = layer->side,
				.wanted = layer->wanted,
				.weights = layer->weights};

	if (two_stage_solve(&job, layer->crew))
		die(STATUS_INTERNAL, "two-stage failed");
	free(job.values);
}

/* The parts of two_stage_solve(), with a clock between. */
static void
time_stages(struct layer *layer)
{
	struct gram_source source = {.dtype = DTYPE_BF16,
				     .rows = layer->side,
				     .columns = layer->side,
				     .weights = layer->weights};
	size_t n = layer->side;
	double *diagonal = xmalloc(n * sizeof(double)), *off_diagonal = xmalloc(n * sizeof(double));
	double at[STAGES + 1];
	struct tiles tiles;
	struct band band;

	at[0] = now();
	if (!tiles_open(&tiles, n) || !gram_form(&source, &tiles, layer->kernels, layer->crew))
		die(STATUS_RETRY, "no memory");
	at[1] = now();
	if (!band_open(&band, n) || !band_reduce(&tiles, &band, layer->kernels, layer->crew))
		die(STATUS_RETRY, "no memory");
	tiles_close(&tiles);
	at[2] = now();
	bulge_chase(&band, diagonal, off_diagonal, layer->kernels, layer->crew);
	band_close(&band);
	at[3] = now();
	bisect(n, diagonal, off_diagonal, n - layer->wanted, layer->eigenvalues, layer->kernels,
	       layer->crew);
	at[4] = now();
	for (int i = 0; i < STAGES; i++)
		layer->seconds[i] += at[i + 1] - at[i];
	free(diagonal);
	free(off_diagonal);
}

static void
run_peak(struct layer *layer)
{
	layer->operations += peak_run(layer->kernels->name);
}

/* --- at once --- */

typedef void timed_method(struct layer *layer);

struct task {
	struct layer *layer;
	timed_method *method;
	size_t times;
};

static void *
run_task(void *argument)
{
	const struct task *task = argument;

	for (size_t i = 0; i < task->times; i++)
		task->method(task->layer);
	return NULL;
}

/* Seconds until all layers have been solved so many times. */
static double
run_layers(struct layer *layers, size_t count, timed_method *method, size_t times)
{
	pthread_t threads[MAX_LAYERS];
	struct task tasks[MAX_LAYERS];
	double begin = now();

	for (size_t i = 0; i < count; i++)
		tasks[i] = (struct task){.layer = &layers[i], .method = method, .times = times};
	for (size_t i = 1; i < count; i++)
		if (pthread_create(&threads[i], NULL, run_task, &tasks[i]))
			die(STATUS_RETRY, "cannot start a thread:");
	run_task(&tasks[0]);
	for (size_t i = 1; i < count; i++)
		pthread_join(threads[i], NULL);
	return now() - begin;
}

/* How often a matrix of a side is solved for one timing. */
static size_t
times_for(size_t side)
{
	size_t ratio = LONG_SIDE / side;

	return ratio > 1 ? ratio * ratio * ratio : 1;
}

/* --- what a line says --- */

static void
prepare(struct layer *layers, size_t count, const char *kernels, unsigned threads, size_t wanted)
{
	setenv("HILLPIPE_KERNELS", kernels, 1);
	openblas_set_num_threads(1);
	for (size_t i = 0; i < count; i++) {
		layers[i].kernels = kernels_choose();
		layers[i].wanted = wanted;
		layers[i].operations = 0;
		layers[i].crew = threads > 1 ? crew_open(threads) : NULL;
		memset(layers[i].seconds, 0, sizeof(layers[i].seconds));
	}
}

static void
finish(struct layer *layers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (layers[i].crew)
			crew_close(layers[i].crew);
}

static void
time_two_stage(struct layer *layers, size_t count, size_t times, bool parts)
{
	double seconds = run_layers(layers, count, parts ? time_stages : solve_by_two_stages,
				    times);
	double solved = (double)(count * times);

	if (!parts) {
		printf("%.6f\n", seconds / solved);
		return;
	}
	/* A layer's share of what all took at the same time. */
	for (int stage = 0; stage < STAGES; stage++) {
		double sum = 0;

		for (size_t i = 0; i < count; i++)
			sum += layers[i].seconds[stage];
		printf("%.6f%c", sum / solved / (double)count, stage == STAGES - 1 ? '\n' : '\t');
	}
}

/* Returns whether the line was understood. */
static bool
run_line(struct layer *layers, const char *line)
{
	size_t side = layers[0].side, times = times_for(side), count = 1, wanted = side;
	char kernels[16] = "";
	unsigned threads = 1;
	double seconds;

	if (sscanf(line, "lapack %zu %u", &count, &threads) == 2) {
		openblas_set_num_threads((int)threads);
		seconds = run_layers(layers, count, solve_by_lapack, times);
		printf("%.6f\n", seconds / (double)(count * times));
		openblas_set_num_threads(1);
	} else if (sscanf(line, "peak %15s %zu", kernels, &count) == 2) {
		prepare(layers, count, kernels, 1, 1);
		seconds = run_layers(layers, count, run_peak, 1);
		printf("%.6e\n", layers[0].operations * (double)count / seconds);
	} else if (sscanf(line, "%*s %15s %zu %u %zu", kernels, &count, &threads, &wanted) == 4) {
		prepare(layers, count, kernels, threads, wanted);
		time_two_stage(layers, count, times, !strncmp(line, "stages ", 7));
		finish(layers, count);
	} else {
		return false;
	}
	fflush(stdout);
	return true;
}

int
main(int argc, char **argv)
{
	struct layer layers[MAX_LAYERS];
	unsigned processors = usable_processors();
	uint64_t side;
	char line[128];

	if (argc != 2 || !parse_unsigned(argv[1], 32768, &side) || side < 2)
		die(STATUS_USAGE, "usage: solver SIDE");
	if (processors > MAX_LAYERS)
		processors = MAX_LAYERS;
	lapack_begin();
	for (unsigned i = 0; i < processors; i++)
		layers[i] = layer_new(side, i);
	printf("%s\t%s\t%s\n", kernels_choose()->name, openblas_get_corename(),
	       two_stage_is_faster(&(struct eigen_job){.count = side}) ? "two-stage" : "lapack");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		if (!run_line(layers, line))
			die(STATUS_USAGE, "what is '%s'?", line);
	return 0;
}
