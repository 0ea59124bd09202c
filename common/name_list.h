/* Names in the order in which they first came, each once. */
#ifndef NAME_LIST_H
#define NAME_LIST_H

#include <stddef.h>

/* A zeroed struct is empty. The names are the list's own. */
struct name_list {
	char **names;
	size_t count;
};

/* The number of a name, from 0 on; one that is new is added. The last is looked at first: names come in runs. */
size_t name_list_number(struct name_list *list, const char *name);

void name_list_free(struct name_list *list);

#endif
