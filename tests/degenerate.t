#!/bin/sh
# Matrices at the edges of the mathematics, through all programs: what is printed is the value of
# the definition, or nan and why. Truth is a closed form, written together with the model.
. tests/lib.sh

python3 -B - "$tmp/model.safetensors" "$tmp/truth.tsv" <<'EOP'
"""Writes a model and the rows that are right for it: nearly all matrices are diagonal."""
import json
import math
import struct
import sys

FLOOR = 1e-12
header, payload, truth = {}, bytearray(), []


def bf16(value):
    """Rounds a float32 to bfloat16, half to even; finite values."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    return struct.unpack("<f", struct.pack("<I", bits & 0xFFFFFFFF))[0]


def fp32(value):
    """Rounds to float32; out of its range to infinity."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.inf


def fp16(value):
    """Rounds to float16; out of its range to infinity."""
    try:
        return struct.unpack("<e", struct.pack("<e", value))[0]
    except OverflowError:
        return math.inf


CASTS = {"fp64": float, "fp32": fp32, "fp16": fp16, "bf16": lambda value: bf16(fp32(value))}


def hill(eigenvalues):
    """The definition: alpha, and the number of the eigenvalues it is of."""
    n = len(eigenvalues)
    k = max(1, min(max(10, int(0.1 * n)), n - 1))
    eigenvalues = sorted(eigenvalues)
    reference = max(eigenvalues[-k - 1], FLOOR)
    if eigenvalues[-k] == 0:
        return 1 + k / FLOOR, k
    total = math.fsum(math.log(value / reference) for value in eigenvalues[-k:])
    return 1 + k / max(total, FLOOR), k


def add(name, dtype, shape, values):
    """Adds a tensor to the model."""
    start = len(payload)
    payload.extend(struct.pack("<%d%s" % (len(values), "f" if dtype == "F32" else "d"), *values))
    header[name + ".weight"] = {
        "dtype": dtype, "shape": shape, "data_offsets": [start, len(payload)]
    }


def expect(name, precision, alpha, k, n, largest, method, note):
    """Adds a row; largest is the largest eigenvalue."""
    truth.append((name, precision, "%.17g" % alpha, k, n, "%.17g" % largest, method, note))


def expect_all(name, *rest, precisions=CASTS):
    """The same row for several precisions."""
    for precision in precisions:
        expect(name, precision, *rest)


def add_diagonal(name, dtype, shape, diagonal, notes):
    """A tensor that is a diagonal matrix when flattened; a note for each precision, or for all."""
    columns = math.prod(shape[1:])
    values = [0.0] * (shape[0] * columns)
    for i, value in enumerate(diagonal):
        values[i * columns + i] = value if dtype == "F64" else fp32(value)
    add(name, dtype, shape, values)
    for precision, cast in CASTS.items():
        note = notes if isinstance(notes, str) else notes[precision]
        eigenvalues = [cast(values[i * columns + i]) ** 2 for i in range(len(diagonal))] \
            if note not in (OVERFLOWED, OUT_OF_RANGE) else []
        if not eigenvalues:
            expect(name, precision, math.nan, 0, 0, math.nan, "failed", note)
            continue
        alpha, k = hill(eigenvalues)
        alpha = math.nan if note == NOT_RESOLVED else alpha
        expect(name, precision, alpha, k, len(diagonal), max(eigenvalues), "gram-dsyevd", note)


FEW = "fewer than two eigenvalues"
ZERO = "zero matrix"
AT_FLOOR = "lambda_ref at its floor of 1e-12"
NO_SPREAD = "tail without spread"
NOT_FINITE = "weights not finite"
OVERFLOWED = "weights not finite after a cast that overflowed"
OUT_OF_RANGE = "eigenvalues out of range"
NOT_RESOLVED = "tail not resolved: eigenvalues below their error"

