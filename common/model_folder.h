/*
 * Where in a folder the weights of a model are, by the names that files have in repositories.
 */
#ifndef MODEL_FOLDER_H
#define MODEL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

/* Whether a name is one that a file of weights, or an index of such files, has. */
bool model_is_file_name(const char *name);

/*
 * Finds the file of a folder to begin with, an index or a file of weights; safetensors before
 * pytorch_model.bin before GGUF. Sets *found to its path, from malloc. Returns 0 or -1, of
 * STATUS_NO_INPUT if there is none or several would do.
 */
int model_folder_find(const char *folder, char **found, struct failure *failure);

/* Files of weights that a model ought to have and has not. */
struct model_missing {
	char **names;
	size_t count;
	size_t of;   /* how many files it ought to have */
	char *first; /* the name of its index, or of its only file */
};

/*
 * Finds the weights of a model in a folder, and which of the files that their index names are not
 * there. A link that leads nowhere is not there. Returns 0 or -1, of STATUS_NO_INPUT if there are no
 * weights at all; free it only after 0.
 */
int model_find_missing(struct model_missing *missing, const char *folder, struct failure *failure);
void model_missing_free(struct model_missing *missing);

#endif
