/*
 * Files of torch.save(): zip archives in which data.pkl says what is there, and data/KEY holds the
 * elements of a storage (torch/serialization.py). Tensors are views of storages, and may share them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "torch_state.h"
#include "zip.h"

_Static_assert(MODEL_MAX_RANK >= TORCH_STATE_MAX_RANK, "a shape must fit");

/* Enough for some 300,000 tensors; decoding takes up to 30 times as much memory. */
#define PICKLE_MAX ((uint64_t)32 << 20)

/* Pieces from this size on are read one by one, whatever lies between them. */
#define PIECE_LARGE 4096

/* What is spanned is held as a whole up to this size, and beyond if it is not many times the tensor. */
#define SPAN_SMALL ((uint64_t)64 << 20)
#define SPAN_MANY  16

/* How a tensor that is not contiguous lies in the file, from tensor->offset on. */
struct view {
	struct strided layout;
	uint64_t span; /* bytes from its first to its last element */
};

struct details {
	struct view *views;
	size_t count;
	/* The bytes that a view spans, kept while it is read; others are not. */
	size_t held_view;
	unsigned char *held;
};

static bool
recognises(const unsigned char *start, size_t count)
{
	return count >= 4 && !memcmp(start, "PK\3\4", 4);
}

/* --- listing --- */

static int
read_file(const void *context, uint64_t offset, void *buffer, size_t count, struct failure *failure)
{
	return read_at(context, offset, buffer, count, failure);
}

static struct zip_source
source_of(const struct model_file *file)
{
	return (struct zip_source){read_file, file, file->size};
}

/*
 * The folder that all entries are in, up to its slash, from malloc; null with a message if they are not
 * in one. torch.load() takes it from the first entry.
 */
static char *
folder_of(const struct zip *zip, struct failure *failure)
{
	const char *first = zip->entries[0].name, *slash = strchr(first, '/');

	for (size_t i = 0; i < zip->count && slash; i++)
		if (strncmp(zip->entries[i].name, first, (size_t)(slash - first) + 1))
			slash = NULL;
	if (slash)
		return xstrndup(first, (size_t)(slash - first) + 1);
	fail(failure, STATUS_DATA,
	     "a zip archive, but not one of torch.save(): its entries are not in one folder");
	return NULL;
}

static const struct zip_entry *
find_entry(const struct zip *zip, const char *folder, const char *name)
{
	char *path = format_text("%s%s", folder, name);
	const struct zip_entry *entry = zip_find(zip, path);

	free(path);
	return entry;
}

/* Files of before torch 2.0 do not say in which order bytes are: they are little-endian. */
static int
check_byte_order(const struct zip_source *source, const struct zip *zip, const char *folder,
		 struct failure *failure)
{
	const struct zip_entry *entry = find_entry(zip, folder, "byteorder");
	bool little;
	char *text;

	if (!entry)
		return 0;
	text = zip_read(source, entry, 16, failure);
	if (!text)
		return -1;
	little = entry->size == 6 && !memcmp(text, "little", 6);
	free(text);
	return little ? 0
		      : fail(failure, STATUS_DATA,
			     "its byte order is not little-endian; convert it to safetensors");
}

static int
read_state(const struct zip_source *source, const struct zip *zip, const char *folder,
	   struct torch_state *state, struct failure *failure)
{
	const struct zip_entry *entry = find_entry(zip, folder, "data.pkl");
	char *text;

	if (!entry)
		return fail(failure, STATUS_DATA,
			    "a zip archive, but not one of torch.save(): it has no data.pkl");
	if (find_entry(zip, folder, "constants.pkl"))
		return fail(failure, STATUS_DATA,
			    "a TorchScript program, not a dictionary of tensors; save the "
			    "state_dict() of the model");
	text = zip_read(source, entry, PICKLE_MAX, failure);
	return text ? torch_state_parse(state, text, entry->size, failure) : -1;
}

/* Appends a tensor to those of the model. */
static int
add_tensor(struct model *model, unsigned number, const struct torch_tensor *from,
	   const struct zip_entry *storage, struct failure *failure)
{
	struct details *details = model->files[number].details;
	struct model_tensor *to;

	if (!storage)
		return fail(failure, STATUS_DATA,
			    "tensor '%.200s': its storage '%.100s' is not in the archive",
			    from->name, from->storage);
	if (storage->size != from->storage_bytes)
		return fail(failure, STATUS_DATA,
			    "tensor '%.200s': its storage should have %" PRIu64
			    " bytes, and has %" PRIu64,
			    from->name, from->storage_bytes, storage->size);
	to = container_add_tensor(model, number);
	to->name = from->name;
	to->dtype = from->dtype;
	to->rank = from->rank;
	to->elements = from->elements;
	to->bytes = from->bytes;
	to->offset = storage->begin + from->offset;
	memcpy(to->shape, from->shape, from->rank * sizeof(*to->shape));
	to->detail = details->count;
	details->views[details->count++] = (struct view){from->layout, from->span};
	return 0;
}

static int
compare_places(const void *a, const void *b)
{
	const struct model_tensor *const *x = a, *const *y = b;

	if ((*x)->offset != (*y)->offset)
		return (*x)->offset < (*y)->offset ? -1 : 1;
	return ((*x)->bytes > (*y)->bytes) - ((*x)->bytes < (*y)->bytes);
}

