#!/bin/sh
# st-layers: which models are found, and which of their tensors are layers.
. tests/lib.sh

model=$tmp/model.safetensors
tests/write-model "$model" \
	layers.10.self_attn.q_proj.weight:F32:4x4 \
	layers.2.self_attn.k_proj.weight:F32:2x4 \
	layers.2.self_attn.v_proj.weight:F32:2x4 \
	layers.2.self_attn.o_proj.weight:F32:4x4 \
	layers.2.mlp.up_proj.weight:F32:8x4 \
	layers.2.mlp.gate_proj.weight:F32:8x4 \
	layers.2.mlp.down_proj.weight:F32:4x8 \
	layers.2.mlp.down_proj.bias:F32:4 \
	layers.2.mlp.router.weight:F32:2x4 \
	layers.2.experts.0.linear.weight:F32:4x4 \
	layers.2.input_layernorm.weight:F32:4 \
	embed_tokens.weight:F32:16x4 \
	lm_head.weight:F32:16x4 \
	embed_out.weight:F32:16x4 \
	patch.conv.weight:F32:4x3x2x2 \
	mixer.conv1d.weight:F32:4x1x4 \
	cls_token:F32:1x1x4 \
	position_ids:I32:1x16 \
	scale:F32: \
	dense.weight:BF16:4x4

list() { st-layers --list "$@"; }
# column N of the row of a tensor in the list
field() { list "$model" | awk -F '\t' -v t="$1" -v c="$2" '$1 == t { print $c }'; }
chosen() { list "$@" | awk -F '\t' '$9 == "yes" { print $2 }' | tr '\n' ' '; }

is "linear layers, in the order people count" \
	"dense embed_out layers.2.experts.0.linear layers.2.mlp.down_proj layers.2.mlp.gate_proj layers.2.mlp.router layers.2.mlp.up_proj layers.2.self_attn.k_proj layers.2.self_attn.o_proj layers.2.self_attn.v_proj layers.10.self_attn.q_proj lm_head " \
	"$(chosen "$model")"
for pair in q_proj=attn_q:layers.10.self_attn k_proj=attn_k:layers.2.self_attn \
	v_proj=attn_v:layers.2.self_attn o_proj=attn_o:layers.2.self_attn \
	up_proj=mlp_up:layers.2.mlp gate_proj=mlp_gate:layers.2.mlp down_proj=mlp_down:layers.2.mlp \
	router=router_or_gate:layers.2.mlp linear=expert_linear:layers.2.experts.0; do
	name=${pair#*:}.${pair%%=*} category=${pair#*=}
	is "category of $name" "${category%%:*}" "$(field "$name.weight" 3)"
done
is "category of lm_head" lm_head "$(field lm_head.weight 3)"
is "category of embed_out" lm_head "$(field embed_out.weight 3)"
is "category of an embedding" embedding "$(field embed_tokens.weight 3)"
is "category of a convolution" conv "$(field patch.conv.weight 3)"
is "category of another layer" other_linear "$(field dense.weight 3)"
is "why an embedding is left out" "embedding (--embeddings takes it)" "$(field embed_tokens.weight 10)"
is "why integers are left out" "not floating point" "$(field position_ids 10)"
is "why a bias is left out" "fewer than two dimensions" "$(field layers.2.mlp.down_proj.bias 10)"
is "--conv" "mixer.conv1d patch.conv " \
	"$(list --conv "$model" | awk -F '\t' '$9 == "yes" && $3 == "conv" { print $2 }' | tr '\n' ' ')"
is "--embeddings" 13 "$(chosen --embeddings "$model" | wc -w)"
is "--all takes every float of two or more dimensions" 16 "$(chosen --all "$model" | wc -w)"
is "--include" "layers.2.self_attn.k_proj layers.2.self_attn.v_proj " \
	"$(chosen --include '\.(k|v)_proj$' "$model")"
is "--include twice takes either" "dense lm_head " \
	"$(chosen --include '^dense' --include '(?i)LM' "$model")"
is "--exclude after --include" "lm_head " \
	"$(chosen --include '^dense' --include lm_ --exclude dense "$model")"

is "a matrix of a kernel has the first dimension as rows" 4x12 \
	"$(st-layers --conv --include patch "$model" | st-info | awk -F '\t' 'NR == 2 { print $7 "x" $8 }')"
st-layers --include '^dense$' "$model" > "$tmp/dense.st"
header=$(($(od -An -tu8 -N 8 "$tmp/dense.st") + 8))
is "what comes out is what lies in the file" "$(tail -c 32 "$model" | od -An -tx1)" \
	"$(tail -c +$((header + 1)) "$tmp/dense.st" | head -c 32 | od -An -tx1)"

for n in 1 2 3 5 40; do
	for i in $(seq $n); do chosen --shard "$i/$n" "$model"; done | tr ' ' '\n' | sort > "$tmp/parts"
	chosen "$model" | tr ' ' '\n' | sort > "$tmp/whole"
	grep . "$tmp/parts" > "$tmp/p" && grep . "$tmp/whole" > "$tmp/w"
	ok "--shard: $n parts are the whole" cmp "$tmp/p" "$tmp/w"
done
ok "--shard: an empty part is a good stream" sh -c "st-layers --shard 40/40 $model | st-info -q"

# A frame does not tell what part it is in: its metadata are compared, without its place in the part.
metadata() { st-layers "$@" "$model" | st-info -m | grep '^[0-9]' | cut -f 2-; }
for i in 1 2 3; do metadata --exclude 'k_proj' --shard $i/3; done | sort > "$tmp/p"
metadata --exclude 'k_proj' | sort > "$tmp/w"
ok "--shard: the frames of all parts are those of the whole" cmp "$tmp/p" "$tmp/w"
is "--shard: the end does not tell the part" "$(st-layers "$model" | st-info -m | grep ^end)" \
	"$(st-layers --sh 2/3 "$model" | st-info -m | grep ^end)"
is "--shard: the numbers of a part have gaps" "0 12 8 12 11 12 " \
	"$(st-layers --shard=2/3 "$model" | st-info -m | awk '$2 == "index" || $2 == "count" { print $3 }' |
		tr '\n' ' ')"

