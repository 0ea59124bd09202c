/*
 * A pipe that several threads copy to or from at once.
 *
 * What a pipe costs is the copying, which the kernel lets one thread do at a time. Here each of some
 * threads has a pipe of its own, its lane, to copy to or from; between the lanes and the pipe that is
 * meant the kernel moves pages, in order, and copies none (splice(2)). The pages are the kernel's, fresh
 * for each copy, so none is written again while a reader may still see it.
 */
#ifndef LANES_H
#define LANES_H

#include <stddef.h>

struct lanes;

/*
 * So many lanes to or from a descriptor, which stays the caller's. Null if it is no pipe, or if lanes
 * cannot be had; then it is to be read and written as usual.
 */
struct lanes *lanes_open(int descriptor, unsigned count);
void lanes_close(struct lanes *lanes);

/* Takes the next bytes of what is read, when they have arrived. */
typedef void lanes_arrived(void *context, const void *bytes, size_t count);

/*
 * Reads count bytes into a buffer, fewer only at the end of the input; *got is how many. Calls arrived(),
 * in order, with all of them. Returns 0, or -1 with errno set.
 */
int lanes_read(struct lanes *lanes, void *buffer, size_t count, lanes_arrived *arrived,
	       void *context, size_t *got);

/* Writes count bytes. Returns 0, or -1 with errno set. */
int lanes_write(struct lanes *lanes, const void *buffer, size_t count);

#endif
