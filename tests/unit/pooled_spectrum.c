/* Pooled spectra: all eigenvalues in order, the largest bounds, and one failure that fails all. */
#include <stdlib.h>
#include <string.h>

#include "pooled_spectrum.h"
#include "tap.h"
#include "util.h"

/* A job that is done, with these eigenvalues. */
static struct eigen_job
done_job(const double *values, size_t count, double lambda_error, double sigma_error)
{
	struct eigen_job job = {.count = count,
				.wanted = count,
				.values = xmalloc(count * sizeof(*values)),
				.lambda_error = lambda_error,
				.sigma_error = sigma_error};

	memcpy(job.values, values, count * sizeof(*values));
	return job;
}

static void
check_pool(void)
{
	static const double first[] = {1, 4, 9}, second[] = {0, 4, 25};
	static const double expected[] = {0, 1, 4, 4, 9, 25};
	struct eigen_job a = done_job(first, 3, 1e-12, 2e-14),
			 b = done_job(second, 3, 1e-13, 3e-14);
	struct pooled_spectrum pooled = {0};

	pooled_spectrum_add(&pooled, &a);
	pooled_spectrum_add(&pooled, &b);
	tap(a.count == 3 && !memcmp(a.values, first, sizeof(first)),
	    "what is added stays as it is");
	pooled_spectrum_take(&pooled, &b);
	tap(!b.status && b.count == 6 && b.wanted == 6 &&
		    !memcmp(b.values, expected, sizeof(expected)),
	    "all eigenvalues, ascending");
	tap(b.lambda_error == 1e-12 && b.sigma_error == 3e-14, "with the largest of the bounds");
	tap(!pooled.values && !pooled.count && pooled.lambda_error == 0,
	    "and the pool is empty again");
	free(a.values);
	free(b.values);
}

static void
check_failure(void)
{
	static const double values[] = {1, 2};
	struct eigen_job good = done_job(values, 2, 1, 0), last = done_job(values, 2, 1, 0);
	struct eigen_job not_finite = {.status = EIGEN_NOT_FINITE, .count = 2};
	struct eigen_job not_converged = {.status = EIGEN_NOT_CONVERGED, .count = 2};
	struct pooled_spectrum pooled = {0};

	pooled_spectrum_add(&pooled, &good);
	pooled_spectrum_add(&pooled, &not_finite);
	pooled_spectrum_add(&pooled, &not_converged);
	pooled_spectrum_add(&pooled, &last);
	pooled_spectrum_take(&pooled, &last);
	tap(last.status == EIGEN_NOT_FINITE && !last.values && !last.count,
	    "a window that failed fails all, the first of them says how");
	pooled_spectrum_add(&pooled, &good);
	pooled_spectrum_take(&pooled, &last);
	tap(!last.status && last.count == 2, "and the next layer is another");
	free(good.values);
	free(last.values);
}

int
main(void)
{
	check_pool();
	check_failure();
	return tap_done();
}
