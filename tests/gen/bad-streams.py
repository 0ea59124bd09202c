"""Writes tensor streams that are wrong in one way each, and some odd ones that are right.

    python3 tests/gen/bad-streams.py FOLDER

FOLDER gets the streams and two tables, for tests/stream.t:

    refused.tsv   stream, the programs that are to refuse it, what each says after its name and the
                  stream's
    taken.tsv     stream, the programs that are to take it

The programs are those that read streams: cast (prec-cast), spectrum, info (st-info), hill (hill-alpha).
"""

import os
import struct
import sys

from frames import (Frame, document, end_frame, floats, spectrum_frame, tensor, tensor_frame)

TENSORS, SPECTRA = "cast spectrum info", "hill info"
ALL = "cast spectrum info hill"
REFUSED, TAKEN = [], []


def refuse(name, programs, content, message):
    REFUSED.append((name, programs, content, message))


def take(name, programs, content):
    TAKEN.append((name, programs, content))


def stream(*frames):
    """A stream of these frames and a right end."""
    return b"".join(frame.bytes() for frame in frames) + end_frame(len(frames)).bytes()


def first(**extra):
    return tensor_frame("a", "F32", [3, 2], floats(1, 2, 3, 4, 5, 6), **extra)


def second():
    return tensor_frame("b", "BF16", [2, 2], b"\x80\x3f\x00\x40\x40\x40\x80\x40")


def eigenvalues(**extra):
    return spectrum_frame("a", 12, 20, [float(i * i) for i in range(1, 13)], **extra)


def changed(frame, **metadata):
    """The frame with metadata replaced, or taken out where it is None."""
    merged = {**frame.metadata, **metadata}
    return Frame({key: value for key, value in merged.items() if value is not None},
                 frame.tensors, frame.payload)


# --- cut, anywhere -------------------------------------------------------------------------------


def cut_message(size, frames):
    """What is said of a stream of these frames that is cut to so many bytes."""
    at = 0
    for number, frame in enumerate(frames):
        after = f"after frame {number}: " if number else ""
        head, payload = frame.head(), frame.payload
        if size == at:
            return (after + "the stream ends without an end frame; the program before failed?"
                    if number else
                    "empty, and a tensor stream is expected; the program before failed?")
        if size == 1 and 0x20 <= head[0] <= 0x7e:
            return "text, and a tensor stream is expected"  # by chance
        if size < at + 8:
            return after + "cut off inside the length of a header"
        if size < at + len(head):
            return (f"{after}cut off inside a header ({size - at - 8} of {len(head) - 8} bytes)")
        at += len(head)
        if size < at + len(payload):
            name = next(iter(frame.tensors))
            return f"tensor '{name}': cut off after {size - at} of {len(payload)} bytes"
        at += len(payload)
    raise AssertionError("not cut")


def cuts(name, programs, frames):
    """Cut at each border of a frame and one byte around it, and at places inside of all parts."""
    whole = b"".join(frame.bytes() for frame in frames)
    places, at = set(), 0
    for frame in frames:
        head, payload = len(frame.head()), len(frame.payload)
        for place in (0, 1, 7, 8, 9, head // 2, head - 1, head, head + 1, head + payload // 2,
                      head + payload - 1):
            places.add(at + place)
        at += head + payload
    for size in sorted(place for place in places if place < len(whole)):
        refuse(f"{name}-cut-{size:04}", programs, whole[:size], cut_message(size, frames))


cuts("tensors", TENSORS, [first(), second(), end_frame(2)])
cuts("spectra", SPECTRA, [eigenvalues(), end_frame(1)])

# --- the end -------------------------------------------------------------------------------------

TWO = first().bytes() + second().bytes()
for name, frames in (("too-few", "1"), ("too-many", "3"), ("none", None), ("zero", "0"),
                     ("negative", "-2"), ("blank", " 2"), ("plus", "+2"), ("leading-zero", "02"),
                     ("float", "2.0"), ("wrapped", "18446744073709551618"), ("empty", "")):
    refuse(f"end-count-{name}", TENSORS, TWO + changed(end_frame(2), frames=frames).bytes(),
           f"after frame 2: the end frame counts '{(frames or '')[:20]}' frames, and 2 came")
