#include "layer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "anatomy.h"
#include "category.h"
#include "fused.h"
#include "gguf_names.h"
#include "head.h"
#include "natural.h"
#include "scales.h"

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
last_component(const char *module)
{
	const char *dot = strrchr(module, '.');

	return dot ? dot + 1 : module;
}

/* --- what a tensor is --- */

/*
 * Names of tables that are looked up, by the last part of the module's name. Excepted are linear layers:
 * embed_out of GPT-NeoX, embeddings_project of ELECTRA, embedding_hidden_mapping_in of ALBERT, class_embed
 * of Deformable DETR, patch_embedding of SigLIP 2, vision_embed_tokens of Fuyu.
 */
static bool
is_embedding_name(const char *module)
{
	char *last = lower_case(last_component(module));
	bool found = (contains_any(last,
				   TYPES("embed", "embd", "relative_attention_bias", "rel_pos")) ||
		      equals_any(last, TYPES("wte", "wpe", "shared", "token_types", "attn_rel_b",
					     "cross_attn_rel_b"))) &&
		     !contains_any(last, TYPES("embed_out", "proj", "mapping", "class_embed",
					       "patch_embed", "vision_embed_tokens"));

	free(last);
	return found;
}

static bool
is_norm_name(const char *module)
{
	char *last = lower_case(last_component(module));
	bool found = strstr(last, "norm") || has_prefix(last, "ln_");

	free(last);
	return found;
}

static bool
is_floating(enum dtype dtype)
{
	return dtype_name(dtype)[0] == 'F' || dtype == DTYPE_BF16;
}

/*
 * Whether transformers never loads a tensor: layers after the last, which predict further tokens
 * (DeepSeek-V3, GLM-4.5: _keys_to_ignore_on_load_unexpected), those of Qwen3-Next called mtp, and the
 * masks that old checkpoints of GPT-2 and GPT-NeoX have.
 */
static bool
is_unused(const struct anatomy *anatomy, const struct model_tensor *tensor)
{
	static const char *const places[] = {"model.layers.", "model.language_model.layers.",
					     "language_model.model.layers."};
	const char *name = tensor->name;

	if (has_prefix(name, "mtp.") || strstr(name, ".mtp.") || has_prefix(name, "model.mtp_"))
		return true;
	if (has_suffix(name, ".masked_bias") || has_suffix(name, ".rotary_emb.inv_freq") ||
	    (tensor->rank == 4 &&
	     (has_suffix(name, ".attn.bias") || has_suffix(name, "attention.bias"))))
		return true;
	for (size_t i = 0; anatomy->blocks && i < sizeof(places) / sizeof(*places); i++)
		if (has_prefix(name, places[i]) &&
		    strtoull(name + strlen(places[i]), NULL, 10) >= anatomy->blocks)
			return true;
	return false;
}

/*
 * Whether a matrix is the bare parameter of a router that never was a torch.nn.Linear: DeepseekV3TopkRouter
 * and those after it, GptOssTopKRouter. Those of other models were until transformers 5.
 */
static bool
is_bare_router(const struct anatomy *anatomy, const char *module)
{
	return (has_suffix(module, ".mlp.gate") &&
		anatomy_is(anatomy, TYPES("deepseek_v3", "deepseek_v32", "glm4_moe", "glm4v_moe",
					  "glm4v_moe_text", "glm4_moe_lite", "dots1", "glm_moe_dsa",
					  "kimi_k2", "solar_open"))) ||
	       (has_suffix(module, ".mlp.router") &&
		anatomy_is(anatomy, TYPES("gpt_oss", "openai_privacy_filter")));
}

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

	return role && equals_any(role, TYPES("ssm_conv1d", "ssm_conv1d_q", "ssm_conv1d_k",
					      "ssm_conv1d_v", "shortconv.conv"));
}

/* Scales and values that need them; LAYER_LINEAR, which says nothing yet, for all others. */
static enum layer_kind
kind_of_scaled(const struct model_tensor *tensor, const struct scales *scales)
{
	if (!may_be_scaled(tensor->dtype))
		return LAYER_LINEAR;
	if (tensor->dtype == DTYPE_F8_E8M0 || is_scale_name(tensor->name))
		return LAYER_SCALES;
	return has_scales(scales, tensor->name) ? LAYER_SCALED : LAYER_LINEAR;
}

static bool
is_conv(const struct model_tensor *tensor, const char *module)
{
	char *low = lower_case(module);
	bool found = has_suffix(tensor->name, ".weight") &&
		     (tensor->rank > 3 || (tensor->rank == 3 && strstr(low, "conv")) ||
		      is_flat_conv(low));

	free(low);
	return found;
}

