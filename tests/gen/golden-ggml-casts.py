#!/usr/bin/env python3
"""Makes tests/golden/casts/ggml.tsv and ggml-minilm.tsv, with llama.cpp's ggml-quants.c.

    VENV/bin/python tests/gen/golden-ggml-casts.py tests/data/minilm/model.safetensors

tests/fetch-ggml-reference gets that from llama-cpp-python 0.3.36 and compiles it; for another source of it, run
that first. Casts are by quantize_*() without an importance matrix, which is what llama-quantize calls,
and dequantize_row_*(). Rows that blocks do not divide are cast as llama-quantize does, by the type that
tensor_type_fallback() of src/llama-quant.cpp names.

Also compares casts of the types that gguf 0.19.0 can quantise, and says where its bits are others.
"""
import ctypes
import os
import subprocess
import sys

import numpy as np

import format_inputs

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Elements and bytes of a block, and the type that takes the place where rows are no multiple of it.
TYPES = {
    "q8_0": (32, 34, None), "q5_1": (32, 24, None), "q5_0": (32, 22, None), "q4_1": (32, 20, None),
    "q4_0": (32, 18, None), "iq4_nl": (32, 18, None), "iq4_xs": (256, 136, "iq4_nl"),
    "q6_K": (256, 210, "q8_0"), "q5_K": (256, 176, "q5_1"), "q4_K": (256, 144, "q5_0"),
    "q3_K": (256, 110, "q4_0"), "q2_K": (256, 84, "q4_0"),
}
GGUF_PY = ["q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]


def load(name):
    """The reference, compiled as tests/fetch-ggml-reference says."""
    subprocess.run([os.path.join(TESTS, "fetch-ggml-reference")], check=True)
    return ctypes.CDLL(os.path.join(TESTS, "data", "ggml", name))


def quantise(library, kind, matrix):
    """Blocks as they would be in a file."""
    elements, size, _ = TYPES[kind]
    blocks = np.empty(matrix.size // elements * size, dtype=np.uint8)
    pointer = ctypes.c_void_p
    function = getattr(library, "quantize_" + kind)
    function.restype = ctypes.c_size_t
    function.argtypes = [pointer, pointer, ctypes.c_int64, ctypes.c_int64, pointer]
    assert function(matrix.ctypes.data, blocks.ctypes.data, *matrix.shape, None) == blocks.size
    return blocks


def dequantise(library, kind, blocks, matrix):
    casts = np.empty_like(matrix)
    function = getattr(library, "dequantize_row_" + kind)
    function.restype = None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    function(blocks.ctypes.data, casts.ctypes.data, matrix.size)
    return casts


def by_ggml(kind):
    def cast(matrix):
        elements, _, instead = TYPES[kind]
        if matrix.shape[1] % elements:
            if instead:
                return by_ggml(instead)(matrix)
            return matrix.astype(np.float16).astype(np.float32)
        matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        return dequantise(LIBRARY, kind, quantise(LIBRARY, kind, matrix), matrix)

    return cast


def by_gguf(kind):
    import gguf

    number = gguf.GGMLQuantizationType[kind.upper()]
    return lambda matrix: gguf.dequantize(gguf.quantize(matrix, number), number)


def compare_with_gguf(inputs):
    for kind in GGUF_PY:
        for name in inputs:
            matrix = format_inputs.INPUTS[name](64 * 1024).reshape(64, 1024)
            with np.errstate(all="ignore"):
                ours, other = by_ggml(kind)(matrix), by_gguf(kind)(matrix)
            differ = np.count_nonzero((ours.view("u4") != other.view("u4")) & ~(np.isnan(ours) & np.isnan(other)))
            print(f"{kind} of {name}: gguf differs in {differ} of {matrix.size}")


LIBRARY = load(os.environ.get("GGML_REFERENCE", "libggml-exact.so"))
FORMATS = {kind.lower(): by_ggml(kind) for kind in TYPES}
INPUTS = ["finite_bf16", "normal", "wide", "ties", "finite", "constant"]

if __name__ == "__main__":
    format_inputs.write("ggml", FORMATS, INPUTS, [(64, 1024), (3, 768), (5, 96), (3, 40)])
    format_inputs.write_layers("ggml", FORMATS, sys.argv[1])
    compare_with_gguf(INPUTS)
