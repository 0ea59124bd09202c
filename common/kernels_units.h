/* The kernels there are, for kernels.c to choose from. */
#ifndef KERNELS_UNITS_H
#define KERNELS_UNITS_H

#include "kernels.h"

#ifdef __x86_64__
extern const struct kernels kernels_avx512, kernels_avx2;
#endif
extern const struct kernels kernels_portable;

#endif
