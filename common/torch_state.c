#include "torch_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pickle.h"

_Static_assert(TORCH_STATE_MAX_RANK <= STRIDED_MAX_RANK, "a shape must fit");

/* How much larger than its storage a tensor may be that repeats elements, unless it is small. */
#define REPEATED_SMALL ((uint64_t)1 << 30)

enum meaning {
	DICT_CLASS,
	REBUILD_V2,	   /* (storage, offset, shape, strides, requires_grad, hooks[, metadata]) */
	REBUILD_V3,	   /* the same with a type before the metadata */
	REBUILD_PARAMETER, /* (tensor, requires_grad, hooks) */
	STORAGE,	   /* of elements of a type */
	TYPE,
	INERT /* of values that are passed over */
};

/* All that a file may use. UntypedStorage counts bytes, as ByteStorage does. */
static const struct name {
	const char *module, *name;
	enum meaning meaning;
	enum dtype dtype;
} names[] = {
	[PICKLE_DICT_CLASS] = {"collections", "OrderedDict", DICT_CLASS, 0},
	{"torch._utils", "_rebuild_tensor_v2", REBUILD_V2, 0},
	{"torch._utils", "_rebuild_tensor_v3", REBUILD_V3, 0},
	{"torch._utils", "_rebuild_parameter", REBUILD_PARAMETER, 0},
	{"torch", "DoubleStorage", STORAGE, DTYPE_F64},
	{"torch", "FloatStorage", STORAGE, DTYPE_F32},
	{"torch", "HalfStorage", STORAGE, DTYPE_F16},
	{"torch", "BFloat16Storage", STORAGE, DTYPE_BF16},
	{"torch", "LongStorage", STORAGE, DTYPE_I64},
	{"torch", "IntStorage", STORAGE, DTYPE_I32},
	{"torch", "ShortStorage", STORAGE, DTYPE_I16},
	{"torch", "CharStorage", STORAGE, DTYPE_I8},
	{"torch", "ByteStorage", STORAGE, DTYPE_U8},
	{"torch", "BoolStorage", STORAGE, DTYPE_BOOL},
	{"torch", "ComplexFloatStorage", STORAGE, DTYPE_C64},
	{"torch.storage", "UntypedStorage", STORAGE, DTYPE_U8},
	{"torch", "float64", TYPE, DTYPE_F64},
	{"torch", "float32", TYPE, DTYPE_F32},
	{"torch", "float16", TYPE, DTYPE_F16},
	{"torch", "bfloat16", TYPE, DTYPE_BF16},
	{"torch", "int64", TYPE, DTYPE_I64},
	{"torch", "int32", TYPE, DTYPE_I32},
	{"torch", "int16", TYPE, DTYPE_I16},
	{"torch", "int8", TYPE, DTYPE_I8},
	{"torch", "uint64", TYPE, DTYPE_U64},
	{"torch", "uint32", TYPE, DTYPE_U32},
	{"torch", "uint16", TYPE, DTYPE_U16},
	{"torch", "uint8", TYPE, DTYPE_U8},
	{"torch", "bool", TYPE, DTYPE_BOOL},
	{"torch", "complex64", TYPE, DTYPE_C64},
	{"torch", "float8_e4m3fn", TYPE, DTYPE_F8_E4M3},
	{"torch", "float8_e5m2", TYPE, DTYPE_F8_E5M2},
	{"torch", "float8_e4m3fnuz", TYPE, DTYPE_F8_E4M3FNUZ},
	{"torch", "float8_e5m2fnuz", TYPE, DTYPE_F8_E5M2FNUZ},
	{"torch", "float8_e8m0fnu", TYPE, DTYPE_F8_E8M0},
	{"torch", "Size", INERT, 0},
	{"torch", "device", INERT, 0},
};

static int
lookup(const char *module, const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i].module, module) && !strcmp(names[i].name, name))
			return (int)i;
	return -1;
}

/* --- values --- */

/* What a value is the name of; null if it is none. */
static const struct name *
name_of(const struct pickle_value *value)
{
	return value->kind == PICKLE_NAME ? &names[value->as.number] : NULL;
}

