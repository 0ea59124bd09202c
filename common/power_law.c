#include "power_law.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "portable_math.h"
#include "util.h"

/* So many points of a law are looked at before all between two of them. */
#define STRIDE 16

/* The points of all laws that are computed to begin with. */
#define PROBES 32

/* More than exponentials may err, so that bounds made of them hold for those between. */
#define SLACK 1e-14

/* e^-700 is no less than nothing beside the share of one value. */
#define LEAST_EXPONENT (-700.0)

void
power_law_logarithms(const double *values, size_t n, double *logarithms, double *sums)
{
	memcpy(logarithms, values, n * sizeof(*values));
	portable_log_all(logarithms, n);
	power_law_sums(logarithms, n, sums);
}

void
power_law_sums(const double *logarithms, size_t n, double *sums)
{
	if (n)
		sums[n - 1] = 0;
	for (size_t i = n - (n > 0); i-- > 0;)
		sums[i] = sums[i + 1] + (double)(n - 1 - i) * (logarithms[i + 1] - logarithms[i]);
}

/* A law beside the data from its cut on. */
struct tail {
	const double *logarithms; /* of the n values from the cut on */
	size_t n;
	double origin, rate; /* P = 1 - e^(-rate (y - origin)) */
	double upper;	     /* 1, or 0 for the lower side alone */
};

static struct tail
tail_at(const double *logarithms, const double *sums, size_t n, size_t cut, bool lower_side)
{
	return (struct tail){logarithms + cut, n - cut, logarithms[cut],
			     (double)(n - cut) / sums[cut], lower_side ? 0 : 1};
}

/* 1 - P at the points with these numbers: the first, and then one in each step. */
static void
rests_of(const struct tail *tail, size_t first, size_t step, size_t count, double *values)
{
	for (size_t i = 0; i < count; i++)
		values[i] = fmax(
			fmin(-tail->rate * (tail->logarithms[first + i * step] - tail->origin), 0),
			LEAST_EXPONENT);
	portable_exp_all(values, count);
}

/* The distance at point j, where P is 1 - rest. */
static double
distance_at(const struct tail *tail, size_t j, double rest)
{
	double law = 1 - rest, n = (double)tail->n, index = (double)j;

	return fmax(law - index / n, (index + tail->upper) / n - law);
}

/* The largest of the distances at the points from first to end. */
static double
distance_between(const struct tail *tail, size_t first, size_t end, double largest)
{
	double rests[STRIDE];

	rests_of(tail, first, 1, end - first, rests);
	for (size_t j = first; j < end; j++)
		largest = fmax(largest, distance_at(tail, j, rests[j - first]));
	return largest;
}

/* What no distance at a point between a and b, where P is known, exceeds. */
static double
bound_between(const struct tail *tail, size_t a, size_t b, double rest_a, double rest_b)
{
	double n = (double)tail->n;

	return fmax((1 - rest_b) - (double)a / n, ((double)b + tail->upper) / n - (1 - rest_a)) +
	       SLACK;
}

/*
 * D of a tail: the largest distance. First every so manieth point, then what lies between those that leave
 * room for more. Gives up as soon as it exceeds the limit; what it returns then exceeds it, too.
 */
static double
distance_of(const struct tail *tail, double limit, double *rests)
{
	size_t count = (tail->n - 1) / STRIDE + 1;
	double largest = 0;

	rests_of(tail, 0, STRIDE, count, rests);
	for (size_t i = 0; i < count; i++)
		largest = fmax(largest, distance_at(tail, i * STRIDE, rests[i]));
	for (size_t i = 0; i < count && largest <= limit; i++) {
		size_t first = i * STRIDE + 1;
		size_t end = i + 1 < count ? first + STRIDE - 1 : tail->n;

		if (first < end && bound_between(tail, first, end - 1, rests[i],
						 i + 1 < count ? rests[i + 1] : 0) > largest)
			largest = distance_between(tail, first, end, largest);
	}
	return largest;
}

