#include "fused.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "category.h"

#define MOST_EXPERTS 65536

static const char not_known[] = "fused; not split: the configuration does not say how";
static const char not_named[] = "fused; not split: no experts with this name are known";
static const char not_consistent[] =
	"fused; not split: its shape is not what the configuration says";

static const char *
last_component(const char *module)
{
	const char *dot = strrchr(module, '.');

	return dot ? dot + 1 : module;
}

/* Takes the name. */
static void
add_part(struct parts *parts, char *name, const char *category, struct view view)
{
	parts->items = xreallocarray(parts->items, parts->count + 1, sizeof(*parts->items));
	parts->items[parts->count++] = (struct part){
		.name = name, .category = category, .view = view};
}

/* A part that only its place in the tensor gives a name to. */
static void
add_slice(struct parts *parts, const char *module, const char *slice, struct view view)
{
	static const struct {
		const char *slice, *category;
	} categories[] = {{"q", "attn_q"},
			  {"k", "attn_k"},
			  {"v", "attn_v"},
			  {"gate", "mlp_gate"},
			  {"up", "mlp_up"}};
	size_t i = 0;

	while (strcmp(categories[i].slice, slice))
		i++;
	add_part(parts, format_text("%s.%s", module, slice), categories[i].category, view);
}

/* --- queries, keys and values --- */

enum order {
	CONTIGUOUS, /* all queries, all keys, all values */
	THIRDS,	    /* the same, as many of each, whatever the heads */
	BY_HEAD,    /* a head's query, key and value, then the next head's */
	BY_GROUP,   /* the queries that share a key and value, and those */
	SHARED,	    /* all queries, and one key and value for all */
	CODEGEN,    /* quarters, each with its queries, values, keys */
	FALCON,	    /* by the configuration, one of three of the above */
	BIGCODE,    /* one of two */
	CHATGLM	    /* one of two */
};

/*
 * The types of models that fuse them under a name; null for any type. Sources: modeling_bloom.py,
 * modeling_gpt_neox.py, modeling_persimmon.py (BY_HEAD); modeling_falcon.py, _split_heads();
 * modeling_phi3.py, modeling_dbrx.py, modeling_mpt.py, modeling_modernbert.py; modeling_codegen.py;
 * modeling_minimax.py; modeling_gpt2.py; modeling_gpt_bigcode.py; and for ChatGLM, Baichuan, InternLM2 and
 * Qwen the modeling files beside their weights. qkv is what vision towers and timm call it, as in
 * modeling_sam.py and modeling_qwen2_vl.py, and layoutlmv2's qkv_linear.
 */
static const struct {
	const char *name, *types[8];
	enum order order;
} attention[] = {
	{"query_key_value", {"bloom", "gpt_neox", "gpt_neox_japanese", "persimmon"}, BY_HEAD},
	{"query_key_value", {"falcon"}, FALCON},
	{"query_key_value", {"chatglm"}, CHATGLM},
	{"qkv_proj", {"phi3", "phi4_multimodal", "phi4mm", "phi3_v"}, CONTIGUOUS},
	{"qkv_proj", {"codegen"}, CODEGEN},
	{"qkv_proj", {"minimax", "minimax_text_01", "MiniMaxText01"}, BY_HEAD},
	{"Wqkv", {"dbrx"}, CONTIGUOUS},
	{"Wqkv", {"mpt", "modernbert", "modernbert-decoder", "nomic_bert"}, THIRDS},
	{"c_attn", {"gpt2", "openai-gpt", "imagegpt", "decision_transformer", "qwen"}, THIRDS},
	{"c_attn", {"gpt_bigcode"}, BIGCODE},
	{"W_pack", {"baichuan"}, THIRDS},
	{"wqkv", {"internlm2"}, BY_GROUP},
	{"qkv_linear", {"layoutlmv2"}, THIRDS},
	{"qkv", {NULL}, THIRDS},
};

static bool
find_order(const struct anatomy *anatomy, const char *module, enum order *order, bool *is_fused)
{
	const char *last = last_component(module);

	*is_fused = false;
	for (size_t i = 0; i < sizeof(attention) / sizeof(*attention); i++) {
		if (strcmp(last, attention[i].name))
			continue;
		*is_fused = true;
		*order = attention[i].order;
		if (!attention[i].types[0] || anatomy_is(anatomy, attention[i].types))
			return true;
	}
	/* Without a configuration, Conv1D and the shape still tell GPT-2's. */
	*order = THIRDS;
	return !strcmp(last, "c_attn") && anatomy->transposed;
}

