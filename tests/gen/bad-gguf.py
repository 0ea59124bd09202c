"""Writes GGUF files that are wrong in one way each, and some odd ones that are right.

    python3 tests/gen/bad-gguf.py FOLDER [CORPUS]

FOLDER gets the fixtures and the tables refused.tsv and taken.tsv, as of bad-models.py, for tests/gguf.t;
CORPUS, if given, all of them but the largest, for the fuzzer to start from.
"""

import os
import struct
import sys

DATA, NO_INPUT = 65, 66
REFUSED, TAKEN = [], []
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACK = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q",
        I64: "q", F64: "d"}


def number(code, *values):
    return struct.pack("<" + code * len(values), *values)


def string(text, length=None):
    text = text.encode() if isinstance(text, str) else text
    return number("Q", len(text) if length is None else length) + text


def value(kind, content):
    if kind == STRING:
        return string(content)
    if kind == ARRAY:
        of, items = content
        return number("I", of) + number("Q", len(items)) + b"".join(value(of, i) for i in items)
    return number(PACK[kind], content)


def pair(key, kind, content):
    """A pair of metadata; content is a value, or its bytes as they are if it is not a string."""
    raw = isinstance(content, bytes)
    return string(key) + number("I", kind) + (content if raw else value(kind, content))


def info(name, dims, kind, offset, rank=None):
    return (string(name) + number("I", len(dims) if rank is None else rank) + number("Q", *dims) +
            number("I", kind) + number("Q", offset))


def head(tensors, pairs, version=3):
    return b"GGUF" + number("I", version) + number("Q", tensors, pairs)


def padded(content, alignment=32):
    return content + bytes(-len(content) % alignment)


def gguf(infos=(), data=b"", pairs=(), alignment=32, version=3):
    header = head(len(infos), len(pairs), version) + b"".join(pairs) + b"".join(infos)
    return padded(header, alignment) + data


def refuse(name, content, message, status=DATA):
    REFUSED.append((name, content, status, message))


def take(name, content, *tensors):
    TAKEN.append((name, content, tensors))


W = info("w", [4, 2], 0, 0)
W_BYTES = number("f", *range(8))
GOOD = gguf([W], W_BYTES, [pair("general.name", STRING, "x"), pair("a", ARRAY, (STRING, ["b", ""]))])
SHORT = "cut off, or a wrong length: {} bytes at byte {} of a file of {}"
NAME = "a name of {} bytes (1 to {} are allowed)"
TEXT = "a name that is not UTF-8, or holds a null character"

# --- the beginning ---------------------------------------------------------------------------------

refuse("magic-only.gguf", b"GGUF", SHORT.format(4, 4, 4))
# Without its magic a file is of another format.
refuse("magic-bad.gguf", b"FUGG" + GOOD[4:],
       f"not safetensors: a header of {struct.unpack('<Q', b'FUGG' + GOOD[4:8])[0]} bytes (at most 100000000)")
refuse("version-cut.gguf", b"GGUF\3\0", SHORT.format(4, 4, 6))
refuse("count-cut.gguf", head(0, 0)[:12], SHORT.format(8, 8, 12))
refuse("second-count-cut.gguf", head(0, 0)[:23], SHORT.format(8, 16, 23))
for number_of, shown in ((0, 0), (1, 1), (4, 4), (0xFFFF, 65535)):
    refuse(f"version-{shown}.gguf", gguf([W], W_BYTES, version=number_of),
           f"GGUF version {shown}, and 2 and 3 are read")
refuse("big-endian.gguf", b"GGUF" + struct.pack(">IQQ", 3, 0, 0) + bytes(8),
       "a big-endian GGUF file, and only little-endian ones are read")
COUNTS = "{} tensors and {} metadata do not fit into a header of at most 24 bytes"
for name, tensors, pairs in (("tensors", 1 << 63, 0), ("tensors-all", (1 << 64) - 1, 0),
                             ("metadata", 0, 1 << 60),
                             ("metadata-all", 0, (1 << 64) - 1), ("metadata-some", 0, 2), ("tensor", 1, 0)):
    refuse(f"count-{name}.gguf", head(tensors, pairs), COUNTS.format(tensors, pairs))

# --- metadata --------------------------------------------------------------------------------------


