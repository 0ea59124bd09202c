#include "alpha_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tsv.h"

/* What a table was read from, cut into fields in place. */
struct alpha_table_text {
	char *bytes;
	struct alpha_table_text *next;
};

/* The columns that are read, by their number here. */
enum column {
	LAYER_NAME,
	CATEGORY,
	OUT_FEATURES,
	IN_FEATURES,
	NUMEL,
	PRECISION,
	ALPHA,
	K_USED,
	N_EIGS,
	METHOD,
	ALPHA_ERR,
	REQUIRED_COLUMNS, /* those above; those below may be missing */
	SOURCE_DTYPE = REQUIRED_COLUMNS,
	LAMBDA_REF,
	LAMBDA_MAX,
	CAST_REL_ERR,
	NOTE,
	CAST_BITS,
	CAST_SQNR_DB,
	ALPHA_NULL,
	FIT,
	METRICS, /* as many as there are */
	COLUMNS = METRICS + METRIC_COUNT
};

_Static_assert((int)COLUMNS <= (int)TSV_MOST_COLUMNS, "room for every column");

static const char *const column_names[METRICS] = {
	[LAYER_NAME] = "layer_name",
	[CATEGORY] = "category",
	[OUT_FEATURES] = "out_features",
	[IN_FEATURES] = "in_features",
	[NUMEL] = "numel",
	[PRECISION] = "precision",
	[ALPHA] = "alpha",
	[K_USED] = "k_used",
	[N_EIGS] = "n_eigs",
	[METHOD] = "method",
	[ALPHA_ERR] = "alpha_err",
	[SOURCE_DTYPE] = "source_dtype",
	[LAMBDA_REF] = "lambda_ref",
	[LAMBDA_MAX] = "lambda_max",
	[CAST_REL_ERR] = "cast_rel_err",
	[NOTE] = "note",
	[CAST_BITS] = "cast_bits",
	[CAST_SQNR_DB] = "cast_sqnr_db",
	[ALPHA_NULL] = "alpha_null",
	[FIT] = "fit",
};

static const char *
column_name(size_t column)
{
	return column < METRICS ? column_names[column]
				: metric_name((enum metric)(column - METRICS));
}

/* A line of the table: its fields, and what they say. */
struct row {
	size_t line; /* counted from 1; also the order of rows */
	const char *precision, *fit_name;
	size_t layer, precision_number;
	struct fitted_layer head; /* what the row says of its layer */
	struct fit fit;
};

struct rows {
	struct row *list;
	size_t count, capacity;
};

/* Reads all of a file; null-terminated. Null on failure. */
static char *
read_all(FILE *file, size_t *length, struct failure *failure)
{
	struct text text = {0};
	char buffer[1 << 16];
	size_t count;
	int error;

	text_append(&text, "", 0);
	do {
		clearerr(file); /* of an interruption, after which reading goes on */
		count = fread(buffer, 1, sizeof(buffer), file);
		error = ferror(file) ? errno : 0;
		text_append(&text, buffer, count);
	} while (!feof(file) && (!error || error == EINTR));
	if (error) {
		fail(failure, STATUS_IO, "%s", strerror(error));
		text_free(&text);
		return NULL;
	}
	*length = text.length;
	return text.bytes;
}

static int
read_header(char *line, struct tsv_layout *layout, struct failure *failure)
{
	const char *names[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++)
		names[i] = column_name(i);
	return tsv_read_header(line, names, COLUMNS, REQUIRED_COLUMNS, "no table of hill-alpha",
			       layout, failure);
}

static int
read_numbers(const char *const fields[COLUMNS], struct row *row, struct failure *failure)
{
	struct {
		enum column column;
		double *value;
	} numbers[] = {{ALPHA, &row->fit.alpha},
		       {ALPHA_ERR, &row->fit.alpha_err},
		       {LAMBDA_REF, &row->fit.lambda_ref},
		       {LAMBDA_MAX, &row->fit.lambda_max},
		       {CAST_REL_ERR, &row->fit.cast_rel_err},
		       {CAST_BITS, &row->fit.cast_bits},
		       {CAST_SQNR_DB, &row->fit.cast_sqnr_db},
		       {ALPHA_NULL, &row->fit.alpha_null}};
	struct {
		enum column column;
		uint64_t *value;
	} counts[] = {{OUT_FEATURES, &row->head.rows},
		      {IN_FEATURES, &row->head.columns},
		      {NUMEL, &row->head.elements},
		      {K_USED, &row->fit.k},
		      {N_EIGS, &row->fit.n}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!tsv_read_double(fields[numbers[i].column], numbers[i].value))
			return fail(failure, STATUS_DATA, "%s is no number: '%.40s'",
				    column_name(numbers[i].column), fields[numbers[i].column]);
	for (size_t i = METRICS; i < COLUMNS; i++)
		if (!tsv_read_double(fields[i], &row->fit.metrics[i - METRICS]))
			return fail(failure, STATUS_DATA, "%s is no number: '%.40s'",
				    column_name(i), fields[i]);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		if (!parse_unsigned(fields[counts[i].column], UINT64_MAX, counts[i].value))
			return fail(failure, STATUS_DATA, "%s is no whole number: '%.40s'",
				    column_name(counts[i].column), fields[counts[i].column]);
	return 0;
}

