/* The back end on OpenBLAS and LAPACK. */
#include "eigen.h"

#include <float.h>
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "util.h"
#include "vector.h"

#define UNIT_ROUNDOFF 0x1p-53

/*
 * Weights are widened to double a panel at a time: so many rows of a tall matrix, or columns of a wide
 * one. Fewer would starve dsyrk, which itself works by slices of such a depth; more would leave the
 * caches.
 */
#define PANEL_DEPTH 384

/* From this side on a matrix gets all threads; below, matrices run side by side on one thread each,
 * which is faster there and gives the same bytes on any number of processors. */
#define ALONE_SIDE 2048

/* With a sum of all squares between these nothing leaves the range of double, the squares of Gram
 * matrices included, and what is lost at its lower end is far below the error bounds. */
#define SMALLEST_TRACE 0x1p-300
#define LARGEST_TRACE  0x1p300

/*
 * dsytrd reduces as many columns in a block as its work space has room for, times n. LAPACK's own
 * choice, 32, is no faster for any side and 9 % slower for one of 384; one column is twice as slow.
 */
#define REDUCTION_BLOCK 16

/* p(n) of the error bounds in eigen.h is this times n. */
#define SOLVER_GROWTH 8

struct eigen {
	struct pool *pool;
	enum eigen_solver solver;
	unsigned threads;
};

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

const char *
eigen_status_text(enum eigen_status status)
{
	switch (status) {
	case EIGEN_OK: return NULL;
	case EIGEN_NOT_FINITE: return "weights not finite";
	case EIGEN_OUT_OF_RANGE: return "eigenvalues out of range";
	case EIGEN_NOT_CONVERGED: return "solver did not converge";
	case EIGEN_TOO_LARGE: return "matrix too large";
	case EIGEN_OUT_OF_MEMORY: return "out of memory";
	}
	return "unknown";
}

const char *
eigen_libraries(void)
{
	static char text[256];

	snprintf(text, sizeof(text), "back end: CPU, %s\n", openblas_get_config());
	return text;
}

/* The largest magnitude, or infinity if any weight is not finite. */
HOT static double
largest_magnitude(const double *values, size_t count)
{
	double lanes[16] = {0};
	double largest = 0;
	size_t i = 0;

	/* x - x is 0 for finite x and NaN otherwise; a comparison alone would lose NaNs. */
	for (; i + 16 <= count; i += 16)
		for (size_t lane = 0; lane < 16; lane++) {
			double magnitude = fabs(values[i + lane]);

			magnitude = magnitude <= DBL_MAX ? magnitude : INFINITY;
			lanes[lane] = magnitude > lanes[lane] ? magnitude : lanes[lane];
		}
	for (; i < count; i++)
		lanes[0] = fabs(values[i]) <= DBL_MAX ? fmax(lanes[0], fabs(values[i])) : INFINITY;
	for (size_t lane = 0; lane < 16; lane++)
		largest = fmax(largest, lanes[lane]);
	return largest;
}

/*
 * The power of two that brings all weights to at most 1 in magnitude, or 0 where they are near enough
 * to that, so that no square or sum leaves the range of double. False when a weight is not finite.
 */
static bool
find_scale(const struct eigen_job *job, int *exponent)
{
	size_t elements = job->rows * job->columns;
	double values[1024], largest = 0;

	for (size_t done = 0; done < elements; done += 1024) {
		size_t count = smaller(elements - done, 1024);

		dtype_decode(job->dtype, job->weights, done, count, values);
		largest = fmax(largest, largest_magnitude(values, count));
	}
	frexp(largest, exponent);
	if (largest == 0)
		*exponent = 0;
	return largest <= DBL_MAX;
}

HOT static void
scale_values(double *values, size_t count, double factor)
{
	for (size_t i = 0; i < count; i++)
		values[i] *= factor;
}

/* Multiplies by 2^exponent; in two steps, since one factor may not be a double. Exact. */
static void
scale_by_power(double *values, size_t count, int exponent)
{
	if (!exponent)
		return;
	scale_values(values, count, ldexp(1, exponent / 2));
	scale_values(values, count, ldexp(1, exponent - exponent / 2));
}