def metadata(name, pairs, message, tail=bytes(64), count=None):
    """A file with these metadata; {at} and {size} in the message are where they end, and its end."""
    start = head(0, count or len(pairs)) + b"".join(pairs)
    refuse(f"metadata-{name}.gguf", start + tail,
           message.format(at=len(start), size=len(start + tail)))


metadata("key-empty", [pair("", U8, 1)], "metadata key 0: " + NAME.format(0, 65535))
metadata("key-huge", [string("k", (1 << 64) - 1)], "metadata key 0: " + NAME.format((1 << 64) - 1, 65535))
metadata("key-long", [pair("k" * 65536, U8, 1)], "metadata key 0: " + NAME.format(65536, 65535))
metadata("key-past-end", [string("k", 65535)],
         "metadata key 0: " + SHORT.format(65535, 32, "{size}"))
metadata("key-null", [pair("a\0b", U8, 1)], "metadata key 0: " + TEXT)
metadata("key-not-utf-8", [pair(b"\xff", U8, 1)], "metadata key 0: " + TEXT)
metadata("key-cut", [pair("a", U8, 1)], "metadata key 1: " + SHORT.format(8, "{at}", "{size}"),
         bytes(7), count=2)
metadata("key-twice", [pair("a", U8, 1), pair("b", U8, 1), pair("a", U16, 2)],
         "metadata 'a' is given twice")
metadata("key-escape", [pair("\x1b[31m", 13, b"")], "metadata '\\x1b[31m': a value of unknown type 13")
metadata("type-unknown", [pair("a", 13, b"")], "metadata 'a': a value of unknown type 13")
metadata("type-huge", [pair("a", (1 << 32) - 1, b"")],
         "metadata 'a': a value of unknown type 4294967295")
metadata("type-cut", [string("abcdefgh")], "metadata 'abcdefgh': " + SHORT.format(4, "{at}", "{size}"),
         b"\1\0")
metadata("value-cut", [pair("abcdefgh", U64, b"")],
         "metadata 'abcdefgh': " + SHORT.format(8, "{at}", "{size}"), bytes(7))
metadata("string-huge", [pair("a", STRING, number("Q", (1 << 64) - 1))],
         "metadata 'a': " + SHORT.format((1 << 64) - 1, "{at}", "{size}"))
metadata("string-past-end", [pair("a", STRING, number("Q", 65))],
         "metadata 'a': " + SHORT.format(65, "{at}", "{size}"))
metadata("string-length-cut", [pair("abcdefgh", STRING, b"")],
         "metadata 'abcdefgh': " + SHORT.format(8, "{at}", "{size}"), bytes(7))


def array(kind, count, content=b""):
    return number("I", kind) + number("Q", count) + content


metadata("array-type", [pair("a", ARRAY, array(13, 1))], "metadata 'a': a value of unknown type 13")
metadata("array-nested", [pair("a", ARRAY, array(ARRAY, 1, array(U8, 1, b"\1")))],
         "metadata 'a': an array of arrays")
metadata("array-nested-empty", [pair("a", ARRAY, array(ARRAY, 0))], "metadata 'a': an array of arrays")
metadata("array-past-end", [pair("a", ARRAY, array(F32, 17))],
         "metadata 'a': " + SHORT.format(68, "{at}", "{size}"))
metadata("array-overflow", [pair("a", ARRAY, array(F32, 1 << 62))],
         f"metadata 'a': an array of {1 << 62} values")
metadata("array-huge", [pair("a", ARRAY, array(U8, (1 << 64) - 1))],
         "metadata 'a': " + SHORT.format((1 << 64) - 1, "{at}", "{size}"))
metadata("array-of-strings-huge", [pair("a", ARRAY, array(STRING, 1 << 60))],
         "metadata 'a': " + SHORT.format(1 << 63, "{at}", "{size}"))
metadata("array-of-strings-overflow", [pair("a", ARRAY, array(STRING, 1 << 61))],
         f"metadata 'a': an array of {1 << 61} values")
metadata("array-of-strings-short", [pair("a", ARRAY, array(STRING, 2, string("xy")))],
         "metadata 'a': " + SHORT.format(16, 49, "{size}"), bytes(5))
metadata("array-of-strings-past-end", [pair("a", ARRAY, array(STRING, 2, string("xy")))],
         "metadata 'a': " + SHORT.format(99, "{size}", "{size}"), number("Q", 99))
