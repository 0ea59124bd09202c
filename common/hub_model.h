/*
 * A model of the Hugging Face Hub as a whole: what of it is in the local cache, and how the rest comes
 * there. Only hf, the command of huggingface_hub, uses the network.
 */
#ifndef HUB_MODEL_H
#define HUB_MODEL_H

#include <stdbool.h>

#include "util.h"

/*
 * The folder of a model in the cache, from malloc, with all the weights that its index names. Returns
 * null with a failure, and sets *fetch to whether hub_model_fetch() may help.
 */
char *hub_model_find(const char *id, bool *fetch, struct failure *failure);

/*
 * Runs hf to put a model into the cache: its configuration, and its weights in one format. What is
 * there already hf does not fetch again. What hf prints goes to standard error; if it is to be quiet,
 * it prints errors and warnings only. Returns 0, or -1 with a failure, of STATUS_UNAVAILABLE if hf is
 * not there or fails.
 */
int hub_model_fetch(const char *id, bool quiet, struct failure *failure);

#endif
