/*
 * A model's config.json: what its own library says of it, as a flat list of values.
 *
 * The file is untrusted, and optional: a model without one, or with one that is no JSON, has an empty
 * configuration.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct config_value {
	char *path; /* names joined by dots, and numbers of items: "text_config.num_attention_heads",
		     * "architectures.0" */
	char *text; /* a string's characters; a number, true, false or null as they are written */
};

/* A zeroed struct is an empty one. */
struct config {
	struct config_value *values;
	size_t count;
};

/*
 * Reads the file. Returns 0, also if there is no such file, or -1 with a failure if it is not one that
 * can be used; the configuration is empty then.
 */
int config_read(struct config *config, const char *path, struct failure *failure);
void config_free(struct config *config);

/* The text at a path, null if there is none. */
const char *config_text(const struct config *config, const char *path);

/*
 * The same for a setting of the language model, which in configurations of several models stands in an
 * object of its own: name itself, or below text_config, llm_config, language_config or thinker_config.text_config.
 */
const char *config_setting(const struct config *config, const char *name);

/* A setting as a whole number, up to 2^53; `otherwise` if there is none. */
uint64_t config_number(const struct config *config, const char *name, uint64_t otherwise);

/* A setting that is true or false; `otherwise` if it is neither. */
bool config_flag(const struct config *config, const char *name, bool otherwise);

#endif
