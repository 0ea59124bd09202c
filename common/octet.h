/*
 * Eight doubles at a time, in the registers of the vector unit that a file is compiled for.
 *
 * A vector is what one register holds: 8 doubles with AVX-512, 4 with AVX2, 2 elsewhere. An octet is 8
 * doubles whatever the unit, so that code written in octets adds in one order everywhere. Where a
 * processor can multiply and add with one rounding (both units of x86 named here, and ARM), that is
 * what multiply_add does, and results are the same to the last bit on all of these; elsewhere there
 * are two roundings.
 *
 * Memory is aligned to 64 bytes except where a name says otherwise.
 */
#ifndef OCTET_H
#define OCTET_H

#include <stddef.h>
#include <stdint.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define VECTOR_DOUBLES 8
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define VECTOR_DOUBLES 4
#else
#define VECTOR_DOUBLES 2
#endif

#define OCTET_PARTS (8 / VECTOR_DOUBLES)

/* Loops of constant length whose arrays should become registers. */
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 24")
#endif
#define INLINED static inline __attribute__((always_inline, unused))

typedef double vector __attribute__((vector_size(8 * VECTOR_DOUBLES), may_alias));
typedef uint64_t vector_bits __attribute__((vector_size(8 * VECTOR_DOUBLES), may_alias));
typedef vector_bits vector_bits_unaligned __attribute__((aligned(8)));

/* --- vectors --- */

INLINED vector
vector_all(double x)
{
#if VECTOR_DOUBLES == 8
	return (vector)_mm512_set1_pd(x);
#elif VECTOR_DOUBLES == 4
	return (vector)_mm256_set1_pd(x);
#else
	return (vector){x, x};
#endif
}

/* a b + c */
INLINED vector
vector_multiply_add(vector a, vector b, vector c)
{
#if defined(__AVX512F__)
	return (vector)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif VECTOR_DOUBLES == 4
	return (vector)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__FP_FAST_FMA)
	vector result;

	for (int i = 0; i < VECTOR_DOUBLES; i++)
		result[i] = __builtin_fma(a[i], b[i], c[i]);
	return result;
#else
	return a * b + c;
#endif
}

/* --- octets --- */

struct octet {
	vector part[OCTET_PARTS];
};

INLINED struct octet
octet_load(const double *values)
{
	struct octet x;

	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		x.part[p] = ((const vector *)values)[p];
	return x;
}

INLINED void
octet_store(double *values, struct octet x)
{
	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		((vector *)values)[p] = x.part[p];
}

INLINED struct octet
octet_all(double x)
{
	struct octet result;

	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		result.part[p] = vector_all(x);
	return result;
}

INLINED struct octet
octet_multiply(struct octet a, struct octet b)
{
	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		a.part[p] *= b.part[p];
	return a;
}

INLINED struct octet
octet_subtract(struct octet a, struct octet b)
{
	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		a.part[p] -= b.part[p];
	return a;
}

INLINED struct octet
octet_add(struct octet a, struct octet b)
{
	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		a.part[p] += b.part[p];
	return a;
}

INLINED struct octet
octet_divide(struct octet a, struct octet b)
{
	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		a.part[p] /= b.part[p];
	return a;
}

/* a b + c */
INLINED struct octet
octet_multiply_add(struct octet a, struct octet b, struct octet c)
{
	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		c.part[p] = vector_multiply_add(a.part[p], b.part[p], c.part[p]);
	return c;
}

/* c - a b */
INLINED struct octet
octet_multiply_subtract(struct octet a, struct octet b, struct octet c)
{
	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		c.part[p] = vector_multiply_add(-a.part[p], b.part[p], c.part[p]);
	return c;
}

/*
 * The sum of the eight: halves are added to each other until one is left, ((0 + 4) + (2 + 6)) +
 * ((1 + 5) + (3 + 7)).
 */
INLINED double
octet_sum(struct octet x)
{
#if VECTOR_DOUBLES == 8
	__m256d four = _mm256_add_pd(_mm512_castpd512_pd256((__m512d)x.part[0]),
				     _mm512_extractf64x4_pd((__m512d)x.part[0], 1));
	__m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));

	return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
#elif VECTOR_DOUBLES == 4
	__m256d four = _mm256_add_pd((__m256d)x.part[0], (__m256d)x.part[1]);
	__m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));

	return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
#else
	vector two = (x.part[0] + x.part[2]) + (x.part[1] + x.part[3]);

	return two[0] + two[1];
#endif
}

/* Of the eight those from number `from` up to but not `to`, and zeros for the others; from, to <= 8. */
INLINED struct octet
octet_keep(struct octet x, size_t from, size_t to)
{
	static const uint64_t edges[24] = {[8] = ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0),
					   ~UINT64_C(0),       ~UINT64_C(0), ~UINT64_C(0),
					   ~UINT64_C(0),       ~UINT64_C(0)};
	const vector_bits_unaligned *rising = (const void *)(edges + 8 - from);
	const vector_bits_unaligned *falling = (const void *)(edges + 16 - to);

	UNROLLED
	for (int p = 0; p < OCTET_PARTS; p++)
		x.part[p] = (vector)((vector_bits)x.part[p] & rising[p] & falling[p]);
	return x;
}

#endif
