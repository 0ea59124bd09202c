/*
 * The two-stage eigensolver against LAPACK, on random matrices of many kinds; and its kernels, its crew
 * and its shares against each other. HILLPIPE_PROPERTY_MATRICES in the environment, as make property-test sets
 * it, is how many matrices there are of each kind; without, it is a few, which take a second or two.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eigen_lapack.h"
#include "eigen_two_stage.h"
#include "kernels.h"
#include "tap.h"
#include "util.h"

/* Of the largest eigenvalue; what two backward stable solvers may differ by. */
#define TOLERANCE 1e-13

/* What alpha may differ by from that of an SVD, relative to it. */
#define ALPHA_TOLERANCE 1e-11

static uint64_t state = 1;

/* Uniform between -1 and 1: xorshift64*. */
static double
uniform(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (double)(int64_t)(state * 0x2545f4914f6cdd1d) * 0x1p-63;
}

/* What an element of a random matrix is multiplied with. */
typedef double factor(size_t row, size_t column, size_t n);

static double
flat(size_t row, size_t column, size_t n)
{
	(void)row, (void)column, (void)n;
	return 1;
}

static double
zero(size_t row, size_t column, size_t n)
{
	(void)row, (void)column, (void)n;
	return 0;
}

/* Columns from 1 down to a thousandth, so that eigenvalues span a million. */
static double
decaying(size_t row, size_t column, size_t n)
{
	(void)row;
	return pow(1e-3, (double)column / (double)n);
}

static double
graded(size_t row, size_t column, size_t n)
{
	(void)n;
	return ldexp(1, -(int)(row + column) / 2);
}

static double
deficient(size_t row, size_t column, size_t n)
{
	(void)row, (void)n;
	return column % 3 ? 0 : 1;
}

/* A diagonal of random signs and sizes, without anything beside it. */
static double
diagonal(size_t row, size_t column, size_t n)
{
	(void)n;
	return row == column;
}

/* The identity, and a little: clustered eigenvalues. */
static double
clustered(size_t row, size_t column, size_t n)
{
	(void)n;
	return row == column ? 1e8 : 1e-8;
}

static double
huge(size_t row, size_t column, size_t n)
{
	(void)row, (void)column, (void)n;
	return 1e150;
}

static double
tiny(size_t row, size_t column, size_t n)
{
	(void)row, (void)column, (void)n;
	return 1e-150;
}

/* Some elements are subnormal. */
static double
denormal(size_t row, size_t column, size_t n)
{
	(void)n;
	return (row + column) % 2 ? 1 : 1e-310;
}

static const struct {
	const char *name;
	factor *scale;
} kinds[] = {{"flat", flat},
	     {"zero", zero},
	     {"a million to one", decaying},
	     {"graded", graded},
	     {"deficient", deficient},
	     {"clustered", clustered},
	     {"diagonal", diagonal},
	     {"times 1e150", huge},
	     {"times 1e-150", tiny},
	     {"with subnormals", denormal}};

static struct eigen_job
job_of(size_t rows, size_t columns, factor *scale_at)
{
	struct eigen_job job = {.dtype = DTYPE_F64, .rows = rows, .columns = columns};
	double *weights = xmalloc(rows * columns * sizeof(*weights));

	for (size_t i = 0; i < rows * columns; i++)
		weights[i] = uniform() * scale_at(i / columns, i % columns, columns);
	job.weights = weights;
	job.count = job.wanted = rows < columns ? rows : columns;
	return job;
}

static bool
agree(const struct eigen_job *a, const struct eigen_job *b)
{
	double largest = b->values[b->count - 1];

	for (size_t i = 0; i < a->count; i++) {
		double difference = fabs(a->values[i] - b->values[i]);

		if (!(difference <= TOLERANCE * largest) ||
		    !(difference <= a->lambda_error + b->lambda_error) ||
		    !(a->values[i] >= (i ? a->values[i - 1] : 0)))
			return false;
	}
	return true;
}

static size_t
random_side(size_t most)
{
	return 1 + (size_t)(fabs(uniform()) * (double)most);
}

static void
test_kind(size_t kind, size_t matrices)
{
	size_t wrong = 0;

	for (size_t i = 0; i < matrices; i++) {
		/* Mostly small ones, and some with several tiles. */
		size_t most = i % 8 ? 120 : 600, rows = random_side(most);
		size_t columns = random_side(most);
		struct eigen_job ours = job_of(rows, columns, kinds[kind].scale), lapack = ours;

		ours.status = two_stage_solve(&ours, NULL);
		lapack.status = lapack_solve(&lapack, EIGEN_LAPACK, 1);
		if (ours.status != lapack.status || (!ours.status && !agree(&ours, &lapack))) {
			printf("# %zu x %zu\n", rows, columns);
			wrong++;
		}
		free(ours.values);
		free(lapack.values);
		free(ours.weights);
	}
	tap(!wrong, "as LAPACK: %zu matrices, %s", matrices, kinds[kind].name);
}

