/*
 * Files of torch.save(): each tensor has the type, the shape and, whatever pieces it is read in, the
 * bytes that torch says it has. And the arithmetic of strides, with tensors larger than memory.
 *
 * With an argument, files of that folder instead of those that are committed.
 */
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "model.h"
#include "strided.h"
#include "tap.h"

/* --- files --- */

/* Reads a tensor in pieces of a size; returns its hash. */
static XXH64_hash_t
hash_in_pieces(const struct model *model, const struct model_tensor *tensor, size_t piece)
{
	unsigned char *bytes = xmalloc(tensor->bytes);
	struct failure failure;
	XXH64_hash_t hash;

	for (uint64_t at = 0; at < tensor->bytes; at += piece) {
		size_t count = tensor->bytes - at < piece ? tensor->bytes - at : piece;

		if (model_read(model, tensor, at, bytes + at, count, &failure)) {
			printf("# %s\n", failure.text);
			break;
		}
	}
	hash = XXH3_64bits(bytes, tensor->bytes);
	free(bytes);
	return hash;
}

static const struct model_tensor *
find(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->count; i++)
		if (!strcmp(model->tensors[i].name, name))
			return &model->tensors[i];
	return NULL;
}

static bool
is_as_described(const struct model *model, const char *name, const char *dtype, const char *shape,
		const char *hash)
{
	static const size_t pieces[] = {1 << 20, 1, 3, 8, 24, 4096};
	const struct model_tensor *tensor = find(model, name);
	struct text text = {0};
	bool same = tensor;

	for (unsigned i = 0; same && i < tensor->rank; i++)
		text_print(&text, "%s%" PRIu64, i ? "x" : "", tensor->shape[i]);
	same = same && !strcmp(tensor->stored, dtype) &&
	       !strcmp(text.bytes ? text.bytes : "", shape);
	for (size_t i = 0; same && i < sizeof(pieces) / sizeof(*pieces); i++)
		if (pieces[i] >= 24 || tensor->bytes < 4096)
			same = hash_in_pieces(model, tensor, pieces[i]) == strtoull(hash, NULL, 16);
	if (!same)
		printf("# tensor '%s' of %s %s\n", name, dtype, shape);
	text_free(&text);
	return same;
}

/* Compares a model with its table; returns how many tensors are as it says, or -1. */
static int
compare(const struct model *model, const char *table)
{
	FILE *file = fopen(table, "r");
	char *line = NULL;
	size_t size = 0;
	int count = 0;

	while (file && getline(&line, &size, file) > 0) {
		/* A name may have a tab, nothing after it. */
		char *field[5] = {line};

		line[strcspn(line, "\n")] = '\0';
		for (int i = 4; i > 0; i--) {
			field[i] = strrchr(line, '\t');
			*field[i]++ = '\0';
		}
		if (!is_as_described(model, line, field[1], field[2], field[4])) {
			count = -1;
			break;
		}
		count++;
	}
	free(line);
	if (file)
		fclose(file);
	return count == (int)model->count ? count : -1;
}

static void
check_table(const char *table)
{
	char *path = xstrndup(table, strlen(table) - 4), *file = format_text("%s.bin", path);
	struct failure failure;
	struct stat status;
	struct model model;
	int count = -1;

	if (model_open(&model, stat(file, &status) ? path : file, &failure)) {
		printf("# %s\n", failure.text);
	} else {
		if (model.notice)
			printf("# %s\n", model.notice);
		else
			count = compare(&model, table);
		model_close(&model);
	}
	tap(count >= 0, "%s: %d tensors are torch's", path, count);
	free(file);
	free(path);
}

/* --- strides --- */

static void
check_large(void)
{
	/* A matrix of 2^20 by 2^21, transposed: more than 2^31 of anything. */
	const uint64_t shape[] = {1 << 21, 1, 1 << 20}, stride[] = {1, 7, 1 << 21};
	const uint64_t number = ((uint64_t)1048575 << 20) + 3;
	struct strided strided;
	uint64_t span;

	tap(strided_make(&strided, 3, shape, stride, &span) && span == (uint64_t)1 << 41,
	    "the span of 2^41 elements");
	tap(strided.rank == 2 && !strided_is_contiguous(&strided), "a side of length 1 is no side");
	tap(strided_place(&strided, number) == ((uint64_t)3 << 21) + 1048575,
	    "an element beyond 2^31");
	tap(strided_place(&strided, ((uint64_t)1 << 41) - 1) == ((uint64_t)1 << 41) - 1,
	    "the last element");
	tap(strided_run(&strided, number) == 1, "no two elements lie together");
}

static void
check_overflow(void)
{
	const uint64_t big = (uint64_t)1 << 63;
	const struct {
		uint64_t shape[2], stride[2];
		bool fits;
	} cases[] = {
		{{2, 2}, {big, big}, false},	  {{2, 1}, {big, big}, true},
		{{3, 1}, {big, 0}, false},	  {{0, 3}, {big, big}, true},
		{{2, 1}, {UINT64_MAX, 1}, false}, {{2, 1}, {UINT64_MAX - 1, 1}, true},
		{{big, 1}, {4, 1}, false},	  {{big, 2}, {0, 0}, true},
	};
	struct strided strided;
	uint64_t span;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		tap(strided_make(&strided, 2, cases[i].shape, cases[i].stride, &span) ==
			    cases[i].fits,
		    "strides of case %zu: %s", i, cases[i].fits ? "fit" : "overflow");
}

int
main(int argc, char **argv)
{
	char *pattern = format_text("%s/*.tsv", argc > 1 ? argv[1] : "tests/golden/torch");
	glob_t tables;

	if (glob(pattern, 0, NULL, &tables))
		tap(false, "there are files to compare");
	else
		for (size_t i = 0; i < tables.gl_pathc; i++)
			check_table(tables.gl_pathv[i]);
	globfree(&tables);
	free(pattern);
	check_large();
	check_overflow();
	return tap_done();
}