refuse("end-count-esc", TENSORS, TWO + changed(end_frame(2), frames="\x1b[2J").bytes(),
       "after frame 2: the end frame counts '\\x1b[2J' frames, and 2 came")
refuse("end-missing", TENSORS, TWO,
       "after frame 2: the stream ends without an end frame; the program before failed?")
refuse("end-with-tensor", TENSORS,
       TWO + Frame(end_frame(2).metadata, {"w": tensor("U8", [1], 0, 1)}, b"\0").bytes(),
       "after frame 2: an end frame that holds a tensor")
refuse("end-then-byte", TENSORS, TWO + end_frame(2).bytes() + b"\0", "bytes follow the end frame")
refuse("end-then-newline", TENSORS, TWO + end_frame(2).bytes() + b"\n",
       "bytes follow the end frame")
refuse("end-twice", TENSORS, TWO + end_frame(2).bytes() * 2, "bytes follow the end frame")
refuse("two-streams", TENSORS, stream(first()) + stream(second()), "bytes follow the end frame")
refuse("frame-after-end", TENSORS, stream(first()) + second().bytes(), "bytes follow the end frame")
refuse("empty-then-stream", TENSORS, stream() + stream(first()), "bytes follow the end frame")
refuse("frame-lost", TENSORS, second().bytes() + end_frame(2).bytes(),
       "after frame 1: the end frame counts '2' frames, and 1 came")
refuse("frame-twice", TENSORS, TWO + second().bytes() + end_frame(2).bytes(),
       "after frame 3: the end frame counts '2' frames, and 3 came")

# --- hashes --------------------------------------------------------------------------------------

HASH = "tensor 'a.weight': the payload does not have the hash of its header"
for place in (0, 11, 23):
    flipped = bytearray(stream(first()))
    flipped[len(first().head()) + place] ^= 1 << place % 8
    refuse(f"flipped-{place}", TENSORS, bytes(flipped), HASH)
flipped = bytearray(stream(eigenvalues()))
flipped[len(eigenvalues().head()) + 50] ^= 1
refuse("flipped-spectrum", SPECTRA, bytes(flipped), HASH.replace("a.weight", "eigenvalues"))
refuse("payloads-exchanged", TENSORS,
       stream(Frame(first().metadata, first().tensors, floats(6, 5, 4, 3, 2, 1))), HASH)
refuse("hash-of-other", TENSORS, stream(changed(first(), xxh3="0123456789abcdef")), HASH)
DIGITS = "xxh3 is not 16 hexadecimal digits"
for name, value in (("missing", None), ("empty", ""), ("short", "0123456789abcde"),
                    ("long", "0123456789abcdef0"), ("capitals", "0123456789ABCDEF"),
                    ("prefixed", "0x23456789abcdef"), ("sign", "-123456789abcdef"),
                    ("other", "0123456789abcdeg"), ("escaped", "0123456789abcde\n")):
    refuse(f"hash-{name}", TENSORS, stream(changed(first(), xxh3=value)), DIGITS)
refuse("hash-in-second", TENSORS, stream(first(), changed(second(), xxh3=None)),
       "after frame 1: " + DIGITS)

# --- what a frame says ---------------------------------------------------------------------------

for name, value, shown in (("2", "2", "2"), ("0", "0", "0"), ("blank", "1 ", "1 "),
                           ("long", "1" * 50, "1" * 20), ("esc", "\x1b[m", "\\x1b[m")):
    refuse(f"version-{name}", ALL, stream(changed(first(), stream=value)),
           f"a tensor stream of version '{shown}', and not 1")
PLAIN = "a safetensors file, not a tensor stream; st-layers reads those"
refuse("version-missing", ALL, stream(changed(first(), stream=None)), PLAIN)
refuse("version-missing-second", TENSORS, stream(first(), changed(second(), stream=None)),
       "after frame 1: " + PLAIN)
refuse("version-missing-end", TENSORS, TWO + changed(end_frame(2), stream=None).bytes(),
       "after frame 2: " + PLAIN)
