#include "progress.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define REDRAW_SECONDS 0.1
/* Before this no rate is known well enough to promise a time. */
#define ESTIMATE_SECONDS 1.0

/* What each stage counts. */
static const char *const items[] = {"layers", "casts", "matrices", "fits"};

static struct {
	bool shown, drawn;
	enum progress_stage stage;
	double started, redrawn;
} progress;

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* A write lock on the byte of a stage, or all later ones; on the terminal itself. */
static struct flock
stage_lock(off_t first, off_t count)
{
	return (struct flock){
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
}

/* Whether a program further down the pipeline shows its progress on this terminal. */
static bool
is_hidden(void)
{
	struct flock later = stage_lock((off_t)progress.stage + 1, 0);

	return !fcntl(STDERR_FILENO, F_GETLK, &later) && later.l_type != F_UNLCK;
}

void
progress_begin(enum progress_stage stage, enum progress_wish wish)
{
	struct flock mine = stage_lock((off_t)stage, 1);

	progress.shown = wish == PROGRESS_ALWAYS ||
			 (wish == PROGRESS_AUTOMATIC && isatty(STDERR_FILENO));
	progress.stage = stage;
	progress.started = now();
	/* Without locks, as on some pseudo-terminals, the worst is a line drawn over another. */
	if (progress.shown)
		fcntl(STDERR_FILENO, F_SETLK, &mine);
}

static void
erase(void)
{
	if (progress.drawn && write(STDERR_FILENO, "\r\033[K", 4) > 0)
		progress.drawn = false;
}

void
progress_yield_to_output(enum progress_stage stage)
{
	struct flock mine = stage_lock((off_t)stage, 1);

	if (!isatty(STDOUT_FILENO))
		return;
	fcntl(STDERR_FILENO, F_SETLK, &mine);
	progress.drawn = isatty(STDERR_FILENO);
	erase();
}

static size_t
terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

static void
append_duration(struct text *line, double seconds)
{
	unsigned long whole = seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 1000000000;

	if (whole >= 3600)
		text_print(line, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
	else
		text_print(line, "%lu:%02lu", whole / 60, whole % 60);
}

/* The longest start of a text that takes no more than so many characters, in bytes. */
static size_t
clip(const char *text, size_t length, size_t characters)
{
	size_t at = 0;

	while (at < length && characters--) {
		size_t step = utf8_length((const unsigned char *)text + at, length - at);

		at += step ? step : 1;
	}
	return at;
}

/* Writes a line without its newline over the one drawn before. */
static void
draw(const struct text *line)
{
	struct text output = {0};

	text_print(&output, "\r");
	text_append(&output, line->bytes, clip(line->bytes, line->length, terminal_columns() - 1));
	text_print(&output, "\033[K");
	progress.drawn = write(STDERR_FILENO, output.bytes, output.length) > 0;
	text_free(&output);
}

void
progress_update(uint64_t done, uint64_t total, double share, const char *name)
{
	double time = now(), elapsed = time - progress.started;
	struct text line = {0};

	if (!progress.shown || time - progress.redrawn < REDRAW_SECONDS)
		return;
	progress.redrawn = time;
	if (is_hidden()) {
		progress.drawn = false;
		return;
	}
	text_print(&line, "%s: %" PRIu64, message_program, done);
	if (total)
		text_print(&line, "/%" PRIu64, total);
	text_print(&line, " %s, %.0f%% of the work", items[progress.stage], 100 * share);
	if (share > 0 && elapsed > ESTIMATE_SECONDS) {
		text_print(&line, ", ");
		append_duration(&line, elapsed / share * (1 - share));
		text_print(&line, " left");
	}
	text_print(&line, "  ");
	text_append_escaped(&line, name, strlen(name));
	draw(&line);
	text_free(&line);
}

void
progress_end(void)
{
	if (progress.shown && !is_hidden())
		erase();
	progress.shown = false;
}
