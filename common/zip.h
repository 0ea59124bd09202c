/*
 * Zip archives whose entries are stored as they are, such as torch.save() writes: where the bytes of each
 * entry lie.
 *
 * The format is that of PKWARE's APPNOTE.TXT, zip64 included. An archive says most things twice, in its
 * directory and in front of each entry, and programs that believe different halves see different files:
 * that is how harmful ones have passed scanners. So both must agree here, entries and directory must fill
 * the file without hole or overlap, names must differ in more than case, and what is compressed,
 * encrypted or spread over disks is refused.
 */
#ifndef ZIP_H
#define ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "util.h"

/* Where an archive is read from. */
struct zip_source {
	/* Reads count bytes at an offset, all or it fails. Returns 0 or -1. */
	int (*read)(const void *context, uint64_t offset, void *buffer, size_t count,
		    struct failure *failure);
	const void *context;
	uint64_t size;
};

struct zip_entry {
	const char *name;     /* the archive's, until zip_free() */
	uint64_t begin, size; /* of its bytes, in the file */
	uint32_t crc;	      /* what the archive says; only zip_read() looks whether it is true */
	uint32_t flags;
	uint64_t header; /* where its local header lies */
};

struct zip {
	char *names;
	struct zip_entry *entries; /* in the order of their names, case aside */
	size_t count;
};

/*
 * Reads the directory and the headers of an archive, which may say anything: what is allocated is no more than
 * some times its directory, which lies in the file. Returns 0; or -1 with a failure, and nothing to free.
 */
int zip_open(struct zip *zip, const struct zip_source *source, struct failure *failure);
void zip_free(struct zip *zip);

/* The entry of a name, or null. */
const struct zip_entry *zip_find(const struct zip *zip, const char *name);

/*
 * The bytes of an entry of at most so many, from malloc, the caller's to free, with room for one more; null, with
 * the failure filled, if there are more, they cannot be read, or their CRC is another.
 */
char *zip_read(const struct zip_source *source, const struct zip_entry *entry, uint64_t most,
	       struct failure *failure);

#endif
