#include "pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* More than any checkpoint nests. */
#define MARKS_MAX 100

/* The operations that are taken, by their names in Python's pickletools. */
enum operation {
	MARK = '(',
	EMPTY_TUPLE = ')',
	STOP = '.',
	BINFLOAT = 'G',
	BININT = 'J',
	BININT1 = 'K',
	BININT2 = 'M',
	NONE = 'N',
	BINPERSID = 'Q',
	REDUCE = 'R',
	SHORT_BINSTRING = 'U',
	BINUNICODE = 'X',
	EMPTY_LIST = ']',
	APPEND = 'a',
	BUILD = 'b',
	GLOBAL = 'c',
	APPENDS = 'e',
	BINGET = 'h',
	LONG_BINGET = 'j',
	BINPUT = 'q',
	LONG_BINPUT = 'r',
	SETITEM = 's',
	TUPLE = 't',
	SETITEMS = 'u',
	EMPTY_DICT = '}',
	PROTO = 0x80,
	TUPLE1 = 0x85,
	TUPLE2 = 0x86,
	TUPLE3 = 0x87,
	NEWTRUE = 0x88,
	NEWFALSE = 0x89,
	LONG1 = 0x8a
};

struct machine {
	struct pickle *pickle;
	const unsigned char *bytes;
	size_t length, at, start; /* start: of the operation that is carried out */
	pickle_lookup *lookup;
	struct pickle_list stack, memo;
	size_t marks[MARKS_MAX]; /* heights of the stack */
	unsigned mark_count;
	struct failure *failure;
};

/* --- the parts of a machine --- */

static int
bad(struct machine *machine, const char *text)
{
	fail(machine->failure, STATUS_DATA, "bad pickle: %s (at its byte %zu)", text,
	     machine->start);
	return -1;
}

/* Room for one more. The input is shorter than 2^32 bytes, and so are these. */
static void *
grown(void *memory, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return memory;
	*capacity = *capacity ? *capacity + *capacity / 2 : 64;
	return xreallocarray(memory, *capacity, size);
}

static void
list_add(struct pickle_list *list, uint32_t value)
{
	list->values = grown(list->values, list->count, &list->capacity, sizeof(*list->values));
	list->values[list->count++] = value;
}

/* Where the part of the stack begins that may be taken from: behind the last mark. */
static size_t
floor_of(const struct machine *machine)
{
	return machine->mark_count ? machine->marks[machine->mark_count - 1] : 0;
}

static int
push(struct machine *machine, struct pickle_value value)
{
	struct pickle *pickle = machine->pickle;

	pickle->values = grown(pickle->values, pickle->count, &pickle->capacity, sizeof(value));
	pickle->values[pickle->count] = value;
	list_add(&machine->stack, (uint32_t)pickle->count++);
	return 0;
}

static int
pop(struct machine *machine, uint32_t *value)
{
	if (machine->stack.count == floor_of(machine))
		return bad(machine, "a value is missing");
	*value = machine->stack.values[--machine->stack.count];
	return 0;
}

/* Takes away the last mark. The values from *first on were behind it. */
static int
pop_mark(struct machine *machine, size_t *first)
{
	if (!machine->mark_count)
		return bad(machine, "a mark is missing");
	*first = machine->marks[--machine->mark_count];
	return 0;
}

static struct pickle_value *
value_of(const struct machine *machine, uint32_t number)
{
	return &machine->pickle->values[number];
}

/* The value on top of the stack, behind the last mark; null with a message if it is of another kind. */
static struct pickle_value *
peek(struct machine *machine, enum pickle_kind kind, bool is_list)
{
	struct pickle_value *value;

	if (machine->stack.count == floor_of(machine)) {
		bad(machine, "a value is missing");
		return NULL;
	}
	value = value_of(machine, machine->stack.values[machine->stack.count - 1]);
	if (value->kind == kind && value->is_list == is_list)
		return value;
	bad(machine, is_list ? "something is appended to what is no list"
			     : "something is set in what is no dictionary");
	return NULL;
}

/* Takes an argument of so many bytes from the input. */
static int
take(struct machine *machine, size_t count, const unsigned char **bytes)
{
	if (count > machine->length - machine->at)
		return bad(machine, "cut off");
	*bytes = machine->bytes + machine->at;
	machine->at += count;
	return 0;
}

