#include "statistics.h"

#include <math.h>
#include <stdlib.h>

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
sort_ascending(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
}

double
mean_of(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return count ? sum / (double)count : NAN;
}

double
quantile(const double *ascending, size_t count, double q)
{
	double place, below;
	size_t i;

	if (!count)
		return NAN;
	place = q * (double)(count - 1);
	below = floor(place);
	i = (size_t)below;
	if (i + 1 >= count)
		return ascending[count - 1];
	return ascending[i] + (place - below) * (ascending[i + 1] - ascending[i]);
}

/* Two passes, since the squares of values that are close together would cancel. */
static double
std_of(const double *values, size_t count, double mean)
{
	double sum = 0;

	if (count < 2)
		return NAN;
	for (size_t i = 0; i < count; i++)
		sum += (values[i] - mean) * (values[i] - mean);
	return sqrt(sum / (double)(count - 1));
}

struct summary
summarize(double *values, size_t count)
{
	struct summary summary = {.count = count,
				  .mean = NAN,
				  .std = NAN,
				  .min = NAN,
				  .q25 = NAN,
				  .median = NAN,
				  .q75 = NAN,
				  .max = NAN};

	if (!count)
		return summary;
	sort_ascending(values, count);
	summary.mean = mean_of(values, count);
	summary.std = std_of(values, count, summary.mean);
	summary.min = values[0];
	summary.q25 = quantile(values, count, 0.25);
	summary.median = quantile(values, count, 0.5);
	summary.q75 = quantile(values, count, 0.75);
	summary.max = values[count - 1];
	return summary;
}
