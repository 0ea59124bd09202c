#!/bin/sh
# hill-alpha --metrics on a real checkpoint, against WeightWatcher: tests/gen/golden-metrics.py.
. tests/lib.sh

golden=tests/golden/minilm-metrics.tsv
st-synth --random --shape 8x8 --shape 1x8 --output "$tmp/small.safetensors"
st-layers "$tmp/small.safetensors" | spectrum >"$tmp/small.st"
# last N OPTION...: the last N columns, with blanks for tabs
last() {
	count=$1
	shift
	hill-alpha "$@" "$tmp/small.st" | head -n 1 | awk -v n="$count" '{ for (i = NF - n + 1; i <= NF; i++) printf "%s ", $i }'
}
is "columns by name, in their own order" "D norm entropy " "$(last 3 --metrics entropy,norm)"
is "basic ones" "D norm log_norm spectral_norm log_spectral_norm stable_rank alpha_weighted log_alpha_norm warning " \
	"$(last 9 --metrics basic)"
is "all" "D sigma xmin num_pl_spikes norm log_norm spectral_norm log_spectral_norm stable_rank alpha_weighted log_alpha_norm matrix_rank entropy sigma_mp bulk_min bulk_max mp_softrank num_spikes detX_num warning " \
	"$(last 20 --metrics all)"
is "one eigenvalue has a norm" 1 "$(hill-alpha --metrics norm "$tmp/small.st" | awk -F '\t' '/layers.1/ { print ($NF > 0) }')"
fails 64 "hill-alpha: --metrics takes all, basic or names of columns, and not 'nrm' (try 'hill-alpha --help')" \
	"--metrics nrm" hill-alpha --metrics norm,nrm,entropy "$tmp/small.st"

need 'metrics of a real checkpoint' tests/fetch-minilm
st-layers tests/data/minilm | spectrum | hill-alpha --metrics all >"$tmp/metrics.tsv"
passed $? "metrics of every layer"
awk -F '\t' '
	NR == 1 { for (i = 1; i <= NF; i++) wanted[i] = $i; next }
	FNR == NR { for (i = 2; i <= NF; i++) golden[$1, wanted[i]] = $i; layers++; next }
	FNR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next }
	{ seen += ($1, "norm") in golden
	  for (i = 2; i <= NF; i++) if (($1, name[i]) in golden) {
		expected = golden[$1, name[i]]
		d = $i - expected; if (d < 0) d = -d
		compared++
		if (name[i] == "warning" ? $i "" != expected "" : !(d <= 1e-9 * (expected < 0 ? -expected : expected)))
			print $1, name[i], $i, expected } }
	END { print seen, compared }' $golden "$tmp/metrics.tsv" >"$tmp/differing"
is "equal to WeightWatcher 0.7.7 within 1e-9: 11 columns of 37 layers" "37 407" "$(cat "$tmp/differing")"

done_testing
