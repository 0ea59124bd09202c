"""Writes models that are wrong in one way each, and some odd ones that are right.

    python3 tests/gen/bad-models.py FOLDER

FOLDER gets the fixtures and two tables, for tests/bad-input.t:

    refused.tsv   fixture as printf %b takes it, exit status, all that st-layers says of it
    taken.tsv     fixture, "-" or what st-layers warns of, names of the tensors in its order

The classes are those of the safetensors reference (safetensors/src/tensor.rs and its tests), of the
attacks published against its readers, and of what goes wrong with downloads and sharded checkpoints.
"""

import json
import os
import socket
import struct
import sys

from frames import document, end_frame, floats, tensor, tensor_frame

DATA, NO_INPUT, IO = 65, 66, 74
REFUSED, TAKEN = [], []


def refuse(name, make, message, status=DATA):
    """A fixture and the message that follows its name; make is its bytes or makes it at a path."""
    REFUSED.append((name, make, status, message))


def marked(text, message):
    """Takes the mark ~ out of JSON; the message then ends in its place, where the error is."""
    if isinstance(text, dict):
        return json.dumps(text, separators=(",", ":")).encode(), message
    if isinstance(text, str):
        text = text.encode()
    place = text.find(b"~")
    if place < 0:
        return text, message
    return text.replace(b"~", b""), f"{message} (at byte {place} of the JSON)"


def header(name, text, message, payload=b""):
    """A file with this header, marked, refused while the header is parsed."""
    text, message = marked(text, message)
    refuse(name + ".safetensors", document(text, payload), "bad header: " + message)


def layout(name, tensors, message, payload=b""):
    """A file with these tensors, refused for where they lie."""
    refuse(name + ".safetensors", document(tensors, payload), message)


def take(name, make, *tensors, warning=None):
    """A fixture that is right, and the tensors that are in it, in order."""
    TAKEN.append((name, make, tensors, warning))


def folder(files):
    """Makes a folder of files, given as bytes, or as what makes them."""
    def make(path):
        os.mkdir(path)
        for name, content in files.items():
            write(os.path.join(path, name), content)
    make.files = files
    return make


def symlink(target):
    return lambda path: os.symlink(target, path)


def bound_socket(path):
    # The path of a socket may not be long, but it is taken from the folder we are in.
    folder_before = os.getcwd()
    os.chdir(os.path.dirname(path))
    socket.socket(socket.AF_UNIX).bind(os.path.basename(path))
    os.chdir(folder_before)


def sparse(size, start=b""):
    """A file of this size, or as large as the file system allows, most of it a hole."""
    def make(path):
        with open(path, "wb") as file:
            file.write(start)
            left = size
            while True:
                try:
                    return file.truncate(left)
                except OSError:
                    left //= 2
    return make


def write(path, content):
    if callable(content):
        content(path)
    else:
        with open(path, "wb") as file:
            file.write(content)


W = tensor("F32", [2, 2], 0, 16)
W_BYTES = floats(1, 2, 3, 4)
GOOD = document({"w": W}, W_BYTES)


def text_of(**fields):
    """The text of a header with the one tensor w, of these fields as they are written in JSON."""
    fields = {"dtype": '"F32"', "shape": "[2,2]", "data_offsets": "[0,16]", **fields}
    inner = ",".join(f'"{name}":{value}' for name, value in fields.items())
    return '{"w":{' + inner + "}}"


# --- the container -------------------------------------------------------------------------------

refuse("empty.safetensors", b"", "the file is empty")
refuse("one-byte.safetensors", b"\0", "not safetensors: only 1 bytes")
refuse("seven-bytes.safetensors", b"\x10\0\0\0\0\0\0", "not safetensors: only 7 bytes")
refuse("length-only.safetensors", struct.pack("<Q", 2),
       "not safetensors, or cut off: a header of 2 bytes in a file of 8")
refuse("length-zero.safetensors", document("{}", length=0), "not safetensors: a header of 0 bytes")
refuse("length-one.safetensors", document("{}", length=1), "not safetensors: a header of 1 bytes")
refuse("length-above-cap.safetensors", document("{}", length=100_000_001),
       "not safetensors: a header of 100000001 bytes (at most 100000000)")
refuse("length-at-cap.safetensors", document("{}", length=100_000_000),
       "not safetensors, or cut off: a header of 100000000 bytes in a file of 10")
refuse("length-2-to-31.safetensors", document("{}", length=1 << 31),
       "not safetensors: a header of 2147483648 bytes (at most 100000000)")
refuse("length-2-to-32.safetensors", document("{}", length=(1 << 32) + 2),
       "not safetensors: a header of 4294967298 bytes (at most 100000000)")
refuse("length-2-to-63.safetensors", document("{}", length=1 << 63),
       "not safetensors: a header of 9223372036854775808 bytes (at most 100000000)")
refuse("length-minus-one.safetensors", document("{}", length=(1 << 64) - 1),
       "not safetensors: a header of 18446744073709551615 bytes (at most 100000000)")
refuse("length-minus-six.safetensors", document("{}", length=(1 << 64) - 6),
       "not safetensors: a header of 18446744073709551610 bytes (at most 100000000)")
refuse("length-big-endian.safetensors", struct.pack(">Q", 2) + b"{}",
       "not safetensors: a header of 144115188075855872 bytes (at most 100000000)")
refuse("length-one-too-many.safetensors", document("{}", length=3),
       "not safetensors, or cut off: a header of 3 bytes in a file of 10")
refuse("length-one-too-few.safetensors", document(text_of(), W_BYTES, length=len(text_of()) - 1),
       "bad header: ',' or '}' expected (at byte 56 of the JSON)")
