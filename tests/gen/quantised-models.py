"""Writes tests/golden/quantised: small quantised checkpoints, and the weights that they stand for.

    python3 tests/gen/quantised-models.py FOLDER [KIND...]

Each kind is a folder of config.json, model.safetensors, as a library writes them, and
expected.safetensors, the weights as the library dequantises them itself. For the versions see
quantised-requirements.txt. auto_gptq, autoawq and auto_round are taken apart, module by module, since as
a whole they want a GPU or older libraries.
"""

import contextlib
import functools
import importlib.util
import json
import os
import sys
import types

import torch
from safetensors.torch import save_file

KINDS = {}


def kind(function):
    KINDS[function.__name__.replace("_", "-")] = function
    return function


def weights(rows, columns, dtype=torch.float32, seed=0):
    """Weights with a heavy tail, some exactly zero, so that scales and codes differ much."""
    generator = torch.Generator().manual_seed(seed * 1000 + rows * 100 + columns)
    normal = torch.randn(rows, columns, generator=generator)
    values = normal * torch.exp(torch.randn(rows, 1, generator=generator)) * 0.02
    values[0, :4] = 0
    return values.to(dtype)


class Model:
    """What one folder gets."""

    def __init__(self, quantization_config):
        self.config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama",
                       "quantization_config": quantization_config}
        self.tensors, self.expected = {}, {}
        # A layer that is not quantised, and what is beside layers.
        self.tensors["lm_head.weight"] = weights(4, 6)
        self.tensors["model.norm.weight"] = torch.ones(6)

    def add(self, module, parts, expected, end=".weight"):
        for name, tensor in parts.items():
            self.tensors[f"{module}{name}"] = tensor.detach().clone().contiguous()
        self.expected[f"{module}{end}"] = expected.detach().clone().contiguous()

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.expected["lm_head.weight"] = self.tensors["lm_head.weight"]
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=1)
            file.write("\n")
        save_file(self.tensors, os.path.join(folder, "model.safetensors"),
                  metadata={"format": "pt"})
        save_file(self.expected, os.path.join(folder, "expected.safetensors"))


@functools.cache
def package_folder(package):
    return importlib.util.find_spec(package).submodule_search_locations[0]


def load_apart(folder, path):
    """One module of an installed package, without the package's own __init__."""
    name = "apart." + os.path.basename(path)[:-3]
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stand_in(name, **members):
    """An empty module or package, in the place of one that cannot be imported here."""
    sys.modules[name] = module = types.ModuleType(name)
    module.__path__ = []
    for member, value in members.items():
        setattr(module, member, value)


# --- compressed-tensors ----------------------------------------------------------------------------


def compressed(format_name, cases, **arguments):
    """A model of compressed-tensors: cases are (module, weight, changes of the parts or none)."""
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam

    args = QuantizationArgs(**arguments)
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    model = Model({"quant_method": "compressed-tensors", "format": format_name,
                   "quantization_status": "compressed", "ignore": ["lm_head"],
                   "config_groups": {"group_0": json.loads(scheme.model_dump_json())}})
    compressor = BaseCompressor.get_value_from_registry(format_name)
    for module, weight in cases:
        rows, columns = weight.shape
        strategy = str(getattr(args.strategy, "value", args.strategy))
        if strategy == "tensor":
            blocks = weight.reshape(1, -1)
        elif strategy == "channel":
            blocks = weight
        elif strategy == "block":
            height, width = args.block_structure
            padded = torch.nn.functional.pad(
                weight.float(), (0, -columns % width, 0, -rows % height)).to(weight.dtype)
            blocks = padded.unflatten(0, (-1, height)).unflatten(-1, (-1, width)).transpose(1, 2)
            blocks = blocks.flatten(2)
        else:
            blocks = weight.unflatten(-1, (-1, args.group_size))
        smallest, largest = blocks.amin(-1), blocks.amax(-1)
        extra = {}
        if strategy == "tensor_group":
            extra["global_scale"] = generate_gparam(weight.amin(), weight.amax()).reshape(1)
        scale, zero = calculate_qparams(smallest, largest, args, **extra)
        if strategy == "channel":
            scale, zero = scale.reshape(-1, 1), zero.reshape(-1, 1)
        state = {"weight": weight, "weight_scale": scale, "weight_zero_point": zero}
        if extra:
            state["weight_global_scale"] = extra["global_scale"]
        state = compressor.compress(state, scheme)
        expected = compressor.decompress(state, scheme)["weight"]
        model.add(module, {"." + name: tensor for name, tensor in state.items()}, expected)
    return model


