/*
 * A mutator for streams, as libFuzzer alone would never get past the first hash: after a mutation,
 * the lengths, hashes and counts of most frames are put right again.
 */
#include <string.h>

#include "fuzz.h"
#include "payload_hash.h"
#include "stream.h"

/* Where a frame lies. */
struct span {
	size_t begin, header, payload, end; /* the header is from begin + 8 to payload */
};

/* The end of the JSON object at `at`, and of the blanks after it; `at` if it has none. */
static size_t
object_end(const uint8_t *data, size_t size, size_t at)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = at; i < size; i++) {
		if (in_string && data[i] == '\\')
			i++;
		else if (data[i] == '"')
			in_string = !in_string;
		else if (!in_string && data[i] == '{')
			depth++;
		else if (!in_string && data[i] == '}' && --depth == 0) {
			for (i++; i < size && data[i] == ' '; i++)
				;
			return i;
		}
	}
	return at;
}

static uint8_t *
find(uint8_t *data, size_t begin, size_t end, const char *text)
{
	return memmem(data + begin, end - begin, text, strlen(text));
}

/* The second number of data_offsets. */
static size_t
payload_size(uint8_t *data, size_t begin, size_t end)
{
	uint8_t *at = find(data, begin, end, "\"data_offsets\":[0,");
	size_t value = 0;

	if (!at)
		return 0;
	for (at += strlen("\"data_offsets\":[0,"); at < data + end && *at >= '0' && *at <= '9';
	     at++)
		value = (10 * value + (size_t)(*at - '0')) % (1 << 24);
	return value;
}

/* The frame that begins at `at`; false if nothing like one does. */
static bool
find_span(uint8_t *data, size_t size, size_t at, struct span *span)
{
	size_t payload;

	if (size - at < 10 || data[at + 8] != '{')
		return false;
	*span = (struct span){.begin = at, .header = at + 8};
	span->payload = object_end(data, size, span->header);
	if (span->payload == span->header)
		return false;
	payload = payload_size(data, span->header, span->payload);
	span->end = span->payload + payload < size ? span->payload + payload : size;
	return true;
}

/* Writes the right length, hash and count, where there is room for them. */
static void
repair(uint8_t *data, const struct span *span, unsigned frames)
{
	uint64_t length = span->payload - span->header;
	uint64_t hash = payload_hash(data + span->payload, span->end - span->payload);
	uint8_t *xxh3 = find(data, span->header, span->payload, "\"xxh3\":\"");
	uint8_t *count = find(data, span->header, span->payload, "\"frames\":\"");
	static const char digits[] = "0123456789abcdef";

	memcpy(data + span->begin, &length, 8);
	if (xxh3 && xxh3 + 8 + 16 <= data + span->payload)
		for (int i = 0; i < 16; i++)
			xxh3[8 + i] = (uint8_t)digits[hash >> (60 - 4 * i) & 15];
	if (count && count + 11 <= data + span->payload)
		count[10] = (uint8_t)digits[frames % 10];
}

/* Takes a frame out, or puts it in twice. */
static size_t
move_frame(uint8_t *data, size_t size, size_t most, const struct span *span, unsigned seed)
{
	size_t length = span->end - span->begin;

	if (seed & 1) {
		memmove(data + span->begin, data + span->end, size - span->end);
		return size - length;
	}
	if (size + length > most)
		return size;
	memmove(data + span->end + length, data + span->end, size - span->end);
	memcpy(data + span->end, data + span->begin, length);
	return size + length;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	unsigned frames = 0, spare = seed >> 8;
	struct span span;

	if (seed % 8 == 0 && find_span(data, size, 0, &span))
		size = move_frame(data, size, most, &span, seed >> 4);
	else
		size = LLVMFuzzerMutate(data, size, most);
	/* Now and then one frame, or all, are left wrong. */
	for (size_t at = 0; seed % 16 != 1 && find_span(data, size, at, &span); at = span.end)
		if (frames++ != spare % 32)
			repair(data, &span, frames - 1);
	return size;
}
