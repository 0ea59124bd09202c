/*
 * What the stages of cuda_two_stage.h hand on, all of it in the memory of the device, and the stages. Each
 * returns the error of its launches.
 */
#ifndef CUDA_STAGES_H
#define CUDA_STAGES_H

#include <stddef.h>

#include <cuda_runtime_api.h>

/* Half the bandwidth of the band, which is the width of a panel, too. */
#define BAND 32

/* Doubles of a column of the band: the diagonal, BAND below it, and room for what is chased. */
#define BAND_STRIDE 64

/* Rows that one block of threads sums up in a projection. */
#define CHUNK_ROWS 256

/* Columns of the matrix that are summed up by themselves in a product. */
#define PIECE_COLUMNS 512

/* Panels that are put off together hold so many columns: so many of V, and as many of W. */
#define MOST_PUT_OFF 128

/*
 * Of count matrices, each with the same layout after the other's. Sides are n, or n made up to a multiple of
 * BAND by zeros, which is side.
 */
struct cuda_stages {
	size_t n, side, count;
	int processors; /* multiprocessors */

	double *matrices;     /* side x side; all of it, the lower triangle being given */
	const double *traces; /* of what was given */

	/* Of the first stage: */
	size_t put_off;	     /* columns of V, and of W, in factors */
	double *factors;     /* side x 2 put_off, by columns: V, W */
	double *reflectors;  /* side x BAND, by rows: V T of this panel */
	double *products;    /* side x BAND, by columns: the matrix times that */
	double *pieces;	     /* of products, one for each PIECE_COLUMNS */
	double *parts;	     /* of projections, one for each CHUNK_ROWS */
	double *projections; /* (2 put_off + BAND) x BAND, by rows */

	double *band; /* (side + BAND_STRIDE) x BAND_STRIDE: column k has row k + i at i */

	/* Of the second and the third: */
	int *progress;	      /* side: how far each group of sweeps is, */
	int *ticket;	      /* one for all: groups that were taken */
	double2 *tridiagonal; /* side: the diagonal, and the square of what is left of it, scaled */
	double *ranges; /* 3: the least and the greatest an eigenvalue can be, scaled, and the scale */
	int *counts;	/* side: eigenvalues below each point of a grid */

	size_t first;	/* the first eigenvalue that is wanted */
	double *values; /* n, ascending, from first on */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Fills the upper triangles, and the rows and columns beyond n with zeros; brings traces near 1. */
cudaError_t cuda_mirror(const struct cuda_stages *stages, cudaStream_t stream);

/* From full to band; the matrices are lost. */
cudaError_t cuda_reduce_to_band(const struct cuda_stages *stages, cudaStream_t stream);

/* Of that, the panel at column c, of which those put off are in place; its R goes into the band. */
cudaError_t cuda_factor_panel(const struct cuda_stages *stages, size_t c, cudaStream_t stream);

/* The last block on the diagonal, which has no panel below it, goes into the band. */
cudaError_t cuda_store_last_diagonal(const struct cuda_stages *stages, cudaStream_t stream);

/* From band to tridiagonal. */
cudaError_t cuda_chase_bulges(const struct cuda_stages *stages, cudaStream_t stream);

/* The eigenvalues of the tridiagonal matrices, times what the traces were divided by. */
cudaError_t cuda_bisect(const struct cuda_stages *stages, cudaStream_t stream);

/* Let kernels have as much shared memory as they ask for, and clusters of 16 blocks. */
cudaError_t cuda_allow_band_reduction(void);
cudaError_t cuda_allow_panels(void);
cudaError_t cuda_allow_chasing(void);
cudaError_t cuda_allow_bisection(void);

/* Whether this device can have a cluster of 16 blocks, as the panels of the largest matrices need. */
int cuda_has_clusters(void);

#ifdef __cplusplus
}
#endif

#endif
