/*
 * Spectra against closed forms. Most matrices are H D H' with dyadic orthogonal factors H and H' and
 * integers on the diagonal D, so that every weight is an exact double and the eigenvalues are known.
 */
#include <float.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eigen.h"
#include "tap.h"
#include "util.h"

/* --- matrices with known eigenvalues --- */

/* A matrix of doubles, and what its eigenvalues are, ascending. */
struct matrix {
	size_t rows, columns, count;
	double *weights, *eigenvalues;
};

static struct matrix
matrix_new(size_t rows, size_t columns)
{
	struct matrix matrix = {rows, columns, rows < columns ? rows : columns, NULL, NULL};

	matrix.weights = xcalloc(rows * columns + 1, sizeof(double));
	matrix.eigenvalues = xcalloc(matrix.count + 1, sizeof(double));
	return matrix;
}

static void
matrix_free(struct matrix *matrix)
{
	free(matrix->weights);
	free(matrix->eigenvalues);
}

/*
 * Multiplies size values, stride apart, by the Hadamard matrix of that order over sqrt(size). For a
 * size of 4^j that is orthogonal, its own inverse, and exact as long as 53 bits suffice.
 */
static void
transform(double *values, size_t stride, size_t size)
{
	double root = 1;

	for (size_t half = 1; half < size; half *= 2)
		for (size_t i = 0; i < size; i++)
			if (!(i & half)) {
				double a = values[i * stride], b = values[(i + half) * stride];

				values[i * stride] = a + b;
				values[(i + half) * stride] = a - b;
			}
	while (root * root < (double)size)
		root *= 2;
	for (size_t i = 0; i < size; i++)
		values[i * stride] /= root;
}

/* The largest 4^j that is at most n. */
static size_t
block_of(size_t n)
{
	size_t size = 1;

	while (4 * size <= n)
		size *= 4;
	return size;
}

/* Mixes the rows from first on, or the columns. */
static void
mix(struct matrix *matrix, bool rows, size_t first)
{
	size_t lines = rows ? matrix->columns : matrix->rows;
	size_t size = block_of(rows ? matrix->rows : matrix->columns);

	for (size_t i = 0; i < lines; i++)
		if (rows)
			transform(matrix->weights + first * matrix->columns + i, matrix->columns,
				  size);
		else
			transform(matrix->weights + i * matrix->columns + first, 1, size);
}

