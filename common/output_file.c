#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct output_file {
	int descriptor;		/* -1 once closed */
	char *path, *temporary; /* null for standard output */
	struct output_file *next;
};

/*
 * All files not yet named, in the order of their creation. A signal handler reads this, so it
 * changes only while those signals are blocked.
 */
static struct output_file *files;

static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ, SIGXCPU};
enum { SIGNAL_COUNT = sizeof(signals) / sizeof(*signals) };

static void
remove_and_die(int signal_number)
{
	for (const struct output_file *file = files; file; file = file->next)
		if (file->temporary)
			unlink(file->temporary);
	/* The action has been reset: this ends the program as if it had never caught the signal. */
	raise(signal_number);
}

static void
catch_signals(void)
{
	struct sigaction action = {.sa_handler = remove_and_die, .sa_flags = (int)SA_RESETHAND};
	struct sigaction old;

	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		/* What was ignored, as under nohup, stays ignored. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
}

static void
block_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

static void
append_file(struct output_file *file)
{
	struct output_file **last = &files;

	while (*last)
		last = &(*last)->next;
	*last = file;
}

static void
remove_first_file(void)
{
	struct output_file *file = files;

	files = file->next;
	if (file->descriptor >= 0 && file->temporary)
		close(file->descriptor);
	free(file->path);
	free(file->temporary);
	free(file);
}

/* Creates the temporary file. A name that is taken was left by a process that was killed. */
static int
open_temporary(struct output_file *file, struct failure *failure)
{
	for (unsigned i = 0; i < 100; i++) {
		file->temporary = format_text("%s.%ld-%u.tmp", file->path, (long)getpid(), i);
		file->descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
					0666);
		if (file->descriptor >= 0)
			return 0;
		free(file->temporary);
		file->temporary = NULL;
		if (errno != EEXIST)
			break;
	}
	return fail(failure, STATUS_IO, "%s: %s", file->path, strerror(errno));
}

struct output_file *
output_file_create(const char *path, struct failure *failure)
{
	struct output_file *file = xcalloc(1, sizeof(*file));
	sigset_t before;
	int status = 0;

	file->descriptor = STDOUT_FILENO;
	file->path = path ? xstrdup(path) : NULL;
	if (path)
		catch_signals();
	block_signals(&before);
	if (path)
		status = open_temporary(file, failure);
	append_file(file);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status < 0 ? NULL : file;
}

static int
fail_write(const struct output_file *file, struct failure *failure)
{
	return fail(failure, STATUS_IO, "%s: %s", file->path ? file->path : "standard output",
		    strerror(errno));
}

int
output_file_write(struct output_file *file, const void *bytes, size_t length,
		  struct failure *failure)
{
	const char *at = bytes;

	while (length) {
		ssize_t written = write(file->descriptor, at, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fail_write(file, failure);
		at += written;
		length -= (size_t)written;
	}
	return 0;
}

int
output_file_close(struct output_file *file, struct failure *failure)
{
	int descriptor = file->descriptor;

	file->descriptor = -1;
	/* Pipes and terminals cannot be told to reach a disk; what they are given is gone. */
	if (file->path && fsync(descriptor)) {
		fail_write(file, failure);
		close(descriptor);
		return -1;
	}
	return close(descriptor) ? fail_write(file, failure) : 0;
}

/* Makes a renaming last: names are data of the directory. Not all file systems can. */
static void
synchronise_directory(const char *path)
{
	char *copy = xstrdup(path);
	int descriptor = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (descriptor >= 0) {
		fsync(descriptor);
		close(descriptor);
	}
	free(copy);
}

int
output_files_publish(struct failure *failure)
{
	sigset_t before;
	int status = 0;

	block_signals(&before);
	while (files && !status) {
		if (files->temporary && rename(files->temporary, files->path)) {
			status = fail_write(files, failure);
			break;
		}
		if (files->path)
			synchronise_directory(files->path);
		remove_first_file();
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

void
output_files_discard(void)
{
	sigset_t before;

	block_signals(&before);
	while (files) {
		if (files->temporary)
			unlink(files->temporary);
		remove_first_file();
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}