static int
read_row(char *line, const struct tsv_layout *layout, struct row *row, struct failure *failure)
{
	const char *fields[COLUMNS];

	if (tsv_split_line(line, layout, fields, failure) || read_numbers(fields, row, failure))
		return -1;
	row->precision = fields[PRECISION];
	row->fit_name = fields[FIT] ? fields[FIT] : "hill";
	row->head.name = fields[LAYER_NAME];
	row->head.category = fields[CATEGORY];
	row->head.source_dtype = fields[SOURCE_DTYPE] ? fields[SOURCE_DTYPE] : "";
	row->fit.there = true;
	row->fit.method = fields[METHOD];
	row->fit.note = fields[NOTE] ? fields[NOTE] : "";
	return 0;
}

/* Cuts the text into lines and reads them all. Each line must have its end. */
static int
read_rows(char *text, size_t length, struct rows *rows, struct failure *failure)
{
	char *end = text + length, *newline;
	struct tsv_layout layout = {0};

	if (!length)
		return fail(failure, STATUS_DATA, "is empty, and a table is expected");
	for (size_t line = 1; text < end; line++, text = newline + 1) {
		newline = memchr(text, '\n', (size_t)(end - text));
		if (!newline)
			return fail(failure, STATUS_DATA, "line %zu: is cut off", line);
		*newline = '\0';
		if (strlen(text) != (size_t)(newline - text))
			return fail(failure, STATUS_DATA, "line %zu: a null byte", line);
		if (line == 1) {
			if (read_header(text, &layout, failure))
				return -1;
			continue;
		}
		if (rows->count == rows->capacity) {
			rows->capacity = 2 * rows->capacity + 64;
			rows->list = xreallocarray(rows->list, rows->capacity, sizeof(struct row));
		}
		rows->list[rows->count] = (struct row){.line = line};
		if (read_row(text, &layout, &rows->list[rows->count++], failure))
			return fail_prefix(failure, "line %zu", line);
	}
	return 0;
}

/* Keeps the rows of one fit: of the one that the table is of, or of the only one that they have. */
static int
keep_fit(struct alpha_table *table, struct rows *rows, struct failure *failure)
{
	const char *wanted = table->fit;
	size_t kept = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const char *name = rows->list[i].fit_name;

		if (!table->fit)
			table->fit = name;
		if (!strcmp(name, table->fit))
			rows->list[kept++] = rows->list[i];
		else if (!wanted)
			return fail(
				failure, STATUS_DATA,
				"line %zu: rows of two fits, '%.40s' and '%.40s': choose one by "
				"--fit",
				rows->list[i].line, table->fit, name);
	}
	if (rows->count && !kept)
		return fail(failure, STATUS_DATA, "no row is of the fit '%.40s'", table->fit);
	rows->count = kept;
	return 0;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	int order = strcmp(x->head.name, y->head.name);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Whether two rows say the same of their layer. */
static bool
agree(const struct fitted_layer *a, const struct fitted_layer *b)
{
	return !strcmp(a->category, b->category) && !strcmp(a->source_dtype, b->source_dtype) &&
	       a->rows == b->rows && a->columns == b->columns && a->elements == b->elements;
}

/*
 * Numbers the layers of the rows from 0 in the order of their first rows, and checks that each layer
 * has each precision once. Sets *count to the number of layers.
 */
static int
number_layers(struct rows *rows, size_t *count, struct failure *failure)
{
	struct row **by_name = xcalloc(rows->count, sizeof(struct row *));
	size_t *first = xcalloc(rows->count, sizeof(*first)); /* of each row's layer */
	int status = 0;

	for (size_t i = 0; i < rows->count; i++)
		by_name[i] = &rows->list[i];
	qsort(by_name, rows->count, sizeof(*by_name), compare_rows);
	for (size_t i = 0, start = 0; i < rows->count && !status; i++) {
		const struct row *row = by_name[i];

		if (strcmp(row->head.name, by_name[start]->head.name) != 0)
			start = i;
		first[row - rows->list] = (size_t)(by_name[start] - rows->list);
		if (!agree(&row->head, &by_name[start]->head))
			status = fail(failure, STATUS_DATA,
				      "line %zu: layer '%.200s' is another than in line %zu",
				      row->line, row->head.name, by_name[start]->line);
	}
	*count = 0;
	for (size_t i = 0; i < rows->count; i++)
		rows->list[i].layer = first[i] == i ? (*count)++ : rows->list[first[i]].layer;
	free(first);
	free(by_name);
	return status;
}