# Parts are of about equal work, for the layers of a model of 70 billion; the file has none of their bytes.
mkdir "$tmp/large"
st-synth --list --like llama-3.1-70b | python3 -B -c '
import json, struct, sys
header, at = {}, 0
for line in sys.stdin.read().splitlines()[1:]:
    name, rows, columns = line.split("\t")[:3]
    size = 2 * int(rows) * int(columns)
    header[name + ".weight"] = {"dtype": "BF16", "shape": [int(rows), int(columns)], "data_offsets": [at, at + size]}
    at += size
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    file.truncate(8 + len(text) + at)' "$tmp/large/model.safetensors" || exit 1
list "$tmp/large" >"$tmp/whole"
is "--shard: a large model" 561 "$(awk -F '\t' '$9 == "yes"' "$tmp/whole" | wc -l)"
# balance N: how far the cost of a part is from the Nth part of all, in per cent and at most; and what is wrong
# with the parts, which have to have every layer of the whole, in its place, once.
balance() {
	for i in $(seq "$1"); do
		list --shard "$i/$1" "$tmp/large" | sed "s/^/$i\t/"
	done | awk -F '\t' -v parts="$1" '
		function cost(shape, side, m, n) {
			split(shape, side, "x")
			m = side[1] > side[2] + 0 ? side[1] : side[2]
			n = side[1] + side[2] - m
			return m * n * n + 4 / 3 * n * n * n
		}
		NR == FNR { if ($9 == "yes") { want[FNR] = $2; all += cost($5) } next }
		$1 != part { part = $1; row = 0 }
		{ row++ }
		$10 != "yes" { next }
		want[row] != $3 || seen[row]++ { print $3 " is wrong in part " part }
		{ load[part] += cost($6) }
		END {
			for (row in want) if (!seen[row]) print want[row] " is in no part"
			for (part = 1; part <= parts; part++) {
				off = 100 * (load[part] / (all / parts) - 1)
				most = off > most ? off : -off > most ? -off : most
			}
			printf "%.3f\n", most
		}' "$tmp/whole" -
}
for n in $(seq 2 32); do
	balance "$n"
done >"$tmp/off"
is "--shard: no part of 2 to 32 parts is off by 5 % of its share, and all are the whole, in order" \
	"31 of 31" "$(awk '/^[0-9.]+$/ && $1 < 5 { good++ } END { print good + 0 " of " NR }' "$tmp/off")"

# Layers that cannot be read are named, and the exit status says so; the rest comes out.
tests/write-model "$tmp/quantised.safetensors" a.weight:I8:4x4 b.weight:F32:4x4 c.qweight:I32:4x4
st-layers "$tmp/quantised.safetensors" > "$tmp/out.st" 2> "$tmp/err"
is "a type that is not read: exit 1" 1 $?
is "a type that is not read: named" \
	"st-layers: $tmp/quantised.safetensors: tensor 'a.weight': left out: weights of type I8 are not read
st-layers: $tmp/quantised.safetensors: tensor 'c.qweight': left out: quantised weights, and no configuration says how" \
	"$(cat "$tmp/err")"
is "a type that is not read: the rest is there" b "$(st-info "$tmp/out.st" | awk -F '\t' 'NR == 2 { print $3 }')"
st-layers --exclude '^[ac]\b' "$tmp/quantised.safetensors" > "$tmp/out.st" 2> "$tmp/err"
is "a type that is not read, excluded: exit 0" "0 " "$? $(cat "$tmp/err")"

# Small floating-point types are weights as others are; E8M0 is for scales.
tests/write-model "$tmp/small.safetensors" a.weight:F8_E4M3:4x4 b.weight:F4:3x4 conv.weight:F6_E3M2:4x1x2x2 \
	embed.weight:F8_E5M2:4x4 stack:F8_E4M3:2x2x2 c.weight:F8_E8M0:4x4 d.bias:F8_E4M3:4
is "small types are layers" "a b " "$(chosen "$tmp/small.safetensors")"
is "small types: --all" "a b conv embed stack " "$(chosen --all "$tmp/small.safetensors")"
is "small types: E8M0" "scales, not weights" \
	"$(list "$tmp/small.safetensors" | awk -F '\t' '$1 == "c.weight" { print $10 }')"
