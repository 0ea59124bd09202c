/*
 * Logarithm and exponential with the same bits everywhere.
 *
 * IEEE 754 fixes + - * / and sqrt, and leaves log and exp to each C library, whose results differ
 * in the last bit. These two are made of the fixed operations alone, so that what is computed with
 * them can be reproduced, and compared by cmp, on any machine whose double is binary64.
 */
#ifndef PORTABLE_MATH_H
#define PORTABLE_MATH_H

#include <stddef.h>

/*
 * What the relative errors are below, in units of 2^-53: three units are at most three units in the
 * last place. portable_math.c derives it.
 */
#define PORTABLE_MATH_ERROR (3 * 0x1p-53)

/* ln x, for x finite, positive and normal (at least 2^-1022). */
double portable_log(double x);

/* Replaces each of count values by its logarithm: the same bits, several at a time. */
void portable_log_all(double *values, size_t count);

/* e^x, for |x| at most 700, where the result is normal. */
double portable_exp(double x);

/* Replaces each of count values by its exponential: the same bits, several at a time. */
void portable_exp_all(double *values, size_t count);

#endif
