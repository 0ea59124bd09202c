/* The kernels for AVX-512, which the Makefile compiles this file for where there is such a unit. */
#include "kernels_units.h"

#ifdef __AVX512F__
#include "kernels_of_unit.h"

const struct kernels kernels_avx512 = KERNELS_NAMED("avx512");
#endif