/* What D is at least, from a few points alone. */
static double
least_distance(const struct tail *tail)
{
	double rests[PROBES], largest = 0;
	size_t step = tail->n > PROBES ? tail->n / PROBES : 1;
	size_t count = tail->n / step < PROBES ? tail->n / step : PROBES;

	rests_of(tail, 0, step, count, rests);
	for (size_t i = 0; i < count; i++)
		largest = fmax(largest, distance_at(tail, i * step, rests[i]));
	return largest;
}

double
power_law_distance(const double *logarithms, size_t n, double origin, double rate)
{
	struct tail tail = {logarithms, n, origin, rate, 1};
	double *rests = xcalloc(n / STRIDE + 1, sizeof(*rests)), distance;

	distance = n ? distance_of(&tail, INFINITY, rests) : NAN;
	free(rests);
	return distance;
}

struct power_law
power_law_at(const double *logarithms, const double *sums, size_t n, size_t cut, bool lower_side)
{
	struct power_law law = {cut, INFINITY, NAN};
	struct tail tail;
	double *rests;

	if (!(sums[cut] > 0))
		return law;
	tail = tail_at(logarithms, sums, n, cut, lower_side);
	rests = xcalloc(tail.n / STRIDE + 1, sizeof(*rests));
	law.alpha = 1 + tail.rate;
	law.distance = distance_of(&tail, INFINITY, rests);
	free(rests);
	return law;
}

struct candidate {
	size_t cut;
	double least;
};

static int
compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = (x->least > y->least) - (x->least < y->least);

	return order ? order : (x->cut > y->cut) - (x->cut < y->cut);
}

/* Whether the rules try a cut: one with values above it, of equal ones the first, and with an alpha in range. */
static bool
is_candidate(const double *logarithms, const double *sums, size_t n, size_t cut,
	     const struct power_law_rules *rules)
{
	bool tie = cut && logarithms[cut] == logarithms[cut - 1];
	bool in_range = !(rules->most_alpha > 0) ||
			1 + (double)(n - cut) / sums[cut] < rules->most_alpha;

	return sums[cut] > 0 && (rules->all_ties || !tie) && in_range;
}

static size_t
list_candidates(const double *logarithms, const double *sums, size_t n,
		const struct power_law_rules *rules, struct candidate *candidates)
{
	size_t count = 0;

	for (size_t cut = rules->first; cut < rules->end; cut++) {
		struct tail tail = tail_at(logarithms, sums, n, cut, rules->lower_side);

		if (is_candidate(logarithms, sums, n, cut, rules))
			candidates[count++] = (struct candidate){cut, least_distance(&tail)};
	}
	return count;
}

struct power_law
power_law_search(const double *logarithms, const double *sums, size_t n,
		 const struct power_law_rules *rules)
{
	struct candidate *candidates = xcalloc(n + 1, sizeof(*candidates));
	double *rests = xcalloc(n / STRIDE + 1, sizeof(*rests));
	struct power_law best = {n, NAN, INFINITY};
	size_t count = list_candidates(logarithms, sums, n, rules, candidates);

	/* In the order of what each can be at best, until none of the rest can be the best. */
	qsort(candidates, count, sizeof(*candidates), compare_candidates);
	for (size_t i = 0; i < count && candidates[i].least <= best.distance; i++) {
		size_t cut = candidates[i].cut;
		struct tail tail = tail_at(logarithms, sums, n, cut, rules->lower_side);
		double distance = distance_of(&tail, best.distance, rests);

		if (distance < best.distance || (distance == best.distance && cut < best.cut))
			best = (struct power_law){cut, 1 + tail.rate, distance};
	}
	if (best.cut == n)
		best.distance = NAN;
	free(rests);
	free(candidates);
	return best;
}

bool
power_law_comes_within(const double *logarithms, const double *sums, size_t n,
		       const struct power_law_rules *rules, double distance)
{
	double *rests = xcalloc(n / STRIDE + 1, sizeof(*rests));
	bool found = false;

	for (size_t cut = rules->first; cut < rules->end && !found; cut++) {
		struct tail tail = tail_at(logarithms, sums, n, cut, rules->lower_side);

		found = is_candidate(logarithms, sums, n, cut, rules) &&
			least_distance(&tail) < distance &&
			distance_of(&tail, distance, rests) < distance;
	}
	free(rests);
	return found;
}
