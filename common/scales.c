#include "scales.h"

#include <stdlib.h>
#include <string.h>

static struct place
place_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return (struct place){name, dot ? (size_t)(dot - name) : 0};
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = memcmp(x->name, y->name, x->length < y->length ? x->length : y->length);

	return order ? order : (x->length > y->length) - (x->length < y->length);
}

bool
is_scale_name(const char *name)
{
	return strcasestr(name + place_of(name).length, "scale");
}

struct scales
scales_of(const struct model *model)
{
	struct scales scales = {.places = xcalloc(model->count, sizeof(*scales.places))};

	for (size_t i = 0; i < model->count; i++)
		if (is_scale_name(model->tensors[i].name))
			scales.places[scales.count++] = place_of(model->tensors[i].name);
	if (scales.count)
		qsort(scales.places, scales.count, sizeof(*scales.places), compare_places);
	return scales;
}

static bool
are_scales_at(const struct scales *scales, struct place place)
{
	return scales->count && bsearch(&place, scales->places, scales->count,
					sizeof(*scales->places), compare_places);
}

bool
has_scales(const struct scales *scales, const char *name)
{
	struct place beneath = {name, strlen(name)};

	return are_scales_at(scales, place_of(name)) || are_scales_at(scales, beneath);
}