refuse("only-zeros.safetensors", bytes(4096), "not safetensors: a header of 0 bytes")
refuse("only-ones.safetensors", b"\xff" * 4096,
       "not safetensors: a header of 18446744073709551615 bytes (at most 100000000)")
refuse("sparse.safetensors", sparse((1 << 63) - 1), "not safetensors: a header of 0 bytes")
refuse("sparse-trailer.safetensors", sparse(1 << 42, GOOD),
       "trailing bytes: the header promises 16 bytes of data, and 4398046511039 follow it")
refuse("two-documents.safetensors", GOOD + GOOD,
       "trailing bytes: the header promises 16 bytes of data, and 97 follow it")
refuse("a-stream.safetensors",
       tensor_frame("w", "F32", [2, 2], W_BYTES).bytes() + end_frame(1).bytes(),
       "a tensor stream, not a model; prec-cast, spectrum and st-info read those")

LFS = (b"version https://git-lfs.github.com/spec/v1\n"
       b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
       b"size 12345\n")
LFS_MESSAGE = "a Git LFS pointer, not the weights; 'git lfs pull' fetches them"
HTML_MESSAGE = "an HTML page, not the weights; the download went wrong"
TEXT_MESSAGE = "text, not the weights; the download went wrong?"

for size in range(len(GOOD)):
    refuse(f"cut-{size:03}.safetensors", GOOD[:size],
           "the file is empty" if not size else
           TEXT_MESSAGE if size == 1 else  # the length is 57, which is the digit 9
           f"not safetensors: only {size} bytes" if size < 8 else
           f"not safetensors, or cut off: a header of 57 bytes in a file of {size}" if size < 65 else
           f"cut off: the header promises 16 bytes of data, and {size - 65} follow it")

refuse("lfs-pointer.safetensors", LFS, LFS_MESSAGE)
refuse("html-page.safetensors", b"<!DOCTYPE html>\n<html><title>404</title></html>\n", HTML_MESSAGE)
refuse("html-page-2.safetensors", b"<html>\n<head><title>Log in</title></head></html>", HTML_MESSAGE)
refuse("html-page-3.safetensors", b"\n\n  <!doctype HTML><p>Sign in to continue", HTML_MESSAGE)
refuse("xml-error.safetensors",
       b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
       TEXT_MESSAGE)
refuse("json-error.safetensors", b'{"error":"Invalid username or password."}', TEXT_MESSAGE)
refuse("plain-error.safetensors", b"Entry not found", TEXT_MESSAGE)
refuse("short-text.safetensors", b"404\n", TEXT_MESSAGE)
ZIP = b"PK\x03\x04\0\0\x08\x08" + bytes(100)
NO_END = "bad zip archive: it does not end with an end record: cut off, or something follows it"
refuse("zip.safetensors", ZIP, NO_END)
refuse("pytorch.bin", ZIP, NO_END)
refuse("pytorch-old.bin", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
       "a file of an old torch.save(); convert it to safetensors")
refuse("pickle.bin", b"\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x94\x8c\x01w\x94K\x01s.",
       "not safetensors: a header of 261424256 bytes (at most 100000000)")
refuse("array.npy", b"\x93NUMPY\x01\0v\0{'descr': '<f4'}",
       "not safetensors: a header of 379676406402707 bytes (at most 100000000)")

# --- what is not a file --------------------------------------------------------------------------

refuse("missing.safetensors", lambda path: None, "No such file or directory", NO_INPUT)
refuse("fifo.safetensors", os.mkfifo, "not a regular file")
refuse("socket.safetensors", bound_socket, "No such device or address", IO)
refuse("device.safetensors", symlink("/dev/zero"), "not a regular file")
refuse("loop.safetensors", symlink("loop.safetensors"), "Too many levels of symbolic links", IO)
refuse("dangling.safetensors", symlink("nowhere"), "No such file or directory", NO_INPUT)
refuse("file-as-folder/w.safetensors", lambda path: write(os.path.dirname(path), GOOD),
       "Not a directory", NO_INPUT)
refuse("org/missing", lambda path: None,
       "no such file, and no such model in no-cache; --download fetches what is missing", NO_INPUT)
refuse("no/such/folder", lambda path: None, "No such file or directory", NO_INPUT)
refuse("../missing", lambda path: None, "No such file or directory", NO_INPUT)
refuse("new\nline.safetensors", b"", "the file is empty")
refuse("esc\x1b[31m.safetensors", b"", "the file is empty")

# --- the header as JSON --------------------------------------------------------------------------

