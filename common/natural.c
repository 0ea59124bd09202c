#include "natural.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Compares two runs of digits by value, and moves behind them. */
static int
compare_runs(const char **a, const char **b)
{
	size_t length_a, length_b;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	length_a = strspn(*a, "0123456789");
	length_b = strspn(*b, "0123456789");
	*a += length_a;
	*b += length_b;
	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	return memcmp(*a - length_a, *b - length_b, length_a);
}

int
compare_natural(const char *a, const char *b)
{
	const char *whole_a = a, *whole_b = b;

	for (;;) {
		size_t same = 0, run;
		int order;

		while (a[same] && a[same] == b[same])
			same++;
		if (!a[same] && !b[same])
			return strcmp(whole_a, whole_b); /* 0, but for layers.1 and layers.01 */
		for (run = same; run && is_digit(a[run - 1]);)
			run--;
		if (!is_digit(a[run]) || !is_digit(b[run]))
			return (unsigned char)a[same] < (unsigned char)b[same] ? -1 : 1;
		a += run;
		b += run;
		order = compare_runs(&a, &b);
		if (order)
			return order;
	}
}
