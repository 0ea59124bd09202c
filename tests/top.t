#!/bin/sh
# Shares of spectra: spectrum --top gives what a fit of that share needs, and hill-alpha refuses more.
. tests/lib.sh

st-synth -q --random --shape=150x130 --shape=700x640 -o "$tmp/model.safetensors"
st-layers -q --all "$tmp/model.safetensors" >"$tmp/model.st"
spectrum --solver two-stage "$tmp/model.st" | hill-alpha >"$tmp/all.tsv"
spectrum --solver two-stage --top 0.1 "$tmp/model.st" >"$tmp/top.st"
is 'the tail and one more' "$(printf '14\n65')" "$(st-info "$tmp/top.st" | tail -n +2 | cut -f 6)"
is 'the frame says of how many' "$(printf '130\n640')" \
	"$(st-info -m "$tmp/top.st" | awk '$2 == "n_eigs" { print $3 }')"
hill-alpha "$tmp/top.st" >"$tmp/top.tsv"
is 'the same fit' "$(cat "$tmp/all.tsv")" "$(cat "$tmp/top.tsv")"
hill-alpha --k-frac 0.2 "$tmp/top.st" >"$tmp/out" 2>"$tmp/err"
is 'a larger share is refused' 65 $?
is 'in one line' 1 "$(grep -c 'needs one more' "$tmp/err")"
alpha-plot spectrum "$tmp/top.st" >"$tmp/out" 2>"$tmp/err"
is 'a plot of the whole spectrum is refused' 65 $?
spectrum --top 0 "$tmp/model.st" >"$tmp/out" 2>"$tmp/err"
is 'no share is refused' 64 $?
done_testing
