#include "gguf.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* The alignment of tensors where general.alignment does not say. */
#define DEFAULT_ALIGNMENT 32

/* The least that a pair of metadata, and the description of a tensor, take. */
#define LEAST_PAIR   (8 + 1 + 4 + 1)
#define LEAST_TENSOR (8 + 1 + 4 + 4 + 8)

/* Types of metadata (enum gguf_metadata_value_type of the specification). */
enum {
	VALUE_U16 = 2,
	VALUE_U32 = 4,
	VALUE_I32 = 5,
	VALUE_STRING = 8,
	VALUE_ARRAY = 9,
	VALUE_TYPES = 13
};

/* --- bytes of the file, in order --- */

/* The largest field to be had at once, a key; as much is read at a time. */
#define WINDOW 65536

_Static_assert(WINDOW >= GGUF_MAX_KEY && GGUF_MAX_KEY >= GGUF_MAX_NAME, "any string must fit");

struct cursor {
	const struct gguf_source *source;
	struct failure *failure;
	uint64_t at; /* the place in the file, never past its end */
	uint64_t window_start;
	size_t window_count;
	unsigned char window[WINDOW];
};

static int
require_bytes(const struct cursor *cursor, uint64_t count)
{
	uint64_t size = cursor->source->size;

	if (count > size - cursor->at)
		return fail(cursor->failure, STATUS_DATA,
			    "cut off, or a wrong length: %" PRIu64 " bytes at byte %" PRIu64
			    " of a file of %" PRIu64,
			    count, cursor->at, size);
	if (cursor->at > GGUF_MAX_HEADER || count > GGUF_MAX_HEADER - cursor->at)
		return fail(cursor->failure, STATUS_DATA, "a header of more than %" PRIu64 " bytes",
			    GGUF_MAX_HEADER);
	return 0;
}

/* The next count bytes, at most WINDOW, valid until the next call; null on failure. */
static const unsigned char *
take(struct cursor *cursor, uint64_t count)
{
	uint64_t offset = cursor->at - cursor->window_start;

	if (require_bytes(cursor, count))
		return NULL;
	if (offset > cursor->window_count || count > cursor->window_count - offset) {
		uint64_t rest = cursor->source->size - cursor->at;

		cursor->window_start = cursor->at;
		cursor->window_count = rest < WINDOW ? (size_t)rest : WINDOW;
		if (cursor->source->read(cursor->source->context, cursor->at, cursor->window,
					 cursor->window_count, cursor->failure))
			return NULL;
		offset = 0;
	}
	cursor->at += count;
	return cursor->window + offset;
}

static int
skip(struct cursor *cursor, uint64_t count)
{
	if (require_bytes(cursor, count))
		return -1;
	cursor->at += count;
	return 0;
}

/* The next number of size bytes. */
static int
take_number(struct cursor *cursor, size_t size, uint64_t *number)
{
	const unsigned char *bytes = take(cursor, size);

	if (!bytes)
		return -1;
	*number = 0;
	memcpy(number, bytes, size);
	return 0;
}

/* --- names --- */

struct names {
	struct text text;
	size_t *starts; /* in the text */
	size_t count;
};

/* Takes a string of 1 to most bytes that can be a name in C and in JSON. */
static int
take_name(struct cursor *cursor, struct names *names, uint64_t most)
{
	const unsigned char *bytes;
	uint64_t length;
	size_t step;

	if (take_number(cursor, 8, &length))
		return -1;
	if (!length || length > most)
		return fail(cursor->failure, STATUS_DATA,
			    "a name of %" PRIu64 " bytes (1 to %" PRIu64 " are allowed)", length,
			    most);
	bytes = take(cursor, length);
	if (!bytes)
		return -1;
	for (size_t i = 0; i < length; i += step) {
		step = utf8_length(bytes + i, length - i);
		if (!step || !bytes[i])
			return fail(cursor->failure, STATUS_DATA,
				    "a name that is not UTF-8, or holds a null character");
	}
	if (!(names->count & (names->count - 1)))
		names->starts = xreallocarray(names->starts, names->count ? 2 * names->count : 1,
					      sizeof(*names->starts));
	names->starts[names->count++] = names->text.length;
	text_append(&names->text, bytes, length);
	text_append(&names->text, "", 1);
	return 0;
}

