#include "name_list.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

size_t
name_list_number(struct name_list *list, const char *name)
{
	for (size_t i = list->count; i-- > 0;)
		if (!strcmp(list->names[i], name))
			return i;
	list->names = xreallocarray(list->names, list->count + 1, sizeof(*list->names));
	list->names[list->count] = xstrdup(name);
	return list->count++;
}

void
name_list_free(struct name_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->names[i]);
	free(list->names);
	*list = (struct name_list){0};
}
