#!/bin/sh
# Casts of every layer of a real checkpoint, against what the formats' references made of it; and what README.md
# says of them.
. tests/lib.sh

model=tests/data/minilm/model.safetensors

need 'casts of a real checkpoint' tests/fetch-minilm

# hashes FORMATS: a line for each layer and format, with the hash of its casts.
hashes() { st-layers "$model" | prec-cast "$1" | st-info | tail -n +2 | cut -f 3,4,10 | LC_ALL=C sort; }

for golden in tests/golden/casts/*-minilm.tsv; do
	family=$(basename "$golden" -minilm.tsv)
	formats=$(tail -n +2 "$golden" | cut -f 2 | LC_ALL=C sort -u | paste -s -d ,)
	is "$family: $formats" "$(hashes "$formats")" "$(tail -n +2 "$golden" | LC_ALL=C sort)"
done

# The table in README.md.
st-layers "$model" | prec-cast "$(tests/table-formats --formats)" | spectrum | hill-alpha >"$tmp/formats.tsv"
is "the table of formats in README.md" "$(tests/table-formats "$tmp/formats.tsv")" \
	"$(sed -n '/^| format | bits/,/^$/p' README.md | grep .)"

done_testing
