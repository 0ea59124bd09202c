#include "zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIRECTORY_MAX ((uint64_t)100000000)

/* Sizes of records without their variable parts (APPNOTE 4.3.7, 4.3.12, 4.3.14 to 4.3.16). */
enum { LOCAL = 30, CENTRAL = 46, END64 = 56, LOCATOR64 = 20, END = 22 };

/* Bits of the general purpose flag (4.4.4): the sizes follow the data; the name is UTF-8. */
enum { FLAG_ENCRYPTED = 1 << 0, FLAG_DESCRIPTOR = 1 << 3, FLAG_UTF8 = 1 << 11 };

/* Stands for a value that is in the zip64 extra field (4.5.3). */
#define ELSEWHERE UINT32_MAX

/* The directory in the file. */
struct directory {
	uint64_t begin, size, count;
};

static uint64_t
little(const unsigned char *bytes, unsigned count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 8 | bytes[count];
	return value;
}

static int
bad(struct failure *failure, const char *text)
{
	return fail(failure, STATUS_DATA, "bad zip archive: %s", text);
}

static int
bad_entry(struct failure *failure, const char *name, const char *text)
{
	return fail(failure, STATUS_DATA, "bad zip archive: entry '%.150s' %s", name, text);
}

/* --- the end of the archive --- */

/* A field of the end record must say what its zip64 twin says, or refer to it by being all ones. */
static bool
agrees(const unsigned char *end, unsigned count, uint64_t wide)
{
	uint64_t value = little(end, count);

	return value == wide || value == (count == 2 ? UINT16_MAX : ELSEWHERE);
}

/*
 * Takes the zip64 end of central directory record and its locator (4.3.14, 4.3.15), which must lie
 * directly before the end record. Sets where the directory must end.
 */
static int
take_end64(const unsigned char *tail, uint64_t at, struct directory *directory, uint64_t *stop,
	   struct failure *failure)
{
	const unsigned char *end = tail + END64 + LOCATOR64, *locator = tail + END64;

	if (memcmp(tail, "PK\6\6", 4) || little(tail + 4, 8) != END64 - 12 ||
	    little(locator + 4, 4) || little(locator + 8, 8) != at || little(locator + 16, 4) > 1)
		return bad(failure, "its zip64 end record is not where it must be");
	*directory = (struct directory){little(tail + 48, 8), little(tail + 40, 8),
					little(tail + 32, 8)};
	if (little(tail + 16, 8) || little(tail + 24, 8) != directory->count ||
	    !agrees(end + 4, 2, 0) || !agrees(end + 6, 2, 0) ||
	    !agrees(end + 8, 2, directory->count) || !agrees(end + 10, 2, directory->count) ||
	    !agrees(end + 12, 4, directory->size) || !agrees(end + 16, 4, directory->begin))
		return bad(failure, "its two end records differ, or it is spread over disks");
	*stop = at;
	return 0;
}

/* The end record without zip64 (4.3.16). */
static int
take_end(const unsigned char *end, struct directory *directory, struct failure *failure)
{
	*directory = (struct directory){little(end + 16, 4), little(end + 12, 4),
					little(end + 10, 2)};
	if (little(end + 4, 4) || little(end + 8, 2) != directory->count)
		return bad(failure, "it is spread over disks");
	return 0;
}

static int
find_directory(const struct zip_source *source, struct directory *directory,
	       struct failure *failure)
{
	unsigned char tail[END64 + LOCATOR64 + END] = {0};
	size_t there = source->size < sizeof(tail) ? (size_t)source->size : sizeof(tail);
	unsigned char *end = tail + sizeof(tail) - END;
	uint64_t stop = source->size - END;
	int result;

