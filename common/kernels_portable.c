/* The kernels for any processor. */
#include "kernels_units.h"
#include "kernels_of_unit.h"

const struct kernels kernels_portable = KERNELS_NAMED("portable");
