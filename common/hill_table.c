#include "hill_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tsv.h"

enum column {
	LAYER,
	PRECISION,
	K,
	ALPHA,
	NULL_ALPHA,
	ERROR,
	REQUIRED, /* those above */
	LOW = REQUIRED,
	HIGH,
	COLUMNS
};

static const char *const names[COLUMNS] = {"layer_name", "precision", "k",	   "alpha",
					   "alpha_null", "alpha_err", "alpha_low", "alpha_high"};

static int
read_point(const char *const fields[COLUMNS], struct hill_point *point, struct failure *failure)
{
	double numbers[COLUMNS];

	if (!parse_unsigned(fields[K], UINT32_MAX, &point->k))
		return fail(failure, STATUS_DATA, "k is no whole number: '%.40s'", fields[K]);
	for (size_t i = ALPHA; i < COLUMNS; i++)
		if (!tsv_read_double(fields[i], &numbers[i]))
			return fail(failure, STATUS_DATA, "%s is no number: '%.40s'", names[i],
				    fields[i]);
	point->alpha = isfinite(numbers[ERROR]) ? numbers[ALPHA] : NAN;
	point->null = numbers[NULL_ALPHA];
	point->low = numbers[LOW];
	point->high = numbers[HIGH];
	return 0;
}

static struct hill_panel *
panel_of(struct hill_table *table, const char *layer)
{
	size_t number = name_list_number(&table->layers, layer);

	if (number == table->count) {
		table->panels = xreallocarray(table->panels, number + 1, sizeof(*table->panels));
		table->panels[table->count++] = (struct hill_panel){
			.layer = table->layers.names[number]};
	}
	return &table->panels[number];
}

static struct hill_curve *
curve_of(struct hill_table *table, const char *layer, const char *precision)
{
	struct hill_panel *panel = panel_of(table, layer);
	size_t number = name_list_number(&table->precisions, precision);

	for (size_t i = panel->count; i-- > 0;)
		if (!strcmp(panel->curves[i].precision, precision))
			return &panel->curves[i];
	panel->curves = xreallocarray(panel->curves, panel->count + 1, sizeof(*panel->curves));
	panel->curves[panel->count] = (struct hill_curve){
		.precision = table->precisions.names[number]};
	return &panel->curves[panel->count++];
}

static int
add_point(struct hill_curve *curve, const struct hill_point *point, struct failure *failure)
{
	/* Capacities are the powers of two. */
	size_t count = curve->count;

	if (!point->k)
		return 0;
	if (point->k <= (count ? curve->points[count - 1].k : 0))
		return fail(failure, STATUS_DATA, "k does not rise");
	if (!(count & (count - 1)))
		curve->points = xreallocarray(curve->points, count ? 2 * count : 1,
					      sizeof(*curve->points));
	curve->points[curve->count++] = *point;
	return 0;
}

static int
read_line(struct hill_table *table, char *line, const struct tsv_layout *layout,
	  bool (*wanted)(const char *layer), struct failure *failure)
{
	const char *fields[COLUMNS];
	struct hill_point point;

	if (tsv_split_line(line, layout, fields, failure) || read_point(fields, &point, failure))
		return -1;
	if (!wanted(fields[LAYER]))
		return 0;
	return add_point(curve_of(table, fields[LAYER], fields[PRECISION]), &point, failure);
}

int
hill_table_read(struct hill_table *table, FILE *file, bool (*wanted)(const char *layer),
		struct failure *failure)
{
	struct tsv_layout layout = {0};
	char *line = NULL;
	size_t capacity = 0, number = 0;
	ssize_t length;
	int status = 0;

	while (!status && (length = getline(&line, &capacity, file)) > 0) {
		number++;
		if (line[length - 1] != '\n')
			status = fail(failure, STATUS_DATA, "line %zu: is cut off", number);
		else if (memchr(line, '\0', (size_t)length))
			status = fail(failure, STATUS_DATA, "line %zu: a null byte", number);
		line[length - 1] = '\0';
		if (!status && number == 1)
			status = tsv_read_header(line, names, COLUMNS, REQUIRED,
						 "line 1: no table of hill-alpha --hill-plot",
						 &layout, failure);
		else if (!status && read_line(table, line, &layout, wanted, failure))
			status = fail_prefix(failure, "line %zu", number);
	}
	free(line);
	if (!status && ferror(file))
		return fail(failure, STATUS_IO, "%s", strerror(errno));
	if (!status && !number)
		return fail(failure, STATUS_DATA, "is empty, and a table is expected");
	return status;
}

void
hill_table_free(struct hill_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		for (size_t c = 0; c < table->panels[i].count; c++)
			free(table->panels[i].curves[c].points);
		free(table->panels[i].curves);
	}
	free(table->panels);
	name_list_free(&table->layers);
	name_list_free(&table->precisions);
	*table = (struct hill_table){0};
}