for name, kind in (("missing", None), ("empty", ""), ("other", "matrix"), ("capitals", "TENSOR")):
    refuse(f"kind-{name}", ALL, stream(changed(first(), kind=kind)),
           f"a frame of unknown kind '{kind or ''}'")
SIZES = "rows and cols are not two sizes"
for name, metadata, message in (
        ("rows-missing", {"rows": None}, SIZES), ("cols-missing", {"cols": None}, SIZES),
        ("rows-empty", {"rows": ""}, SIZES), ("rows-negative", {"rows": "-3"}, SIZES),
        ("rows-float", {"rows": "3.0"}, SIZES), ("rows-blank", {"rows": "3 "}, SIZES),
        ("rows-beyond", {"rows": "9007199254740993"}, SIZES),
        ("product-overflows", {"rows": "9007199254740992", "cols": "4096"}, SIZES),
        ("rows-wrong", {"rows": "2"}, "rows and cols do not agree with the shape"),
        ("cols-wrong", {"cols": "3"}, "rows and cols do not agree with the shape"),
        ("cols-large", {"cols": "3000000"}, "rows and cols do not agree with the shape"),
        ("exchanged", {"rows": "2", "cols": "3"}, "rows and cols do not agree with the shape"),
        ("zero", {"rows": "0", "cols": "0"}, "rows and cols do not agree with the shape")):
    refuse(f"size-{name}", TENSORS, stream(changed(first(), **metadata)), message)
refuse("tensors-none", ALL, stream(Frame(first().metadata)),
       "a frame with 0 tensors instead of one")
refuse("tensors-two", ALL,
       stream(Frame(first().metadata, {"a": tensor("U8", [1], 0, 1), "b": tensor("U8", [1], 1, 2)},
                    b"\0\0")),
       "a frame with 2 tensors instead of one")
VECTOR = "a spectrum that is not a vector of at most min(rows, cols) F64"
refuse("spectrum-too-long", SPECTRA, stream(changed(eigenvalues(), rows="11")), VECTOR)
refuse("spectrum-windows-too-few", SPECTRA,
       stream(changed(eigenvalues(), rows="4", cols="9", windows="2")), VECTOR)
refuse("spectrum-windows-no-number", SPECTRA, stream(changed(eigenvalues(), windows="all")), VECTOR)
refuse("spectrum-f32", SPECTRA,
       stream(Frame(eigenvalues().metadata, {"eigenvalues": tensor("F32", [12], 0, 48)}, bytes(48))),
       VECTOR)
refuse("spectrum-matrix", SPECTRA,
       stream(Frame(eigenvalues().metadata, {"eigenvalues": tensor("F64", [3, 4], 0, 96)},
                    eigenvalues().payload)), VECTOR)
refuse("spectrum-scalar", SPECTRA,
       stream(Frame(eigenvalues().metadata, {"eigenvalues": tensor("F64", [], 0, 8)}, bytes(8))),
       VECTOR)
UNREADABLE = "tensor 'a.weight': values of type {} are not read"
refuse("values-u8", "cast spectrum", stream(tensor_frame("a", "U8", [2, 2], b"\1\2\3\4")),
       UNREADABLE.format("U8"))
refuse("values-i8", "cast spectrum", stream(tensor_frame("a", "I8", [2, 2], b"\1\2\3\4")),
       UNREADABLE.format("I8"))
refuse("values-c64", "cast spectrum", stream(tensor_frame("a", "C64", [1, 1], bytes(8))),
       UNREADABLE.format("C64"))
NOT_SPECTRUM = "layer 'a': not the eigenvalues of a spectrum with their error"
for name, values in (("descending", [3.0, 2.0]), ("negative", [-1.0, 2.0]),
                     ("nan", [float("nan"), 1.0]), ("nan-last", [1.0, float("nan")]),
                     ("infinite", [1.0, float("inf")])):
    refuse(f"spectrum-{name}", "hill", stream(spectrum_frame("a", 2, 2, values)), NOT_SPECTRUM)
