#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "safetensors.h"

_Static_assert(MODEL_MAX_RANK >= SAFETENSORS_MAX_RANK, "a shape must fit");

/*
 * The format has no magic number. A file is taken for it unless it is text, which as a length would
 * exceed any header; the parser says what is wrong with the rest.
 */
static bool
recognises(const unsigned char *start, size_t count)
{
	return !is_text(start, count);
}

static int
read_header(const struct model_file *file, struct safetensors *document, uint64_t *length,
	    struct failure *failure)
{
	unsigned char field[8];
	char *header;

	if (file->size < sizeof(field))
		return fail(failure, STATUS_DATA, "not safetensors: only %" PRIu64 " bytes",
			    file->size);
	if (read_at(file, 0, field, sizeof(field), failure) ||
	    safetensors_header_length(field, length, failure))
		return -1;
	if (*length > file->size - sizeof(field))
		return fail(failure, STATUS_DATA,
			    "not safetensors, or cut off: a header of %" PRIu64
			    " bytes in a file of %" PRIu64,
			    *length, file->size);
	header = xmalloc(*length + 1);
	if (read_at(file, sizeof(field), header, *length, failure)) {
		free(header);
		return -1;
	}
	return safetensors_parse(document, header, *length, failure);
}

/* Says that a header and what follows it do not belong together. Returns -1. */
static int
fail_length(const struct safetensors *document, uint64_t there, struct failure *failure)
{
	for (size_t i = 0; i < document->metadata_count; i++)
		if (!strcmp(document->metadata[i].key, "stream"))
			return fail(failure, STATUS_DATA,
				    "a tensor stream, not a model; prec-cast, spectrum and st-info "
				    "read those");
	return fail(failure, STATUS_DATA,
		    "%s: the header promises %" PRIu64 " bytes of data, and %" PRIu64 " follow it",
		    there < document->payload ? "cut off" : "trailing bytes", document->payload,
		    there);
}

static int
list(struct model *model, unsigned number, struct failure *failure)
{
	struct model_file *file = &model->files[number];
	struct safetensors document;
	uint64_t length, there;

	if (read_header(file, &document, &length, failure))
		return -1;
	there = file->size - 8 - length;
	if (document.payload != there) {
		fail_length(&document, there, failure);
		safetensors_free(&document);
		return -1;
	}
	for (size_t i = 0; i < document.count; i++) {
		const struct safetensors_tensor *from = &document.tensors[i];
		struct model_tensor *to = container_add_tensor(model, number);

		to->name = from->name;
		to->dtype = from->dtype;
		to->rank = from->rank;
		to->elements = from->elements;
		to->bytes = from->end - from->begin;
		to->offset = 8 + length + from->begin;
		memcpy(to->shape, from->shape, from->rank * sizeof(*to->shape));
	}
	file->names = document.buffer;
	document.buffer = NULL;
	safetensors_free(&document);
	return 0;
}

const struct container container_safetensors = {
	.name = "safetensors", .recognises = recognises, .list = list};
