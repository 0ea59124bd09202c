#include "category.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gguf_names.h"
#include "util.h"

struct rule {
	const char *category;
	const char *words[16];
};

/* AlphaQuant's: the first of which a word is anywhere in the name, all in small letters. */
static const struct rule alphaquant[] = {
	{"attn_q", {".q_proj", "q_proj", ".q.", "query_proj"}},
	{"attn_k", {".k_proj", "k_proj", ".k.", "key_proj"}},
	{"attn_v", {".v_proj", "v_proj", ".v.", "value_proj"}},
	{"attn_o", {".o_proj", "o_proj", "out_proj", "proj_out"}},
	{"mlp_up", {"up_proj", "w1", "fc1", "dense_h_to_4h", "mlp_up"}},
	{"mlp_gate", {"gate_proj", "mlp_gate"}},
	{"mlp_down", {"down_proj", "w2", "fc2", "dense_4h_to_h", "mlp_down"}},
	{"router_or_gate", {"router", "route", "gate", "gating"}},
	{"expert_linear", {"expert"}},
};

/*
 * More models': the first that the name ends in, from a dot on. BERT and ViT (attention.self.query,
 * attention.output.dense, intermediate.dense, output.dense), DistilBERT (q_lin, lin1), T5 (wi_0, wi_1, wo,
 * SelfAttention.o), DeepSeek (q_a_proj), GPT-2 (attn.c_proj, mlp.c_fc), Phi (self_attn.dense), GPT-J
 * (fc_in), ModernBERT (attn.Wo), ALBERT (ffn, ffn_output), timm (attn.proj), Mamba (mixer.in_proj): the
 * modeling files of transformers.
 */
static const struct rule endings[] = {
	{"attn_q",
	 {"query", "q", "q_lin", "wq", "linear_q", "to_q", "q_attn", "q_a_proj", "q_b_proj"}},
	{"attn_k", {"key", "k", "k_lin", "wk", "linear_k", "to_k"}},
	{"attn_v", {"value", "v", "v_lin", "wv", "linear_v", "to_v"}},
	{"attn_o",
	 {"attention.output.dense", "attention.dense", "self_attention.dense", "self_attn.dense",
	  "attn.c_proj", "attn.proj", "attn.wo", "attention.wo", "o", "out_lin", "o_lin",
	  "linear_out", "to_out.0"}},
	{"mlp_gate", {"wi_0"}},
	{"mlp_up",
	 {"intermediate.dense", "intermediate_dense", "c_fc", "fc_in", "lin1", "linear1", "wi",
	  "wi_1", "w3", "ffn"}},
	{"mlp_down",
	 {"output.dense", "output_dense", "mlp.c_proj", "fc_out", "lin2", "linear2", "wo",
	  "ffn_output"}},
	{"ssm",
	 {"mixer.in_proj", "mixer.x_proj", "mixer.dt_proj", "mamba.in_proj", "mamba.x_proj",
	  "mamba.dt_proj"}},
	{"lm_head", {"embed_out", "predictions.decoder", "vocab_projector"}},
};

static bool
has_word(const struct rule *rule, const char *name)
{
	for (const char *const *word = rule->words; *word; word++)
		if (strstr(name, *word))
			return true;
	return false;
}

static bool
has_ending(const struct rule *rule, const char *name)
{
	size_t length = strlen(name);

	for (const char *const *word = rule->words; *word; word++)
		if (has_suffix(name, *word) &&
		    (length == strlen(*word) || name[length - strlen(*word) - 1] == '.'))
			return true;
	return false;
}

static const char *
category_of_lower(const char *name)
{
	const char *category = gguf_category(name);

	if (category)
		return category;
	for (size_t i = 0; i < sizeof(alphaquant) / sizeof(*alphaquant); i++)
		if (has_word(&alphaquant[i], name))
			return alphaquant[i].category;
	if (strstr(name, "lm_head"))
		return "lm_head";
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (has_ending(&endings[i], name))
			return endings[i].category;
	return "other_linear";
}

const char *
category_of(const char *name)
{
	char *low = xstrdup(name);
	const char *category;

	for (char *at = low; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	category = category_of_lower(low);
	free(low);
	return category;
}