/* Mixes all rows and all columns, by three overlapping blocks each; or undoes that. */
static void
mix_all(struct matrix *matrix, bool backwards)
{
	for (int i = 0; i < 3; i++) {
		size_t step = (size_t)(backwards ? 2 - i : i);
		size_t rows_left = matrix->rows - block_of(matrix->rows);
		size_t columns_left = matrix->columns - block_of(matrix->columns);

		if (step == 0 || rows_left)
			mix(matrix, true, rows_left * step / 2);
		if (step == 0 || columns_left)
			mix(matrix, false, columns_left * step / 2);
	}
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The singular value that stands at place i of a diagonal of n. */
typedef double diagonal_value(size_t i, size_t n);

static double
distinct(size_t i, size_t n)
{
	return (double)(i * 7 % n + 1);
}

static double
equal(size_t i, size_t n)
{
	(void)i;
	(void)n;
	return 3;
}

static double
rank_one(size_t i, size_t n)
{
	return i == n / 2 ? 1 : 0;
}

static double
half_rank(size_t i, size_t n)
{
	return i % 2 ? (double)(n - i) : 0;
}

static double
small_integers(size_t i, size_t n)
{
	(void)n;
	return (double)(i % 4 + 1);
}

/* From a million down to one. */
static double
million(size_t i, size_t n)
{
	return n > 1 ? ldexp(1, (int)(20 * i / (n - 1))) : 1;
}

/* A matrix with these singular values, mixed or not; checks that nothing was rounded. */
static struct matrix
matrix_of(size_t rows, size_t columns, diagonal_value *diagonal, bool mixed)
{
	struct matrix matrix = matrix_new(rows, columns), start = matrix_new(rows, columns);

	for (size_t i = 0; i < matrix.count; i++) {
		double value = diagonal(i, matrix.count);

		matrix.weights[i * columns + i] = start.weights[i * columns + i] = value;
		matrix.eigenvalues[i] = value * value;
	}
	qsort(matrix.eigenvalues, matrix.count, sizeof(double), compare_doubles);
	if (mixed) {
		struct matrix back = matrix_new(rows, columns);

		mix_all(&matrix, false);
		memcpy(back.weights, matrix.weights, rows * columns * sizeof(double));
		mix_all(&back, true);
		for (size_t i = 0; i < rows * columns; i++)
			if (back.weights[i] != start.weights[i]) {
				printf("Bail out! %zu x %zu cannot be mixed exactly\n", rows,
				       columns);
				exit(1);
			}
		matrix_free(&back);
	}
	matrix_free(&start);
	return matrix;
}

/* --- solving --- */

/* The back end that is linked: on the first GPU, whatever the size, if it is one for those. */
static struct eigen *
open_solver(enum eigen_solver solver, unsigned threads, uint64_t memory)
{
	struct eigen_options options = {.solver = solver,
					.threads = threads,
					.memory = memory,
					.devices = eigen_has_devices() ? "0" : NULL};
	struct failure failure;
	struct eigen *eigen = eigen_open(&options, &failure);

	if (!eigen) {
		printf("Bail out! %s\n", failure.text);
		exit(1);
	}
	return eigen;
}

/* The finished job of one matrix, its weights stored as a type. */
static struct eigen_job
solve_as(const struct matrix *matrix, enum dtype dtype, enum eigen_solver solver, unsigned threads)
{
	struct eigen *eigen = open_solver(solver, threads, (uint64_t)1 << 30);
	size_t elements = matrix->rows * matrix->columns;
	struct eigen_job job = {.dtype = dtype, .rows = matrix->rows, .columns = matrix->columns};

	job.weights = xmalloc(elements * sizeof(double) + 1);
	dtype_encode(dtype, matrix->weights, elements, job.weights);
	eigen_submit(eigen, &job);
	eigen_end(eigen);
	if (eigen_next(eigen) != &job || eigen_next(eigen))
		abort();
	eigen_close(eigen);
	return job;
}

static struct eigen_job
solve(const struct matrix *matrix, enum eigen_solver solver)
{
	return solve_as(matrix, DTYPE_F64, solver, 1);
}

/* The largest ratio of a true error to its bound, for each solver, over all closed forms. */
static double worst_ratio[EIGEN_SVD + 1];

/* The bound on the error of one eigenvalue, as hill.h has it. */
static double
bound_on(const struct eigen_job *job, double eigenvalue)
{
	double by_sigma = (2 * sqrt(eigenvalue) + job->sigma_error) * job->sigma_error;

	return job->sigma_error > 0 && by_sigma < job->lambda_error ? by_sigma : job->lambda_error;
}

/* Whether a spectrum is the matrix's, to within its own bounds and a margin for inexact weights. */
static bool
is_right(const struct matrix *matrix, const struct eigen_job *job, double margin)
{
	if (job->status != EIGEN_OK || job->count != matrix->count || !job->method)
		return false;
	for (size_t i = 0; i < job->count; i++) {
		double error = fabs(job->values[i] - matrix->eigenvalues[i]);

		if (!(error <= bound_on(job, job->values[i]) + margin) ||
		    !(job->values[i] >= (i ? job->values[i - 1] : 0)))
			return false;
	}
	return true;
}

/* Takes note of how far below its bounds the errors of a spectrum are. */
static void
note_ratio(const struct matrix *matrix, const struct eigen_job *job, size_t solver)
{
	for (size_t i = 0; i < job->count; i++) {
		double error = fabs(job->values[i] - matrix->eigenvalues[i]);
		double bound = bound_on(job, job->values[i]);

		if (bound > 0)
			worst_ratio[solver] = fmax(worst_ratio[solver], error / bound);
	}
}

static const char *const solver_names[] = {"auto", "lapack", "two-stage", "svd"};

/* All solvers on one matrix; frees it. */
static void
test_matrix(struct matrix matrix, const char *name)
{
	for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++) {
		struct eigen_job job = solve(&matrix, (enum eigen_solver)solver);

		tap(is_right(&matrix, &job, 0), "%s, %zu x %zu, %s", name, matrix.rows,
		    matrix.columns, solver_names[solver]);
		note_ratio(&matrix, &job, solver);
		free(job.values);
	}
	matrix_free(&matrix);
}