static const char *
last_name(const struct names *names)
{
	return names->text.bytes + names->starts[names->count - 1];
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
require_unique(const struct names *names, const char *what, struct failure *failure)
{
	const char **sorted = xcalloc(names->count, sizeof(*sorted));
	int result = 0;

	for (size_t i = 0; i < names->count; i++)
		sorted[i] = names->text.bytes + names->starts[i];
	if (names->count)
		qsort(sorted, names->count, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < names->count && !result; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			result = fail(failure, STATUS_DATA, "%s '%.200s' is given twice", what,
				      sorted[i]);
	free(sorted);
	return result;
}

static void
names_free(struct names *names)
{
	text_free(&names->text);
	free(names->starts);
}

/* --- metadata --- */

/* What is wanted of them. */
struct facts {
	uint64_t alignment;
	struct gguf_split split;
};

/* The size of a value, or 0 if it varies. */
static unsigned
value_size(uint64_t type)
{
	static const unsigned char sizes[VALUE_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

	return sizes[type];
}

static int
skip_string(struct cursor *cursor)
{
	uint64_t length;

	return take_number(cursor, 8, &length) || skip(cursor, length) ? -1 : 0;
}

static int
take_value_type(struct cursor *cursor, uint64_t *type)
{
	if (take_number(cursor, 4, type))
		return -1;
	if (*type >= VALUE_TYPES)
		return fail(cursor->failure, STATUS_DATA, "a value of unknown type %" PRIu64,
			    *type);
	return 0;
}

static int
skip_array(struct cursor *cursor)
{
	uint64_t type, count, bytes;

	if (take_value_type(cursor, &type) || take_number(cursor, 8, &count))
		return -1;
	if (type == VALUE_ARRAY)
		return fail(cursor->failure, STATUS_DATA, "an array of arrays");
	if (!multiply_checked(count, type == VALUE_STRING ? 8 : value_size(type), &bytes))
		return fail(cursor->failure, STATUS_DATA, "an array of %" PRIu64 " values", count);
	if (type != VALUE_STRING)
		return skip(cursor, bytes);
	/* Their lengths alone must be there, so that a count does not keep us busy. */
	if (require_bytes(cursor, bytes))
		return -1;
	for (uint64_t i = 0; i < count; i++)
		if (skip_string(cursor))
			return -1;
	return 0;
}

static int
skip_value(struct cursor *cursor, uint64_t type)
{
	if (type == VALUE_STRING)
		return skip_string(cursor);
	if (type == VALUE_ARRAY)
		return skip_array(cursor);
	return skip(cursor, value_size(type));
}

/* Takes a value, and keeps it if the key is one of those wanted, whose types are fixed. */
static int
take_value(struct cursor *cursor, const char *key, struct facts *facts)
{
	const struct {
		const char *key;
		unsigned type;
		uint64_t *value;
	} wanted[] = {
		{"general.alignment", VALUE_U32, &facts->alignment},
		{"split.count", VALUE_U16, &facts->split.count},
		{"split.no", VALUE_U16, &facts->split.number},
		{"split.tensors.count", VALUE_I32, &facts->split.tensors},
	};
	uint64_t type;

	if (take_value_type(cursor, &type))
		return -1;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (strcmp(key, wanted[i].key))
			continue;
		if (type != wanted[i].type)
			return fail(cursor->failure, STATUS_DATA,
				    "a value of type %" PRIu64 ", and not %u", type,
				    wanted[i].type);
		return take_number(cursor, value_size(type), wanted[i].value);
	}
	return skip_value(cursor, type);
}

static int
take_metadata(struct cursor *cursor, uint64_t count, struct facts *facts)
{
	struct names keys = {0};
	int result = 0;

	for (uint64_t i = 0; i < count && !result; i++) {
		result = take_name(cursor, &keys, GGUF_MAX_KEY);
		if (result) {
			fail_prefix(cursor->failure, "metadata key %" PRIu64, i);
			break;
		}
		result = take_value(cursor, last_name(&keys), facts);
		if (result)
			fail_prefix(cursor->failure, "metadata '%.200s'", last_name(&keys));
	}
	if (!result)
		result = require_unique(&keys, "metadata", cursor->failure);
	names_free(&keys);
	if (!result && (!facts->alignment || facts->alignment & (facts->alignment - 1)))
		return fail(cursor->failure, STATUS_DATA,
			    "general.alignment is %" PRIu64 ", which is not a power of two",
			    facts->alignment);
	return result;
}

/* --- tensors --- */

/* The file has the fastest dimension first, and we have it last. */
static int
take_shape(struct cursor *cursor, struct gguf_tensor *tensor)
{
	uint64_t rank, sides = 1;

	if (take_number(cursor, 4, &rank))
		return -1;
	if (rank > GGUF_MAX_RANK)
		return fail(cursor->failure, STATUS_DATA,
			    "%" PRIu64 " dimensions, and at most %d are allowed", rank,
			    GGUF_MAX_RANK);
	tensor->rank = (unsigned)rank;
	tensor->elements = 1;
	for (unsigned i = tensor->rank; i-- > 0;) {
		if (take_number(cursor, 8, &tensor->shape[i]))
			return -1;
		/* Not of the elements: where a dimension is 0, the others must still be such as fit. */
		if (!multiply_checked(sides, tensor->shape[i] ? tensor->shape[i] : 1, &sides) ||
		    sides > JSON_INTEGER_MAX)
			return fail(cursor->failure, STATUS_DATA, "the shape overflows");
		tensor->elements *= tensor->shape[i];
	}
	return 0;
}

/* Takes the type and with it the size; blocks lie within rows. */
static int
take_type(struct cursor *cursor, struct gguf_tensor *tensor)
{
	uint64_t number, row = tensor->rank ? tensor->shape[tensor->rank - 1] : 1;

	if (take_number(cursor, 4, &number))
		return -1;
	tensor->type_number = (uint32_t)number;
	tensor->type = ggml_type_of(tensor->type_number);
	if (!tensor->type)
		return fail(cursor->failure, STATUS_DATA, "unknown type %" PRIu64, number);
	if (row % tensor->type->elements)
		return fail(cursor->failure, STATUS_DATA,
			    "rows of %" PRIu64 " elements, which %s has in blocks of %u", row,
			    tensor->type->name, tensor->type->elements);
	/* At most 2^53 elements of 64 bits. */
	tensor->bytes = tensor->elements / tensor->type->elements * tensor->type->bytes;
	return 0;
}

static int
take_tensors(struct cursor *cursor, struct gguf *gguf, struct names *names)
{
	/* Their descriptions must be there, by take_header(): so this is bounded by the file. */
	gguf->tensors = xcalloc(gguf->count, sizeof(*gguf->tensors));
	for (size_t i = 0; i < gguf->count; i++) {
		struct gguf_tensor *tensor = &gguf->tensors[i];

		if (take_name(cursor, names, GGUF_MAX_NAME))
			return fail_prefix(cursor->failure, "tensor %zu", i);
		if (take_shape(cursor, tensor) || take_type(cursor, tensor) ||
		    take_number(cursor, 8, &tensor->offset))
			return fail_prefix(cursor->failure, "tensor '%.200s'", last_name(names));
	}
	return require_unique(names, "tensor", cursor->failure);
}

static uint64_t
aligned(uint64_t offset, uint64_t alignment)
{
	return (offset + alignment - 1) & ~(alignment - 1);
}

/*
 * Makes offsets, which count from the end of the header, those in the file. As for the reference, each
 * tensor begins where the one before it ends, at the next multiple of the alignment.
 */
static int
place_tensors(struct gguf *gguf, uint64_t header, uint64_t alignment, uint64_t size,
	      struct failure *failure)
{
	uint64_t start = aligned(header, alignment), end = start;

	for (size_t i = 0; i < gguf->count; i++) {
		struct gguf_tensor *tensor = &gguf->tensors[i];

		if (tensor->offset != end - start)
			return fail(failure, STATUS_DATA,
				    "tensor '%.200s' begins at offset %" PRIu64
				    " of the data, and %" PRIu64 " is next",
				    tensor->name, tensor->offset, end - start);
		if (end > size || tensor->bytes > size - end)
			return fail(failure, STATUS_DATA,
				    "cut off: tensor '%.200s' has %" PRIu64
				    " bytes at byte %" PRIu64 " of a file of %" PRIu64,
				    tensor->name, tensor->bytes, end, size);
		tensor->offset = end;
		end = aligned(end + tensor->bytes, alignment);
	}
	/* The padding after the last may be missing. */
	if (size > end)
		return fail(failure, STATUS_DATA,
			    "trailing bytes: the tensors end at byte %" PRIu64
			    " of a file of %" PRIu64,
			    end, size);
	return 0;
}

/* --- the whole --- */

static int
check_version(uint64_t version, struct failure *failure)
{
	if (version == 2 || version == 3)
		return 0;
	if (version && !(version & 0xffff))
		return fail(failure, STATUS_DATA,
			    "a big-endian GGUF file, and only little-endian ones are read");
	return fail(failure, STATUS_DATA, "GGUF version %" PRIu64 ", and 2 and 3 are read",
		    version);
}

/* Takes what comes before the metadata. The counts then are such that the file has room for them. */
static int
take_header(struct cursor *cursor, uint64_t *tensors, uint64_t *pairs)
{
	const unsigned char *magic = take(cursor, 4);
	uint64_t version, most = cursor->source->size;

	if (!magic)
		return -1;
	if (memcmp(magic, "GGUF", 4))
		return fail(cursor->failure, STATUS_DATA, "not GGUF");
	if (take_number(cursor, 4, &version) || check_version(version, cursor->failure) ||
	    take_number(cursor, 8, tensors) || take_number(cursor, 8, pairs))
		return -1;
	if (most > GGUF_MAX_HEADER)
		most = GGUF_MAX_HEADER;
	if (*tensors > most / LEAST_TENSOR || *pairs > most / LEAST_PAIR)
		return fail(cursor->failure, STATUS_DATA,
			    "%" PRIu64 " tensors and %" PRIu64
			    " metadata do not fit into a header of at most %" PRIu64 " bytes",
			    *tensors, *pairs, most);
	return 0;
}

static int
read_with(struct cursor *cursor, struct gguf *gguf, struct names *names)
{
	struct facts facts = {.alignment = DEFAULT_ALIGNMENT};
	uint64_t tensors = 0, pairs = 0;

	if (take_header(cursor, &tensors, &pairs) || take_metadata(cursor, pairs, &facts))
		return -1;
	gguf->split = facts.split;
	gguf->count = (size_t)tensors;
	if (take_tensors(cursor, gguf, names))
		return -1;
	for (size_t i = 0; i < gguf->count; i++)
		gguf->tensors[i].name = names->text.bytes + names->starts[i];
	return place_tensors(gguf, cursor->at, facts.alignment, cursor->source->size,
			     cursor->failure);
}

int
gguf_read(struct gguf *gguf, const struct gguf_source *source, struct failure *failure)
{
	struct cursor *cursor = xcalloc(1, sizeof(*cursor));
	struct names names = {0};
	int result;

	*gguf = (struct gguf){0};
	cursor->source = source;
	cursor->failure = failure;
	result = read_with(cursor, gguf, &names);
	free(cursor);
	gguf->names = names.text.bytes;
	free(names.starts);
	if (result)
		gguf_free(gguf);
	return result;
}

void
gguf_free(struct gguf *gguf)
{
	free(gguf->names);
	free(gguf->tensors);
	*gguf = (struct gguf){0};
}
