/* The kernels for AVX2, which the Makefile compiles this file for where there is such a unit. */
#include "kernels_units.h"

#ifdef __AVX2__
#include "kernels_of_unit.h"

const struct kernels kernels_avx2 = KERNELS_NAMED("avx2");
#endif