static int
take_little(struct machine *machine, unsigned count, uint64_t *value)
{
	const unsigned char *bytes;

	if (take(machine, count, &bytes))
		return -1;
	*value = 0;
	while (count--)
		*value = *value << 8 | bytes[count];
	return 0;
}

/* --- operations --- */

static int
push_integer(struct machine *machine, unsigned width)
{
	uint64_t bits;

	if (take_little(machine, width, &bits))
		return -1;
	/* Only BININT has a sign (pickletools, int4). */
	return push(machine, (struct pickle_value){.kind = PICKLE_INTEGER,
						   .as.integer = width == 4 ? (int32_t)bits
									    : (int64_t)bits});
}

/* LONG1: two's complement, of a length that comes first. */
static int
push_long(struct machine *machine)
{
	struct pickle_value value = {.kind = PICKLE_INTEGER};
	const unsigned char *bytes;
	uint64_t count, bits;

	if (take_little(machine, 1, &count) || take(machine, (size_t)count, &bytes))
		return -1;
	if (count > 8)
		return push(machine, (struct pickle_value){.kind = PICKLE_OTHER});
	bits = count && bytes[count - 1] & 0x80 ? UINT64_MAX : 0;
	while (count--)
		bits = bits << 8 | bytes[count];
	value.as.integer = (int64_t)bits;
	return push(machine, value);
}

static int
push_text(struct machine *machine, unsigned width)
{
	struct pickle_value value = {.kind = PICKLE_TEXT};
	const unsigned char *bytes;
	uint64_t count;

	if (take_little(machine, width, &count) || take(machine, (size_t)count, &bytes))
		return -1;
	value.count = (uint32_t)count;
	value.as.first = (uint32_t)(bytes - machine->bytes);
	return push(machine, value);
}

static int
push_other(struct machine *machine, enum operation operation)
{
	struct pickle_value value = {.kind = PICKLE_OTHER, .is_list = operation == EMPTY_LIST};
	const unsigned char *bytes;

	if (operation == BINFLOAT && take(machine, 8, &bytes))
		return -1;
	return push(machine, value);
}

/* The values from first on, which are on the stack, become one tuple. */
static int
push_tuple(struct machine *machine, size_t first)
{
	struct pickle_list *stack = &machine->stack, *items = &machine->pickle->items;
	struct pickle_value value = {.kind = PICKLE_TUPLE, .as.first = (uint32_t)items->count};

	value.count = (uint32_t)(stack->count - first);
	for (size_t i = first; i < stack->count; i++)
		list_add(items, stack->values[i]);
	stack->count = first;
	return push(machine, value);
}

static int
push_tuple_of(struct machine *machine, size_t count)
{
	if (machine->stack.count - floor_of(machine) < count)
		return bad(machine, "a value is missing");
	return push_tuple(machine, machine->stack.count - count);
}

/* One of the two lines of GLOBAL, as a string. */
static int
take_line(struct machine *machine, char line[static 128])
{
	const unsigned char *bytes = machine->bytes + machine->at, *end;

	end = memchr(bytes, '\n', machine->length - machine->at);
	if (!end)
		return bad(machine, "cut off");
	snprintf(line, 128, "%.*s", (int)(end - bytes > 127 ? 127 : end - bytes), bytes);
	machine->at += (size_t)(end - bytes) + 1;
	return 0;
}

static int
push_name(struct machine *machine)
{
	char module[128], name[128];
	int number;

	if (take_line(machine, module) || take_line(machine, name))
		return -1;
	number = machine->lookup(module, name);
	if (number < 0)
		return fail(machine->failure, STATUS_DATA,
			    "it uses %s.%s, which is not data; convert the file to safetensors",
			    module, name);
	return push(machine,
		    (struct pickle_value){.kind = PICKLE_NAME, .as.number = (unsigned)number});
}

static int
push_call(struct machine *machine)
{
	struct pickle_value value = {.kind = PICKLE_CALL}, *name, *arguments;

	if (pop(machine, &value.as.call.arguments) || pop(machine, &value.as.call.called))
		return -1;
	name = value_of(machine, value.as.call.called);
	arguments = value_of(machine, value.as.call.arguments);
	if (name->kind != PICKLE_NAME || arguments->kind != PICKLE_TUPLE)
		return bad(machine, "a call of what has no name, or without arguments");
	if (name->as.number == PICKLE_DICT_CLASS) {
		if (arguments->count)
			return bad(machine, "a dictionary with arguments");
		value = (struct pickle_value){.kind = PICKLE_DICT};
	}
	return push(machine, value);
}

