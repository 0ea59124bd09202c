#include "planted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "portable_math.h"

#define WIDTH ((size_t)ROTATION_PANEL)

/* ln(s_1^2 / s_p^2) = ln(p) / (alpha - 1) may be at most ln 2^80. */
#define LARGEST_SPREAD (80 * 0x1.62e42fefa39efp-1)

bool
planted_is_possible(double alpha, size_t p)
{
	return alpha > 1 && portable_log((double)p) <= LARGEST_SPREAD * (alpha - 1);
}

void
planted_singular_values(double *values, size_t rows, size_t columns, double alpha, double rms)
{
	size_t p = rows < columns ? rows : columns;
	double sum = 0, scale;

	for (size_t j = p; j >= 1; j--) {
		double logarithm = portable_log((double)p / (double)j);

		values[j - 1] = portable_exp(logarithm / (2 * (alpha - 1)));
		sum += values[j - 1] * values[j - 1];
	}
	scale = rms * sqrt((double)rows / sum * (double)columns);
	for (size_t j = 0; j < p; j++)
		values[j] *= scale;
}

double
planted_hill(double alpha, size_t k)
{
	double sum = 0;

	for (size_t i = 1; i <= k; i++)
		sum += portable_log((double)(k + 1) / (double)i);
	return 1 + (alpha - 1) * (double)k / sum;
}

/* Room for count x WIDTH doubles at the start of a line of the cache; null when there is none. */
static double *
allocate_panel(size_t count)
{
	uint64_t size;

	if (!multiply_checked(count, WIDTH * sizeof(double), &size))
		return NULL;
	return aligned_alloc(WIDTH * sizeof(double), size);
}

/* Turns the columns of diag(s), m x p, into those of U diag(s), a panel at a time. */
static int
scale_left_factor(struct planted *planted, const double *singular_values, size_t p,
		  struct random *random, struct failure *failure)
{
	struct rotations left;

	if (rotations_draw(&left, planted->rows, random, failure) < 0)
		return -1;
	for (size_t i = 0; i < planted->panels; i++) {
		double *panel = planted->scaled + i * planted->rows * WIDTH;

		memset(panel, 0, planted->rows * WIDTH * sizeof(*panel));
		for (size_t j = i * WIDTH; j < p && j < (i + 1) * WIDTH; j++)
			panel[j * WIDTH + j % WIDTH] = singular_values[j];
		rotations_apply(&left, panel);
	}
	rotations_free(&left);
	return 0;
}

int
planted_begin(struct planted *planted, size_t rows, size_t columns, double alpha, double rms,
	      struct random *random, struct failure *failure)
{
	size_t p = rows < columns ? rows : columns;
	double *singular_values = calloc(p, sizeof(*singular_values));

	*planted = (struct planted){
		.rows = rows, .columns = columns, .panels = (p + WIDTH - 1) / WIDTH};
	planted->scaled = allocate_panel(planted->panels * rows);
	/* The last panel of columns of U diag(s) may reach past n. */
	planted->panel = allocate_panel(columns + WIDTH);
	if (!singular_values || !planted->scaled || !planted->panel) {
		fail(failure, STATUS_RETRY, "no memory for a matrix of %zu x %zu", rows, columns);
		goto failed;
	}
	planted_singular_values(singular_values, rows, columns, alpha, rms);
	if (scale_left_factor(planted, singular_values, p, random, failure) < 0 ||
	    rotations_draw(&planted->right, columns, random, failure) < 0)
		goto failed;
	free(singular_values);
	return 0;
failed:
	free(singular_values);
	planted_end(planted);
	return -1;
}

/*
 * A row of U diag(s), with zeros up to n, becomes a row of U diag(s) V^T. Here it is a column of
 * the panel at work; those past the last row are zero.
 */
size_t
planted_rows(struct planted *planted, double *values)
{
	size_t m = planted->rows, n = planted->columns, first = planted->next;
	size_t count = m - first < PLANTED_ROWS ? m - first : PLANTED_ROWS;
	double *panel = planted->panel;

	if (!count)
		return 0;
	memset(panel, 0, n * WIDTH * sizeof(*panel));
	for (size_t i = 0; i < planted->panels; i++) {
		const double *rows = planted->scaled + (i * m + first) * WIDTH;

		for (size_t row = 0; row < count; row++)
			for (size_t j = 0; j < WIDTH; j++)
				panel[(i * WIDTH + j) * WIDTH + row] = rows[row * WIDTH + j];
	}
	rotations_apply(&planted->right, panel);
	for (size_t row = 0; row < count; row++)
		for (size_t j = 0; j < n; j++)
			values[row * n + j] = panel[j * WIDTH + row];
	planted->next += count;
	return count;
}

void
planted_end(struct planted *planted)
{
	rotations_free(&planted->right);
	free(planted->scaled);
	free(planted->panel);
	*planted = (struct planted){0};
}
