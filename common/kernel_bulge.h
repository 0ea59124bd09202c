/*
 * Steps of bulge chasing (bulge_chasing.h says what they are for).
 *
 * The band lies in memory as a matrix whose columns are band_column apart, a multiple of 8, so that rows
 * 8r .. 8r + 7 of any column are an aligned octet. A reflector's vector is padded with zeros to octets;
 * the rows that octets hold beyond its own are read, and written back as they were.
 *
 * For kernels_of_unit.h only.
 */
#ifndef KERNEL_BULGE_H
#define KERNEL_BULGE_H

#include <math.h>

#include "kernels.h"
#include "octet.h"

/* Octets that BAND rows can touch. */
#define REFLECTOR_OCTETS (BAND / 8 + 1)

INLINED size_t
row_in_octet(size_t row)
{
	return row & 7;
}

/* The part of an octet number i of a reflector that is for its own rows; zeros for the others. */
INLINED struct octet
own_rows(const struct reflector *reflector, size_t i, struct octet x)
{
	size_t begin = row_in_octet(reflector->first), end = begin + reflector->length;
	size_t from = begin > 8 * i ? begin - 8 * i : 0, to = end > 8 * i ? end - 8 * i : 0;

	return octet_keep(x, from < 8 ? from : 8, to < 8 ? to : 8);
}

/*
 * Makes the reflector that clears rows first + 1 .. first + length - 1 of a column, given in octets from
 * row first rounded down; the column becomes what the reflector makes of it.
 */
INLINED void
make_reflector(struct reflector *reflector, struct octet *column)
{
	_Alignas(64) double values[8 * REFLECTOR_OCTETS];
	size_t begin = row_in_octet(reflector->first), end = begin + reflector->length;
	struct octet squares = octet_all(0), scale;
	double alpha, beta, sum;

	UNROLLED
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++) {
		octet_store(values + 8 * i, column[i]);
		octet_store(reflector->v + 8 * i, own_rows(reflector, i, column[i]));
	}
	alpha = beta = values[begin];
	reflector->v[begin] = 0;
	UNROLLED
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++) {
		struct octet x = octet_load(reflector->v + 8 * i);

		squares = octet_multiply_add(x, x, squares);
	}
	sum = octet_sum(squares);
	reflector->tau = 0;
	scale = octet_all(0);
	if (sum > NEGLIGIBLE_SQUARES) {
		beta = -copysign(sqrt(alpha * alpha + sum), alpha);
		reflector->tau = (beta - alpha) / beta;
		scale = octet_all(1 / (alpha - beta));
	}
	UNROLLED
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++)
		octet_store(reflector->v + 8 * i,
			    octet_multiply(octet_load(reflector->v + 8 * i), scale));
	reflector->v[begin] = 1;
	values[begin] = beta;
	for (size_t i = begin + 1; i < end; i++)
		values[i] = 0;
	UNROLLED
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++)
		column[i] = octet_load(values + 8 * i);
}

/*
 * One 8 x 8 tile's part of y = A v, where the tile stands for its mirror image, too: adds the product
 * with v's octet of columns to `down`, and the products with v's octet of rows to across[8].
 */
INLINED struct octet
multiply_tile(const double *tile, size_t column_step, const double *v_columns, struct octet v_rows,
	      struct octet down, struct octet *across)
{
	UNROLLED
	for (size_t l = 0; l < 8; l++) {
		struct octet x = octet_load(tile + l * column_step);

		down = octet_multiply_add(x, octet_all(v_columns[l]), down);
		across[l] = octet_multiply_add(x, v_rows, across[l]);
	}
	return down;
}

/* The same for a tile on the diagonal, of which only what is on and below it is there. */
INLINED struct octet
multiply_diagonal_tile(const double *tile, size_t column_step, const double *v_columns,
		       struct octet v_rows, struct octet down, struct octet *across)
{
	UNROLLED
	for (size_t l = 0; l < 8; l++) {
		struct octet x = octet_load(tile + l * column_step);

		down = octet_multiply_add(octet_keep(x, l, 8), octet_all(v_columns[l]), down);
		across[l] = octet_multiply(octet_keep(x, l + 1, 8), v_rows);
	}
	return down;
}

/* y = A v for the reflector's rows and columns, in octets; tiles is how many of those there are. */
INLINED void
multiply_symmetric(const double *corner, size_t band_column, const struct reflector *reflector,
		   size_t tiles, struct octet *y)
{
	for (size_t i = 0; i < tiles; i++)
		y[i] = octet_all(0);
	for (size_t j = 0; j < tiles; j++) {
		const double *column = corner + 8 * j * band_column, *v = reflector->v;
		struct octet across[8], v_columns = octet_load(v + 8 * j);
		_Alignas(64) double sums[8];

		y[j] = multiply_diagonal_tile(column + 8 * j, band_column, v + 8 * j, v_columns,
					      y[j], across);
		for (size_t i = j + 1; i < tiles; i++)
			y[i] = multiply_tile(column + 8 * i, band_column, v + 8 * j,
					     octet_load(v + 8 * i), y[i], across);
		UNROLLED
		for (size_t l = 0; l < 8; l++)
			sums[l] = octet_sum(across[l]);
		y[j] = octet_add(y[j], octet_load(sums));
	}
	for (size_t i = 0; i < tiles; i++)
		y[i] = own_rows(reflector, i, y[i]);
}