metadata("array-count-cut", [pair("abcdefgh", ARRAY, number("I", U8))],
         "metadata 'abcdefgh': " + SHORT.format(8, "{at}", "{size}"), bytes(7))
POWER = "general.alignment is {}, which is not a power of two"
for alignment in (0, 3, 13, 48, (1 << 32) - 1):
    metadata(f"alignment-{alignment}", [pair("general.alignment", U32, alignment)],
             POWER.format(alignment))
metadata("alignment-i32", [pair("general.alignment", I32, 13)],
         "metadata 'general.alignment': a value of type 5, and not 4")
metadata("alignment-type", [pair("general.alignment", U64, 32)],
         "metadata 'general.alignment': a value of type 10, and not 4")
metadata("alignment-string", [pair("general.alignment", STRING, "32")],
         "metadata 'general.alignment': a value of type 8, and not 4")
metadata("alignment-twice", [pair("general.alignment", U32, 32), pair("general.alignment", U32, 64)],
         "metadata 'general.alignment' is given twice")

# --- tensors ---------------------------------------------------------------------------------------


def tensor(name, infos, message, data=W_BYTES):
    refuse(f"tensor-{name}.gguf", gguf(infos, data), message)


tensor("name-empty", [info("", [8], 0, 0)], "tensor 0: " + NAME.format(0, 127))
tensor("name-long", [info("n" * 128, [8], 0, 0)], "tensor 0: " + NAME.format(128, 127))
tensor("name-huge", [string("n", 1 << 63) + bytes(64)], "tensor 0: " + NAME.format(1 << 63, 127))
tensor("name-null", [info("w\0", [8], 0, 0)], "tensor 0: " + TEXT)
tensor("name-not-utf-8", [info(b"\xc0\xaf", [8], 0, 0)], "tensor 0: " + TEXT)
tensor("name-surrogate", [info(b"\xed\xa0\x80", [8], 0, 0)], "tensor 0: " + TEXT)
tensor("name-twice", [W, info("v", [8], 0, 32), info("w", [8], 0, 64)], "tensor 'w' is given twice",
       W_BYTES * 3)
tensor("name-escape", [info("\x1b[2J", [8], 99, 0)], "tensor '\\x1b[2J': unknown type 99")
tensor("rank-5", [info("w", [2, 2, 2, 1, 1], 0, 0)], "tensor 'w': 5 dimensions, and at most 4 are allowed")
tensor("rank-huge", [info("w", [8], 0, 0, (1 << 32) - 1)],
       "tensor 'w': 4294967295 dimensions, and at most 4 are allowed")
tensor("dimension-0-data", [info("w", [4, 0], 0, 0)],
       "trailing bytes: the tensors end at byte 96 of a file of 128")
tensor("dimension-0-huge", [info("w", [0, 1 << 63], 0, 0)], "tensor 'w': the shape overflows", b"")
tensor("dimension-0-others-huge", [info("w", [0, 1 << 53, 1 << 53], 0, 0)],
       "tensor 'w': the shape overflows", b"")
tensor("dimension-huge", [info("w", [(1 << 64) - 1], 0, 0)], "tensor 'w': the shape overflows")
tensor("shape-above-2-53", [info("w", [1 << 27, 1 << 27], 24, 0)], "tensor 'w': the shape overflows")
tensor("shape-wraps", [info("w", [1 << 32, 1 << 32], 0, 0)], "tensor 'w': the shape overflows", b"")
tensor("shape-too-big", [info("w", [4 * ((1 << 31) - 1)] * 2, 0, 0)],
       "tensor 'w': the shape overflows")
tensor("bytes-too-big", [info("w", [1533737601, 1533737601], 27, 0)],
       "tensor 'w': the shape overflows")
tensor("bytes-wrap", [info(name, [0x7FFFFFFFFFFFFFC0], 24, offset)
                      for name, offset in (("w", 0), ("v", 0x7FFFFFFFFFFFFFC0))],
       "tensor 'w': the shape overflows")
tensor("bytes-wrap-less", [info(name, [1 << 53], 24, offset) for name, offset in (("w", 0), ("v", 1 << 53))],
       "cut off: tensor 'w' has 9007199254740992 bytes at byte 96 of a file of 128")
