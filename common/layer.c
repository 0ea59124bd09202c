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

const char *
layer_category(const char *name, enum layer_kind kind)
{
	char *low = lower_case(name);
	const char *category = linear_category(low);

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
		     (contains_any(last, ANY("embed", "relative_attention_bias", "rel_pos")) ||
		      !strcmp(last, "wte") || !strcmp(last, "wpe") || !strcmp(last, "shared"));

	free(last);
	return found;
}

static bool
is_floating(enum dtype dtype)
{
	return dtype_name(dtype)[0] == 'F' || dtype == DTYPE_BF16;
}

static enum layer_kind
kind_of(const struct model_tensor *tensor, const char *module)
{
	bool is_weight = has_suffix(tensor->name, ".weight");
	char *low;
	bool is_conv;

	if (tensor->unreadable)
		return LAYER_UNREADABLE;
	if (tensor->part_of)
		return LAYER_PART;
	if (tensor->rank < 2)
		return LAYER_VECTOR;
	if (!dtype_is_decodable(tensor->dtype))
		return is_weight || is_floating(tensor->dtype) ? LAYER_UNREADABLE : LAYER_NOT_FLOAT;
	low = lower_case(module);
	is_conv = is_weight && (tensor->rank > 3 || (tensor->rank == 3 && strstr(low, "conv")));
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
		[LAYER_UNREADABLE] = "weights of a type that is not read",
	};

	return layer->chosen ? chosen[layer->kind] : left_out[layer->kind];
}

static struct layer
layer_of(const struct model_tensor *tensor, const bool *kinds)
{
	size_t length = strlen(tensor->name);
	struct layer layer = {.tensor = tensor};

	if (has_suffix(tensor->name, ".weight"))
		length -= strlen(".weight");
	layer.name = xstrndup(tensor->name, length);
	layer.kind = kind_of(tensor, layer.name);
	layer.category = layer_category(layer.name, layer.kind);
	layer.rows = tensor->rank ? tensor->shape[0] : 1;
	layer.columns = layer.rows ? tensor->elements / layer.rows : 0;
	layer.cost = cost_of(layer.rows, layer.columns);
	layer.chosen = kinds[layer.kind];
	layer.reason = reason_for(&layer);
	if (layer.kind == LAYER_PART)
		layer.reason = layer.own_reason = format_text("part of %s", tensor->part_of);
	else if (tensor->unreadable)
		layer.reason = tensor->unreadable;
	return layer;
}

struct layer *
layers_of(const struct model *model, const bool kinds[static LAYER_KINDS])
{
	struct layer *layers = xcalloc(model->count, sizeof(*layers));

	for (size_t i = 0; i < model->count; i++)
		layers[i] = layer_of(&model->tensors[i], kinds);
	return layers;
}

void
layers_free(struct layer *layers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(layers[i].name);
		free(layers[i].own_reason);
	}
	free(layers);
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
