/*
 * The inner loops of the two-stage eigensolver, once for each kind of vector unit.
 *
 * These few functions do all the arithmetic that counts, from the Gram matrix to the eigenvalues.
 * kernels_of_unit.h has them in octets (octet.h); it is compiled for AVX-512, for AVX2 with FMA, and
 * for any processor, and kernels_choose() takes the best that runs here. All that fuse a*b + c give the
 * same bytes.
 */
#ifndef KERNELS_H
#define KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* A product is made of blocks of so many rows and columns, each kept in registers while it is summed. */
#define PANEL_ROWS    24
#define STRIP_COLUMNS 8

/* Half the width of the band: how many columns stage 1 reduces at a time. A multiple of both above. */
#define BAND 48

/*
 * Sums of squares below this belong to columns that are zero to working precision, and are treated as
 * zeros. Matrices are scaled so that their trace is at least 2^-300 (eigen_bounds.h), and what is left
 * out, at most 2^-450 in each place, is far below the roundoff of that. Nearer to the end of the range
 * of double squares lose bits, and a reflector made of them would not be orthogonal.
 */
#define NEGLIGIBLE_SQUARES 0x1p-900

/* An operand of a product: element (k, i), the sum being over k, is
 * values[i / PANEL_ROWS * panel + k * step + i % PANEL_ROWS * along]. */
struct operand {
	const double *values;
	size_t panel, step, along;
};

/*
 * C += A^T B, or C -= A^T B. C is stored by columns that are c_column apart. Rows are a multiple of
 * PANEL_ROWS, columns of STRIP_COLUMNS. A's elements stand side by side (along is 1), aligned.
 */
struct product {
	size_t rows, columns, depth;
	struct operand a, b;
	double *c;
	size_t c_column;
	bool subtract;
};

/*
 * A Householder reflector I - tau v v^T that acts on rows first .. first + length - 1. v has a zero for
 * each other row that shares an aligned octet with these; v[0] is for row first rounded down to 8.
 */
struct reflector {
	_Alignas(64) double v[BAND + 8];
	double tau;
	size_t first, length;
};

/* Eigenvalues are searched for at so many points at once. */
#define STURM_POINTS 48

struct kernels {
	const char *name; /* avx512, avx2 or portable */

	void (*multiply)(const struct product *product);

	/*
	 * The Householder factorisation P = Q R of a panel of `rows` rows and BAND columns, stored
	 * by rows, rows >= BAND: leaves R on and above the diagonal, the vectors of the reflectors, whose
	 * first element is 1 and not stored, below it, and their factors in tau[BAND].
	 */
	void (*factor_panel)(double *panel, size_t rows, double *tau);

	/*
	 * The two kinds of step of bulge_chasing.h. Element (i, j), i >= j, of the n x n band matrix
	 * is band[i + j * band_column]. begin_sweep makes the reflector that clears a column below its
	 * subdiagonal; chase_bulge takes a reflector on to the next BAND rows.
	 */
	void (*begin_sweep)(double *band, size_t band_column, size_t n, size_t column,
			    struct reflector *reflector);
	void (*chase_bulge)(double *band, size_t band_column, size_t n,
			    struct reflector *reflector);

	/* Counts the eigenvalues of a tridiagonal matrix below each of the points; bisection.h. */
	void (*count_below)(size_t n, const double *diagonal, const double *squares,
			    const double *points, size_t *counts);
};

/*
 * The kernels for this processor. HILLPIPE_KERNELS in the environment, with the name of some that it can
 * run, takes precedence.
 */
const struct kernels *kernels_choose(void);

/* Those of a name; null where there are none or this processor cannot run them. */
const struct kernels *kernels_named(const char *name);

/* Whether products and sums are fused, as in all that give the same bytes and are worth their while. */
bool kernels_are_fused(const struct kernels *kernels);

#endif
