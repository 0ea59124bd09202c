/* The k of the plateau: a tail that ends, one that does not, none, too few, and what has no alpha. */
#include <math.h>
#include <stdlib.h>

#include "plateau.h"
#include "tap.h"
#include "util.h"

#define N 400

static size_t
choose(const double *eigenvalues, size_t n, double lambda_error)
{
	struct hill *fits = xcalloc(n, sizeof(*fits));
	size_t k;

	hill_fits(eigenvalues, n, lambda_error, 0, fits);
	k = plateau_tail_size(fits, n);
	free(fits);
	return k;
}

/* The largest `tail` are Pareto quantiles of density exponent 2; below a gap the rest rise evenly. */
static void
set_two_laws(double *eigenvalues, size_t n, size_t tail)
{
	for (size_t j = 0; j < n - tail; j++)
		eigenvalues[j] = (double)(j + 1) / (double)(n - tail);
	for (size_t j = 1; j <= tail; j++)
		eigenvalues[n - j] = 10 * (double)tail / (double)j;
}

static void
test_tails(void)
{
	static const size_t tails[] = {20, 40, 100, 150};
	double eigenvalues[N];

	for (size_t i = 0; i < 4; i++) {
		size_t k;

		set_two_laws(eigenvalues, N, tails[i]);
		k = choose(eigenvalues, N, 0);
		/* The reference is the least of the tail, and not counted. */
		tap(k == tails[i] - 1, "a tail of %zu: k is %zu", tails[i], k);
	}
	set_two_laws(eigenvalues, N, N);
	tap(choose(eigenvalues, N, 0) == N / 2, "a tail of all: half of them");
	for (size_t j = 0; j < N; j++)
		eigenvalues[j] = 4 - pow((double)(N - j) / N, 2. / 3);
	tap(choose(eigenvalues, N, 0) == 10, "an edge as that of a random matrix: the least");
}

static void
test_few(void)
{
	static const size_t counts[] = {2, 3, 10, 11, 12, 20};
	double eigenvalues[N];

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		size_t n = counts[i], wanted = n - 1 < 10 ? n - 1 : 10;

		set_two_laws(eigenvalues, n, n);
		tap(choose(eigenvalues, n, 0) == wanted, "of %zu eigenvalues: %zu", n, wanted);
	}
}

static void
test_without_alpha(void)
{
	double eigenvalues[N];

	set_two_laws(eigenvalues, N, N);
	for (size_t j = 0; j < N - 30; j++)
		eigenvalues[j] = 1e-15;
	tap(choose(eigenvalues, N, 1e-9) < 30, "those below their error are not in the tail");
	for (size_t j = 0; j < N - 5; j++)
		eigenvalues[j] = 1e-15;
	tap(choose(eigenvalues, N, 1e-9) == 10, "too few above it: the least");
	for (size_t j = 0; j < N; j++)
		eigenvalues[j] = 1;
	tap(choose(eigenvalues, N, 0) == 10, "all equal: the least");
}

int
main(void)
{
	test_tails();
	test_few();
	test_without_alpha();
	return tap_done();
}
