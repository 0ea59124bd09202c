#!/usr/bin/env python3
"""Makes tests/golden/casts/int.tsv and int-minilm.tsv, with compressed-tensors, auto_gptq, autoawq and
auto_round; for the versions see requirements.txt and quantised-requirements.txt.

    VENV/bin/python tests/gen/golden-int-casts.py tests/data/minilm/model.safetensors

Weights are float32. Groups of a row that is no multiple of them, which compressed-tensors and autoawq
refuse, are cast for themselves at its end; auto_gptq cuts them so, and auto_round pads them with zeros,
which is the same. auto_gptq, autoawq and auto_round are taken apart, module by module, since as
a whole they want a GPU or other libraries.

auto_gptq's Quantizer leaves alone what it is given if any scale of it is zero: it gets one group at a
time then. autoawq refuses groups with an infinity or a NaN, or with a range that overflows: these become
NaN here, as the other three have it.
"""
import importlib.util
import os
import sys
import types

import torch
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import fake_quantize
from compressed_tensors.quantization.utils import calculate_qparams

import format_inputs


class Anything(types.ModuleType):
    """A module in the place of one that cannot be imported here."""

    def __getattr__(self, name):
        return object


def load_apart(folder, name, *missing):
    """One module of an installed package in that folder, without the package's own __init__."""
    for other in missing:
        sys.modules.setdefault(other, Anything(other))
    path = os.path.join(folder, *name.split(".")[1:]) + ".py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def folder_of(package):
    return importlib.util.find_spec(package).submodule_search_locations[0]


GPTQ = load_apart(folder_of("auto_gptq"), "auto_gptq.quantization.quantizer")
AWQ = load_apart(folder_of("awq"), "awq.quantize.quantizer", "awq", "awq.utils", "awq.utils.calib_data",
                 "awq.quantize", "awq.quantize.scale", "awq.utils.utils", "awq.modules", "awq.modules.linear",
                 "awq.utils.module")
AUTO_ROUND = folder_of("auto_round")
REGISTER = load_apart(AUTO_ROUND, "auto_round.data_type.register", "auto_round", "auto_round.data_type",
                      "auto_round.compressors", "auto_round.compressors.utils", "auto_round.utils")
sys.modules["auto_round.data_type"].QUANT_FUNC_WITH_DTYPE = REGISTER.QUANT_FUNC_WITH_DTYPE
UTILS = load_apart(AUTO_ROUND, "auto_round.data_type.utils")
load_apart(AUTO_ROUND, "auto_round.data_type.int")


def by_compressed_tensors(bits, symmetric):
    args = QuantizationArgs(num_bits=bits, type="int", symmetric=symmetric, strategy="channel")

    def cast(groups):
        scales, zeros = calculate_qparams(groups.amin(1, keepdim=True), groups.amax(1, keepdim=True), args)
        return fake_quantize(groups, scales, zeros, args)

    return cast


def by_auto_gptq(bits, symmetric):
    def cast(groups):
        quantizer = GPTQ.Quantizer()
        quantizer.configure(bits, perchannel=True, sym=symmetric)
        quantizer.find_params(groups, weight=True)
        if quantizer.ready() or len(groups) == 1:
            return quantizer.quantize(groups)
        return torch.cat([cast(groups[i:i + 1]) for i in range(len(groups))])

    return cast


def by_autoawq(bits, symmetric):
    quantizer = types.SimpleNamespace(w_bit=bits, group_size=-1, zero_point=not symmetric)

    def cast(groups):
        try:
            return AWQ.AwqQuantizer.pseudo_quantize_tensor(quantizer, groups)[0]
        except AssertionError:
            if len(groups) == 1:
                return torch.full_like(groups, torch.nan)
            return torch.cat([cast(groups[i:i + 1]) for i in range(len(groups))])

    return cast


def by_auto_round(bits, symmetric):
    """What it has for iters=0 and --disable_opt_rtn."""
    function, _ = UTILS.get_quant_func("int", bits, symmetric, disable_opt_rtn=True, iters=0)
    return lambda groups: function(groups, bits=bits, group_size=-1)[0]


def in_groups(cast, group):
    """Casts rows in groups, whole ones and the shorter at the end of each."""

    def cast_groups(matrix):
        values = torch.from_numpy(matrix)
        if group == "tensor":
            return cast(values.reshape(1, -1)).reshape(values.shape).numpy()
        length = values.shape[1] if group == "row" else min(group, values.shape[1])
        whole = values.shape[1] // length * length
        casts = torch.empty_like(values)
        casts[:, :whole] = cast(values[:, :whole].reshape(-1, length)).reshape(-1, whole)
        if whole < values.shape[1]:
            casts[:, whole:] = cast(values[:, whole:].contiguous())
        return casts.numpy()

    return cast_groups


RULES = {"ct": by_compressed_tensors, "gptq": by_auto_gptq, "awq": by_autoawq, "autoround": by_auto_round}


def reference(name):
    """What casts to a format, of its name."""
    kind, *parameters = name.split(":")
    bits, rule, symmetric = int(kind.removeprefix("int")), "ct", "asym" not in parameters
    group = "row" if bits == 8 else 128
    for parameter in parameters:
        if parameter.startswith("rule="):
            rule = parameter.removeprefix("rule=")
        elif parameter in ("row", "tensor"):
            group = parameter
        elif parameter[0] == "g":
            group = int(parameter[1:])
    return in_groups(RULES[rule](bits, symmetric), group)


SPANS = ["int4", "int4:asym", "int4:g32", "int4:row:asym", "int4:tensor", "int8", "int8:asym", "int8:g64",
         "int8:tensor:asym", "int2:asym", "int3", "int5:asym", "int6"]
RULED = [f"{name}:rule={rule}" for rule in ("gptq", "awq", "autoround")
         for name in ("int4", "int4:asym", "int8", "int8:tensor:asym", "int2", "int3:g32:asym")]
LAYERS = ["int4", "int4:asym", "int8", "int3:g64"] + [f"int4{end}:rule={rule}" for end in ("", ":asym")
                                                     for rule in ("gptq", "awq", "autoround")]

FORMATS = {name: reference(name) for name in SPANS + RULED}

if __name__ == "__main__":
    format_inputs.write("int", FORMATS, format_inputs.USUAL, [(64, 1024), (7, 101), (3, 2500)])
    format_inputs.write_layers("int", {name: reference(name) for name in LAYERS}, sys.argv[1])
