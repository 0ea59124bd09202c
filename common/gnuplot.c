#include "gnuplot.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"

/* Pixels of a PNG for each point of a page, so that it is sharp in print. */
#define PNG_SCALE 2

/* From the axis to the middle of what it is called. */
#define Y_LABEL_DISTANCE 52

static void
print_byte(FILE *script, unsigned char byte)
{
	if (byte < 0x80 && (isalnum(byte) || strchr(" .,-+=/:()<>|", byte)))
		putc(byte, script);
	else
		fprintf(script, "\\%03o", byte);
}

static void
print_bytes(FILE *script, const char *text, bool is_format)
{
	putc('"', script);
	for (; *text; text++) {
		print_byte(script, (unsigned char)*text);
		if (is_format && *text == '%')
			print_byte(script, '%');
	}
	putc('"', script);
}

static void
print_label(FILE *script, const char *text, bool is_format)
{
	struct text shown = {0};

	text_append_label(&shown, text, strlen(text));
	print_bytes(script, shown.bytes, is_format);
	text_free(&shown);
}

void
gnuplot_string(FILE *script, const char *text)
{
	print_label(script, text, false);
}

void
gnuplot_tic_label(FILE *script, const char *text)
{
	print_label(script, text, true);
}

/* gnuplot takes a path that begins with "|" for a command to run, and "~" for somebody's home. */
static void
print_path(FILE *script, const char *path)
{
	char *plain = format_text("%s%s", *path == '|' || *path == '~' ? "./" : "", path);

	print_bytes(script, plain, false);
	free(plain);
}

void
gnuplot_number(FILE *script, double value, char separator)
{
	char buffer[DOUBLE_TEXT_SIZE];

	fprintf(script, "%s%c", isfinite(value) ? format_double(value, buffer) : "NaN", separator);
}

static void
print_terminal(FILE *script, enum plot_format format, double width, double height)
{
	switch (format) {
	case PLOT_SCREEN:
		fputs("if (GPVAL_TERM eq 'unknown') set terminal dumb size 100,35\n", script);
		break;
	case PLOT_PNG:
		fprintf(script,
			"set terminal pngcairo noenhanced size %.0f,%.0f font 'DejaVu Sans,10' "
			"fontscale %d linewidth %d pointscale %d background '#ffffff'\n",
			PNG_SCALE * width, PNG_SCALE * height, PNG_SCALE, PNG_SCALE, PNG_SCALE);
		break;
	case PLOT_PDF:
		fprintf(script,
			"set terminal pdfcairo noenhanced size %.3fin,%.3fin font 'DejaVu Sans,10' "
			"background '#ffffff'\n",
			width / 96, height / 96);
		break;
	case PLOT_SVG:
		fprintf(script,
			"set terminal svg noenhanced size %.0f,%.0f font 'DejaVu Sans,13' "
			"background '#ffffff'\n",
			width, height);
		break;
	}
}

struct page
page_begin(FILE *script, enum plot_format format, const char *path, double width, double height)
{
	/* The encoding stays gnuplot's default, with which it passes UTF-8 on, and which unlike "set encoding
	 * utf8" it has no complaint of in the C locale. */
	fputs("reset\nundefine $*\n", script);
	print_terminal(script, format, width, height);
	if (path) {
		fputs("set output ", script);
		print_path(script, path);
		putc('\n', script);
	}
	fputs("set datafile separator '\\t'\n"
	      "set border 3 back linewidth 1 linecolor rgb '#555555'\n"
	      "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
	      "set grid ytics back linetype 1 linewidth 0.6 linecolor rgb '#e6e6e6'\n"
	      "set style fill solid 0.85 noborder\n"
	      "set bars 0.5\n"
	      "unset key\n"
	      "set multiplot\n",
	      script);
	return (struct page){script, width, height};
}

void
page_end(const struct page *page)
{
	fputs("unset multiplot\nunset output\n\n", page->script);
}

/* The middle of what is too long is left out. */
static void
print_corner_label(const struct page *page, unsigned tag, const char *text, double below, int size,
		   const char *color)
{
	double character = PAGE_CHARACTER_WIDTH * size / 10;
	char *label = label_of(text, (size_t)((page->width - 28) / character));

	fprintf(page->script, "set label %u ", tag);
	gnuplot_string(page->script, label);
	fprintf(page->script,
		" noenhanced at screen %.5f,%.5f left font ',%d' textcolor rgb '%s'\n",
		14 / page->width, 1 - below / page->height, size, color);
	free(label);
}