/* Hill's estimate for the largest tenth; hill-alpha's, without its clamps. */
static double
alpha_of(const struct eigen_job *job, size_t k)
{
	double reference = job->values[job->count - k - 1], sum = 0;

	for (size_t i = job->count - k; i < job->count; i++)
		sum += log(job->values[i] / reference);
	return 1 + (double)k / sum;
}

/* Columns that decay by up to a thousand make eigenvalues span a million. */
static void
test_alpha(size_t matrices)
{
	size_t wrong = 0;
	double worst = 0;

	for (size_t i = 0; i < matrices; i++) {
		size_t rows = 20 + random_side(400), columns = 20 + random_side(400);
		size_t k = (rows < columns ? rows : columns) / 10;
		struct eigen_job ours = job_of(rows, columns, i % 2 ? decaying : flat), svd = ours;
		double error = INFINITY;

		ours.status = two_stage_solve(&ours, NULL);
		svd.status = lapack_solve(&svd, EIGEN_SVD, 1);
		if (!ours.status && !svd.status) {
			double alpha = alpha_of(&svd, k < 10 ? 10 : k);

			error = fabs(alpha_of(&ours, k < 10 ? 10 : k) - alpha) / alpha;
		}
		wrong += !(error <= ALPHA_TOLERANCE);
		worst = fmax(worst, error);
		free(ours.values);
		free(svd.values);
		free(ours.weights);
	}
	tap(!wrong, "alpha as of an SVD: %zu matrices, at worst %.1e relative", matrices, worst);
}

/* The values of a job by some kernels and a crew of so many threads. */
static struct eigen_job
solve_by(const struct eigen_job *job, const char *kernels, unsigned threads, size_t wanted)
{
	struct eigen_job result = *job;
	struct crew *crew = threads > 1 ? crew_open(threads) : NULL;

	if (kernels)
		setenv("HILLPIPE_KERNELS", kernels, 1);
	result.wanted = wanted;
	result.status = two_stage_solve(&result, crew);
	unsetenv("HILLPIPE_KERNELS");
	if (crew)
		crew_close(crew);
	return result;
}

static bool
same_bytes(const struct eigen_job *a, const struct eigen_job *b, size_t count)
{
	size_t first = a->count - count;

	return !a->status && !b->status && a->lambda_error == b->lambda_error &&
	       !memcmp(a->values + first, b->values + first, count * sizeof(double));
}

static void
test_sameness(size_t rows, size_t columns)
{
	static const char *const names[] = {"avx512", "avx2", "portable"};
	struct eigen_job job = job_of(rows, columns, decaying);
	struct eigen_job first = solve_by(&job, NULL, 1, job.count), other;

	for (size_t i = 0; i < 3; i++) {
		const struct kernels *kernels = kernels_named(names[i]);

		if (!kernels) {
			tap(true, "%s # SKIP this processor has no such unit", names[i]);
			continue;
		}
		other = solve_by(&job, names[i], 1, job.count);
		tap(!other.status && agree(&other, &first), "%zu x %zu by %s", rows, columns,
		    names[i]);
		if (kernels_are_fused(kernels) && kernels_are_fused(kernels_choose()))
			tap(same_bytes(&other, &first, job.count), "the same bytes");
		free(other.values);
	}
	for (unsigned threads = 2; threads < 6; threads++) {
		other = solve_by(&job, NULL, threads, job.count);
		tap(same_bytes(&other, &first, job.count), "%zu x %zu, %u threads: the same bytes",
		    rows, columns, threads);
		free(other.values);
	}
	other = solve_by(&job, NULL, 1, job.count / 10 + 1);
	tap(same_bytes(&other, &first, job.count / 10 + 1),
	    "%zu x %zu, the largest only: the same bytes", rows, columns);
	free(other.values);
	free(first.values);
	free(job.weights);
}

/* How many matrices of each kind are wanted. */
static size_t
property_matrices(void)
{
	const char *text = getenv("HILLPIPE_PROPERTY_MATRICES");
	uint64_t count = 24;

	if (text && !parse_unsigned(text, 1000000, &count))
		die(STATUS_USAGE, "HILLPIPE_PROPERTY_MATRICES is not a number: %s", text);
	return count;
}

int
main(void)
{
	size_t matrices = property_matrices();

	lapack_begin();
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++)
		test_kind(kind, matrices);
	test_alpha(matrices);
	test_sameness(701, 389);
	test_sameness(389, 701);
	test_sameness(1000, 613);
	return tap_done();
}