header("json-blank", "  ~", "'{' expected")
header("json-array", "~[]", "'{' expected")
header("json-null", "~null", "'{' expected")
header("json-open", "{ ~", "a string expected")
header("json-trailing", "{}~}", "something follows the end of the JSON")
header("json-trailing-null", b"{}~\0", "something follows the end of the JSON")
header("json-twice", "{}~{}", "something follows the end of the JSON")
header("json-comma", '{"w":' + json.dumps(W) + ",~}", "a string expected", W_BYTES)
header("json-comment", "{~/**/}", "a string expected")
header("json-apostrophes", "{~'w':{}}", "a string expected")
header("json-bom", b"~\xef\xbb\xbf{}", "'{' expected")
header("json-utf-16", b"{~\0}\0  ", "a string expected")
header("json-latin-1", b'{"~\xe9":{}}', "a string is not valid UTF-8")
header("json-overlong", b'{"~\xc0\xae\xc0\xae":{}}', "a string is not valid UTF-8")
header("json-overlong-null", b'{"w~\xc0\x80":{}}', "a string is not valid UTF-8")
header("json-surrogate-bytes", b'{"~\xed\xa0\x80":{}}', "a string is not valid UTF-8")
header("json-utf-8-cut", b'{"~\xe2\x82":{}}', "a string is not valid UTF-8")
header("json-beyond-unicode", b'{"~\xf4\x90\x80\x80":{}}', "a string is not valid UTF-8")
header("json-lone-surrogate", '{"\\ud800~":{}}', "an unpaired surrogate in a string")
header("json-low-surrogate", '{"\\udc00~":{}}', "an unpaired surrogate in a string")
header("json-two-high-surrogates", '{"\\ud800~\\ud800":{}}', "an unpaired surrogate in a string")
header("json-escaped-null", '{"w\\u~0000x":{}}', "a null character in a string")
header("json-raw-null", b'{"w~\0x":{}}', "a control character in a string")
header("json-raw-newline", '{"w~\nx":{}}', "a control character in a string")
header("json-raw-esc", '{"w~\x1b[2J":{}}', "a control character in a string")
header("json-bad-escape", '{"w\\~x41":{}}', "an unknown escape in a string")
header("json-name-number", "{~1:{}}", "a string expected")
header("depth-bomb", '{"w":{"w":~' + '{"w":' * 3000, "tensor 'w': unknown field 'w'")
header("depth-bomb-metadata", '{"__metadata__":{"a":~' + "[" * 5000,
       "__metadata__: a string expected")
header("depth-bomb-shape", '{"w":{"shape":[~' + "[" * 5000,
       "tensor 'w': an integer that is not negative expected")

# --- metadata ------------------------------------------------------------------------------------

header("metadata-number", '{"__metadata__":{"k":~1}}', "__metadata__: a string expected")
header("metadata-null", '{"__metadata__":{"k":~null}}', "__metadata__: a string expected")
header("metadata-object", '{"__metadata__":{"k":~{}}}', "__metadata__: a string expected")
header("metadata-is-string", '{"__metadata__":~"k"}', "__metadata__: '{' expected")
header("metadata-is-null", '{"__metadata__":~null}', "__metadata__: '{' expected")
header("metadata-is-tensor", '{"__metadata__":{"dtype":"F32","shape":~[4],"data_offsets":[0,16]}}',
       "__metadata__: a string expected", W_BYTES)
header("metadata-twice", '{"__metadata__":{},"__metadata__":~{}}', "__metadata__ is given twice")
header("metadata-twice-escaped", '{"__metadata__":{},"__metadata\\u005f_":~{}}',
       "__metadata__ is given twice")
header("metadata-key-twice", '{"__metadata__":{"k":"1","k":"2"}}', "metadata key 'k' is given twice")

# --- the fields of a tensor ----------------------------------------------------------------------

header("tensor-null", '{"w":~null}', "tensor 'w': '{' expected")
header("tensor-array", '{"w":~["F32",[2,2],[0,16]]}', "tensor 'w': '{' expected", W_BYTES)
header("no-dtype", '{"w":{"shape":[2,2],"data_offsets":[0,16]}~}', "tensor 'w': dtype is missing",
       W_BYTES)
header("no-shape", '{"w":{"dtype":"F32","data_offsets":[0,16]}~}', "tensor 'w': shape is missing",
       W_BYTES)
header("no-offsets", '{"w":{"dtype":"F32","shape":[2,2]}~}',
       "tensor 'w': data_offsets is missing", W_BYTES)
header("no-fields", '{"w":{}~}', "tensor 'w': dtype is missing")
header("extra-field", text_of(data_offsets='[0,16],"strides":~[2,1]'),
       "tensor 'w': unknown field 'strides'", W_BYTES)
header("field-in-capitals", '{"w":{"DTYPE":~"F32","shape":[2,2],"data_offsets":[0,16]}}',
       "tensor 'w': unknown field 'DTYPE'", W_BYTES)
header("field-of-index", text_of(data_offsets='[0,16],"file":~"/etc/passwd"'),
       "tensor 'w': unknown field 'file'", W_BYTES)
header("dtype-twice", text_of(dtype='"U8","dtype":~"F32"'), "tensor 'w': dtype is given twice",
       W_BYTES)
header("dtype-twice-the-same", text_of(dtype='"F32","dtype":~"F32"'),
       "tensor 'w': dtype is given twice", W_BYTES)
header("shape-twice", text_of(shape='[4],"shape":~[2,2]'), "tensor 'w': shape is given twice",
       W_BYTES)
header("offsets-twice", text_of(data_offsets='[0,8],"data_offsets":~[0,16]'),
       "tensor 'w': data_offsets is given twice", W_BYTES)
for name, value, message in (
        ("unknown", '"F31"~', "unknown dtype 'F31'"),
        ("lower-case", '"f32"~', "unknown dtype 'f32'"),
        ("torch", '"torch.float32"~', "unknown dtype 'torch.float32'"),
        ("blank", '"F32 "~', "unknown dtype 'F32 '"),
        ("empty", '""~', "unknown dtype ''"),
        ("esc", '"\\u001b[31mF32"~', "unknown dtype '\\x1b[31mF32'"),
        ("gguf", '"Q4_K"~', "unknown dtype 'Q4_K'"),
        ("number", "~32", "a string expected"),
        ("null", "~null", "a string expected"),
        ("array", '~["F32"]', "a string expected")):
    header(f"dtype-{name}", text_of(dtype=value), f"tensor 'w': {message}", W_BYTES)
