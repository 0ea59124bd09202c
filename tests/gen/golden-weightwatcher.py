#!/usr/bin/env python3
"""Writes the fits that WeightWatcher makes of the spectra of a model: tests/golden/minilm-weightwatcher.tsv.

    golden-weightwatcher.py model.safetensors >TABLE

Each two-dimensional weight but those of embeddings, in float64 by numpy's SVD, and the fit by the class that
WeightWatcher uses by default. Needs numpy, safetensors and weightwatcher; made with weightwatcher 0.7.7.
"""
import sys

import numpy as np
from safetensors.numpy import load_file
from weightwatcher.WW_powerlaw import WWFit

print("layer_name\talpha\tlambda_ref\tk_used\tD")
for name, weight in sorted(load_file(sys.argv[1]).items()):
    if weight.ndim != 2 or "embeddings" in name:
        continue
    values = np.linalg.svd(weight.astype(np.float64), compute_uv=False) ** 2
    fit = WWFit(values[values > 1e-5])
    print(name.removesuffix(".weight"), repr(float(fit.alpha)), repr(float(fit.xmin)), len(fit.data),
          repr(float(fit.D)), sep="\t")