/* Numbers the precisions of the rows, adding to the table's those that are new. */
static void
number_precisions(struct alpha_table *table, struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		size_t number = alpha_table_precision(table, rows->list[i].precision);

		if (number == table->precision_count) {
			table->precisions = xreallocarray(table->precisions, number + 1,
							  sizeof(*table->precisions));
			table->precisions[table->precision_count++] = rows->list[i].precision;
		}
		rows->list[i].precision_number = number;
	}
}

static const struct fit no_fit = {.alpha = NAN,
				  .alpha_err = NAN,
				  .lambda_ref = NAN,
				  .lambda_max = NAN,
				  .cast_rel_err = NAN,
				  .cast_bits = NAN,
				  .cast_sqnr_db = NAN,
				  .alpha_null = NAN,
				  .method = "",
				  .note = ""};

/* Gives every layer as many fits as there are precisions now. */
static void
widen(struct alpha_table *table, size_t layers, size_t precisions_before)
{
	for (size_t i = 0; i < layers; i++) {
		struct fitted_layer *layer = &table->layers[i];
		size_t have = layer->fits ? precisions_before : 0;

		layer->fits = xreallocarray(layer->fits, table->precision_count,
					    sizeof(*layer->fits));
		for (size_t p = have; p < table->precision_count; p++)
			layer->fits[p] = no_fit;
	}
}

/* Adds the rows, whose layers and precisions are numbered, to the table's layers. */
static int
add_rows(struct alpha_table *table, const struct rows *rows, struct failure *failure)
{
	struct fitted_layer *layers = table->layers + table->layer_count;

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->list[i];
		struct fitted_layer *layer = &layers[row->layer];
		struct fit *fits = layer->fits;

		if (fits[row->precision_number].there)
			return fail(failure, STATUS_DATA,
				    "line %zu: a second row of layer '%.200s' in %.40s", row->line,
				    row->head.name, row->precision);
		*layer = row->head;
		layer->fits = fits;
		layer->model = table->model_count;
		fits[row->precision_number] = row->fit;
	}
	return 0;
}

static int
add_table(struct alpha_table *table, struct rows *rows, struct failure *failure)
{
	size_t precisions = table->precision_count, layers;

	if (number_layers(rows, &layers, failure))
		return -1;
	number_precisions(table, rows);
	table->layers = xreallocarray(table->layers, table->layer_count + layers,
				      sizeof(*table->layers));
	memset(table->layers + table->layer_count, 0, layers * sizeof(*table->layers));
	widen(table, table->layer_count + layers, precisions);
	if (add_rows(table, rows, failure)) {
		for (size_t i = 0; i < layers; i++)
			free(table->layers[table->layer_count + i].fits);
		return -1;
	}
	table->layer_count += layers;
	return 0;
}

int
alpha_table_read(struct alpha_table *table, FILE *file, const char *model, struct failure *failure)
{
	struct alpha_table_text *text = xcalloc(1, sizeof(*text));
	struct rows rows = {0};
	size_t length;
	int status = -1;

	text->next = table->texts;
	table->texts = text;
	text->bytes = read_all(file, &length, failure);
	if (text->bytes && !read_rows(text->bytes, length, &rows, failure) &&
	    !keep_fit(table, &rows, failure))
		status = add_table(table, &rows, failure);
	free(rows.list);
	table->models = xreallocarray(table->models, table->model_count + 1,
				      sizeof(*table->models));
	table->models[table->model_count++] = xstrdup(model);
	return status;
}

void
alpha_table_select(struct alpha_table *table, const size_t *numbers, size_t count)
{
	const char **precisions = xcalloc(count, sizeof(*precisions));

	for (size_t p = 0; p < count; p++)
		precisions[p] = table->precisions[numbers[p]];
	for (size_t i = 0; i < table->layer_count; i++) {
		struct fit *fits = xcalloc(count, sizeof(*fits));

		for (size_t p = 0; p < count; p++)
			fits[p] = table->layers[i].fits[numbers[p]];
		free(table->layers[i].fits);
		table->layers[i].fits = fits;
	}
	free(table->precisions);
	table->precisions = precisions;
	table->precision_count = count;
}

void
alpha_table_free(struct alpha_table *table)
{
	while (table->texts) {
		struct alpha_table_text *text = table->texts;

		table->texts = text->next;
		free(text->bytes);
		free(text);
	}
	for (size_t i = 0; i < table->layer_count; i++)
		free(table->layers[i].fits);
	for (size_t i = 0; i < table->model_count; i++)
		free((char *)table->models[i]);
	free(table->layers);
	free(table->models);
	free(table->precisions);
	*table = (struct alpha_table){0};
}

size_t
alpha_table_precision(const struct alpha_table *table, const char *precision)
{
	size_t i = 0;

	while (i < table->precision_count && strcmp(table->precisions[i], precision) != 0)
		i++;
	return i;
}

bool
fit_is_estimate(const struct fit *fit)
{
	return fit->there && isfinite(fit->alpha) && isfinite(fit->alpha_err);
}
