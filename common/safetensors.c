#include "safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "json.h"

/* Object of tensors, tensor, shape: and a margin of one. */
#define HEADER_DEPTH 4

int
safetensors_header_length(const unsigned char field[8], uint64_t *length, struct failure *failure)
{
	memcpy(length, field, 8);
	if (*length > SAFETENSORS_MAX_HEADER)
		return fail(failure, STATUS_DATA,
			    "not safetensors: a header of %" PRIu64 " bytes (at most %" PRIu64 ")",
			    *length, SAFETENSORS_MAX_HEADER);
	if (*length < 2)
		return fail(failure, STATUS_DATA, "not safetensors: a header of %" PRIu64 " bytes",
			    *length);
	return 0;
}

static void *
grown(void *array, size_t count, size_t size)
{
	/* Doubles at powers of two. */
	if (count & (count - 1))
		return array;
	return xreallocarray(array, count ? 2 * count : 1, size);
}

static int
parse_metadata(struct json *json, struct safetensors *document)
{
	char *key;

	json_open(json, '{');
	while ((key = json_key(json))) {
		char *value = json_string(json);

		if (!value)
			break;
		document->metadata = grown(document->metadata, document->metadata_count,
					   sizeof(*document->metadata));
		document->metadata[document->metadata_count++] = (struct safetensors_pair){key,
											   value};
	}
	return json->failed ? -1 : 0;
}

static void
parse_shape(struct json *json, struct safetensors_tensor *tensor)
{
	json_open(json, '[');
	while (json_item(json)) {
		if (tensor->rank == SAFETENSORS_MAX_RANK) {
			json_fail(json, "more than %d dimensions", SAFETENSORS_MAX_RANK);
			return;
		}
		json_unsigned(json, &tensor->shape[tensor->rank]);
		tensor->rank++;
	}
}

static void
parse_offsets(struct json *json, struct safetensors_tensor *tensor)
{
	uint64_t integers[2] = {0};
	unsigned count = 0;

	json_open(json, '[');
	while (json_item(json)) {
		if (count == 2) {
			json_fail(json, "data_offsets must be two integers");
			return;
		}
		json_unsigned(json, &integers[count++]);
	}
	if (count < 2)
		json_fail(json, "data_offsets must be two integers");
	tensor->begin = integers[0];
	tensor->end = integers[1];
}

static void
parse_dtype(struct json *json, struct safetensors_tensor *tensor)
{
	char *name = json_string(json);

	if (name && !dtype_from_name(name, &tensor->dtype))
		json_fail(json, "unknown dtype '%.40s'", name);
}

/*
 * Size against shape and dtype, the way the reference's validation does, but that a dimension of zero
 * excuses no others: rows times columns of any shape must be an integer that all readers hold.
 */
static int
check_size(struct safetensors_tensor *tensor, struct failure *failure)
{
	uint64_t product = 1, bytes;

	tensor->elements = 1;
	for (unsigned i = 0; i < tensor->rank; i++) {
		tensor->elements *= tensor->shape[i];
		if (tensor->shape[i] && (!multiply_checked(product, tensor->shape[i], &product) ||
					 product > JSON_INTEGER_MAX))
			return fail(failure, STATUS_DATA, "the shape overflows");
	}
	if (tensor->end < tensor->begin)
		return fail(failure, STATUS_DATA, "data_offsets end before they begin");
	/* 2^53 elements of 64 bits cannot overflow. */
	if (!dtype_bytes(tensor->dtype, tensor->elements, &bytes))
		return fail(failure, STATUS_DATA, "shape and dtype give no whole number of bytes");
	if (tensor->end - tensor->begin != bytes)
		return fail(failure, STATUS_DATA,
			    "data_offsets span %" PRIu64
			    " bytes, but shape and dtype need %" PRIu64,
			    tensor->end - tensor->begin, bytes);
	return 0;
}

