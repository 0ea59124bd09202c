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

done_testing
