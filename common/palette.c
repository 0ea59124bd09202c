#include "palette.h"

#include <stdbool.h>
#include <string.h>

#include "util.h"

enum color { BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK, YELLOW, COLORS };

/* Colours that the colour-blind can tell apart (Okabe and Ito), and darker ones for when those are used up. */
static const char *const codes[][COLORS] = {{[BLUE] = "#0072B2",
					     [ORANGE] = "#E69F00",
					     [GREEN] = "#009E73",
					     [VERMILLION] = "#D55E00",
					     [PURPLE] = "#CC79A7",
					     [SKY] = "#56B4E9",
					     [BLACK] = "#444444",
					     [YELLOW] = "#F0E442"},
					    {[BLUE] = "#003A5C",
					     [ORANGE] = "#8A5F00",
					     [GREEN] = "#00523C",
					     [VERMILLION] = "#7A3600",
					     [PURPLE] = "#7D4064",
					     [SKY] = "#27709B",
					     [BLACK] = "#999999",
					     [YELLOW] = "#9C930F"}};

/* The colour that a precision has if it may choose. */
static enum color
favourite(const char *precision)
{
	static const struct {
		const char *part;
		enum color color;
	} rules[] = {{"64", BLACK}, {"tf32", SKY}, {"32", BLUE}, {"bf16", ORANGE}, {"16", GREEN},
		     {"8", PURPLE}, {"6", YELLOW}, {"5", SKY},	 {"4", VERMILLION}};

	/* Parameters, as in int4:g128, are not what a format is known by. */
	size_t length = strcspn(precision, ":");

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (memmem(precision, length, rules[i].part, strlen(rules[i].part)))
			return rules[i].color;
	return SKY;
}

const char *
palette_color(size_t i)
{
	return codes[i / COLORS % 2][i % COLORS];
}

const char **
palette_of_precisions(const char *const *precisions, size_t count)
{
	const char **colors = xcalloc(count, sizeof(*colors));
	unsigned used[COLORS] = {0};

	for (size_t i = 0; i < count; i++) {
		enum color color = favourite(precisions[i]);

		/* The next that is used least: another precision was first. */
		for (unsigned step = 0; step < COLORS; step++)
			if (used[(color + step) % COLORS] < used[color])
				color = (enum color)((color + step) % COLORS);
		colors[i] = codes[used[color]++ % 2][color];
	}
	return colors;
}
