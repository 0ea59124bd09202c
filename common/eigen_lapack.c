#include "eigen_lapack.h"

#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "eigen_bounds.h"

/*
 * Weights are widened to double a panel at a time: so many rows of a tall matrix, or columns of a wide
 * one. Fewer would starve dsyrk, which itself works by slices of such a depth; more would leave the
 * caches.
 */
#define PANEL_DEPTH 384

/*
 * dsytrd reduces as many columns in a block as its work space has room for, times n. LAPACK's own
 * choice, 32, is no faster for any side and 9 % slower for one of 384; one column is twice as slow.
 */
#define REDUCTION_BLOCK 16

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Rows first..first+count of W in double, scaled. */
static void
load_rows(const struct eigen_job *job, size_t first, size_t count, int exponent, double *panel)
{
	dtype_decode(job->dtype, job->weights, first * job->columns, count * job->columns, panel);
	eigen_scale(panel, count * job->columns, -exponent);
}

/* Columns first..first+count of W in double, scaled: rows x count. */
static void
load_columns(const struct eigen_job *job, size_t first, size_t count, int exponent, double *panel)
{
	for (size_t row = 0; row < job->rows; row++)
		dtype_decode(job->dtype, job->weights, row * job->columns + first, count,
			     panel + row * count);
	eigen_scale(panel, job->rows * count, -exponent);
}

/*
 * One triangle of the Gram matrix of the smaller side, n x n: W^T W for tall W, W W^T for wide. It is
 * a sum over the larger side, taken panel by panel, so that W is never in double as a whole.
 */
static bool
form_gram(const struct eigen_job *job, int exponent, double *gram)
{
	size_t n = job->count, m = eigen_larger_side(job);
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
	if (eigen_trace_is_safe(*trace))
		return EIGEN_OK;
	if (!eigen_find_scale(job, exponent))
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
		eigen_bound_gram(job, trace);
	free(gram);
	return status;
}

/* Squared singular values, ascending, of W scaled by 2^-exponent. */
static enum eigen_status
solve_svd(struct eigen_job *job, int *exponent)
{
	size_t n = job->count, m = eigen_larger_side(job);
	double wanted = 0, unused, *matrix, *work = NULL;
	lapack_int info = -1, *integer_work;

	job->method = "svd-dgesdd";
	if (!eigen_find_scale(job, exponent))
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
	eigen_square_singular_values(job);
	return EIGEN_OK;
}

static enum eigen_status
solve(struct eigen_job *job, enum eigen_solver solver)
{
	enum eigen_status status;
	int exponent;

	/* LAPACK's work space for a side n is counted in int as well. */
	if (eigen_larger_side(job) > INT_MAX || job->count > INT_MAX / 32)
		return EIGEN_TOO_LARGE;
	job->values = malloc((job->count + 1) * sizeof(*job->values));
	if (!job->values)
		return EIGEN_OUT_OF_MEMORY;
	job->method = "none";
	if (!job->count)
		return EIGEN_OK;
	status = solver == EIGEN_SVD ? solve_svd(job, &exponent) : solve_gram(job, &exponent);
	return status ? status : eigen_finish_values(job, exponent);
}

enum eigen_status
lapack_solve(struct eigen_job *job, enum eigen_solver solver, unsigned threads)
{
	enum eigen_status status;

	/* The library's own threads spin for a while after each call and would take processors from
	 * our workers, so they are used for lone matrices only. */
	if (threads > 1)
		openblas_set_num_threads((int)threads);
	status = solve(job, solver);
	if (threads > 1)
		openblas_set_num_threads(1);
	return status;
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

void
lapack_begin(void)
{
	openblas_set_num_threads(1);
	keep_freed_memory();
}

const char *
lapack_version(void)
{
	return openblas_get_config();
}

uint64_t
lapack_memory(const struct eigen_job *job, enum eigen_solver solver)
{
	double m = (double)eigen_larger_side(job), n = (double)job->count;
	double matrix = (double)job->rows * (double)job->columns;
	double panel = fmin(matrix, PANEL_DEPTH * n);
	double doubles = solver == EIGEN_SVD ? matrix + 8 * (m + n) : n * n + panel + 20 * n;
	double bytes = doubles * sizeof(double) + matrix * dtype_bits(job->dtype) / 8;

	return bytes < 0x1p63 ? (uint64_t)bytes : (uint64_t)1 << 63;
}