static enum layer_kind
kind_of(const struct anatomy *anatomy, const struct scales *scales,
	const struct model_tensor *tensor, const char *module)
{
	bool is_weight = has_suffix(tensor->name, ".weight");
	enum layer_kind scaled;

	if (tensor->part_of)
		return LAYER_PART;
	if (tensor->rank < 2 && !tensor->unreadable)
		return LAYER_VECTOR;
	if (is_unused(anatomy, tensor))
		return is_floating(tensor->dtype) && !tensor->unreadable ? LAYER_UNUSED
									 : LAYER_NOT_FLOAT;
	if (tensor->unreadable || tensor->opaque)
		return LAYER_UNREADABLE;
	if (!dtype_is_decodable(tensor->dtype))
		return is_weight ? LAYER_UNREADABLE : LAYER_NOT_FLOAT;
	scaled = kind_of_scaled(tensor, scales);
	if (scaled != LAYER_LINEAR)
		return scaled;
	if (is_conv(tensor, module))
		return LAYER_CONV;
	if (tensor->rank == 2 && is_embedding_name(module))
		return LAYER_EMBEDDING;
	if (tensor->rank == 2 && is_weight && !is_norm_name(module) &&
	    !is_bare_router(anatomy, module))
		return LAYER_LINEAR;
	return LAYER_OTHER;
}

/* Whether a linear layer's weights lie inputs x outputs, as those of transformers' Conv1D do. */
static bool
is_transposed(const struct anatomy *anatomy, const char *module)
{
	const char *last = last_component(module);

	return anatomy->transposed && (!strcmp(last, "c_attn") || !strcmp(last, "c_proj") ||
				       !strcmp(last, "c_fc") || !strcmp(last, "q_attn"));
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
		[LAYER_UNUSED] = "never loaded by transformers, asked for",
	};
	static const char *const left_out[LAYER_KINDS] = {
		[LAYER_LINEAR] = "linear layer",
		[LAYER_CONV] = "convolution (--conv takes it)",
		[LAYER_EMBEDDING] = "embedding (--embeddings takes it)",
		[LAYER_OTHER] = "not the weight of a linear layer (--all takes it)",
		[LAYER_UNUSED] = "never loaded by transformers (--all takes it)",
		[LAYER_VECTOR] = "fewer than two dimensions",
		[LAYER_NOT_FLOAT] = "not floating point",
		[LAYER_SCALES] = "scales, not weights",
		[LAYER_SCALED] = "weights with scales beside them, which are not read",
		[LAYER_UNREADABLE] = "weights of a type that is not read",
	};

	return layer->chosen ? chosen[layer->kind] : left_out[layer->kind];
}

/* --- all of them --- */

/* What layers_of() was asked for, and what it has so far. */
struct listing {
	struct anatomy anatomy;
	struct head head;
	struct scales scales;
	const bool *kinds;
	bool split;
	struct layers layers;
	size_t capacity;
};

/* Appends a layer of which name, tensor, view and kind are set. */
static void
add_layer(struct listing *listing, struct layer layer)
{
	struct layers *layers = &listing->layers;

	if (layers->count == listing->capacity) {
		listing->capacity = listing->capacity ? 2 * listing->capacity : 64;
		layers->items = xreallocarray(layers->items, listing->capacity,
					      sizeof(*layers->items));
	}
	if (!layer.category)
		layer.category = category_of(layer.name);
	if (!strcmp(layer.category, "other_linear") && layer.kind == LAYER_CONV)
		layer.category = "conv";
	if (!strcmp(layer.category, "other_linear") && layer.kind == LAYER_EMBEDDING)
		layer.category = "embedding";
	layer.cost = cost_of(layer.view.rows, layer.view.columns);
	layer.chosen = listing->kinds[layer.kind];
	layer.reason = reason_for(&layer);
	if (layer.kind == LAYER_PART)
		layer.reason = layer.own_reason = format_text("part of %s", layer.tensor->part_of);
	else if (layer.tensor->unreadable)
		layer.reason = layer.tensor->unreadable;
	layers->items[layers->count++] = layer;
}

static void
add_parts(struct listing *listing, const struct model_tensor *tensor, struct parts *parts)
{
	const char *ending = has_suffix(tensor->name, ".weight") ? ".weight" : "";

	for (size_t i = 0; i < parts->count; i++)
		add_layer(listing,
			  (struct layer){
				  .tensor = tensor,
				  .view = parts->items[i].view,
				  .kind = LAYER_LINEAR,
				  .name = xstrdup(parts->items[i].name),
				  .tensor_name = format_text("%s%s", parts->items[i].name, ending),
				  .category = parts->items[i].category,
				  .note = "a part of a fused tensor",
			  });
}

