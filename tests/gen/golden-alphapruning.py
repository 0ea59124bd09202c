#!/usr/bin/env python3
"""Writes the fits that AlphaPruning makes of the spectra of a model: tests/golden/minilm-alphapruning.tsv.

    golden-alphapruning.py [--float32] CHECKOUT model.safetensors >TABLE

Each two-dimensional weight but those of embeddings goes through net_esd_estimator() of that tool's own
lib/esd_utils.py, which is loaded from a checkout of https://github.com/haiquanlu/AlphaPruning, with fix-finger
(xmin_peak); made with commit a585914. It computes in float32, as with --float32; without, torch is made to take
float64 for that, so that the two can be compared to more digits. The cut, which it does not return, is the one that
has this alpha. Needs numpy, torch and safetensors.
"""
import contextlib
import importlib.util
import os
import sys
import types

import numpy as np
import torch
from safetensors.numpy import load_file


def load_tool(checkout):
    """Its module. What that imports for other purposes need not be there."""
    for name, attributes in (("weightwatcher", ()), ("transformers", ("AutoModelForCausalLM",))):
        sys.modules[name] = types.ModuleType(name)
        for attribute in attributes:
            setattr(sys.modules[name], attribute, None)
    spec = importlib.util.spec_from_file_location("esd_utils", os.path.join(checkout, "lib/esd_utils.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fit(tool, weight):
    """alpha, the cut, how many eigenvalues from it on, and the distance."""
    layer = torch.nn.Linear(*reversed(weight.shape), bias=False)
    layer.weight.data = torch.from_numpy(weight.copy())
    with contextlib.redirect_stdout(sys.stderr):
        found = tool.net_esd_estimator(torch.nn.Sequential(layer), fix_fingers="xmin_peak")
    values = found["eigs"][0].astype(np.float64)
    logarithms = np.log(values)
    sizes = np.arange(len(values), 1, -1)
    sums = np.cumsum(logarithms[::-1])[::-1][:-1]
    place = np.argmin(abs(1 + sizes / (sums - sizes * logarithms[:-1]) - found["alpha"][0]))
    return found["alpha"][0], values[place], sizes[place], found["D"][0]


arguments = [argument for argument in sys.argv[1:] if argument != "--float32"]
if len(arguments) == len(sys.argv) - 1:
    torch.set_default_dtype(torch.float64)
    torch.float32 = torch.float64
tool = load_tool(arguments[0])
print("layer_name\talpha\tlambda_ref\tk_used\tD")
for name, weight in sorted(load_file(arguments[1]).items()):
    if weight.ndim != 2 or "embeddings" in name:
        continue
    alpha, cut, size, distance = fit(tool, weight)
    print(name.removesuffix(".weight"), repr(float(alpha)), repr(float(cut)), size, repr(float(distance)), sep="\t")