MODULE = "model.layers.0.mlp."


@kind
def fp8_tensor():
    return compressed("float-quantized", [(MODULE + "up_proj", weights(12, 20))],
                      num_bits=8, type="float", strategy="tensor")


@kind
def fp8_channel():
    return compressed("float-quantized", [
        (MODULE + "up_proj", weights(12, 20)),
        (MODULE + "down_proj", weights(20, 12, torch.bfloat16)),
        (MODULE + "gate_proj", weights(12, 20, torch.float16))],
        num_bits=8, type="float", strategy="channel")


@kind
def fp8_blocks():
    return compressed("float-quantized", [
        (MODULE + "up_proj", weights(40, 50, torch.bfloat16)),
        (MODULE + "down_proj", weights(16, 24))],
        num_bits=8, type="float", strategy="block", block_structure=[16, 24])


@kind
def int8_channel():
    return compressed("int-quantized", [
        (MODULE + "up_proj", weights(12, 20)),
        (MODULE + "down_proj", weights(20, 12, torch.bfloat16))],
        num_bits=8, type="int", strategy="channel")


@kind
def int8_asymmetric():
    return compressed("int-quantized", [(MODULE + "up_proj", weights(12, 20, torch.bfloat16))],
                      num_bits=8, type="int", strategy="channel", symmetric=False)


@kind
def mxfp8():
    return compressed("mxfp8-quantized", [(MODULE + "up_proj", weights(6, 64, torch.bfloat16))],
                      num_bits=8, type="float", strategy="group", group_size=32,
                      scale_dtype=torch.uint8, zp_dtype=torch.uint8)


# --- DeepSeek --------------------------------------------------------------------------------------


def fine_grained(height, width, shapes):
    from compressed_tensors.entrypoints.convert.converters.fp8block_dequantizer import (
        FP8BlockDequantizer)

    model = Model({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                   "weight_block_size": [height, width]})
    dequantizer = FP8BlockDequantizer(weight_block_size=(height, width), dtype=torch.float32)
    for i, (rows, columns) in enumerate(shapes):
        weight = weights(rows, columns)
        padded = torch.nn.functional.pad(weight, (0, -columns % width, 0, -rows % height))
        blocks = padded.unflatten(0, (-1, height)).unflatten(-1, (-1, width)).transpose(1, 2)
        scale = blocks.abs().amax((-2, -1)) / 448
        stored = (blocks / scale[:, :, None, None]).transpose(1, 2).reshape(padded.shape)
        stored = stored[:rows, :columns].to(torch.float8_e4m3fn)
        model.add(f"model.layers.{i}.self_attn.q_proj",
                  {".weight": stored, ".weight_scale_inv": scale},
                  dequantizer._create_dequantized_weight(stored, scale))
    return model


@kind
def deepseek():
    return fine_grained(128, 128, [(129, 20), (16, 130), (128, 8)])


@kind
def deepseek_small_blocks():
    return fine_grained(16, 24, [(40, 50)])


# --- GPTQ ------------------------------------------------------------------------------------------


def gptq_quantise(weight, bits, group, symmetric):
    """Scales and zero points (outputs by groups), to nearest, as GPTQ's quantizer has them."""
    groups = weight.float().unflatten(-1, (-1, group))
    smallest = groups.amin(-1).clamp(max=0)
    largest = groups.amax(-1).clamp(min=0)
    levels = 2 ** bits - 1
    if symmetric:
        largest = torch.maximum(smallest.abs(), largest)
        smallest = -largest
    same = smallest == largest
    smallest, largest = smallest - same.float(), largest + same.float()
    scale = (largest - smallest) / levels
    zero = torch.full_like(scale, (levels + 1) / 2) if symmetric else torch.round(
        -smallest / scale).clamp(1, levels)
    return scale, zero


