#!/bin/sh
# Which tensors st-layers takes for layers where config.json is missing, odd or wrong, and what --list says
# of them. tests/models.t has the models as they should be.
. tests/lib.sh

model=$tmp/model
mkdir "$model"
# model CONFIG TENSOR...: a folder; without config.json if that is empty.
model() {
	rm -f "$model/config.json"
	[ -z "$1" ] || echo "$1" >"$model/config.json"
	shift
	tests/write-model "$model/model.safetensors" "$@"
}
# What is chosen: name, shape and the reason.
chosen() { st-layers --list "$@" "$model" 2>&1 | awk -F '\t' '$9 == "yes" { print $2, $5 }'; }
reason() { st-layers --list "$model" 2>&1 | awk -F '\t' -v t="$1" '$1 == t { print $10 }'; }
lines() { printf '%s\n' "$@"; }

# --- fused weights ---------------------------------------------------------------------------------

qkv=model.layers.0.self_attn.qkv_proj
not_known="linear layer; fused; not split: the configuration does not say how"
not_consistent="linear layer; fused; not split: its shape is not what the configuration says"
model '' $qkv.weight:F32:16x8
is "without a configuration it stays whole" "$qkv 16x8" "$(chosen)"
is "and the list says so" "$not_known" "$(reason $qkv.weight)"
model '{"model_type": "other", "hidden_size": 8, "num_attention_heads": 4}' $qkv.weight:F32:24x8
is "a type that is not known" "$not_known" "$(reason $qkv.weight)"
phi='"model_type": "phi3", "hidden_size": 8'
model "{$phi}" $qkv.weight:F32:24x8
is "heads that are not known" "$not_known" "$(reason $qkv.weight)"
for heads in '4, "num_key_value_heads": 2' '3' '0' '-4' '9007199254740991, "head_dim": 9007199254740991' \
	'4, "head_dim": 3' null; do
	model "{$phi, \"num_attention_heads\": $heads}" $qkv.weight:F32:24x8
	is "heads: $heads" "$qkv 24x8" "$(chosen)"
done
is "and the list says why" "$not_known" "$(reason $qkv.weight)"
model "{$phi, \"num_attention_heads\": 4, \"num_key_value_heads\": 2}" $qkv.weight:F32:24x8
is "or that the shape is another" "$not_consistent" "$(reason $qkv.weight)"
model "{$phi, \"num_attention_heads\": 4, \"num_key_value_heads\": 2}" $qkv.weight:F32:16x8
is "the parts" "$(lines "$qkv.q 8x8" "$qkv.k 4x8" "$qkv.v 4x8")" "$(chosen)"
is "--no-split" "$qkv 16x8" "$(chosen --no-split)"
is "--include takes the names of parts" "$qkv.k 4x8" "$(chosen --include 'k$')"
is "their bytes are those of the tensor" "256 128 128" \
	"$(st-layers --list "$model" | awk -F '\t' 'NR > 1 { print $6 }' | tr '\n' ' ' | sed 's/ $//')"
is "the tensor in the frame has the name of the part" \
	"$(lines "$qkv.q.weight" "$qkv.k.weight" "$qkv.v.weight")" \
	"$(st-layers "$model" | grep -ao '[^"]*qkv_proj\..\.weight')"
for i in 1 2; do st-layers --shard $i/2 "$model" >"$tmp/part$i.st"; done
st-layers "$model" >"$tmp/whole.st"
ok "--shard takes parts of tensors" \
	sh -c "st-merge $tmp/part1.st $tmp/part2.st | cmp - $tmp/whole.st"

gate_up=mlp.gate_up_proj
model '' $gate_up.weight:F32:6x4
is "gate and up without a configuration" "$(lines "$gate_up.gate 3x4" "$gate_up.up 3x4")" "$(chosen)"
model '' $gate_up.weight:F32:5x4
is "which must be as long" "$not_consistent" "$(reason $gate_up.weight)"
model '' visual.blocks.0.attn.qkv.weight:F32:12x4 visual.blocks.1.attn.qkv.weight:F32:8x4
is "qkv of an image tower in three" \
	"$(lines visual.blocks.0.attn.qkv.q\ 4x4 visual.blocks.0.attn.qkv.k\ 4x4 \
		visual.blocks.0.attn.qkv.v\ 4x4 visual.blocks.1.attn.qkv\ 8x4)" "$(chosen)"

# Models whose code comes beside their weights: ChatGLM of both architectures, InternLM2, Baichuan, Qwen.
fused=transformer.encoder.layers.0.self_attention.query_key_value
glm='"model_type": "chatglm", "hidden_size": 8, "num_attention_heads": 4'
model "{$glm, \"kv_channels\": 2, \"multi_query_attention\": true, \"multi_query_group_num\": 2}" \
	$fused.weight:F32:16x8 mlp.dense_h_to_4h.weight:F32:6x8
