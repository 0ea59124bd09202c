#include "architecture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Lengths that the shapes of a model's tensors are made of. */
enum dimension {
	NONE,
	HIDDEN,	      /* length of the residual stream */
	FEED_FORWARD, /* of what is between the matrices of an MLP or expert */
	QUERIES,      /* heads x length of a head */
	KEYS,	      /* the same for keys and values, which may have fewer heads */
	VOCABULARY,
	EXPERTS,
	PLACES, /* of tokens, where they are embedded by a table */
	KINDS,	/* of tokens in BERT, and outcomes of its next-sentence test */
	DIMENSIONS
};

/* Where a row of a family's table goes: once before the blocks, in every block, ... */
enum section { START, BLOCK, EXPERT, END };

/* What a model of a family may have. A row is for the models with all features that it names. */
enum feature {
	DENSE = 1,	  /* one MLP in a block */
	ROUTED = 2,	  /* a router and experts instead */
	QKV_BIAS = 4,	  /* biases of the projections to queries, keys and values */
	QK_NORM = 8,	  /* norms of all queries and of all keys */
	OWN_LM_HEAD = 16, /* a matrix that is not the embedding again */
	QWEN2 = DENSE | QKV_BIAS,
	OLMOE = ROUTED | QK_NORM | OWN_LM_HEAD,
	LLAMA = DENSE | OWN_LM_HEAD
};

struct row {
	enum section section;
	enum tensor_role role;
	const char *name; /* after the prefix of the section */
	enum dimension shape[2];
	unsigned features;
};

struct family {
	const char *block_prefix;  /* of names, before the number of the block */
	const char *expert_prefix; /* after that, before the number of the expert */
	size_t rows;
	const struct row *table;
};