/* Rows first..first+count of W in double, scaled. */
static void
load_rows(const struct eigen_job *job, size_t first, size_t count, int exponent, double *panel)
{
	dtype_decode(job->dtype, job->weights, first * job->columns, count * job->columns, panel);
	scale_by_power(panel, count * job->columns, -exponent);
}

/* Columns first..first+count of W in double, scaled: rows x count. */
static void
load_columns(const struct eigen_job *job, size_t first, size_t count, int exponent, double *panel)
{
	for (size_t row = 0; row < job->rows; row++)
		dtype_decode(job->dtype, job->weights, row * job->columns + first, count,
			     panel + row * count);
	scale_by_power(panel, job->rows * count, -exponent);
}

/*
 * One triangle of the Gram matrix of the smaller side, n x n: W^T W for tall W, W W^T for wide. It is
 * a sum over the larger side, taken panel by panel, so that W is never in double as a whole.
 */
static bool
form_gram(const struct eigen_job *job, int exponent, double *gram)
{
	size_t n = job->count, m = larger(job->rows, job->columns);
	size_t depth = smaller(m, PANEL_DEPTH);
	bool tall = job->rows >= job->columns;
	double *panel = malloc(depth * n * sizeof(*panel));

	if (!panel)
		return false;
	for (size_t first = 0; first < m; first += depth) {
		size_t count = smaller(depth, m - first);

		if (tall)
			load_rows(job, first, count, exponent, panel);
		else
			load_columns(job, first, count, exponent, panel);
		cblas_dsyrk(CblasRowMajor, CblasUpper, tall ? CblasTrans : CblasNoTrans, (int)n,
			    (int)count, 1, panel, (int)(tall ? n : count), 1, gram, (int)n);
	}
	free(panel);
	return true;
}

static double
sum_of_diagonal(const double *matrix, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += matrix[i * n + i];
	return sum;
}

static double
euclidean_norm(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i] * values[i];
	return sqrt(sum);
}

/* The bound on the error of an inner product of m terms, relative to that of magnitudes. */
static double
gamma_bound(size_t m)
{
	return (double)m * UNIT_ROUNDOFF / (1 - (double)m * UNIT_ROUNDOFF);
}

/*
 * Eigenvalues, ascending, of a symmetric matrix whose upper triangle is given by rows, which is the
 * lower one by columns. These are the two steps of dsyevd, without its look at every element for
 * whether to scale the matrix.
 */
static enum eigen_status
solve_symmetric(double *matrix, size_t n, double *values)
{
	size_t work_size = REDUCTION_BLOCK * n;
	double *off_diagonal = malloc(n * sizeof(*off_diagonal)), *tau = malloc(n * sizeof(*tau));
	double *work = malloc(work_size * sizeof(*work));
	lapack_int info = -1;

	if (off_diagonal && tau && work)
		info = LAPACKE_dsytrd_work(LAPACK_COL_MAJOR, 'L', (lapack_int)n, matrix,
					   (lapack_int)n, values, off_diagonal, tau, work,
					   (lapack_int)work_size);
	if (!info)
		info = LAPACKE_dsterf_work((lapack_int)n, values, off_diagonal);
	free(off_diagonal);
	free(tau);
	free(work);
	if (info)
		return info > 0 ? EIGEN_NOT_CONVERGED : EIGEN_OUT_OF_MEMORY;
	return EIGEN_OK;
}

/*
 * The Gram matrix of W scaled by 2^-exponent, in memory that is zero, and its trace. W is scaled only
 * if it must be: the trace is the sum of all squares, and so shows weights that are not finite or too
 * large, and when all are too small.
 */
static enum eigen_status
form_scaled_gram(const struct eigen_job *job, int *exponent, double *gram, double *trace)
{
	size_t n = job->count;

	*exponent = 0;
	if (!form_gram(job, 0, gram))
		return EIGEN_OUT_OF_MEMORY;
	*trace = sum_of_diagonal(gram, n);
	if (*trace >= SMALLEST_TRACE && *trace <= LARGEST_TRACE)
		return EIGEN_OK;
	if (!find_scale(job, exponent))
		return EIGEN_NOT_FINITE;
	memset(gram, 0, n * n * sizeof(*gram));
	if (!form_gram(job, *exponent, gram))
		return EIGEN_OUT_OF_MEMORY;
	*trace = sum_of_diagonal(gram, n);
	return EIGEN_OK;
}

