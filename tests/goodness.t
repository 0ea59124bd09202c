#!/bin/sh
# P-values of hill-alpha --bootstrap: what they depend on, and for which fits there are any. How they are
# distributed is in tests/unit/goodness_of_fit.c and tests/study-p-values.py. Ratios of likelihoods by --compare.
. tests/lib.sh

st-synth --random --seed 3 --shape 120x120 --shape 40x200 --shape 60x300 --output "$tmp/random.safetensors"
st-synth --dtype F64 --alpha 3 --shape 200x150 --output "$tmp/planted.safetensors"
for model in random planted; do
	st-layers "$tmp/$model.safetensors" | prec-cast fp32,bf16 | spectrum >"$tmp/$model.st"
done
# p_values [OPTION...]: the names and the p-values of a table.
p_values() { hill-alpha --bootstrap 50 "$@" | awk -F '\t' '{ print $1, $7, $20, $NF }'; }

hill-alpha --fit hill,ks "$tmp/random.st" >"$tmp/plain.tsv"
hill-alpha --fit hill,ks --bootstrap 50 "$tmp/random.st" >"$tmp/all.tsv"
is 'a column at the end' p_value "$(head -n 1 "$tmp/all.tsv" | awk -F '\t' '{ print $NF }')"
is 'and nothing else is new' "$(cat "$tmp/plain.tsv")" "$(awk -F '\t' -v OFS='\t' '{ NF--; print }' "$tmp/all.tsv")"
is 'multiples of 1 / N from 0 to 1' 12 "$(awk -F '\t' 'NR > 1 { n += $NF >= 0 && $NF <= 1 && ($NF * 50) % 1 < 1e-9 || ($NF * 50) % 1 > 1 - 1e-9 } END { print n }' "$tmp/all.tsv")"
p_values --fit ks,hill "$tmp/random.st" >"$tmp/first"
is 'the same again' "$(cat "$tmp/first")" "$(p_values --seed 0 --fit ks,hill "$tmp/random.st")"
ok 'another seed gives others' sh -c "! hill-alpha --bootstrap 50 --seed 1 --fit ks,hill '$tmp/random.st' |
	awk -F '\t' '{ print \$1, \$7, \$20, \$NF }' | cmp -s - '$tmp/first'"
is 'a layer alone is what it is among others' "$(grep '^layers.2 ' "$tmp/first")" \
	"$(p_values --include 2 --fit ks,hill "$tmp/random.st" | tail -n +2)"
is 'a fit alone is what it is among others' "$(grep -v ' hill ' "$tmp/first")" "$(p_values --fit ks "$tmp/random.st")"
if has taskset; then
	is 'one processor gives the same' "$(cat "$tmp/first")" \
		"$(taskset -c 0 hill-alpha --bootstrap 50 --fit ks,hill "$tmp/random.st" | awk -F '\t' '{ print $1, $7, $20, $NF }')"
else
	skip 'one processor gives the same' 'no taskset'
fi

# Planted quantiles lie nearer to their law than any sample does; the upper half of a random matrix is none.
is 'a planted law: p is 1' '1 1' "$(hill-alpha --fit hill,ks --bootstrap 50 --include . "$tmp/planted.st" |
	awk -F '\t' '$7 == "fp32" { printf "%s%s", n++ ? " " : "", $NF }')"
is 'a random matrix, with half of it for a tail: p is 0' 0 "$(hill-alpha --k-frac 0.5 --bootstrap 50 --include 0 "$tmp/random.st" |
	awk -F '\t' 'NR == 2 { print $NF }')"
is 'no p-value where the cut comes otherwise' 'nan nan ' "$(hill-alpha --fit peak --bootstrap 9 --include 0 "$tmp/random.st" |
	awk -F '\t' 'NR > 1 { printf "%s ", $NF }')"
st-synth --shape 1x64 --output "$tmp/thin.safetensors"
is 'nor where there is no fit' 'nan nan ' "$(st-layers "$tmp/thin.safetensors" | spectrum | hill-alpha --fit hill,ks --bootstrap 9 |
	awk -F '\t' 'NR > 1 { printf "%s ", $NF }')"
for wrong in 0 x -1 1000001; do
	fails 64 "hill-alpha: --bootstrap takes a number from 1 to 1000000, and not '$wrong' (try 'hill-alpha --help')" \
		"--bootstrap $wrong" hill-alpha --bootstrap $wrong "$tmp/random.st"
done
fails 64 "hill-alpha: --seed takes a number from 0 up, and not 'x' (try 'hill-alpha --help')" '--seed x' \
	hill-alpha --seed x "$tmp/random.st"

# ratios [OPTION...]: the columns of ratios.
ratios() { hill-alpha --compare "$@" "$tmp/random.st" | awk -F '\t' '{ print $(NF - 5), $(NF - 4), $(NF - 3), $(NF - 2), $(NF - 1), $NF }'; }
is 'ratios: columns at the end' 'lr_lognormal p_lognormal lr_exponential p_exponential lr_truncated p_truncated' \
	"$(ratios | head -n 1)"
is 'ratios: nan for Hill' 'nan nan nan nan nan nan' "$(ratios | sed -n 2p)"
is 'ratios: numbers for the others' 0 "$(ratios --fit ks,median,peak | grep -c nan)"
is 'ratios: nan where there is no fit' 'nan nan ' "$(st-layers "$tmp/thin.safetensors" | spectrum | hill-alpha --fit hill,ks --compare |
	awk -F '\t' 'NR > 1 { printf "%s ", $(NF - 5) }')"

# Beside powerlaw: tests/gen/golden-likelihood-ratios.py. Its search ends early in four laws of 111; no law may be
# less likely here than there.
need 'a real checkpoint against powerlaw' tests/fetch-minilm
st-layers tests/data/minilm/model.safetensors | spectrum | hill-alpha --fit ks --compare >"$tmp/minilm.tsv"
is 'ratios: as powerlaw, to 1e-5, and p to 1e-3' '111 ratios, 0 worse, 107 equal' "$(awk -F '\t' '
	function size(x) { return x < 0 ? -x : x }
	FNR == 1 { next }
	NR == FNR { for (i = 2; i <= 7; i++) wanted[$1, i] = $i; next }
	{ for (i = 2; i <= 6; i += 2) {
		lr = $(NF - 7 + i); p = $(NF - 6 + i)
		ratios++; worse += !(lr <= wanted[$1, i] + 1e-5)
		equal += size(lr - wanted[$1, i]) < 1e-5 && size(p - wanted[$1, i + 1]) < 1e-3
	} }
	END { print ratios " ratios, " worse + 0 " worse, " equal " equal" }' tests/golden/minilm-likelihood-ratios.tsv "$tmp/minilm.tsv")"
done_testing