is "small types: names of formats" "fp8_e4m3 fp4_e2m1 " \
	"$(st-layers "$tmp/small.safetensors" | st-info -m | awk '$2 == "precision" { printf "%s ", $3 }')"

# Values that are to be multiplied by scales are not weights, unless it is known how. Scales are known by
# their place; tests/quantised.t is about the ways that are known.
tests/write-model "$tmp/scaled.safetensors" \
	inv.weight:F8_E4M3:4x4 inv.weight_scale_inv:F32:1x1 \
	two.weight:F8_E4M3:4x4 two.weight_scale:F8_E4M3:4x2 two.weight_scale_2:F32: two.input_scale:F32: \
	input.weight:F8_E5M2:4x4 input.input_scale:F32: \
	mx.weight:F4:4x4 mx.scale:F8_E8M0:4x1 \
	beneath.weight:F8_E4M3:4x4 beneath.weight.SCALE:F32: \
	experts.gate_up:F8_E4M3:2x4x4 experts.gate_up_scale_inv:F32:2x1x1 \
	whole:F8_E4M3:4x4 whole_scale:F32: \
	half.weight:BF16:4x4 half.weight_scale:F32: \
	plain.weight:F8_E4M3:4x4 plain.bias:F32:4 plain.inner.scale:F32: plain2.weight_scale:F32: \
	upscale.weight:F8_E4M3:4x4
st-layers "$tmp/scaled.safetensors" > "$tmp/out.st" 2> "$tmp/err"
is "scaled: exit 1" 1 $?
is "scaled: the rest is there" "half inv plain upscale" "$(st-info "$tmp/out.st" | tail -n +2 | cut -f 3 | xargs)"
is "scaled: each is named" "beneath.weight input.weight mx.weight" \
	"$(sed -n "s/^st-layers: [^ ]*: tensor '\(.*\)': left out: weights of type F[48_EM0-9]* with scales beside them are not read$/\1/p" "$tmp/err" | xargs)"
is "scaled in a known way, that does not fit" "two.weight" \
	"$(sed -n "s/^st-layers: [^ ]*: tensor '\(.*\)': left out: scaled weights whose weight_scale, F8_E4M3 4x2, does not fit$/\1/p" "$tmp/err")"
is "scaled: and no other, but experts that are not known" 5 "$(wc -l < "$tmp/err")"
is "scaled: why" "weights with scales beside them, which are not read" \
	"$(list "$tmp/scaled.safetensors" 2> "$tmp/err" | awk -F '\t' '$1 == "mx.weight" { print $10 }')"
is "scaled: --all takes no small scales" \
	"experts.gate_up half inv plain upscale whole " \
	"$(chosen --all "$tmp/scaled.safetensors" 2> "$tmp/err")"
st-layers --exclude inv --exclude two --exclude input --exclude mx --exclude beneath --exclude experts \
	--exclude whole "$tmp/scaled.safetensors" > "$tmp/out.st" 2> "$tmp/err"
is "scaled, excluded: exit 0" "0 " "$? $(cat "$tmp/err")"

# Sharded checkpoints.
mkdir "$tmp/sharded"
tests/write-model "$tmp/sharded/model-00001-of-00002.safetensors" layers.0.a.weight:F32:4x4 layers.10.a.weight:F32:4x4
tests/write-model "$tmp/sharded/model-00002-of-00002.safetensors" layers.9.a.weight:F32:4x4
cat > "$tmp/sharded/model.safetensors.index.json" <<-'END'
	{"metadata": {"total_size": 192}, "weight_map": {
	"layers.10.a.weight": "model-00001-of-00002.safetensors",
	"layers.9.a.weight": "model-00002-of-00002.safetensors",
	"layers.0.a.weight": "model-00001-of-00002.safetensors"}}
END
is "a folder with an index" "layers.0.a layers.9.a layers.10.a " "$(chosen "$tmp/sharded")"
is "the index itself" "layers.0.a layers.9.a layers.10.a " \
	"$(chosen "$tmp/sharded/model.safetensors.index.json")"
sed -i 's/192/193/' "$tmp/sharded/model.safetensors.index.json"
is "a wrong total is told" \
	"st-layers: $tmp/sharded: the index says 193 bytes in all, and there are 192" \
	"$(st-layers --list "$tmp/sharded" 2>&1 >/dev/null)"

fails 64 "st-layers: bad expression '(': missing closing parenthesis (at character 2)" \
	"a bad expression" st-layers --list --include '(' "$model"
fails 64 "st-layers: --shard takes I/N with 1 <= I <= N, and not '3/2' (try 'st-layers --help')" \
	"a part that is not there" st-layers --shard 3/2 "$model"
fails 66 "st-layers: $model: no layer is chosen; --list shows why" \
	"nothing chosen" st-layers --include nowhere "$model"
fails 66 "st-layers: $model: no layer is chosen; --list shows why" \
	"nothing chosen in any part" st-layers --include nowhere --shard 2/3 "$model"
done_testing