# One eigenvalue, or none.
integers = [i % 7 - 3.0 for i in range(50)]
squares = sum(value * value for value in integers)
add("row", "F32", [1, 50], integers)
add("column", "F32", [50, 1], integers)
add("one", "F32", [1, 1], [-0.5])
for name, value in ("row", squares), ("column", squares), ("one", 0.25):
    expect_all(name, math.nan, 0, 1, value, "degenerate", FEW)
for name, shape in ("empty_row", [0, 5]), ("empty_column", [5, 0]):
    add(name, "F32", shape, [])
    expect_all(name, math.nan, 0, 0, math.nan, "degenerate", FEW)

# Eigenvalues that are zero, or equal.
add("zero", "F32", [20, 30], [0.0] * 600)
expect_all("zero", 1 + 10 / FLOOR, 10, 20, 0, "gram-dsyevd", ZERO)
add("negative_zero", "F32", [20, 30], [-0.0] * 600)
expect_all("negative_zero", 1 + 10 / FLOOR, 10, 20, 0, "gram-dsyevd", ZERO)
outer = [float((i % 4 + 1) * (j % 3)) for i in range(20) for j in range(30)]
add("rank_one", "F32", [20, 30], outer)
expect_all("rank_one", math.nan, 10, 20, 150 * 50, "gram-dsyevd", NOT_RESOLVED)
# Its zero is the reference, which the floor replaces.
add("rank_one_of_two", "F32", [2, 2], [1.0] * 4)
expect_all("rank_one_of_two", 1 + 1 / math.log(4 / FLOOR), 1, 2, 4, "gram-dsyevd", AT_FLOOR)
add_diagonal("identity", "F32", [20, 20], [1.0] * 20, NO_SPREAD)
signs = [1.0 - 2 * (bin(i & j).count("1") % 2) for i in range(16) for j in range(16)]
add("orthogonal", "F32", [16, 16], signs)
expect_all("orthogonal", math.inf, 10, 16, 16, "gram-dsyevd", NO_SPREAD)

# What is no number.
for name, value in ("nan", math.nan), ("inf", math.inf), ("minus_inf", -math.inf):
    add(name, "F32", [20, 30], [1.0] * 599 + [value])
    expect_all(name, math.nan, 0, 0, math.nan, "failed", NOT_FINITE)

# Scale.
add_diagonal("two", "F32", [2, 2], [1, 2], "")
add_diagonal("million", "F64", [40, 40], [10 ** (-6 * i / 39) for i in range(40)], "")
add_diagonal("million_wide", "F64", [40, 50], [10 ** (-6 * i / 39) for i in range(40)], "")
add_diagonal("ten_million", "F64", [11, 11], [10 ** (3 - 0.7 * i) for i in range(11)], NOT_RESOLVED)
add_diagonal("too_large_for_fp16", "F32", [20, 30], [65519 * 1.1**i for i in range(20)],
             {"fp64": "", "fp32": "", "fp16": OVERFLOWED, "bf16": ""})
add_diagonal("too_small_for_fp16", "F32", [20, 30], [2**-25 * 0.9**i for i in range(20)],
             {"fp64": AT_FLOOR, "fp32": AT_FLOOR, "fp16": ZERO, "bf16": AT_FLOOR})
add_diagonal("tiny", "F64", [20, 30], [1e-200 * 1.1**i for i in range(20)],
             {"fp64": OUT_OF_RANGE, "fp32": ZERO, "fp16": ZERO, "bf16": ZERO})
add_diagonal("huge", "F64", [20, 30], [1e200 * 1.1**i for i in range(20)],
             {"fp64": OUT_OF_RANGE, "fp32": OVERFLOWED, "fp16": OVERFLOWED, "bf16": OVERFLOWED})
add_diagonal("half_range", "F64", [20, 30], [1e150 * 1.1**i for i in range(20)],
             {"fp64": "", "fp32": OVERFLOWED, "fp16": OVERFLOWED, "bf16": OVERFLOWED})

# More than two dimensions.
add_diagonal("three", "F32", [12, 4, 3], [1.5**i for i in range(12)], "")
add_diagonal("three_tall", "F32", [16, 2, 2], [1.5**i for i in range(4)], "")
add_diagonal("four", "F32", [12, 4, 3, 3], [1.5**i for i in range(12)], "")

