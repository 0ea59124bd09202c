#!/usr/bin/env python3
"""Makes tests/golden/casts/nvfp4.tsv and nvfp4-minilm.tsv, with ModelOpt, compressed-tensors and torchao.

    VENV/bin/python tests/gen/golden-nvfp4-casts.py tests/data/minilm/model.safetensors

Rows are filled up with zeros to whole blocks.
"""
import sys

import numpy as np
import torch
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import fake_quantize
from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam
from modelopt.torch.quantization.qtensor.nvfp4_tensor import NVFP4QTensor
from torchao.prototype.mx_formats.nvfp4_tensor import NVFP4Tensor, per_tensor_amax_to_scale

import format_inputs

BLOCK = 16


def padded(cast):
    def pad_and_cast(matrix):
        missing = -matrix.shape[1] % BLOCK
        values = torch.from_numpy(np.pad(matrix, ((0, 0), (0, missing))))
        return cast(values).numpy()[:, :matrix.shape[1]]

    return pad_and_cast


def by_modelopt(values):
    quantised, scale, tensor_scale = NVFP4QTensor.quantize(values.clone(), BLOCK)
    return quantised.dequantize(torch.float32, scale=scale, double_scale=tensor_scale,
                                block_sizes={-1: BLOCK})


def by_compressed_tensors(values):
    args = QuantizationArgs(num_bits=4, type="float", strategy="tensor_group", group_size=BLOCK,
                            symmetric=True, scale_dtype=torch.float8_e4m3fn, zp_dtype=torch.float8_e4m3fn)
    blocks = values.unflatten(-1, (-1, BLOCK))
    tensor_scale = generate_gparam(values.amin(), values.amax())
    scale, zero = calculate_qparams(blocks.amin(-1), blocks.amax(-1), args, global_scale=tensor_scale)
    return fake_quantize(values, scale, zero, args, global_scale=tensor_scale)


def by_torchao(values):
    scale = per_tensor_amax_to_scale(values.abs().max())
    return NVFP4Tensor.to_nvfp4(values, BLOCK, per_tensor_scale=scale).dequantize(torch.float32)


FORMATS = {"nvfp4": padded(by_modelopt), "nvfp4:rule=ct": padded(by_compressed_tensors),
           "nvfp4:rule=torchao": padded(by_torchao)}

if __name__ == "__main__":
    format_inputs.write("nvfp4", FORMATS, format_inputs.USUAL, [(64, 1024), (9, 1000)])
    format_inputs.write_layers("nvfp4", FORMATS, sys.argv[1])
