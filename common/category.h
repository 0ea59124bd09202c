/* What a layer does in its model, as far as its name tells. */
#ifndef CATEGORY_H
#define CATEGORY_H

/*
 * The category of a layer's name, by AlphaQuant's rules (alphaquant/alpha_hill/utils.py): attn_q attn_k
 * attn_v attn_o mlp_up mlp_gate mlp_down router_or_gate expert_linear other_linear. Where those say
 * other_linear, by rules for the names of more models: the same categories, and ssm and lm_head. Names of
 * GGUF files have their own (gguf_names.h).
 */
const char *category_of(const char *name);

#endif
