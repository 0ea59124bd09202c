/*
 * Preloaded, makes cuSOLVER fail: the first FAIL_CALLS calls of its eigensolvers say that they lack memory,
 * or, if FAIL_AS is "lost", that they could not run.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cublas_v2.h>
#include <cusolverDn.h>

#define TEXT_OF(x) #x
#define TEXT(x)	   TEXT_OF(x)

static atomic_int calls;

/* Whether this call is to fail, and how. */
static cusolverStatus_t
failure(void)
{
	const char *most = getenv("FAIL_CALLS"), *how = getenv("FAIL_AS");

	if (atomic_fetch_add(&calls, 1) >= (most ? atoi(most) : 0))
		return CUSOLVER_STATUS_SUCCESS;
	return how && !strcmp(how, "lost") ? CUSOLVER_STATUS_EXECUTION_FAILED
					   : CUSOLVER_STATUS_ALLOC_FAILED;
}

/* Sets a pointer to the function of that name that stands behind the one here. */
static void
find_real(const char *name, void *place)
{
	void *library = dlopen("libcusolver.so." TEXT(CUSOLVER_VER_MAJOR), RTLD_NOW | RTLD_NOLOAD);

	*(void **)place = library ? dlsym(library, name) : NULL;
}

cusolverStatus_t
cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t parameters, cusolverEigMode_t mode,
		 cublasFillMode_t fill, int64_t n, cudaDataType type, void *matrix, int64_t stride,
		 cudaDataType value_type, void *values, cudaDataType compute_type, void *work,
		 size_t work_size, void *host_work, size_t host_work_size, int *info)
{
	__typeof__(cusolverDnXsyevd) *function;
	cusolverStatus_t status = failure();

	find_real("cusolverDnXsyevd", &function);
	return status ? status
		      : function(handle, parameters, mode, fill, n, type, matrix, stride,
				 value_type, values, compute_type, work, work_size, host_work,
				 host_work_size, info);
}

cusolverStatus_t
cusolverDnXsyevBatched(cusolverDnHandle_t handle, cusolverDnParams_t parameters,
		       cusolverEigMode_t mode, cublasFillMode_t fill, int64_t n, cudaDataType type,
		       void *matrices, int64_t stride, cudaDataType value_type, void *values,
		       cudaDataType compute_type, void *work, size_t work_size, void *host_work,
		       size_t host_work_size, int *info, int64_t count)
{
	__typeof__(cusolverDnXsyevBatched) *function;
	cusolverStatus_t status = failure();

	find_real("cusolverDnXsyevBatched", &function);
	return status ? status
		      : function(handle, parameters, mode, fill, n, type, matrices, stride,
				 value_type, values, compute_type, work, work_size, host_work,
				 host_work_size, info, count);
}
