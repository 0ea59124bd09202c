#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"

/* Configurations are a few kilobytes; those of quantisers may list every layer. */
#define LARGEST_CONFIG ((off_t)16 << 20)
#define DEEPEST	       16

static void
add_value(struct config *config, const char *path, const char *text, size_t length)
{
	/* Room for twice as many, whenever there are as many as a power of two. */
	if (!(config->count & (config->count - 1)))
		config->values = xreallocarray(config->values,
					       config->count ? 2 * config->count : 1,
					       sizeof(*config->values));
	config->values[config->count++] = (struct config_value){xstrdup(path),
								xstrndup(text, length)};
}

static void read_value(struct config *config, struct json *json, struct text *path);

/* Reads the value of a name or of an item, which its path gets for as long. */
static void
read_member(struct config *config, struct json *json, struct text *path, const char *name)
{
	size_t length = path->length;

	text_print(path, "%s%s", length ? "." : "", name);
	read_value(config, json, path);
	path->length = length;
	path->bytes[length] = '\0';
}

static void
read_scalar(struct config *config, struct json *json, const char *path)
{
	const char *start;

	if (json_peek(json) == JSON_STRING) {
		start = json_string(json);
		if (start)
			add_value(config, path, start, strlen(start));
		return;
	}
	start = json->at; /* json_peek() has passed the blanks */
	if (json_skip(json))
		add_value(config, path, start, (size_t)(json->at - start));
}

static void
read_value(struct config *config, struct json *json, struct text *path)
{
	enum json_kind kind = json_peek(json);
	char number[24];
	char *name;

	if (kind == JSON_OBJECT && json_open(json, '{'))
		while ((name = json_key(json)))
			read_member(config, json, path, name);
	else if (kind == JSON_ARRAY && json_open(json, '['))
		for (size_t i = 0; json_item(json); i++) {
			snprintf(number, sizeof(number), "%zu", i);
			read_member(config, json, path, number);
		}
	else
		read_scalar(config, json, path->bytes);
}

/* The bytes of a file, with room for one more; null with a failure, which has status 0 if there is none. */
static char *
read_file(const char *path, size_t *length, struct failure *failure)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *buffer;
	ssize_t count;

	if (descriptor < 0) {
		fail(failure, errno == ENOENT || errno == ENOTDIR ? 0 : STATUS_IO, "%s",
		     strerror(errno));
		return NULL;
	}
	if (fstat(descriptor, &status) || !S_ISREG(status.st_mode) ||
	    status.st_size > LARGEST_CONFIG) {
		close(descriptor);
		fail(failure, STATUS_DATA, "not a file of a configuration's size");
		return NULL;
	}
	buffer = xmalloc((size_t)status.st_size + 1);
	for (*length = 0; *length < (size_t)status.st_size; *length += (size_t)count) {
		count = read(descriptor, buffer + *length, (size_t)status.st_size - *length);
		if (count < 0 && errno == EINTR)
			count = 0;
		else if (count <= 0)
			break;
	}
	close(descriptor);
	return buffer;
}

int
config_read(struct config *config, const char *path, struct failure *failure)
{
	struct text value_path = {0};
	struct json json;
	size_t length;
	char *buffer;
	int result;

	*config = (struct config){0};
	buffer = read_file(path, &length, failure);
	if (!buffer)
		return failure->status ? -1 : 0;
	text_append(&value_path, "", 0);
	json_begin(&json, buffer, length, DEEPEST, failure);
	if (json_peek(&json) != JSON_OBJECT)
		json_fail(&json, "an object expected");
	read_value(config, &json, &value_path);
	result = json_end(&json);
	text_free(&value_path);
	free(buffer);
	if (result)
		config_free(config);
	return result;
}

void
config_free(struct config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		free(config->values[i].path);
		free(config->values[i].text);
	}
	free(config->values);
	*config = (struct config){0};
}

const char *
config_text(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->count; i++)
		if (!strcmp(config->values[i].path, path))
			return config->values[i].text;
	return NULL;
}

const char *
config_setting(const struct config *config, const char *name)
{
	static const char *const objects[] = {"text_config", "llm_config", "language_config",
					      "thinker_config.text_config"};
	const char *text = config_text(config, name);

	for (size_t i = 0; !text && i < sizeof(objects) / sizeof(*objects); i++) {
		char *path = format_text("%s.%s", objects[i], name);

		text = config_text(config, path);
		free(path);
	}
	return text;
}

uint64_t
config_number(const struct config *config, const char *name, uint64_t otherwise)
{
	const char *text = config_setting(config, name);
	uint64_t value;

	return text && parse_unsigned(text, JSON_INTEGER_MAX, &value) ? value : otherwise;
}

bool
config_flag(const struct config *config, const char *name, bool otherwise)
{
	const char *text = config_setting(config, name);

	if (text && !strcmp(text, "true"))
		return true;
	if (text && !strcmp(text, "false"))
		return false;
	return otherwise;
}