tensor("shape-wraps-to-8", [info("w", [8, 1 << 63, 2, 1], 0, 0)], "tensor 'w': the shape overflows")
for kind in (4, 5, 31, 33, 36, 38, 42, 99, (1 << 32) - 1):
    tensor(f"type-{kind}", [info("w", [4, 2], kind, 0)], f"tensor 'w': unknown type {kind}")
tensor("row-of-part", [info("w", [33, 2], 2, 0)],
       "tensor 'w': rows of 33 elements, which Q4_0 has in blocks of 32")
tensor("row-short", [info("w", [128, 2], 12, 0)],
       "tensor 'w': rows of 128 elements, which Q4_K has in blocks of 256")
tensor("scalar-of-blocks", [info("w", [], 8, 0)],
       "tensor 'w': rows of 1 elements, which Q8_0 has in blocks of 32")
NEXT = "tensor '{}' begins at offset {} of the data, and {} is next"
tensor("offset-first", [info("w", [4, 2], 0, 32)], NEXT.format("w", 32, 0), W_BYTES * 2)
tensor("offset-unaligned", [W, info("v", [8], 0, 36)], NEXT.format("v", 36, 32), W_BYTES * 3)
tensor("offset-overlap", [W, info("v", [8], 0, 0)], NEXT.format("v", 0, 32), W_BYTES * 2)
tensor("offset-overlap-part", [info("w", [16], 0, 0), info("v", [8], 0, 32)],
       NEXT.format("v", 32, 64), W_BYTES * 3)
tensor("offset-hole", [W, info("v", [8], 0, 64)], NEXT.format("v", 64, 32), W_BYTES * 3)
tensor("offset-order", [info("w", [8], 0, 32), info("v", [8], 0, 0)], NEXT.format("w", 32, 0), W_BYTES * 2)
tensor("offset-no-padding", [info("w", [3], 0, 0), info("v", [8], 0, 12)], NEXT.format("v", 12, 32),
       W_BYTES * 2)
tensor("offset-all-ones", [info("w", [8], 0, (1 << 64) - 1)], NEXT.format("w", (1 << 64) - 1, 0))
tensor("offset-huge", [info("w", [8], 0, (1 << 64) - 32)], NEXT.format("w", (1 << 64) - 32, 0))
CUT = "cut off: tensor '{}' has {} bytes at byte {} of a file of {}"
tensor("data-missing", [W], CUT.format("w", 32, 96, 96), b"")
tensor("data-one-short", [W], CUT.format("w", 32, 96, 127), W_BYTES[:31])
tensor("data-second-missing", [W, info("v", [8], 0, 32)], CUT.format("v", 32, 160, 160), W_BYTES)
tensor("data-huge", [info("w", [1 << 53], 28, 0)], CUT.format("w", 1 << 56, 64, 96))
tensor("data-one-more", [W], "trailing bytes: the tensors end at byte 128 of a file of 129",
       W_BYTES + b"\0")
tensor("data-without-tensor", [], "trailing bytes: the tensors end at byte 32 of a file of 64")
refuse("header-without-data.gguf", head(1, 0) + W, CUT.format("w", 32, 96, len(head(1, 0) + W)))
refuse("alignment-past-end.gguf",
       gguf([W], W_BYTES, [pair("general.alignment", U32, 1 << 31)]),
       CUT.format("w", 32, 1 << 31, 160))

# The alignment is that of the file before there are tensors, and holds for them.
refuse("alignment-13-tensor.gguf", gguf([W], W_BYTES, [pair("general.alignment", U32, 13)], 13),
       POWER.format(13))
refuse("alignment-13-data.gguf",
       gguf([W, info("v", [8], 0, 39)], W_BYTES + bytes(7) + W_BYTES,
            [pair("general.alignment", U32, 13)], 13), POWER.format(13))

# Cut at every byte: there is a reason for each, and never a success.
for end in range(5, len(GOOD) - len(W_BYTES)):
    REFUSED.append((f"cut-at-{end}.gguf", GOOD[:end], DATA, None))

# --- split models ----------------------------------------------------------------------------------


def part(number_of, of, total, name):
    return gguf([info(name, [4, 2], 0, 0)], W_BYTES,
                [pair("split.no", U16, number_of), pair("split.count", U16, of),
                 pair("split.tensors.count", I32, total)])