/* A tensor that is one layer, or none. Takes the name. */
static void
add_whole(struct listing *listing, struct layer layer, const char *reason)
{
	bool is_matrix = layer.kind == LAYER_LINEAR;

	layer.tensor_name = xstrdup(layer.tensor->name);
	layer.is_table = layer.tensor == listing->head.table;
	layer.is_head = listing->head.table && layer.tensor == listing->head.tensor;
	if (reason)
		layer.note = reason;
	else if (layer.kind == LAYER_OTHER && is_bare_router(&listing->anatomy, layer.name))
		layer.note = "a router that is no torch.nn.Linear";
	else if (is_matrix && layer.view.column_pitch != 1)
		layer.note = "stored transposed";
	layer.missing = reason && listing->split && !is_matrix;
	add_layer(listing, layer);
}

static void
add_tensor(struct listing *listing, const struct model_tensor *tensor)
{
	size_t length = strlen(tensor->name);
	struct layer layer = {.tensor = tensor, .view = view_whole(tensor)};
	struct parts parts = {0};

	if (has_suffix(tensor->name, ".weight"))
		length -= strlen(".weight");
	layer.name = xstrndup(tensor->name, length);
	layer.kind = kind_of(&listing->anatomy, &listing->scales, tensor, layer.name);
	if (layer.kind == LAYER_LINEAR && is_transposed(&listing->anatomy, layer.name))
		layer.view = view_transposed(&layer.view);
	/* Scales of experts are no experts. */
	if (layer.kind == LAYER_LINEAR ||
	    (layer.kind == LAYER_OTHER && !is_scale_name(tensor->name)))
		parts = parts_of(&listing->anatomy, tensor, layer.name, &layer.view);
	if (parts.count && listing->split) {
		add_parts(listing, tensor, &parts);
		free(layer.name);
	} else {
		add_whole(listing, layer,
			  parts.count ? "fused; --no-split keeps it whole" : parts.reason);
	}
	parts_free(&parts);
}

/* The output layer that has no tensor of its own. */
static void
add_head(struct listing *listing)
{
	const struct head *head = &listing->head;

	add_layer(listing, (struct layer){.tensor = head->table,
					  .view = view_whole(head->table),
					  .kind = LAYER_LINEAR,
					  .name = xstrdup(head->module),
					  .tensor_name = format_text("%s.weight", head->module),
					  .category = "lm_head",
					  .is_head = true,
					  .note = "tied to this embedding"});
}

struct layers
layers_of(const struct model *model, const bool kinds[static LAYER_KINDS], bool split)
{
	struct listing listing = {.anatomy = anatomy_of(model), .kinds = kinds, .split = split};
	char *place;
	bool wanted;

	listing.head = head_of(&listing.anatomy);
	listing.scales = scales_of(model);
	wanted = listing.head.table && !listing.head.tensor &&
		 dtype_is_decodable(listing.head.table->dtype);
	place = format_text("%s.weight", listing.head.module);
	for (size_t i = 0; i < model->count; i++) {
		/* It comes where its own tensor would. */
		if (wanted && compare_natural(place, model->tensors[i].name) < 0) {
			add_head(&listing);
			wanted = false;
		}
		add_tensor(&listing, &model->tensors[i]);
	}
	if (wanted)
		add_head(&listing);
	free(listing.scales.places);
	free(place);
	return listing.layers;
}

void
layers_free(struct layers *layers)
{
	for (size_t i = 0; i < layers->count; i++) {
		free(layers->items[i].name);
		free(layers->items[i].tensor_name);
		free(layers->items[i].own_reason);
	}
	free(layers->items);
	*layers = (struct layers){0};
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

void
layers_drop_repeated(struct layers *layers)
{
	bool has_head = false;

	for (size_t i = 0; i < layers->count; i++)
		if (layers->items[i].chosen && layers->items[i].is_head)
			has_head = true;
	for (size_t i = 0; i < layers->count; i++)
		if (has_head && layers->items[i].is_table && layers->items[i].chosen)
			layer_leave_out(&layers->items[i], "embedding, and the output layer again");
}

size_t
layers_number(struct layers *layers)
{
	double total = 0, done = 0;
	size_t chosen = 0;

	for (size_t i = 0; i < layers->count; i++)
		if (layers->items[i].chosen)
			total += layers->items[i].cost;
	for (size_t i = 0; i < layers->count; i++) {
		struct layer *layer = &layers->items[i];

		if (!layer->chosen)
			continue;
		done += layer->cost;
		layer->number = chosen++;
		layer->work = total > 0 ? done / total : 1;
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
layers_keep_part(struct layers *layers, unsigned part, unsigned parts)
{
	struct layer **by_cost = xcalloc(layers->count, sizeof(struct layer *));
	double *load = xcalloc(parts, sizeof(*load));
	size_t chosen = 0;

	for (size_t i = 0; i < layers->count; i++)
		if (layers->items[i].chosen)
			by_cost[chosen++] = &layers->items[i];
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
