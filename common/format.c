#include "format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format_family.h"
#include "util.h"

static const struct format_kind *const families[] = {
	float_formats, mx_formats,   nvfp4_formats,  integer_formats,
	bnb_formats,   ggml_formats, ggml_k_formats,
};

/* A word that sets a parameter. */
struct word {
	const char *word;
	enum parameter parameter;
	int value;
};

static const struct word words[] = {
	{"row", PARAMETER_SPAN, SPAN_ROW},
	{"tensor", PARAMETER_SPAN, SPAN_TENSOR},
	{"sym", PARAMETER_SYMMETRY, SYMMETRIC},
	{"asym", PARAMETER_SYMMETRY, ASYMMETRIC},
	{"dq", PARAMETER_DOUBLE, 1},
	{"rule=ct", PARAMETER_RULE, RULE_COMPRESSED_TENSORS},
	{"rule=gptq", PARAMETER_RULE, RULE_GPTQ},
	{"rule=awq", PARAMETER_RULE, RULE_AWQ},
	{"rule=autoround", PARAMETER_RULE, RULE_AUTOROUND},
	{"rule=modelopt", PARAMETER_RULE, RULE_MODELOPT},
	{"rule=torchao", PARAMETER_RULE, RULE_TORCHAO},
	{"scale=floor", PARAMETER_SCALE, SCALE_FLOOR},
	{"scale=ceil", PARAMETER_SCALE, SCALE_CEIL},
	{"scale=rceil", PARAMETER_SCALE, SCALE_RCEIL},
	{"scale=even", PARAMETER_SCALE, SCALE_EVEN},
	{"ties=even", PARAMETER_TIES, TIES_EVEN},
	{"ties=away", PARAMETER_TIES, TIES_AWAY},
	{"ties=zero", PARAMETER_TIES, TIES_ZERO},
	{"overflow=sat", PARAMETER_OVERFLOW, OVERFLOW_SATURATE},
	{"overflow=ieee", PARAMETER_OVERFLOW, OVERFLOW_IEEE},
};

/* The most weights of a group that can be asked for. */
#define LARGEST_GROUP (1 << 20)

/* Rows and columns of a matrix for which the bits of a weight are listed. */
#define LARGE 4096

/* --- names --- */

/* Whether a word, of so many bytes, is one of a list separated by blanks. */
static bool
has_word(const char *list, const char *word, size_t length)
{
	for (const char *at = list; at && *at;) {
		size_t next = strcspn(at, " ");

		if (next == length && !memcmp(at, word, length))
			return true;
		at += next + (at[next] == ' ');
	}
	return false;
}

static const struct format_kind *
kind_at(size_t i)
{
	for (size_t family = 0; family < sizeof(families) / sizeof(*families); family++)
		for (const struct format_kind *kind = families[family]; kind->name; kind++)
			if (!i--)
				return kind;
	return NULL;
}

static const struct format_kind *
find_kind(const char *name, size_t length)
{
	const struct format_kind *kind;

	for (size_t i = 0; (kind = kind_at(i)); i++)
		if (has_word(kind->name, name, length) || has_word(kind->aliases, name, length))
			return kind;
	return NULL;
}

static int
refuse_name(const char *name, size_t length, struct failure *failure)
{
	const struct format_kind *kind;
	struct text known = {0};

	for (size_t i = 0; (kind = kind_at(i)); i++)
		text_print(&known, "%s%s", i ? ", " : "", kind->name);
	fail(failure, STATUS_USAGE, "no format '%.*s'; there are %s",
	     (int)(length < 40 ? length : 40), name, known.bytes);
	text_free(&known);
	return -1;
}

/* --- parameters --- */

/* Defaults, which no list restricts, may be any. */
static bool
is_accepted(const char *accepted, const char *word, size_t length)
{
	return !accepted || has_word(accepted, word, length);
}

/* A letter and a number, for the length of a group: g along rows, b over the whole tensor. */
static bool
parse_group(const char *text, size_t length, const char *accepted, struct format *format)
{
	char digits[8];
	uint64_t group;
	enum span span = *text == 'b' ? SPAN_FLAT : SPAN_GROUP;

	if (length < 2 || length > sizeof(digits) || (*text != 'g' && *text != 'b') ||
	    !is_accepted(accepted, *text == 'b' ? "bN" : "gN", 2))
		return false;
	memcpy(digits, text + 1, length - 1);
	digits[length - 1] = 0;
	if (!parse_unsigned(digits, LARGEST_GROUP, &group) || !group)
		return false;
	format->parameters[PARAMETER_SPAN] = (int)span;
	format->parameters[PARAMETER_GROUP] = (int)group;
	return true;
}

/* Sets one parameter, and says which in *parameter; false if there is none of that name. */
static bool
parse_parameter(const char *text, size_t length, const char *accepted, struct format *format,
		enum parameter *parameter)
{
	if (parse_group(text, length, accepted, format)) {
		*parameter = PARAMETER_SPAN;
		return true;
	}
	if (!is_accepted(accepted, text, length))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i].word) == length && !memcmp(text, words[i].word, length)) {
			*parameter = words[i].parameter;
			format->parameters[*parameter] = words[i].value;
			return true;
		}
	return false;
}

static int
refuse_parameter(const struct format_kind *kind, const char *text, size_t length,
		 struct failure *failure)
{
	int shown = (int)(length < 40 ? length : 40);

	if (!kind->parameters)
		return fail(failure, STATUS_USAGE,
			    "format %s has no parameters, and here is ':%.*s'", kind->name, shown,
			    text);
	return fail(failure, STATUS_USAGE, "format %s has no parameter '%.*s'; there are %s",
		    kind->name, shown, text, kind->parameters);
}

