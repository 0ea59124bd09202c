/* Spectra on the CPU, one matrix at a time, by OpenBLAS and LAPACK. */
#ifndef EIGEN_LAPACK_H
#define EIGEN_LAPACK_H

#include <stdint.h>

#include "eigen.h"

/* To be called once before any other. */
void lapack_begin(void);

/*
 * Fills the second group of a job, whose count is set, but for its status, which is returned. More
 * threads than one may be given only while no other job is solved.
 */
enum eigen_status lapack_solve(struct eigen_job *job, enum eigen_solver solver, unsigned threads);

/* Bytes that a job holds until it has run: the weights, and the solver's matrices. */
uint64_t lapack_memory(const struct eigen_job *job, enum eigen_solver solver);

/* The version of the library, in a few words. */
const char *lapack_version(void);

#endif