static void
test_shapes(void)
{
	static const size_t shapes[][2] = {{1, 1},   {2, 2},   {3, 5},	  {5, 3},    {16, 16},
					   {17, 17}, {37, 64}, {64, 37},  {64, 64},  {100, 7},
					   {7, 100}, {65, 65}, {257, 31}, {31, 257}, {300, 300}};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		size_t rows = shapes[i][0], columns = shapes[i][1];

		test_matrix(matrix_of(rows, columns, distinct, false), "diagonal");
		test_matrix(matrix_of(rows, columns, distinct, true), "orthogonal x diagonal");
		test_matrix(matrix_of(rows, columns, equal, true), "equal eigenvalues");
		test_matrix(matrix_of(rows, columns, rank_one, true), "rank 1");
		test_matrix(matrix_of(rows, columns, half_rank, true), "half the rank");
		test_matrix(matrix_of(rows, columns, million, true), "a million to one");
	}
}

/* Panels of a long matrix: more than one, and a last one that is not full. */
static void
test_panels(void)
{
	test_matrix(matrix_of(70001, 64, distinct, true), "several panels");
	test_matrix(matrix_of(64, 70001, distinct, true), "several panels");
}

/* A million to one in scale is what the SVD is for: each eigenvalue has relative accuracy. */
static void
test_relative_accuracy(void)
{
	struct matrix matrix = matrix_of(64, 100, million, true);
	struct eigen_job job = solve(&matrix, EIGEN_SVD);

	tap(bound_on(&job, job.values[0]) < 1e-5 * job.values[0] && fabs(job.values[0] - 1) < 1e-5,
	    "svd finds the smallest of a million to one");
	free(job.values);
	job = solve(&matrix, EIGEN_AUTO);
	tap(job.lambda_error < 1e-12 * matrix.eigenvalues[63], "the Gram matrix's bound is of use");
	free(job.values);
	matrix_free(&matrix);
}

/* --- closed forms that are not of that kind --- */

static void
test_vectors(void)
{
	struct matrix row = matrix_new(1, 1000), column = matrix_new(1000, 1),
		      one = matrix_new(1, 1);
	struct matrix outer = matrix_new(40, 30);

	for (size_t i = 0; i < 1000; i++)
		row.weights[i] = column.weights[i] = (double)i - 300;
	/* The sum of (i - 300)^2 for i < 1000. */
	row.eigenvalues[0] = column.eigenvalues[0] = 332833500 - 600 * 499500.0 + 90000 * 1000;
	one.weights[0] = -0.5;
	one.eigenvalues[0] = 0.25;
	for (size_t i = 0; i < 40; i++)
		for (size_t j = 0; j < 30; j++)
			outer.weights[i * 30 + j] = (double)(i + 1) * (1 - (double)j);
	/* |u|^2 |v|^2 of the outer product u v'. */
	outer.eigenvalues[29] = 22140.0 * (8555 - 2 * 435 + 30);
	test_matrix(row, "1 x N");
	test_matrix(column, "N x 1");
	test_matrix(one, "1 x 1");
	test_matrix(outer, "outer product");
}

static void
test_zero(void)
{
	struct matrix zero = matrix_new(20, 30);

	for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++) {
		struct eigen_job job = solve(&zero, (enum eigen_solver)solver);

		tap(is_right(&zero, &job, 0) && job.lambda_error == 0 && job.sigma_error == 0,
		    "zeros have eigenvalues of 0, without error, %s", solver_names[solver]);
		free(job.values);
	}
	matrix_free(&zero);
}