/* Rows of a block of queries, how many blocks there are, and rows of a block of keys or of values. */
struct blocks {
	uint64_t queries, count, keys;
	bool values_first;
};

static struct blocks
blocks_of(const struct anatomy *a, enum order order, const struct view *matrix)
{
	uint64_t groups = a->kv_heads && a->heads % a->kv_heads == 0 ? a->kv_heads : 0;

	if (order == FALCON)
		order = a->grouped ? BY_GROUP : a->multi_query ? SHARED : BY_HEAD;
	if (order == CHATGLM)
		order = a->second_glm ? CONTIGUOUS : BY_HEAD;
	if (order == BIGCODE)
		order = a->multi_query ? SHARED : BY_HEAD;
	switch (order) {
	case CONTIGUOUS:
		return (struct blocks){a->heads * a->head_dim, 1, a->kv_heads * a->head_dim, false};
	case THIRDS: return (struct blocks){matrix->rows / 3, 1, matrix->rows / 3, false};
	case BY_HEAD: return (struct blocks){a->head_dim, a->heads, a->head_dim, false};
	case BY_GROUP:
		return (struct blocks){groups ? a->heads / groups * a->head_dim : 0, groups,
				       a->head_dim, false};
	case SHARED: return (struct blocks){a->heads * a->head_dim, 1, a->head_dim, false};
	default:
		return (struct blocks){a->heads * a->head_dim / 4, 4, a->heads * a->head_dim / 4,
				       true};
	}
}

/* GPT-2's cross-attention has keys and values in one matrix, and queries in another. */
static bool
split_cross_attention(const struct anatomy *anatomy, const char *module, const struct view *matrix,
		      struct parts *parts)
{
	uint64_t rows = matrix->rows / 2;

	if (!anatomy->transposed || !strstr(module, "crossattention") ||
	    matrix->rows != 2 * matrix->columns)
		return false;
	add_slice(parts, module, "k", view_rows(matrix, 0, rows));
	add_slice(parts, module, "v", view_rows(matrix, rows, rows));
	return true;
}

/* Returns whether it is fused attention, with parts or a reason. */
static bool
split_attention(const struct anatomy *anatomy, const char *module, const struct view *matrix,
		struct parts *parts)
{
	struct blocks b;
	uint64_t pitch;
	enum order order;
	bool is_fused, known = find_order(anatomy, module, &order, &is_fused);

	if (!known) {
		parts->reason = is_fused ? not_known : NULL;
		return is_fused;
	}
	if (split_cross_attention(anatomy, module, matrix, parts))
		return true;
	b = blocks_of(anatomy, order, matrix);
	/* Anything but the sums of what is there would be the parts of another model. */
	pitch = b.queries + 2 * b.keys;
	if (!b.queries || !b.keys || b.queries > matrix->rows || b.keys > matrix->rows ||
	    matrix->rows % pitch || matrix->rows / pitch != b.count ||
	    (order == THIRDS && (!matrix->columns || b.keys % matrix->columns))) {
		parts->reason = b.queries ? not_consistent : not_known;
		return true;
	}
	add_slice(parts, module, "q", view_blocks(matrix, 0, b.queries, pitch, b.count));
	add_slice(parts, module, "k",
		  view_blocks(matrix, b.queries + (b.values_first ? b.keys : 0), b.keys, pitch,
			      b.count));
	add_slice(parts, module, "v",
		  view_blocks(matrix, b.queries + (b.values_first ? 0 : b.keys), b.keys, pitch,
			      b.count));
	return true;
}

/* --- gate and up --- */

/*
 * Halves of rows: modeling_phi3.py, modeling_glm.py, modeling_zamba2.py; modeling_granitemoeshared.py
 * (input_linear); modeling_dinov2.py, Dinov2SwiGLUFFN (weights_in); dense_h_to_4h of ChatGLM from
 * its second version on.
 */
static void
split_gate_up(const struct anatomy *anatomy, const char *module, const struct view *matrix,
	      struct parts *parts)
{
	const char *last = last_component(module);
	uint64_t rows = matrix->rows / 2;

