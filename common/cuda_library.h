/*
 * The CUDA libraries as they are found when the program runs, and the text of what they last said.
 *
 * cuBLAS and cuSOLVER are loaded by name, not linked, so that a program without them can say which is
 * missing, and go on without a GPU. The runtime is linked statically; it finds the driver by itself.
 */
#ifndef CUDA_LIBRARY_H
#define CUDA_LIBRARY_H

#include <stdbool.h>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include "util.h"

#define CUDA_LIBRARY_FUNCTIONS(X)            \
	X(cublasCreate_v2)                   \
	X(cublasDestroy_v2)                  \
	X(cublasSetStream_v2)                \
	X(cublasSetMathMode)                 \
	X(cublasDsyrk_v2)                    \
	X(cublasGetVersion_v2)               \
	X(cusolverDnCreate)                  \
	X(cusolverDnDestroy)                 \
	X(cusolverDnDestroyParams)           \
	X(cusolverDnSetStream)               \
	X(cusolverDnCreateParams)            \
	X(cusolverDnXsyevd_bufferSize)       \
	X(cusolverDnXsyevd)                  \
	X(cusolverDnXsyevBatched_bufferSize) \
	X(cusolverDnXsyevBatched)            \
	X(cusolverDnXgesvd_bufferSize)       \
	X(cusolverDnXgesvd)                  \
	X(cusolverGetVersion)

#define CUDA_LIBRARY_MEMBER(name) __typeof__(name) *name;

/* The functions, after cuda_load(). */
extern struct cuda_library {
	CUDA_LIBRARY_FUNCTIONS(CUDA_LIBRARY_MEMBER)
} cuda;

/* Loads the libraries and counts the devices. Returns 0 or -1. */
int cuda_load(int *devices, struct failure *failure);

/*
 * Whether a call was successful; if it was not, its name and the reason are noted, for this thread.
 */
bool cuda_ok(const char *call, cudaError_t error);
bool cublas_ok(const char *call, cublasStatus_t status);
bool cusolver_ok(const char *call, cusolverStatus_t status);

/* Notes a failure of our own for lack of memory; returns false. */
bool cuda_no_memory(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What this thread noted last, and whether it was lack of memory. */
const char *cuda_last_error(void);
bool cuda_was_out_of_memory(void);

#endif