/* What a value is a call of; INERT if it is none. */
static enum meaning
meaning_of(const struct pickle *pickle, const struct pickle_value *value)
{
	if (value->kind != PICKLE_CALL)
		return INERT;
	return name_of(&pickle->values[value->as.call.called])->meaning;
}

static bool
is_tensor(const struct pickle *pickle, const struct pickle_value *value)
{
	enum meaning meaning = meaning_of(pickle, value);

	return meaning == REBUILD_V2 || meaning == REBUILD_V3 || meaning == REBUILD_PARAMETER;
}

static const struct pickle_value *
arguments_of(const struct pickle *pickle, const struct pickle_value *call)
{
	return &pickle->values[call->as.call.arguments];
}

static int
bad(struct failure *failure, const char *text)
{
	return fail(failure, STATUS_DATA, "%s", text);
}

/* An integer that is not negative. */
static int
get_count(const struct pickle_value *value, const char *what, uint64_t *count,
	  struct failure *failure)
{
	if (value->kind != PICKLE_INTEGER)
		return fail(failure, STATUS_DATA, "its %s is no integer", what);
	if (value->as.integer < 0)
		return fail(failure, STATUS_DATA, "its %s is negative", what);
	*count = (uint64_t)value->as.integer;
	return 0;
}

/* A tuple of as many integers as the tensor has dimensions. */
static int
get_counts(const struct pickle *pickle, const struct pickle_value *tuple, const char *what,
	   unsigned rank, uint64_t *counts, struct failure *failure)
{
	if (tuple->kind != PICKLE_TUPLE || tuple->count != rank)
		return fail(failure, STATUS_DATA, "its %s is not a tuple of its rank", what);
	for (unsigned i = 0; i < rank; i++)
		if (get_count(pickle_item(pickle, tuple, i), what, &counts[i], failure))
			return -1;
	return 0;
}

/* --- tensors --- */

/* The storage, by a reference to ("storage", class, key, device, elements). */
static int
take_storage(const struct pickle *pickle, const struct pickle_value *reference,
	     struct torch_tensor *tensor, struct failure *failure)
{
	const struct pickle_value *tuple;
	const struct name *class;
	const char *tag;
	uint64_t elements = 0;

	if (reference->kind != PICKLE_PERSISTENT)
		return bad(failure, "it has no storage");
	tuple = &pickle->values[reference->as.inner];
	if (tuple->kind != PICKLE_TUPLE || tuple->count != 5)
		return bad(failure, "its storage is not given by five values");
	tag = pickle_text(pickle, pickle_item(pickle, tuple, 0));
	class = name_of(pickle_item(pickle, tuple, 1));
	tensor->storage = pickle_text(pickle, pickle_item(pickle, tuple, 2));
	if (!tag || strcmp(tag, "storage") || !class || class->meaning != STORAGE ||
	    !tensor->storage)
		return bad(failure, "its storage is not given as one");
	tensor->storage_dtype = tensor->dtype = class->dtype;
	if (get_count(pickle_item(pickle, tuple, 4), "storage's size", &elements, failure))
		return -1;
	if (!dtype_bytes(class->dtype, elements, &tensor->storage_bytes))
		return bad(failure, "its storage's size overflows");
	return 0;
}

/* The type of version 3, and the metadata, which would say that values are to be negated. */
static int
take_type(const struct pickle *pickle, const struct pickle_value *arguments, bool has_type,
	  struct torch_tensor *tensor, struct failure *failure)
{
	const struct name *type;
	const struct pickle_value *metadata;
	unsigned count = has_type ? 7 : 6;

	if (arguments->count != count && arguments->count != count + 1)
		return bad(failure, "it is not rebuilt from the values that torch gives");
	if (has_type) {
		type = name_of(pickle_item(pickle, arguments, 6));
		if (!type || type->meaning != TYPE)
			return bad(failure, "its type is none");
		tensor->dtype = type->dtype;
	}
	if (arguments->count == count)
		return 0;
	metadata = pickle_item(pickle, arguments, count);
	if (metadata->kind != PICKLE_DICT || metadata->as.dict.first)
		return bad(failure, "it is a conjugate or negated view of its storage; convert the "
				    "file to safetensors");
	return 0;
}

