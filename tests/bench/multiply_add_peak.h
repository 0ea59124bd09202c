/*
 * How many multiply-adds a second one thread can do at most: what a program for the same vector unit can be
 * held against. A loop keeps as many sums in registers as it takes to hide the unit's latency, and touches no
 * memory.
 */
#ifndef MULTIPLY_ADD_PEAK_H
#define MULTIPLY_ADD_PEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Steps of a loop, of so many sums. */
#define PEAK_STEPS 20000000
#define PEAK_SUMS  12

#ifdef __x86_64__
#include <immintrin.h>

/* Sums go to b / (1 - a), and never out of range. */
__attribute__((target("avx512f"))) static double
peak_loop_avx512(void)
{
	__m512d sums[PEAK_SUMS], a = _mm512_set1_pd(0.5), b = _mm512_set1_pd(0.25);

	for (size_t i = 0; i < PEAK_SUMS; i++)
		sums[i] = _mm512_set1_pd((double)i);
	for (size_t step = 0; step < PEAK_STEPS; step++)
#pragma GCC unroll 12
		for (size_t i = 0; i < PEAK_SUMS; i++)
			sums[i] = _mm512_fmadd_pd(sums[i], a, b);
	for (size_t i = 1; i < PEAK_SUMS; i++)
		sums[0] = _mm512_add_pd(sums[0], sums[i]);
	return _mm512_reduce_add_pd(sums[0]);
}

__attribute__((target("avx2,fma"))) static double
peak_loop_avx2(void)
{
	__m256d sums[PEAK_SUMS], a = _mm256_set1_pd(0.5), b = _mm256_set1_pd(0.25);

	for (size_t i = 0; i < PEAK_SUMS; i++)
		sums[i] = _mm256_set1_pd((double)i);
	for (size_t step = 0; step < PEAK_STEPS; step++)
#pragma GCC unroll 12
		for (size_t i = 0; i < PEAK_SUMS; i++)
			sums[i] = _mm256_fmadd_pd(sums[i], a, b);
	for (size_t i = 1; i < PEAK_SUMS; i++)
		sums[0] = _mm256_add_pd(sums[0], sums[i]);
	return _mm256_cvtsd_f64(sums[0]);
}
#endif

/* Runs the loop for the unit of some kernels (common/kernels.h); returns its operations, two for a
 * multiply-add, or zero for a unit that has no loop here. */
static double
peak_run(const char *kernels)
{
	static volatile double kept;

#ifdef __x86_64__
	if (!strcmp(kernels, "avx512")) {
		kept = peak_loop_avx512();
		return 2.0 * 8 * PEAK_SUMS * PEAK_STEPS;
	}
	if (!strcmp(kernels, "avx2")) {
		kept = peak_loop_avx2();
		return 2.0 * 4 * PEAK_SUMS * PEAK_STEPS;
	}
#endif
	(void)kept, (void)kernels;
	return 0;
}

#endif