text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + payload)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    for row in sorted(truth):
        print(*row, sep="\t", file=file)
EOP

formats=fp64,fp32,fp16,bf16
st-layers --all "$tmp/model.safetensors" | prec-cast $formats >"$tmp/casts.st"
spectrum "$tmp/casts.st" >"$tmp/spectra.st" 2>"$tmp/messages"
is 'spectrum: exit 1 where a layer cannot be computed' 1 $?
hill-alpha "$tmp/spectra.st" >"$tmp/alpha.tsv" 2>"$tmp/hill.messages"
is 'hill-alpha: exit 1 where there is no estimate' 1 $?
is 'hill-alpha says nothing more' '' "$(cat "$tmp/hill.messages")"
ok 'the spectra are a complete stream' st-info -q "$tmp/spectra.st"
is 'a row for each layer and format' "$(wc -l <"$tmp/truth.tsv")" \
	"$(tail -n +2 "$tmp/alpha.tsv" | wc -l)"

# What spectrum says is what the table says.
is 'a message for each failure' \
	"$(awk -F '\t' '$11 == "failed" { print "spectrum: layer '\''" $1 "'\'', " $7 ": " $16 }' \
		"$tmp/alpha.tsv")" "$(cat "$tmp/messages")"

# as_on_cpu: what the CPU's method would have been, where a GPU stands in for it (make check-gpu).
as_on_cpu() {
	if [ "${GPU:-}" = required ]; then
		sed 's/gram-cuda-[a-z]*/gram-dsyevd/; s/svd-cuda-xgesvd/svd-dgesdd/'
	else
		cat
	fi
}

# columns TABLE: those that truth.tsv has, in its order.
columns() {
	tail -n +2 "$1" | cut -f 1,7-11,12,14,16 | as_on_cpu | LC_ALL=C sort
}

# check NAME TABLE TRUTH: all rows. alpha is right within its error as printed and a few roundings
# of the closed form. Where its error is inf, it is absurdly large and the definition's value; where
# the truth is inf, eigenvalues are equal but for rounding errors, of which alpha then is made.
check() {
	columns "$2" >"$tmp/found.tsv"
	LC_ALL=C sort "$3" >"$tmp/wanted.tsv"
	paste "$tmp/wanted.tsv" "$tmp/found.tsv" | awk -F '\t' '
	function near(found, wanted, error) {
		if (wanted == "nan" || found == "nan")
			return found == wanted
		return (found - wanted <= error && wanted - found <= error)
	}
	{
		# wanted: 1 layer 2 precision 3 alpha 4 k 5 n 6 largest 7 method 8 note
		# found: 9 layer 10 precision 11 alpha 12 k 13 n 14 method 15 alpha_err 16 largest 17 note
		good = $1 == $9 && $2 == $10 && $4 == $12 && $5 == $13 && $7 == $14 && $8 == $17
		good = good && near($16, $6, 1e-12 * $6)
		if ($3 == "inf")
			good = good && $11 > 1e9 && $15 == "inf"
		else if ($15 == "inf")
			good = good && $3 > 1e9 && near($11, $3, 1e-15 * $3)
		else
			good = good && near($11, $3, $15 + 1e-15 * $3) && \
				($3 == "nan" ? $15 == "nan" : $15 > 0 && $15 < 1e-2)
		if (!good) {
			print "not right: " $0
			wrong = 1
		}
	}
	END { exit wrong || !NR }' >"$tmp/wrong"
	passed $? "$1" || explain "$(cat "$tmp/wrong")"
}

check 'every row is right' "$tmp/alpha.tsv" "$tmp/truth.tsv"