	if (there < END)
		return bad(failure, "the file is cut off");
	if (source->read(source->context, source->size - there, tail + sizeof(tail) - there, there,
			 failure))
		return -1;
	if (memcmp(end, "PK\5\6", 4) || little(end + 20, 2))
		return bad(failure, "it does not end with an end record: cut off, or something "
				    "follows it");
	if (there == sizeof(tail) && !memcmp(tail + END64, "PK\6\7", 4))
		result = take_end64(tail, source->size - sizeof(tail), directory, &stop, failure);
	else
		result = take_end(end, directory, failure);
	if (result)
		return -1;
	if (directory->begin > stop || directory->size != stop - directory->begin)
		return bad(failure, "its directory does not fill the place before the end record");
	if (directory->size > DIRECTORY_MAX || directory->count > directory->size / CENTRAL)
		return bad(failure, "a directory of an impossible size");
	return 0;
}

/* --- the directory --- */

/*
 * Replaces those values that are ELSEWHERE by what the zip64 extra field (4.5.3) says, in the order of
 * the field. Returns false if an extra field does not fit, or it is given twice or lacks a value.
 */
static bool
take_zip64(const unsigned char *extra, size_t length, uint64_t *const *values, size_t count)
{
	const unsigned char *field = NULL;
	size_t left = 0;

	for (size_t at = 0; at < length;) {
		size_t size;

		if (length - at < 4)
			return false;
		size = (size_t)little(extra + at + 2, 2);
		if (size > length - at - 4 || (little(extra + at, 2) == 1 && field))
			return false;
		if (little(extra + at, 2) == 1) {
			field = extra + at + 4;
			left = size;
		}
		at += 4 + size;
	}
	for (size_t i = 0; i < count; i++) {
		if (*values[i] != ELSEWHERE)
			continue;
		if (left < 8)
			return false;
		*values[i] = little(field, 8);
		field += 8;
		left -= 8;
	}
	return true;
}

/* Refuses what an entry of torch.save() never is. */
static int
check_entry(const struct zip_entry *entry, uint64_t method, uint64_t packed, uint64_t disk,
	    struct failure *failure)
{
	if (entry->flags & FLAG_ENCRYPTED)
		return bad_entry(failure, entry->name, "is encrypted");
	if (method || packed != entry->size)
		return bad_entry(failure, entry->name,
				 "is compressed, and only stored ones are read");
	if (entry->flags & ~(uint32_t)(FLAG_DESCRIPTOR | FLAG_UTF8))
		return bad_entry(failure, entry->name, "has flags that are not known");
	if (disk)
		return bad_entry(failure, entry->name, "is on another disk");
	return 0;
}

/* Takes one record of the directory (4.3.12). Returns its length, or 0. */
static size_t
take_record(struct zip_entry *entry, char *name, const unsigned char *record, size_t left,
	    struct failure *failure)
{
	uint64_t packed, *const values[] = {&entry->size, &packed, &entry->header};
	size_t names, extras, length;

	if (left < CENTRAL || memcmp(record, "PK\1\2", 4)) {
		bad(failure, "a record of its directory is cut off");
		return 0;
	}
	names = (size_t)little(record + 28, 2);
	extras = (size_t)little(record + 30, 2);
	length = CENTRAL + names + extras + (size_t)little(record + 32, 2);
	if (length > left || !names || memchr(record + CENTRAL, 0, names)) {
		bad(failure, "a record of its directory is cut off, or its name is none");
		return 0;
	}
	memcpy(name, record + CENTRAL, names);
	name[names] = '\0';
	entry->name = name;
	entry->flags = (uint32_t)little(record + 8, 2);
	entry->crc = (uint32_t)little(record + 16, 4);
	packed = little(record + 20, 4);
	entry->size = little(record + 24, 4);
	entry->header = little(record + 42, 4);
	if (!take_zip64(record + CENTRAL + names, extras, values, 3)) {
		bad_entry(failure, name, "has a bad extra field");
		return 0;
	}
	if (check_entry(entry, little(record + 10, 2), packed, little(record + 34, 2), failure))
		return 0;
	return length;
}

static int
take_directory(struct zip *zip, const unsigned char *bytes, const struct directory *directory,
	       struct failure *failure)
{
	size_t at = 0, used = 0;

