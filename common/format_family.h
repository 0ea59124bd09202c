/*
 * How number formats are made; for format.c, format_cast.c and the families of formats, format_*.c.
 *
 * A family is a table of formats. A format is a row of it: facts, and a function that casts. To add a
 * format, add a row; if its rule is new, write the function beside it.
 *
 * The driver in format_cast.c decodes weights to float32, calls that function, counts errors and
 * encodes. It knows nothing of any rule but what shares a scale, its span.
 */
#ifndef FORMAT_FAMILY_H
#define FORMAT_FAMILY_H

#include "bits.h"
#include "format.h"

/* What a format can be told, and the values that are named. Each is 0 where no default says otherwise. */
enum parameter {
	PARAMETER_SPAN,	    /* enum span */
	PARAMETER_GROUP,    /* weights of a group, for spans of groups */
	PARAMETER_SYMMETRY, /* enum symmetry */
	PARAMETER_RULE,	    /* enum rule: whose arithmetic */
	PARAMETER_SCALE,    /* enum scale_rule */
	PARAMETER_TIES,	    /* enum ties */
	PARAMETER_OVERFLOW, /* enum overflow */
	PARAMETER_DOUBLE,   /* 1 if scales are quantised as well */
	PARAMETER_COUNT
};

/* What shares a scale. */
enum span {
	SPAN_VALUE,  /* nothing: each value is cast by itself */
	SPAN_GROUP,  /* so many weights of a row, fewer at its end */
	SPAN_FLAT,   /* so many weights of the tensor, row after row */
	SPAN_ROW,    /* a row */
	SPAN_TENSOR, /* all */
};

enum symmetry { SYMMETRIC, ASYMMETRIC };

/* Where implementations disagree, the name of one. */
enum rule {
	RULE_COMPRESSED_TENSORS,
	RULE_GPTQ,
	RULE_AWQ,
	RULE_AUTOROUND,
	RULE_MODELOPT,
	RULE_TORCHAO,
};

/* How a scale that is a power of two follows from the largest magnitude of a block. */
enum scale_rule { SCALE_FLOOR, SCALE_CEIL, SCALE_RCEIL, SCALE_EVEN };

/* Where a value goes that is halfway between two. */
enum ties { TIES_EVEN, TIES_AWAY, TIES_ZERO };

/* What becomes of a value beyond the largest: infinity, or NaN where there is none; or the largest. */
enum overflow { OVERFLOW_IEEE, OVERFLOW_SATURATE };

/* The smallest and the largest value of a group; both NaN if any of it is. */
struct extent {
	float smallest, largest;
};

/* What a format may ask to know of the whole tensor before any of it is cast. */
enum survey_need {
	SURVEY_NOTHING,
	SURVEY_TENSOR, /* its extent */
	SURVEY_GROUPS, /* that, and the extent of every group */
};

struct survey {
	struct extent tensor;
	const struct extent *groups; /* in order; null unless asked for */
	uint64_t count;		     /* of groups */
	uint64_t elements;	     /* of the tensor */
	float *prepared;	     /* made by the format's prepare(), from malloc; or null */
};

/* The most elements of a run, and so groups. */
#define RUN_MOST ((size_t)1024)

/*
 * Groups that lie one after the other, all of one length. Or a part of one group that is too long to be
 * looked at whole, with groups = 1; its extent has been surveyed then.
 */
struct run {
	const float *values;
	float *casts;
	size_t groups, length;
	uint64_t first; /* number of the first group within the tensor */
	const struct extent
		*extents; /* of these groups, or null if they are whole and not surveyed */
};

struct format_kind {
	const char *name, *aliases; /* aliases are separated by blanks */
	/* The words it takes, separated by blanks, gN or bN for a number behind a letter; and those it
	 * has when none is given, separated by colons. */
	const char *parameters, *defaults;
	const char *reference;
	/* Of a weight's code, without what groups share; with it where all groups are whole. */
	double bits;
	double largest, smallest;
	/* For formats of single values: which they are. Precision 0 for others. */
	struct float_shape shape;
	bool has_infinity, has_negative_zero;
	enum dtype carrier;
	/* What a format takes the place of this one by if rows are no multiple of the group; null if a
	 * shorter group will do. */
	const char *instead;

	/* Casts a run. HOT functions cannot be in tables of other files, so these are in one file with
	 * their table. */
	void (*cast)(const struct format *format, const struct survey *survey,
		     const struct run *run);
	/* The weights of a row that share a scale, and the bits of that, where no parameter has a say. */
	int block;
	double block_bits;
	/* Optional. Bits that one group has beside its codes, where they depend on parameters. */
	double (*group_bits)(const struct format *format);
	/* Optional. Bits that a whole tensor has beside its groups; resolve() may change them. */
	double tensor_bits;
	enum survey_need need;
	/* Optional. Checks and completes the parameters; says what is wrong with them, or null. */
	const char *(*resolve)(struct format *format);
	/* Optional. Fills survey->prepared, once the survey is complete. */
	void (*prepare)(const struct format *format, struct survey *survey);
};

struct format {
	const struct format_kind *kind;
	char *name;
	int parameters[PARAMETER_COUNT];
	/* What has to be known before a cast: that of the kind, or what resolve() says. */
	enum survey_need need;
	double tensor_bits;
	/* A format to use in place of this one, made of kind->instead; or null. */
	struct format *instead;
};

/* Bits of a weight of a matrix, scales and the like included. */
double format_bits(const struct format *format, uint64_t rows, uint64_t columns);

/* A family: its kinds, up to one without a name. */
extern const struct format_kind float_formats[];
extern const struct format_kind mx_formats[];
extern const struct format_kind nvfp4_formats[];
extern const struct format_kind integer_formats[];
extern const struct format_kind bnb_formats[];
extern const struct format_kind ggml_formats[], ggml_k_formats[];

/* The largest magnitude of a group, as bits of a float: of a NaN, if any of them is one. */
static inline uint32_t
largest_magnitude_bits(const float *values, size_t length)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < length; i++) {
		uint32_t magnitude = bits_of_float(values[i]) & 0x7fffffff;

		largest = magnitude > largest ? magnitude : largest;
	}
	return largest;
}

/* An integer that is in the order of floats; its own inverse. NaNs are beyond the infinities. */
static inline int32_t
ordered_bits(int32_t bits)
{
	return bits ^ (int32_t)((uint32_t)(bits >> 31) >> 1);
}

/* The extent of a group. Comparisons of integers, since those of floats let NaNs pass, and are not
 * vectorised. */
static inline struct extent
extent_of(const float *values, size_t length)
{
	int32_t smallest = INT32_MAX, largest = INT32_MIN;
	struct extent extent;

	for (size_t i = 0; i < length; i++) {
		int32_t order = ordered_bits((int32_t)bits_of_float(values[i]));

		smallest = order < smallest ? order : smallest;
		largest = order > largest ? order : largest;
	}
	extent.smallest = float_of((uint32_t)ordered_bits(smallest));
	extent.largest = float_of((uint32_t)ordered_bits(largest));
	if (extent.smallest != extent.smallest)
		extent.largest = extent.smallest;
	if (extent.largest != extent.largest)
		extent.smallest = extent.largest;
	return extent;
}

#endif
