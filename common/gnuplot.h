/*
 * Writing of scripts for gnuplot 5.4 and later.
 *
 * gnuplot runs what stands between backticks in a string in double quotes, and in single quotes takes
 * no two apostrophes in a row. So text that is not our own goes into a script by gnuplot_string()
 * alone, where no byte of it has a meaning.
 *
 * A page is one picture. Lengths on it are in points of the screen: 96 to the inch, from its lower left
 * corner; a PNG has twice as many pixels.
 */
#ifndef GNUPLOT_H
#define GNUPLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "util.h"

enum plot_format {
	PLOT_SCREEN, /* the terminal that gnuplot chooses, or characters where it has none */
	PLOT_PNG,
	PLOT_PDF,
	PLOT_SVG
};

struct page {
	FILE *script;
	double width, height;
};

/* About how wide a character of the pages' font is. */
#define PAGE_CHARACTER_WIDTH 7.6

/*
 * Writes a string: letters, digits and blanks as they are, every other byte by its number. Control
 * characters are shown as tsv_text() writes them, all else is shown as it is.
 */
void gnuplot_string(FILE *script, const char *text);

/* The same for the label of a tic, where gnuplot takes "%" for a format. */
void gnuplot_tic_label(FILE *script, const char *text);

/* A number; NaN for what is not finite. Followed by the separator. */
void gnuplot_number(FILE *script, double value, char separator);

/*
 * Starts a page: the terminal, the file that it goes to (null: gnuplot's standard output), and the look
 * that all pages share. Names are never taken for markup. To be ended by page_end().
 */
struct page page_begin(FILE *script, enum plot_format format, const char *path, double width,
		       double height);
void page_end(const struct page *page);

/* A line of text in the upper left corner, and a smaller, grey one below it (null for none): for the
 * first panel. */
void page_title(const struct page *page, const char *title, const char *subtitle);

/* Where on the page the next plot's axes are to stand. Takes away labels, lines and key of the last. */
void page_panel(const struct page *page, double left, double right, double bottom, double top);

/* Puts the key in one row at the upper right corner of the axes, above them. */
void page_key_above(const struct page *page);

/* Appends 10 with its exponent in the characters that stand above the line: markup is off. */
void text_append_power(struct text *text, int exponent);

/* Tics at the powers of ten within a range, which is widened to powers of ten: of a logarithmic axis. */
void page_power_tics(const struct page *page, const char *axis, double low, double high);

/* Dashed grey lines across the plot at alpha 2 and 6, named at its right side. */
void page_alpha_lines(const struct page *page);

#endif
