#!/bin/sh
# Quantised checkpoints: the weights are, bit for bit, those that the libraries make of what they have
# written. tests/gen/quantised-models.py wrote both.
. tests/lib.sh

for folder in tests/golden/quantised/*/; do
	folder=${folder%/}
	count=$(st-layers --all "$folder" 2>"$tmp/err" |
		tests/compare-quantised "$folder/expected.safetensors") || explain "$count"
	is "$(basename "$folder"): the same values" "yes" \
		"$([ "${count:-0}" -ge 2 ] 2>/dev/null && echo yes)$(cat "$tmp/err")"
done

# --- what is listed ---------------------------------------------------------------------------------

list() { st-layers --list "$@" 2>&1; }
# A column of the rows of tensors.
column() { awk -F '\t' -v c="$1" 'NR > 1 { print $1 "\t" $c }'; }

gptq=tests/golden/quantised/gptq-2
is "--list: the weights are layers, their parts are parts" \
	"lm_head.weight	linear layer
model.layers.0.mlp.down_proj.g_idx	part of model.layers.0.mlp.down_proj.weight
model.layers.0.mlp.down_proj.qweight	part of model.layers.0.mlp.down_proj.weight
model.layers.0.mlp.down_proj.qzeros	part of model.layers.0.mlp.down_proj.weight
model.layers.0.mlp.down_proj.scales	part of model.layers.0.mlp.down_proj.weight
model.layers.0.mlp.down_proj.weight	linear layer
model.layers.0.mlp.up_proj.g_idx	part of model.layers.0.mlp.up_proj.weight
model.layers.0.mlp.up_proj.qweight	part of model.layers.0.mlp.up_proj.weight
model.layers.0.mlp.up_proj.qzeros	part of model.layers.0.mlp.up_proj.weight
model.layers.0.mlp.up_proj.scales	part of model.layers.0.mlp.up_proj.weight
model.layers.0.mlp.up_proj.weight	linear layer
model.norm.weight	fewer than two dimensions" "$(list $gptq | column 10)"
is "--list: what a weight is stored as, its shape and bytes" \
	"mlp_up GPTQ int2 32x64 912" \
	"$(list $gptq | awk -F '\t' '$2 ~ /up_proj$/ && $9 == "yes" { print $3, $4, $5, $6 }')"
is "source_dtype is what it was" "GPTQ int2" \
	"$(st-layers --include up_proj $gptq | st-info -m | awk -F '\t' '$2 == "source_dtype" { print $3 }')"
for pair in "fp8-tensor=F8_E4M3 scaled" "fp8-channel=F8_E4M3 scaled by rows" \
	"fp8-blocks=F8_E4M3 16x24 blocks" "mxfp8=F8_E4M3 groups of 32" \
	"deepseek-small-blocks=F8_E4M3 16x24 blocks" "int8-channel=I8 scaled by rows" \
	"gptq-v2-3=GPTQ int3" "awq=AWQ int4" "packed-8=compressed-tensors int8" "nvfp4=nvfp4" \
	"mxfp4=mxfp4" "gpt-oss=mxfp4" "modelopt-nvfp4=nvfp4" "nf4=bnb nf4" "fp4=bnb fp4" \
	"nf4-nested=bnb nf4 nested" "bnb-int8=bnb int8"; do
	is "${pair%%=*} is stored as ${pair#*=}" "${pair#*=}" "$(list "tests/golden/quantised/${pair%%=*}" |
		awk -F '\t' '$2 ~ /layers/ && $10 !~ /part|fewer/ { type = $4 } END { print type }')"
done

# Pieces of a stream do not end with rows: what is read from any place on is the same.
tests/write-model "$tmp/large.safetensors" a.weight:F8_E4M3:1100x1300 a.weight_scale:F32:1100x1
st-layers "$tmp/large.safetensors" >"$tmp/large.st"
ok "a weight of several pieces is a good stream" st-info -q "$tmp/large.st"
is "and its last value is right" "$(python3 -B -c '
import struct
i = 1100 * 1300 - 1
code = i % 61
value = code / 8 * 2.0 ** -6 if code < 8 else (1 + code % 8 / 8) * 2.0 ** (code // 8 - 7)
scale = struct.unpack("<f", struct.pack("<f", (1099 * 7919 % 1000) / 1000 - 0.5))[0]
print(struct.pack("<f", value * scale).hex())')" \
	"$(head -c $(($(od -An -tu8 -N 8 "$tmp/large.st") + 8 + 1100 * 1300 * 4)) "$tmp/large.st" |
		tail -c 4 | od -An -tx1 | tr -d ' ')"

# --- what cannot be read ----------------------------------------------------------------------------

# refused NAME CONFIG REASON TENSOR...: a model whose first tensor is left out for a reason. Beside it is
# a layer, which comes out.
refused() {
	what=$1 config=$2 reason=$3 first=${4%%:*}
	shift 3
	rm -rf "$tmp/bad" && mkdir "$tmp/bad"
	[ -z "$config" ] || printf '{"quantization_config": {%s}}\n' "$config" >"$tmp/bad/config.json"
	tests/write-model "$tmp/bad/model.safetensors" "$@" z.weight:F32:2x2
	found=$(st-layers "$tmp/bad" 2>"$tmp/err" | st-info | awk -F '\t' '$1 == 0 { print $3 }')
	st-layers --list "$tmp/bad" >"$tmp/list" 2>"$tmp/err"
	status=$?
	is "$what" "1, z, st-layers: $tmp/bad/model.safetensors: tensor '$first': left out: $reason" \
		"$status, $found, $(cat "$tmp/err")"
	is "$what: listed" "no	$reason" \
		"$(awk -F '\t' -v t="$first" '$1 == t { print $9 "\t" $10 }' "$tmp/list")"
}

gptq='"quant_method": "gptq", "bits": 4, "group_size": 8'
awq='"quant_method": "awq", "bits": 4, "group_size": 8'
ct='"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int", "symmetric": true, "strategy": "group", "group_size": 8}}}'
bnb='"quant_method": "bitsandbytes", "load_in_4bit": true'
refused "no configuration" "" "quantised weights, and no configuration says how" a.qweight:I32:2x8
refused "an unknown method" '"quant_method": "hqq"' \
	"quantised by the method 'hqq', which is not read" a.W_q:U8:4x4
refused "an unknown method, and names of another" '"quant_method": "new"' \
	"quantised by the method 'new', which is not read" a.qweight:I32:2x8
refused "GPTQ without scales" "$gptq" "GPTQ weights without scales" a.qweight:I32:2x8
refused "GPTQ without zero points" "$gptq" "GPTQ weights without qzeros" \
	a.qweight:I32:2x8 a.scales:F16:2x8
refused "GPTQ: another number of groups" "$gptq" \
	"GPTQ weights of 16 inputs in 3 groups, and the configuration says groups of 8" \
	a.qweight:I32:2x8 a.scales:F16:3x8 a.qzeros:I32:3x1
refused "GPTQ: another number of bits" '"quant_method": "gptq", "bits": 8, "group_size": 8' \
	"GPTQ weights whose qzeros, I32 1x1, does not fit" \
	a.qweight:I32:2x8 a.scales:F16:1x8 a.qzeros:I32:1x1
refused "GPTQ: bits that there are not" '"quant_method": "gptq", "bits": 5' \
	"GPTQ weights of 5 bits, which are not read" a.qweight:I32:2x8 a.scales:F16:1x8
refused "GPTQ: a format that is not read" "$gptq, \"checkpoint_format\": \"marlin\"" \
	"GPTQ weights in the checkpoint format 'marlin', which is not read" a.qweight:I32:2x8
refused "GPTQ: groups of 0" '"quant_method": "gptq", "bits": 4, "group_size": 0' \
	"GPTQ weights in groups of 0" a.qweight:I32:2x8 a.scales:F16:2x8 a.qzeros:I32:2x1
refused "GPTQ: an order, and not which" "$gptq, \"desc_act\": true" "GPTQ weights without g_idx" \
	a.qweight:I32:2x8 a.scales:F16:2x8 a.qzeros:I32:2x1
refused "GPTQ: scales of another type" "$gptq" "GPTQ weights whose scales, I32 2x8, does not fit" \
	a.qweight:I32:2x8 a.scales:I32:2x8 a.qzeros:I32:2x1
refused "GPTQ beside the weight" "$gptq" \
	"GPTQ weights beside a.weight, which has the name of what they stand for" \
	a.qweight:I32:2x8 a.scales:F16:2x8 a.qzeros:I32:2x1 a.weight:F32:1
refused "AWQ of another version" "$awq, \"version\": \"gemv\"" \
	"AWQ weights of the version 'gemv', which is not read" a.qweight:I32:8x1
refused "AWQ of other bits" '"quant_method": "awq", "bits": 8' \
	"AWQ weights of 8 bits, which are not read" a.qweight:I32:8x1
refused "AWQ: scales that do not fit" "$awq" "AWQ weights whose scales, F16 2x8, does not fit" \
	a.qweight:I32:8x1 a.scales:F16:2x8 a.qzeros:I32:1x1
refused "compressed-tensors without a shape" "$ct" "compressed-tensors weights without weight_shape" \
	a.weight_packed:I32:4x1 a.weight_scale:F16:4x1
refused "compressed-tensors: a shape of other rows" "$ct" \
	"compressed-tensors weights of 506097522914230528x1084818905618843912, as weight_shape has it, in 4 rows" \
	a.weight_packed:I32:4x1 a.weight_scale:F16:4x1 a.weight_shape:I64:2
refused "scales of other blocks" '"quant_method": "fp8", "weight_block_size": [4, 4]' \
	"scaled weights whose weight_scale_inv, F32 3x2, does not fit" \
	a.weight:F8_E4M3:8x8 a.weight_scale_inv:F32:3x2
refused "blocks that two groups of layers may have" '"quant_method": "compressed-tensors", "config_groups": {
	"group_0": {"weights": {"block_structure": [4, 5]}}, "group_1": {"weights": {"block_structure": [5, 6]}}}' \
	"scaled weights whose weight_scale, F32 2x2, does not fit" a.weight:F8_E4M3:8x8 a.weight_scale:F32:2x2
refused "scales of integers" '"quant_method": "fp8"' "scaled weights whose weight_scale, I32 8x1, does not fit" \
	a.weight:F8_E4M3:8x8 a.weight_scale:I32:8x1
refused "no scales" '"quant_method": "fp8"' \
	"F8_E4M3 weights without the scales that the method 'fp8' has" a.weight:F8_E4M3:8x8
refused "nvfp4 without a global scale" "$ct" "compressed-tensors FP4 weights without weight_global_scale" \
	a.weight_packed:U8:4x8 a.weight_scale:F8_E4M3:4x1
refused "mxfp4 of other blocks" "" "MXFP4 weights whose down_proj_blocks, U8 2x4x2x8, does not fit" \
	a.down_proj_blocks:U8:2x4x2x8 a.down_proj_scales:U8:2x4x2
refused "mxfp4: scales that do not fit" "" "MXFP4 weights whose down_proj_scales, U8 2x4x1, does not fit" \
	a.down_proj_blocks:U8:2x4x2x16 a.down_proj_scales:U8:2x4x1
refused "bitsandbytes without its settings" "$bnb" "bitsandbytes weights without quant_state" \
	a.weight:U8:32x1 a.weight.absmax:F32:1
refused "bitsandbytes: settings that are no JSON" "$bnb" \
	"bitsandbytes weights whose quant_state is bad: '{' expected (at byte 0 of the JSON)" \
	a.weight:U8:32x1 a.weight.absmax:F32:1 a.weight.quant_state.bitsandbytes__nf4:U8:16
refused "bitsandbytes int8 without scales" "$bnb" "bitsandbytes weights without SCB" a.weight:I8:4x4
refused "sparse weights" "$ct" "sparse weights, which are not read" a.weight.compressed:F16:16

# Experts of gpt-oss are outputs x inputs in this form, whatever the parameter is: also where both are as long.
mkdir "$tmp/square"
cat >"$tmp/square/config.json" <<'END'
{"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": 32, "num_local_experts": 2,
 "tie_word_embeddings": false, "quantization_config": {"quant_method": "mxfp4"}}
END
tests/write-model "$tmp/square/model.safetensors" model.layers.0.mlp.experts.down_proj_blocks:U8:2x32x1x16 \
	model.layers.0.mlp.experts.down_proj_scales:U8:2x32x1 \
	model.layers.0.mlp.experts.gate_up_proj_blocks:U8:2x8x1x16 model.layers.0.mlp.experts.gate_up_proj_scales:U8:2x8x1
st-layers "$tmp/square" >"$tmp/parts.st"
st-layers --no-split --all "$tmp/square" >"$tmp/stack.st"
# bytes NAME FILE: the payload of a frame, in hexadecimal
payload() {
	python3 -B -c '
import json, struct, sys
name, data, at = sys.argv[1], open(sys.argv[2], "rb").read(), 0
while at < len(data):
    length, = struct.unpack_from("<Q", data, at)
    head = json.loads(data[at + 8:at + 8 + length])
    size = max([0] + [t["data_offsets"][1] for n, t in head.items() if n != "__metadata__"])
    if head["__metadata__"].get("layer") == name:
        print(data[at + 8 + length:at + 8 + length + size].hex())
    at += 8 + length + size' "$@"
}
prefix=model.layers.0.mlp.experts
whole=$(payload $prefix.down_proj "$tmp/stack.st")
is "a square expert is not turned" "$whole" \
	"$(payload $prefix.0.down_proj "$tmp/parts.st")$(payload $prefix.1.down_proj "$tmp/parts.st")"
ok "there was something to compare" test "${#whole}" = $((2 * 2 * 32 * 32 * 2))
whole=$(payload $prefix.gate_up_proj "$tmp/stack.st")
is "gate and up are every other row" "$(echo "$whole" | cut -c 1-128 ) $(echo "$whole" | cut -c 129-256)" \
	"$(payload $prefix.0.gate_up_proj.gate "$tmp/parts.st" | cut -c 1-128) $(payload $prefix.0.gate_up_proj.up "$tmp/parts.st" | cut -c 1-128)"

# A group that is not there is found only when weights are read.
mkdir "$tmp/order"
printf '{"quantization_config": {%s, "desc_act": true}}\n' "$gptq" >"$tmp/order/config.json"
tests/write-model "$tmp/order/model.safetensors" a.qweight:I32:2x8 a.scales:F16:2x8 a.qzeros:I32:2x1 \
	a.g_idx:I32:16
ok "a group that is not there: the list knows nothing of it" st-layers --list "$tmp/order"
st-layers "$tmp/order" >"$tmp/out.st" 2>"$tmp/err"
is "a group that is not there: exit 65" \
	"65 st-layers: $tmp/order/model.safetensors: tensor 'a.g_idx': input 0 is in group 50462976, and there are 2" \
	"$? $(cat "$tmp/err")"

# The configuration that early GPTQ wrote beside config.json.
mkdir "$tmp/early"
cp tests/golden/quantised/gptq-4/*.safetensors "$tmp/early"
echo '{"model_type": "llama"}' >"$tmp/early/config.json"
echo '{"bits": 4, "group_size": 32, "desc_act": false, "sym": false}' >"$tmp/early/quantize_config.json"
is "quantize_config.json" 3 \
	"$(st-layers "$tmp/early" | tests/compare-quantised "$tmp/early/expected.safetensors")"

done_testing