/* Eigenvalues, ascending, of the Gram matrix of W scaled by 2^-exponent. */
static enum eigen_status
solve_gram(struct eigen_job *job, int *exponent)
{
	size_t n = job->count;
	double *gram = calloc(n * n, sizeof(*gram)), trace;
	enum eigen_status status = EIGEN_OUT_OF_MEMORY;

	job->method = "gram-dsyevd";
	if (gram)
		status = form_scaled_gram(job, exponent, gram, &trace);
	if (!status)
		status = solve_symmetric(gram, n, job->values);
	if (!status)
		/* Twice the unit roundoff of slack for the rounding of these figures themselves. */
		job->lambda_error = (gamma_bound(larger(job->rows, job->columns)) * trace +
				     SOLVER_GROWTH * (double)n * UNIT_ROUNDOFF *
					     euclidean_norm(job->values, n)) *
				    (1 + 0x1p-20);
	free(gram);
	return status;
}

static void
reverse_squares(double *values, size_t count)
{
	for (size_t i = 0; i < (count + 1) / 2; i++) {
		double low = values[count - 1 - i], high = values[i];

		values[i] = low * low;
		values[count - 1 - i] = high * high;
	}
}

/* Squared singular values, ascending, of W scaled by 2^-exponent. */
static enum eigen_status
solve_svd(struct eigen_job *job, int *exponent)
{
	size_t n = job->count, m = larger(job->rows, job->columns);
	double wanted = 0, unused, *matrix, *work = NULL;
	lapack_int info = -1, *integer_work;

	job->method = "svd-dgesdd";
	if (!find_scale(job, exponent))
		return EIGEN_NOT_FINITE;
	matrix = malloc(m * n * sizeof(*matrix));
	integer_work = malloc(8 * n * sizeof(*integer_work));
	if (matrix && integer_work) {
		load_rows(job, 0, job->rows, *exponent, matrix);
		/* Row-major W is column-major W^T, which has the same singular values. */
		LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'N', (lapack_int)job->columns,
				    (lapack_int)job->rows, matrix, (lapack_int)job->columns,
				    job->values, &unused, 1, &unused, 1, &wanted, -1, integer_work);
		work = malloc((size_t)wanted * sizeof(*work));
	}
	if (work)
		info = LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'N', (lapack_int)job->columns,
					   (lapack_int)job->rows, matrix, (lapack_int)job->columns,
					   job->values, &unused, 1, &unused, 1, work,
					   (lapack_int)wanted, integer_work);
	free(matrix);
	free(integer_work);
	free(work);
	if (info)
		return info > 0 ? EIGEN_NOT_CONVERGED : EIGEN_OUT_OF_MEMORY;
	job->sigma_error = SOLVER_GROWTH * (double)m * UNIT_ROUNDOFF * job->values[0];
	job->lambda_error = job->sigma_error * (2 * job->values[0] + job->sigma_error);
	reverse_squares(job->values, n);
	return EIGEN_OK;
}

/*
 * Undoes the scaling, and lifts what rounding left below zero, where no true value is. Scaling back
 * into subnormal numbers rounds once more, which only the bound on all eigenvalues then allows for.
 */
static enum eigen_status
finish_values(struct eigen_job *job, int exponent)
{
	double last;

	for (size_t i = 0; i < job->count; i++)
		if (!(job->values[i] > 0))
			job->values[i] = 0;
	scale_by_power(job->values, job->count, 2 * exponent);
	scale_by_power(&job->lambda_error, 1, 2 * exponent);
	scale_by_power(&job->sigma_error, 1, exponent);
	if (exponent && job->lambda_error < DBL_MIN)
		job->lambda_error += 2 * DBL_TRUE_MIN;
	if (job->sigma_error * job->sigma_error < DBL_MIN)
		job->sigma_error = 0;
	last = job->values[job->count - 1];
	/* Zeros have the exponent 0; other weights have an eigenvalue above zero. */
	if ((exponent && last == 0) || !(last <= DBL_MAX && job->lambda_error <= DBL_MAX))
		return EIGEN_OUT_OF_RANGE;
	return EIGEN_OK;
}

