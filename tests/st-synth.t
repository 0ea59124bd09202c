#!/bin/sh
# st-synth: the same bytes for the same arguments, layouts of models, and what is refused.
# What the values are is checked by tests/unit/random.c, demo.t and the examples of the page.
. tests/lib.sh

synth() { st-synth --no-progress "$@"; }
# payload FILE TENSOR: the bytes of a tensor, as text
payload() {
	st-layers --all --list "$1" | awk -F '\t' -v t="$2" '$1 == t { print $6, $7, $8 }' | {
		read -r bytes file offset && tail -c +$((offset + 1)) "$file" | head -c "$bytes" | cksum
	}
}
same_payloads() { # FILE FILE TENSOR...
	one=$1 other=$2
	shift 2
	for tensor; do
		[ -n "$(payload "$one" "$tensor")" ] &&
			[ "$(payload "$one" "$tensor")" = "$(payload "$other" "$tensor")" ] || return 1
	done
}

# --- reproducibility ---
synth -o "$tmp/a.safetensors"
synth >"$tmp/b.safetensors"
synth --seed 1 -o "$tmp/seed.safetensors"
ok "a file and standard output get the same bytes" cmp "$tmp/a.safetensors" "$tmp/b.safetensors"
cmp -s "$tmp/a.safetensors" "$tmp/seed.safetensors"
is "another seed, other values" 1 $?
is "the bytes are the same on every machine" \
	"0ca6244fb431c843239575f6678a5a9e139f93b152fc85047cd5f87da261976c  -" \
	"$(synth --shape 7x5 --shape 1x1 --shape 1x300 --shape 300x1 -t F64 | sha256sum)"
is "random ones as well" \
	"8b9cab7961f18a44022c4620ce059cbf1629323c4956f27f92da74c632231db2  -" \
	"$(synth --random -t BF16 | sha256sum)"
synth --layers 1 -o "$tmp/short.safetensors"
synth --no-embeddings -o "$tmp/bare.safetensors"
is "--layers leaves out blocks" 11 "$(st-layers --all --list "$tmp/short.safetensors" | grep -c F32)"
ok "--layers changes no tensor" same_payloads "$tmp/a.safetensors" "$tmp/short.safetensors" \
	model.embed_tokens.weight model.layers.0.mlp.down_proj.weight model.norm.weight
ok "--no-embeddings changes no tensor" same_payloads "$tmp/a.safetensors" "$tmp/bare.safetensors" \
	model.layers.0.self_attn.q_proj.weight model.layers.1.mlp.down_proj.weight
is "--no-embeddings leaves them out" 0 \
	"$(st-layers --all --list "$tmp/bare.safetensors" | grep -c embed_tokens)"

# --- layouts ---
synth -o "$tmp/folder"
ok "a folder gets model.safetensors" cmp "$tmp/a.safetensors" "$tmp/folder/model.safetensors"
synth --shard-size 2M -o "$tmp/shards/"
is "shards and an index" \
	"$(printf 'model-0000%d-of-00008.safetensors\n' 1 2 3 4 5 6 7 8; echo model.safetensors.index.json)" \
	"$(LC_ALL=C ls "$tmp/shards")"
is "total_size is that of the tensors" '    "total_size": 12197376' \
	"$(grep total_size "$tmp/shards/model.safetensors.index.json")"
st-layers --no-progress "$tmp/a.safetensors" | st-info | cut -f 2- >"$tmp/whole.tsv"
st-layers --no-progress "$tmp/shards" | st-info | cut -f 2- >"$tmp/shards.tsv"
ok "shards hold the same values" cmp "$tmp/whole.tsv" "$tmp/shards.tsv"
ok "there was something to compare" test "$(wc -l <"$tmp/whole.tsv")" -gt 10
synth --shard-size 1 --shape 3x3 --shape 2x2 -o "$tmp/small"
is "a shard has one tensor at least" 3 "$(find "$tmp/small" -type f | wc -l)"
synth --layers 1 -o "$tmp/a.safetensors"
ok "a file is replaced" cmp "$tmp/a.safetensors" "$tmp/short.safetensors"
fails 74 "st-synth: $tmp/shards/model.safetensors.index.json: is there already, of a model in another layout" \
	"a folder with shards takes no single file" synth -o "$tmp/shards"
fails 74 "st-synth: $tmp/folder/model.safetensors: is there already, of a model in another layout" \
	"a folder with a single file takes no shards" synth --shard-size 1M -o "$tmp/folder"
fails 74 "st-synth: $tmp/b.safetensors/model.safetensors: Not a directory" \
	"a folder that is a file's" synth -o "$tmp/b.safetensors/model.safetensors"
for type in BF16 F16 F32 F64; do
	synth -t $type --shape 20x10 -o "$tmp/type.safetensors"
	is "--dtype $type" "$type" "$(st-layers --list "$tmp/type.safetensors" | cut -f 4 | tail -n 1)"
done

# --- lists ---
# hill ALPHA K: the closed form, by other means than the program's
hill() {
	awk -v alpha="$1" -v k="$2" 'BEGIN {
		for (i = 1; i <= k; i++) sum += log(i)
		printf "%.10g", 1 + (alpha - 1) * k / (k * log(k + 1) - sum)
	}'
}
is "--list" "layer_name rows cols dtype 0 0
layers.0 300 200 BF16 2.5 $(hill 2.5 20)
layers.1 1 5 BF16 3 nan
layers.2 40 400 BF16 2.5 $(hill 2.5 10)
layers.3 5 5 BF16 3 $(hill 3 4)" \
	"$(synth --list --alpha 2.5,3 --shape 300x200 --shape 1x5 --shape 40x400 --shape 5x5 -t bf16 |
		awk -F '\t' '{ print $1, $2, $3, $4, $5 + 0, $6 == "nan" ? $6 : sprintf("%.10g", $6) }')"
