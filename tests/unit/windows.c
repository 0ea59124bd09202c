/* Windows: their text, their places, and copies of them. */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "windows.h"

static void
check_texts(void)
{
	static const char *const bad[] = {"",
					  "4",
					  "4x",
					  "x4",
					  "4x4x4",
					  "1x4",
					  "4x1",
					  "-4x4",
					  "4 x4",
					  "4x4:",
					  "4x4:stride",
					  "4x4:stride=0",
					  "4x4:size=2",
					  "4x4:sample=0",
					  "4x4:seed=x",
					  "04x4",
					  "99999999999x4",
					  "4x4,stride=2"};
	struct windows windows;
	bool refused = true;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused &= !windows_parse(bad[i], &windows);
	tap(refused, "what is no shape is refused");
	tap(windows_parse("4x6", &windows) && windows.rows == 4 && windows.columns == 6 &&
		    windows.row_stride == 4 && windows.column_stride == 6 && !windows.sample,
	    "side by side by default");
	tap(windows_parse("4x6:seed=7:stride=3:sample=9", &windows) && windows.row_stride == 3 &&
		    windows.column_stride == 3 && windows.sample == 9 && windows.seed == 7,
	    "stride, sample and seed");
}

/* How often elements of a matrix are in windows, and how many windows there are. */
static size_t
cover(const char *text, size_t rows, size_t columns, unsigned *counts)
{
	struct windows windows;
	struct window_walk walk;
	size_t row, column, found = 0;

	memset(counts, 0, rows * columns * sizeof(*counts));
	if (!windows_parse(text, &windows) || !windows_fit(&windows, rows, columns))
		return 0;
	walk = window_walk_begin(&windows, rows, columns);
	while (window_walk_next(&walk, &row, &column)) {
		found++;
		for (size_t i = 0; i < windows.rows; i++)
			for (size_t j = 0; j < windows.columns; j++)
				counts[(row + i) * columns + column + j]++;
	}
	window_walk_end(&walk);
	return found == windows_count(&windows, rows, columns) ? found : 0;
}

static void
check_places(void)
{
	unsigned counts[120], again[120], most = 0, least = 1000;

	tap(cover("5x4", 10, 12, counts) == 6, "two by three windows");
	for (unsigned i = 0; i < 120; i++) {
		most = counts[i] > most ? counts[i] : most;
		least = counts[i] < least ? counts[i] : least;
	}
	tap(least == 1 && most == 1, "each element is in one");
	tap(cover("4x5", 10, 12, counts) == 9, "a rest on both sides");
	least = 1000;
	for (unsigned i = 0; i < 120; i++)
		least = counts[i] < least ? counts[i] : least;
	tap(least == 1 && counts[119] == 1 && counts[9 * 12 + 6] == 1,
	    "is covered by more windows");
	tap(cover("4x4:stride=2", 10, 12, counts) == 20, "windows that overlap");
	tap(cover("10x12", 10, 12, counts) == 1, "a window as large as the matrix");
	tap(cover("11x2", 10, 12, counts) == 0 && cover("2x13", 10, 12, counts) == 0,
	    "none in a smaller matrix");
	tap(cover("2x2:sample=7:seed=3", 10, 12, counts) == 7 &&
		    cover("2x2:sample=7:seed=3", 10, 12, again) == 7 &&
		    !memcmp(counts, again, sizeof(counts)),
	    "a sample, the same again");
	tap(cover("2x2:sample=7:seed=4", 10, 12, again) == 7 &&
		    memcmp(counts, again, sizeof(counts)) != 0,
	    "another seed, another sample");
	tap(cover("2x2:sample=99", 10, 12, counts) == 30, "a sample of all");
}

static void
check_copies(void)
{
	double values[30], copy[6];
	unsigned char packed[8] = {0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe};
	double decoded[16];
	struct windows windows;
	struct window_walk walk;
	enum dtype dtype = DTYPE_F64;
	void *window;

	for (unsigned i = 0; i < 30; i++)
		values[i] = i;
	windows_parse("3x2", &windows);
	walk = window_walk_begin(&windows, 5, 6);
	window = window_copy(&walk, values, &dtype, 1, 3);
	memcpy(copy, window, sizeof(copy));
	free(window);
	tap(dtype == DTYPE_F64 && copy[0] == 9 && copy[1] == 10 && copy[2] == 15 && copy[5] == 22,
	    "a copy has the window's elements");
	window_walk_end(&walk);
	windows_parse("2x2", &windows);
	walk = window_walk_begin(&windows, 4, 4);
	dtype = DTYPE_F4;
	dtype_decode(dtype, packed, 0, 16, decoded);
	window = window_copy(&walk, packed, &dtype, 1, 1);
	memcpy(copy, window, 4 * sizeof(*copy));
	free(window);
	tap(dtype == DTYPE_F64 && copy[0] == decoded[5] && copy[1] == decoded[6] &&
		    copy[2] == decoded[9] && copy[3] == decoded[10],
	    "also of types below a byte");
	window_walk_end(&walk);
}

int
main(void)
{
	check_texts();
	check_places();
	check_copies();
	return tap_done();
}