/* Shape, strides and offset: every element must be in the storage. */
static int
take_layout(struct torch_tensor *tensor, const uint64_t *strides, uint64_t offset,
	    struct failure *failure)
{
	uint64_t size = dtype_bits(tensor->dtype) / 8, end;

	tensor->elements = 1;
	for (unsigned i = 0; i < tensor->rank; i++)
		if (!multiply_checked(tensor->elements, tensor->shape[i], &tensor->elements))
			return bad(failure, "its shape overflows");
	if (!multiply_checked(tensor->elements, size, &tensor->bytes) ||
	    !strided_make(&tensor->layout, tensor->rank, tensor->shape, strides, &tensor->span) ||
	    !multiply_checked(tensor->span, size, &tensor->span) ||
	    !multiply_checked(offset, size, &tensor->offset) ||
	    !add_checked(tensor->offset, tensor->span, &end))
		return bad(failure, "its shape or strides overflow");
	if (tensor->span && end > tensor->storage_bytes)
		return fail(failure, STATUS_DATA,
			    "it reaches to byte %" PRIu64 " of a storage of %" PRIu64, end,
			    tensor->storage_bytes);
	if (!tensor->span)
		tensor->offset = 0;
	if (tensor->bytes > tensor->storage_bytes && tensor->bytes > REPEATED_SMALL)
		return fail(failure, STATUS_DATA,
			    "%" PRIu64 " bytes, which repeat a storage of %" PRIu64, tensor->bytes,
			    tensor->storage_bytes);
	return 0;
}

/* Fills in a tensor, all but its name, from the call that makes it. */
static int
take_tensor(const struct pickle *pickle, const struct pickle_value *call,
	    struct torch_tensor *tensor, struct failure *failure)
{
	const struct pickle_value *arguments = arguments_of(pickle, call), *shape;
	uint64_t offset = 0, strides[TORCH_STATE_MAX_RANK] = {0};

	if (meaning_of(pickle, call) == REBUILD_PARAMETER) {
		if (arguments->count != 3)
			return bad(failure, "it is not rebuilt from the values that torch gives");
		call = pickle_item(pickle, arguments, 0);
		if (!is_tensor(pickle, call) || meaning_of(pickle, call) == REBUILD_PARAMETER)
			return bad(failure, "a parameter that is no tensor");
		arguments = arguments_of(pickle, call);
	}
	if (arguments->count < 6)
		return bad(failure, "it is not rebuilt from the values that torch gives");
	shape = pickle_item(pickle, arguments, 2);
	if (shape->kind != PICKLE_TUPLE || shape->count > TORCH_STATE_MAX_RANK)
		return bad(failure, "its shape is no tuple, or has more than 8 dimensions");
	tensor->rank = shape->count;
	if (take_storage(pickle, pickle_item(pickle, arguments, 0), tensor, failure) ||
	    take_type(pickle, arguments, meaning_of(pickle, call) == REBUILD_V3, tensor, failure) ||
	    get_count(pickle_item(pickle, arguments, 1), "offset", &offset, failure) ||
	    get_counts(pickle, shape, "shape", tensor->rank, tensor->shape, failure) ||
	    get_counts(pickle, pickle_item(pickle, arguments, 3), "strides", tensor->rank, strides,
		       failure))
		return -1;
	return take_layout(tensor, strides, offset, failure);
}

/* --- the dictionary --- */

/* Appends the tensors of a dictionary. */
static int
take_dict(const struct pickle *pickle, const struct pickle_value *dict, struct torch_state *state,
	  struct failure *failure)
{
	for (uint32_t i = dict->as.dict.first; i; i = pickle->pairs[i].next) {
		const struct pickle_value *value = &pickle->values[pickle->pairs[i].value];
		struct torch_tensor tensor = {0};

		if (!is_tensor(pickle, value))
			continue;
		tensor.name = pickle_text(pickle, &pickle->values[pickle->pairs[i].key]);
		if (!tensor.name)
			return bad(failure, "the name of a tensor is no text, not UTF-8, or has a "
					    "null character");
		if (take_tensor(pickle, value, &tensor, failure))
			return fail_prefix(failure, "tensor '%.200s'", tensor.name);
		if (!(state->count & (state->count - 1)))
			state->tensors = xreallocarray(state->tensors,
						       state->count ? 2 * state->count : 1,
						       sizeof(tensor));
		state->tensors[state->count++] = tensor;
	}
	return 0;
}