for name, value in (("missing", None), ("nan", "nan"), ("negative", "-1"), ("text", "small"),
                    ("empty", "")):
    refuse(f"lambda-err-{name}", "hill", stream(changed(eigenvalues(), lambda_err=value)),
           NOT_SPECTRUM)
refuse("spectrum-for-tensor", "cast spectrum", stream(eigenvalues()),
       "a frame of kind 'spectrum', and 'tensor' is expected here")
refuse("tensor-for-spectrum", "hill", stream(first()),
       "a frame of kind 'tensor', and 'spectrum' is expected here; put 'spectrum' before this program")
refuse("spectrum-among-tensors", "cast spectrum", stream(first(), eigenvalues()),
       "a frame of kind 'spectrum', and 'tensor' is expected here")

# --- what is no stream ---------------------------------------------------------------------------

TEXT = "text, and a tensor stream is expected"
EMPTY = "empty, and a tensor stream is expected; the program before failed?"
BIG = "not safetensors: a header of {} bytes (at most 100000000)"
refuse("nothing", ALL, b"", EMPTY)
refuse("newline", ALL, b"\n", TEXT)
refuse("table", ALL, b"layer_name\tcategory\tout_features\nlayers.0\tattn_q\t4096\n", TEXT)
refuse("json", ALL, b'{"a":1}', TEXT)
refuse("message", ALL, b"st-layers: no such file\n", TEXT)
refuse("safetensors", ALL, document({"w": tensor("F32", [1], 0, 4)}, bytes(4)), PLAIN)
refuse("safetensors-torch", ALL,
       document({"__metadata__": {"format": "pt"}, "w": tensor("F32", [1], 0, 4)}, bytes(4)), PLAIN)
refuse("safetensors-empty", ALL, document({}), PLAIN)
refuse("zip", ALL, b"PK\3\4\0\0\x08\x08" + bytes(40), BIG.format(578712552184433488))
refuse("zeros", ALL, bytes(1000), "not safetensors: a header of 0 bytes")
refuse("ones", ALL, b"\xff" * 1000, BIG.format((1 << 64) - 1))
refuse("big-endian", ALL, struct.pack(">Q", 248) + stream(first())[8:],
       BIG.format(0xf800000000000000))
refuse("zeros-before", ALL, bytes(8) + stream(first()), "not safetensors: a header of 0 bytes")
refuse("zeros-between", TENSORS, first().bytes() + bytes(64) + second().bytes(),
       "after frame 1: not safetensors: a header of 0 bytes")
refuse("text-between", TENSORS, first().bytes() + b"warning: something\n" + second().bytes(),
       "after frame 1: " + BIG.format(struct.unpack("<Q", b"warning:")[0]))

# --- headers that lie ----------------------------------------------------------------------------

HEAD = len(first().head()) - 8
JSON = len(first().head()[8:].rstrip())


def lying(length):
    return struct.pack("<Q", length) + stream(first())[8:]


refuse("length-short", TENSORS, lying(JSON - 1),
       f"bad header: ',' or '}}' expected (at byte {JSON - 1} of the JSON)")
refuse("length-long", TENSORS, lying(HEAD + 1),
       f"bad header: something follows the end of the JSON (at byte {HEAD} of the JSON)")
refuse("length-cap", TENSORS, lying(100_000_000),
       f"cut off inside a header ({len(stream(first())) - 8} of 100000000 bytes)")
refuse("length-above-cap", TENSORS, lying(100_000_001), BIG.format(100_000_001))
refuse("length-huge", TENSORS, lying((1 << 63) - 1), BIG.format((1 << 63) - 1))
refuse("offsets-lie", TENSORS,
       stream(Frame(first().metadata, {"a.weight": tensor("F32", [3, 2], 0, 25)},
                    first().payload + b"\0")),
       "bad header: tensor 'a.weight': data_offsets span 25 bytes, but shape and dtype need 24")
refuse("offsets-begin-late", TENSORS,
       stream(Frame(first().metadata, {"a.weight": tensor("F32", [3, 2], 8, 32)},
                    bytes(8) + first().payload)),
       "bad header: tensor 'a.weight': data_offsets begin at 8, and the first must begin at 0")
