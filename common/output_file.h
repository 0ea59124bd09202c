/*
 * Files that appear under their names whole or not at all.
 *
 * Each is written under a temporary name beside its own. Once all are closed, and on the disk,
 * they are renamed together. When the program fails, or ends by a signal that can be caught, the
 * temporary ones are removed.
 */
#ifndef OUTPUT_FILE_H
#define OUTPUT_FILE_H

#include <stddef.h>

#include "util.h"

struct output_file;

/*
 * Starts a file, or standard output where the path is null. Null on failure. The file belongs to
 * this module, until output_files_publish() or output_files_discard().
 */
struct output_file *output_file_create(const char *path, struct failure *failure);

/* Writes all bytes. Returns 0 or -1. */
int output_file_write(struct output_file *file, const void *bytes, size_t length,
		      struct failure *failure);

/* Makes sure that everything is written, for a file also on the disk. Returns 0 or -1. */
int output_file_close(struct output_file *file, struct failure *failure);

/*
 * Gives all files, which must be closed, their names, in the order in which they were created.
 * Returns 0, or -1 when that stopped at some file.
 */
int output_files_publish(struct failure *failure);

/* Removes all files that have not got their names. */
void output_files_discard(void);

#endif
