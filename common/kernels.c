#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#include "kernels_units.h"

/* The kernels that this processor can run, the best first, and then null. */
static void
list_kernels(const struct kernels **list)
{
#ifdef __x86_64__
	bool fuses = __builtin_cpu_supports("fma");

	if (fuses && __builtin_cpu_supports("avx512f"))
		*list++ = &kernels_avx512;
	if (fuses && __builtin_cpu_supports("avx2"))
		*list++ = &kernels_avx2;
#endif
	*list++ = &kernels_portable;
	*list = NULL;
}

const struct kernels *
kernels_named(const char *name)
{
	const struct kernels *list[4], **kernels = list;

	list_kernels(list);
	while (*kernels && strcmp((*kernels)->name, name) != 0)
		kernels++;
	return *kernels;
}

const struct kernels *
kernels_choose(void)
{
	const char *name = getenv("HILLPIPE_KERNELS");
	const struct kernels *list[4], *named = name ? kernels_named(name) : NULL;

	list_kernels(list);
	return named ? named : list[0];
}

bool
kernels_are_fused(const struct kernels *kernels)
{
#ifdef __FP_FAST_FMA
	(void)kernels;
	return true;
#else
	return kernels != &kernels_portable;
#endif
}
