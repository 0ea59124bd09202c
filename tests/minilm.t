#!/bin/sh
# The main job on a real checkpoint, against an independent float64 SVD: tests/gen/golden-alpha.py.
. tests/lib.sh

golden=tests/golden/minilm-alpha.tsv
model=tests/data/minilm/model.safetensors
formats=fp64,fp32,fp16,bf16

need 'a real checkpoint against golden values' tests/fetch-minilm

# agrees NAME TABLE CHECK...: each check of compare-alpha on a table.
agrees() {
	what=$1 table=$2
	shift 2
	for check; do
		ok "$what: $check" tests/compare-alpha "$table" $golden "$check"
	done
}

# same NAME FILE FILE: equal bytes, and some.
same() {
	ok "$1" test -s "$2" -a -s "$3"
	ok "$1: the same bytes" cmp "$2" "$3"
}

casts=$tmp/casts.st
spectra=$tmp/spectra.st
write_casts() { st-layers $model | prec-cast $formats >"$casts"; }
write_spectra() { spectrum "$casts" >"$spectra"; }
write_table() { hill-alpha "$spectra" >"$tmp/alpha.tsv"; }
write_svd_table() { spectrum --solver svd "$casts" | hill-alpha >"$tmp/svd.tsv"; }

ok 'cast' write_casts
ok 'spectrum' write_spectra
ok 'hill-alpha' write_table

agrees 'gram' "$tmp/alpha.tsv" rows alpha bound small_bound cast float32
tests/compare-alpha "$tmp/alpha.tsv" $golden figures

# A cast that changes no value passes the matrix on, so the spectrum is the same to the last digit.
# Besides fp64 and fp32 that is the fp16 cast of one layer, whose weights once were stored in fp16.
rows() { awk -F '\t' -v OFS='\t' "\$7 == \"$1\" { \$7 = \$17 = \"\"; print }" "$tmp/alpha.tsv"; }
rows fp64 >"$tmp/fp64"
rows fp32 >"$tmp/fp32"
same 'fp64 and fp32 of float32 weights' "$tmp/fp64" "$tmp/fp32"
rows fp16 | grep '^pooler\.dense' >"$tmp/fp16"
rows fp64 | grep '^pooler\.dense' >"$tmp/fp64"
same 'fp64 and fp16 of weights that fp16 holds' "$tmp/fp64" "$tmp/fp16"
is 'the payload of an exact cast is the source, type, bytes and hash' \
	"$(st-layers $model | st-info | cut -f 3,5-10 | tail -n +2)" \
	"$(st-info "$casts" | awk -F '\t' '$4 == "fp64"' | cut -f 3,5-10)"

# Neither the number of threads, nor memory, nor luck changes a byte.
for options in '--threads 1' '--threads 2' '--threads 3 --memory 1M' '--threads 1 --memory 1M'; do
	# shellcheck disable=SC2086 # options, to be split
	spectrum $options "$casts" >"$tmp/other.st"
	same "spectrum $options" "$spectra" "$tmp/other.st"
done
st-layers $model | prec-cast $formats | spectrum | hill-alpha >"$tmp/again.tsv"
same 'the whole pipeline again' "$tmp/alpha.tsv" "$tmp/again.tsv"

ok 'spectrum --solver svd' write_svd_table
agrees 'svd' "$tmp/svd.tsv" rows alpha bound small_bound cast float32
tests/compare-alpha "$tmp/svd.tsv" $golden figures
done_testing