# The errors of the casts.
cast_error() {
	awk -F '\t' -v layer="$1" -v precision="$2" '$1 == layer && $7 == precision { print $15 }' \
		"$tmp/alpha.tsv"
}
is 'a cast that overflows has an infinite error' inf "$(cast_error too_large_for_fp16 fp16)"
is 'a cast that loses all has an error of 1' 1 "$(cast_error too_small_for_fp16 fp16)"
is 'a cast of zeros is exact' 0 "$(cast_error zero fp16)"
is 'infinity and NaN are no errors of a cast' 0,0 "$(cast_error nan bf16),$(cast_error inf bf16)"

# A cast that changes nothing passes the payload on, whatever it holds.
frames() { st-info | awk -F '\t' -v OFS='\t' -v keep="$1" 'NR > 1 && $3 "," $4 ~ keep {
	print $3, $5, $6, $9, $10 }'; }
is 'a cast to fp64 passes type, shape, bytes and hash on' \
	"$(st-layers --all "$tmp/model.safetensors" | frames .)" "$(frames ',fp64$' <"$tmp/casts.st")"
is 'so does one to fp16 where no value changes' \
	"$(st-layers --include '^(zero|two|inf|nan)$' "$tmp/model.safetensors" | frames .)" \
	"$(frames '^(zero|two|inf|nan),fp16$' <"$tmp/casts.st")"
is 'one that changes a value does not' F16 \
	"$(frames '^too_large_for_fp16,fp16$' <"$tmp/casts.st" | cut -f 2)"

# Layers do not depend on their neighbours, and the exit status is 1 just when one has no estimate:
# no alpha, or one without a bound on its error.
for layer in $(cut -f 1 "$tmp/truth.tsv" | uniq); do
	st-layers --all --include "^$layer\$" "$tmp/model.safetensors" | prec-cast $formats |
		spectrum 2>/dev/null >"$tmp/one.st"
	spectrum_status=$?
	hill-alpha "$tmp/one.st" >"$tmp/one.tsv"
	hill_status=$?
	is "$layer alone: the same rows" \
		"$(awk -F '\t' -v layer="$layer" '$1 == layer' "$tmp/alpha.tsv")" \
		"$(tail -n +2 "$tmp/one.tsv")"
	awk -F '\t' '$11 == "failed" { failed = 1 } END { exit failed }' "$tmp/one.tsv"
	is "$layer alone: the status of spectrum" $? $spectrum_status
	awk -F '\t' 'NR > 1 && ($12 == "nan" || $12 == "inf") { none = 1 } END { exit none }' \
		"$tmp/one.tsv"
	is "$layer alone: the status of hill-alpha" $? $hill_status
done

# Where the Gram matrix does not resolve the tail, the SVD may; ten_million is such a one.
spectrum --solver svd "$tmp/casts.st" 2>/dev/null | hill-alpha >"$tmp/svd.tsv"
python3 -B - "$tmp/truth.tsv" >"$tmp/truth.svd.tsv" <<'EOP'
"""The same truth, but that the SVD resolves what is not of rank 1."""
import math
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        row = line.rstrip("\n").split("\t")
        row[6] = row[6].replace("gram-dsyevd", "svd-dgesdd")
        print(*row, sep="\t")
EOP
grep -v '^ten_million' "$tmp/truth.svd.tsv" >"$tmp/truth.rest.tsv"
grep -v '^ten_million' "$tmp/svd.tsv" >"$tmp/svd.rest.tsv"
check 'every row is right, by SVD' "$tmp/svd.rest.tsv" "$tmp/truth.rest.tsv"
# The eigenvalues are 10^(6 - 1.4 i) for i up to 10, so the reference is 10^-8.
is 'the SVD resolves a range of 10^14' "$(awk 'BEGIN { printf "%.6f", 1 + 10 / (77 * log(10)) }')" \
	"$(awk -F '\t' '$1 == "ten_million" && $7 == "fp64" { printf "%.6f", $8 }' "$tmp/svd.tsv")"
is 'and says how well' yes "$(awk -F '\t' '$1 == "ten_million" && $7 == "fp64" {
	print ($12 > 0 && $12 < 1e-6 && $16 == "" ? "yes" : $0) }' "$tmp/svd.tsv")"
done_testing
