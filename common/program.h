/*
 * The conduct that all programs share on the command line: --help and --version, usage errors, no
 * binary data on a terminal, and a standard output that is known to be written before exit 0.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>

#define HILLPIPE_VERSION "0.1.0"

/* Values of the long options that every program has; a program's own begin at OPTION_OWN. */
enum { OPTION_HELP = 256, OPTION_VERSION, OPTION_PROGRESS, OPTION_NO_PROGRESS, OPTION_OWN };

/* The rows of a getopt_long table that every program has, and those of programs with progress. */
#define COMMON_OPTIONS                                    \
	{"help", no_argument, 0, OPTION_HELP},            \
	{                                                 \
		"version", no_argument, 0, OPTION_VERSION \
	}
#define PROGRESS_OPTIONS                                             \
	{"progress", no_argument, 0, OPTION_PROGRESS},               \
		{"no-progress", no_argument, 0, OPTION_NO_PROGRESS}, \
	{                                                            \
		"quiet", no_argument, 0, 'q'                         \
	}

struct program {
	const char *name; /* constant, not argv[0] */
	const char *help; /* all of --help */
	const char
		*libraries; /* further lines of --version, each ended by a newline; may be null */
};

/* Sets the name for messages and the C locale. To be called first. */
void program_begin(const struct program *program);

/*
 * Handles OPTION_HELP, OPTION_VERSION, and '?' and ':' of getopt_long; does not return. The short
 * options given to getopt_long must start with a colon.
 */
_Noreturn void program_common_option(const struct program *program, int option, char **argv);

/* Ends with STATUS_USAGE: the message, then a hint at --help. */
_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The one operand a filter may have, null for standard input ("-" or none); more are refused. */
const char *program_operand(int argc, char **argv, int first);

/* Reads the argument I/N of --shard, 1 <= I <= N; ends the program if it is something else. */
void program_parse_part(const char *text, unsigned *part, unsigned *parts);

/* Reads the argument of --threads, a number from 1 up; ends the program if it is something else. */
unsigned program_parse_threads(const char *text);

/*
 * A descriptor to read the operand (null: standard input) from; a failure ends the program. What is
 * expected there, "a stream" or "a table", is for messages.
 */
int program_open_input(const char *operand, const char *expected);

/* What messages call the operand. */
const char *program_source(const char *operand);

/* Refuses to write binary data to a terminal. */
void program_refuse_terminal_output(void);

/* Flushes standard output and checks that all of it was written; ends the program if it was not. */
void program_finish_output(void);

/*
 * What the provenance of a stream says of this program: name, version and the first argc - 1
 * arguments, quoted as for a shell where they need it; from malloc. Left out are the options that do
 * not change the output, in any unambiguous abbreviation: those for progress, and the long options
 * whose names, with "--", are in the null-terminated list; a "=" at the end of a name there says that
 * the option takes an argument. After getopt_long() options come first, so that argc may be its optind
 * for a program whose input is not to be named.
 */
char *program_signature(const struct program *program, int argc, char **argv,
			const char *const *without);

#endif