	for (size_t i = 0; i < directory->count; i++) {
		size_t length = take_record(&zip->entries[i], zip->names + used, bytes + at,
					    directory->size - at, failure);

		if (!length)
			return -1;
		at += length;
		used += strlen(zip->entries[i].name) + 1;
	}
	if (at != directory->size)
		return bad(failure, "its directory has more records than it says");
	zip->count = directory->count;
	return 0;
}

/* --- the entries --- */

/* Whether the sizes of a local header are those of the directory, or left to the descriptor (4.4.4). */
static bool
sizes_agree(const struct zip_source *source, const struct zip_entry *entry,
	    const unsigned char *local, struct failure *failure)
{
	uint64_t crc = little(local + 14, 4), packed = little(local + 18, 4);
	uint64_t size = little(local + 22, 4), *const values[] = {&size, &packed};
	uint64_t extras = little(local + 28, 2);
	unsigned char *extra;
	bool taken;

	if (entry->flags & FLAG_DESCRIPTOR && !crc && !packed && !size)
		return true;
	if (size == ELSEWHERE || packed == ELSEWHERE) {
		extra = xmalloc(extras);
		taken = !source->read(source->context, entry->begin - extras, extra, extras,
				      failure) &&
			take_zip64(extra, extras, values, 2);
		free(extra);
		if (!taken)
			return false;
	}
	return crc == entry->crc && packed == entry->size && size == entry->size;
}

/*
 * The data descriptor (4.3.9), with its signature: the same CRC and sizes once more, in 4 bytes each or
 * 8. What lies between the data and the next header says which.
 */
static int
check_descriptor(const struct zip_source *source, const struct zip_entry *entry, uint64_t length,
		 struct failure *failure)
{
	unsigned char bytes[24];
	unsigned width = length == 24 ? 8 : 4;

	if (!(entry->flags & FLAG_DESCRIPTOR) && !length)
		return 0;
	if (!(entry->flags & FLAG_DESCRIPTOR) || (length != 16 && length != 24))
		return bad_entry(failure, entry->name, "does not end where the next one begins");
	if (source->read(source->context, entry->begin + entry->size, bytes, length, failure))
		return -1;
	if (memcmp(bytes, "PK\7\10", 4) || little(bytes + 4, 4) != entry->crc ||
	    little(bytes + 8, width) != entry->size ||
	    little(bytes + 8 + width, width) != entry->size)
		return bad_entry(failure, entry->name,
				 "differs between the directory and what follows its data");
	return 0;
}

/* Compares the local header (4.3.7) with the directory; finds the data, before `next`. */
static int
check_local(const struct zip_source *source, struct zip_entry *entry, uint64_t next,
	    struct failure *failure)
{
	size_t names = strlen(entry->name);
	unsigned char *local = xmalloc(LOCAL + names);
	bool same;

	if (next - entry->header < LOCAL + names) {
		free(local);
		return bad_entry(failure, entry->name, "overlaps with another, or is cut off");
	}
	if (source->read(source->context, entry->header, local, LOCAL + names, failure)) {
		free(local);
		return -1;
	}
	entry->begin = entry->header + LOCAL + names + little(local + 28, 2);
	if (entry->begin > next || entry->size > next - entry->begin) {
		free(local);
		return bad_entry(failure, entry->name, "overlaps with another, or is cut off");
	}
	*failure = (struct failure){0};
	same = !memcmp(local, "PK\3\4", 4) && little(local + 6, 2) == entry->flags &&
	       !little(local + 8, 2) && little(local + 26, 2) == names &&
	       !memcmp(local + LOCAL, entry->name, names) &&
	       sizes_agree(source, entry, local, failure);
	free(local);
	if (!same && failure->status)
		return -1;
	if (!same)
		return bad_entry(failure, entry->name,
				 "differs between the directory and its own header");
	return check_descriptor(source, entry, next - entry->begin - entry->size, failure);
}

