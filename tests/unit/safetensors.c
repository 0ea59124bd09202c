/*
 * Headers of safetensors documents: what is taken, what is refused and why, and that what we write
 * reads back.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"
#include "tap.h"

/* Parses a copy of a header, in memory of just the size that is asked for. */
static int
parse(struct safetensors *document, const char *header, size_t length, struct failure *failure)
{
	char *copy = malloc(length + 1);

	if (!copy)
		abort();
	memcpy(copy, header, length);
	copy[length] = '"';
	*failure = (struct failure){0};
	return safetensors_parse(document, copy, length, failure);
}

#define T(dtype, shape, offsets) \
	"{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"

static void
check_refused(void)
{
	static const struct {
		const char *header, *message;
	} cases[] = {
		{"", "bad header: '{' expected (at byte 0 of the JSON)"},
		{"[]", "bad header: '{' expected (at byte 0 of the JSON)"},
		{"{}x",
		 "bad header: something follows the end of the JSON (at byte 2 of the JSON)"},
		{"{\"w\":1}", "bad header: tensor 'w': '{' expected (at byte 5 of the JSON)"},
		{"{\"w\":{}}", "bad header: tensor 'w': dtype is missing (at byte 7 of the JSON)"},
		{"{\"w\":{\"dtype\":\"U8\"}}",
		 "bad header: tensor 'w': shape is missing (at byte 19 of the JSON)"},
		{"{\"w\":{\"dtype\":\"U8\",\"shape\":[]}}",
		 "bad header: tensor 'w': data_offsets is missing (at byte 30 of the JSON)"},
		{"{\"w\":" T("U7", "1", "0,1") "}",
		 "bad header: tensor 'w': unknown dtype 'U7' (at byte 18 of the JSON)"},
		{"{\"w\":" T("u8", "1", "0,1") "}",
		 "bad header: tensor 'w': unknown dtype 'u8' (at byte 18 of the JSON)"},
		{"{\"w\":" T("U8", "1,1,1,1,1,1,1,1,1", "0,1") "}",
		 "bad header: tensor 'w': more than 8 dimensions (at byte 44 of the JSON)"},
		{"{\"w\":" T("U8", "1", "0") "}", "bad header: tensor 'w': data_offsets must be "
						  "two integers (at byte 49 of the JSON)"},
		{"{\"w\":" T("U8", "1", "") "}", "bad header: tensor 'w': data_offsets must be two "
						 "integers (at byte 48 of the JSON)"},
		{"{\"w\":" T("U8", "1", "0,1,2") "}", "bad header: tensor 'w': data_offsets must "
						      "be two integers (at byte 51 of the JSON)"},
		/* Brackets that cross must not add up to two integers. */
		{"{\"w\":" T("U8", "1", "],1") "}", "bad header: tensor 'w': data_offsets must be "
						    "two integers (at byte 48 of the JSON)"},
		{"{\"w\":" T("U8", "5", "],0,5") "}", "bad header: tensor 'w': data_offsets must "
						      "be two integers (at byte 48 of the JSON)"},
		{"{\"w\":" T("U8", "1", "2,1") "}",
		 "bad header: tensor 'w': data_offsets end before they begin"},
		{"{\"w\":" T("U8", "2", "0,1") "}",
		 "bad header: tensor 'w': data_offsets span 1 bytes, but shape and dtype need 2"},
		{"{\"w\":" T("F64", "2,2", "0,4") "}",
		 "bad header: tensor 'w': data_offsets span 4 bytes, but shape and dtype need 32"},
		{"{\"w\":" T("U8", "4194305,4194305,211106198978564", "0,4") "}",
		 "bad header: tensor 'w': the shape overflows"},
		{"{\"w\":" T("F4", "1", "0,1") "}",
		 "bad header: tensor 'w': shape and dtype give no whole number of bytes"},
		{"{\"w\":" T("F64", "9007199254740992,512", "0,0") "}",
		 "bad header: tensor 'w': the shape overflows"},
		{"{\"w\":" T("F64", "9007199254740992,2", "0,0") "}",
		 "bad header: tensor 'w': the shape overflows"},
		{"{\"w\":" T("F64", "0,9007199254740992,2", "0,0") "}",
		 "bad header: tensor 'w': the shape overflows"},
		{"{\"w\":" T("U8", "1", "0,1") ",\"w\":" T("U8", "1", "1,2") "}",
		 "bad header: tensor \'w' is given twice"},
		{"{\"a\":" T("U8", "2", "0,2") ",\"b\":" T("U8", "2", "1,3") "}",
		 "bad header: tensor \'b': data_offsets begin at 1, inside the tensor before, "
		 "which ends at 2"},
		{"{\"a\":" T("U8", "2", "0,2") ",\"b\":" T("U8", "2", "3,5") "}",
		 "bad header: tensor \'b': data_offsets begin at 3, leaving a hole after the "
		 "tensor before, which "
		 "ends at 2"},
		{"{\"a\":" T("U8", "1", "1,2") "}",
		 "bad header: tensor \'a': data_offsets begin at 1, and the first must begin at 0"},
		{"{\"__metadata__\":{\"k\":1}}",
		 "bad header: __metadata__: a string expected (at byte 21 of the JSON)"},
		{"{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}}",
		 "bad header: metadata key 'k' is given twice"},
		{"{\"__metadata__\":{},\"__metadata__\":{}}",
		 "bad header: __metadata__ is given twice (at byte 34 of the JSON)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct safetensors document;
		struct failure failure;
		int result = parse(&document, cases[i].header, strlen(cases[i].header), &failure);

		if (!result)
			safetensors_free(&document);
		tap_text(result ? failure.text : "taken", cases[i].message, cases[i].header);
		tap(result == -1 && failure.status == STATUS_DATA && !document.buffer,
		    "as bad data, and nothing is left to free");
	}
}

static void
check_taken(void)
{
	static const struct {
		const char *header;
		size_t count;
		uint64_t payload;
	} cases[] = {
		{"{}", 0, 0},
		{" \n{ }\t\r ", 0, 0},
		{"{\"__metadata__\":{}}", 0, 0},
		{"{\"s\":" T("F32", "", "0,4") "}", 1, 4},
		{"{\"z\":" T("F32", "0", "0,0") "}", 1, 0},
		{"{\"z\":" T("F32", "0,4503599627370496,2", "0,0") "}", 1, 0},
		{"{\"a\":" T("U8", "1", "0,1") ",\"z\":" T("U8", "0", "1,1") ",\"b\":" T("U8", "1",
											 "1,2") "}",
		 3, 2},
		{"{\"b\":" T("U8", "1", "0,1") ",\"z\":" T("U8", "0", "0,0") "}", 2, 1},
		{"{\"z\":" T("U8", "0", "0,0") ",\"b\":" T("U8", "1", "0,1") "}", 2, 1},
		{"{\"b\":" T("F64", "1", "8,16") ",\"a\":" T("F64", "1", "0,8") "}", 2, 16},
		{"{\"a\":" T("F4", "2", "0,1") "}", 1, 1},
		{"{\"a\":" T("F6_E3M2", "4", "0,3") "}", 1, 3},
		{"{\"a\":" T("U8", "1,1,1,1,1,1,1,1", "0,1") "}", 1, 1},
		{"{\"\":" T("U8", "1", "0,1") "}", 1, 1},
		{"{\"w\":{\"data_offsets\":[0,1],\"shape\":[1],\"dtype\":\"I8\"}}", 1, 1},
		{"{\"w\":" T("U8", "1", "0,1") ",\"__metadata__\":{\"w\":\"\"}}", 1, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct safetensors document;
		struct failure failure;
		int result = parse(&document, cases[i].header, strlen(cases[i].header), &failure);

		tap(!result && document.count == cases[i].count &&
			    document.payload == cases[i].payload,
		    "header %zu is taken: %s", i, failure.text);
		if (!result)
			safetensors_free(&document);
	}
}

/* No proper beginning of a header is one. */
static void
check_cut(void)
{
	static const char header[] = "{\"__metadata__\":{\"k\":\"\\u00e9\"},\"a\":" T(
		"F32", "2,3", "0,24") ",\"b\":" T("BF16", "", "24,26") "}";
	struct safetensors document;
	struct failure failure;

	for (size_t i = 0; i < sizeof(header) - 1; i++) {
		int result = parse(&document, header, i, &failure);

		if (!result)
			safetensors_free(&document);
		tap(result == -1 && failure.status == STATUS_DATA, "cut to %zu bytes: %s", i,
		    failure.text);
	}
}

/* Each type has the size that the reference implementation gives it, in a tensor of 8. */
static void
check_types(void)
{
	static const struct {
		const char *name;
		unsigned bits;
	} types[] = {
		{"BOOL", 8},	{"F4", 4},	    {"F6_E2M3", 6},	{"F6_E3M2", 6},
		{"U8", 8},	{"I8", 8},	    {"F8_E5M2", 8},	{"F8_E4M3", 8},
		{"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
		{"U16", 16},	{"F16", 16},	    {"BF16", 16},	{"I32", 32},
		{"U32", 32},	{"F32", 32},	    {"C64", 64},	{"F64", 64},
		{"I64", 64},	{"U64", 64},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct safetensors document;
		struct failure failure;
		char header[160];

		snprintf(header, sizeof(header), "{\"w\":" T("%s", "2,4", "0,%u") "}",
			 types[i].name, types[i].bits);
		if (tap(!parse(&document, header, strlen(header), &failure), "%s", types[i].name)) {
			tap(document.tensors[0].end == types[i].bits &&
				    document.tensors[0].elements == 8,
			    "and its size");
			safetensors_free(&document);
		}
	}
	tap(sizeof(types) / sizeof(*types) == DTYPE_COUNT, "those are all types");
}

static void
check_length(void)
{
	static const struct {
		uint64_t length;
		const char *message;
	} cases[] = {
		{0, "not safetensors: a header of 0 bytes"},
		{1, "not safetensors: a header of 1 bytes"},
		{2, NULL},
		{100000000, NULL},
		{100000001, "not safetensors: a header of 100000001 bytes (at most 100000000)"},
		{UINT64_MAX,
		 "not safetensors: a header of 18446744073709551615 bytes (at most 100000000)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned char field[8];
		struct failure failure;
		uint64_t length;
		char name[40];
		int result;

		memcpy(field, &cases[i].length, 8);
		result = safetensors_header_length(field, &length, &failure);
		snprintf(name, sizeof(name), "a length of %" PRIu64, cases[i].length);
		tap_text(result ? failure.text : NULL, cases[i].message, name);
		tap(result || length == cases[i].length, "and its value");
	}
}

/* What the writer makes of names and values that need care reads back the same. */
static void
check_writing(void)
{
	static const char odd[] = "tab\t quote\" back\\ esc\x1b line\n \xe2\x82\xac";
	static const uint64_t shape[] = {2, 3};
	struct safetensors_writer writer;
	struct safetensors document;
	struct failure failure;
	struct text text;
	uint64_t length;

	safetensors_write_begin(&writer);
	safetensors_write_metadata(&writer, odd, "value");
	safetensors_write_metadata(&writer, "key", odd);
	safetensors_write_tensor(&writer, odd, DTYPE_F32, 2, shape);
	safetensors_write_tensor(&writer, "scalar", DTYPE_BF16, 0, NULL);
	text = safetensors_write_end(&writer);
	tap(text.length % 64 == 0, "the payload begins at a multiple of 64 bytes");
	tap(!safetensors_header_length((unsigned char *)text.bytes, &length, &failure) &&
		    length == text.length - 8,
	    "the length field is right");
	if (tap(!parse(&document, text.bytes + 8, length, &failure), "it reads back%s",
		failure.text)) {
		tap(document.metadata_count == 2 && document.count == 2 && document.payload == 26,
		    "with all it holds");
		tap_text(document.metadata[0].key, odd, "a metadata key");
		tap_text(document.metadata[1].value, odd, "a metadata value");
		tap_text(document.tensors[0].name, odd, "the name of a tensor");
		tap(document.tensors[0].rank == 2 && document.tensors[0].shape[0] == 2 &&
			    document.tensors[0].shape[1] == 3 && document.tensors[0].begin == 0 &&
			    document.tensors[0].end == 24,
		    "its shape and place");
		tap(document.tensors[1].rank == 0 && document.tensors[1].elements == 1 &&
			    document.tensors[1].begin == 24,
		    "a scalar after it");
		safetensors_free(&document);
	}
	text_free(&text);
}

/* A document without tensors or without metadata. */
static void
check_writing_little(void)
{
	struct safetensors_writer writer;
	struct safetensors document;
	struct failure failure;
	struct text text;

	safetensors_write_begin(&writer);
	text = safetensors_write_end(&writer);
	tap(!parse(&document, text.bytes + 8, text.length - 8, &failure) && !document.count &&
		    !document.metadata_count,
	    "nothing is written and read");
	safetensors_free(&document);
	text_free(&text);
	safetensors_write_begin(&writer);
	safetensors_write_metadata(&writer, "k", "");
	text = safetensors_write_end(&writer);
	tap(!parse(&document, text.bytes + 8, text.length - 8, &failure) && !document.count &&
		    document.metadata_count == 1,
	    "only metadata");
	safetensors_free(&document);
	text_free(&text);
}

/* As many tensors as a large mixture of experts has, in reverse: must take no noticeable time. */
static void
check_many(void)
{
	enum { COUNT = 200000 };
	struct text text = {0};
	struct safetensors document;
	struct failure failure;
	bool sorted = true;

	for (int i = COUNT; i--;)
		text_print(&text, "%s\"t%d\":" T("U8", "3", "%d,%d"), i == COUNT - 1 ? "{" : ",", i,
			   3 * i, 3 * i + 3);
	text_print(&text, "}");
	if (tap(!parse(&document, text.bytes, text.length, &failure), "%d tensors%s", COUNT,
		failure.text)) {
		for (size_t i = 0; i < document.count; i++)
			sorted = sorted && document.tensors[i].begin == 3 * i;
		tap(sorted && document.count == COUNT, "in the order of their offsets");
		safetensors_free(&document);
	}
	text_free(&text);
}

int
main(void)
{
	check_length();
	check_refused();
	check_taken();
	check_types();
	check_cut();
	check_writing();
	check_writing_little();
	check_many();
	return tap_done();
}