static int
parse_tensor(struct json *json, struct safetensors *document, char *name)
{
	enum { SEEN_DTYPE = 1, SEEN_SHAPE = 2, SEEN_OFFSETS = 4, SEEN_ALL = 7 };
	struct safetensors_tensor tensor = {.name = name};
	unsigned seen = 0;
	char *field;

	json_open(json, '{');
	while ((field = json_key(json))) {
		unsigned flag = 0;

		if (!strcmp(field, "dtype"))
			flag = SEEN_DTYPE;
		else if (!strcmp(field, "shape"))
			flag = SEEN_SHAPE;
		else if (!strcmp(field, "data_offsets"))
			flag = SEEN_OFFSETS;
		if (!flag)
			json_fail(json, "unknown field '%.40s'", field);
		else if (seen & flag)
			json_fail(json, "%s is given twice", field);
		else if (flag == SEEN_DTYPE)
			parse_dtype(json, &tensor);
		else if (flag == SEEN_SHAPE)
			parse_shape(json, &tensor);
		else
			parse_offsets(json, &tensor);
		seen |= flag;
	}
	if (!json->failed && seen != SEEN_ALL)
		json_fail(json, "%s is missing",
			  !(seen & SEEN_DTYPE)	 ? "dtype"
			  : !(seen & SEEN_SHAPE) ? "shape"
						 : "data_offsets");
	if (json->failed || check_size(&tensor, json->failure)) {
		json->failed = true;
		return fail_prefix(json->failure, "tensor '%.200s'", name);
	}
	document->tensors = grown(document->tensors, document->count, sizeof(tensor));
	document->tensors[document->count++] = tensor;
	return 0;
}

/*
 * Fails when two of the names, at the offset given in count records of stride bytes, are equal. By a
 * hash table with linear probing: sorting 100,000 long names costs more than all the rest. The seed
 * differs from run to run, so that nobody can make names that all fall into one place.
 */
static int
check_unique(const void *records, size_t count, size_t stride, size_t offset, const char *what,
	     struct failure *failure)
{
	static _Thread_local uint64_t seed;
	size_t slots = 1;
	const char **table;
	int result = 0;

	if (count < 2)
		return 0;
	if (!seed && getentropy(&seed, sizeof(seed)))
		seed = (uint64_t)(uintptr_t)records;
	while (slots < 2 * count)
		slots *= 2;
	table = xcalloc(slots, sizeof(*table));
	for (size_t i = 0; i < count && !result; i++) {
		const char *name;
		size_t slot;

		memcpy(&name, (const char *)records + i * stride + offset, sizeof(name));
		slot = (size_t)XXH3_64bits_withSeed(name, strlen(name), seed) & (slots - 1);
		while (table[slot] && strcmp(table[slot], name))
			slot = (slot + 1) & (slots - 1);
		if (table[slot])
			result = fail(failure, STATUS_DATA, "%s '%.200s' is given twice", what,
				      name);
		table[slot] = name;
	}
	free(table);
	return result;
}

static int
compare_offsets(const void *a, const void *b)
{
	const struct safetensors_tensor *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	/* Empty tensors may share a place; qsort() must not choose their order. */
	return strcmp(x->name, y->name);
}

/* Sorts by offset and requires that the tensors tile the payload. */
static int
check_layout(struct safetensors *document, struct failure *failure)
{
	uint64_t at = 0;

	if (document->count)
		qsort(document->tensors, document->count, sizeof(*document->tensors),
		      compare_offsets);
	for (size_t i = 0; i < document->count; i++) {
		const struct safetensors_tensor *tensor = &document->tensors[i];

		if (tensor->begin && !i)
			return fail(failure, STATUS_DATA,
				    "tensor '%.200s': data_offsets begin at %" PRIu64
				    ", and the first must begin at 0",
				    tensor->name, tensor->begin);
		if (tensor->begin != at)
			return fail(failure, STATUS_DATA,
				    "tensor '%.200s': data_offsets begin at %" PRIu64
				    ", %s the tensor before, which ends at %" PRIu64,
				    tensor->name, tensor->begin,
				    tensor->begin < at ? "inside" : "leaving a hole after", at);
		at = tensor->end;
	}
	document->payload = at;
	return 0;
}