/* Sets what a list of parameters says, each behind its colon; none twice. */
static int
parse_parameters(const char *text, const char *accepted, struct format *format,
		 struct failure *failure)
{
	bool given[PARAMETER_COUNT] = {0};

	while (*text == ':') {
		size_t length = strcspn(++text, ":");
		enum parameter parameter;

		if (!parse_parameter(text, length, accepted, format, &parameter))
			return refuse_parameter(format->kind, text, length, failure);
		if (given[parameter])
			return fail(failure, STATUS_USAGE,
				    "format %s is told '%.*s' beside another of its kind",
				    format->kind->name, (int)length, text);
		given[parameter] = true;
		text += length;
	}
	return 0;
}

/* Gives a format its defaults, then what the text says. */
static int
configure(struct format *format, const char *parameters, struct failure *failure)
{
	const struct format_kind *kind = format->kind;
	const char *wrong;

	if (parse_parameters(kind->defaults ? kind->defaults : "", NULL, format, failure) ||
	    parse_parameters(parameters, kind->parameters ? kind->parameters : "", format, failure))
		return -1;
	wrong = kind->resolve ? kind->resolve(format) : NULL;
	if (wrong)
		return fail(failure, STATUS_USAGE, "format %s: %s", format->name, wrong);
	if (kind->instead) {
		format->instead = format_new(kind->instead, failure);
		return format->instead ? 0 : -1;
	}
	return 0;
}

struct format *
format_new(const char *text, struct failure *failure)
{
	size_t length = strcspn(text, ":");
	const struct format_kind *kind = find_kind(text, length);
	struct format *format;

	if (!kind) {
		refuse_name(text, length, failure);
		return NULL;
	}
	format = xcalloc(1, sizeof(*format));
	format->kind = kind;
	format->tensor_bits = kind->tensor_bits;
	format->need = kind->need;
	if (kind->block) {
		format->parameters[PARAMETER_SPAN] = SPAN_GROUP;
		format->parameters[PARAMETER_GROUP] = kind->block;
	}
	format->name = format_text("%s%s", kind->name, text + length);
	if (configure(format, text + length, failure)) {
		format_free(format);
		return NULL;
	}
	return format;
}

void
format_free(struct format *format)
{
	if (!format)
		return;
	format_free(format->instead);
	free(format->name);
	free(format);
}

const char *
format_name(const struct format *format)
{
	return format->name;
}

bool
format_equal(const struct format *a, const struct format *b)
{
	return a->kind == b->kind && !memcmp(a->parameters, b->parameters, sizeof(a->parameters));
}

bool
format_holds(const struct format *format, enum dtype dtype)
{
	const struct format_kind *kind = format->kind;
	/* What exceeds the largest value and not the largest power of two: in E4M3 alone, and there
	 * beside formats of fewer bits. */
	struct float_shape shape = kind->shape, held = dtype_shape(dtype);
	bool is_short = kind->largest <
			ldexp(2 - ldexp(1, 1 - shape.precision), shape.largest_exponent);

	if (!shape.precision || format->parameters[PARAMETER_SPAN] != SPAN_VALUE)
		return false;
	return float_shape_holds(shape, held) && (!is_short || dtype == DTYPE_F8_E4M3 ||
						  held.largest_exponent < shape.largest_exponent);
}

enum dtype
format_carrier(const struct format *format)
{
	/* A scale makes other values of those that a format of single values has. */
	if (format->kind->shape.precision && format->parameters[PARAMETER_SPAN] != SPAN_VALUE)
		return DTYPE_F32;
	return format->kind->carrier;
}

const char *
format_name_of_dtype(enum dtype dtype)
{
	static const char *const names[DTYPE_COUNT] = {
		[DTYPE_F64] = "fp64",
		[DTYPE_F32] = "fp32",
		[DTYPE_F16] = "fp16",
		[DTYPE_BF16] = "bf16",
		[DTYPE_F8_E4M3] = "fp8_e4m3",
		[DTYPE_F8_E5M2] = "fp8_e5m2",
		[DTYPE_F8_E4M3FNUZ] = "fp8_e4m3fnuz",
		[DTYPE_F8_E5M2FNUZ] = "fp8_e5m2fnuz",
		[DTYPE_F8_E8M0] = "e8m0",
		[DTYPE_F6_E2M3] = "fp6_e2m3",
		[DTYPE_F6_E3M2] = "fp6_e3m2",
		[DTYPE_F4] = "fp4_e2m1",
	};

	return names[dtype];
}

/* What shares a scale, in words. */
static void
describe_block(const struct format *format, char *block, size_t size)
{
	switch (format->parameters[PARAMETER_SPAN]) {
	case SPAN_GROUP:
	case SPAN_FLAT: snprintf(block, size, "%d", format->parameters[PARAMETER_GROUP]); break;
	case SPAN_ROW: snprintf(block, size, "row"); break;
	case SPAN_TENSOR: snprintf(block, size, "tensor"); break;
	default: snprintf(block, size, "1"); break;
	}
}

bool
format_describe(size_t i, struct format_description *description)
{
	const struct format_kind *kind = kind_at(i);
	struct failure failure;
	struct format *format;

	if (!kind)
		return false;
	format = format_new(kind->name, &failure);
	if (!format)
		die(STATUS_INTERNAL, "format %s: %s", kind->name, failure.text);
	*description = (struct format_description){
		.name = kind->name,
		.aliases = kind->aliases ? kind->aliases : "",
		.parameters = kind->parameters ? kind->parameters : "",
		.defaults = kind->defaults ? kind->defaults + 1 : "",
		.reference = kind->reference,
		.bits = format_bits(format, LARGE, LARGE),
		.largest = kind->largest,
		.smallest = kind->smallest,
	};
	describe_block(format, description->block, sizeof(description->block));
	format_free(format);
	return true;
}
