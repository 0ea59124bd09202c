#!/usr/bin/env python3
"""Makes tests/golden/casts/float.tsv and float-minilm.tsv, with torch and ml_dtypes.

    VENV/bin/python tests/gen/golden-float-casts.py tests/data/minilm/model.safetensors

fp8 as torch casts; where overflow is IEEE's and torch saturates, as ml_dtypes casts. Saturation where
torch has none is a clamp before its cast, as torchao's and compressed-tensors' is. tf32 by the bits, as
CUTLASS's tfloat32.h has it: half of what is dropped is added to finite values. Scales as
compressed-tensors has them.
"""
import sys

import ml_dtypes
import numpy as np
import torch
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import fake_quantize
from compressed_tensors.quantization.utils import calculate_qparams

import format_inputs


def by_torch(dtype, clamp=False):
    def cast(matrix):
        values = torch.from_numpy(matrix)
        if clamp:
            values = values.clamp(torch.finfo(dtype).min, torch.finfo(dtype).max)
        return values.to(dtype).to(torch.float32).numpy()

    return cast


def by_ml_dtypes(dtype):
    return lambda matrix: matrix.astype(dtype).astype(np.float32)


def saturate_fp16(matrix):
    return matrix.clip(-65504, 65504).astype(np.float16).astype(np.float32)


def cast_tf32(ties):
    def cast(matrix):
        bits = matrix.view(np.uint32)
        half = np.uint32(0x1000) if ties == "away" else np.uint32(0xFFF) + (bits >> 13 & 1)
        rounded = ((bits + half) & np.uint32(0xFFFFE000)).view(np.float32)
        return np.where(np.isfinite(matrix), rounded, matrix)

    return cast


def by_compressed_tensors(strategy, size=None):
    """fp8_e4m3 with scales, float32 as the weights are; rows filled up with zeros to whole groups."""
    args = QuantizationArgs(num_bits=8, type="float", strategy=strategy, group_size=size, symmetric=True)

    def cast(matrix):
        values = torch.from_numpy(np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % (size or 1)))))
        blocks = values.unflatten(-1, (-1, size)) if size else values if strategy == "channel" else \
            values.flatten()
        lowest, highest = (edge(-1, keepdim=not size and strategy == "channel")
                           for edge in (blocks.amin, blocks.amax))
        scale, zero = calculate_qparams(lowest, highest, args)
        return fake_quantize(values, scale, zero, args).numpy()[:, :matrix.shape[1]]

    return cast


def scaled_by_torch(dtype):
    """The same arithmetic for rows and a type that compressed-tensors lacks."""
    def cast(matrix):
        values, largest = torch.from_numpy(matrix), torch.finfo(dtype).max
        scale = values.abs().amax(-1, keepdim=True) / largest
        scale = torch.where(scale == 0, torch.finfo(torch.float32).eps, scale)
        return ((values / scale + 0).clamp(-largest, largest).to(dtype).float() * scale).numpy()

    return cast


FORMATS = {
    "tf32": cast_tf32("away"),
    "tf32:ties=even": cast_tf32("even"),
    "fp16:overflow=sat": saturate_fp16,
    "fp8_e4m3": by_torch(torch.float8_e4m3fn),
    "fp8_e4m3:overflow=ieee": by_ml_dtypes(ml_dtypes.float8_e4m3fn),
    "fp8_e5m2": by_torch(torch.float8_e5m2),
    "fp8_e5m2:overflow=sat": by_torch(torch.float8_e5m2, clamp=True),
    "fp8_e4m3fnuz": by_torch(torch.float8_e4m3fnuz),
    "fp8_e4m3fnuz:overflow=sat": by_torch(torch.float8_e4m3fnuz, clamp=True),
    "fp8_e5m2fnuz": by_torch(torch.float8_e5m2fnuz),
    "fp8_e5m2fnuz:overflow=sat": by_torch(torch.float8_e5m2fnuz, clamp=True),
    "fp8_e4m3:row": by_compressed_tensors("channel"),
    "fp8_e4m3:tensor": by_compressed_tensors("tensor"),
    "fp8_e4m3:g128": by_compressed_tensors("group", 128),
    "fp8_e5m2:row": scaled_by_torch(torch.float8_e5m2),
    "fp8_e4m3fnuz:row": scaled_by_torch(torch.float8_e4m3fnuz),
    "fp8_e5m2fnuz:row": scaled_by_torch(torch.float8_e5m2fnuz),
}

# Types without NaN and infinity.
SMALL = {"fp6_e2m3": by_ml_dtypes(ml_dtypes.float6_e2m3fn), "fp6_e3m2": by_ml_dtypes(ml_dtypes.float6_e3m2fn),
         "fp4_e2m1": by_ml_dtypes(ml_dtypes.float4_e2m1fn)}

if __name__ == "__main__":
    format_inputs.write("float-small", SMALL, ["finite_bf16", "normal", "wide", "ties", "finite"],
                        [(64, 1024), (7, 101)])
    format_inputs.write("float", FORMATS, format_inputs.USUAL, [(64, 1024), (7, 101), (3, 3000)])
    format_inputs.write_layers("float", {name: FORMATS[name] for name in ("fp8_e4m3", "fp8_e5m2")},
                               sys.argv[1], "BF16")