static int
parse_members(struct json *json, struct safetensors *document)
{
	bool seen_metadata = false;
	char *name;

	json_open(json, '{');
	while ((name = json_key(json))) {
		if (strcmp(name, "__metadata__")) {
			if (parse_tensor(json, document, name))
				return -1;
			continue;
		}
		if (seen_metadata)
			return json_fail(json, "__metadata__ is given twice");
		seen_metadata = true;
		if (parse_metadata(json, document))
			return fail_prefix(json->failure, "__metadata__");
	}
	return json_end(json);
}

int
safetensors_parse(struct safetensors *document, char *buffer, size_t length,
		  struct failure *failure)
{
	struct json json;

	*document = (struct safetensors){.buffer = buffer};
	json_begin(&json, buffer, length, HEADER_DEPTH, failure);
	if (!parse_members(&json, document) &&
	    !check_unique(document->tensors, document->count, sizeof(*document->tensors),
			  offsetof(struct safetensors_tensor, name), "tensor", failure) &&
	    !check_unique(document->metadata, document->metadata_count, sizeof(*document->metadata),
			  offsetof(struct safetensors_pair, key), "metadata key", failure) &&
	    !check_layout(document, failure))
		return 0;
	safetensors_free(document);
	return fail_prefix(failure, "bad header");
}

void
safetensors_free(struct safetensors *document)
{
	free(document->buffer);
	free(document->tensors);
	free(document->metadata);
	*document = (struct safetensors){0};
}

void
safetensors_write_begin(struct safetensors_writer *writer)
{
	*writer = (struct safetensors_writer){0};
	text_append(&writer->text, "\0\0\0\0\0\0\0\0{", 9);
}

static void
next_member(struct safetensors_writer *writer)
{
	if (writer->members++)
		text_append(&writer->text, ",", 1);
}

void
safetensors_write_metadata(struct safetensors_writer *writer, const char *key, const char *value)
{
	if (!writer->in_metadata) {
		text_print(&writer->text, "\"__metadata__\":{");
		writer->in_metadata = true;
	}
	next_member(writer);
	json_write_string(&writer->text, key);
	text_append(&writer->text, ":", 1);
	json_write_string(&writer->text, value);
}

static void
close_metadata(struct safetensors_writer *writer)
{
	if (!writer->in_metadata)
		return;
	text_append(&writer->text, "}", 1);
	writer->in_metadata = false;
	writer->members = 1;
}

void
safetensors_write_tensor(struct safetensors_writer *writer, const char *name, enum dtype dtype,
			 unsigned rank, const uint64_t *shape)
{
	uint64_t elements = 1, bytes = 0;

	close_metadata(writer);
	next_member(writer);
	json_write_string(&writer->text, name);
	text_print(&writer->text, ":{\"dtype\":\"%s\",\"shape\":[", dtype_name(dtype));
	for (unsigned i = 0; i < rank; i++) {
		text_print(&writer->text, "%s%" PRIu64, i ? "," : "", shape[i]);
		elements *= shape[i];
	}
	dtype_bytes(dtype, elements, &bytes);
	text_print(&writer->text, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", writer->offset,
		   writer->offset + bytes);
	writer->offset += bytes;
}

struct text
safetensors_write_end(struct safetensors_writer *writer)
{
	struct text text;
	uint64_t length;

	close_metadata(writer);
	text_append(&writer->text, "}", 1);
	while (writer->text.length % 64)
		text_append(&writer->text, " ", 1);
	length = writer->text.length - 8;
	memcpy(writer->text.bytes, &length, 8);
	text = writer->text;
	*writer = (struct safetensors_writer){0};
	return text;
}
