/*
 * Fuzz target: a model's configurations and the tensors that they speak of: what quantised weights stand
 * for, which layers tensors hold, and the values of those. Every layer must lie in its tensor, and have the
 * same values however it is read.
 *
 * The input is four texts with a null character after each but the last: lines of "NAME DTYPE 4x3" for the
 * tensors, config.json, quantize_config.json, and the bytes of the tensors. A good safetensors header is made of
 * the lines, so that no mutation is lost on the sums in it, which the target `header` is for; bytes that the
 * input lacks are zeros, up to MOST_BYTES: of a model that promises more they are missing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "json.h"
#include "layer.h"
#include "model.h"
#include "safetensors.h"

#define MOST_BYTES ((uint64_t)1 << 18)
#define MOST_READ  ((uint64_t)1 << 16)
/* A multiple of the size of any element, and in bits too of any that is less than a byte. */
#define PIECE 888

__extension__ typedef unsigned __int128 wide;

/* --- the model's folder --- */

static char folder[64];

static char *
path_of(const char *name)
{
	return format_text("%s/%s", folder, name);
}

static void
remove_file(const char *name)
{
	char *path = path_of(name);

	unlink(path);
	free(path);
}

static void
remove_folder(void)
{
	remove_file("model.safetensors");
	remove_file("config.json");
	remove_file("quantize_config.json");
	rmdir(folder);
}

/* In memory where there is a place for that. */
static void
make_folder(void)
{
	const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	if (*folder)
		return;
	snprintf(folder, sizeof(folder), "%s/hillpipe-fuzz-XXXXXX", base);
	REQUIRE(mkdtemp(folder));
	atexit(remove_folder);
}

/* A file of these bytes, and of zeros up to a size; none if there are no bytes. */
static void
write_file(const char *name, const struct text *text, uint64_t size)
{
	char *path = path_of(name);
	int descriptor;

	if (!text->length) {
		unlink(path);
		free(path);
		return;
	}
	descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	REQUIRE(descriptor >= 0);
	REQUIRE(write(descriptor, text->bytes, text->length) == (ssize_t)text->length);
	REQUIRE(size <= text->length || !ftruncate(descriptor, (off_t)size));
	close(descriptor);
	free(path);
}

/* --- the input --- */

/* Takes the text up to the next null character from the input. */
static struct text
take_text(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size ? memchr(*data, 0, *size) : NULL;
	size_t length = end ? (size_t)(end - *data) : *size, taken = end ? length + 1 : length;
	struct text text = {0};

	text_append(&text, *data, length);
	*data += taken;
	*size -= taken;
	return text;
}

/* The sides of "4x3", none for ""; false if it is nothing like that, or has too many elements. */
static bool
parse_shape(char *text, unsigned *rank, uint64_t shape[static SAFETENSORS_MAX_RANK])
{
	uint64_t elements = 1;
	char *rest = text, *side;

	*rank = 0;
	while ((side = strsep(&rest, "x")) && *text)
		if (*rank == SAFETENSORS_MAX_RANK ||
		    !parse_unsigned(side, JSON_INTEGER_MAX, &shape[*rank]) ||
		    !multiply_checked(elements, shape[(*rank)++], &elements) ||
		    elements > JSON_INTEGER_MAX)
			return false;
	return true;
}

/* Lines that are none are left out. */
static struct text
header_of(char *lines, uint64_t *payload)
{
	struct safetensors_writer writer;
	char *rest = lines, *line;

	safetensors_write_begin(&writer);
	while ((line = strsep(&rest, "\n"))) {
		uint64_t shape[SAFETENSORS_MAX_RANK];
		char *name = strsep(&line, " "), *type = strsep(&line, " ");
		enum dtype dtype;
		unsigned rank;

		if (type && line && dtype_from_name(type, &dtype) &&
		    parse_shape(line, &rank, shape))
			safetensors_write_tensor(&writer, name, dtype, rank, shape);
	}
	*payload = writer.offset;
	return safetensors_write_end(&writer);
}

static void
write_model(const struct text *lines, const uint8_t *bytes, size_t count)
{
	uint64_t payload;
	struct text text = header_of(lines->bytes, &payload);
	uint64_t size = text.length + payload;

	text_append(&text, bytes, count < payload ? count : (size_t)payload);
	write_file("model.safetensors", &text, payload > MOST_BYTES ? 0 : size);
	text_free(&text);
}