WIDE = {"w": tensor("F32", [1 << 20, 1 << 24], 0, 1 << 46)}
refuse("payload-of-64-tib", TENSORS,
       changed(Frame(first().metadata, WIDE, b"12345678"), rows="1048576", cols="16777216").bytes(),
       "tensor 'w': cut off after 8 of 70368744177664 bytes")
refuse("metadata-twice", ALL,
       document('{"__metadata__":{"stream":"1","stream":"1","kind":"end","frames":"0"}}'),
       "bad header: metadata key 'stream' is given twice")
refuse("metadata-number", ALL, document('{"__metadata__":{"stream":1}}'),
       "bad header: __metadata__: a string expected (at byte 26 of the JSON)")
refuse("name-esc", TENSORS,
       Frame(first().metadata, {"\x1b]0;x\x07": tensor("F32", [3, 2], 0, 24)}, b"").bytes(),
       "tensor '\\x1b]0;x\\x07': cut off after 0 of 24 bytes")

# --- what is odd, and right ----------------------------------------------------------------------

take("empty-stream", ALL, stream())
take("one-tensor", TENSORS, stream(first()))
take("two-tensors", TENSORS, stream(first(), second()))
take("same-tensor-twice", TENSORS, stream(first(), first()))
take("no-layer-key", TENSORS, stream(changed(first(), layer=None, category=None, source_dtype=None)))
take("unpadded", TENSORS, document({"__metadata__": first().metadata, **first().tensors},
                                   first().payload) + end_frame(1).bytes())
take("odd-metadata", TENSORS,
     stream(first(**{"": "", "x\n\t\x1b": "y\n\\", "\u00e9": "\U0001f600", "index": "many",
                     "count": "-1", "work": "nan"})))
# Reading these takes no noticeable time, unless something looks for each key among the others.
MANY = {f"prog.{i}": "" for i in range(150_000)}
take("many-keys", TENSORS, stream(first(**MANY)))
take("many-keys-at-end", TENSORS, first().bytes() + end_frame(1, **MANY).bytes())
take("many-keys-of-spectrum", SPECTRA, stream(eigenvalues(**MANY)))
take("odd-name", TENSORS, stream(tensor_frame("a\n\x1b[31m'\"`", "F32", [3, 2], bytes(24))))
take("no-rows", TENSORS, stream(tensor_frame("a", "F32", [0, 4], b"")))
take("no-columns", TENSORS, stream(tensor_frame("a", "F32", [4, 0], b"")))
take("vector", TENSORS, stream(tensor_frame("a", "F32", [4], bytes(16))))
take("three-dimensions", TENSORS, stream(tensor_frame("a", "F32", [2, 2, 3], bytes(48))))
take("one-element", TENSORS, stream(tensor_frame("a", "F64", [1, 1], bytes(8))))
take("one-spectrum", SPECTRA, stream(eigenvalues()))
take("spectrum-of-some", SPECTRA, stream(changed(eigenvalues(), rows="1000", cols="1000")))
take("spectrum-of-windows", SPECTRA,
     stream(changed(eigenvalues(), rows="6", cols="9", windows="2", window_rows="6",
                    window_cols="9")))
take("spectrum-ties", SPECTRA, stream(spectrum_frame("a", 12, 12, [1.0] * 12 )))


def main():
    target = sys.argv[1]
    os.makedirs(target, exist_ok=True)
    names = [name for name, *_ in REFUSED + TAKEN]
    assert len(set(names)) == len(names), "two streams of one name"
    with open(os.path.join(target, "refused.tsv"), "w", encoding="utf-8") as table:
        for name, programs, content, message in REFUSED:
            with open(os.path.join(target, name), "wb") as file:
                file.write(content)
            print(name, programs, message, sep="\t", file=table)
    with open(os.path.join(target, "taken.tsv"), "w", encoding="utf-8") as table:
        for name, programs, content in TAKEN:
            with open(os.path.join(target, name), "wb") as file:
                file.write(content)
            print(name, programs, sep="\t", file=table)


if __name__ == "__main__":
    sys.exit(main())
