#!/bin/sh
# Which layers models have, and their values, against transformers' own classes: tests/golden/models, made
# by tests/gen/tiny-models.py. The checkpoints are made again here, from the lists of their tensors.
. tests/lib.sh

for golden in tests/golden/models/*; do
	model=${golden##*/}
	mkdir "$tmp/$model"
	cp "$golden/config.json" "$tmp/$model"
	tests/write-checkpoint "$tmp/$model" "$golden/tensors.tsv"
	st-layers "$tmp/$model" >"$tmp/layers.st" 2>"$tmp/errors"
	is "$model: nothing is left out" "0 " "$? $(cat "$tmp/errors")"
	tests/digest-layers <"$tmp/layers.st" >"$tmp/layers.tsv"
	is "$model: names, order, shapes and values" "$(cat "$golden/layers.tsv")" "$(cat "$tmp/layers.tsv")"
done
done_testing