static void
write_input(const uint8_t *data, size_t size)
{
	struct text lines = take_text(&data, &size), config = take_text(&data, &size);
	struct text quantize_config = take_text(&data, &size);

	write_model(&lines, data, size);
	write_file("config.json", &config, 0);
	write_file("quantize_config.json", &quantize_config, 0);
	text_free(&lines);
	text_free(&config);
	text_free(&quantize_config);
}

/* --- what is made of it --- */

/* The number of an element of the view in its tensor. */
static wide
place_of(const struct view *view, uint64_t row, uint64_t column)
{
	return view->first + (wide)(row / view->block_rows) * view->block_pitch +
	       (wide)(row % view->block_rows) * view->row_pitch + (wide)column * view->column_pitch;
}

static void
check_view(const struct layer *layer)
{
	const struct view *view = &layer->view;
	uint64_t block = view->block_rows, rows = view->rows;

	if (!rows || !view->columns)
		return;
	REQUIRE(block);
	REQUIRE(place_of(view, rows - 1, view->columns - 1) < layer->tensor->elements);
	/* The last of the whole blocks, which is farther on if blocks are not in the order of their rows. */
	if (rows > block)
		REQUIRE(place_of(view, rows / block * block - 1, view->columns - 1) <
			layer->tensor->elements);
}

/* Reads some of a layer, in memory of just that size; null if its values cannot be had. */
static unsigned char *
read_layer(const struct model *model, const struct layer *layer, uint64_t offset, size_t count)
{
	unsigned char *bytes = xmalloc(count);
	struct failure failure = {0};

	if (!view_read(model, layer->tensor, &layer->view, offset, bytes, count, &failure))
		return bytes;
	REQUIRE(failure.status == STATUS_DATA && *failure.text);
	free(bytes);
	return NULL;
}

/* The first bytes of a layer must be the same piece by piece. */
static void
check_pieces(const struct model *model, const struct layer *layer, const unsigned char *all,
	     size_t count)
{
	for (size_t at = 0, length; at < count; at += length) {
		unsigned char *piece;

		length = count - at < PIECE ? count - at : PIECE;
		piece = read_layer(model, layer, at, length);
		REQUIRE(piece && !memcmp(piece, all + at, length));
		free(piece);
	}
}

static void
check_values(const struct model *model, const struct layer *layer)
{
	const struct view *view = &layer->view;
	uint64_t bytes, most = MOST_READ / PIECE * PIECE;
	unsigned char *all;
	size_t count;

	REQUIRE(!view->columns || (wide)view->rows * view->columns <= layer->tensor->elements);
	REQUIRE(dtype_bytes(layer->tensor->dtype, view->rows * view->columns, &bytes));
	if (!bytes)
		return;
	count = (size_t)(bytes < most ? bytes : most);
	all = read_layer(model, layer, 0, count);
	if (all)
		check_pieces(model, layer, all, count);
	free(all);
	if (bytes > most)
		free(read_layer(model, layer, (bytes - 1) / PIECE * PIECE,
				(bytes - 1) % PIECE + 1));
}

static void
check_layers(const struct model *model, bool split)
{
	static const bool kinds[LAYER_KINDS] = {[LAYER_LINEAR] = true,
						[LAYER_CONV] = true,
						[LAYER_EMBEDDING] = true,
						[LAYER_OTHER] = true,
						[LAYER_UNUSED] = true};
	struct layers layers = layers_of(model, kinds, split);
	size_t chosen = 0, count;

	layers_drop_repeated(&layers);
	count = layers_number(&layers);
	for (size_t i = 0; i < layers.count; i++) {
		const struct layer *layer = &layers.items[i];

		REQUIRE(layer->name && layer->tensor_name && layer->category && layer->reason);
		if (!layer->chosen)
			continue;
		REQUIRE(layer->number == chosen++ && layer->work >= 0 && layer->work <= 1);
		check_view(layer);
		check_values(model, layer);
	}
	REQUIRE(chosen == count);
	layers_free(&layers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure failure = {0};
	struct model model;

	make_folder();
	write_input(data, size);
	if (model_open(&model, folder, &failure)) {
		REQUIRE(failure.status == STATUS_DATA && *failure.text);
		return 0;
	}
	check_layers(&model, true);
	check_layers(&model, false);
	model_close(&model);
	return 0;
}