/* Marks tensors that are there under another name already: tied weights. */
static void
mark_again(struct model_tensor *tensors, size_t count)
{
	struct model_tensor **sorted = xcalloc(count, sizeof(*sorted));

	for (size_t i = 0; i < count; i++)
		sorted[i] = &tensors[i];
	if (count)
		qsort(sorted, count, sizeof(*sorted), compare_places);
	for (size_t i = 1; i < count; i++)
		sorted[i]->again = !compare_places(&sorted[i - 1], &sorted[i]);
	free(sorted);
}

static int
add_tensors(struct model *model, unsigned number, const struct torch_state *state,
	    const struct zip *zip, const char *folder, struct failure *failure)
{
	struct details *details = xcalloc(1, sizeof(*details));
	size_t before = model->count;
	int result = 0;

	model->files[number].details = details;
	details->views = xcalloc(state->count, sizeof(*details->views));
	for (size_t i = 0; i < state->count && !result; i++) {
		const struct torch_tensor *from = &state->tensors[i];
		char *path = format_text("%sdata/%s", folder, from->storage);

		result = add_tensor(model, number, from, zip_find(zip, path), failure);
		free(path);
	}
	if (!result)
		mark_again(model->tensors + before, model->count - before);
	return result;
}

static int
list(struct model *model, unsigned number, struct failure *failure)
{
	struct zip_source source = source_of(&model->files[number]);
	struct torch_state state = {0};
	struct zip zip;
	char *folder;
	int result;

	if (zip_open(&zip, &source, failure))
		return -1;
	folder = folder_of(&zip, failure);
	result = !folder || check_byte_order(&source, &zip, folder, failure) ||
				 read_state(&source, &zip, folder, &state, failure)
			 ? -1
			 : 0;
	if (!result)
		result = add_tensors(model, number, &state, &zip, folder, failure);
	model->files[number].names = state.buffer;
	state.buffer = NULL;
	torch_state_free(&state);
	zip_free(&zip);
	free(folder);
	return result;
}

/* --- reading --- */

/* Whether a view is best read by its runs of elements, and not from memory that holds all it spans. */
static bool
is_read_by_runs(const struct model_tensor *tensor, const struct view *view)
{
	uint64_t run = strided_run(&view->layout, 0) * (dtype_bits(tensor->dtype) / 8);

	return run >= PIECE_LARGE ||
	       (view->span > SPAN_SMALL && view->span / SPAN_MANY > tensor->bytes);
}

static int
read_runs(const struct model_file *file, const struct model_tensor *tensor, const struct view *view,
	  uint64_t number, size_t count, unsigned char *to, struct failure *failure)
{
	size_t size = dtype_bits(tensor->dtype) / 8;

	while (count) {
		uint64_t run = strided_run(&view->layout, number);
		size_t some = run < count ? (size_t)run : count;
		uint64_t place = strided_place(&view->layout, number) * size;

		if (read_at(file, tensor->offset + place, to, some * size, failure))
			return -1;
		to += some * size;
		number += some;
		count -= some;
	}
	return 0;
}

/* Holds what a view spans in memory, in place of what was held. */
static int
hold(const struct model_file *file, const struct model_tensor *tensor, struct failure *failure)
{
	struct details *details = file->details;
	uint64_t span = details->views[tensor->detail].span;

	if (details->held && details->held_view == tensor->detail)
		return 0;
	free(details->held);
	details->held = xmalloc(span);
	details->held_view = tensor->detail;
	if (!read_at(file, tensor->offset, details->held, span, failure))
		return 0;
	free(details->held);
	details->held = NULL;
	return -1;
}

/* Reads count elements from a number on. */
static int
read_elements(const struct model_file *file, const struct model_tensor *tensor, uint64_t number,
	      size_t count, unsigned char *to, struct failure *failure)
{
	struct details *details = file->details;
	const struct view *view = &details->views[tensor->detail];
	size_t size = dtype_bits(tensor->dtype) / 8;

	if (is_read_by_runs(tensor, view))
		return read_runs(file, tensor, view, number, count, to, failure);
	if (hold(file, tensor, failure))
		return -1;
	strided_gather(&view->layout, size, details->held, number, count, to);
	/* The end has been reached; few read anything twice. */
	if (number + count == tensor->elements) {
		free(details->held);
		details->held = NULL;
	}
	return 0;
}

static int
read_values(const struct model_file *file, const struct model_tensor *tensor, uint64_t offset,
	    void *buffer, size_t count, struct failure *failure)
{
	const struct details *details = file->details;
	size_t size = dtype_bits(tensor->dtype) / 8;
	unsigned char *to = buffer, element[8];

	if (strided_is_contiguous(&details->views[tensor->detail].layout))
		return read_at(file, tensor->offset + offset, buffer, count, failure);
	while (count) {
		size_t skip = (size_t)(offset % size), some = count - count % size;

		if (skip || !some) {
			some = size - skip < count ? size - skip : count;
			if (read_elements(file, tensor, offset / size, 1, element, failure))
				return -1;
			memcpy(to, element + skip, some);
		} else if (read_elements(file, tensor, offset / size, some / size, to, failure)) {
			return -1;
		}
		to += some;
		offset += some;
		count -= some;
	}
	return 0;
}

static void
forget(void *pointer)
{
	struct details *details = pointer;

	free(details->views);
	free(details->held);
	free(details);
}

const struct container container_torch = {.name = "torch",
					  .recognises = recognises,
					  .list = list,
					  .read = read_values,
					  .forget = forget};
