#!/bin/sh
# What alpha is compared with: the random matrix, the shuffled one, and the interval.
. tests/lib.sh

st-synth --seed 1 --dtype F32 --alpha 2 --shape 96x64 --shape 64x96 --output "$tmp/planted.safetensors"
st-layers "$tmp/planted.safetensors" | prec-cast fp32,bf16,int4 >"$tmp/casts.st"

# --- spectrum --shuffle ------------------------------------------------------------------------------

spectrum "$tmp/casts.st" >"$tmp/plain.st"
for threads in 1 2 5; do
	spectrum --shuffle 3 --threads $threads "$tmp/casts.st" >"$tmp/shuffled-$threads.st"
done
ok "shuffled: the same bytes on any number of threads" cmp "$tmp/shuffled-1.st" "$tmp/shuffled-2.st"
ok "shuffled: on more, too" cmp "$tmp/shuffled-1.st" "$tmp/shuffled-5.st"
hill-alpha "$tmp/plain.st" >"$tmp/plain.tsv"
hill-alpha "$tmp/shuffled-1.st" >"$tmp/shuffled.tsv"
spectrum --shuffle 4 "$tmp/casts.st" | hill-alpha >"$tmp/other.tsv"
# column NAME FILE
column() {
	awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } NR > 1 { print $at }' "$2"
}
is "shuffled: a planted tail becomes that of a random matrix" "6 6" "$(
	awk -F '\t' 'NR > 1 { plain += $8 < 3 } END { printf "%d ", plain }' "$tmp/plain.tsv"
	awk -F '\t' 'NR > 1 { random += $8 > 4 } END { print random }' "$tmp/shuffled.tsv"
)"
is "shuffled: precisions are shuffled alike" 1 "$(awk -F '\t' '$7 == "fp32" { alpha = $8 }
	$7 == "bf16" { d = $8 - alpha; worst = d * d > worst ? d * d : worst } END { print worst < 0.01 }' "$tmp/shuffled.tsv")"
ok "shuffled: another seed, another spectrum" test "$(column alpha "$tmp/shuffled.tsv" | head -n 1)" != \
	"$(column alpha "$tmp/other.tsv" | head -n 1)"
is "shuffled: the method says so" "gram-dsyevd, shuffled" "$(column method "$tmp/shuffled.tsv" | sort -u)"
ok "shuffled: and so does the provenance" grep -q -- '--shuffle 3' "$tmp/shuffled-1.st"
fails 64 "spectrum: --shuffle takes a number for a seed, and not 'x' (try 'spectrum --help')" "--shuffle x" spectrum --shuffle x

# --- alpha_null and intervals ------------------------------------------------------------------------

is "alpha_null is the same for both ways to lay a matrix" 1 \
	"$(column alpha_null "$tmp/plain.tsv" | sort -u | wc -l | tr -d ' ')"
hill-alpha --confidence=0.5 "$tmp/plain.st" >"$tmp/half.tsv"
hill-alpha --confidence "$tmp/plain.st" >"$tmp/interval.tsv"
is "intervals hold alpha, and are wider at a higher confidence" 6 "$(paste "$tmp/half.tsv" "$tmp/interval.tsv" |
	awk -F '\t' 'NR == 1 { for (i = 1; i <= NF / 2; i++) at[$i] = i; next }
		{ low = at["alpha_low"]; high = at["alpha_high"]
		  n += $(low + NF / 2) < $low && $low < $8 && $8 < $high && $high < $(high + NF / 2) } END { print n }')"
is "and are nan where there is no estimate" "nan nan nan nan" "$(st-synth --shape 1x8 --output "$tmp/thin.safetensors"
	st-layers "$tmp/thin.safetensors" | spectrum | hill-alpha --confidence |
	awk -F '\t' 'NR == 2 { print $(NF - 3), $(NF - 2), $(NF - 1), $NF }')"
for wrong in 0 1 x -1; do
	fails 64 "hill-alpha: --confidence takes a share between 0 and 1, and not '$wrong' (try 'hill-alpha --help')" "--confidence=$wrong" \
		hill-alpha --confidence=$wrong "$tmp/plain.st"
done

done_testing
