#!/usr/bin/env python3
"""Makes tests/golden/casts/bnb.tsv and bnb-minilm.tsv, with bitsandbytes; for the version see
quantised-requirements.txt.

    VENV/bin/python tests/gen/golden-bnb-casts.py tests/data/minilm/model.safetensors

Weights are float32. Codes are decoded by the package's implementation for all devices, and not by that for
processors with AVX-512: in 0.50.2 this one takes the scales of other blocks if rows are no multiple of the
block. Otherwise the two give the same.

In double quantisation the mean of absmax is rounded once here, since that of torch depends on the order in
which it sums, which is another one with other threads and on other processors.
"""
import math
import sys

import torch
from bitsandbytes import functional as bnb
from bitsandbytes.backends.default.ops import _dequantize_4bit_compute

import format_inputs


def mean(values):
    try:
        return torch.tensor(math.fsum(values.tolist()) / len(values), dtype=torch.float32)
    except OverflowError:
        return torch.tensor(torch.inf)


def by_bitsandbytes(kind, block=64, double=False):
    def cast(matrix):
        codes, state = bnb.quantize_4bit(torch.from_numpy(matrix), blocksize=block, quant_type=kind)
        if double:
            offset = mean(state.absmax)
            absmax, nested = bnb.quantize_blockwise(state.absmax - offset, blocksize=256)
            state.absmax = bnb.dequantize_blockwise(absmax, nested) + offset
        return _dequantize_4bit_compute(codes.reshape(-1), state.absmax, state.code, block, matrix.shape,
                                        torch.float32).numpy()

    return cast


def reference(name):
    """What casts to a format, of its name."""
    kind, *parameters = name.split(":")
    blocks = [int(parameter[1:]) for parameter in parameters if parameter[0] == "b"]
    return by_bitsandbytes(kind, *blocks, double="dq" in parameters)


SINGLE = ["nf4", "nf4:b32", "nf4:b256", "nf4:b1024", "nf4:b4096", "fp4", "fp4:b128", "fp4:b2048"]
DOUBLE = ["nf4:dq", "nf4:b32:dq", "fp4:dq"]

FORMATS = {name: reference(name) for name in SINGLE + DOUBLE}

if __name__ == "__main__":
    format_inputs.write("bnb", FORMATS, format_inputs.USUAL, [(64, 1024), (7, 101), (3, 2501), (129, 1088)])
    format_inputs.write_layers("bnb", {name: reference(name) for name in ("nf4", "nf4:dq", "fp4")}, sys.argv[1])
