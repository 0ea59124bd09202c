#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *message_program = "hillpipe";

int
fail(struct failure *failure, int status, const char *format, ...)
{
	va_list arguments;

	failure->status = status;
	va_start(arguments, format);
	vsnprintf(failure->text, sizeof(failure->text), format, arguments);
	va_end(arguments);
	return -1;
}

int
fail_prefix(struct failure *failure, const char *format, ...)
{
	char rest[sizeof(failure->text)];
	va_list arguments;
	size_t used;

	memcpy(rest, failure->text, sizeof(rest));
	va_start(arguments, format);
	vsnprintf(failure->text, sizeof(failure->text), format, arguments);
	va_end(arguments);
	used = strlen(failure->text);
	snprintf(failure->text + used, sizeof(failure->text) - used, ": %s", rest);
	return -1;
}

static void
print_message(const char *format, va_list arguments)
{
	int error = errno;
	struct text line = {0};
	char *message = NULL;

	/* Another stage of the pipeline may have left its progress on this line of the terminal. */
	if (isatty(STDERR_FILENO))
		text_print(&line, "\r\033[K");
	text_print(&line, "%s: ", message_program);
	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	if (message)
		text_append_escaped(&line, message, strlen(message));
	if (has_suffix(format, ":"))
		text_print(&line, " %s", strerror(error));
	text_append(&line, "\n", 1);
	/* Nothing can be done about a message that cannot be written. */
	if (write(STDERR_FILENO, line.bytes, line.length) < 0)
		errno = error;
	free(message);
	text_free(&line);
}

void
warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_message(format, arguments);
	va_end(arguments);
}

void
die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_message(format, arguments);
	va_end(arguments);
	_exit(status);
}

void
die_failure(const struct failure *failure, const char *source)
{
	die(failure->status, "%s: %s", source, failure->text);
}

static _Noreturn void
die_out_of_memory(size_t size)
{
	/* No allocation may happen on this path. */
	char line[160];
	int length = snprintf(line, sizeof(line), "%s: out of memory (%zu bytes asked for)\n",
			      message_program, size);

	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		_exit(STATUS_RETRY);
	_exit(STATUS_RETRY);
}

void *
xmalloc(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		die_out_of_memory(size);
	return memory;
}

void *
xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (!memory)
		die_out_of_memory(count > SIZE_MAX / (size ? size : 1) ? SIZE_MAX : count * size);
	return memory;
}

void *
xreallocarray(void *memory, size_t count, size_t size)
{
	memory = reallocarray(memory, count ? count : 1, size ? size : 1);
	if (!memory)
		die_out_of_memory(count > SIZE_MAX / (size ? size : 1) ? SIZE_MAX : count * size);
	return memory;
}

char *
xstrdup(const char *text)
{
	return xstrndup(text, strlen(text));
}

char *
xstrndup(const char *text, size_t length)
{
	char *copy = xmalloc(length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *
format_text(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		die_out_of_memory(strlen(format));
	va_end(arguments);
	return text;
}

static void
text_reserve(struct text *text, size_t more)
{
	size_t needed = text->length + more + 1;

	if (needed <= text->capacity)
		return;
	text->capacity = needed > 2 * text->capacity ? needed : 2 * text->capacity;
	text->bytes = xreallocarray(text->bytes, text->capacity, 1);
}

void
text_append(struct text *text, const void *bytes, size_t length)
{
	text_reserve(text, length);
	if (length)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void
text_print(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	text_reserve(text, (size_t)length);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
	va_end(again);
	text->length += (size_t)length;
}

void
text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

void
text_append_escaped(struct text *text, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;
	size_t i = 0;

	while (i < length) {
		size_t step = utf8_length(at + i, length - i);
		/* C1 controls, U+0080 to U+009F, act on some terminals like ESC sequences. */
		bool control = step == 1 ? at[i] < 0x20 || at[i] == 0x7f
					 : step == 2 && at[i] == 0xc2 && at[i + 1] < 0xa0;

		if (at[i] == '\\')
			text_append(text, "\\\\", 2);
		else if (at[i] == '\n')
			text_append(text, "\\n", 2);
		else if (at[i] == '\t')
			text_append(text, "\\t", 2);
		else if (step && !control)
			text_append(text, at + i, step);
		else
			for (size_t j = 0; j < (step ? step : 1); j++)
				text_print(text, "\\x%02x", at[i + j]);
		i += step ? step : 1;
	}
}

size_t
utf8_length(const unsigned char *bytes, size_t available)
{
	/* The ranges of Unicode 15, table 3-7: no overlong forms, no surrogates, none past 10FFFF. */
	unsigned first = available ? bytes[0] : 0xff;
	unsigned low = 0x80, high = 0xbf;
	size_t length;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (length > available || bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (bytes[i] < 0x80 || bytes[i] > 0xbf)
			return 0;
	return length;
}

bool
is_text(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((bytes[i] < 0x20 || bytes[i] > 0x7e) && bytes[i] != '\t' && bytes[i] != '\n' &&
		    bytes[i] != '\r')
			return false;
	return true;
}

const char *
path_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool
has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), suffix_length = strlen(suffix);

	return length >= suffix_length && !strcmp(name + length - suffix_length, suffix);
}

bool
has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

bool
parse_unsigned(const char *text, uint64_t maximum, uint64_t *result)
{
	uint64_t value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (!multiply_checked(value, 10, &value) ||
		    !add_checked(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*result = value;
	return value <= maximum;
}

bool
parse_double(const char *text, double *result)
{
	char *end;

	if (!*text || isspace((unsigned char)*text))
		return false;
	*result = strtod(text, &end);
	return !*end && isfinite(*result);
}

bool
parse_size(const char *text, uint64_t *result)
{
	static const char units[] = "KMGT";
	size_t length = strlen(text);
	const char *unit = length ? strchr(units, toupper((unsigned char)text[length - 1])) : NULL;
	uint64_t factor = 1;
	char digits[24];

	if (unit && *unit) {
		factor = (uint64_t)1 << (10 * (unit - units + 1));
		length--;
	}
	if (length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	return parse_unsigned(digits, UINT64_MAX, result) &&
	       multiply_checked(*result, factor, result);
}

const char *
format_double(double value, char buffer[static DOUBLE_TEXT_SIZE])
{
	if (isnan(value))
		return strcpy(buffer, "nan");
	if (isinf(value))
		return strcpy(buffer, value < 0 ? "-inf" : "inf");
	/* "%g" would write 400 as 4e+02. */
	if (value == rint(value) && fabs(value) < 1e15) {
		snprintf(buffer, DOUBLE_TEXT_SIZE, "%.0f", value);
		return buffer;
	}
	/*
	 * 17 significant digits always suffice (IEEE 754-2019, section 5.12.2). Where fewer than 15 do, the value
	 * to 15 has zeros after them, which "%g" leaves out, since decimals of 15 digits survive being read; but
	 * for values that have lost digits to underflow.
	 */
	for (int digits = isnormal(value) ? DBL_DIG : 1; digits <= 17; digits++) {
		snprintf(buffer, DOUBLE_TEXT_SIZE, "%.*g", digits, value);
		if (digits == 17 || strtod(buffer, NULL) == value)
			break;
	}
	return buffer;
}

unsigned
usable_processors(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) || CPU_COUNT(&allowed) < 1)
		return 1;
	return (unsigned)CPU_COUNT(&allowed);
}
