/* The kernels for the vector unit that the file which includes this is compiled for. */
#ifndef KERNELS_OF_UNIT_H
#define KERNELS_OF_UNIT_H

#include "kernel_bulge.h"
#include "kernel_panel.h"
#include "kernel_product.h"
#include "kernel_sturm.h"
#include "kernels.h"

#define KERNELS_NAMED(unit)                                                                        \
	{                                                                                          \
		.name = unit, .multiply = multiply, .factor_panel = factor_panel,                  \
		.begin_sweep = begin_sweep, .chase_bulge = chase_bulge, .count_below = count_below \
	}

#endif