is "ChatGLM2" "$(lines mlp.dense_h_to_4h.gate\ 3x8 mlp.dense_h_to_4h.up\ 3x8 "$fused.q 8x8" "$fused.k 4x8" \
	"$fused.v 4x8")" "$(chosen)"
model "{$glm}" $fused.weight:F32:24x8 mlp.dense_h_to_4h.weight:F32:6x8
is "ChatGLM" "$(lines mlp.dense_h_to_4h\ 6x8 "$fused.q 8x8" "$fused.k 8x8" "$fused.v 8x8")" "$(chosen)"
model '{"model_type": "internlm2", "hidden_size": 8, "num_attention_heads": 4, "num_key_value_heads": 2}' \
	attention.wqkv.weight:F32:16x8
is "InternLM2" "$(lines attention.wqkv.q\ 8x8 attention.wqkv.k\ 4x8 attention.wqkv.v\ 4x8)" "$(chosen)"
for pair in baichuan=W_pack qwen=c_attn; do
	model "{\"model_type\": \"${pair%=*}\"}" "a.${pair#*=}.weight:F32:24x8" "a.${pair#*=}.bias:F32:24"
	is "${pair%=*}" "$(for part in q k v; do echo "a.${pair#*=}.$part 8x8"; done)" "$(chosen)"
done

# --- experts ---------------------------------------------------------------------------------------

down=model.layers.0.mlp.experts.down_proj
model '' $down:F32:3x4x6 a.weight:F32:2x2
st-layers "$model" >"$tmp/out.st" 2>"$tmp/errors"
is "experts that cannot be split: exit 1" 1 $?
is "experts that cannot be split: named" \
	"st-layers: $model/model.safetensors: tensor '$down': fused; not split: the configuration does not say how" \
	"$(cat "$tmp/errors")"
is "the rest is there" a "$(st-info "$tmp/out.st" | awk -F '\t' 'NR == 2 { print $3 }')"
ok "--no-split has nothing to say of them" sh -c "st-layers --no-split $model | st-info -q"
is "--all takes them whole" "$(lines "a 2x2" "$down 3x4x6")" "$(chosen --all)"
experts() { lines "a 2x2" "$(echo "$down" | sed s/experts/experts.0/) $1" \
	"$(echo "$down" | sed s/experts/experts.1/) $1" "$(echo "$down" | sed s/experts/experts.2/) $1"; }
model '{"hidden_size": 4}' $down:F32:3x4x6 a.weight:F32:2x2
is "experts, outputs x inputs" "$(experts 4x6)" "$(chosen)"
model '{"hidden_size": 6, "num_experts": 3}' $down:F32:3x4x6 a.weight:F32:2x2
is "experts, inputs x outputs" "$(experts 6x4)" "$(chosen)"
model '{"text_config": {"hidden_size": 6, "num_experts": 3}}' $down:F32:3x4x6 a.weight:F32:2x2
is "experts of a language model within" "$(experts 6x4)" "$(chosen)"
for config in '"hidden_size": 5' '"hidden_size": 4, "num_experts": 4'; do
	model "{$config}" $down:F32:3x4x6
	fails 66 "st-layers: $model/model.safetensors: tensor '$down': fused; not split: its shape is not what the configuration says
st-layers: $model: no layer is chosen; --list shows why" "experts: $config" st-layers "$model"
done
model '' blk.0.ffn_down_exps.weight:F32:2x4x6
is "experts with the names of GGUF need no configuration" \
	"$(lines blk.0.ffn_down_exps.0\ 4x6 blk.0.ffn_down_exps.1\ 4x6)" "$(chosen)"
model '{"hidden_size": 1}' $down:F32:70000x1x1
is "more experts than any model has" "" "$(chosen)"
model '{"hidden_size": 4}' mlp.experts.weights:F32:3x4x6
is "experts with another name are not left out silently" \
	"st-layers: $model/model.safetensors: tensor 'mlp.experts.weights': fused; not split: no experts with this name are known" \
	"$(st-layers --list "$model" 2>&1 >"$tmp/list")"
model '{"hidden_size": 4}' $down:F32:0x4x6
is "no experts" "" "$(chosen)"

# --- Conv1D ----------------------------------------------------------------------------------------

model '' h.0.attn.c_attn.weight:F32:4x12 h.0.attn.c_attn.bias:F32:12 h.0.attn.c_proj.weight:F32:4x4
is "biases tell Conv1D" "$(lines h.0.attn.c_attn.q\ 4x4 h.0.attn.c_attn.k\ 4x4 h.0.attn.c_attn.v\ 4x4 \
	h.0.attn.c_proj\ 4x4)" "$(chosen)"
is "stored transposed" "linear layer; stored transposed" "$(reason h.0.attn.c_proj.weight)"
model '{"model_type": "gpt2"}' h.0.mlp.c_fc.weight:F32:16x4 h.0.mlp.c_fc.bias:F32:16
is "against the type" "h.0.mlp.c_fc 16x4" "$(chosen)"

# --- the output layer ------------------------------------------------------------------------------

table=model.embed_tokens.weight:F32:6x4
other=model.layers.0.mlp.up_proj.weight:F32:4x4
up="model.layers.0.mlp.up_proj 4x4"
model '{"architectures": ["LlamaForCausalLM"]}' $table $other
is "tied and not on disk" "$(lines "lm_head 6x4" "$up")" "$(chosen)"
is "it says so" "$(lines "linear layer; tied to this embedding" "embedding (--embeddings takes it)")" \
	"$(reason model.embed_tokens.weight)"
is "it counts once" "$(lines "lm_head 6x4" "$up")" "$(chosen --embeddings)"
is "without it, the embedding does" "$(lines "model.embed_tokens 6x4" "$up")" \
	"$(chosen --embeddings --exclude lm_head)"
is "the values are the embedding's" \
	"$(st-layers --embeddings --include embed_tokens "$model" | st-info | awk -F '\t' 'NR == 2 { print $11 }')" \
	"$(st-layers --include lm_head "$model" | st-info | awk -F '\t' 'NR == 2 { print $11 }')"
model '{"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": false}' $table $other
is "not tied" "$up" "$(chosen)"
model '{"architectures": ["LlamaModel"]}' $table $other
is "a class without one" "$up" "$(chosen)"
model '{"architectures": ["LlamaForCausalLM"], "vocab_size": 7}' $table $other
is "a table of another length" "$up" "$(chosen)"
model '{"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true}' $table $other lm_head.weight:F32:6x4
is "tied and on disk counts once" "$(lines "lm_head 6x4" "$up")" "$(chosen --embeddings)"
model '{"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": false}' $table $other lm_head.weight:F32:6x4
is "not tied and on disk" "$(lines "lm_head 6x4" "model.embed_tokens 6x4" "$up")" "$(chosen --embeddings)"

# --- what is never loaded --------------------------------------------------------------------------

model '{"num_hidden_layers": 2}' model.layers.1.mlp.up_proj.weight:F32:4x4 model.layers.2.mlp.up_proj.weight:F8_E4M3:4x4 \
	model.layers.2.eh_proj.weight:F32:4x8 mtp.fc.weight:F32:4x8 h.0.attn.bias:F32:1x1x4x4
is "layers after the last" "model.layers.1.mlp.up_proj 4x4" "$(chosen)"
for tensor in model.layers.2.eh_proj.weight mtp.fc.weight h.0.attn.bias; do
	is "$tensor" "never loaded by transformers (--all takes it)" "$(reason $tensor)"
done
ok "and nothing is missing" sh -c "st-layers $model | st-info -q"

# --- routers and categories ------------------------------------------------------------------------

model '{"model_type": "gpt_oss"}' model.layers.0.mlp.router.weight:F32:3x4
is "a router that is no torch.nn.Linear" \
	"not the weight of a linear layer (--all takes it); a router that is no torch.nn.Linear" \
	"$(reason model.layers.0.mlp.router.weight)"
model '{"model_type": "mixtral"}' model.layers.0.block_sparse_moe.gate.weight:F32:3x4
is "one that is" "model.layers.0.block_sparse_moe.gate 3x4" "$(chosen)"

while read -r category name; do
	model '' "$name.weight:F32:4x4"
	is "category of $name" "$category" "$(st-layers --list "$model" | awk -F '\t' 'NR == 2 { print $3 }')"
done <<-'END'
	attn_q encoder.layer.0.attention.self.query
	attn_k encoder.layer.0.attention.attention.key
	attn_v decoder.block.0.layer.1.EncDecAttention.v
	attn_o encoder.layer.0.attention.output.dense
	attn_o decoder.block.0.layer.0.SelfAttention.o
	attn_o vision_model.encoder.layers.0.self_attn.out_proj
	attn_o gpt_neox.layers.0.attention.dense
	attn_o transformer.h.0.attn.c_proj
	mlp_up encoder.layer.0.intermediate.dense
	mlp_up decoder.block.0.layer.2.DenseReluDense.wi_1
	mlp_gate decoder.block.0.layer.2.DenseReluDense.wi_0
	mlp_down decoder.block.0.layer.2.DenseReluDense.wo
	mlp_down encoder.layer.0.output.dense
	mlp_down transformer.h.0.mlp.c_proj
	mlp_down transformer.layer.0.ffn.lin2
	mlp_up blocks.0.mlp.fc1
	ssm backbone.layers.0.mixer.in_proj
	attn_o backbone.layers.0.mixer.out_proj
	expert_linear model.layers.0.block_sparse_moe.experts.0.w3
	mlp_up model.layers.0.feed_forward.w3
	other_linear pooler.dense
	other_linear classifier
	lm_head cls.predictions.decoder
	other_linear embedding_hidden_mapping_in
	embedding token_type_embeddings
END
done_testing
