#include "alpha_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

/* How many bytes at the start all paths share, as whole components. */
static size_t
common_start(char *const *paths, size_t count)
{
	size_t shared = 0;

	for (size_t i = 0;; i++) {
		for (size_t p = 1; p < count; p++)
			if (!paths[0][i] || paths[p][i] != paths[0][i])
				return shared;
		if (paths[0][i] == '/')
			shared = i + 1;
	}
}

/* How many bytes at the end all paths share from `start` on, as whole components, or as ".tsv". */
static size_t
common_end(char *const *paths, size_t count, size_t start)
{
	size_t shared = 0, suffix = strlen(".tsv");
	bool all = true;

	for (size_t p = 0; p < count; p++)
		all = all && has_suffix(paths[p] + start, ".tsv");
	for (size_t i = 1;; i++)
		for (size_t p = 0; p < count; p++) {
			size_t length = strlen(paths[p] + start);

			if (i >= length ||
			    paths[p][start + length - i] != paths[0][strlen(paths[0]) - i])
				return shared ? shared : all ? suffix : 0;
			if (p + 1 == count && paths[0][strlen(paths[0]) - i] == '/')
				shared = i;
		}
}

char **
alpha_input_models(char *const *operands, size_t count)
{
	char **models = xcalloc(count, sizeof(*models));
	size_t start = count > 1 ? common_start(operands, count) : 0;
	size_t end = count > 1 ? common_end(operands, count, start) : 0;

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(operands[i] + start);

		models[i] = xstrndup(operands[i] + start, length - end);
	}
	return models;
}

static void
read_one(struct alpha_table *table, const char *operand, const char *model)
{
	const char *path = strcmp(operand, "-") != 0 ? operand : NULL;
	FILE *file = fdopen(program_open_input(path, "a table"), "r");
	size_t layers_before = table->layer_count;
	struct failure failure;

	if (!file)
		die(STATUS_IO, "%s:", program_source(path));
	if (alpha_table_read(table, file, model, &failure))
		die_failure(&failure, program_source(path));
	if (table->layer_count == layers_before)
		die(STATUS_DATA, "%s: is a table without rows", program_source(path));
	fclose(file);
}

void
alpha_input_read(struct alpha_table *table, char *const *operands, size_t count)
{
	static char dash[] = "-", *const standard_input[] = {dash};
	char **models;

	if (!count) {
		operands = standard_input;
		count = 1;
	}
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(operands[i], operands[j]))
				usage_error("the same input twice: '%s'", operands[i]);
	models = alpha_input_models(operands, count);
	for (size_t i = 0; i < count; i++) {
		read_one(table, operands[i], models[i]);
		free(models[i]);
	}
	free(models);
}

void
alpha_input_select(struct alpha_table *table, const char *list)
{
	size_t *numbers = xcalloc(table->precision_count, sizeof(*numbers)), count = 0;

	for (const char *end; list; list = *end ? end + 1 : NULL) {
		size_t number;
		char *name;

		end = list + strcspn(list, ",");
		name = xstrndup(list, (size_t)(end - list));
		number = alpha_table_precision(table, name);
		if (number == table->precision_count)
			die(STATUS_DATA, "--precisions: no row has the precision '%s'", name);
		for (size_t i = 0; i < count; i++)
			if (numbers[i] == number)
				usage_error("--precisions: '%s' is there twice", name);
		numbers[count++] = number;
		free(name);
	}
	alpha_table_select(table, numbers, count);
	free(numbers);
}

size_t
alpha_input_reference(const struct alpha_table *table, const char *wanted)
{
	size_t reference = wanted ? alpha_table_precision(table, wanted) : 0;

	if (reference == table->precision_count)
		die(STATUS_DATA, "--reference: no row has the precision '%s'", wanted);
	return reference;
}
