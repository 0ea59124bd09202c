#!/bin/sh
# Casts and their error figures do not depend on the vector unit: prec-cast as it is, which takes
# the widest there is, against builds for one width each, of which one could fuse a*b+c.
. tests/lib.sh

# build_for NAME CFLAGS: builds prec-cast without the choice at run time, into $tmp/NAME.
build_for() {
	env -u MAKEFLAGS -u MFLAGS make -s CC="${CC:-cc}" SANITIZE= BUILD="$tmp/$1" \
		CFLAGS="$2 -DHILLPIPE_SANITIZE" "$tmp/$1/prec-cast"
}

python3 - "$tmp/model.safetensors" <<'EOP'
"""Writes weights of many magnitudes, odd in number, with a few that are special."""
import json
import random
import struct
import sys

random.seed(1)
header, payload = {}, b""
for name, dtype, rows, columns, spread in (
    ("floats", "F32", 301, 333, 30), ("doubles", "F64", 101, 103, 3), ("far", "F64", 37, 41, 900),
    ("finite", "F32", 97, 149, 5)
):
    count = rows * columns
    values = [random.gauss(0, 0.02) * 2.0 ** -random.randrange(spread) for _ in range(count)]
    if name != "finite":
        values[5:8] = [float("inf"), float("-inf"), float("nan")]
    start = len(payload)
    payload += struct.pack("<%d%s" % (len(values), "f" if dtype == "F32" else "d"), *values)
    header["layers.%s.weight" % name] = {
        "dtype": dtype, "shape": [rows, columns], "data_offsets": [start, len(payload)]
    }
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + payload)
EOP

formats=$(prec-cast --list | tail -n +2 | cut -f 1 | paste -s -d ,)
formats=$formats,fp8_e4m3:row,int3:g48:asym,int8:rule=gptq,int4:rule=awq,int2:rule=autoround,fp4:b128,nf4:dq,mxfp4:ties=zero
st-layers "$tmp/model.safetensors" >"$tmp/model.st"
prec-cast "$formats" "$tmp/model.st" >"$tmp/casts.st"
is 'casts to compare' $((4 * $(echo "$formats" | tr , '\n' | wc -l))) \
	"$(st-info "$tmp/casts.st" | tail -n +2 | wc -l)"
prec-cast fp64,fp32,fp16,bf16 "$tmp/model.st" >"$tmp/few.st"
is 'their errors are there and differ' 10 \
	"$(st-info -m "$tmp/few.st" | awk '$2 == "cast_rel_err" && $3 > 0' | sort -u -k 3 | wc -l)"

compare_with() {
	ok "builds for $1" build_for "$1" "$2"
	"$tmp/$1/prec-cast" "$formats" "$tmp/model.st" >"$tmp/other.st"
	ok "$1: the same bytes" cmp "$tmp/casts.st" "$tmp/other.st"
}

compare_with scalar '-O1'
if grep -q '^flags.* fma .*avx2' /proc/cpuinfo; then
	compare_with avx2 '-O3 -mavx2 -mfma'
else
	skip 'avx2' 'this processor has no AVX2'
fi
done_testing
