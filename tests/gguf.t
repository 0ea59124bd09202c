#!/bin/sh
# GGUF: the values of all types against the gguf package, bit for bit, on files of its making and on a real
# one; what layers are called; and files that are wrong in one way each.
. tests/lib.sh

tab=$(printf '\t')

# --- wrong files: the fixtures and what is expected of them are tests/gen/bad-gguf.py ---------------

python3 -B tests/gen/bad-gguf.py "$tmp/bad" || exit 1
layers() { (cd "$tmp/bad" && timeout 20 st-layers "$@" </dev/null); }

refused() {
	while IFS=$tab read -r name wanted message; do
		layers "$@" "$name" >"$tmp/out" 2>"$tmp/err"
		found="$?, $(cat "$tmp/out" "$tmp/err")"
		# Of files that are cut at any byte only the status is expected, and one line.
		[ "$message" != - ] || message=$(grep 'cut off\|do not fit' "$tmp/err")
		[ "$found" = "$wanted, $message" ] || printf '%s: %s\n' "$name" "$found"
	done <"$tmp/bad/refused.tsv"
}
ok "some are refused" test "$(wc -l <"$tmp/bad/refused.tsv")" -gt 200
is "with these messages" "" "$(refused --list)"
is "with or without --list" "" "$(refused)"
while IFS=$tab read -r name tensors; do
	layers --list "$name" >"$tmp/out" 2>"$tmp/err"
	found="$?, $(cat "$tmp/err")$(sed 1d "$tmp/out" | cut -f 1 | paste -s -)"
	is "taken: $(echo "$name" | cut -c 1-60)" "0, $tensors" "$found"
done <"$tmp/bad/taken.tsv"

mkdir "$tmp/folder" "$tmp/both"
cp "$tmp/bad/good.gguf" "$tmp/folder/any-name.gguf"
cp "$tmp/bad/good.gguf" "$tmp/both"
tests/write-model "$tmp/both/model.safetensors" s.weight:F32:2x2
names() { st-layers --list "$1" | sed 1d | cut -f 1; }
is "the only GGUF file of a folder" w "$(names "$tmp/folder")"
is "safetensors before GGUF" s.weight "$(names "$tmp/both")"

# --- values, against the gguf package ---------------------------------------------------------------

if ! reason=$(tests/fetch-venv 2>&1); then
	[ "${CI:-}" = true ] && is "the gguf package" "there" "$reason" ||
		skip "values are those of the gguf package" "$reason"
	done_testing
	exit
fi
python=tests/data/venv/bin/python
for what in types others names split; do
	ok "the gguf package writes $what" $python -B tests/gen/gguf-types.py $what "$tmp/$what.gguf"
done
compare() { # [OPTION]... FILE
	for file; do :; done
	st-layers --all "$@" | $python -W ignore -B tests/compare-gguf "$file" 2>&1
}
is "the same values for each type" \
	"BF16:1 F16:1 F32:1 F64:1 IQ4_NL:1 IQ4_XS:1 MXFP4:1 Q2_K:1 Q3_K:1 Q4_0:1 Q4_1:1 Q4_K:2 Q5_0:1 Q5_1:1 Q5_K:1 Q6_K:1 Q8_0:1 Q8_K:1" \
	"$(compare "$tmp/types.gguf")"

st-layers "$tmp/others.gguf" >"$tmp/out.st" 2>"$tmp/err"
is "types that are not decoded: exit 1" 1 $?
is "types that are not decoded: all are named" \
	"IQ1_M IQ1_S IQ2_S IQ2_XS IQ2_XXS IQ3_S IQ3_XXS NVFP4 Q1_0 TQ1_0 TQ2_0" \
	"$(sed -n "s|^st-layers: $tmp/others.gguf: tensor '\(.*\).weight': left out: weights of type \1 are not read\$|\1|p" \
		"$tmp/err" | paste -s -d ' ')"
is "types that are not decoded: the rest is there" kept \
	"$(st-info "$tmp/out.st" | awk -F '\t' 'NR == 2 { print $3 }')"
is "types that are not decoded, in the list" \
	"NVFP4 37x192 no weights of a type that is not read" \
	"$(st-layers --list "$tmp/others.gguf" 2>/dev/null | awk -F '\t' '$2 == "NVFP4" { print $4, $5, $9, $10 }')"
is "integers" "I16 I32 I64 I8" \
	"$(st-layers --list "$tmp/others.gguf" 2>/dev/null | awk -F '\t' '$10 == "not floating point" { print $4 }' |
		sort | paste -s -d ' ')"