ONE, TWO = part(0, 2, 2, "v"), part(1, 2, 2, "w")
refuse("renamed.gguf", ONE, "part 1 of 2 of a split model, but the name does not end in "
       "-00001-of-00002.gguf")
refuse("alone-00001-of-00002.gguf", ONE,
       "part 2 of the split model: No such file or directory", NO_INPUT)
refuse("short-00001-of-00002.gguf", part(0, 2, 3, "v"),
       "the parts have 2 tensors in all, and should have 3")
refuse("same-00001-of-00002.gguf", ONE, "tensor 'v' is in two files, same-00001-of-00002.gguf and "
       "same-00002-of-00002.gguf")
refuse("wrong-00001-of-00002.gguf", ONE, "part 2 of the split model: says that it is part 1 of 2")
refuse("whole-00001-of-00002.gguf", ONE, "part 2 of the split model: not a part of a split model")
refuse("damaged-00001-of-00002.gguf", ONE, "part 2 of the split model: " + SHORT.format(4, 4, 4))
refuse("type-00001-of-00002.gguf", gguf([W], W_BYTES, [pair("split.count", U32, 2)]),
       "metadata 'split.count': a value of type 4, and not 2")
PARTS = {"short": TWO, "same": part(1, 2, 2, "v"), "wrong": ONE, "whole": gguf([W], W_BYTES),
         "damaged": b"GGUF", "both": TWO}

# --- what is odd, and right ------------------------------------------------------------------------

take("good.gguf", GOOD, "w")
take("both-00001-of-00002.gguf", ONE, "v", "w")
take("version-2.gguf", gguf([W], W_BYTES, version=2), "w")
take("empty.gguf", head(0, 0))
take("empty-padded.gguf", padded(head(0, 0)))
take("scalar.gguf", gguf([info("s", [], 0, 0)], bytes(4)), "s")
take("last-not-padded.gguf", gguf([info("w", [3, 1], 0, 0)], bytes(12)), "w")
take("last-padded.gguf", gguf([info("w", [3, 1], 0, 0)], bytes(32)), "w")
take("aligned-1.gguf", gguf([info("v", [1], 24, 0), info("w", [2], 24, 1)], bytes(3),
                            [pair("general.alignment", U32, 1)], 1), "v", "w")
take("aligned-4096.gguf", gguf([W], W_BYTES, [pair("general.alignment", U32, 4096)], 4096), "w")
take("name-127.gguf", gguf([info("n" * 127, [4, 2], 0, 0)], W_BYTES), "n" * 127)
take("names.gguf", gguf([info("a\tb", [8], 0, 0), info("\u00e9", [8], 0, 32)], W_BYTES * 2),
     "a\\tb", "\u00e9")
take("all-values.gguf",
     gguf([W], W_BYTES, [pair(f"k{kind}", kind, 1) for kind in PACK] +
          [pair(f"a{kind}", ARRAY, (kind, [1, 0, 1])) for kind in PACK] +
          [pair("s", STRING, "x" * 70000), pair("e", ARRAY, (STRING, [])),
           pair("l", ARRAY, (STRING, ["y" * 300] * 500)), pair("k" * 65535, U8, 1)]), "w")
take("dimension-0.gguf", gguf([info("v", [8, 0], 0, 0), info("u", [0, 4], 2, 0), info("w", [4, 2], 0, 0)],
                              W_BYTES), "u", "v", "w")
take("aligned-1-metadata.gguf",
     gguf([info("v", [3], 24, 0), info("w", [2], 0, 3)], bytes(11),
          [pair("a", U8, 1), pair("b", STRING, "xyz"), pair("general.alignment", U32, 1)], 1), "v", "w")
take("metadata-only.gguf", gguf(pairs=[pair("a", STRING, "b"), pair("c", ARRAY, (BOOL, [1, 0])),
                                       pair("d", ARRAY, (STRING, ["", "e"]))]))
take("split-of-1.gguf", gguf([W], W_BYTES, [pair("split.count", U16, 1)]), "w")
take("rank-4.gguf", gguf([info("w", [2, 2, 2, 1], 0, 0)], W_BYTES), "w")


# --- the cases of llama.cpp ------------------------------------------------------------------------

