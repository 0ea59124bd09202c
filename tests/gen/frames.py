"""Builds safetensors documents and tensor streams byte by byte, the wrong ones too.

Standard library only, so payloads are hashed here: XXH3-64 for at most 128 bytes, after xxHash's
doc/xxhash_spec.md. That also makes these streams a second implementation to check ours against.
"""

import json
import struct

MASK = (1 << 64) - 1
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364")


def _u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def _u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def _fold(a, b):
    return (a * b & MASK) ^ (a * b >> 64)


def _avalanche(h):
    h ^= h >> 37
    h = h * 0x165667919E3779F9 & MASK
    return h ^ h >> 32


def _avalanche_xxh64(h):
    h = (h ^ h >> 33) * 0xC2B2AE3D27D4EB4F & MASK
    h = (h ^ h >> 29) * 0x165667B19E3779F9 & MASK
    return h ^ h >> 32


def _mix(data, at, secret):
    return _fold(_u64(data, at) ^ _u64(SECRET, secret),
                 _u64(data, at + 8) ^ _u64(SECRET, secret + 8))


def xxh3(data):
    """XXH3-64 with seed 0."""
    n = len(data)
    if n == 0:
        return _avalanche_xxh64(_u64(SECRET, 56) ^ _u64(SECRET, 64))
    if n <= 3:
        word = data[0] << 16 | data[n >> 1] << 24 | data[-1] | n << 8
        return _avalanche_xxh64(word ^ _u32(SECRET, 0) ^ _u32(SECRET, 4))
    if n <= 8:
        h = (_u32(data, n - 4) + (_u32(data, 0) << 32)) ^ _u64(SECRET, 8) ^ _u64(SECRET, 16)
        h ^= (h << 49 | h >> 15) & MASK ^ (h << 24 | h >> 40) & MASK
        h = h * 0x9FB21C651E98DF25 & MASK
        h ^= (h >> 35) + n
        h = h * 0x9FB21C651E98DF25 & MASK
        return h ^ h >> 28
    if n <= 16:
        low = _u64(data, 0) ^ _u64(SECRET, 24) ^ _u64(SECRET, 32)
        high = _u64(data, n - 8) ^ _u64(SECRET, 40) ^ _u64(SECRET, 48)
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return _avalanche(n + swapped + high + _fold(low, high) & MASK)
    assert n <= 128, "longer payloads are not needed here"
    h = n * 0x9E3779B185EBCA87
    for i in range((n - 1) // 32 + 1):
        h += _mix(data, 16 * i, 32 * i) + _mix(data, n - 16 * (i + 1), 32 * i + 16)
    return _avalanche(h & MASK)


def document(header, payload=b"", length=None, pad=False):
    """A safetensors document. The header is a dict, text or bytes; length overrides its size."""
    if isinstance(header, dict):
        header = json.dumps(header, separators=(",", ":"))
    if isinstance(header, str):
        header = header.encode("utf-8", "surrogatepass")
    if pad:
        header += b" " * (-(8 + len(header)) % 64)
    return struct.pack("<Q", len(header) if length is None else length) + header + payload


def tensor(dtype, shape, begin, end):
    """The description of one tensor in a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


class Frame:
    """One frame of a stream, to be changed in any part before bytes() is taken."""

    def __init__(self, metadata, tensors=None, payload=b""):
        self.metadata = metadata
        self.tensors = tensors or {}
        self.payload = payload

    def head(self):
        return document({"__metadata__": self.metadata, **self.tensors}, pad=True)

    def bytes(self):
        return self.head() + self.payload


def tensor_frame(layer, dtype, shape, payload, **extra):
    """A frame of kind tensor, with all that a program needs to know of it."""
    columns = 1
    for size in shape[1:]:
        columns *= size
    metadata = {"stream": "1", "kind": "tensor", "rows": str(shape[0]), "cols": str(columns),
                "xxh3": f"{xxh3(payload):016x}", "layer": layer, "category": "other_linear",
                "source_dtype": dtype, **extra}
    name = layer + ".weight"
    return Frame(metadata, {name: tensor(dtype, shape, 0, len(payload))}, payload)


def spectrum_frame(layer, rows, columns, eigenvalues, **extra):
    """A frame of kind spectrum."""
    payload = struct.pack(f"<{len(eigenvalues)}d", *eigenvalues)
    metadata = {"stream": "1", "kind": "spectrum", "rows": str(rows), "cols": str(columns),
                "xxh3": f"{xxh3(payload):016x}", "layer": layer, "category": "other_linear",
                "source_dtype": "F32", "precision": "fp32", "method": "gram",
                "lambda_err": "1e-12", **extra}
    return Frame(metadata, {"eigenvalues": tensor("F64", [len(eigenvalues)], 0, len(payload))},
                 payload)


def end_frame(count, **extra):
    """The frame that ends a stream."""
    return Frame({"stream": "1", "kind": "end", "frames": str(count), **extra})


def floats(*values):
    """F32 payload of these values."""
    return struct.pack(f"<{len(values)}f", *values)