	if (strcmp(last, "gate_up_proj") && strcmp(last, "weights_in") &&
	    !has_suffix(module, "shared_mlp.input_linear") &&
	    (strcmp(last, "dense_h_to_4h") || !anatomy->second_glm))
		return;
	if (matrix->rows % 2) {
		parts->reason = not_consistent;
		return;
	}
	add_slice(parts, module, "gate", view_rows(matrix, 0, rows));
	add_slice(parts, module, "up", view_rows(matrix, rows, rows));
}

/* --- experts --- */

enum content { GATE_UP, WIDENING, NARROWING };

/*
 * What a tensor of all experts is called: transformers' fused experts (modeling_mixtral.py and others since
 * 5.0; modeling_gpt_oss.py, modeling_llama4.py), modeling_granitemoe.py until then and
 * modeling_jetmoe.py (input_linear, output_linear), and modeling_aria.py (fc1, fc2); and
 * in GGUF (gguf-py/gguf/constants.py), where they lie outputs x inputs in any model.
 */
static const struct {
	const char *name, *type;
	enum content content;
} stacks[] = {
	{"gate_up_proj", NULL, GATE_UP},
	{"gate_proj", NULL, WIDENING},
	{"up_proj", NULL, WIDENING},
	{"down_proj", NULL, NARROWING},
	{"input_linear", "granitemoe", GATE_UP},
	{"output_linear", "granitemoe", NARROWING},
	{"input_linear", "jetmoe", GATE_UP},
	{"output_linear", "jetmoe", NARROWING},
	{"ffn_gate_exps", NULL, WIDENING},
	{"ffn_up_exps", NULL, WIDENING},
	{"ffn_down_exps", NULL, NARROWING},
	{"fc1", "aria", GATE_UP},
	{"fc2", "aria", NARROWING},
};

static bool
find_content(const struct anatomy *anatomy, const char *module, enum content *content)
{
	const char *last = last_component(module);

	for (size_t i = 0; i < sizeof(stacks) / sizeof(*stacks); i++) {
		const char *type = stacks[i].type;

		if (strcmp(last, stacks[i].name) ||
		    (type ? !has_prefix(anatomy->type, type)
			  : !strstr(module, "expert") && !has_suffix(last, "_exps")))
			continue;
		*content = stacks[i].content;
		/* JetMoE has experts of attention too, whose one matrix makes queries. */
		if (*content == GATE_UP && strstr(module, "attention"))
			*content = WIDENING;
		return true;
	}
	return false;
}

/*
 * Whether the matrices of a stack are inputs x outputs. The side that is as long as the residual stream
 * tells; where both are, the model's type does. Returns 1 or 0, or -1 if neither fits.
 */
static int
stack_is_transposed(const struct anatomy *anatomy, enum content content, uint64_t rows,
		    uint64_t columns)
{
	bool usual = anatomy_is(anatomy,
				TYPES("gpt_oss", "openai_privacy_filter", "llama4", "llama4_text",
				      "qwen3_vl_moe", "qwen3_vl_moe_text", "aria", "aria_text"));
	uint64_t hidden = anatomy->hidden;
	bool fits, fits_transposed;

	if (content == NARROWING) {
		fits = rows == hidden;
		fits_transposed = columns == hidden;
	} else {
		fits = columns == hidden && (content != GATE_UP || rows % 2 == 0);
		fits_transposed = rows == hidden && (content != GATE_UP || columns % 2 == 0);
	}
	if (usual)
		return fits_transposed ? 1 : fits ? 0 : -1;
	return fits ? 0 : fits_transposed ? 1 : -1;
}

/* The module's name with the number of an expert where checkpoints with a tensor for each have it. */
static char *
expert_name(const char *module, uint64_t expert)
{
	static const char word[] = "experts";
	const char *at = module, *place = NULL;

	while ((at = strstr(at, word))) {
		at += strlen(word);
		if (*at == '.')
			place = at;
	}
	if (!place)
		return format_text("%s.%" PRIu64, module, expert);
	return format_text("%.*s.%" PRIu64 "%s", (int)(place - module), module, expert, place);
}