# The files that its own tests make, HANDCRAFTED_* of tests/test-gguf.cpp, and ours that are wrong (or right) in
# the same way. There are three on which we differ, of two kinds: what its header-only reading takes without the
# tensors' bytes (TENSORS_SUCCESS, TENSORS_CUSTOM_ALIGN) is cut off for us, as weights are what we are here for;
# and where ours end is the last tensor's last byte, as padding after it has no meaning, so that
# DATA_NOT_ENOUGH_DATA is wrong only if it lacks more than that.
REFUSED_BY_LLAMA_CPP = {
    "HEADER_BAD_MAGIC": "magic-bad",
    "HEADER_BAD_VERSION_0": "version-0",
    "HEADER_BAD_VERSION_1": "version-1",
    "HEADER_BAD_VERSION_FUTURE": "version-4",
    "HEADER_BAD_N_TENSORS": "count-tensors-all",
    "HEADER_BAD_N_KV": "count-metadata-all",
    "KV_BAD_KEY_SIZE": "metadata-key-huge",
    "KV_EMPTY_KEY": "metadata-key-empty",
    "KV_BAD_TYPE": "metadata-type-unknown",
    "KV_BAD_VALUE_SIZE": "metadata-string-huge",
    "KV_DUPLICATE_KEY": "metadata-key-twice",
    "KV_BAD_ALIGN": "metadata-alignment-13",
    "KV_WRONG_TYPE_ALIGN": "metadata-alignment-i32",
    "TENSORS_BAD_NAME_SIZE": "tensor-name-long",
    "TENSORS_BAD_N_DIMS": "tensor-rank-5",
    "TENSORS_BAD_SHAPE": "tensor-dimension-huge",
    "TENSORS_NE_TOO_BIG": "tensor-shape-too-big",
    "TENSORS_NBYTES_TOO_BIG": "tensor-bytes-too-big",
    "TENSORS_BAD_TYPE": "tensor-type-42",
    "TENSORS_BAD_OFFSET": "tensor-offset-all-ones",
    "TENSORS_DUPLICATE_NAME": "tensor-name-twice",
    "TENSORS_BAD_ALIGN": "alignment-13-tensor",
    "TENSORS_INCONSISTENT_ALIGN": "tensor-offset-no-padding",
    "DATA_NOT_ENOUGH_DATA": "tensor-data-one-short",
    "DATA_BAD_ALIGN": "alignment-13-data",
    "DATA_INCONSISTENT_ALIGN": "tensor-offset-no-padding",
    "DATA_MEM_SIZE_OVERFLOW": "tensor-bytes-wrap",
}
TAKEN_BY_LLAMA_CPP = {
    "HEADER_EMPTY": "empty-padded",
    "KV_SUCCESS": "metadata-only",
    "TENSORS_ZERO_DIM": "dimension-0",
    "DATA_SUCCESS": "good",
    "DATA_CUSTOM_ALIGN": "aligned-1-metadata",
}


def check_cases():
    """Each must be there."""
    for table, ours in ((REFUSED, REFUSED_BY_LLAMA_CPP), (TAKEN, TAKEN_BY_LLAMA_CPP)):
        missing = {f"{name}.gguf" for name in ours.values()} - {name for name, *_ in table}
        assert not missing, missing


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def main():
    target = sys.argv[1]
    os.makedirs(target, exist_ok=True)
    check_cases()
    files = {name: content for name, content, *_ in REFUSED + TAKEN}
    assert len(files) == len(REFUSED) + len(TAKEN), "two fixtures of one name"
    for stem, content in PARTS.items():
        files[f"{stem}-00002-of-00002.gguf"] = content
    for name, content in files.items():
        write(os.path.join(target, name), content)
        if len(sys.argv) > 2 and len(content) <= 512 and not name.startswith("cut-"):
            write(os.path.join(sys.argv[2], name.removesuffix(".gguf")), content)
    with open(os.path.join(target, "refused.tsv"), "w", encoding="utf-8") as table:
        for name, _, status, message in REFUSED:
            text = f"st-layers: {name}: {message}" if message else "-"
            print(name, status, text, sep="\t", file=table)
    with open(os.path.join(target, "taken.tsv"), "w", encoding="utf-8") as table:
        for name, _, tensors in TAKEN:
            print(name, *tensors, sep="\t", file=table)


if __name__ == "__main__":
    main()