static enum eigen_status
solve(struct eigen_job *job, enum eigen_solver solver)
{
	enum eigen_status status;
	int exponent;

	/* LAPACK's work space for a side n is counted in int as well. */
	if (larger(job->rows, job->columns) > INT_MAX || job->count > INT_MAX / 32)
		return EIGEN_TOO_LARGE;
	job->values = malloc((job->count + 1) * sizeof(*job->values));
	if (!job->values)
		return EIGEN_OUT_OF_MEMORY;
	job->method = "none";
	if (!job->count)
		return EIGEN_OK;
	status = solver == EIGEN_SVD ? solve_svd(job, &exponent) : solve_gram(job, &exponent);
	return status ? status : finish_values(job, exponent);
}

/* The pool's work on one matrix. */
static void
run_job(void *context, struct pool_job *pool_job, unsigned threads)
{
	const struct eigen *eigen = context;
	struct eigen_job *job = (struct eigen_job *)pool_job;

	if (job->same_as)
		return; /* taken over in eigen_next(), when the other surely is done */
	/* The library's own threads spin for a while after each call and would take processors from
	 * our workers, so they are used for lone matrices only. */
	if (threads > 1)
		openblas_set_num_threads((int)threads);
	job->status = solve(job, eigen->solver);
	if (threads > 1)
		openblas_set_num_threads(1);
	if (job->status) {
		free(job->values);
		job->values = NULL;
		job->method = "failed";
	}
	free(job->weights);
	job->weights = NULL;
}

/*
 * Makes malloc keep the blocks of small matrices for the next ones: to get them from the kernel again,
 * page by page, would take a twentieth of the time. Large ones go back.
 */
static void
keep_freed_memory(void)
{
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

struct eigen *
eigen_open(const struct eigen_options *options)
{
	struct eigen *eigen = xcalloc(1, sizeof(*eigen));

	eigen->solver = options->solver;
	eigen->threads = options->threads;
	openblas_set_num_threads(1);
	keep_freed_memory();
	eigen->pool = pool_open(options->threads, options->memory, run_job, eigen);
	return eigen;
}

/* Bytes that a job holds until it has run: the weights, and the solver's matrices. */
static uint64_t
memory_of(const struct eigen_job *job, enum eigen_solver solver)
{
	double m = (double)larger(job->rows, job->columns), n = (double)job->count;
	double matrix = (double)job->rows * (double)job->columns;
	double panel = fmin(matrix, PANEL_DEPTH * n);
	double doubles = solver == EIGEN_SVD ? matrix + 8 * (m + n) : n * n + panel + 20 * n;
	double bytes = doubles * sizeof(double) + matrix * dtype_bits(job->dtype) / 8;

	return bytes < 0x1p63 ? (uint64_t)bytes : (uint64_t)1 << 63;
}

void
eigen_submit(struct eigen *eigen, struct eigen_job *job)
{
	job->count = smaller(job->rows, job->columns);
	job->pool.cost = job->same_as ? 0 : memory_of(job, eigen->solver);
	job->pool.alone = !job->same_as && eigen->threads > 1 && job->count >= ALONE_SIDE;
	pool_submit(eigen->pool, &job->pool);
}

void
eigen_end(struct eigen *eigen)
{
	pool_end(eigen->pool);
}

/* Gives a job the spectrum of the earlier one with the same matrix. */
static void
share_spectrum(struct eigen_job *job)
{
	const struct eigen_job *source = job->same_as;

	job->status = source->status;
	job->lambda_error = source->lambda_error;
	job->sigma_error = source->sigma_error;
	job->method = source->method;
	if (!source->values)
		return;
	job->values = xmalloc(job->count * sizeof(*job->values));
	memcpy(job->values, source->values, job->count * sizeof(*job->values));
}

struct eigen_job *
eigen_next(struct eigen *eigen)
{
	struct eigen_job *job = (struct eigen_job *)pool_next(eigen->pool);

	if (job && job->same_as)
		share_spectrum(job);
	return job;
}

void
eigen_close(struct eigen *eigen)
{
	pool_close(eigen->pool);
	free(eigen);
}