static void
add_expert(const struct anatomy *anatomy, struct parts *parts, const char *module, uint64_t expert,
	   enum content content, const struct view *matrix)
{
	char *name = expert_name(module, expert);
	uint64_t rows = matrix->rows / 2;

	if (content != GATE_UP) {
		add_part(parts, name, category_of(name), *matrix);
		return;
	}
	if (anatomy_is(anatomy, TYPES("gpt_oss"))) {
		/* modeling_gpt_oss.py: gate_up[..., ::2], gate_up[..., 1::2] */
		add_slice(parts, name, "gate", view_every(matrix, 0, rows, 2));
		add_slice(parts, name, "up", view_every(matrix, 1, rows, 2));
	} else {
		add_slice(parts, name, "gate", view_rows(matrix, 0, rows));
		add_slice(parts, name, "up", view_rows(matrix, rows, rows));
	}
	free(name);
}

/* The matrices of a stack, each of so many rows of one that holds them all. */
static void
split_stack(const struct anatomy *anatomy, const char *module, uint64_t experts,
	    const struct view *all, enum content content, bool transposed, struct parts *parts)
{
	uint64_t rows = all->rows / experts;

	for (uint64_t e = 0; e < experts; e++) {
		struct view matrix = view_rows(all, e * rows, rows);

		if (transposed)
			matrix = view_transposed(&matrix);
		add_expert(anatomy, parts, module, e, content, &matrix);
	}
}

/* A tensor of three dimensions: experts x rows x columns. */
static void
split_experts(const struct anatomy *anatomy, const struct model_tensor *tensor, const char *module,
	      struct parts *parts)
{
	uint64_t experts = tensor->shape[0], rows = tensor->shape[1], columns = tensor->shape[2];
	struct view all = {.rows = experts * rows,
			   .columns = columns,
			   .row_pitch = columns,
			   .column_pitch = 1,
			   .block_rows = experts * rows};
	bool in_gguf = has_suffix(module, "_exps");
	enum content content;
	int transposed;

	if (!find_content(anatomy, module, &content)) {
		parts->reason = strstr(module, "expert") ? not_named : NULL;
		return;
	}
	transposed = in_gguf || tensor->outputs_first
			     ? 0
			     : stack_is_transposed(anatomy, content, rows, columns);
	if (!anatomy->hidden && !in_gguf)
		parts->reason = not_known;
	else if (!tensor->elements || experts > MOST_EXPERTS || transposed < 0 ||
		 (anatomy->experts && anatomy->experts != experts))
		parts->reason = not_consistent;
	else
		split_stack(anatomy, module, experts, &all, content, transposed, parts);
}

/*
 * DBRX has the rows of all experts one after the other (modeling_dbrx.py, DbrxExpertGLU): w1 and v1 outputs
 * x inputs, w2 the other way.
 */
static void
split_dbrx(const struct anatomy *anatomy, const char *module, const struct view *matrix,
	   struct parts *parts)
{
	bool narrows = has_suffix(module, "experts.mlp.w2");
	uint64_t experts = anatomy->experts;

	if (!narrows && !has_suffix(module, "experts.mlp.w1") &&
	    !has_suffix(module, "experts.mlp.v1"))
		return;
	if (!experts || experts > MOST_EXPERTS)
		parts->reason = not_known;
	else if (!matrix->rows || matrix->rows % experts)
		parts->reason = not_consistent;
	else
		split_stack(anatomy, module, experts, matrix, narrows ? NARROWING : WIDENING,
			    narrows, parts);
}

struct parts
parts_of(const struct anatomy *anatomy, const struct model_tensor *tensor, const char *module,
	 const struct view *matrix)
{
	struct parts parts = {0};

	if (tensor->rank == 3)
		split_experts(anatomy, tensor, module, &parts);
	else if (tensor->rank == 2 && !has_suffix(tensor->name, ".weight"))
		split_dbrx(anatomy, module, matrix, &parts);
	else if (tensor->rank == 2 && !split_attention(anatomy, module, matrix, &parts))
		split_gate_up(anatomy, module, matrix, &parts);
	if (parts.count && dtype_bits(tensor->dtype) % 8) {
		parts_free(&parts);
		parts.reason = "fused; not split: its elements are less than a byte";
	}
	return parts;
}

void
parts_free(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		free(parts->items[i].name);
	free(parts->items);
	*parts = (struct parts){0};
}