static int
push_reference(struct machine *machine)
{
	struct pickle_value value = {.kind = PICKLE_PERSISTENT};

	if (pop(machine, &value.as.inner))
		return -1;
	return push(machine, value);
}

/* The stack from first on is keys and values of the dictionary below. */
static int
set_items(struct machine *machine, size_t first)
{
	struct pickle *pickle = machine->pickle;
	struct pickle_list *stack = &machine->stack;
	size_t end = stack->count;
	struct pickle_value *dict;

	if (end < first || (end - first) % 2)
		return bad(machine, "a key without a value");
	stack->count = first;
	dict = peek(machine, PICKLE_DICT, false);
	if (!dict)
		return -1;
	for (size_t i = first; i < end; i += 2) {
		uint32_t number = (uint32_t)pickle->pair_count;

		pickle->pairs = grown(pickle->pairs, pickle->pair_count, &pickle->pair_capacity,
				      sizeof(*pickle->pairs));
		pickle->pairs[number] = (struct pickle_pair){stack->values[i], stack->values[i + 1],
							     0};
		pickle->pair_count++;
		if (dict->as.dict.last)
			pickle->pairs[dict->as.dict.last].next = number;
		else
			dict->as.dict.first = number;
		dict->as.dict.last = number;
	}
	return 0;
}

/* What a list holds is not kept. */
static int
append_items(struct machine *machine, size_t first)
{
	if (machine->stack.count < first)
		return bad(machine, "a value is missing");
	machine->stack.count = first;
	return peek(machine, PICKLE_OTHER, true) ? 0 : -1;
}

/* BUILD sets attributes of an object, such as the _metadata of a module's dictionary: not kept. */
static int
build(struct machine *machine)
{
	uint32_t state;

	if (pop(machine, &state))
		return -1;
	if (value_of(machine, state)->kind != PICKLE_DICT)
		return bad(machine, "attributes that are no dictionary");
	return peek(machine, PICKLE_DICT, false) ? 0 : -1;
}

/*
 * Python's picklers number what they remember from 0 on, without a gap. To refuse anything else bounds
 * the memory, and leaves no two readings of a file.
 */
static int
put(struct machine *machine, unsigned width)
{
	uint64_t number;

	if (take_little(machine, width, &number))
		return -1;
	if (number != machine->memo.count)
		return bad(machine, "what it remembers is not numbered in order");
	if (machine->stack.count == floor_of(machine))
		return bad(machine, "a value is missing");
	list_add(&machine->memo, machine->stack.values[machine->stack.count - 1]);
	return 0;
}

static int
get(struct machine *machine, unsigned width)
{
	uint64_t number;

	if (take_little(machine, width, &number))
		return -1;
	if (number >= machine->memo.count)
		return bad(machine, "it refers to what it did not remember");
	list_add(&machine->stack, machine->memo.values[number]);
	return 0;
}

static int
push_mark(struct machine *machine)
{
	if (machine->mark_count == MARKS_MAX)
		return bad(machine, "nested too deep");
	machine->marks[machine->mark_count++] = machine->stack.count;
	return 0;
}

/* --- the machine --- */

/* The operations on all values behind the last mark. */
static int
step_marked(struct machine *machine, enum operation operation)
{
	size_t first;

	if (pop_mark(machine, &first))
		return -1;
	switch (operation) {
	case TUPLE: return push_tuple(machine, first);
	case APPENDS: return append_items(machine, first);
	default: return set_items(machine, first);
	}
}

/* The operations on the last values, which must not be so few that a mark is among them. */
static int
step_on_values(struct machine *machine, enum operation operation, size_t count)
{
	if (machine->stack.count - floor_of(machine) < count + 1)
		return bad(machine, "a value is missing");
	return operation == APPEND ? append_items(machine, machine->stack.count - count)
				   : set_items(machine, machine->stack.count - count);
}