/* No rows or no columns: no eigenvalues, and yet no failure. */
static void
test_empty(void)
{
	static const size_t shapes[][2] = {{0, 5}, {5, 0}, {0, 0}};

	for (size_t i = 0; i < 3; i++) {
		struct matrix empty = matrix_new(shapes[i][0], shapes[i][1]);
		struct eigen_job job = solve(&empty, EIGEN_AUTO);

		tap(job.status == EIGEN_OK && !job.count && job.method && job.lambda_error == 0,
		    "%zu x %zu has no eigenvalues", shapes[i][0], shapes[i][1]);
		free(job.values);
		matrix_free(&empty);
	}
}

/* --- weights of other types --- */

static void
test_types(void)
{
	static const enum dtype types[] = {DTYPE_F64, DTYPE_F32, DTYPE_F16, DTYPE_BF16};
	struct matrix matrix = matrix_of(16, 21, small_integers, true);

	for (size_t i = 0; i < 4; i++)
		for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++) {
			struct eigen_job job = solve_as(&matrix, types[i],
							(enum eigen_solver)solver, 1);

			tap(is_right(&matrix, &job, 0), "weights of type %s, %s",
			    dtype_name(types[i]), solver_names[solver]);
			free(job.values);
		}
	matrix_free(&matrix);
}

/* --- scale --- */

static void
scale_weights(struct matrix *matrix, double factor)
{
	for (size_t i = 0; i < matrix->rows * matrix->columns; i++)
		matrix->weights[i] *= factor;
}

/* Weights times 2^e have eigenvalues times 2^2e, to the last bit, as long as those are normal. */
static void
test_powers_of_two(enum eigen_solver solver)
{
	static const int exponents[] = {-500, -505, -100, 1, 100, 500};
	struct matrix matrix = matrix_of(37, 64, distinct, true);
	struct eigen_job base = solve(&matrix, solver);

	for (size_t i = 0; i < sizeof(exponents) / sizeof(*exponents); i++) {
		struct matrix scaled = matrix_of(37, 64, distinct, true);
		struct eigen_job job;
		double error = ldexp(base.lambda_error, 2 * exponents[i]);
		unsigned wrong = 0;

		scale_weights(&scaled, ldexp(1, exponents[i]));
		job = solve(&scaled, solver);
		for (size_t j = 0; j < job.count; j++)
			wrong += job.values[j] != ldexp(base.values[j], 2 * exponents[i]);
		tap(job.status == EIGEN_OK && !wrong && job.lambda_error >= error &&
			    job.lambda_error <= error + 3 * DBL_TRUE_MIN,
		    "weights times 2^%d, %s", exponents[i], solver_names[solver]);
		free(job.values);
		matrix_free(&scaled);
	}
	free(base.values);
	matrix_free(&matrix);
}

/* The scaled weights err by u each, so eigenvalues by 2 ||W|| u ||W||_F and a little. */
static void
test_powers_of_ten(double factor)
{
	for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++) {
		struct matrix matrix = matrix_of(37, 64, distinct, true);
		struct eigen_job job;
		double sum = 0, largest, margin;

		scale_weights(&matrix, factor);
		for (size_t i = 0; i < matrix.count; i++) {
			sum += matrix.eigenvalues[i];
			matrix.eigenvalues[i] = matrix.eigenvalues[i] * factor * factor;
		}
		largest = matrix.eigenvalues[matrix.count - 1];
		/* Products with the factor round the closed form twice, too. */
		margin = 2 * 0x1p-53 * sqrt(largest) * (sqrt(sum) * factor) * 1.01 +
			 4 * 0x1p-53 * largest;
		job = solve(&matrix, (enum eigen_solver)solver);
		tap(is_right(&matrix, &job, margin), "weights times %g, %s", factor,
		    solver_names[solver]);
		free(job.values);
		matrix_free(&matrix);
	}
}