/*
 * A := H A H for the reflector's rows and columns: with y = tau A v and w = y - tau/2 (y^T v) v, A becomes
 * A - v w^T - w v^T (Golub and Van Loan, section 8.3.1).
 */
INLINED void
apply_both_sides(double *band, size_t band_column, const struct reflector *reflector)
{
	size_t corner_row = reflector->first - row_in_octet(reflector->first);
	size_t tiles = (row_in_octet(reflector->first) + reflector->length + 7) / 8;
	double *corner = band + corner_row + corner_row * band_column, half;
	_Alignas(64) double w[8 * REFLECTOR_OCTETS];
	struct octet y[REFLECTOR_OCTETS], dot = octet_all(0);
	const double *v = reflector->v;

	if (reflector->tau == 0)
		return;
	multiply_symmetric(corner, band_column, reflector, tiles, y);
	for (size_t i = 0; i < tiles; i++) {
		y[i] = octet_multiply(y[i], octet_all(reflector->tau));
		dot = octet_multiply_add(y[i], octet_load(v + 8 * i), dot);
	}
	half = reflector->tau / 2 * octet_sum(dot);
	for (size_t i = 0; i < tiles; i++)
		octet_store(w + 8 * i,
			    octet_multiply_subtract(octet_all(half), octet_load(v + 8 * i), y[i]));
	for (size_t j = 0; j < tiles; j++)
		for (size_t i = j; i < tiles; i++) {
			double *tile = corner + 8 * i + 8 * j * band_column;
			struct octet v_rows = octet_load(v + 8 * i), w_rows = octet_load(w + 8 * i);

			UNROLLED
			for (size_t l = 0; l < 8; l++) {
				struct octet x = octet_load(tile + l * band_column);

				x = octet_multiply_subtract(v_rows, octet_all(w[8 * j + l]), x);
				x = octet_multiply_subtract(w_rows, octet_all(v[8 * j + l]), x);
				octet_store(tile + l * band_column, x);
			}
		}
}

static size_t
rows_from(size_t first, size_t n)
{
	return n - first < BAND ? n - first : BAND;
}

static void
begin_sweep(double *band, size_t band_column, size_t n, size_t column, struct reflector *reflector)
{
	struct octet values[REFLECTOR_OCTETS];
	double *place;

	reflector->first = column + 1;
	reflector->length = rows_from(column + 1, n);
	place = band + (column + 1 - row_in_octet(column + 1)) + column * band_column;
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++)
		values[i] = octet_load(place + 8 * i);
	make_reflector(reflector, values);
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++)
		octet_store(place + 8 * i, values[i]);
	apply_both_sides(band, band_column, reflector);
}

/*
 * The block B below the reflector's diagonal block: the reflector H1 from the right fills it, B := B H1
 * = B - tau1 (B v1) v1^T; the next one, H2, clears its first column again, and is applied to the other
 * columns in the same pass, B := H2 B.
 */
static void
chase_bulge(double *band, size_t band_column, size_t n, struct reflector *reflector)
{
	struct reflector right = *reflector;
	const double *v1 = right.v + row_in_octet(right.first);
	size_t first = right.first + BAND;
	double *block = band + (first - row_in_octet(first)) + right.first * band_column;
	struct octet product[REFLECTOR_OCTETS], column[REFLECTOR_OCTETS], v2[REFLECTOR_OCTETS];

	reflector->first = first;
	reflector->length = rows_from(first, n);
	UNROLLED
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++)
		product[i] = octet_all(0);
	for (size_t j = 0; j < BAND; j++) {
		struct octet factor = octet_all(v1[j]);

		UNROLLED
		for (size_t i = 0; i < REFLECTOR_OCTETS; i++)
			product[i] = octet_multiply_add(octet_load(block + j * band_column + 8 * i),
							factor, product[i]);
	}
	UNROLLED
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++) {
		product[i] = octet_multiply(own_rows(reflector, i, product[i]),
					    octet_all(right.tau));
		column[i] = octet_subtract(octet_load(block + 8 * i), product[i]); /* v1[0] is 1 */
	}
	make_reflector(reflector, column);
	UNROLLED
	for (size_t i = 0; i < REFLECTOR_OCTETS; i++) {
		octet_store(block + 8 * i, column[i]);
		v2[i] = octet_load(reflector->v + 8 * i);
	}
	for (size_t j = 1; j < BAND; j++) {
		double *values = block + j * band_column;
		struct octet factor = octet_all(v1[j]), dot[2] = {octet_all(0), octet_all(0)};

		UNROLLED
		for (size_t i = 0; i < REFLECTOR_OCTETS; i++) {
			column[i] = octet_multiply_subtract(product[i], factor,
							    octet_load(values + 8 * i));
			dot[i & 1] = octet_multiply_add(column[i], v2[i], dot[i & 1]);
		}
		factor = octet_all(reflector->tau * octet_sum(octet_add(dot[0], dot[1])));
		UNROLLED
		for (size_t i = 0; i < REFLECTOR_OCTETS; i++)
			octet_store(values + 8 * i,
				    octet_multiply_subtract(factor, v2[i], column[i]));
	}
	apply_both_sides(band, band_column, reflector);
}

#endif