static int
step(struct machine *machine, unsigned operation)
{
	switch (operation) {
	case NONE:
	case NEWTRUE:
	case NEWFALSE:
	case BINFLOAT:
	case EMPTY_LIST: return push_other(machine, operation);
	case EMPTY_DICT: return push(machine, (struct pickle_value){.kind = PICKLE_DICT});
	case EMPTY_TUPLE: return push_tuple_of(machine, 0);
	case TUPLE1: return push_tuple_of(machine, 1);
	case TUPLE2: return push_tuple_of(machine, 2);
	case TUPLE3: return push_tuple_of(machine, 3);
	case BININT: return push_integer(machine, 4);
	case BININT1: return push_integer(machine, 1);
	case BININT2: return push_integer(machine, 2);
	case LONG1: return push_long(machine);
	case BINUNICODE: return push_text(machine, 4);
	case SHORT_BINSTRING: return push_text(machine, 1);
	case GLOBAL: return push_name(machine);
	case REDUCE: return push_call(machine);
	case BINPERSID: return push_reference(machine);
	case BUILD: return build(machine);
	case BINPUT: return put(machine, 1);
	case LONG_BINPUT: return put(machine, 4);
	case BINGET: return get(machine, 1);
	case LONG_BINGET: return get(machine, 4);
	case MARK: return push_mark(machine);
	case TUPLE:
	case APPENDS:
	case SETITEMS: return step_marked(machine, operation);
	case APPEND: return step_on_values(machine, operation, 1);
	case SETITEM: return step_on_values(machine, operation, 2);
	default:
		return fail(machine->failure, STATUS_DATA,
			    "bad pickle: operation 0x%02x, which data does not need (at its byte "
			    "%zu); convert the file to safetensors",
			    operation, machine->start);
	}
}

static int
run(struct machine *machine)
{
	if (machine->length < 2 || machine->bytes[0] != PROTO)
		return bad(machine, "it does not begin like one");
	if (machine->bytes[1] != 2)
		return fail(machine->failure, STATUS_DATA,
			    "a pickle of protocol %u, and only 2 is read; convert the file to "
			    "safetensors",
			    machine->bytes[1]);
	for (machine->at = 2;;) {
		machine->start = machine->at;
		if (machine->at == machine->length)
			return bad(machine, "cut off");
		if (machine->bytes[machine->at++] == STOP)
			break;
		if (step(machine, machine->bytes[machine->start]))
			return -1;
	}
	if (machine->at != machine->length)
		return bad(machine, "something follows its end");
	if (machine->mark_count || machine->stack.count != 1)
		return bad(machine, "it ends with other than one value");
	machine->pickle->top = machine->stack.values[0];
	return 0;
}

/*
 * Ends each text with a null. The byte behind a text is that of an operation, or behind the pickle, and
 * never part of another text.
 */
static void
end_texts(struct pickle *pickle)
{
	for (size_t i = 0; i < pickle->count; i++) {
		const struct pickle_value *value = &pickle->values[i];

		if (value->kind == PICKLE_TEXT)
			pickle->buffer[(size_t)value->as.first + value->count] = '\0';
	}
}

int
pickle_parse(struct pickle *pickle, char *buffer, size_t length, pickle_lookup *lookup,
	     struct failure *failure)
{
	struct machine machine = {.pickle = pickle,
				  .bytes = (unsigned char *)buffer,
				  .length = length,
				  .lookup = lookup,
				  .failure = failure};
	int result;

	*pickle = (struct pickle){.buffer = buffer};
	/* Pair 0 stands for none. */
	pickle->pairs = grown(NULL, 0, &pickle->pair_capacity, sizeof(*pickle->pairs));
	pickle->pair_count = 1;
	result = run(&machine);
	free(machine.stack.values);
	free(machine.memo.values);
	if (result)
		pickle_free(pickle);
	else
		end_texts(pickle);
	return result;
}

void
pickle_free(struct pickle *pickle)
{
	free(pickle->buffer);
	free(pickle->values);
	free(pickle->pairs);
	free(pickle->items.values);
	*pickle = (struct pickle){0};
}

const char *
pickle_text(const struct pickle *pickle, const struct pickle_value *value)
{
	const unsigned char *bytes;
	size_t step;

	if (value->kind != PICKLE_TEXT)
		return NULL;
	bytes = (const unsigned char *)pickle->buffer + value->as.first;
	for (size_t i = 0; i < value->count; i += step) {
		step = utf8_length(bytes + i, value->count - i);
		if (!step || !bytes[i])
			return NULL;
	}
	return (const char *)bytes;
}

const struct pickle_value *
pickle_item(const struct pickle *pickle, const struct pickle_value *tuple, uint32_t number)
{
	return &pickle->values[pickle->items.values[tuple->as.first + number]];
}
