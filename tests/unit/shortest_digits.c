/* format_double() writes the fewest digits that read back, for all kinds of values: as trying them all from 1 on. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "random.h"
#include "tap.h"
#include "util.h"

/* The definition. */
static const char *
try_all(double value, char buffer[static DOUBLE_TEXT_SIZE])
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(buffer, DOUBLE_TEXT_SIZE, "%.*g", digits, value);
		if (strtod(buffer, NULL) == value)
			break;
	}
	return buffer;
}

static bool
is_shortest(double value)
{
	char found[DOUBLE_TEXT_SIZE], expected[DOUBLE_TEXT_SIZE];

	if (!strcmp(format_double(value, found), try_all(value, expected)))
		return true;
	printf("# %a: %s, and not %s\n", value, found, expected);
	return false;
}

/* Written without digits after the point, and not here. */
static bool
is_whole(double value)
{
	return value == rint(value) && fabs(value) < 1e15;
}

static double
of_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Any bits, of which one in 2000 is below the normal range. */
static bool
any_value(struct random *random)
{
	double value = of_bits(random_bits(random));

	return !isfinite(value) || is_whole(value) || is_shortest(value);
}

/* Up to 17 digits before an exponent. */
static bool
few_digits(struct random *random)
{
	char text[64];
	uint64_t bound = 1;
	double value;

	for (uint64_t i = random_below(random, 18); i > 0; i--)
		bound *= 10;
	snprintf(text, sizeof(text), "%llue%d", (unsigned long long)random_below(random, bound),
		 (int)random_below(random, 660) - 340);
	value = strtod(text, NULL);
	return !isfinite(value) || is_whole(value) || is_shortest(value);
}

/* At a power of two the values below lie closer than those above. */
static bool
around_powers_of_two(void)
{
	bool right = true;

	for (int exponent = -1074; exponent <= 1023; exponent++) {
		double power = ldexp(1, exponent);
		double values[] = {nextafter(power, 0), power, nextafter(power, INFINITY)};

		for (unsigned i = 0; i < 3; i++)
			right &= is_whole(values[i]) || is_shortest(values[i]);
	}
	return right;
}

static bool
many(bool (*one)(struct random *), unsigned count)
{
	struct random random;
	bool right = true;

	random_begin(&random, 5, 0);
	for (unsigned i = 0; i < count && right; i++)
		right = one(&random);
	return right;
}

static void
test_text(double value, const char *expected)
{
	char buffer[DOUBLE_TEXT_SIZE];

	tap_text(format_double(value, buffer), expected, expected);
}

int
main(void)
{
	tap(many(any_value, 30000), "any bits");
	tap(many(few_digits, 30000), "decimals of few digits");
	tap(around_powers_of_two(), "powers of two and their neighbours");
	test_text(400, "400");
	test_text(-0.1, "-0.1");
	test_text(1e15, "1e+15");
	test_text(0.1 + 0.2, "0.30000000000000004");
	test_text(5e-324, "5e-324");
	test_text(DBL_MAX, "1.7976931348623157e+308");
	test_text(NAN, "nan");
	test_text(-INFINITY, "-inf");
	return tap_done();
}