/* Eigenvalues that no double holds: a status, not infinities or zeros. */
static void
test_out_of_range(void)
{
	static const double factors[] = {1e300, 0x1p1000, 1e-200, 0x1p-1060};

	for (size_t i = 0; i < sizeof(factors) / sizeof(*factors); i++)
		for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++) {
			struct matrix matrix = matrix_of(16, 20, distinct, true);
			struct eigen_job job;

			scale_weights(&matrix, factors[i]);
			job = solve(&matrix, (enum eigen_solver)solver);
			tap(job.status == EIGEN_OUT_OF_RANGE && !job.values,
			    "weights of about %g are out of range, %s", factors[i],
			    solver_names[solver]);
			matrix_free(&matrix);
		}
}

/* Eigenvalues among the subnormal numbers, where rounding is of 2^6 parts of those 1, 4, 9 ... */
static void
test_subnormal(void)
{
	for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++) {
		struct matrix matrix = matrix_of(64, 100, distinct, true);
		struct eigen_job job;

		scale_weights(&matrix, 0x1p-540);
		job = solve(&matrix, (enum eigen_solver)solver);
		/* Back to where they can be compared. */
		for (size_t i = 0; i < matrix.count; i++)
			job.values[i] = ldexp(job.values[i], 1080);
		tap(job.sigma_error == 0 && job.lambda_error > 0, "an absolute bound only, %s",
		    solver_names[solver]);
		job.lambda_error = ldexp(job.lambda_error, 1080);
		tap(is_right(&matrix, &job, 0) && job.lambda_error < 200,
		    "subnormal eigenvalues are within it, %s", solver_names[solver]);
		free(job.values);
		matrix_free(&matrix);
	}
}

/* --- what cannot be computed --- */

static void
test_not_finite(void)
{
	static const enum dtype types[] = {DTYPE_F64, DTYPE_F32, DTYPE_F16, DTYPE_BF16};
	static const double values[] = {NAN, INFINITY, -INFINITY};
	/* The first, the last, and one beyond the vectors' part of a block. */
	static const size_t places[] = {0, 1023, 1024, 41 * 31 - 1, 700, 17};
	static const enum eigen_solver solvers[] = {EIGEN_LAPACK, EIGEN_TWO_STAGE, EIGEN_SVD};
	unsigned wrong = 0;

	for (size_t type = 0; type < 4; type++)
		for (size_t value = 0; value < 3; value++)
			for (size_t place = 0; place < sizeof(places) / sizeof(*places); place++) {
				struct matrix matrix = matrix_new(41, 31);
				struct eigen_job job;

				matrix.weights[3] = 1;
				matrix.weights[places[place]] = values[value];
				job = solve_as(&matrix, types[type], solvers[place % 3], 1);
				wrong += job.status != EIGEN_NOT_FINITE || job.values != NULL;
				matrix_free(&matrix);
			}
	tap(!wrong, "NaN and infinity are found wherever they are");
}

/* A side that the linear algebra library cannot count is refused before anything is allocated. */
static void
test_too_large(void)
{
	struct eigen *eigen = open_solver(EIGEN_LAPACK, 1, 1 << 20);
	struct eigen_job job = {.dtype = DTYPE_F16, .rows = (size_t)1 << 32, .columns = 1};

	job.weights = xmalloc(1);
	eigen_submit(eigen, &job);
	eigen_end(eigen);
	tap(eigen_next(eigen) == &job && job.status == EIGEN_TOO_LARGE && !job.values,
	    "2^32 rows are too many");
	eigen_close(eigen);
}

/* --- many at a time --- */

#define JOBS 60

/* Submits JOBS matrices, every fourth shared with the one before, and keeps what comes back. */
static bool
solve_many(enum eigen_solver solver, unsigned threads, uint64_t memory, struct eigen_job *jobs)
{
	struct eigen *eigen = open_solver(solver, threads, memory);
	bool in_order = true;

	for (size_t i = 0; i < JOBS; i++) {
		struct matrix matrix = matrix_of(20 + i % 3 * 40, 33, distinct, true);
		size_t bytes = matrix.rows * matrix.columns * sizeof(double);

		jobs[i] = (struct eigen_job){
			.dtype = DTYPE_F64, .rows = matrix.rows, .columns = matrix.columns};
		if (i % 4 == 3) {
			jobs[i].rows = jobs[i - 1].rows;
			jobs[i].same_as = &jobs[i - 1];
		} else {
			jobs[i].weights = xmalloc(bytes);
			memcpy(jobs[i].weights, matrix.weights, bytes);
		}
		eigen_submit(eigen, &jobs[i]);
		matrix_free(&matrix);
	}
	eigen_end(eigen);
	for (size_t i = 0; i < JOBS; i++)
		in_order = in_order && eigen_next(eigen) == &jobs[i];
	in_order = in_order && !eigen_next(eigen);
	eigen_close(eigen);
	return in_order;
}

