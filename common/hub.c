#include "hub.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMIT_LENGTH 40

/* What \w of Python's re.ASCII matches. */
#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static bool
is_folder(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

/* The home folder of a user, of this one if the name is empty; null if there is no such user. */
static const char *
home_of(const char *user, size_t length)
{
	const char *home = length ? NULL : getenv("HOME");
	struct passwd *entry;
	char *name;

	if (home)
		return home;
	name = xstrndup(user, length);
	entry = length ? getpwnam(name) : getpwuid(getuid());
	free(name);
	return entry ? entry->pw_dir : NULL;
}

/* os.path.expanduser() of Python: what a ~ or ~user at the start of a path stands for. */
static char *
expand_home(const char *path)
{
	size_t length = strcspn(path, "/"), home_length;
	const char *home = *path == '~' ? home_of(path + 1, length - 1) : NULL;

	if (!home)
		return xstrdup(path);
	home_length = strlen(home);
	while (home_length && home[home_length - 1] == '/')
		home_length--;
	if (!home_length && !path[length])
		return xstrdup("/");
	return format_text("%.*s%s", (int)home_length, home, path + length);
}

/* The length of $NAME or ${NAME} at the start of a text, 0 if there is none. The name is set. */
static size_t
variable_length(const char *text, const char **name, size_t *name_length)
{
	bool braces = text[1] == '{';

	*name = text + 1 + braces;
	*name_length = braces ? strcspn(*name, "}") : strspn(*name, WORD);
	if (braces && !(*name)[*name_length])
		return 0;
	return *name_length || braces ? 1 + *name_length + 2 * (size_t)braces : 0;
}

/* os.path.expandvars() of Python: a variable that is not set stays as it is written. */
static char *
expand_variables(const char *path)
{
	struct text result = {0};

	text_append(&result, "", 0);
	while (*path) {
		size_t name_length, length = 1;
		const char *name, *value = NULL;

		if (*path == '$')
			length = variable_length(path, &name, &name_length);
		if (*path == '$' && length) {
			char *copy = xstrndup(name, name_length);

			value = getenv(copy);
			free(copy);
		}
		length = length ? length : 1;
		text_append(&result, value ? value : path, value ? strlen(value) : length);
		path += length;
	}
	return result.bytes;
}

/* Consumes the path. */
static char *
expand(char *path)
{
	char *home = expand_home(path), *result = expand_variables(home);

	free(home);
	free(path);
	return result;
}

/* os.path.join(): where the first is empty, the second is a path in the working folder. */
static char *
join(const char *folder, const char *name)
{
	const char *slash = !*folder || has_suffix(folder, "/") ? "" : "/";

	return format_text("%s%s%s", folder, slash, name);
}

/*
 * The folder that holds models--org--name, as constants.py of huggingface_hub finds it: a variable
 * that is set counts even if it is empty.
 */
static char *
cache_folder(void)
{
	const char *value = getenv("HF_HUB_CACHE");
	char *base, *folder;

	if (!value)
		value = getenv("HUGGINGFACE_HUB_CACHE");
	if (value)
		return expand(xstrdup(value));
	value = getenv("HF_HOME");
	if (value) {
		folder = xstrdup(value);
	} else {
		value = getenv("XDG_CACHE_HOME");
		base = value ? xstrdup(value) : expand_home("~/.cache");
		folder = join(base, "huggingface");
		free(base);
	}
	base = expand(folder);
	folder = join(base, "hub");
	free(base);
	return expand(folder);
}

/*
 * A name of an organisation or a model by the rules of huggingface_hub, utils/_validators.py. Nothing
 * that these let pass is an option of a program or leads out of a folder.
 */
static bool
is_id_part(const char *part, size_t length)
{
	if (!length || length > 96 || !strchr(WORD, part[0]) || !strchr(WORD, part[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!part[i] || !strchr(WORD "-.", part[i]) ||
		    (i && part[i] == part[i - 1] && (part[i] == '-' || part[i] == '.')))
			return false;
	return true;
}

static bool
is_id(const char *name, size_t length)
{
	const char *slash = memchr(name, '/', length);
	size_t first = slash ? (size_t)(slash - name) : length;

	if (length >= 4 && !strncmp(name + length - 4, ".git", 4))
		return false;
	return is_id_part(name, first) &&
	       (!slash || is_id_part(name + first + 1, length - first - 1));
}

/*
 * A name of a branch, a tag or a commit: parts separated by slashes. Git allows more characters; these
 * are all that is found, and harmless.
 */
static bool
is_revision(const char *revision)
{
	bool start = true;

	for (; *revision; revision++) {
		if (*revision == '/' ? start
				     : !strchr(WORD "-.+=,#", *revision) ||
					       (start && strchr("-.", *revision)))
			return false;
		start = *revision == '/';
	}
	return !start;
}

bool
hub_is_id(const char *name)
{
	const char *at = strchrnul(name, '@');

	return is_id(name, (size_t)(at - name)) && (!*at || is_revision(at + 1));
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
	char *start = join(cache, "models--");

	text_print(&path, "%s", start);
	free(start);
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
		fail(failure, STATUS_NO_INPUT, "no such file, and no such model in %s",
		     *cache ? cache : ".");
	else if (!folder)
		fail(failure, STATUS_NO_INPUT, "revision '%s' of the model is not in %s",
		     at ? at + 1 : "main", *cache ? cache : ".");
	free(cache);
	free(repository);
	return folder;
}
