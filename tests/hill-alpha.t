#!/bin/sh
# The fits of hill-alpha, one and several at a time; tests/compare-fits has the definitions.
. tests/lib.sh

st-synth --dtype F64 --alpha 2,4 --shape 200x150 --shape 64x300 --output "$tmp/planted.safetensors"
st-synth --seed 3 --shape 120x120 --shape 40x200 --shape 12x300 --output "$tmp/random.safetensors"
for model in planted random; do
	st-layers "$tmp/$model.safetensors" | spectrum >"$tmp/$model.st"
	ok "$model: fits" sh -c "hill-alpha --fit hill,ks,median,peak --k auto '$tmp/$model.st' >'$tmp/$model.tsv'"
	ok "$model: by definition" tests/compare-fits "$tmp/$model.tsv" "$tmp/$model.st"
done

# fits LIST: the column of names that a list gives.
fits() { hill-alpha --fit "$1" "$tmp/planted.st" | cut -f 20 | tr '\n' ' '; }
is 'a row for each fit, in the order of the list' 'fit ks hill ks hill ' "$(fits ks,hill)"
is 'by default Hill' "$(hill-alpha "$tmp/random.st")" "$(hill-alpha --fit hill "$tmp/random.st")"
is 'each row is that of the fit alone' "$(hill-alpha --fit ks "$tmp/random.st")" \
	"$(hill-alpha --fit hill,ks "$tmp/random.st" | awk -F '\t' 'NR == 1 || $20 == "ks"')"

# bad LIST MESSAGE
bad() {
	hill-alpha --fit "$1" "$tmp/planted.st" >"$tmp/out" 2>"$tmp/err"
	is "--fit '$1': the status" 64 $?
	is "--fit '$1': the message" "hill-alpha: $2 (try 'hill-alpha --help')" "$(head -n 1 "$tmp/err")"
	ok "--fit '$1': no output" test ! -s "$tmp/out"
}
hill-alpha --compat alphaquant "$tmp/random.st" >"$tmp/out"
is '--compat alphaquant is Hill' "$(hill-alpha "$tmp/random.st")" "$(cat "$tmp/out")"
hill-alpha --compat weightwatcher "$tmp/random.st" >"$tmp/out"
is 'fewer than 20 eigenvalues: exit 1' 1 $?
is 'fewer than 20 eigenvalues: the note' 'fewer than 20 eigenvalues above 1e-5' "$(cut -f 16 "$tmp/out" | tail -n 1)"
bad weightwatcher "--fit takes hill, ks, median, peak, and not 'weightwatcher'"
bad nothing "--fit takes hill, ks, median, peak, and not 'nothing'"
bad '' "--fit takes hill, ks, median, peak, and not ''"
bad ks, "--fit takes hill, ks, median, peak, and not ''"
bad ks,ks "--fit: 'ks' is there twice"

# Without spread and without eigenvalues there is no fit, and a row says why.
st-synth --shape 1x64 --output "$tmp/thin.safetensors"
st-layers "$tmp/thin.safetensors" | spectrum | hill-alpha --fit ks >"$tmp/thin.tsv"
is 'one eigenvalue: exit 1' 1 $?
is 'one eigenvalue: the note' 'fewer than two eigenvalues' "$(sed -n 2p "$tmp/thin.tsv" | cut -f 16)"

# The programs that read tables take the rows of one fit.
hill-alpha --fit hill,ks "$tmp/random.st" >"$tmp/two.tsv"
for fit in hill ks; do
	hill-alpha --fit $fit "$tmp/random.st" >"$tmp/one.tsv"
	is "alpha-stats --fit $fit" "$(alpha-stats "$tmp/one.tsv")" "$(alpha-stats --fit $fit "$tmp/two.tsv")"
	is "alpha-plan --fit $fit" "$(alpha-plan "$tmp/one.tsv")" "$(alpha-plan --fit $fit "$tmp/two.tsv")"
	is "alpha-plot --fit $fit" "$(alpha-plot box "$tmp/one.tsv")" "$(alpha-plot --fit $fit box "$tmp/two.tsv")"
