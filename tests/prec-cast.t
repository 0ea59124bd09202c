#!/bin/sh
# prec-cast: its list, what formats may be called, what is refused, and that neither threads nor the
# order of formats change a byte. What casts give is in tests/formats.t and tests/unit.
. tests/lib.sh

tab=$(printf '\t')
hint="(try 'prec-cast --help')"
tests/write-model "$tmp/model.safetensors" a.weight:F32:40x96 b.weight:BF16:33x100 c.weight:F64:3x1500 >/dev/null
st-layers -q --all "$tmp/model.safetensors" >"$tmp/model.st"

# --- the list --------------------------------------------------------------------------------------

prec-cast --list >"$tmp/list"
head="format${tab}bits${tab}largest${tab}smallest${tab}block${tab}parameters${tab}defaults${tab}aliases${tab}reference"
is "--list: its columns" "$head" "$(head -n 1 "$tmp/list")"
is "--list: every line has them, and no format is there twice" "" \
	"$(awk -F '\t' 'NF != 9 || seen[$1]++ || !($2 > 0 && ($1 == "fp64" || ($3 >= $4 && $4 > 0))) || $9 == ""' "$tmp/list" | tail -n +2)"
is "no name is that of two formats" "" \
	"$(tail -n +2 "$tmp/list" | cut -f 1,8 | tr '\t ' '\n\n' | grep . | sort | uniq -d)"
all=$(tail -n +2 "$tmp/list" | cut -f 1 | paste -s -d ,)

# Every name, alias, default and parameter is taken.
awk -F '\t' -v OFS='\t' 'NR > 1 { n = split($8, aliases, " "); for (i = 1; i <= n; i++) print aliases[i], $1 }' \
	"$tmp/list" >"$tmp/aliases"
while IFS=$tab read -r alias name; do
	prec-cast "$alias" "$tmp/model.st" | st-info | cut -f 4 | sed -n 2p | sed "s/^/$alias /"
done <"$tmp/aliases" >"$tmp/out"
is "an alias is the format's own name in the stream" "$(tr '\t' ' ' <"$tmp/aliases")" "$(cat "$tmp/out")"
awk -F '\t' 'NR > 1 && $6 != "" { n = split($6, words, " ")
	for (i = 1; i <= n; i++) {
		word = words[i]; sub(/^gN$/, "g64", word); sub(/^bN$/, "b128", word)
		print $1 ":" word } }' "$tmp/list" >"$tmp/formats"
while read -r format; do
	prec-cast "$format" "$tmp/model.st" | st-info | cut -f 4 | sed -n 2p
done <"$tmp/formats" >"$tmp/out"
is "each parameter is taken, and stands in the stream as it was given" "$(cat "$tmp/formats")" "$(cat "$tmp/out")"
awk -F '\t' 'NR > 1 && $7 != "" { print $1 ":" $7 }' "$tmp/list" >"$tmp/formats"
while read -r format; do
	prec-cast "$format,${format%%:*}" "$tmp/model.st" 2>&1 >/dev/null
done <"$tmp/formats" >"$tmp/out"
is "with its defaults said, a format is the same" \
	"$(sed "s/\\(.*\\):.*/&/; s/:.*//; s/.*/prec-cast: format & is given twice/" "$tmp/formats" | sed "s/\$/ $hint/")" \
	"$(cat "$tmp/out")"

# --- what is refused -------------------------------------------------------------------------------

# refused MESSAGE FORMATS
refused() {
	fails 64 "prec-cast: $1 $hint" "refused: $2" prec-cast "$2" "$tmp/model.st"
}
names=$(echo "$all" | sed 's/,/, /g')
refused "no format 'int9'; there are $names" int9
refused "no format ''; there are $names" ''
refused "no format ''; there are $names" 'bf16,'
refused "no format ''; there are $names" ':g32'
refused "no format 'BF16x'; there are $names" 'BF16x'
refused "no format 'float64 double'; there are $names" 'float64 double'
refused "no format 'a\\x1b[31m'; there are $names" "$(printf 'a\033[31m')"
refused "format bf16 has no parameters, and here is ':g32'" bf16:g32
refused "format bf16 has no parameters, and here is ':'" bf16:
refused "format tf32 has no parameter 'ties'; there are ties=away ties=even" tf32:ties
refused "format tf32 has no parameter ''; there are ties=away ties=even" tf32:
refused "format tf32 has no parameter ''; there are ties=away ties=even" tf32:ties=even:
refused "format tf32 has no parameter 'g32'; there are ties=away ties=even" tf32:g32
refused "format tf32 is told 'ties=away' beside another of its kind" tf32:ties=even:ties=away
refused "format tf32 is told 'ties=even' beside another of its kind" tf32:ties=even:ties=even
refused "format bf16 is given twice" bf16,fp16,bfloat16
refused "format tf32:ties=away is given twice" tf32,tf32:ties=away
fails 64 "prec-cast: --threads takes a number from 1 to 1024, and not '0' $hint" "refused: --threads 0" \
	prec-cast --threads 0 bf16 "$tmp/model.st"
