/*
 * Pickles of protocol 2, decoded as data: a tree of values, in which a call that Python would make is a
 * value like any other, "this name, with these arguments".
 *
 * Nothing is called, imported or looked up: names must be on a list that the caller gives, and any other
 * is refused, as is every operation that data does not need. The format is that of Python's module
 * pickletools. Decoding never recurses, each step takes at least one byte of input, and memory is
 * proportional to the input, some 30 bytes for each of its own at most.
 */
#ifndef PICKLE_H
#define PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "util.h"

enum pickle_kind {
	PICKLE_OTHER, /* None, Booleans, floats, integers beyond 64 bits, lists: nobody asks for them */
	PICKLE_INTEGER,
	PICKLE_TEXT,
	PICKLE_TUPLE,
	PICKLE_DICT,
	PICKLE_NAME,
	PICKLE_CALL,
	PICKLE_PERSISTENT /* a reference to what is outside of the pickle */
};

struct pickle_value {
	uint8_t kind;
	bool is_list;	/* of the others */
	uint32_t count; /* bytes of a text, values of a tuple */
	union {
		int64_t integer;
		uint32_t first;	 /* of a text: in the buffer; of a tuple: in items */
		unsigned number; /* of a name: in the caller's list */
		uint32_t inner;	 /* of a reference: the value that describes it */
		struct {
			uint32_t called, arguments; /* a name and a tuple */
		} call;
		struct {
			uint32_t first, last; /* in pairs; 0 for none */
		} dict;
	} as;
};

struct pickle_pair {
	uint32_t key, value;
	uint32_t next; /* in the order they were set; 0 for none */
};

/* A list of values, by their numbers. */
struct pickle_list {
	uint32_t *values;
	size_t count, capacity;
};

/* What a pickle holds. Values are referred to by their numbers. */
struct pickle {
	char *buffer; /* of the texts */
	struct pickle_value *values;
	size_t count, capacity;
	struct pickle_pair *pairs;
	size_t pair_count, pair_capacity;
	struct pickle_list items;
	uint32_t top; /* the value of the whole */
};

/*
 * The number of a name on the list of what a pickle may use, or -1. Number 0 is that of a class of
 * dictionaries: called without arguments it makes an empty one.
 */
typedef int pickle_lookup(const char *module, const char *name);

#define PICKLE_DICT_CLASS 0

/*
 * Decodes a pickle of length bytes, less than 2^32. The buffer, from malloc, must have room for one byte
 * more than that; it becomes part of the result, or is freed on failure. Returns 0 or -1.
 */
int pickle_parse(struct pickle *pickle, char *buffer, size_t length, pickle_lookup *lookup,
		 struct failure *failure);
void pickle_free(struct pickle *pickle);

/*
 * A text as a string, in the buffer; null if the value is none, or has a null character or bytes that are
 * not UTF-8.
 */
const char *pickle_text(const struct pickle *pickle, const struct pickle_value *value);

/* The values of a tuple, one after the other. */
const struct pickle_value *pickle_item(const struct pickle *pickle,
				       const struct pickle_value *tuple, uint32_t number);

#endif
