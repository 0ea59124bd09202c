#!/bin/sh
# A frame cut out of a stream is a safetensors file for the safetensors library itself.
. tests/lib.sh

need "frames open in the safetensors library" tests/fetch-venv
model=$tmp/model.safetensors
tests/write-model "$model" layers.0.a.weight:F32:12x16 layers.1.b.weight:BF16:12x16 \
	'a "quoted\name.weight:F16:3x5' layers.2.c.weight:F64:16x12
st-layers "$model" | prec-cast fp64,fp32,fp16,bf16 > "$tmp/casts.st"
spectrum "$tmp/casts.st" > "$tmp/spectra.st"

cat > "$tmp/check.py" <<'END'
"""Cuts a stream into files; opens each; prints what it holds."""
import struct
import sys
from safetensors import safe_open

data = open(sys.argv[1], "rb").read()
at = 0
while at < len(data):
    length = struct.unpack("<Q", data[at:at + 8])[0]
    assert (8 + length) % 64 == 0, "a header that is not padded to 64 bytes"
    ends = [int(end) for end in __import__("re").findall(rb'"data_offsets":\[0,(\d+)\]', data[at:at + 8 + length])]
    size = 8 + length + (ends[0] if ends else 0)
    with open(sys.argv[2], "wb") as file:
        file.write(data[at:at + size])
    at += size
    with safe_open(sys.argv[2], "np") as frame:
        metadata = frame.metadata()
        for name in frame.keys():
            tensor = frame.get_slice(name)
            print(metadata["kind"], metadata["layer"], metadata["precision"], name,
                  tensor.get_dtype(), "x".join(map(str, tensor.get_shape())))
        if metadata["kind"] == "end":
            print("end", metadata["frames"])
END
frames() { tests/data/venv/bin/python "$tmp/check.py" "$1" "$tmp/frame.safetensors"; }
expect() { st-info "$1" | awk -F '\t' -v name="$2" 'NR > 1 { print $2, $3, $4, name ? name : $3 ".weight", $5, $6; n++ } END { print "end", n }'; }

is "tensors" "$(expect "$tmp/casts.st" "" | sed 's/\\\\/\\/g')" "$(frames "$tmp/casts.st")"
is "spectra" "$(expect "$tmp/spectra.st" eigenvalues | sed 's/\\\\/\\/g')" "$(frames "$tmp/spectra.st")"
is "a frame for each layer and format" 17 "$(frames "$tmp/casts.st" | wc -l)"
done_testing
