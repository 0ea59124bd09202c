/*
 * Both functions reduce their argument exactly and sum a Taylor series; that is slower than a
 * minimax polynomial by a few terms, and every coefficient explains itself. The reductions are
 * those of Sun's fdlibm, e_log.c and e_exp.c.
 *
 * Below, u = 2^-53 is the largest relative error of one operation.
 */
#include "portable_math.h"

#include <float.h>
#include <stdint.h>

#include "bits.h"
#include "vector.h"

_Static_assert(FLT_EVAL_METHOD == 0, "double arithmetic must round to double at each operation");

/* ln 2 in two parts. The first ends in 20 zero bits, so its products with exponents are exact. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW	 0x1.a39ef35793c76p-33

/*
 * x = 2^e (1 + g) with 1 + g between sqrt(1/2) and sqrt(2), and s = g / (2 + g), for which
 *     ln(1 + g) = ln((1 + s) / (1 - s)) = 2s + s r,   r = 2 (s^2/3 + s^4/5 + s^6/7 + ...).
 * As 2s = g - s g, this is g - s (g - r): the first term is exact, and the error sits in a second
 * that is at most a fifth of the result. |s| < 0.1716, so that ten terms leave out less
 * than 0.01 u.
 *
 * Errors: s g takes 2 u, r and the two operations around it less than 3 u, of a fifth: 1 u; sums
 * with e ln 2 and the last subtraction 1 u each where the result is not smaller than what they
 * round. That is the case, as |ln x| is at least |ln(1 + g)|, the worst being e = -1 and g near
 * sqrt(2) - 1.
 */
static inline double
logarithm(double x)
{
	const double sqrt_half = 0x1.6a09e667f3bcdp-1;
	uint64_t bits = bits_of(x);
	int exponent = (int)(bits >> 52) - 1022;
	double fraction = double_of((bits & 0x000fffffffffffff) | (uint64_t)1022 << 52);
	double e, g, s, z, r;

	if (fraction < sqrt_half) {
		fraction *= 2;
		exponent--;
	}
	e = exponent;
	g = fraction - 1;
	s = g / (2 + g);
	z = s * s;
	r = 1.0 / 21;
	r = r * z + 1.0 / 19;
	r = r * z + 1.0 / 17;
	r = r * z + 1.0 / 15;
	r = r * z + 1.0 / 13;
	r = r * z + 1.0 / 11;
	r = r * z + 1.0 / 9;
	r = r * z + 1.0 / 7;
	r = r * z + 1.0 / 5;
	r = r * z + 1.0 / 3;
	r = 2 * z * r;
	return e * LN2_HIGH + (g - (s * (g - r) - e * LN2_LOW));
}

double
portable_log(double x)
{
	return logarithm(x);
}

HOT static void
logarithms(double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		values[i] = logarithm(values[i]);
}

void
portable_log_all(double *values, size_t count)
{
	logarithms(values, count);
}

/*
 * x = k ln 2 + r with |r| <= ln(2)/2, and e^r = 1 + (r + r^2 q), q = 1/2! + r/3! + ... + r^11/13!,
 * which leaves out less than 0.1 u.
 *
 * Errors: subtracting k LN2_HIGH is exact, and k LN2_LOW is below 2^-23, so that r errs by the one
 * rounding of a number below 1/2, u/4. r + r^2 q stays below 0.42 and errs by another u/4 and, from
 * r^2 q < 0.07, another u/4. Over e^r >= 0.7 and with the last addition that is less than 3 u.
 */
static inline double
exponential(double x)
{
	/* Adding and subtracting 1.5 * 2^52 rounds to an integer, which stands in the last bits of the sum. */
	const double magic = 0x1.8p52, inverse_ln2 = 0x1.71547652b82fep0;
	double sum = x * inverse_ln2 + magic, k = sum - magic;
	double r = x - k * LN2_HIGH - k * LN2_LOW;
	double q = 1.0 / 6227020800;

	q = q * r + 1.0 / 479001600;
	q = q * r + 1.0 / 39916800;
	q = q * r + 1.0 / 3628800;
	q = q * r + 1.0 / 362880;
	q = q * r + 1.0 / 40320;
	q = q * r + 1.0 / 5040;
	q = q * r + 1.0 / 720;
	q = q * r + 1.0 / 120;
	q = q * r + 1.0 / 24;
	q = q * r + 1.0 / 6;
	q = q * r + 1.0 / 2;
	return (1 + (r + r * r * q)) * double_of((bits_of(sum) + 1023) << 52);
}

double
portable_exp(double x)
{
	return exponential(x);
}

HOT static void
exponentials(double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		values[i] = exponential(values[i]);
}

void
portable_exp_all(double *values, size_t count)
{
	exponentials(values, count);
}