fails 64 "prec-cast: a list of formats is needed, such as fp32,bf16 $hint" "refused: nothing" prec-cast

# --- casts -----------------------------------------------------------------------------------------

prec-cast --threads 1 "$all" "$tmp/model.st" >"$tmp/one.st"
is "all formats in one run: status" 0 $?
ok "and the stream is good" st-info -q "$tmp/one.st"
is "a frame for each tensor and format, in their order" \
	"$(for layer in a b c; do echo "$all" | tr , '\n' | sed "s/^/$layer /"; done)" \
	"$(st-info "$tmp/one.st" | tail -n +2 | cut -f 3,4 | tr '\t' ' ')"
for threads in 2 3 16; do
	prec-cast --threads $threads "$all" "$tmp/model.st" >"$tmp/other.st"
	ok "$threads threads: the same bytes" cmp "$tmp/one.st" "$tmp/other.st"
done
reversed=$(echo "$all" | tr , '\n' | tac | paste -s -d ,)
prec-cast "$reversed" "$tmp/model.st" | st-info | cut -f 3-5,10 | sort >"$tmp/out"
st-info "$tmp/one.st" | cut -f 3-5,10 | sort >"$tmp/expected"
is "the order of formats changes no cast" "$(cat "$tmp/expected")" "$(cat "$tmp/out")"
is "each frame says its bits" "" \
	"$(st-info -m "$tmp/one.st" | awk -F '\t' '$2 == "bits" && $3 > 0 { n++ }
		$2 == "precision" { m++ } END { if (n != m) print n, m }')"
is "bits of formats of single values" "16 16 32 8 " \
	"$(prec-cast bf16,fp16,tf32,fp8_e4m3 "$tmp/model.st" | st-info -m |
		awk -F '\t' '$1 < 4 && $2 == "bits" { print $3 }' | tr '\n' ' ')"

# bits FORMATS: of b.weight, 33 x 100, and what took their places
bits() {
	prec-cast "$1" "$tmp/model.st" | st-info -m | awk -F '\t' '
		$2 == "layer" { layer = $3 }
		layer == "b" && $2 == "bits" { printf "%s ", $3 ~ /......../ ? sprintf("%.5f", $3) : $3 }
		layer == "b" && $2 == "cast_instead" { printf "%s ", $3 }'
}
# 100 weights are four groups of 32, two of 64 and one of 128; 3300 are 52 of 64, all of them one.
is "bits of integers" "4.64 4.8 4.32 4.16 8.16 4.00485 " \
	"$(bits int4:g32,int4:g32:asym,int4:g64,int4,int8,int4:tensor)"
is "bits of blocks" "4.32 8.32 4.56970 8.16 8.00485 " \
	"$(bits mxfp4,mxint8,nvfp4,fp8_e4m3:row,fp8_e4m3:tensor)"
is "bits of bitsandbytes" "4.50424 5.00848 4.25212 " \
	"$(bits nf4,nf4:b32,fp4:b128)"
is "rows that 32 does not divide become fp16 where GGUF has them" "16 fp16 16 fp16 16 fp16 " \
	"$(bits q4_0,q4_k,iq4_xs)"
is "rows that 256 does not divide, and 32 does" "q8_0 q5_1 q5_0 q4_0 q4_0 iq4_nl " \
	"$(prec-cast q6_k,q5_k,q4_k,q3_k,q2_k,iq4_xs "$tmp/model.st" | st-info -m |
		awk -F '\t' '$2 == "layer" { layer = $3 }
			layer == "a" && $2 == "cast_instead" { printf "%s ", $3 }')"

# A value that is not finite may be the only one that a cast changes.
cat >"$tmp/special.py" <<'END'
import json, struct, sys
values = [1.0, float("inf"), -2.0, 0.5]
header = json.dumps({"a.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
sys.stdout.buffer.write(struct.pack("<Q", len(header)) + header + struct.pack("<4f", *values))
END
python3 -B "$tmp/special.py" >"$tmp/special.safetensors"
# facts FORMAT: exact, overflow, nonfinite and the values of the cast of that
facts() {
	st-layers -q --all "$tmp/special.safetensors" | prec-cast "$1" >"$tmp/special.st"
	st-info -m "$tmp/special.st" | awk -F '\t' '$1 == 0 && $2 ~ /^(exact|cast_overflow|cast_nonfinite)$/ { printf "%s ", $3 }'
	st-info "$tmp/special.st" | sed -n 2p | cut -f 5
}
is "infinity kept: exact, and passed on" "1 0 1 F32" "$(facts fp8_e5m2)"
is "infinity that becomes the largest value is a change" "0 0 1 BF16" "$(facts fp8_e4m3)"
is "and infinity that becomes NaN" "0 0 1 BF16" "$(facts fp8_e4m3:overflow=ieee)"

done_testing