/* Llama and what its layout was taken over by: transformers, modeling_{llama,qwen2,olmoe}.py. */
static const struct row decoder_rows[] = {
	{START, ROLE_EMBEDDING, "model.embed_tokens.weight", {VOCABULARY, HIDDEN}, 0},
	{BLOCK, ROLE_NORM, "input_layernorm.weight", {HIDDEN}, 0},
	{BLOCK, ROLE_LINEAR, "self_attn.q_proj.weight", {QUERIES, HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "self_attn.q_proj.bias", {QUERIES}, QKV_BIAS},
	{BLOCK, ROLE_LINEAR, "self_attn.k_proj.weight", {KEYS, HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "self_attn.k_proj.bias", {KEYS}, QKV_BIAS},
	{BLOCK, ROLE_LINEAR, "self_attn.v_proj.weight", {KEYS, HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "self_attn.v_proj.bias", {KEYS}, QKV_BIAS},
	{BLOCK, ROLE_NORM, "self_attn.q_norm.weight", {QUERIES}, QK_NORM},
	{BLOCK, ROLE_NORM, "self_attn.k_norm.weight", {KEYS}, QK_NORM},
	{BLOCK, ROLE_LINEAR, "self_attn.o_proj.weight", {HIDDEN, QUERIES}, 0},
	{BLOCK, ROLE_NORM, "post_attention_layernorm.weight", {HIDDEN}, 0},
	{BLOCK, ROLE_LINEAR, "mlp.gate_proj.weight", {FEED_FORWARD, HIDDEN}, DENSE},
	{BLOCK, ROLE_LINEAR, "mlp.up_proj.weight", {FEED_FORWARD, HIDDEN}, DENSE},
	{BLOCK, ROLE_LINEAR, "mlp.down_proj.weight", {HIDDEN, FEED_FORWARD}, DENSE},
	{BLOCK, ROLE_LINEAR, "mlp.gate.weight", {EXPERTS, HIDDEN}, ROUTED},
	{EXPERT, ROLE_LINEAR, "gate_proj.weight", {FEED_FORWARD, HIDDEN}, ROUTED},
	{EXPERT, ROLE_LINEAR, "up_proj.weight", {FEED_FORWARD, HIDDEN}, ROUTED},
	{EXPERT, ROLE_LINEAR, "down_proj.weight", {HIDDEN, FEED_FORWARD}, ROUTED},
	{END, ROLE_NORM, "model.norm.weight", {HIDDEN}, 0},
	{END, ROLE_EMBEDDING, "lm_head.weight", {VOCABULARY, HIDDEN}, OWN_LM_HEAD},
};

/* google-bert/bert-base-uncased, whose norms still carry the names gamma and beta. */
static const struct row bert_rows[] = {
	{START, ROLE_EMBEDDING, "bert.embeddings.word_embeddings.weight", {VOCABULARY, HIDDEN}, 0},
	{START, ROLE_EMBEDDING, "bert.embeddings.position_embeddings.weight", {PLACES, HIDDEN}, 0},
	{START, ROLE_EMBEDDING, "bert.embeddings.token_type_embeddings.weight", {KINDS, HIDDEN}, 0},
	{START, ROLE_NORM, "bert.embeddings.LayerNorm.gamma", {HIDDEN}, 0},
	{START, ROLE_BIAS, "bert.embeddings.LayerNorm.beta", {HIDDEN}, 0},
	{BLOCK, ROLE_LINEAR, "attention.self.query.weight", {QUERIES, HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "attention.self.query.bias", {QUERIES}, 0},
	{BLOCK, ROLE_LINEAR, "attention.self.key.weight", {KEYS, HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "attention.self.key.bias", {KEYS}, 0},
	{BLOCK, ROLE_LINEAR, "attention.self.value.weight", {KEYS, HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "attention.self.value.bias", {KEYS}, 0},
	{BLOCK, ROLE_LINEAR, "attention.output.dense.weight", {HIDDEN, QUERIES}, 0},
	{BLOCK, ROLE_BIAS, "attention.output.dense.bias", {HIDDEN}, 0},
	{BLOCK, ROLE_NORM, "attention.output.LayerNorm.gamma", {HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "attention.output.LayerNorm.beta", {HIDDEN}, 0},
	{BLOCK, ROLE_LINEAR, "intermediate.dense.weight", {FEED_FORWARD, HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "intermediate.dense.bias", {FEED_FORWARD}, 0},
	{BLOCK, ROLE_LINEAR, "output.dense.weight", {HIDDEN, FEED_FORWARD}, 0},
	{BLOCK, ROLE_BIAS, "output.dense.bias", {HIDDEN}, 0},
	{BLOCK, ROLE_NORM, "output.LayerNorm.gamma", {HIDDEN}, 0},
	{BLOCK, ROLE_BIAS, "output.LayerNorm.beta", {HIDDEN}, 0},
	{END, ROLE_LINEAR, "bert.pooler.dense.weight", {HIDDEN, HIDDEN}, 0},
	{END, ROLE_BIAS, "bert.pooler.dense.bias", {HIDDEN}, 0},
	{END, ROLE_BIAS, "cls.predictions.bias", {VOCABULARY}, 0},
	{END, ROLE_LINEAR, "cls.predictions.transform.dense.weight", {HIDDEN, HIDDEN}, 0},
	{END, ROLE_BIAS, "cls.predictions.transform.dense.bias", {HIDDEN}, 0},
	{END, ROLE_NORM, "cls.predictions.transform.LayerNorm.gamma", {HIDDEN}, 0},
	{END, ROLE_BIAS, "cls.predictions.transform.LayerNorm.beta", {HIDDEN}, 0},
	{END, ROLE_LINEAR, "cls.seq_relationship.weight", {KINDS, HIDDEN}, 0},
	{END, ROLE_BIAS, "cls.seq_relationship.bias", {KINDS}, 0},
};

static const struct family decoder = {"model.layers.", "mlp.experts.",
				      sizeof(decoder_rows) / sizeof(*decoder_rows), decoder_rows};
static const struct family bert = {"bert.encoder.layer.", "",
				   sizeof(bert_rows) / sizeof(*bert_rows), bert_rows};

struct architecture {
	const char *name;
	const struct family *family;
	unsigned features;
	uint64_t blocks;
	uint64_t lengths[DIMENSIONS];
};

/* The numbers are those of each config.json on the hub. demo is ours, laid out like Llama. */
static const struct architecture architectures[] = {
	/* features, blocks, {-, hidden, feed-forward, queries, keys, vocabulary, experts, ...} */
	{"bert-base", &bert, 0, 12, {0, 768, 3072, 768, 768, 30522, 0, 512, 2}},
	{"demo", &decoder, DENSE, 2, {0, 384, 768, 384, 192, 1024}},
	{"llama-3.1-70b", &decoder, LLAMA, 80, {0, 8192, 28672, 8192, 1024, 128256}},
	{"llama-3.1-8b", &decoder, LLAMA, 32, {0, 4096, 14336, 4096, 1024, 128256}},
	{"llama-3.2-1b", &decoder, DENSE, 16, {0, 2048, 8192, 2048, 512, 128256}},
	{"mistral-7b", &decoder, LLAMA, 32, {0, 4096, 14336, 4096, 1024, 32000}},
	{"olmoe-1b-7b", &decoder, OLMOE, 16, {0, 2048, 1024, 2048, 2048, 50304, 64}},
	{"qwen2.5-0.5b", &decoder, QWEN2, 24, {0, 896, 4864, 896, 128, 151936}},
	{"qwen2.5-7b", &decoder, QWEN2 | OWN_LM_HEAD, 28, {0, 3584, 18944, 3584, 512, 152064}},
};

const struct architecture *
architecture_find(const char *name)
{
	for (size_t i = 0; i < sizeof(architectures) / sizeof(*architectures); i++)
		if (!strcmp(name, architectures[i].name))
			return &architectures[i];
	return NULL;
}

const struct architecture *
architecture_at(size_t i)
{
	return i < sizeof(architectures) / sizeof(*architectures) ? &architectures[i] : NULL;
}

const char *
architecture_name(const struct architecture *architecture)
{
	return architecture->name;
}

uint64_t
architecture_blocks(const struct architecture *architecture)
{
	return architecture->blocks;
}

/* Counts a tensor and, if it is to be kept, appends it; takes the name. */
static void
add_tensor(struct synthetic_model *model, bool keep, char *name, enum tensor_role role,
	   uint64_t rows, uint64_t columns)
{
	struct synthetic_tensor tensor = {.name = name,
					  .role = role,
					  .rank = columns ? 2 : 1,
					  .shape = {rows, columns},
					  .elements = rows * (columns ? columns : 1),
					  .index = model->whole_count,
					  .linear_index = model->whole_linear_count};

	model->whole_count++;
	model->whole_linear_count += role == ROLE_LINEAR;
	if (!keep) {
		free(name);
		return;
	}
	model->tensors = xreallocarray(model->tensors, model->count + 1, sizeof(tensor));
	model->tensors[model->count++] = tensor;
}

/* What architecture_tensors() was asked for, and what it has so far. */
struct selection {
	const struct architecture *architecture;
	bool embeddings;
	struct synthetic_model model;
};

static void
add_section(struct selection *selection, enum section section, const char *prefix, bool keep)
{
	const struct architecture *architecture = selection->architecture;

	for (size_t i = 0; i < architecture->family->rows; i++) {
		const struct row *row = &architecture->family->table[i];

		if (row->section != section || (row->features & ~architecture->features))
			continue;
		add_tensor(&selection->model,
			   keep && (selection->embeddings || row->role != ROLE_EMBEDDING),
			   format_text("%s%s", prefix, row->name), row->role,
			   architecture->lengths[row->shape[0]],
			   architecture->lengths[row->shape[1]]);
	}
}

static void
add_block(struct selection *selection, uint64_t block, bool keep)
{
	const struct family *family = selection->architecture->family;
	char *prefix = format_text("%s%" PRIu64 ".", family->block_prefix, block);

	add_section(selection, BLOCK, prefix, keep);
	for (uint64_t i = 0; i < selection->architecture->lengths[EXPERTS]; i++) {
		char *expert = format_text("%s%s%" PRIu64 ".", prefix, family->expert_prefix, i);

		add_section(selection, EXPERT, expert, keep);
		free(expert);
	}
	free(prefix);
}

struct synthetic_model
architecture_tensors(const struct architecture *architecture, uint64_t blocks, bool embeddings)
{
	struct selection selection = {.architecture = architecture, .embeddings = embeddings};

	add_section(&selection, START, "", true);
	for (uint64_t i = 0; i < architecture->blocks; i++)
		add_block(&selection, i, i < blocks);
	add_section(&selection, END, "", true);
	return selection.model;
}

void
synthetic_add_matrix(struct synthetic_model *model, const char *name, uint64_t rows,
		     uint64_t columns)
{
	add_tensor(model, true, xstrdup(name), ROLE_LINEAR, rows, columns);
}

void
synthetic_free(struct synthetic_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		free(model->tensors[i].name);
	free(model->tensors);
	*model = (struct synthetic_model){0};
}