void
page_title(const struct page *page, const char *title, const char *subtitle)
{
	/* Larger than the axes' text, unless it would not fit. */
	double room = (page->width - 28) / PAGE_CHARACTER_WIDTH / (double)(label_width(title) + 1);
	int size = room > 1.3 ? 13 : room > 1 ? 10 : 7;

	print_corner_label(page, 1, title, 17, size, "#111111");
	if (subtitle)
		print_corner_label(page, 2, subtitle, 37, 9, "#555555");
}

void
page_panel(const struct page *page, double left, double right, double bottom, double top)
{
	fprintf(page->script, "panel_left = %.5f\n", left / page->width);
	fputs("unset label\nunset arrow\nunset key\nunset xlabel\n"
	      "unset logscale\nset format '%g'\nset ytics nomirror out scale 0.6 autofreq\n",
	      page->script);
	fprintf(page->script,
		"set lmargin at screen %.5f\nset rmargin at screen %.5f\n"
		"set bmargin at screen %.5f\nset tmargin at screen %.5f\n",
		left / page->width, right / page->width, bottom / page->height, top / page->height);
}

struct page_key
page_key_of(size_t entries, size_t longest, double length)
{
	/* What gnuplot reckons with: all columns are as wide as the widest. */
	double columns = floor(length / (8.6 * (double)longest + 46));
	struct page_key key = {.columns = columns < 1 ? 1 : (size_t)columns};
	size_t rows = (entries + key.columns - 1) / key.columns;

	key.height = rows > 1 ? 18 * (double)(rows - 1) : 0;
	return key;
}

/* Not by "set ylabel", whose place depends on how long gnuplot takes the tics to be, by their bytes. */
void
page_y_label(const struct page *page, const char *text)
{
	fputs("set label 3 ", page->script);
	gnuplot_string(page->script, text);
	fprintf(page->script,
		" noenhanced at screen panel_left-%.5f,graph 0.5 center rotate by 90\n",
		Y_LABEL_DISTANCE / page->width);
}

void
page_key_above(const struct page *page, struct page_key key)
{
	fprintf(page->script,
		"set key at graph 1,1.02 right bottom horizontal Left reverse samplen 1.2 "
		"width 1 maxcols %zu noenhanced textcolor rgb '#333333'\n",
		key.columns);
}

/* Dashed grey lines across the plot, named at its right side. */
static void
print_alpha_lines(const struct page *page)
{
	static const int values[] = {2, 6};

	for (unsigned i = 0; i < 2; i++)
		fprintf(page->script,
			"set arrow %u from graph 0,first %d to graph 1,first %d nohead back "
			"dashtype 2 "
			"linewidth 1.2 linecolor rgb '#999999'\n"
			"set label %u \"α = %d\" at graph 1,first %d left offset 0.4,0 font ',8' "
			"textcolor rgb '#777777'\n",
			10 + i, values[i], values[i], 10 + i, values[i], values[i]);
}

/* Alpha above this is shown on a logarithmic axis, on which the usual values can still be told apart. */
#define MOST_LINEAR 60

double
page_alpha_axis(const struct page *page, double low, double high)
{
	if (high > MOST_LINEAR) {
		page_power_tics(page, "y", 1, high);
		print_alpha_lines(page);
		return 1;
	}
	high = fmax(high, 6.6);
	fprintf(page->script, "unset logscale y\nset yrange [%g:%g]\nset ytics %s\n", low,
		high > 12 ? high : ceil(high), high > 12 ? "autofreq" : "1");
	print_alpha_lines(page);
	return low;
}

void
text_append_power(struct text *text, int exponent)
{
	static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
	unsigned value = (unsigned)abs(exponent);

	text_print(text, "10%s", exponent < 0 ? "⁻" : "");
	if (value >= 100)
		text_print(text, "%s", digits[value / 100 % 10]);
	if (value >= 10)
		text_print(text, "%s", digits[value / 10 % 10]);
	text_print(text, "%s", digits[value % 10]);
}

/* Powers of ten beyond these are no doubles. */
static int
power_of(double value, double (*rounded)(double))
{
	return (int)fmax(fmin(rounded(log10(value)), 308), -307);
}

void
page_power_tics(const struct page *page, const char *axis, double low, double high)
{
	int first = low > 0 ? power_of(low, floor) : 0;
	int last = high > low && low > 0 ? power_of(high, ceil) : first;
	int step;

	last = last > first ? last : first + 1;
	step = (last - first + 8) / 9;
	fprintf(page->script, "set logscale %s\nset %srange [1e%d:1e%d]\nset %stics (", axis, axis,
		first, last, axis);
	for (int i = first; i <= last; i += step) {
		struct text label = {0};

		text_append_power(&label, i);
		fprintf(page->script, "%s'%s' 1e%d", i > first ? ", " : "", label.bytes, i);
		text_free(&label);
	}
	fputs(")\n", page->script);
}
