#include "layer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ANY(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool
contains_any(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (strstr(name, *words))
			return true;
	return false;
}

static bool
equals_any(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(name, *words))
			return true;
	return false;
}

static char *
lower_case(const char *name)
{
	char *copy = xstrdup(name);

	for (char *at = copy; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return copy;
}

static const char *
linear_category(const char *name)
{
	static const struct {
		const char *category;
		const char *words[8];
	} rules[] = {
		{"attn_q", {".q_proj", "q_proj", ".q.", "query_proj"}},
		{"attn_k", {".k_proj", "k_proj", ".k.", "key_proj"}},
		{"attn_v", {".v_proj", "v_proj", ".v.", "value_proj"}},
		{"attn_o", {".o_proj", "o_proj", "out_proj", "proj_out"}},
		{"mlp_up", {"up_proj", "w1", "fc1", "dense_h_to_4h", "mlp_up"}},
		{"mlp_gate", {"gate_proj", "mlp_gate"}},
		{"mlp_down", {"down_proj", "w2", "fc2", "dense_4h_to_h", "mlp_down"}},
		{"router_or_gate", {"router", "route", "gate", "gating"}},
		{"expert_linear", {"expert"}},
		{"lm_head", {"lm_head", "embed_out"}},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (contains_any(name, rules[i].words))
			return rules[i].category;
	return "other_linear";
}

/*
 * The part of a GGUF name that says what a tensor does, and what may follow it: "attn_q" of "blk.0.attn_q",
 * "ffn_up.3" of an expert of its own. Null for other names. Encoders and decoders put "enc.", "v." and the
 * like before (TENSOR_NAMES of gguf-py/gguf/constants.py).
 */
static const char *
gguf_role(const char *name)
{
	const char *at = has_prefix(name, "blk.") ? name : strstr(name, ".blk.");

	if (!at)
		return NULL;
	at = strstr(at, "blk.") + strlen("blk.");
	at += strspn(at, "0123456789");
	return *at == '.' ? at + 1 : NULL;
}

/* Experts stacked in one tensor are what AlphaQuant's rules say of those that have a tensor each. */
static const char *
gguf_category(const char *name)
{
	static const struct {
		const char *role, *category;
	} roles[] = {
		{"attn_q", "attn_q"},		{"attn_k", "attn_k"},
		{"attn_v", "attn_v"},		{"attn_output", "attn_o"},
		{"attn_o", "attn_o"},		{"attn_out", "attn_o"},
		{"cross_attn_q", "attn_q"},	{"cross_attn_k", "attn_k"},
		{"cross_attn_v", "attn_v"},	{"cross_attn_o", "attn_o"},
		{"ffn_up", "mlp_up"},		{"ffn_up_exps", "mlp_up"},
		{"ffn_up_shexp", "mlp_up"},	{"ffn_gate", "mlp_gate"},
		{"ffn_gate_exps", "mlp_gate"},	{"ffn_gate_shexp", "mlp_gate"},
		{"ffn_down", "mlp_down"},	{"ffn_down_exps", "mlp_down"},
		{"ffn_down_shexp", "mlp_down"},
	};
	const char *role = gguf_role(name);

	if (!strcmp(name, "output"))
		return "lm_head";
	for (size_t i = 0; role && i < sizeof(roles) / sizeof(*roles); i++) {
		size_t length = strlen(roles[i].role);

		if (!strncmp(role, roles[i].role, length) && (!role[length] || role[length] == '.'))
			return roles[i].category;
	}
	return NULL;
}

const char *
layer_category(const char *name, enum layer_kind kind)
{
	char *low = lower_case(name);
	const char *category = gguf_category(low);

	if (!category)
		category = linear_category(low);
	free(low);
	if (!strcmp(category, "other_linear") && kind == LAYER_CONV)
		return "conv";
	if (!strcmp(category, "other_linear") && kind == LAYER_EMBEDDING)
		return "embedding";
	return category;
}

/* Names of tables that are looked up, by the last part of the module's name. */
static bool
is_embedding_name(const char *module)
{
	const char *dot = strrchr(module, '.');
	char *last = lower_case(dot ? dot + 1 : module);
	/* GPT-NeoX calls its output layer embed_out, and it is a torch.nn.Linear. */
	bool found = strcmp(last, "embed_out") &&
		     (contains_any(last,
				   ANY("embed", "embd", "relative_attention_bias", "rel_pos")) ||
		      equals_any(last, ANY("wte", "wpe", "shared", "token_types", "attn_rel_b",
					   "cross_attn_rel_b")));

	free(last);
	return found;
}

/* --- scales --- */

/*
 * Quantised weights are values and scales, in tensors of the same module: weight and weight_scale,
 * weight_scale_inv, weight_scale_2, weight_global_scale or scale, gate_up_proj and
 * gate_up_proj_scale; or one beneath the other, weight and weight.scale. So a tensor has scales if one
 * with "scale" in the last part of its name is in the same place, or in the place that the tensor's
 * whole name is. A layer that is left out, with a message, for a scale that is not its own is better than
 * one that is measured without its scales.
 */
struct place {
	const char *name;
	size_t length; /* of name, up to the last dot */
};

static struct place
place_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return (struct place){name, dot ? (size_t)(dot - name) : 0};
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = memcmp(x->name, y->name, x->length < y->length ? x->length : y->length);

	return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* The places where scales are, sorted. */
struct scales {
	struct place *places;
	size_t count;
};

static bool
is_scale_name(const char *name)
{
	char *last = lower_case(name + place_of(name).length);
	bool found = strstr(last, "scale");

	free(last);
	return found;
}

static struct scales
scales_of(const struct model *model)
{
	struct scales scales = {.places = xcalloc(model->count, sizeof(*scales.places))};

	for (size_t i = 0; i < model->count; i++)
		if (is_scale_name(model->tensors[i].name))
			scales.places[scales.count++] = place_of(model->tensors[i].name);
	if (scales.count)
		qsort(scales.places, scales.count, sizeof(*scales.places), compare_places);
	return scales;
}

static bool
are_scales_at(const struct scales *scales, struct place place)
{
	return scales->count && bsearch(&place, scales->places, scales->count,
					sizeof(*scales->places), compare_places);
}

/* Whether the name is that of a tensor with scales. */
static bool
has_scales(const struct scales *scales, const char *name)
{
	struct place beneath = {name, strlen(name)};

	return are_scales_at(scales, place_of(name)) || are_scales_at(scales, beneath);
}

/* --- kinds --- */

/* Types of 16 bits and more have the range to do without scales. */
static bool
may_be_scaled(enum dtype dtype)
{
	return dtype_is_decodable(dtype) && dtype_bits(dtype) <= 8;
}

/* GGUF stores the kernels of one-dimensional convolutions of one channel each without that dimension. */
static bool
is_flat_conv(const char *module)
{
	const char *role = gguf_role(module);

	return role && equals_any(role, ANY("ssm_conv1d", "ssm_conv1d_q", "ssm_conv1d_k",
					    "ssm_conv1d_v", "shortconv.conv"));
}

static enum layer_kind
kind_of(const struct model_tensor *tensor, const char *module, const struct scales *scales)
{
	bool is_weight = has_suffix(tensor->name, ".weight");
	char *low;
	bool is_conv;

	if (tensor->rank < 2)
		return LAYER_VECTOR;
	if (tensor->opaque)
		return LAYER_UNREADABLE;
	if (!dtype_is_decodable(tensor->dtype))
		return is_weight ? LAYER_UNREADABLE : LAYER_NOT_FLOAT;
	if (may_be_scaled(tensor->dtype)) {
		if (tensor->dtype == DTYPE_F8_E8M0 || is_scale_name(tensor->name))
			return LAYER_SCALES;
		if (has_scales(scales, tensor->name))
			return LAYER_SCALED;
	}
	low = lower_case(module);
	is_conv = is_weight && (tensor->rank > 3 || (tensor->rank == 3 && strstr(low, "conv")) ||
				is_flat_conv(low));
	free(low);
	if (is_conv)
		return LAYER_CONV;
	if (tensor->rank == 2 && is_embedding_name(module))
		return LAYER_EMBEDDING;
	if (tensor->rank == 2 && is_weight && !strstr(module, "norm"))
		return LAYER_LINEAR;
	return LAYER_OTHER;
}

/* Forming the Gram matrix takes m n^2, and reducing it to tridiagonal form 4/3 n^3. */
static double
cost_of(uint64_t rows, uint64_t columns)
{
	double m = (double)(rows > columns ? rows : columns);
	double n = (double)(rows > columns ? columns : rows);

	return m * n * n + 4.0 / 3 * n * n * n;
}

static const char *
reason_for(const struct layer *layer)
{
	static const char *const chosen[LAYER_KINDS] = {
		[LAYER_LINEAR] = "linear layer",
		[LAYER_CONV] = "convolution, asked for",
		[LAYER_EMBEDDING] = "embedding, asked for",
		[LAYER_OTHER] = "other tensor, asked for",
	};
	static const char *const left_out[LAYER_KINDS] = {
		[LAYER_LINEAR] = "linear layer",
		[LAYER_CONV] = "convolution (--conv takes it)",
		[LAYER_EMBEDDING] = "embedding (--embeddings takes it)",
		[LAYER_OTHER] = "not the weight of a linear layer (--all takes it)",
		[LAYER_VECTOR] = "fewer than two dimensions",
		[LAYER_NOT_FLOAT] = "not floating point",
		[LAYER_SCALES] = "scales, not weights",
		[LAYER_SCALED] = "weights with scales beside them, which are not read",
		[LAYER_UNREADABLE] = "weights of a type that is not read",
	};

	return layer->chosen ? chosen[layer->kind] : left_out[layer->kind];
}

static struct layer
layer_of(const struct model_tensor *tensor, const bool *kinds, const struct scales *scales)
{
	size_t length = strlen(tensor->name);
	struct layer layer = {.tensor = tensor};

	if (has_suffix(tensor->name, ".weight"))
		length -= strlen(".weight");
	layer.name = xstrndup(tensor->name, length);
	layer.kind = kind_of(tensor, layer.name, scales);
	layer.category = layer_category(layer.name, layer.kind);
	layer.rows = tensor->rank ? tensor->shape[0] : 1;
	layer.columns = layer.rows ? tensor->elements / layer.rows : 0;
	layer.cost = cost_of(layer.rows, layer.columns);
	layer.chosen = kinds[layer.kind];
	layer.reason = reason_for(&layer);
	return layer;
}

struct layer *
layers_of(const struct model *model, const bool kinds[static LAYER_KINDS])
{
	struct layer *layers = xcalloc(model->count, sizeof(*layers));
	struct scales scales = scales_of(model);

	for (size_t i = 0; i < model->count; i++)
		layers[i] = layer_of(&model->tensors[i], kinds, &scales);
	free(scales.places);
	return layers;
}

void
layers_free(struct layer *layers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(layers[i].name);
	free(layers);
}

bool
layer_is_unreadable(const struct layer *layer)
{
	return layer->kind == LAYER_UNREADABLE || layer->kind == LAYER_SCALED;
}

void
layer_leave_out(struct layer *layer, const char *reason)
{
	if (layer->chosen)
		layer->reason = reason;
	layer->chosen = false;
	layer->left_out = true;
}

size_t
layers_number(struct layer *layers, size_t count)
{
	double total = 0, done = 0;
	size_t chosen = 0;

	for (size_t i = 0; i < count; i++)
		if (layers[i].chosen)
			total += layers[i].cost;
	for (size_t i = 0; i < count; i++)
		if (layers[i].chosen) {
			done += layers[i].cost;
			layers[i].number = chosen++;
			layers[i].work = total > 0 ? done / total : 1;
		}
	return chosen;
}

/* Largest cost first; among equals, the order of the model. */
static int
compare_cost(const void *a, const void *b)
{
	const struct layer *x = *(struct layer *const *)a, *y = *(struct layer *const *)b;

	if (x->cost != y->cost)
		return x->cost > y->cost ? -1 : 1;
	return x < y ? -1 : x > y;
}

void
layers_keep_part(struct layer *layers, size_t count, unsigned part, unsigned parts)
{
	struct layer **by_cost = xcalloc(count, sizeof(struct layer *));
	double *load = xcalloc(parts, sizeof(*load));
	size_t chosen = 0;

	for (size_t i = 0; i < count; i++)
		if (layers[i].chosen)
			by_cost[chosen++] = &layers[i];
	qsort(by_cost, chosen, sizeof(*by_cost), compare_cost);
	for (size_t i = 0; i < chosen; i++) {
		unsigned least = 0;

		for (unsigned p = 1; p < parts; p++)
			if (load[p] < load[least])
				least = p;
		load[least] += by_cost[i]->cost;
		if (least + 1 != part)
			layer_leave_out(by_cost[i], "in another part (--shard)");
	}
	free(by_cost);
	free(load);
}
