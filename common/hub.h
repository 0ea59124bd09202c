/*
 * Where huggingface_hub keeps the models it has downloaded (huggingface_hub, guide "Manage the
 * cache").
 */
#ifndef HUB_H
#define HUB_H

#include <stdbool.h>

#include "util.h"

/*
 * Whether a name has the form of a model id: org/name or name, with an optional @revision. Such a name
 * neither begins with a dash nor has anything in it that a path or a pattern could be made of.
 */
bool hub_is_id(const char *name);

/*
 * The folder of a model's files in the local cache, from malloc. Returns null with a failure, of
 * STATUS_NO_INPUT, when the model or the revision is not there.
 */
char *hub_find(const char *id, struct failure *failure);

#endif
