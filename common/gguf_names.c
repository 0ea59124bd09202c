#include "gguf_names.h"

#include <stddef.h>
#include <string.h>

#include "util.h"

const char *
gguf_role(const char *name)
{
	const char *at = has_prefix(name, "blk.") ? name : strstr(name, ".blk.");

	if (!at)
		return NULL;
	at = strstr(at, "blk.") + strlen("blk.");
	at += strspn(at, "0123456789");
	return *at == '.' ? at + 1 : NULL;
}

const char *
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
