#include "model_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "safetensors.h"

#define WHOLE_NAME "model.safetensors"
#define INDEX_NAME "model.safetensors.index.json"

/* A model on its way out, and the first tensor of each shard; the last entry is the end. */
struct model_writer {
	const struct synthetic_model *model;
	enum dtype dtype;
	const struct model_target *target;
	model_produce *produce;
	void *context;
	size_t *first, shards;
};

static uint64_t
tensor_bytes(const struct synthetic_tensor *tensor, enum dtype dtype)
{
	uint64_t bytes = 0;

	dtype_bytes(dtype, tensor->elements, &bytes);
	return bytes;
}

int
model_payload(const struct synthetic_model *model, enum dtype dtype, uint64_t *bytes,
	      struct failure *failure)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < model->count; i++) {
		uint64_t one;

		if (!dtype_bytes(dtype, model->tensors[i].elements, &one) ||
		    !add_checked(sum, one, &sum) || sum > JSON_INTEGER_MAX)
			return fail(failure, STATUS_USAGE, "the model has more than 2^53 bytes");
	}
	*bytes = sum;
	return 0;
}

static void
plan_shards(struct model_writer *writer)
{
	const struct synthetic_model *model = writer->model;
	uint64_t limit = writer->target->shard_size, filled = 0;

	writer->first = xcalloc(model->count + 2, sizeof(*writer->first));
	writer->shards = 1;
	for (size_t i = 0; i < model->count; i++) {
		uint64_t bytes = tensor_bytes(&model->tensors[i], writer->dtype);

		if (limit && filled && filled + bytes > limit) {
			writer->first[writer->shards++] = i;
			filled = 0;
		}
		filled += bytes;
	}
	writer->first[writer->shards] = model->count;
}

static char *
shard_name(const struct model_writer *writer, size_t shard)
{
	if (!writer->target->shard_size)
		return xstrdup(WHOLE_NAME);
	return format_text("model-%05zu-of-%05zu.safetensors", shard + 1, writer->shards);
}

static struct text
shard_header(const struct model_writer *writer, size_t shard)
{
	struct safetensors_writer header;

	safetensors_write_begin(&header);
	/* The transformers library loads no file without this key. */
	safetensors_write_metadata(&header, "format", "pt");
	for (size_t i = writer->first[shard]; i < writer->first[shard + 1]; i++) {
		const struct synthetic_tensor *tensor = &writer->model->tensors[i];

		safetensors_write_tensor(&header, tensor->name, writer->dtype, tensor->rank,
					 tensor->shape);
	}
	return safetensors_write_end(&header);
}

/* Writes one document to a path, or to standard output if that is null. */
static int
write_document(const struct model_writer *writer, size_t shard, const char *path,
	       struct failure *failure)
{
	struct output_file *file = output_file_create(path, failure);
	struct text header = shard_header(writer, shard);
	int status = -1;

	if (file)
		status = output_file_write(file, header.bytes, header.length, failure);
	for (size_t i = writer->first[shard]; !status && i < writer->first[shard + 1]; i++)
		status = writer->produce(writer->context, &writer->model->tensors[i], file,
					 failure);
	if (!status)
		status = output_file_close(file, failure);
	text_free(&header);
	return status;
}

static void
append_weight_map(struct text *json, const struct model_writer *writer)
{
	for (size_t shard = 0; shard < writer->shards; shard++) {
		char *name = shard_name(writer, shard);

		for (size_t i = writer->first[shard]; i < writer->first[shard + 1]; i++) {
			text_print(json, "%s    ", i ? ",\n" : "");
			json_write_string(json, writer->model->tensors[i].name);
			text_print(json, ": ");
			json_write_string(json, name);
		}
		free(name);
	}
}

static int
write_index(const struct model_writer *writer, const char *path, struct failure *failure)
{
	struct output_file *file = output_file_create(path, failure);
	struct text json = {0};
	uint64_t bytes = 0;
	int status = -1;

	model_payload(writer->model, writer->dtype, &bytes, failure);
	text_print(&json, "{\n  \"metadata\": {\n    \"total_size\": %" PRIu64 "\n  },\n", bytes);
	text_print(&json, "  \"weight_map\": {\n");
	append_weight_map(&json, writer);
	text_print(&json, "\n  }\n}\n");
	if (file)
		status = output_file_write(file, json.bytes, json.length, failure);
	if (!status)
		status = output_file_close(file, failure);
	text_free(&json);
	return status;
}

/* Makes the folder, unless it is there and ready to take a model of the layout wanted. */
static int
prepare_folder(const struct model_target *target, struct failure *failure)
{
	const char *other = target->shard_size ? WHOLE_NAME : INDEX_NAME;
	char *path = format_text("%s/%s", target->folder, other);
	struct stat status;
	int result = 0;

	if (mkdir(target->folder, 0777) && errno != EEXIST)
		result = fail(failure, STATUS_IO, "%s: %s", target->folder, strerror(errno));
	else if (stat(target->folder, &status) || !S_ISDIR(status.st_mode))
		result = fail(failure, STATUS_IO, "%s: is no folder, nor ends in .safetensors",
			      target->folder);
	else if (!access(path, F_OK))
		result = fail(failure, STATUS_IO,
			      "%s: is there already, of a model in another layout", path);
	free(path);
	return result;
}

static int
write_folder(const struct model_writer *writer, struct failure *failure)
{
	const char *folder = writer->target->folder;
	int status = prepare_folder(writer->target, failure);

	for (size_t shard = 0; !status && shard < writer->shards; shard++) {
		char *name = shard_name(writer, shard);
		char *path = format_text("%s/%s", folder, name);

		status = write_document(writer, shard, path, failure);
		free(path);
		free(name);
	}
	if (!status && writer->target->shard_size) {
		char *path = format_text("%s/%s", folder, INDEX_NAME);

		status = write_index(writer, path, failure);
		free(path);
	}
	return status;
}

int
model_write(const struct synthetic_model *model, enum dtype dtype,
	    const struct model_target *target, model_produce *produce, void *context,
	    struct failure *failure)
{
	struct model_writer writer = {model, dtype, target, produce, context, NULL, 0};
	int status;

	plan_shards(&writer);
	if (target->folder)
		status = write_folder(&writer, failure);
	else
		status = write_document(&writer, 0, target->file, failure);
	if (!status)
		status = output_files_publish(failure);
	output_files_discard();
	free(writer.first);
	return status;
}
