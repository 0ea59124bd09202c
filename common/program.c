#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* More than any machine has processors: what is above is a slip. */
#define MAX_THREADS 1024

void
program_begin(const struct program *program)
{
	message_program = program->name;
	opterr = 0; /* program_common_option() says it in our own form */
	/* No setlocale(): the C locale, so that numbers read and print the same everywhere. */
}

void
program_common_option(const struct program *program, int option, char **argv)
{
	if (option == OPTION_HELP)
		fputs(program->help, stdout);
	else if (option == OPTION_VERSION)
		printf("%s (hillpipe) %s\n%s", program->name, HILLPIPE_VERSION,
		       program->libraries ? program->libraries : "");
	else if (option == ':')
		usage_error("option '%s' needs an argument", argv[optind - 1]);
	else if (optopt && optopt < OPTION_HELP)
		usage_error("there is no option '-%c'", optopt);
	else
		usage_error("there is no option '%s', or it takes no argument, or it is short for "
			    "several",
			    argv[optind - 1]);
	program_finish_output();
	exit(0);
}

void
usage_error(const char *format, ...)
{
	va_list arguments;
	char *message;

	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	va_end(arguments);
	die(STATUS_USAGE, "%s (try '%s --help')", message ? message : format, message_program);
}

const char *
program_operand(int argc, char **argv, int first)
{
	if (argc - first > 1)
		usage_error("one input at most, and a second is given: '%s'", argv[first + 1]);
	if (argc == first || !strcmp(argv[first], "-"))
		return NULL;
	return argv[first];
}

void
program_parse_part(const char *text, unsigned *part, unsigned *parts)
{
	char *copy = xstrdup(text), *slash = strchr(copy, '/');
	uint64_t i = 0, n = 0;

	if (slash)
		*slash = '\0';
	if (!slash || !parse_unsigned(copy, 100000, &i) || !parse_unsigned(slash + 1, 100000, &n) ||
	    !i || i > n)
		usage_error("--shard takes I/N with 1 <= I <= N, and not '%s'", text);
	free(copy);
	*part = (unsigned)i;
	*parts = (unsigned)n;
}

unsigned
program_parse_threads(const char *text)
{
	uint64_t threads;

	if (!parse_unsigned(text, MAX_THREADS, &threads) || !threads)
		usage_error("--threads takes a number from 1 to %d, and not '%s'", MAX_THREADS,
			    text);
	return (unsigned)threads;
}

int
program_open_input(const char *operand, const char *expected)
{
	struct stat status;
	int descriptor;

	if (!operand) {
		if (isatty(STDIN_FILENO))
			usage_error("standard input is a terminal, and %s is expected", expected);
		return STDIN_FILENO;
	}
	descriptor = open(operand, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		die(errno == ENOENT || errno == ENOTDIR ? STATUS_NO_INPUT : STATUS_IO,
		    "%s:", operand);
	if (!fstat(descriptor, &status) && S_ISDIR(status.st_mode))
		die(STATUS_NO_INPUT, "%s: is a directory, and %s is expected", operand, expected);
	return descriptor;
}

const char *
program_source(const char *operand)
{
	return operand ? operand : "standard input";
}

void
program_refuse_terminal_output(void)
{
	if (isatty(STDOUT_FILENO))
		usage_error(
			"standard output is a terminal, and binary data would be written to it");
}

void
program_finish_output(void)
{
	if (ferror(stdout) || fflush(stdout) || fclose(stdout))
		die(STATUS_IO, "standard output:");
}

/* Whether an argument is a long option of this name, maybe shortened, maybe with "=value". */
static bool
is_option(const char *argument, const char *name)
{
	size_t length = strcspn(argument, "=");

	/* getopt_long has refused what is short for several. */
	return length > 2 && !strncmp(argument, name, length);
}

/* How many of the arguments from this one on do not change the output. */
static int
arguments_to_skip(const char *argument, const char *const *without)
{
	static const char *const progress[] = {"--progress", "--no-progress", "--quiet"};

	if (!strcmp(argument, "-q") || !strcmp(argument, "--"))
		return 1;
	for (size_t i = 0; i < sizeof(progress) / sizeof(*progress); i++)
		if (is_option(argument, progress[i]))
			return 1;
	for (; without && *without; without++)
		if (is_option(argument, *without))
			return has_suffix(*without, "=") && !strchr(argument, '=') ? 2 : 1;
	return 0;
}

/* Appends an argument as a shell would read it. */
static void
append_argument(struct text *text, const char *argument)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./:=,@%+-";

	if (*argument && !argument[strspn(argument, plain)]) {
		text_print(text, " %s", argument);
		return;
	}
	text_print(text, " '");
	for (; *argument; argument++)
		text_print(text, *argument == '\'' ? "'\\''" : "%c", *argument);
	text_print(text, "'");
}

char *
program_signature(const struct program *program, int argc, char **argv, const char *const *without)
{
	struct text text = {0};

	text_print(&text, "%s %s", program->name, HILLPIPE_VERSION);
	for (int i = 1; i < argc; i++) {
		int skip = arguments_to_skip(argv[i], without);

		if (skip)
			i += skip - 1;
		else
			append_argument(&text, argv[i]);
	}
	return text.bytes;
}
