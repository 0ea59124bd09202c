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
 * Writes a string: letters, digits and blanks as they are, every other byte by its number. It is that
 * which text_append_label() makes of the text.
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
 * first panel. The middle of one that is too long is left out. */
void page_title(const struct page *page, const char *title, const char *subtitle);

/* Where on the page the next plot's axes are to stand. Takes away labels, lines and key of the last. */
void page_panel(const struct page *page, double left, double right, double bottom, double top);

/* A key above axes of some length, with so many entries, of which the longest has so many columns. */
struct page_key {
	size_t columns;
	double height; /* what it needs beyond that of one row */
};
struct page_key page_key_of(size_t entries, size_t longest, double length);

/* What the vertical axis is called, beside its tics. */
void page_y_label(const struct page *page, const char *text);

/* Puts the key at the upper right corner of the axes, above them. */
void page_key_above(const struct page *page, struct page_key key);

/* Appends 10 with its exponent in the characters that stand above the line: markup is off. */
void text_append_power(struct text *text, int exponent);

/* Tics at the powers of ten within a range, which is widened to powers of ten: of a logarithmic axis. */
void page_power_tics(const struct page *page, const char *axis, double low, double high);

/*
 * The vertical axis of alpha, from low to a number not below high, with dashed grey lines at alpha 2 and
 * 6. It is logarithmic if alphas are very large. Returns where it begins.
 */
double page_alpha_axis(const struct page *page, double low, double high);

#endif
