#include "hub.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COMMIT_LENGTH 40

static bool
is_folder(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* The value of a variable, with a leading ~/ taken as the home folder, as huggingface_hub does. */
static char *
expand_home(const char *path)
{
	const char *home = environment("HOME");

	if (has_prefix(path, "~/") && home)
		return format_text("%s/%s", home, path + 2);
	return xstrdup(path);
}

/* The folder that holds models--org--name: constants.py of huggingface_hub. */
static char *
cache_folder(void)
{
	const char *value = environment("HF_HUB_CACHE");
	char *base, *folder;

	if (!value)
		value = environment("HUGGINGFACE_HUB_CACHE");
	if (value)
		return expand_home(value);
	value = environment("HF_HOME");
	if (value) {
		base = expand_home(value);
		folder = format_text("%s/hub", base);
	} else {
		value = environment("XDG_CACHE_HOME");
		base = expand_home(value ? value : "~/.cache");
		folder = format_text("%s/huggingface/hub", base);
	}
	free(base);
	return folder;
}

/* A part of an id or a revision that may become part of a path. */
static bool
is_safe_part(const char *part, size_t length)
{
	if (!length || part[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)part[i]) && !strchr("-_.", part[i]))
			return false;
	return true;
}

/* Parts separated by slashes, at most so many. */
static bool
is_safe_path(const char *path, size_t length, unsigned parts)
{
	while (parts--) {
		const char *slash = memchr(path, '/', length);
		size_t part = slash ? (size_t)(slash - path) : length;

		if (!is_safe_part(path, part))
			return false;
		if (!slash)
			return true;
		path += part + 1;
		length -= part + 1;
	}
	return false;
}

bool
hub_is_id(const char *name)
{
	const char *at = strchr(name, '@');

	if (at && !is_safe_path(at + 1, strlen(at + 1), 16))
		return false;
	return is_safe_path(name, at ? (size_t)(at - name) : strlen(name), 2);
}

static bool
is_commit(const char *revision)
{
	return strlen(revision) == COMMIT_LENGTH &&
	       strspn(revision, "0123456789abcdef") == COMMIT_LENGTH;
}

/* The commit a branch or tag points at, by refs/REVISION; null when there is none. */
static char *
read_reference(const char *repository, const char *revision)
{
	char *path = format_text("%s/refs/%s", repository, revision);
	char commit[COMMIT_LENGTH + 1] = "";
	FILE *file = fopen(path, "re");
	size_t length = file ? fread(commit, 1, COMMIT_LENGTH, file) : 0;

	commit[length] = '\0';
	free(path);
	if (file)
		fclose(file);
	return is_commit(commit) ? xstrdup(commit) : NULL;
}

static char *
snapshot_folder(const char *repository, const char *revision)
{
	char *commit = is_commit(revision) ? xstrdup(revision)
					   : read_reference(repository, revision);
	char *folder;

	if (!commit)
		return NULL;
	folder = format_text("%s/snapshots/%s", repository, commit);
	free(commit);
	if (is_folder(folder))
		return folder;
	free(folder);
	return NULL;
}

/* models--org--name under the cache. */
static char *
repository_folder(const char *cache, const char *id, size_t length)
{
	struct text path = {0};

	text_print(&path, "%s/models--", cache);
	for (size_t i = 0; i < length; i++)
		text_print(&path, "%s", id[i] == '/' ? "--" : (char[]){id[i], '\0'});
	return path.bytes;
}

char *
hub_find(const char *id, struct failure *failure)
{
	const char *at = strchr(id, '@');
	size_t length = at ? (size_t)(at - id) : strlen(id);
	char *cache = cache_folder();
	char *repository = repository_folder(cache, id, length);
	char *folder = snapshot_folder(repository, at ? at + 1 : "main");

	if (!folder && !is_folder(repository))
		fail(failure, STATUS_NO_INPUT,
		     "no such file, and no such model in %s; to fetch it: hf download %.*s%s%s",
		     cache, (int)length, id, at ? " --revision " : "", at ? at + 1 : "");
	else if (!folder)
		fail(failure, STATUS_NO_INPUT, "revision '%s' of the model is not in %s",
		     at ? at + 1 : "main", cache);
	free(cache);
	free(repository);
	return folder;
}