static void
test_many(enum eigen_solver solver)
{
	static struct eigen_job alone[JOBS], together[JOBS];
	unsigned different = 0;

	tap(solve_many(solver, 1, (uint64_t)1 << 40, alone), "one thread: in order, %s",
	    solver_names[solver]);
	tap(solve_many(solver, 3, 1 << 20, together),
	    "three threads and little memory: in order, %s", solver_names[solver]);
	for (size_t i = 0; i < JOBS; i++) {
		different += alone[i].status || together[i].status ||
			     alone[i].lambda_error != together[i].lambda_error ||
			     strcmp(alone[i].method, together[i].method) ||
			     memcmp(alone[i].values, together[i].values,
				    alone[i].count * sizeof(double));
		if (i % 4 == 3)
			different += memcmp(alone[i].values, alone[i - 1].values,
					    alone[i].count * sizeof(double)) ||
				     alone[i].lambda_error != alone[i - 1].lambda_error;
	}
	tap(!different, "the same bytes, and shared spectra are the same, %s",
	    solver_names[solver]);
	for (size_t i = 0; i < JOBS; i++) {
		free(alone[i].values);
		free(together[i].values);
	}
}

/* A matrix that gets all threads. */
static void
test_large(void)
{
	struct matrix matrix = matrix_of(2048, 2048, small_integers, true);
	struct eigen_job job;

#ifdef __SANITIZE_THREAD__
	tap(true, "2048 x 2048 on two threads # SKIP ThreadSanitizer cannot see into OpenBLAS's");
	matrix_free(&matrix);
	return;
#endif
	for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_TWO_STAGE; solver++) {
		job = solve_as(&matrix, DTYPE_F32, (enum eigen_solver)solver, 2);
		tap(is_right(&matrix, &job, 0), "2048 x 2048 on two threads, %s",
		    solver_names[solver]);
		free(job.values);
	}
	matrix_free(&matrix);
}

/* What memory held before must not show: work space is malloc's. */
static void
test_dirty_memory(void)
{
	enum { BLOCKS = 64, BYTES = 1 << 20 };
	static void *blocks[BLOCKS];
	struct matrix matrix = matrix_of(300, 300, distinct, true);

	/* Freed memory is used again, by any thread, with what it held: NaNs. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_ARENA_MAX, 1);
	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = xmalloc(BYTES);
		memset(blocks[i], 0xff, BYTES);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++) {
		struct eigen_job job = solve(&matrix, (enum eigen_solver)solver);

		tap(is_right(&matrix, &job, 0), "in memory full of NaNs, %s", solver_names[solver]);
		free(job.values);
	}
	matrix_free(&matrix);
}

int
main(void)
{
	test_shapes();
	test_panels();
	test_relative_accuracy();
	test_vectors();
	test_zero();
	test_empty();
	test_types();
	for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++)
		test_powers_of_two((enum eigen_solver)solver);
	test_powers_of_ten(1e150);
	test_powers_of_ten(1e-150);
	test_out_of_range();
	test_subnormal();
	test_not_finite();
	test_too_large();
	test_many(EIGEN_LAPACK);
	test_many(EIGEN_TWO_STAGE);
	test_large();
	test_dirty_memory();
	for (size_t solver = EIGEN_LAPACK; solver <= EIGEN_SVD; solver++)
		tap(worst_ratio[solver] < 0.1,
		    "errors are an order of magnitude below their bounds: %.2g, %s",
		    worst_ratio[solver], solver_names[solver]);
	return tap_done();
}