is "--list --random has no exponents" "layers.0 nan nan" \
	"$(synth --list --random --shape 30x20 | awk -F '\t' 'NR == 2 { print $1, $5, $6 }')"
is "--like" "lm_head 50304 2048 nan" \
	"$(synth --like olmoe-1b-7b --list | awk -F '\t' 'END { print $1, $2, $3, $5 }')"
for model in $(synth --list-models); do
	is "--like $model: the first linear layer" 2.5 \
		"$(synth --like "$model" --list | awk -F '\t' 'NR > 1 && $5 != "nan" { print $5; exit }')"
done

# --- what is refused ---
refused() { # MESSAGE ARGUMENT...
	message=$1
	shift
	fails 64 "st-synth: $message (try 'st-synth --help')" "refused: $*" st-synth "$@"
}
for alpha in 1 0 -3 nan 1001 '2,,' x '' 3,1; do
	item=$alpha
	case $alpha in 2,,) item= ;; 3,1) item=1 ;; esac
	refused "--alpha '$alpha': '$item' is no number above 1, and at most 1000" --alpha "$alpha"
done
refused "--alpha 1.01: the singular values of 'layers.0.weight', of 4096 x 5000, would span more than double precision holds" \
	--alpha 1.01 --shape 4096x5000
for shape in 0x1 1x0 x 5 3x 3x-1 3x4x5 2147483648x1 1x99999999999999999999 03x4 ''; do
	refused "--shape '$shape': two whole numbers from 1 to 2^31 - 1 are expected, such as 4096x1024" \
		--shape "$shape"
done
refused "the model has more than 2^53 bytes" --shape 2147483647x2147483647 -t F64
refused "the model has more than 2^53 bytes" --shape 67108864x67108864 -t F32
for std in 0 -1 1e31 inf x; do
	refused "--std '$std': a number from 1e-30 to 1e+30 is expected" --std "$std"
done
refused "--seed '18446744073709551616': a whole number below 2^64 is expected" --seed 18446744073709551616
refused "--seed '-1': a whole number below 2^64 is expected" --seed -1
refused "--layers '0': a whole number from 1 on is expected" --layers 0
refused "--layers 3: demo has 2 blocks" --layers 3
refused "--like 'gpt-5': no such model is known; --list-models has their names" --like gpt-5
refused "--dtype 'F8_E4M3': BF16, F16, F32 or F64 is expected" --dtype F8_E4M3
refused "--shard-size '0': a size is expected, such as 5G" --shard-size 0 -o "$tmp/x"
refused "--shard-size needs --output with a folder's name: one that does not end in .safetensors" \
	--shard-size 1G -o "$tmp/x.safetensors"
refused "--random matrices have no --alpha" --random --alpha 3
refused "--shape goes without --like, --layers and --no-embeddings" --shape 3x3 --like demo
refused "--list writes no model: leave out --output and --shard-size" --list -o "$tmp/x"
refused "--output '': a path is expected" -o ''
refused "there is no input to name: 'model'" model
fails 64 "st-synth: tensor 'layers.0.weight': values so large are infinite in F16; use a smaller --std" \
	"values that the type cannot hold" synth --shape 30x30 --std 1e5 -t F16 -o "$tmp/x.safetensors"

# --- trouble ---
st-synth --no-progress >/dev/full 2>"$tmp/error"
is "a full disk: status" 74 $?
is "a full disk: message" "st-synth: standard output: No space left on device" "$(cat "$tmp/error")"
st-synth --list >/dev/full 2>/dev/null
is "a full disk, --list" 74 $?
(ulimit -f 1000 && trap '' XFSZ && exec st-synth --no-progress -o "$tmp/y.safetensors") 2>"$tmp/error"
is "a file that cannot grow: status" 74 $?
is "a file that cannot grow: message" "st-synth: $tmp/y.safetensors: File too large" "$(cat "$tmp/error")"
(ulimit -f 6000 && trap '' XFSZ && exec st-synth --no-progress -t F64 --shard-size 4M -o "$tmp/z") 2>/dev/null
is "a shard that cannot grow" 74 $?
is "nothing is left of it" "" "$(ls "$tmp/z")"
st-synth --no-progress --like llama-3.1-8b -o "$tmp/killed.safetensors" &
while ! ls "$tmp"/killed* >/dev/null 2>&1; do kill -0 $! || break; done
kill -TERM $!
wait $! 2>/dev/null
is "a signal ends it as it should" 143 $?
is "nothing is left of the files" "" "$(cd "$tmp" && find . -name '[kxyz]*' -type f)"
# The sanitizers' shadow is larger than any limit.
case $BUILD in
*address*) skip "memory: independent values" "sanitizer" ;;
*) ok "memory: independent values need next to none" \
	sh -c 'ulimit -v 30000 && st-synth --random --shape 4000x5000 -t BF16 >/dev/null' ;;
esac
case $BUILD in
*address*) skip "memory: a planted matrix" "sanitizer" ;;
*) ok "memory: a planted matrix needs its size" \
	sh -c 'ulimit -v 90000 && st-synth --shape 2000x3000 --shape 2000x3000 >/dev/null' ;;
esac

done_testing
