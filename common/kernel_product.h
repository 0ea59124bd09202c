/*
 * Matrix products, after Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication,
 * ACM Transactions on Mathematical Software 34 (2008), 12.
 *
 * The block of C that the registers hold stays there while k runs; each step takes one vector of a
 * column of A^T and one broadcast element of B for each multiply-add. With three vectors by eight
 * columns AVX-512 keeps 24 of its 32 registers busy, three by four are 12 of the 16 of others. Every
 * element of C gets its terms in the order of k whatever the block, so that all units give one result.
 *
 * For kernels_of_unit.h only.
 */
#ifndef KERNEL_PRODUCT_H
#define KERNEL_PRODUCT_H

#include "kernels.h"
#include "octet.h"

#define BLOCK_VECTORS 3
#define BLOCK_ROWS    (BLOCK_VECTORS * VECTOR_DOUBLES)
#if VECTOR_DOUBLES == 8
#define BLOCK_COLUMNS 8
#else
#define BLOCK_COLUMNS 4
#endif

/* So many steps of k before C is touched: a panel of A then takes 36 KiB, and stays near. */
#define DEPTH_STEP 192

/* BLOCK_ROWS x BLOCK_COLUMNS of C. */
INLINED void
multiply_block(size_t depth, const double *a, size_t a_step, const double *b, size_t b_step,
	       size_t b_along, double *c, size_t c_column, bool subtract)
{
	vector sums[BLOCK_COLUMNS][BLOCK_VECTORS];

	UNROLLED
	for (size_t j = 0; j < BLOCK_COLUMNS; j++)
		UNROLLED
	for (size_t i = 0; i < BLOCK_VECTORS; i++) {
		sums[j][i] = vector_all(0);
		__builtin_prefetch(c + j * c_column + i * VECTOR_DOUBLES, 1);
	}
	for (size_t k = 0; k < depth; k++, a += a_step, b += b_step) {
		const vector *rows = (const vector *)a;
		vector row0 = rows[0], row1 = rows[1], row2 = rows[2];

		UNROLLED
		for (size_t j = 0; j < BLOCK_COLUMNS; j++) {
			vector x = vector_all(b[j * b_along]);

			sums[j][0] = vector_multiply_add(row0, x, sums[j][0]);
			sums[j][1] = vector_multiply_add(row1, x, sums[j][1]);
			sums[j][2] = vector_multiply_add(row2, x, sums[j][2]);
		}
	}
	UNROLLED
	for (size_t j = 0; j < BLOCK_COLUMNS; j++)
		UNROLLED
	for (size_t i = 0; i < BLOCK_VECTORS; i++) {
		vector *place = (vector *)(c + j * c_column) + i;

		*place = subtract ? *place - sums[j][i] : *place + sums[j][i];
	}
}

/* PANEL_ROWS x STRIP_COLUMNS of C: what is one block with AVX-512. */
INLINED void
multiply_strip(const struct product *product, size_t depth, const double *a, const double *b,
	       double *c, size_t b_step, size_t b_along)
{
	for (size_t i = 0; i < PANEL_ROWS; i += BLOCK_ROWS)
		for (size_t j = 0; j < STRIP_COLUMNS; j += BLOCK_COLUMNS)
			multiply_block(depth, a + i, product->a.step, b + j * b_along, b_step,
				       b_along, c + i + j * product->c_column, product->c_column,
				       product->subtract);
}

INLINED void
multiply_depth(const struct product *product, size_t from, size_t depth, size_t b_step,
	       size_t b_along)
{
	const struct operand *a = &product->a, *b = &product->b;

	for (size_t i = 0; i < product->rows; i += PANEL_ROWS)
		for (size_t j = 0; j < product->columns; j += STRIP_COLUMNS)
			multiply_strip(product, depth,
				       a->values + i / PANEL_ROWS * a->panel + from * a->step,
				       b->values + j / PANEL_ROWS * b->panel + from * b_step +
					       j % PANEL_ROWS * b_along,
				       product->c + i + j * product->c_column, b_step, b_along);
}

/* Strides that are known when this is compiled leave registers free for addresses. */
static void
multiply(const struct product *product)
{
	size_t depth, step = product->b.step, along = product->b.along;

	for (size_t from = 0; from < product->depth; from += depth) {
		depth = product->depth - from < DEPTH_STEP ? product->depth - from : DEPTH_STEP;
		if (along == 1 && step == PANEL_ROWS)
			multiply_depth(product, from, depth, PANEL_ROWS, 1);
		else if (along == 1)
			multiply_depth(product, from, depth, step, 1);
		else if (step == 1)
			multiply_depth(product, from, depth, 1, along);
		else
			multiply_depth(product, from, depth, step, along);
	}
}

#endif