INTEGER = "an integer that is not negative expected"
FRACTION = "an integer expected, not a fraction or an exponent"
for name, value, message in (
        ("float", "[2~.0,2]", FRACTION),
        ("exponent", "[2~e0,2]", FRACTION),
        ("negative", "[~-2,-2]", INTEGER),
        ("minus-zero", "[~-0,2]", INTEGER),
        ("leading-zero", "[~02,2]", "an integer with leading zeros"),
        ("text", '[~"2",2]', INTEGER),
        ("null", "[~null]", INTEGER),
        ("true", "[~true]", INTEGER),
        ("nested", "[~[2,2]]", INTEGER),
        ("above-2-53", "[900719925474099~3]", "an integer beyond 2^53"),
        ("above-2-64", "[1844674407370955~1618]", "an integer beyond 2^53"),
        ("number", "~4", "'[' expected"),
        ("is-null", "~null", "'[' expected"),
        ("object", "~{}", "'[' expected"),
        ("trailing-comma", "[2,2,~]", INTEGER),
        ("no-comma", "[2 ~2]", "',' or ']' expected"),
        ("infinite", "[~Infinity]", INTEGER),
        ("rank-9", "[1,1,1,1,1,1,1,1,~4]", "more than 8 dimensions"),
        ("rank-many", "[1,1,1,1,1,1,1,1,~" + "1," * 3000 + "4]", "more than 8 dimensions")):
    header(f"shape-{name}", text_of(shape=value), f"tensor 'w': {message}", W_BYTES)
for name, value, message in (
        ("float", "[0~.0,16]", FRACTION),
        ("exponent", "[0,1~e16]", FRACTION),
        ("negative", "[~-16,0]", INTEGER),
        ("above-2-53", "[0,900719925474099~3]", "an integer beyond 2^53"),
        ("minus-16-as-unsigned", "[1844674407370955~1600,16]", "an integer beyond 2^53"),
        ("text", '[~"0","16"]', INTEGER),
        ("none", "[]~", "data_offsets must be two integers"),
        ("one", "[16]~", "data_offsets must be two integers"),
        ("three", "[0,8,~16]", "data_offsets must be two integers"),
        ("object", '~{"begin":0,"end":16}', "'[' expected"),
        ("crossed", "[]~,16]", "data_offsets must be two integers"),
        ("null", "~null", "'[' expected")):
    header(f"offsets-{name}", text_of(data_offsets=value), f"tensor 'w': {message}", W_BYTES)

# --- names ---------------------------------------------------------------------------------------

refuse("name-twice.safetensors",
       document('{"w":' + json.dumps(tensor("U8", [4], 0, 4)) + ',"w":'
                + json.dumps(tensor("F32", [1], 0, 4)) + "}", bytes(4)),
       "bad header: tensor 'w' is given twice")
refuse("name-twice-apart.safetensors",
       document('{"w":' + json.dumps(tensor("U8", [4], 0, 4)) + ',"v":'
                + json.dumps(tensor("U8", [4], 4, 8)) + ',"w":'
                + json.dumps(tensor("U8", [4], 8, 12)) + "}", bytes(12)),
       "bad header: tensor 'w' is given twice")
refuse("name-twice-escaped.safetensors",
       document('{"w":' + json.dumps(tensor("U8", [4], 0, 4)) + ',"\\u0077":'
                + json.dumps(tensor("F32", [1], 4, 8)) + "}", bytes(8)),
       "bad header: tensor 'w' is given twice")
