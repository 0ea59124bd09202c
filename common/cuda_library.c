#include "cuda_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_OF(x)	  #x
#define VERSION_TEXT(x)	  TEXT_OF(x)
#define LIBRARY(name, of) "lib" name ".so." VERSION_TEXT(of)

#define CUBLAS	 LIBRARY("cublas", CUBLAS_VER_MAJOR)
#define CUSOLVER LIBRARY("cusolver", CUSOLVER_VER_MAJOR)

struct cuda_library cuda;

static _Thread_local char last_error[240];
static _Thread_local bool out_of_memory;

/* --- loading --- */

/* Loads a library from where the system looks, or else from where the toolkit usually is. */
static bool
load_library(const char *name)
{
	const char *homes[] = {getenv("CUDA_HOME"), getenv("CUDA_PATH"), "/usr/local/cuda"};
	bool loaded = dlopen(name, RTLD_NOW | RTLD_GLOBAL);

	for (size_t i = 0; !loaded && i < sizeof(homes) / sizeof(*homes); i++) {
		char *path;

		if (!homes[i])
			continue;
		path = format_text("%s/lib64/%s", homes[i], name);
		loaded = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
		free(path);
	}
	return loaded;
}

/* From the whole program, so that a library that is preloaded may stand in front. */
static bool
find_function(void *place, const char *name)
{
	void *function = dlsym(RTLD_DEFAULT, name);

	*(void **)place = function;
	return function;
}

static int
load_functions(struct failure *failure)
{
	static const char *const libraries[] = {CUBLAS, CUSOLVER};

	for (size_t i = 0; i < 2; i++)
		if (!load_library(libraries[i]))
			return fail(failure, STATUS_UNAVAILABLE,
				    "%s of the CUDA Toolkit cannot be loaded; LD_LIBRARY_PATH or "
				    "CUDA_HOME says where it is",
				    libraries[i]);
#define FIND(name)                                                                          \
	if (!find_function(&cuda.name, #name))                                              \
		return fail(failure, STATUS_UNAVAILABLE,                                    \
			    "there is no %s in this CUDA Toolkit; 12.7 or later is needed", \
			    #name);
	CUDA_LIBRARY_FUNCTIONS(FIND)
#undef FIND
	return 0;
}

static int
fail_without_device(cudaError_t error, struct failure *failure)
{
	if (error == cudaErrorInsufficientDriver) {
		int version = 0;

		if (cudaDriverGetVersion(&version) != cudaSuccess || !version)
			return fail(failure, STATUS_UNAVAILABLE,
				    "there is no NVIDIA driver (libcuda.so.1) on this machine");
		return fail(failure, STATUS_UNAVAILABLE,
			    "the NVIDIA driver is for CUDA %d.%d, and %d.%d is needed; update it",
			    version / 1000, version % 1000 / 10, CUDART_VERSION / 1000,
			    CUDART_VERSION % 1000 / 10);
	}
	if (error == cudaErrorNoDevice || error == cudaSuccess)
		return fail(failure, STATUS_UNAVAILABLE,
			    "there is no CUDA device; nvidia-smi lists them, and "
			    "CUDA_VISIBLE_DEVICES may hide them");
	return fail(failure, STATUS_UNAVAILABLE, "no CUDA device can be used: %s",
		    cudaGetErrorString(error));
}

int
cuda_load(int *devices, struct failure *failure)
{
	cudaError_t error;

	*devices = 0;
	error = cudaGetDeviceCount(devices);
	if (error != cudaSuccess || !*devices)
		return fail_without_device(error, failure);
	/* They would let cuBLAS compute with numbers that are shorter than double. */
	unsetenv("CUBLAS_EMULATE_DOUBLE_PRECISION");
	unsetenv("CUBLAS_EMULATION_STRATEGY");
	return load_functions(failure);
}

/* --- errors --- */

static bool
note(const char *call, const char *reason, bool memory)
{
	snprintf(last_error, sizeof(last_error), "%s: %s", call, reason);
	out_of_memory = memory;
	return false;
}

bool
cuda_ok(const char *call, cudaError_t error)
{
	return error == cudaSuccess ||
	       note(call, cudaGetErrorString(error), error == cudaErrorMemoryAllocation);
}

bool
cublas_ok(const char *call, cublasStatus_t status)
{
	char reason[32];

	snprintf(reason, sizeof(reason), "cuBLAS status %d", (int)status);
	return status == CUBLAS_STATUS_SUCCESS ||
	       note(call, reason, status == CUBLAS_STATUS_ALLOC_FAILED);
}

bool
cusolver_ok(const char *call, cusolverStatus_t status)
{
	char reason[32];

	snprintf(reason, sizeof(reason), "cuSOLVER status %d", (int)status);
	return status == CUSOLVER_STATUS_SUCCESS ||
	       note(call, reason, status == CUSOLVER_STATUS_ALLOC_FAILED);
}

bool
cuda_no_memory(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(last_error, sizeof(last_error), format, arguments);
	va_end(arguments);
	out_of_memory = true;
	return false;
}

const char *
cuda_last_error(void)
{
	return last_error;
}

bool
cuda_was_out_of_memory(void)
{
	return out_of_memory;
}