def gptq(quant_linear, cases, checkpoint_format, bits, group, symmetric=False, order=False):
    """A model of a QuantLinear class, which packs, and multiplies the identity by what it packed."""
    model = Model({"quant_method": "gptq", "bits": bits, "group_size": group, "sym": symmetric,
                   "desc_act": order, "checkpoint_format": checkpoint_format})
    for module, weight in cases:
        outputs, inputs = weight.shape
        size = inputs if group == -1 else group
        g_idx = torch.arange(inputs) // size
        ordered = weight
        if order:
            g_idx = g_idx[torch.randperm(inputs, generator=torch.Generator().manual_seed(1))]
            ordered = weight[:, torch.argsort(g_idx, stable=True)]
        scale, zero = gptq_quantise(ordered, bits, size, symmetric)
        linear = torch.nn.Linear(inputs, outputs, bias=False, dtype=weight.dtype)
        linear.weight.data = weight.clone()
        packed = quant_linear(bits, group, inputs, outputs, False)
        packed.device = "cpu"
        packed.scales = packed.scales.to(weight.dtype)
        packed.pack(linear, scale.clone(), zero.clone(), g_idx.to(torch.int32))
        packed.g_idx = g_idx.to(torch.int32)
        expected = packed(torch.eye(inputs, dtype=weight.dtype)).t()
        model.add(module, {".qweight": packed.qweight, ".qzeros": packed.qzeros,
                           ".scales": packed.scales, ".g_idx": packed.g_idx}, expected)
    return model


def auto_gptq_linear():
    return load_apart(package_folder("auto_gptq"), "nn_modules/qlinear/qlinear_cuda.py").QuantLinear


def gptq_v1(bits, **arguments):
    return gptq(auto_gptq_linear(), [(MODULE + "up_proj", weights(32, 64, torch.float16)),
                                     (MODULE + "down_proj", weights(32, 32, torch.float16))],
                "gptq", bits, 32, **arguments)


for number in 2, 3, 4, 8:
    KINDS[f"gptq-{number}"] = lambda bits=number: gptq_v1(bits)
KINDS["gptq-4-symmetric"] = lambda: gptq_v1(4, symmetric=True)
KINDS["gptq-4-order"] = lambda: gptq_v1(4, order=True)
KINDS["gptq-3-order"] = lambda: gptq_v1(3, order=True)


@kind
def gptq_whole():
    return gptq(auto_gptq_linear(), [(MODULE + "up_proj", weights(32, 64, torch.float16))],
                "gptq", 4, -1)


def gptq_v2(bits):
    folder = package_folder("auto_round")
    stand_in("auto_round")
    stand_in("auto_round.utils", get_packing_device=lambda device: "cpu")
    sys.modules["auto_round.utils.bit_packing"] = load_apart(folder, "utils/bit_packing.py")
    module = load_apart(package_folder("auto_round_extension"), "torch/qlinear_torch.py")
    return gptq(module.QuantLinear, [(MODULE + "up_proj", weights(32, 64, torch.float16))],
                "gptq_v2", bits, 32)


KINDS["gptq-v2-4"] = lambda: gptq_v2(4)
KINDS["gptq-v2-3"] = lambda: gptq_v2(3)


# --- AWQ -------------------------------------------------------------------------------------------


@kind
def awq():
    folder, group = package_folder("awq"), 32
    stand_in("awq")
    stand_in("awq.utils")
    stand_in("awq.utils.module", try_import=lambda name: (None, ""))
    stand_in("awq.utils.utils", get_best_device=lambda: "cpu")
    sys.modules["awq.utils.packing_utils"] = utils = load_apart(folder, "utils/packing_utils.py")
    linear_class = load_apart(folder, "modules/linear/gemm.py").WQLinear_GEMM
    model = Model({"quant_method": "awq", "bits": 4, "group_size": group, "zero_point": True,
                   "version": "gemm"})
    for module, weight in (MODULE + "up_proj", weights(32, 64, torch.float16)), (
            MODULE + "down_proj", weights(32, 32, torch.float16)):
        outputs, inputs = weight.shape
        scale, zero = gptq_quantise(weight, 4, group, False)
        linear = torch.nn.Linear(inputs, outputs, bias=False, dtype=torch.float16)
        linear.weight.data = weight.clone()
        packed = linear_class.from_linear(linear, 4, group, False, scale.half().t().contiguous(),
                                          zero.t().contiguous())
        expected = utils.dequantize_gemm(packed.qweight, packed.qzeros, packed.scales, 4, group)
        model.add(module, {".qweight": packed.qweight, ".qzeros": packed.qzeros,
                           ".scales": packed.scales}, expected.t())
    return model