/* The dictionary that another holds under a name; null if there is none. A later one replaces it. */
static const struct pickle_value *
inner_dict(const struct pickle *pickle, const struct pickle_value *dict, const char *name)
{
	const struct pickle_value *found = NULL;

	for (uint32_t i = dict->as.dict.first; i; i = pickle->pairs[i].next) {
		const struct pickle_value *value = &pickle->values[pickle->pairs[i].value];
		const char *key = pickle_text(pickle, &pickle->values[pickle->pairs[i].key]);

		if (key && !strcmp(key, name))
			found = value->kind == PICKLE_DICT ? value : NULL;
	}
	return found;
}

static int
take_top(const struct pickle *pickle, struct torch_state *state, struct failure *failure)
{
	static const char *const of_weights[] = {"state_dict", "model_state_dict", "model"};
	const struct pickle_value *top = &pickle->values[pickle->top], *found = NULL;

	if (top->kind != PICKLE_DICT)
		return bad(failure, "what was saved is not a dictionary of tensors; save the "
				    "state_dict() of the model");
	if (take_dict(pickle, top, state, failure))
		return -1;
	if (state->count || !top->as.dict.first)
		return 0;
	for (size_t i = 0; i < sizeof(of_weights) / sizeof(*of_weights); i++) {
		const struct pickle_value *inner = inner_dict(pickle, top, of_weights[i]);

		if (inner && found)
			return bad(failure, "what was saved has several dictionaries that may be "
					    "the weights; save one alone");
		if (inner)
			found = inner;
	}
	if (found && take_dict(pickle, found, state, failure))
		return -1;
	if (!state->count)
		return bad(failure, "what was saved is a dictionary without tensors; save the "
				    "state_dict() of the model");
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	const struct torch_tensor *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
compare_storages(const void *a, const void *b)
{
	const struct torch_tensor *const *x = a, *const *y = b;

	return strcmp((*x)->storage, (*y)->storage);
}

/* Tensors that share a storage must say the same of it. */
static int
check_storages(const struct torch_state *state, struct failure *failure)
{
	const struct torch_tensor **sorted = xcalloc(state->count, sizeof(*sorted));
	int result = 0;

	for (size_t i = 0; i < state->count; i++)
		sorted[i] = &state->tensors[i];
	if (state->count)
		qsort(sorted, state->count, sizeof(*sorted), compare_storages);
	for (size_t i = 1; i < state->count && !result; i++)
		if (!strcmp(sorted[i - 1]->storage, sorted[i]->storage) &&
		    (sorted[i - 1]->storage_bytes != sorted[i]->storage_bytes ||
		     sorted[i - 1]->storage_dtype != sorted[i]->storage_dtype))
			result = fail(failure, STATUS_DATA,
				      "tensors '%.150s' and '%.150s' share a storage, and differ "
				      "in its size or type",
				      sorted[i - 1]->name, sorted[i]->name);
	free(sorted);
	return result;
}

static int
check_names(const struct torch_state *state, struct failure *failure)
{
	if (state->count)
		qsort(state->tensors, state->count, sizeof(*state->tensors), compare_names);
	for (size_t i = 1; i < state->count; i++)
		if (!strcmp(state->tensors[i - 1].name, state->tensors[i].name))
			return fail(failure, STATUS_DATA, "tensor '%.200s' is given twice",
				    state->tensors[i].name);
	return 0;
}

int
torch_state_parse(struct torch_state *state, char *buffer, size_t length, struct failure *failure)
{
	struct pickle pickle;
	int result;

	*state = (struct torch_state){0};
	if (pickle_parse(&pickle, buffer, length, lookup, failure))
		return -1;
	result = take_top(&pickle, state, failure);
	if (!result)
		result = check_names(state, failure);
	if (!result)
		result = check_storages(state, failure);
	state->buffer = pickle.buffer;
	pickle.buffer = NULL;
	pickle_free(&pickle);
	if (result)
		torch_state_free(state);
	return result;
}

void
torch_state_free(struct torch_state *state)
{
	free(state->buffer);
	free(state->tensors);
	*state = (struct torch_state){0};
}
