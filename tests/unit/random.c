/*
 * What synthetic models are made of: the generator, logarithm and exponential, normal values,
 * random rotations, and planted matrices of a size where all can be checked directly.
 *
 * Tolerances are derived beside each use; statistical ones are five standard deviations, and as the
 * numbers are the same at every run, these tests pass always or never.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "architecture.h"
#include "hill.h"
#include "planted.h"
#include "portable_math.h"
#include "random.h"
#include "rotation.h"
#include "tap.h"

/* Known answers of Philox4x32-10: Random123, tests/kat_vectors. */
static void
check_generator(void)
{
	static const struct {
		uint32_t counter[4], key[2], output[4];
	} cases[] = {
		{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
		 {0xffffffff, 0xffffffff},
		 {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
		 {0xa4093822, 0x299f31d0},
		 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	struct random random;
	uint32_t output[4];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		random_philox(cases[i].counter, cases[i].key, output);
		tap(!memcmp(output, cases[i].output, sizeof(output)),
		    "Philox4x32-10, known answer %zu", i + 1);
	}
	random_begin(&random, 0, 0);
	tap(random_bits(&random) == 0xe169c58d6627e8d5 &&
		    random_bits(&random) == 0x9b00dbd8bc57ac4c,
	    "a stream begins with block 0 of its key");
}

/* The i-th word of a stream must be that of block i/2, also past what is made at once. */
static void
check_streams(void)
{
	const uint64_t seed = 0x0123456789abcdef, stream = 0xfedcba9876543210;
	const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
	struct random random;
	bool equal = true;

	random_begin(&random, seed, stream);
	for (uint32_t i = 0; i < 5 * RANDOM_BLOCKS + 3; i++) {
		uint32_t counter[4] = {i, 0, (uint32_t)stream, (uint32_t)(stream >> 32)}, output[4];

		random_philox(counter, key, output);
		equal &= random_bits(&random) == (output[0] | (uint64_t)output[1] << 32);
		equal &= random_bits(&random) == (output[2] | (uint64_t)output[3] << 32);
	}
	tap(equal, "a stream is the blocks of its seed and number, one after the other");
}

/* The larger error of log and exp against long double, in units of 2^-53. */
static void
check_log_exp(void)
{
	double log_error = 0, exp_error = 0, all[64];
	struct random random;
	bool same = true;

	/* The reference is good to 2^-63 or better, a thousandth of a unit. */
	random_begin(&random, 1, 0);
	for (int i = 0; i < 1000000; i++) {
		double x, y;
		int exponent = (int)random_below(&random, 2045) - 1022;

		random_disc(&random, &x, &y);
		if (i % 2)
			exponent = 0; /* near 1 a logarithm is most difficult */
		x = ldexp(1 + fabs(x) / 2, exponent);
		log_error = fmax(log_error, (double)fabsl((portable_log(x) - logl(x)) / logl(x)));
		y *= i % 3 ? 700 : 1;
		exp_error = fmax(exp_error, (double)fabsl((portable_exp(y) - expl(y)) / expl(y)));
	}
	tap(log_error < PORTABLE_MATH_ERROR, "log: error of %.2f units, bound 3",
	    log_error * 0x1p53);
	tap(exp_error < PORTABLE_MATH_ERROR, "exp: error of %.2f units, bound 3",
	    exp_error * 0x1p53);
	tap(portable_log(1) == 0 && portable_exp(0) == 1, "ln 1 = 0 and e^0 = 1 exactly");
	for (int i = 0; i < 64; i++)
		all[i] = 0x1.23456789abcdep-20 * (double)(i * i * i + 1);
	portable_log_all(all, 64);
	for (int i = 0; i < 64; i++)
		same &= all[i] == portable_log(0x1.23456789abcdep-20 * (double)(i * i * i + 1));
	tap(same, "log of many is log of each, to the bit");
}

/* For N values the moments 1 to 4 have standard deviations sqrt(1, 2, 15, 96) / sqrt(N). */
static void
check_gaussian(void)
{
	enum { COUNT = 1 << 20 };
	static const double expected[] = {0, 1, 0, 3}, variance[] = {1, 2, 15, 96};
	double *values = malloc(COUNT * sizeof(*values)), again[7], pairs = 0;
	struct random random;

	if (!values)
		abort();
	random_begin(&random, 2, 0);
	random_gaussian(&random, values, COUNT);
	for (int moment = 1; moment <= 4; moment++) {
		double sum = 0;

		for (size_t i = 0; i < COUNT; i++)
			sum += pow(values[i], moment);
		tap(fabs(sum / COUNT - expected[moment - 1]) <
			    5 * sqrt(variance[moment - 1] / COUNT),
		    "normal values: moment %d is %.4f", moment, sum / COUNT);
	}
	for (size_t i = 0; i < COUNT; i += 2)
		pairs += values[i] * values[i + 1];
	tap(fabs(pairs / (COUNT / 2)) < 5 / sqrt(COUNT / 2), "normal values: pairs uncorrelated");
	random_begin(&random, 2, 0);
	random_gaussian(&random, again, 7);
	tap(!memcmp(again, values, sizeof(again)), "normal values: an odd count, the same values");
	free(values);
}

/*
 * How far R^T R is from the identity, element by element; the columns of R are turned unit
 * vectors.
 */
static double
orthogonality_error(const struct rotations *rotations, size_t n)
{
	double *columns = calloc((n + ROTATION_PANEL) * n, sizeof(double)), error = 0;

	if (!columns)
		abort();
	for (size_t i = 0; i < n; i += ROTATION_PANEL) {
		double *panel = columns + i * n;

		for (size_t j = 0; j < ROTATION_PANEL && i + j < n; j++)
			panel[(i + j) * ROTATION_PANEL + j] = 1;
		rotations_apply(rotations, panel);
	}
	for (size_t a = 0; a < n; a++)
		for (size_t b = 0; b <= a; b++) {
			double dot = 0;

			for (size_t i = 0; i < n; i++)
				dot += columns[(a & ~(size_t)7) * n + 8 * i + a % 8] *
				       columns[(b & ~(size_t)7) * n + 8 * i + b % 8];
			error = fmax(error, fabs(dot - (a == b)));
		}
	free(columns);
	return error;
}

static void
check_rotations(void)
{
	static const size_t dimensions[] = {1, 2, 3, 5, 8, 97, 300};
	struct rotations rotations;
	struct failure failure;
	struct random random;

	_Static_assert(ROTATION_PANEL == 8, "orthogonality_error() is for panels of eight");
	for (size_t i = 0; i < sizeof(dimensions) / sizeof(*dimensions); i++) {
		size_t n = dimensions[i];
		double error;

		random_begin(&random, 3, n);
		if (rotations_draw(&rotations, n, &random, &failure) < 0)
			abort();
		error = orthogonality_error(&rotations, n);
		/* Each of some 25 stages rounds coordinates, of length 1 together, by up to
		 * 3 * 2^-53, and cosine and sine are as far off; the sum of products adds n. */
		tap(error < 200 * 0x1p-53, "rotations of dimension %zu: orthogonal to %.1e", n,
		    error);
		rotations_free(&rotations);
	}
}

/* A turned unit vector has kurtosis 3 and at most 1/2; its own scatter is sqrt(96 / n). */
static void
check_density(void)
{
	enum { DIMENSION = 10007 };
	double *panel = calloc(DIMENSION * ROTATION_PANEL, sizeof(double)), fourth = 0;
	struct rotations rotations;
	struct failure failure;
	struct random random;

	random_begin(&random, 4, 0);
	if (!panel || rotations_draw(&rotations, DIMENSION, &random, &failure) < 0)
		abort();
	for (size_t j = 0; j < ROTATION_PANEL; j++)
		panel[j * ROTATION_PANEL + j] = 1;
	rotations_apply(&rotations, panel);
	for (size_t i = 0; i < DIMENSION * ROTATION_PANEL; i++)
		fourth += pow(panel[i], 4);
	fourth *= (double)DIMENSION / ROTATION_PANEL;
	tap(fabs(fourth - 3.25) < 0.25 + 5 * sqrt(96.0 / DIMENSION / ROTATION_PANEL),
	    "turned unit vectors look dense: kurtosis %.2f", fourth);
	free(panel);
	rotations_free(&rotations);
}

/* Fills a whole matrix. */
static void
make_planted(double *matrix, size_t rows, size_t columns, double alpha, double rms)
{
	struct planted planted;
	struct failure failure;
	struct random random;
	size_t count;

	random_begin(&random, 5, 0);
	if (planted_begin(&planted, rows, columns, alpha, rms, &random, &failure) < 0)
		abort();
	while ((count = planted_rows(&planted, matrix)) > 0)
		matrix += count * columns;
	planted_end(&planted);
}

/*
 * The sums of the s_j^2 and of the s_j^4 are those of the squares of W, and of W W^T: no
 * eigensolver is needed to see that they are right. Rounding, as for rotations, to some 1e-14.
 */
static void
check_planted(size_t rows, size_t columns, double alpha)
{
	size_t p = rows < columns ? rows : columns;
	/* planted_rows() wants room for whole panels. */
	double *w = calloc((rows + PLANTED_ROWS) * columns, sizeof(*w));
	double *s = calloc(p, sizeof(*s));
	double squares = 0, fourths = 0, norm = 0, gram_norm = 0;

	if (!w || !s)
		abort();
	make_planted(w, rows, columns, alpha, 0.02);
	planted_singular_values(s, rows, columns, alpha, 0.02);
	for (size_t j = 0; j < p; j++) {
		squares += s[j] * s[j];
		fourths += pow(s[j], 4);
	}
	for (size_t a = 0; a < rows; a++)
		for (size_t b = 0; b < rows; b++) {
			double dot = 0;

			for (size_t i = 0; i < columns; i++)
				dot += w[a * columns + i] * w[b * columns + i];
			norm += a == b ? dot : 0;
			gram_norm += dot * dot;
		}
	tap(fabs(squares / (0.0004 * (double)(rows * columns)) - 1) < 1e-14 &&
		    fabs(norm / squares - 1) < 1e-13 && fabs(gram_norm / fourths - 1) < 1e-13,
	    "planted %zu x %zu: norms of W and of W W^T as the singular values say", rows, columns);
	free(w);
	free(s);
}

/* The closed form against the fit itself, on the values that would be planted. */
static void
check_closed_form(void)
{
	enum { P = 1000 };
	static const double alphas[] = {1.5, 2, 3, 6};
	double s[P], eigenvalues[P];

	for (size_t i = 0; i < 4; i++) {
		size_t k = hill_tail_size(P, 0.1);

		planted_singular_values(s, P, 2 * P, alphas[i], 1);
		for (size_t j = 0; j < P; j++)
			eigenvalues[P - 1 - j] = s[j] * s[j];
		/* Logarithms, of a mean 1 / (alpha - 1), are off by some 2^-50 at most. */
		tap(fabs(hill_fit(eigenvalues, P, k, 0, 0).alpha - planted_hill(alphas[i], k)) <
			    alphas[i] * alphas[i] * 0x1p-50,
		    "the Hill estimate for alpha %g has its closed form", alphas[i]);
	}
	tap(!planted_is_possible(1, 1) && planted_is_possible(1.5, 4096) &&
		    !planted_is_possible(1.1, 4096) && planted_is_possible(1.1, 2),
	    "exponents whose spectra double cannot hold are refused");
}

/* The numbers of parameters that the models' pages on the Hugging Face hub state. */
static void
check_architectures(void)
{
	static const struct {
		const char *name;
		uint64_t parameters;
	} cases[] = {
		{"bert-base", 110106428},     {"llama-3.1-70b", 70553706496},
		{"llama-3.1-8b", 8030261248}, {"llama-3.2-1b", 1235814400},
		{"mistral-7b", 7241732096},   {"olmoe-1b-7b", 6919161856},
		{"qwen2.5-0.5b", 494032768},  {"qwen2.5-7b", 7615616512},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct architecture *architecture = architecture_find(cases[i].name);
		struct synthetic_model model = architecture_tensors(
			architecture, architecture_blocks(architecture), true);
		uint64_t parameters = 0;

		for (size_t j = 0; j < model.count; j++)
			parameters += model.tensors[j].elements;
		tap(parameters == cases[i].parameters, "%s has %llu parameters", cases[i].name,
		    (unsigned long long)parameters);
		synthetic_free(&model);
	}
}

int
main(void)
{
	check_generator();
	check_streams();
	check_log_exp();
	check_gaussian();
	check_rotations();
	check_density();
	check_planted(1, 1, 3);
	check_planted(1, 9, 3);
	check_planted(9, 1, 3);
	check_planted(33, 100, 2);
	check_planted(100, 33, 4);
	check_planted(64, 64, 2.5);
	check_closed_form();
	check_architectures();
	return tap_done();
}
