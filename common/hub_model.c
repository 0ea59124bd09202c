#include "hub_model.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub.h"
#include "model_folder.h"

#define NAMES_SHOWN 5

/* --- what is there --- */

static int
fail_missing(const struct model_missing *missing, struct failure *failure)
{
	struct text names = {0};
	size_t shown = missing->count < NAMES_SHOWN ? missing->count : NAMES_SHOWN;

	for (size_t i = 0; i < shown; i++)
		text_print(&names, "%s%.60s", i ? ", " : "", missing->names[i]);
	if (shown < missing->count)
		text_print(&names, " and %zu more", missing->count - shown);
	fail(failure, STATUS_NO_INPUT, "%zu of %zu file%s not in the cache: %s", missing->count,
	     missing->of,
	     missing->of == 1	   ? " is"
	     : missing->count == 1 ? "s is"
				   : "s are",
	     names.bytes);
	text_free(&names);
	return -1;
}

/*
 * Whether a file is called like one of several, name-00001-of-00003.safetensors. Without their index it
 * would pass for the whole model. Of a split GGUF file the container finds all parts.
 */
static bool
is_one_of_several(const char *name)
{
	const char *of = strstr(name, "-of-");

	return of && strtoul(of + 4, NULL, 10) > 1 && !has_suffix(name, ".gguf");
}

/* What hf is never asked for; where there is some, it is what was wanted. */
static bool
has_gguf(const char *folder)
{
	char *pattern = format_text("%s/*.gguf", folder);
	glob_t found;
	bool result = !glob(pattern, GLOB_NOSORT, NULL, &found);

	if (result)
		globfree(&found);
	free(pattern);
	return result;
}

/* Checks that a folder of the cache has all weights; sets *fetch if some may be fetched. */
static int
check_folder(const char *folder, bool *fetch, struct failure *failure)
{
	struct model_missing missing;
	int result = 0;

	if (model_find_missing(&missing, folder, failure)) {
		*fetch = failure->status == STATUS_NO_INPUT && !has_gguf(folder);
		return fail_prefix(failure, "in the cache");
	}
	if (missing.count)
		result = fail_missing(&missing, failure);
	else if (is_one_of_several(missing.first))
		result = fail(failure, STATUS_NO_INPUT,
			      "the index is not in the cache, only %.200s", missing.first);
	model_missing_free(&missing);
	*fetch = result;
	return result;
}

char *
hub_model_find(const char *id, bool *fetch, struct failure *failure)
{
	char *folder = hub_find(id, failure);

	*fetch = !folder;
	if (!folder || !check_folder(folder, fetch, failure))
		return folder;
	free(folder);
	return NULL;
}

/* --- hf --- */

/* The names that weights have in repositories, in the order of preference of transformers. */
static const struct layout {
	const char *index, *single;
} layouts[] = {
	{"model.safetensors.index.json", "model.safetensors"},
	{"pytorch_model.bin.index.json", "pytorch_model.bin"},
};

#define LAYOUTS (sizeof(layouts) / sizeof(*layouts))

/* A model that is fetched. Once its commit is known, the id has that in place of a branch. */
struct fetch {
	char *id;
	bool quiet;
};

/* Runs a program found in PATH, without a shell, its output going to our standard error. */
static int
run(char *const *arguments, bool quiet, struct failure *failure)
{
	posix_spawn_file_actions_t actions;
	int status, error;
	pid_t process;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (quiet)
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	else
		posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	error = posix_spawnp(&process, arguments[0], &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error == ENOENT)
		return fail(failure, STATUS_UNAVAILABLE,
			    "--download needs hf, the command of the Python package "
			    "huggingface_hub");
	if (error)
		return fail(failure, STATUS_UNAVAILABLE, "hf: %s", strerror(error));
	while (waitpid(process, &status, 0) < 0)
		if (errno != EINTR)
			return fail(failure, STATUS_UNAVAILABLE, "hf: %s", strerror(errno));
	if (WIFSIGNALED(status))
		return fail(failure, STATUS_UNAVAILABLE, "hf download was ended by signal %d",
			    WTERMSIG(status));
	if (WEXITSTATUS(status))
		return fail(failure, STATUS_UNAVAILABLE, "hf download failed with status %d",
			    WEXITSTATUS(status));
	return 0;
}

