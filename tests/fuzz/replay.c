/*
 * Runs a fuzz target once on each file given, without libFuzzer: how a build with any compiler and
 * any sanitizers replays the corpus.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "util.h"

static void
replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct text text = {0};
	unsigned char *exact;
	char piece[4096];
	size_t count;

	if (!file)
		die(STATUS_NO_INPUT, "%s:", path);
	while ((count = fread(piece, 1, sizeof(piece), file)) > 0)
		text_append(&text, piece, count);
	if (ferror(file))
		die(STATUS_IO, "%s:", path);
	fclose(file);
	/* Memory of just the size, so that a sanitizer sees one byte too far. */
	exact = xmalloc(text.length);
	if (text.length)
		memcpy(exact, text.bytes, text.length);
	LLVMFuzzerTestOneInput(exact, text.length);
	free(exact);
	text_free(&text);
}

int
main(int argc, char **argv)
{
	message_program = "replay";
	if (argc < 2)
		die(STATUS_USAGE, "no file to replay");
	for (int i = 1; i < argc; i++) {
		/* The last path printed is the one to look at. */
		printf("%s\n", argv[i]);
		fflush(stdout);
		replay(argv[i]);
	}
	return 0;
}