static int
compare_places(const void *a, const void *b)
{
	const struct zip_entry *x = a, *y = b;

	return (x->header > y->header) - (x->header < y->header);
}

static int
compare_names(const void *a, const void *b)
{
	const struct zip_entry *x = a, *y = b;
	int order = strcasecmp(x->name, y->name);

	return order ? order : strcmp(x->name, y->name);
}

/* The entries must fill the file from its start to the directory. */
static int
check_entries(struct zip *zip, const struct zip_source *source, uint64_t stop,
	      struct failure *failure)
{
	if (!zip->count)
		return bad(failure, "there is nothing in it");
	qsort(zip->entries, zip->count, sizeof(*zip->entries), compare_places);
	if (zip->entries[0].header)
		return bad(failure, "something lies before its first entry");
	for (size_t i = 0; i < zip->count; i++) {
		struct zip_entry *entry = &zip->entries[i];
		uint64_t next = i + 1 < zip->count ? entry[1].header : stop;

		if (next > stop)
			return bad_entry(failure, entry[1].name, "lies outside of the file");
		if (check_local(source, entry, next, failure))
			return -1;
	}
	qsort(zip->entries, zip->count, sizeof(*zip->entries), compare_names);
	for (size_t i = 1; i < zip->count; i++)
		if (!strcasecmp(zip->entries[i - 1].name, zip->entries[i].name))
			return bad_entry(failure, zip->entries[i].name, "is there twice");
	return 0;
}

int
zip_open(struct zip *zip, const struct zip_source *source, struct failure *failure)
{
	struct directory directory = {0};
	unsigned char *bytes;
	int result;

	*zip = (struct zip){0};
	if (find_directory(source, &directory, failure))
		return -1;
	bytes = xmalloc(directory.size);
	result = source->read(source->context, directory.begin, bytes, directory.size, failure);
	if (!result) {
		/* A record takes more than its name and a null. */
		zip->names = xmalloc(directory.size);
		zip->entries = xcalloc(directory.count, sizeof(*zip->entries));
		result = take_directory(zip, bytes, &directory, failure);
	}
	free(bytes);
	if (!result)
		result = check_entries(zip, source, directory.begin, failure);
	if (result)
		zip_free(zip);
	return result;
}

void
zip_free(struct zip *zip)
{
	free(zip->names);
	free(zip->entries);
	*zip = (struct zip){0};
}

const struct zip_entry *
zip_find(const struct zip *zip, const char *name)
{
	struct zip_entry key = {.name = name};
	const struct zip_entry *found = bsearch(&key, zip->entries, zip->count, sizeof(key),
						compare_names);

	return found && !strcmp(found->name, name) ? found : NULL;
}

/* CRC-32 with the polynomial of 4.4.7, four bits at a time. */
static uint32_t
crc_of(const unsigned char *bytes, uint64_t count)
{
	uint32_t crc = UINT32_MAX, table[16];

	for (uint32_t i = 0; i < 16; i++) {
		table[i] = i;
		for (int bit = 0; bit < 4; bit++)
			table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320 : table[i] >> 1;
	}
	for (uint64_t i = 0; i < count; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

char *
zip_read(const struct zip_source *source, const struct zip_entry *entry, uint64_t most,
	 struct failure *failure)
{
	char *bytes;

	if (entry->size > most) {
		fail(failure, STATUS_DATA,
		     "bad zip archive: entry '%.150s' has %" PRIu64 " bytes (at most %" PRIu64 ")",
		     entry->name, entry->size, most);
		return NULL;
	}
	bytes = xmalloc(entry->size + 1);
	if (source->read(source->context, entry->begin, bytes, entry->size, failure)) {
		free(bytes);
		return NULL;
	}
	if (crc_of((unsigned char *)bytes, entry->size) != entry->crc) {
		bad_entry(failure, entry->name, "is damaged: its CRC is another");
		free(bytes);
		return NULL;
	}
	return bytes;
}
