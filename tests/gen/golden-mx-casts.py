#!/usr/bin/env python3
"""Makes tests/golden/casts/mx.tsv and mx-minilm.tsv, with torchao, and where it says so by exact arithmetic.

    VENV/bin/python tests/gen/golden-mx-casts.py tests/data/minilm/model.safetensors

torchao's to_mx() and to_dtype(), rows filled up with zeros to whole blocks. It takes the logarithm of a
scale in float32, which is wrong next to powers of two, where a GPU has an instruction that is right; here
it takes it in float64.

mxint8, and ties away from zero, as microxcaling has them, are not in any package: they are computed here in
float64, where all of it is exact but for products that leave the range of float32. Ties toward zero are
those of llama.cpp (quantize_row_mxfp4_ref) and ModelOpt, by the same function.
"""
import sys

import numpy as np
import torch
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.constants import DTYPE_FP6_E2M3, DTYPE_FP6_E3M2
from torchao.prototype.mx_formats.mx_tensor import to_dtype, to_mx

import format_inputs

BLOCK = 32
# The type in torchao, bits of the fraction, exponent of the smallest normal number, the largest number.
ELEMENTS = {
    "mxfp8_e4m3": (torch.float8_e4m3fn, 3, -6, 448),
    "mxfp8_e5m2": (torch.float8_e5m2, 2, -14, 57344),
    "mxfp6_e2m3": (DTYPE_FP6_E2M3, 3, 0, 7.5),
    "mxfp6_e3m2": (DTYPE_FP6_E3M2, 2, -2, 28),
    "mxfp4": (torch.float4_e2m1fn_x2, 1, 0, 6),
    "mxint8": (None, 6, 0, 127 / 64),
}
log2 = torch.log2
torch.log2 = lambda x: log2(x.double())  # the exponent is exact in float64


def blocks_of(matrix, size):
    """The rows with zeros up to a multiple of the block."""
    missing = -matrix.shape[1] % size
    return np.pad(matrix, ((0, 0), (0, missing)))


def by_torchao(name, rule):
    dtype = ELEMENTS[name][0]

    def cast(matrix):
        values = torch.from_numpy(blocks_of(matrix, BLOCK))
        scale, data = to_mx(values, dtype, BLOCK, ScaleCalculationMode[rule.upper()])
        casts = to_dtype(data, scale, dtype, BLOCK, torch.float32)
        return casts.reshape(values.shape).numpy()[:, :matrix.shape[1]]

    return cast


def round_to(magnitude, fraction, least, largest, ties):
    """The nearest element; exact, as magnitudes and their distances from elements are float64."""
    value = np.minimum(magnitude, largest)
    exponent = np.maximum(np.frexp(value)[1] - 1, least)
    steps = np.ldexp(value, fraction - exponent)
    whole = np.floor(steps)
    rest = steps - whole
    tie = {"even": whole % 2 == 1, "away": np.full(whole.shape, True), "zero": np.full(whole.shape, False)}
    return np.ldexp(whole + ((rest > 0.5) | ((rest == 0.5) & tie[ties])), exponent - fraction)


def exactly(name, ties):
    """Scales by the rule "floor"."""
    _, fraction, least, largest = ELEMENTS[name]
    emax = int(np.floor(np.log2(largest)))

    def cast(matrix):
        values = blocks_of(matrix, BLOCK).astype(np.float64)
        shape = values.shape
        values = values.reshape(-1, BLOCK)
        amax = np.abs(values).max(axis=1, keepdims=True)
        finite = np.where(np.isfinite(amax), amax, 1)
        exponent = np.where(amax < 2.0**-126, -127, np.frexp(finite)[1] - 1)
        exponent = np.where(np.isinf(amax), 128, exponent) - emax
        exponent = np.maximum(exponent, -127)
        # Below 2^-126 torchao does not scale weights up as far as it scales elements down.
        scaled = np.abs(values) * np.exp2(-np.maximum(exponent, -126.0))
        # Infinity stays the largest element.
        elements = round_to(np.where(np.isinf(scaled), 2 * largest, np.where(np.isnan(scaled), 0, scaled)),
                            fraction, least, largest, ties)
        casts = (elements * np.exp2(exponent.astype(np.float64))).astype(np.float32)
        casts = np.copysign(casts, values)
        casts = np.where(np.isnan(amax) | (exponent > 127), np.nan, casts)
        return casts.reshape(shape)[:, :matrix.shape[1]].astype(np.float32)

    return cast


FORMATS = {}
for format_name in ELEMENTS:
    if format_name == "mxint8":
        FORMATS[format_name] = exactly(format_name, "even")
    else:
        FORMATS[format_name] = by_torchao(format_name, "floor")
        for scale_rule in ("ceil", "rceil", "even"):
            FORMATS[f"{format_name}:scale={scale_rule}"] = by_torchao(format_name, scale_rule)
    for tie_rule in ("away", "zero"):
        FORMATS[f"{format_name}:ties={tie_rule}"] = exactly(format_name, tie_rule)

if __name__ == "__main__":
    # The exact arithmetic is torchao's where torchao has the format.
    for checked in list(ELEMENTS)[:5]:
        for source in format_inputs.USUAL:
            values = format_inputs.INPUTS[source](64 * 1024).reshape(64, 1024)
            with np.errstate(all="ignore"):
                same = format_inputs.digest(exactly(checked, "even")(values)) == \
                    format_inputs.digest(by_torchao(checked, "floor")(values))
            if not same:
                sys.exit(f"{checked} of {source}: not what torchao makes of it")
    format_inputs.write("mx", FORMATS, format_inputs.USUAL, [(64, 1024), (7, 100)])
    format_inputs.write_layers("mx", {"mxfp4": FORMATS["mxfp4"], "mxfp6_e2m3": FORMATS["mxfp6_e2m3"],
                                      "mxfp6_e3m2": FORMATS["mxfp6_e3m2"], "mxint8": FORMATS["mxint8"]},
                               sys.argv[1], "BF16")