for number in 1 2 3; do
	st-layers "$tmp/split-0000$number-of-00003.gguf" | st-info | awk -F '\t' 'NR > 1 { print $3 }'
done >"$tmp/layers"
is "any part of a split model is the whole" "3 blk.0.ffn_up 3 blk.1.ffn_up 3 blk.2.ffn_up" \
	"$(sort "$tmp/layers" | uniq -c | awk '{ print $1, $2 }' | paste -s -d ' ')"

# --- names ------------------------------------------------------------------------------------------

st-layers --list "$tmp/names.gguf" >"$tmp/list"
while read -r layer category chosen; do
	is "$layer" "$category $chosen" \
		"$(awk -F '\t' -v l="$layer" '$2 == l { print $3, $9 }' "$tmp/list")"
done <<-'END'
	token_embd embedding no
	position_embd embedding no
	per_layer_token_embd embedding no
	token_types embedding no
	output lm_head yes
	blk.0.attn_q attn_q yes
	blk.0.attn_k attn_k yes
	blk.0.attn_v attn_v yes
	blk.0.attn_output attn_o yes
	blk.0.attn_qkv other_linear yes
	blk.0.attn_kv_b other_linear yes
	blk.0.attn_rel_b embedding no
	blk.0.ffn_up mlp_up yes
	blk.0.ffn_gate mlp_gate yes
	blk.0.ffn_down mlp_down yes
	blk.0.ffn_gate_inp router_or_gate yes
	blk.0.ffn_gate_inp_shexp router_or_gate yes
	blk.0.ffn_up_shexp mlp_up yes
	blk.0.ffn_gate_shexp mlp_gate yes
	blk.0.ffn_down_shexp mlp_down yes
	blk.0.ffn_gate.3 mlp_gate yes
	blk.0.ffn_up_exps.1 mlp_up yes
	blk.0.ffn_gate_exps.1 mlp_gate yes
	blk.0.ffn_down_exps.1 mlp_down yes
	blk.0.ssm_conv1d conv no
	blk.0.ssm_in other_linear yes
	enc.blk.1.attn_o attn_o yes
	dec.blk.1.cross_attn_q attn_q yes
	v.blk.2.attn_out attn_o yes
	v.patch_embd conv no
END

# --- a real model -----------------------------------------------------------------------------------

if ! reason=$(tests/fetch-gguf 2>&1); then
	[ "${CI:-}" = true ] && is "a real GGUF file" "there" "$reason" ||
		skip "a real GGUF file" "$reason"
	done_testing
	exit
fi
model=tests/data/gguf/SmolLM2-135M-Instruct.Q4_1.gguf
is "a real model: its layers" 210 "$(st-layers --list $model | awk -F '\t' '$9 == "yes"' | wc -l)"
is "a real model: categories" \
	"30 attn_k 30 attn_o 30 attn_q 30 attn_v 30 mlp_down 30 mlp_gate 30 mlp_up" \
	"$(st-layers --list $model | awk -F '\t' '$9 == "yes" { print $3 }' | sort | uniq -c |
		awk '{ print $1, $2 }' | paste -s -d ' ')"
is "a real model: the same values" "Q4_1:14 Q8_0:1" \
	"$(compare --include 'blk\.(0|29)\.|^token_embd$' $model)"

# Alpha from an SVD of numpy, of the values that the package gives.
cat >"$tmp/alpha.py" <<'END'
import sys
import numpy as np
from gguf import GGUFReader, dequantize
tensor, = (t for t in GGUFReader(sys.argv[1]).tensors if t.name == "blk.3.attn_k.weight")
weights = dequantize(tensor.data, tensor.tensor_type).astype(np.float64)
values = np.sort(np.linalg.svd(weights, compute_uv=False) ** 2)
k = max(10, len(values) // 10)
wanted = 1 + k / np.log(values[-k:] / values[-k - 1]).sum()
table = [line.split("\t") for line in sys.stdin][1:]
print(*[f"{row[0]} {row[5]} {row[6]}" for row in table])
print("same" if abs(float(table[0][7]) - wanted) < 1e-9 else f"{table[0][7]}, and not {wanted}")
END
is "a real model, end to end" "blk.3.attn_k Q4_1 fp32 blk.3.attn_k Q4_1 bf16
same" "$(st-layers --include 'blk\.3\.attn_k$' $model | prec-cast fp32,bf16 | spectrum | hill-alpha |
	$python -B "$tmp/alpha.py" $model 2>&1)"
done_testing