# --- packed by compressed-tensors ------------------------------------------------------------------


def packed(cases, **arguments):
    return compressed("pack-quantized", cases, type="int", **arguments)


PACKED = [(MODULE + "up_proj", weights(12, 96, torch.bfloat16)),
          (MODULE + "down_proj", weights(10, 64)),
          (MODULE + "gate_proj", weights(9, 64, torch.float16))]


@kind
def packed_4():
    return packed(PACKED, num_bits=4, strategy="group", group_size=32)


@kind
def packed_4_asymmetric():
    return packed(PACKED, num_bits=4, strategy="group", group_size=32, symmetric=False)


@kind
def packed_3_asymmetric():
    return packed(PACKED, num_bits=3, strategy="group", group_size=32, symmetric=False)


@kind
def packed_8():
    return packed([(MODULE + "up_proj", weights(12, 21, torch.bfloat16))], num_bits=8,
                  strategy="channel")


@kind
def packed_8_asymmetric():
    return packed([(MODULE + "up_proj", weights(13, 22, torch.float16))], num_bits=8,
                  strategy="channel", symmetric=False)


@kind
def packed_order():
    """Columns that have their groups by a list: the weights of packed-4, their columns exchanged.
    Earlier versions of compressed-tensors wrote and read such; this one does not."""
    model = packed([(MODULE + "up_proj", weights(12, 96, torch.bfloat16))], num_bits=4,
                   strategy="group", group_size=32)
    from compressed_tensors.compressors.pack_quantized.helpers import (
        pack_to_int32, unpack_from_int32)
    name = MODULE + "up_proj"
    order = torch.randperm(96, generator=torch.Generator().manual_seed(2))
    codes = unpack_from_int32(model.tensors[name + ".weight_packed"], 4, (12, 96))
    model.tensors[name + ".weight_packed"] = pack_to_int32(codes[:, order].contiguous(), 4)
    model.tensors[name + ".weight_g_idx"] = (torch.arange(96) // 32)[order].to(torch.int32)
    model.expected[name + ".weight"] = model.expected[name + ".weight"][:, order].contiguous()
    group = model.config["quantization_config"]["config_groups"]["group_0"]
    group["weights"]["actorder"] = "group"
    return model


@kind
def nvfp4():
    return compressed("nvfp4-pack-quantized", [
        (MODULE + "up_proj", weights(20, 96, torch.bfloat16)),
        (MODULE + "down_proj", weights(12, 32))],
        num_bits=4, type="float", strategy="tensor_group", group_size=16,
        scale_dtype=torch.float8_e4m3fn, zp_dtype=torch.float8_e4m3fn)


@kind
def mxfp4():
    return compressed("mxfp4-pack-quantized", [
        (MODULE + "up_proj", weights(20, 96, torch.bfloat16))],
        num_bits=4, type="float", strategy="group", group_size=32,
        scale_dtype=torch.uint8, zp_dtype=torch.uint8)


@kind
def modelopt_nvfp4():
    """The NVFP4 of compressed-tensors in ModelOpt's names, which multiplies by the reciprocal of what
    the other divides by: code * (scale * scale_2) in float32, to BF16 (its
    torch/quantization/qtensor/nvfp4_tensor.py, written out here)."""
    from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8

    source = nvfp4()
    model = Model({"quant_method": "modelopt", "quant_algo": "NVFP4"})
    for module in MODULE + "up_proj", MODULE + "down_proj":
        codes = source.tensors[module + ".weight_packed"]
        scale = source.tensors[module + ".weight_scale"]
        second = (1 / source.tensors[module + ".weight_global_scale"]).reshape(())
        values = unpack_fp4_from_uint8(codes, codes.shape[0], 2 * codes.shape[1], torch.float32)
        factors = (scale.float() * second).repeat_interleave(16, 1)
        model.add(module, {".weight": codes, ".weight_scale": scale, ".weight_scale_2": second},
                  (values * factors).bfloat16())
    return model


# --- gpt-oss ---------------------------------------------------------------------------------------


@kind
def gpt_oss():
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    model = Model({"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]})
    model.config["model_type"] = "gpt_oss"
    generator = torch.Generator().manual_seed(3)
    for name, outputs, groups in ("gate_up_proj", 12, 2), ("down_proj", 8, 1):
        blocks = torch.randint(0, 256, (3, outputs, groups, 16), generator=generator,
                               dtype=torch.uint8)
        scales = torch.randint(100, 130, (3, outputs, groups), generator=generator,
                               dtype=torch.uint8)
        scales[0, 0, 0], scales[0, 1, 0], scales[0, 2, 0] = 0, 1, 254
        expected = convert_moe_packed_tensors(blocks, scales).transpose(1, 2)
        model.add("model.layers.0.mlp.experts." + name, {"_blocks": blocks, "_scales": scales},
                  expected, end="")
    return model


# --- bitsandbytes ----------------------------------------------------------------------------------


def bnb(quant_type, nested, cases, blocksize=64):
    import bitsandbytes.functional as functional

    model = Model({"quant_method": "bitsandbytes", "load_in_4bit": True,
                   "bnb_4bit_quant_type": quant_type, "bnb_4bit_use_double_quant": nested})
    for module, weight in cases:
        data, state = functional.quantize_4bit(weight, blocksize=blocksize, quant_type=quant_type,
                                               compress_statistics=nested)
        parts = {".weight": data}
        parts.update({".weight." + name: tensor
                      for name, tensor in state.as_dict(packed=True).items()})
        model.add(module, parts, bnb_dequantised(data, state, nested, weight))
    return model


def bnb_dequantised(data, state, nested, weight):
    """Where blocks do not end with rows, the library's kernel for processors with AVX-512 takes other
    factors than the blocks were quantised with; its code for every other processor does not."""
    import bitsandbytes.functional as functional
    from bitsandbytes.backends.default.ops import _dequantize_4bit_compute

    if weight.shape[1] % state.blocksize == 0:
        return functional.dequantize_4bit(data, state)
    absmax = state.absmax
    if nested:
        absmax = functional.dequantize_blockwise(state.absmax, state.state2) + state.offset
    return _dequantize_4bit_compute(data.reshape(-1), absmax, state.code, state.blocksize,
                                    weight.shape, weight.dtype)


BNB = [(MODULE + "up_proj", weights(10, 48)),
       (MODULE + "down_proj", weights(13, 30, torch.bfloat16)),
       (MODULE + "gate_proj", weights(10, 32, torch.float16))]
KINDS["nf4"] = lambda: bnb("nf4", False, BNB)
KINDS["fp4"] = lambda: bnb("fp4", False, BNB)
KINDS["nf4-nested"] = lambda: bnb("nf4", True, [(MODULE + "up_proj", weights(130, 128, torch.float16)),
                                                (MODULE + "q", weights(13, 30, torch.float16))])


@kind
def bnb_int8():
    import bitsandbytes.functional as functional

    model = Model({"quant_method": "bitsandbytes", "load_in_8bit": True})
    weight = weights(12, 20, torch.float16)
    data, stats, _ = functional.int8_vectorwise_quant(weight)
    model.add(MODULE + "up_proj", {".weight": data, ".SCB": stats,
                                   ".weight_format": torch.tensor(0, dtype=torch.uint8)},
              functional.int8_vectorwise_dequant(data, stats))
    return model


def main(folder, *names):
    with contextlib.suppress(AttributeError):
        torch.set_num_threads(1)
    for name in names or KINDS:
        KINDS[name]().write(os.path.join(folder, name))


if __name__ == "__main__":
    main(*sys.argv[1:])
