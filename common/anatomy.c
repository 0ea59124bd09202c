#include "anatomy.h"

#include <stdlib.h>
#include <string.h>

#include "natural.h"

static int
compare_name(const void *name, const void *tensor)
{
	return compare_natural(name, ((const struct model_tensor *)tensor)->name);
}

const struct model_tensor *
model_find(const struct model *model, const char *name)
{
	return model->count ? bsearch(name, model->tensors, model->count, sizeof(*model->tensors),
				      compare_name)
			    : NULL;
}

bool
anatomy_is(const struct anatomy *anatomy, const char *const *types)
{
	for (; *types; types++)
		if (!strcmp(anatomy->type, *types) || !strcmp(anatomy->text_type, *types))
			return true;
	return false;
}

/* The first of these settings that is there; they mean the same in different models. */
static uint64_t
any_number(const struct config *config, const char *const *names)
{
	uint64_t value = 0;

	for (; *names && !value; names++)
		value = config_number(config, *names, 0);
	return value;
}

/*
 * Whether the linear layers are transformers' Conv1D (pytorch_utils.py), whose weights lie inputs x
 * outputs. Their biases tell, as long as outputs; where all are as many as inputs, the type does.
 */
static bool
is_transposed(const struct anatomy *anatomy)
{
	const struct model *model = anatomy->model;

	for (size_t i = 0; i < model->count; i++) {
		const struct model_tensor *weight = &model->tensors[i], *bias;
		size_t length = strlen(weight->name);
		char *name;

		if (weight->rank != 2 || weight->shape[0] == weight->shape[1] ||
		    (!has_suffix(weight->name, ".c_attn.weight") &&
		     !has_suffix(weight->name, ".c_fc.weight")))
			continue;
		name = format_text("%.*s.bias", (int)(length - strlen(".weight")), weight->name);
		bias = model_find(model, name);
		free(name);
		if (bias && bias->rank == 1)
			return bias->shape[0] == weight->shape[1];
	}
	return anatomy_is(anatomy, TYPES("gpt2", "openai-gpt", "imagegpt", "decision_transformer"));
}

struct anatomy
anatomy_of(const struct model *model)
{
	const struct config *config = &model->config;
	const char *type = config_text(config, "model_type");
	const char *text_type = config_text(config, "text_config.model_type");
	struct anatomy a = {
		.model = model,
		.type = type ? type : "",
		.text_type = text_type ? text_type : "",
		.hidden = any_number(config, TYPES("hidden_size", "n_embd", "d_model")),
		.heads = any_number(config, TYPES("num_attention_heads", "n_head", "n_heads")),
		.kv_heads = any_number(config, TYPES("num_key_value_heads", "num_kv_heads",
						     "attn_config.kv_n_heads")),
		.head_dim = any_number(config, TYPES("head_dim", "kv_channels")),
		.experts = any_number(config,
				      TYPES("num_local_experts", "num_experts", "n_routed_experts",
					    "moe_num_experts", "ffn_config.moe_num_experts")),
		.blocks = config_number(config, "num_hidden_layers", 0),
		.vocabulary = config_number(config, "vocab_size", 0),
		/* The defaults of FalconConfig and GPTBigCodeConfig. */
		.grouped = config_flag(config, "new_decoder_architecture", false),
		.multi_query = config_flag(config, "multi_query", true),
	};

	/* It has the length of a head in its configuration, and another way to say that there are
	 * fewer of keys. */
	a.second_glm = anatomy_is(&a, TYPES("chatglm")) && a.head_dim;
	if (config_flag(config, "multi_query_attention", false))
		a.kv_heads = config_number(config, "multi_query_group_num", 0);
	if (!a.kv_heads)
		a.kv_heads = a.heads;
	if (!a.head_dim && a.heads && a.hidden % a.heads == 0)
		a.head_dim = a.hidden / a.heads;
	a.transposed = is_transposed(&a);
	return a;
}