done
for program in alpha-stats alpha-plan 'alpha-plot box'; do
	# shellcheck disable=SC2086 # a program and its argument
	fails 65 "${program% box}: $tmp/two.tsv: line 3: rows of two fits, 'hill' and 'ks': choose one by --fit" \
		"$program: several fits" $program "$tmp/two.tsv"
done
fails 65 "alpha-stats: $tmp/two.tsv: no row is of the fit 'peak'" 'a fit that is not there' \
	alpha-stats --fit peak "$tmp/two.tsv"
is 'a table without the column is of Hill' "$(alpha-stats --fit hill "$tmp/two.tsv")" \
	"$(hill-alpha "$tmp/random.st" | cut -f 1-18 | alpha-stats --fit hill)"

# --- the k of the plateau ----------------------------------------------------------------------------

st-synth --seed 3 --random --shape 120x120 --shape 40x200 --shape 12x300 --output "$tmp/noise.safetensors"
st-layers "$tmp/noise.safetensors" | spectrum >"$tmp/noise.st"
is '--k auto: of a random matrix ten, the least' '10 10 10' "$(hill-alpha --k auto "$tmp/noise.st" | cut -f 9 | tail -n +2 | tr '\n' ' ' | sed 's/ $//')"
is '--k auto: the row is that of this k' "$(hill-alpha --k 10 --confidence --metrics all "$tmp/noise.st")" \
	"$(hill-alpha --k auto --confidence --metrics all "$tmp/noise.st")"
is '--k auto: of --k and --k-frac the last counts' "$(hill-alpha --k-frac 0.3 "$tmp/planted.st")" \
	"$(hill-alpha --k auto --k-frac 0.3 "$tmp/planted.st")"
is '--k auto: and auto if it is the last' "$(hill-alpha --k auto "$tmp/planted.st")" \
	"$(hill-alpha --k 3 --k auto "$tmp/planted.st")"
fails 64 "hill-alpha: --k takes a number from 1 up or auto, and not 'Auto' (try 'hill-alpha --help')" '--k Auto' \
	hill-alpha --k Auto "$tmp/planted.st"

# --- every k ---------------------------------------------------------------------------------------

# differences STREAM OPTION: of the lines of --hill-plot from the tables of --k, in alpha, its null and, where there
# is one, its interval
differences() {
	hill-alpha --hill-plot $2 "$1" >"$tmp/plot.tsv" || return
	for k in 1 2 3 7 10 31 32 33 60 148 149; do
		hill-alpha $2 --k $k "$1" | awk -F '\t' -v k=$k 'NR > 1 && $9 == k'
	done >"$tmp/tables.tsv"
	awk -F '\t' '
	function differ(a, b) { return a != b && (a > b ? a - b : b - a) > 1e-12 * b }
	NR == FNR { alpha[$1, $9] = $8; null[$1, $9] = $19; low[$1, $9] = $23; high[$1, $9] = $24; next }
	FNR == 1 { fields = NF; next }
	NF != fields { wrong++ }
	!(($1, $3) in alpha) { next }
	{ rows++; wrong += differ($4, alpha[$1, $3]) || $5 != null[$1, $3] }
	NF == 8 && $7 != "nan" { intervals++; wrong += differ($7, low[$1, $3]) || differ($8, high[$1, $3]) }
	END { print rows " rows, " intervals + 0 " intervals, " wrong + 0 " differ" }' "$tmp/tables.tsv" "$tmp/plot.tsv"
}
is '--hill-plot: as --k, for each' '20 rows, 0 intervals, 0 differ' "$(differences "$tmp/planted.st" '')"
is '--hill-plot: a line for every k' "149 63" "$(awk -F '\t' '
	NR > 1 { wrong += $3 != ++n[$1] } END { print wrong ? "wrong" : n["layers.0"], n["layers.1"] }' "$tmp/plot.tsv")"