for name, raw, shown in (
        ("newline", "a\nb", "a\\nb"),
        ("tab", "a\tb", "a\\tb"),
        ("esc", "\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("backslash", "a\\nb", "a\\\\nb"),
        ("quotes", "a'b\"c`d", "a'b\"c`d"),
        ("delete", "a\x7fb", "a\\x7fb"),
        ("c1-control", "a\u009b31mb", "a\\xc2\\x9b31mb"),
        ("utf-8", "Schicht.\u00df\U0001f600", "Schicht.\u00df\U0001f600"),
        ("format", "%s%n%1000d", "%s%n%1000d"),
        ("empty", "", "")):
    header(f"name-{name}", {raw: tensor("F32", [2, 2], 16, 0)},
           f"tensor '{shown}': data_offsets end before they begin", W_BYTES)
header("name-of-200", {"n" * 200: tensor("F32", [2, 2], 16, 0)},
       f"tensor '{'n' * 200}': data_offsets end before they begin", W_BYTES)
header("name-of-1-mb", {"n" * 1_000_000: tensor("F32", [2, 2], 16, 0)},
       f"tensor '{'n' * 200}': data_offsets end before they begin", W_BYTES)
header("name-cut-in-character", {"\u00e9" * 300: tensor("F32", [2, 2], 16, 0)},
       f"tensor '{chr(0xe9) * 100}': data_offsets end before they begin", W_BYTES)

# --- layout --------------------------------------------------------------------------------------


def bad_tensor(name, value, message, payload=W_BYTES):
    header(name, {"w": value}, "tensor 'w': " + message, payload)


UNEVEN = "shape and dtype give no whole number of bytes"
bad_tensor("end-before-begin", tensor("F32", [2, 2], 16, 0), "data_offsets end before they begin")
bad_tensor("end-before-begin-by-size", tensor("F32", [2, 2], 32, 16),
           "data_offsets end before they begin")
bad_tensor("size-too-small", tensor("F32", [2, 2], 0, 15),
           "data_offsets span 15 bytes, but shape and dtype need 16")
bad_tensor("size-too-large", tensor("F32", [2, 2], 0, 17),
           "data_offsets span 17 bytes, but shape and dtype need 16", W_BYTES + b"\0")
bad_tensor("size-of-other-dtype", tensor("F16", [2, 2], 0, 16),
           "data_offsets span 16 bytes, but shape and dtype need 8")
bad_tensor("size-zero", tensor("F32", [2, 2], 0, 0),
           "data_offsets span 0 bytes, but shape and dtype need 16", b"")
bad_tensor("size-of-scalar", tensor("F32", [], 0, 16),
           "data_offsets span 16 bytes, but shape and dtype need 4")
bad_tensor("size-of-nothing", tensor("F32", [4, 0], 0, 16),
           "data_offsets span 16 bytes, but shape and dtype need 0")
bad_tensor("overflow-to-4", tensor("U8", [4194305, 4194305, 211106198978564], 0, 4),
           "the shape overflows")
bad_tensor("overflow-to-0", tensor("F32", [1 << 32, 1 << 32], 0, 0), "the shape overflows", b"")
bad_tensor("overflow-before-zero", tensor("F32", [1 << 32, 1 << 32, 0], 0, 0),
           "the shape overflows", b"")
bad_tensor("overflow-after-zero", tensor("F32", [0, 1 << 32, 1 << 32], 0, 0),
           "the shape overflows", b"")
bad_tensor("overflow-of-2-53", tensor("U8", [0, 1 << 53, 2], 0, 0), "the shape overflows", b"")
bad_tensor("overflow-in-bits", tensor("F64", [1 << 53, 1 << 5], 0, 0), "the shape overflows", b"")
bad_tensor("overflow-in-bytes", tensor("F64", [1 << 53, 1 << 8], 0, 0), "the shape overflows", b"")
bad_tensor("size-of-most", tensor("F64", [1 << 53], 0, 0),
           "data_offsets span 0 bytes, but shape and dtype need 72057594037927936", b"")
bad_tensor("fp4-odd", tensor("F4", [3], 0, 2), UNEVEN, bytes(2))
bad_tensor("fp4-one", tensor("F4", [1], 0, 1), UNEVEN, bytes(1))
bad_tensor("fp4-as-bytes", tensor("F4", [2, 2], 0, 4),
           "data_offsets span 4 bytes, but shape and dtype need 2", bytes(4))
bad_tensor("fp6-e2m3-uneven", tensor("F6_E2M3", [2], 0, 2), UNEVEN, bytes(2))
bad_tensor("fp6-e3m2-uneven", tensor("F6_E3M2", [5], 0, 4), UNEVEN, bytes(4))
bad_tensor("fp6-as-bytes", tensor("F6_E3M2", [4], 0, 4),
           "data_offsets span 4 bytes, but shape and dtype need 3", bytes(4))

A, B = tensor("U8", [4], 0, 4), tensor("U8", [4], 4, 8)
INSIDE = "bad header: tensor '{}': data_offsets begin at {}, inside the tensor before, which ends at {}"
HOLE = ("bad header: tensor '{}': data_offsets begin at {}, leaving a hole after the tensor before, "
        "which ends at {}")
layout("overlap", {"a": A, "b": tensor("U8", [4], 2, 6)}, INSIDE.format("b", 2, 4), bytes(6))
layout("overlap-whole", {"a": A, "b": A}, INSIDE.format("b", 0, 4), bytes(4))
layout("overlap-inside", {"a": tensor("U8", [8], 0, 8), "b": tensor("U8", [2], 2, 4)},
       INSIDE.format("b", 2, 8), bytes(8))
layout("overlap-many", {f"t{i:04}": tensor("U8", [64], 0, 64) for i in range(2000)},
       INSIDE.format("t0001", 0, 64), bytes(64))
layout("overlap-empty", {"a": tensor("U8", [4], 0, 4), "b": tensor("U8", [0], 2, 2)},
       INSIDE.format("b", 2, 4), bytes(4))
layout("hole", {"a": A, "b": tensor("U8", [4], 5, 9)}, HOLE.format("b", 5, 4), bytes(9))
layout("hole-at-start", {"a": B},
       "bad header: tensor 'a': data_offsets begin at 4, and the first must begin at 0", bytes(8))
layout("hole-huge", {"a": A, "b": tensor("U8", [4], 1 << 52, (1 << 52) + 4)},
       HOLE.format("b", 1 << 52, 4), bytes(8))
layout("hole-by-empty", {"a": A, "b": tensor("U8", [0], 9, 9)}, HOLE.format("b", 9, 4), bytes(9))
layout("hole-by-alignment", {"a": tensor("U8", [3], 0, 3), "b": tensor("F64", [1], 8, 16)},
       HOLE.format("b", 8, 3), bytes(16))
layout("end-past-file", {"a": A, "b": tensor("U8", [1000], 4, 1004)},
       "cut off: the header promises 1004 bytes of data, and 8 follow it", bytes(8))
layout("end-far-past-file", {"a": tensor("U8", [1 << 53], 0, 1 << 53)},
       "cut off: the header promises 9007199254740992 bytes of data, and 8 follow it", bytes(8))
layout("data-missing", {"a": A}, "cut off: the header promises 4 bytes of data, and 0 follow it")
layout("data-one-short", {"w": W},
       "cut off: the header promises 16 bytes of data, and 15 follow it", W_BYTES[:15])
layout("data-one-more", {"w": W},
       "trailing bytes: the header promises 16 bytes of data, and 17 follow it", W_BYTES + b"\0")
layout("data-without-tensor", {},
       "trailing bytes: the header promises 0 bytes of data, and 4 follow it", bytes(4))
layout("polyglot", {"w": W},
       "trailing bytes: the header promises 16 bytes of data, and 20 follow it", W_BYTES + b"PK\5\6")

# --- sharding ------------------------------------------------------------------------------------

INDEX = "model.safetensors.index.json"


def index(weight_map, **more):
    return json.dumps({"weight_map": weight_map, **more}).encode()


def shards(name, files, message, status=DATA):
    refuse(name, folder(files), message, status)


V_BYTES = floats(5, 6, 7, 8)
ONE, TWO = document({"w": W}, W_BYTES), document({"v": W}, V_BYTES)
MAP = {"w": "1.safetensors", "v": "2.safetensors"}
FILES = {"1.safetensors": ONE, "2.safetensors": TWO}

shards("empty-folder", {}, "no .safetensors or .gguf file, and no pytorch_model.bin, in this folder", NO_INPUT)
shards("only-pickles", {"pytorch_model.bin": b"PK\3\4", "config.json": b"{}"},
       "pytorch_model.bin: bad zip archive: the file is cut off")
shards("several-files", FILES, "several .safetensors files and no index; name the one to read",
       NO_INPUT)
shards("index-and-single", {**FILES, INDEX: index(MAP), "model.safetensors": ONE},
       "both model.safetensors and model.safetensors.index.json are here; name the one to read")
shards("folder-as-file", {"model.safetensors": os.mkdir}, "model.safetensors: not a regular file")
shards("fifo-as-file", {"model.safetensors": os.mkfifo}, "model.safetensors: not a regular file")
shards("dangling-file", {"model.safetensors": symlink("../blobs/0123")},
       "model.safetensors: No such file or directory", NO_INPUT)
shards("bad-file", {"model.safetensors": LFS}, "model.safetensors: " + LFS_MESSAGE)
shards("shard-missing", {"1.safetensors": ONE, INDEX: index(MAP)},
       f"{INDEX}: file '2.safetensors' of the index: No such file or directory", NO_INPUT)
shards("shard-dangling", {"1.safetensors": ONE, "2.safetensors": symlink("../../blobs/0"),
                          INDEX: index(MAP)},
       f"{INDEX}: file '2.safetensors' of the index: No such file or directory", NO_INPUT)
shards("shard-loop", {"1.safetensors": ONE, "2.safetensors": symlink("2.safetensors"),
                      INDEX: index(MAP)},
       f"{INDEX}: file '2.safetensors' of the index: Too many levels of symbolic links", IO)
shards("shard-fifo", {"1.safetensors": ONE, "2.safetensors": os.mkfifo, INDEX: index(MAP)},
       f"{INDEX}: file '2.safetensors' of the index: not a regular file")
shards("shard-folder", {"1.safetensors": ONE, "2.safetensors": os.mkdir, INDEX: index(MAP)},
       f"{INDEX}: file '2.safetensors' of the index: not a regular file")
shards("shard-lfs", {"1.safetensors": ONE, "2.safetensors": LFS, INDEX: index(MAP)},
       f"{INDEX}: file '2.safetensors' of the index: {LFS_MESSAGE}")
shards("shard-cut", {"1.safetensors": ONE, "2.safetensors": TWO[:-1], INDEX: index(MAP)},
       f"{INDEX}: file '2.safetensors' of the index: cut off: the header promises 16 bytes of data, "
       "and 15 follow it")
shards("shard-bad-header", {"1.safetensors": ONE, "2.safetensors": document('{"w":1}'),
                            INDEX: index(MAP)},
       f"{INDEX}: file '2.safetensors' of the index: bad header: tensor 'w': '{{' expected "
       "(at byte 5 of the JSON)")
shards("tensor-in-two", {"1.safetensors": ONE, "2.safetensors": ONE, INDEX: index(MAP)},
       f"{INDEX}: tensor 'w' is in two files, 1.safetensors and 2.safetensors")
shards("tensor-absent", {**FILES, INDEX: index({**MAP, "x": "1.safetensors"})},
       f"{INDEX}: tensor 'x' is in the index, but not in 1.safetensors")
shards("tensor-absent-between", {**FILES, INDEX: index({**MAP, "vv": "2.safetensors"})},
       f"{INDEX}: tensor 'vv' is in the index, but not in 2.safetensors")
shards("tensor-unlisted",
       {"1.safetensors": ONE, INDEX: index(MAP),
        "2.safetensors": document({"v": W, "x": tensor("F32", [2, 2], 16, 32)}, V_BYTES + W_BYTES)},
       f"{INDEX}: tensor 'x' is in 2.safetensors, but not in the index")
shards("tensor-elsewhere", {**FILES, INDEX: index({"w": "2.safetensors", "v": "1.safetensors"})},
       f"{INDEX}: tensor 'v' is in 2.safetensors, and the index says 1.safetensors")
shards("tensor-case", {**FILES, INDEX: index({"W": "1.safetensors", "v": "2.safetensors"})},
       f"{INDEX}: tensor 'W' is in the index, but not in 1.safetensors")
PLAIN = "bad index: the file of tensor 'w' is '{}', which is not a plain file name"
for name, file in (
        ("parent", "../1.safetensors"), ("absolute", "/etc/passwd"), ("dot-dot", ".."),
        ("dot", "."), ("empty", ""), ("below", "sub/1.safetensors"), ("hidden", ".1.safetensors"),
        ("inside-and-out", "sub/../../1.safetensors"), ("own-folder", "./1.safetensors"),
        ("backslash", "..\\1.safetensors"), ("trailing-slash", "1.safetensors/"),
        ("url", "https://example.org/1.safetensors"), ("escaped", "\\u002e\\u002e\\u002f1")):
    text = file if name == "escaped" else file.replace("\\", "\\\\")
    shown = "../1" if name == "escaped" else file.replace("\\", "\\\\")
    content, message = marked(f'{{"weight_map":{{"w":"{text}"~}}}}', PLAIN.format(shown))
    shards(f"escape-{name}", {"1.safetensors": ONE, INDEX: content}, f"{INDEX}: {message}")
shards("escape-null", {"1.safetensors": ONE, INDEX: b'{"weight_map":{"w":"1.safetensors\\u0000/../x"}}'},
       f"{INDEX}: bad index: a null character in a string (at byte 35 of the JSON)")
shards("shard-name-esc", {INDEX: index({"w": "\x1b[31m.safetensors"})},
       f"{INDEX}: file '\\x1b[31m.safetensors' of the index: No such file or directory", NO_INPUT)
shards("shard-name-long", {INDEX: index({"w": "n" * 300})},
       f"{INDEX}: file '{'n' * 200}' of the index: File name too long", IO)
shards("shard-is-index", {INDEX: index({"w": INDEX})},
       f"{INDEX}: file '{INDEX}' of the index: {TEXT_MESSAGE}")

for name, content, message in (
        ("empty", b"~", "'{' expected"),
        ("array", b"~[]", "'{' expected"),
        ("no-map", b'{"metadata":{"total_size":16}}~', "there is no weight_map"),
        ("nothing", b"{}~", "there is no weight_map"),
        ("map-twice", b'{"weight_map":{},"weight_map":~{"w":"1.safetensors"}}',
         "weight_map is given twice"),
        ("map-array", b'{"weight_map":~["w"]}', "'{' expected"),
        ("map-null", b'{"weight_map":~null}', "'{' expected"),
        ("file-number", b'{"weight_map":{"w":~1}}', "a string expected"),
        ("file-null", b'{"weight_map":{"w":~null}}', "a string expected"),
        ("trailing", index({"w": "1.safetensors"}) + b"~x", "something follows the end of the JSON"),
        ("cut", index({"w": "1.safetensors"})[:-1] + b"~", "',' or '}' expected"),
        ("bom", b"~\xef\xbb\xbf" + index({"w": "1.safetensors"}), "'{' expected"),
        ("depth-bomb", b'{"a":[[[[[[[[~' + b"[" * 5000, "nested more than 8 deep"),
        ("depth-bomb-metadata", b'{"metadata":{"a":[[[[[[[~' + b"[" * 5000,
         "nested more than 8 deep"),
        ("not-utf-8", b'{"weight_map":{"~\xff":"1.safetensors"}}', "a string is not valid UTF-8"),
        ("safetensors", b"~" + ONE, "'{' expected")):
    content, message = marked(content, message)
    shards(f"index-{name}", {"1.safetensors": ONE, INDEX: content},
           f"{INDEX}: bad index: {message}")
shards("index-tensor-twice",
       {"1.safetensors": ONE, INDEX: b'{"weight_map":{"w":"1.safetensors","w":"1.safetensors"}}'},
       f"{INDEX}: bad index: tensor 'w' is given twice")
shards("index-tensor-twice-escaped",
       {"1.safetensors": ONE, INDEX: b'{"weight_map":{"w":"1.safetensors","\\u0077":"2"}}'},
       f"{INDEX}: bad index: tensor 'w' is given twice")
shards("index-lfs", {"1.safetensors": ONE, INDEX: LFS}, f"{INDEX}: {LFS_MESSAGE}")
shards("index-html", {"1.safetensors": ONE, INDEX: b"<!doctype html>"}, f"{INDEX}: {HTML_MESSAGE}")
shards("index-folder", {INDEX: os.mkdir}, f"{INDEX}: not a regular file")
shards("index-fifo", {INDEX: os.mkfifo}, f"{INDEX}: not a regular file")
shards("index-huge", {INDEX: sparse(1 << 40)}, f"{INDEX}: an index of 1099511627776 bytes")
refuse("alone.index.json", index({"w": "nowhere.safetensors"}),
       "file 'nowhere.safetensors' of the index: No such file or directory", NO_INPUT)

# --- what is odd, and right ----------------------------------------------------------------------

take("good.safetensors", GOOD, "w")
take("no-tensors.safetensors", document({}))
take("only-metadata.safetensors", document({"__metadata__": {"format": "pt"}}))
take("blank-after.safetensors", document('{"w":' + json.dumps(W) + "}" + " \t\r\n" * 9, W_BYTES), "w")
take("blank-before.safetensors", document(" \t\r\n{}"))
take("blank-within.safetensors", document(json.dumps({"w": W}, indent=4), W_BYTES), "w")
take("metadata-last.safetensors", document({"w": W, "__metadata__": {"a": ""}}, W_BYTES), "w")
take("metadata-odd.safetensors",
     document({"__metadata__": {"": "\x1b[31m\n", "w": "x" * 5000}, "w": W}, W_BYTES), "w")
take("scalar.safetensors", document({"s": tensor("F32", [], 0, 4)}, bytes(4)), "s")
take("zero-dimension.safetensors", document({"z": tensor("F32", [3, 0], 0, 0)}), "z")
take("zero-first.safetensors", document({"z": tensor("F32", [0, 3], 0, 0)}), "z")
take("zero-times-huge.safetensors",
     document({"z": tensor("F32", [0, 1 << 27, 1 << 26], 0, 0)}), "z")
take("zeros-share-a-place.safetensors",
     document({"a": tensor("U8", [2], 0, 2), "x": tensor("U8", [0], 2, 2),
               "y": tensor("F32", [0], 2, 2), "b": tensor("U8", [2], 2, 4)}, bytes(4)),
     "a", "b", "x", "y")
take("any-order.safetensors",
     document({"c": tensor("U8", [1], 2, 3), "a": tensor("U8", [1], 0, 1),
               "b": tensor("U8", [1], 1, 2)}, bytes(3)), "a", "b", "c")
take("natural-order.safetensors",
     document({f"l.{i}": tensor("U8", [1], i, i + 1) for i in range(12)}, bytes(12)),
     *[f"l.{i}" for i in range(12)])
take("fields-in-any-order.safetensors",
     document('{"w":{"data_offsets":[0,16],"shape":[2,2],"dtype":"F32"}}', W_BYTES), "w")
take("escaped-fields.safetensors",
     document('{"\\u0077":{"\\u0064type":"F3\\u0032","shape":[2,2],"data_offsets":[0,16]}}', W_BYTES),
     "w")
take("rank-8.safetensors", document({"w": tensor("F32", [1, 2, 1, 2, 1, 1, 1, 1], 0, 16)}, W_BYTES),
     "w")
take("fp4.safetensors", document({"w": tensor("F4", [6], 0, 3)}, bytes(3)), "w")
take("fp6.safetensors", document({"w": tensor("F6_E2M3", [4], 0, 3)}, bytes(3)), "w")
take("unaligned.safetensors",
     document({"a": tensor("U8", [1], 0, 1), "w": tensor("F64", [1, 1], 1, 9)}, bytes(9)), "a", "w")
take("names.safetensors",
     document({"a\nb": tensor("U8", [1], 0, 1), "a\tb": tensor("U8", [1], 1, 2),
               "a\\b": tensor("U8", [1], 2, 3), "a\x1bb": tensor("U8", [1], 3, 4),
               "a'\"`b": tensor("U8", [1], 4, 5), "\u00e9\U0001f600": tensor("U8", [1], 5, 6),
               "A'\"`B": tensor("U8", [1], 6, 7)}, bytes(7)),
     "A'\"`B", "a\\tb", "a\\nb", "a\\x1bb", "a'\"`b", "a\\\\b", "\u00e9\U0001f600")
take("long-name.safetensors",
     document({"n" * 1_000_000: tensor("U8", [1], 0, 1)}, b"\0"), "n" * 1_000_000)
take("many-tensors.safetensors",
     document({f"t{i}": tensor("U8", [1], i, i + 1) for i in range(3000)}, bytes(3000)),
     *[f"t{i}" for i in range(3000)])
take("any-name", folder({"weights.safetensors": GOOD, "config.json": b"{"}), "w",
     warning="config.json: a string expected (at byte 1 of the JSON)")
take("symlinked", folder({"model.safetensors": symlink("../good.safetensors")}), "w")
take("single-beside-others", folder({"model.safetensors": GOOD, "adapter.safetensors": TWO}), "w")
take("sharded", folder({**FILES, INDEX: index(MAP)}), "v", "w")
take("sharded-beside-others", folder({**FILES, "consolidated.safetensors": b"x",
                                      INDEX: index(MAP)}), "v", "w")
take("sharded-blanks", folder({**FILES, INDEX: b"\n" + index(MAP) + b"\n\n"}), "v", "w")
take("sharded-more-keys", folder({**FILES, INDEX: index(MAP, metadata={"total_size": 32, "x": [1]},
                                                        other=[{"deep": [[0.5]]}])}), "v", "w")
take("sharded-float-size",
     folder({**FILES, INDEX: index(MAP, metadata={"total_size": 99.5})}), "v", "w")
for name, size in (("small", 31), ("large", 1 << 40)):
    take(f"sharded-size-too-{name}",
         folder({**FILES, INDEX: index(MAP, metadata={"total_size": size})}), "v", "w",
         warning=f"the index says {size} bytes in all, and there are 32")
take("sharded-case", folder({"a.safetensors": ONE, "A.safetensors": TWO,
                             INDEX: index({"w": "a.safetensors", "v": "A.safetensors"})}), "v", "w")
NATURAL = ["l.1", "l.01", "l.2.a", "l.2.b", "l.02.c", "l.9", "l.10", "l.x", "m"]
take("sharded-natural",
     folder({"1.safetensors": document({n: tensor("U8", [1], i, i + 1)
                                        for i, n in enumerate(reversed(NATURAL))}, bytes(9)),
             INDEX: index({n: "1.safetensors" for n in NATURAL})}),
     "l.01", "l.1", "l.2.a", "l.2.b", "l.02.c", "l.9", "l.10", "l.x", "m")
take("sharded-empty", folder({INDEX: index({})}))


def write_all(target, refused, taken):
    """Writes fixtures and their tables."""
    os.makedirs(target, exist_ok=True)
    names = [name for name, *_ in refused + taken]
    assert len(set(names)) == len(names), "two fixtures of one name"
    for name, make, *_ in refused + taken:
        write(os.path.join(target, name), make)
    with open(os.path.join(target, "refused.tsv"), "w", encoding="utf-8") as table:
        for name, _, status, message in refused:
            shown = name.replace("\n", "\\n").replace("\x1b", "\\x1b")
            print(shown.replace("\\x1b", "\\0033"), status, f"st-layers: {shown}: {message}",
                  sep="\t", file=table)
    with open(os.path.join(target, "taken.tsv"), "w", encoding="utf-8") as table:
        for name, _, tensors, warning in taken:
            shown = f"st-layers: {name}: {warning}" if warning else "-"
            print(name, shown, *tensors, sep="\t", file=table)


if __name__ == "__main__":
    sys.exit(write_all(sys.argv[1], REFUSED, TAKEN))