/*
 * Fetches files. hf passes over those of several that the repository has not, and fails if there is
 * only one and the repository has it not. Options come first, since older versions take files only
 * directly after the id.
 */
static int
fetch_files(const struct fetch *fetch, char *const *files, size_t count, struct failure *failure)
{
	const char *at = strchrnul(fetch->id, '@');
	char *repository = xstrndup(fetch->id, (size_t)(at - fetch->id));
	char **arguments = xcalloc(count + 7, sizeof(*arguments));
	size_t n = 0;
	int result;

	arguments[n++] = (char *)"hf";
	arguments[n++] = (char *)"download";
	if (fetch->quiet)
		arguments[n++] = (char *)"--quiet";
	if (*at) {
		arguments[n++] = (char *)"--revision";
		arguments[n++] = (char *)at + 1;
	}
	arguments[n++] = repository;
	for (size_t i = 0; i < count; i++)
		arguments[n++] = files[i];
	result = run(arguments, fetch->quiet, failure);
	free(arguments);
	free(repository);
	return result;
}

/*
 * The folder in the cache, or null. From then on its commit is what is fetched, so that an index and
 * its files belong together even if the branch moves.
 */
static char *
pin(struct fetch *fetch)
{
	struct failure failure;
	char *folder = hub_find(fetch->id, &failure);
	char *id = fetch->id;

	if (!folder)
		return NULL;
	fetch->id = format_text("%.*s@%s", (int)strcspn(id, "@"), id, strrchr(folder, '/') + 1);
	free(id);
	return folder;
}

static bool
is_there(const char *folder, const char *name)
{
	char *path = folder ? format_text("%s/%s", folder, name) : NULL;
	bool found = path && !access(path, F_OK);

	free(path);
	return found;
}

/* hf takes names for patterns, and those with a dash for options. */
static int
check_names(const struct model_missing *missing, struct failure *failure)
{
	for (size_t i = 0; i < missing->count; i++)
		if (missing->names[i][0] == '-' || strpbrk(missing->names[i], "*?[]"))
			return fail(failure, STATUS_DATA,
				    "the index names a file '%.200s', which is not fetched",
				    missing->names[i]);
	return 0;
}

static int
fetch_missing(const struct fetch *fetch, const char *folder, struct failure *failure)
{
	struct model_missing missing;
	int result;

	if (model_find_missing(&missing, folder, failure))
		return -1;
	result = check_names(&missing, failure);
	if (!result && missing.count)
		result = fetch_files(fetch, missing.names, missing.count, failure);
	model_missing_free(&missing);
	return result;
}

/*
 * Fetches the weights in one layout, if the repository has them so, and says whether it has. An index
 * is asked for first, and the file without index only if there is none: some repositories have both.
 */
static int
fetch_layout(struct fetch *fetch, const struct layout *layout, bool *done, struct failure *failure)
{
	const char *small[] = {"config.json", "quantize_config.json", layout->index};
	const char *single[] = {"config.json", layout->single};
	char *folder;
	int result = fetch_files(fetch, (char *const *)small, 3, failure);

	if (result)
		return result;
	folder = pin(fetch);
	*done = is_there(folder, layout->index);
	if (*done) {
		result = fetch_missing(fetch, folder, failure);
	} else {
		result = fetch_files(fetch, (char *const *)single, 2, failure);
		free(folder);
		folder = pin(fetch);
		*done = is_there(folder, layout->single);
	}
	free(folder);
	return result;
}

int
hub_model_fetch(const char *id, bool quiet, struct failure *failure)
{
	struct fetch fetch = {xstrdup(id), quiet};
	bool done = false;
	int result = 0;

	for (size_t i = 0; i < LAYOUTS && !done && !result; i++)
		result = fetch_layout(&fetch, &layouts[i], &done, failure);
	if (!result && !done)
		result = fail(failure, STATUS_NO_INPUT,
			      "the repository has no %s and no %s; what else it has, hf download "
			      "fetches by its name",
			      layouts[0].single, layouts[1].single);
	free(fetch.id);
	return result;
}
