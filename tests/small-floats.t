#!/bin/sh
# Weights of the types of at most 8 bits, from a model to alpha, against the same values as F32.
. tests/lib.sh

# Values are drawn from the golden table of all codes, and packed here once more.
cat > "$tmp/make.py" <<'END'
"""Writes models with the same weights in small types and in F32, and streams with scales of E8M0."""
import json
import random
import struct
import sys

sys.path.insert(0, "tests/gen")
from frames import end_frame, tensor_frame  # noqa: E402

BITS = {"F8": 8, "F6": 6, "F4": 4}
# Tall, wide, wider than a panel with an odd number of columns, and larger than a piece of a stream.
SHAPES = [(31, 12), (12, 34), (16, 1001), (300, 28003)]

table = {}
for line in open("tests/golden/decode.tsv").read().splitlines()[1:]:
    dtype, code, value = line.split("\t")
    table.setdefault(dtype, []).append(
        float("nan") if value == "nan" else struct.unpack(">d", bytes.fromhex(value))[0])


def pack(codes, bits):
    """Codes as a string of bits, the first the lowest."""
    packed = bytearray()
    for at in range(0, len(codes), 4):
        group = codes[at:at + 4]
        number = sum(code << bits * i for i, code in enumerate(group))
        packed += number.to_bytes(len(group) * bits // 8, "little")
    return bytes(packed)


def write(path, tensors):
    header, payload = {}, bytearray()
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(payload), len(payload) + len(data)]}
        payload += data
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + payload)


def draw(dtype, count):
    """Codes with finite values, not too far apart, so that no eigenvalue is lost beside others."""
    usable = [i for i, value in enumerate(table[dtype]) if 2.0 ** -9 <= abs(value) <= 256]
    return random.choices(usable, k=count)


random.seed(7)
folder = sys.argv[1]
small, wide = [], []
for dtype in table:
    if dtype == "F8_E8M0":
        continue
    for rows, columns in SHAPES:
        if rows == 300 and dtype not in ("F8_E4M3", "F6_E3M2", "F4"):
            continue
        name = f"{dtype.lower()}.{rows}x{columns}.weight"
        codes = draw(dtype, rows * columns)
        values = struct.pack(f"<{len(codes)}f", *map(table[dtype].__getitem__, codes))
        small.append((name, dtype, [rows, columns], pack(codes, BITS[dtype[:2]])))
        wide.append((name, "F32", [rows, columns], values))
write(f"{folder}/small.safetensors", small)
write(f"{folder}/wide.safetensors", wide)
bad = bytes([0x10, 0x20, 0x7f, 0x30])
write(f"{folder}/nan.safetensors", [("a.weight", "F8_E4M3", [2, 2], bad)])

codes = random.choices(range(120, 135), k=23) + [150]
values = [table["F8_E8M0"][code] for code in codes]
for path, dtype, data in (("e8m0", "F8_E8M0", bytes(codes)), ("e8m0-wide", "F32", struct.pack("<24f", *values))):
    with open(f"{folder}/{path}.st", "wb") as file:
        file.write(tensor_frame("a", dtype, [4, 6], data).bytes() + end_frame(1).bytes())
END
ok "models" python3 -B "$tmp/make.py" "$tmp"

# Hashes of the spectra, and a table of alpha without the column of the type in the model.
results() { # MODEL NAME
	st-layers "$tmp/$1.safetensors" > "$tmp/$1.st" &&
		spectrum "$tmp/$1.st" > "$tmp/$1.spectra" &&
		st-info "$tmp/$1.spectra" | cut -f 3,7- > "$tmp/$1.hashes" &&
		hill-alpha "$tmp/$1.spectra" | cut -f 1-5,8- > "$tmp/$1.alpha"
}
ok "small types, to alpha" results small
ok "the same values as F32" results wide
is "layers" 24 "$(tail -n +2 "$tmp/small.alpha" | wc -l)"
ok "the spectra are the same, bit for bit" cmp "$tmp/small.hashes" "$tmp/wide.hashes"
ok "alpha and its bound are the same" cmp "$tmp/small.alpha" "$tmp/wide.alpha"
is "no alpha is missing" 0 "$(cut -f 6 "$tmp/small.alpha" | grep -c nan)"
is "--solver svd: the same" \
	"$(st-layers --exclude 300x "$tmp/wide.safetensors" | spectrum --solver svd | st-info | cut -f 3,7-)" \
	"$(st-layers --exclude 300x "$tmp/small.safetensors" | spectrum --solver svd | st-info | cut -f 3,7-)"

# What leaves st-layers is what lies in the file, in pieces too.
st-info "$tmp/small.st" > "$tmp/info"
is "bytes of a large tensor of F4" 4200450 "$(awk -F '\t' '$3 == "f4.300x28003" { print $9 }' "$tmp/info")"
python3 - "$tmp/small.safetensors" "$tmp/small.st" <<'END'
"""Whether a stream has the payloads of a model, whatever their order."""
import json
import struct
import sys

model, stream = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
size = struct.unpack("<Q", model[:8])[0]
tensors, at = json.loads(model[8:8 + size]), 0
while at < len(stream):
    length = struct.unpack("<Q", stream[at:at + 8])[0]
    header = json.loads(stream[at + 8:at + 8 + length])
    at += 8 + length
    del header["__metadata__"]
    for name, frame in header.items():
        begin, end = (8 + size + offset for offset in tensors[name]["data_offsets"])
        if stream[at:at + end - begin] != model[begin:end]:
            sys.exit(f"{name} differs")
        at += end - begin
        assert frame["dtype"] == tensors[name]["dtype"] and frame["shape"] == tensors[name]["shape"]
END
is "payloads pass as they are" 0 $?

# Wider formats hold all values: casts are exact and carry the payload they were given.
st-layers --exclude 300x "$tmp/small.safetensors" > "$tmp/few.st"
prec-cast fp64,fp32,fp16,bf16 "$tmp/few.st" > "$tmp/casts.st"
is "exact casts" 84 "$(st-info -m "$tmp/casts.st" | awk '$2 == "exact" && $3 == 1' | wc -l)"
is "exact casts: payloads" "$(st-info "$tmp/few.st" | tail -n +2 | cut -f 3,5-10 | sort -u)" \
	"$(st-info "$tmp/casts.st" | tail -n +2 | cut -f 3,5-10 | sort -u)"
is "exact casts: spectra" "$(spectrum "$tmp/few.st" | st-info | tail -n +2 | cut -f 3,7- | sort -u)" \
	"$(spectrum "$tmp/casts.st" | st-info | tail -n +2 | cut -f 3,7- | sort -u)"

st-layers "$tmp/nan.safetensors" | prec-cast bf16 > "$tmp/nan.st"
is "NaN is counted" 1 "$(st-info -m "$tmp/nan.st" | awk '$2 == "cast_nonfinite" { print $3 }')"
spectrum "$tmp/nan.st" > "$tmp/nan.spectra" 2> "$tmp/err"
is "NaN is found" "1 spectrum: layer 'a', bf16: weights not finite" "$? $(cat "$tmp/err")"

is "E8M0 in a stream" "$(spectrum "$tmp/e8m0-wide.st" | st-info | cut -f 7-)" \
	"$(spectrum "$tmp/e8m0.st" | st-info | cut -f 7-)"
is "E8M0 in a stream: casts" "1 1 1 0 " \
	"$(prec-cast fp64,fp32,bf16,fp16 "$tmp/e8m0.st" | st-info -m | awk '$2 == "exact" { printf "%s ", $3 }')"
done_testing