is '--hill-plot: intervals as with --k' '20 rows, 13 intervals, 0 differ' \
	"$(differences "$tmp/planted.st" --confidence=0.9)"
is '--hill-plot: intervals at 32 k, from 1 to a quarter or 32' '32 1 37 32 1 32' "$(awk -F '\t' '
	NR > 1 && $7 != "nan" { if (!n[$1]++) first[$1] = $3; last[$1] = $3 }
	END { for (i = 0; i < 2; i++) { l = "layers." i; printf "%s%d %d %d", i ? " " : "", n[l], first[l], last[l] } }' \
	"$tmp/plot.tsv")"
is '--hill-plot: columns' 'layer_name precision k alpha alpha_null alpha_err alpha_low alpha_high' \
	"$(head -n 1 "$tmp/plot.tsv" | tr '\t' ' ')"
is '--hill-plot: zero eigenvalues are errors, and other k stand' '0 119' "$(hill-alpha --hill-plot --include 'layers.0' \
	"$tmp/random.st" >"$tmp/plot.tsv"; printf '%s ' $?; grep -c layers.0 "$tmp/plot.tsv")"
st-layers "$tmp/thin.safetensors" | spectrum | hill-alpha --hill-plot --confidence >"$tmp/plot.tsv"
is '--hill-plot: one eigenvalue: exit 1' 1 $?
is '--hill-plot: one eigenvalue: a line without k' 'layers.0 fp32 0 nan nan nan nan nan' "$(sed -n 2p "$tmp/plot.tsv" | tr '\t' ' ')"
for option in --k=3 --k-frac=0.2 --fit=hill --compat=alphaquant --metrics=all --compare --bootstrap=9; do
	fails 64 "hill-alpha: --hill-plot is of every k: leave out --k, --k-frac, --fit, --compat, --compare, --bootstrap and --metrics (try 'hill-alpha --help')" \
		"--hill-plot $option" hill-alpha --hill-plot $option "$tmp/planted.st"
done
is 'of --k and --k-frac the last counts' "$(hill-alpha --k-frac 0.3 "$tmp/planted.st")" \
	"$(hill-alpha --k 12 --k-frac 0.3 "$tmp/planted.st")"

fails 64 "hill-alpha: --compat takes weightwatcher, powerlaw, alphapruning or alphaquant, and not 'x' (try 'hill-alpha --help')" \
	'--compat x' hill-alpha --compat x "$tmp/planted.st"

# As other tools fit the spectra of a real checkpoint: tests/gen/golden-TOOL.py.
need 'a real checkpoint against other tools' tests/fetch-minilm
st-layers tests/data/minilm/model.safetensors | spectrum >"$tmp/minilm.st"
for tool in weightwatcher powerlaw alphapruning; do
	hill-alpha --compat $tool "$tmp/minilm.st" >"$tmp/tool.tsv"
	is "as $tool: alpha, xmin and D to 1e-6, and the same tails" '37 rows, 0 differ' "$(awk -F '\t' '
		function differ(a, b) { return (a > b ? a - b : b - a) > 1e-6 * b }
		FNR == 1 { next }
		NR == FNR { alpha[$1] = $2; xmin[$1] = $3; k[$1] = $4; D[$1] = $5; next }
		{ rows++ }
		k[$1] == 0 { wrong += !($1 in k) || $8 != "nan" || alpha[$1] != "nan"; next }
		{ wrong += $9 != k[$1] || differ($8, alpha[$1]) || differ($13, xmin[$1]) || differ($21, D[$1]) }
		END { print rows " rows, " wrong + 0 " differ" }' tests/golden/minilm-$tool.tsv "$tmp/tool.tsv")"
done
done_testing
