#include "gnuplot.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pixels of a PNG for each point of a page, so that it is sharp in print. */
#define PNG_SCALE 2

static void
print_byte(FILE *script, unsigned char byte)
{
	if (byte < 0x80 && (isalnum(byte) || strchr(" .,-+=/:()<>|", byte)))
		putc(byte, script);
	else
		fprintf(script, "\\%03o", byte);
}

static void
print_string(FILE *script, const char *text, bool is_format)
{
	putc('"', script);
	for (; *text; text++) {
		struct text shown = {0};

		/* A backslash is harmless to see. */
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			text_append_escaped(&shown, text, 1);
		else
			text_append(&shown, text, 1);
		for (size_t i = 0; i < shown.length; i++)
			print_byte(script, (unsigned char)shown.bytes[i]);
		if (is_format && *text == '%')
			print_byte(script, '%');
		text_free(&shown);
	}
	putc('"', script);
}

void
gnuplot_string(FILE *script, const char *text)
{
	print_string(script, text, false);
}

void
gnuplot_tic_label(FILE *script, const char *text)
{
	print_string(script, text, true);
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
	fputs("reset session\nset encoding utf8\n", script);
	print_terminal(script, format, width, height);
	if (path) {
		fputs("set output ", script);
		gnuplot_string(script, path);
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

static void
print_corner_label(const struct page *page, unsigned tag, const char *text, double below, int size,
		   const char *color)
{
	fprintf(page->script, "set label %u ", tag);
	gnuplot_string(page->script, text);
	fprintf(page->script,
		" noenhanced at screen %.5f,%.5f left font ',%d' textcolor rgb '%s'\n",
		14 / page->width, 1 - below / page->height, size, color);
}

void
page_title(const struct page *page, const char *title, const char *subtitle)
{
	/* Larger than the axes' text, unless it would not fit. */
	double room = (page->width - 28) / PAGE_CHARACTER_WIDTH / (double)(strlen(title) + 1);
	int size = room > 1.3 ? 13 : room > 1 ? 10 : room > 0.7 ? 7 : 5;

	print_corner_label(page, 1, title, 17, size, "#111111");
	if (subtitle)
		print_corner_label(page, 2, subtitle, 37, 9, "#555555");
}

void
page_panel(const struct page *page, double left, double right, double bottom, double top)
{
	fputs("unset label\nunset arrow\nunset key\nunset xlabel\nunset ylabel\n", page->script);
	fprintf(page->script,
		"set lmargin at screen %.5f\nset rmargin at screen %.5f\n"
		"set bmargin at screen %.5f\nset tmargin at screen %.5f\n",
		left / page->width, right / page->width, bottom / page->height, top / page->height);
}

void
page_key_above(const struct page *page)
{
	fputs("set key at graph 1,1.02 right bottom horizontal Left reverse samplen 1.2 "
	      "width 1 "
	      "noenhanced textcolor rgb '#333333'\n",
	      page->script);
}

void
page_alpha_lines(const struct page *page)
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

void
page_power_tics(const struct page *page, const char *axis, double low, double high)
{
	int first = low > 0 ? (int)floor(log10(low)) : 0;
	int last = high > low && low > 0 ? (int)ceil(log10(high)) : first + 1;

	fprintf(page->script, "set logscale %s\nset %srange [1e%d:1e%d]\nset %stics (", axis, axis,
		first, last, axis);
	for (int i = first; i <= last; i++) {
		struct text label = {0};

		text_append_power(&label, i);
		fprintf(page->script, "%s'%s' 1e%d", i > first ? ", " : "", label.bytes, i);
		text_free(&label);
	}
	fputs(")\n", page->script);
}
