#!/bin/sh
# spectrum --windows: pooled spectra, against numpy on a real checkpoint (tests/gen/golden-windows.py).
. tests/lib.sh

st-synth --random --dtype F64 --shape 24x16 --shape 16x40 --shape 7x64 --output "$tmp/random.safetensors"
st-layers "$tmp/random.safetensors" >"$tmp/random.st"
# same FILE COMMAND...: whether the command prints what the file holds
same() {
	file=$1
	shift
	"$@" | cmp -s - "$file"
}
# table OPTION...: n_eigs, method, alpha_null and norm of each layer
table() {
	spectrum "$@" "$tmp/random.st" | hill-alpha --metrics norm | awk -F '\t' 'NR > 1 { printf "%d %s %.6f %.12g\n", $10, $11, $19, $20 }'
}
table >"$tmp/whole"
table --windows 8x8 >"$tmp/windows"
is "windows side by side have the elements of the matrix: the same sum of squares" \
	"$(cut -d ' ' -f 4- "$tmp/whole" | awk '{ print $NF }')" "$(awk '{ print $NF }' "$tmp/windows")"
is "as many spectra as windows, and none of a matrix that is too small" "48 gram-dsyevd, 6 windows 8x8
80 gram-dsyevd, 10 windows 8x8
7 gram-dsyevd" "$(sed -E 's/ [0-9.a-z]+ [0-9.e-]+$//' "$tmp/windows")"
spectrum --windows 8x4 "$tmp/random.st" | hill-alpha --k-frac 0.5 >"$tmp/oblong.tsv"
is "alpha_null is that of the window: 2.71 at aspect 1/2 and half of the eigenvalues" "2.71 2.71" \
	"$(awk -F '\t' 'NR > 1 && /windows/ { printf "%s%.2f", n++ ? " " : "", $19 }' "$tmp/oblong.tsv")"
is "a window as large as the matrix is the matrix" "$(spectrum "$tmp/random.st" | hill-alpha | cut -f 8 | sed -n 2p)" \
	"$(spectrum --windows 24x16 "$tmp/random.st" | hill-alpha | cut -f 8 | sed -n 2p)"
is "intervals are not for pooled windows" "nan nan" "$(spectrum --windows 8x8 "$tmp/random.st" |
	hill-alpha --confidence | awk -F '\t' 'NR > 1 && /windows/ { printf "%s%s", n++ ? " " : "", $22 }')"
for threads in 1 4; do
	spectrum --threads $threads --windows 8x8:stride=3:sample=5:seed=2 "$tmp/random.st" >"$tmp/sample-$threads.st"
done
ok "a sample is the same on any number of threads" cmp "$tmp/sample-1.st" "$tmp/sample-4.st"
is "and as large as was asked for" "40 40 7" "$(hill-alpha "$tmp/sample-1.st" | awk -F '\t' 'NR > 1 { printf "%s%s", n++ ? " " : "", $10 }')"
is "the stream is a good one" "4" "$(st-info "$tmp/sample-1.st" | wc -l | tr -d ' ')"
# The matrix of 16x40 has 9 x 33 windows, and one alone is already more than the memory.
spectrum --windows 8x8:stride=1 "$tmp/random.st" >"$tmp/roomy.st"
for threads in 1 3; do
	ok "windows that do not fit the memory together are the same, $threads at a time" \
		same "$tmp/roomy.st" spectrum --memory=1 --threads=$threads --windows 8x8:stride=1 "$tmp/random.st"
done
is "all of them came" "1224 2376 7" "$(hill-alpha "$tmp/roomy.st" | awk -F '\t' 'NR > 1 { printf "%s%s", n++ ? " " : "", $10 }')"
table --windows 8x8:sample=1 >"$tmp/single"
is "a sample of one window has the spectrum of one" "8 gram-dsyevd, 1 windows 8x8" "$(sed -nE '1s/ [0-9.a-z]+ [0-9.e-]+$//p' "$tmp/single")"
# fits OPTION...: alpha, k, size and method of each layer
fits() { spectrum "$@" "$tmp/random.st" | hill-alpha | cut -f 8-11; }
fits >"$tmp/whole.tsv"
for shape in 25x2 2x65 100000x100000; do
	ok "windows of $shape, larger than every matrix on a side, change nothing" same "$tmp/whole.tsv" fits --windows $shape
done
fits --windows 8x8:stride=2:sample=3:seed=7 >"$tmp/seven"
ok "the same seed takes the same windows" same "$tmp/seven" fits --windows 8x8:stride=2:sample=3:seed=7
is "another seed others" 1 "$(same "$tmp/seven" fits --windows 8x8:stride=2:sample=3:seed=8; echo $?)"
is "all casts of a layer have the same windows, so that fp32 is close to the source everywhere" "3 0" \
	"$(st-layers "$tmp/random.safetensors" | prec-cast fp64,fp32 | spectrum --windows 8x8:stride=2:sample=3:seed=7 | hill-alpha |
	awk -F '\t' 'NR > 1 { if ($7 == "fp64") alpha[$1] = $8; else { n++; far += ($8 - alpha[$1]) ^ 2 > 1e-8 } } END { print n, far }')"
st-synth --shape 16x16 --dtype F32 --random --std 60000 --output "$tmp/large.safetensors"
is "a window that is not finite fails the layer" "1 failed 0" "$(st-layers "$tmp/large.safetensors" | prec-cast fp16 2>/dev/null |
	spectrum --windows 8x8 2>/dev/null >"$tmp/failed.st"; printf '%s ' $?; hill-alpha "$tmp/failed.st" | awk -F '\t' 'NR == 2 { print $11, $10 }')"
fails 64 "spectrum: --windows takes a shape such as 128x128:stride=64, and not '8' (try 'spectrum --help')" \
	"--windows 8" spectrum --windows 8

need 'windows of a real checkpoint' tests/fetch-minilm
golden=tests/golden/minilm-windows.tsv
tail -n +2 $golden | cut -f 1 | uniq >"$tmp/shapes"
while read -r shape; do
	st-layers --include 'layer.0.*(self.key|inter)|layer.5.output.dense' tests/data/minilm | spectrum --windows "$shape" |
		hill-alpha | awk -F '\t' -v shape="$shape" 'NR > 1 { printf "%s\t%s\t%d\t%.9g\t%.9g\n", shape, $1, $10, $8, $14 }'
done <"$tmp/shapes" >"$tmp/found"
is "equal to numpy's pooled spectra to 9 digits" \
	"$(tail -n +2 $golden | awk -F '\t' '{ printf "%s\t%s\t%d\t%.9g\t%.9g\n", $1, $2, $3, $4, $5 }')" "$(cat "$tmp/found")"

done_testing
