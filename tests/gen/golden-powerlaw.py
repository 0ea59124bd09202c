#!/usr/bin/env python3
"""Writes the fits that powerlaw makes of the spectra of a model: tests/golden/minilm-powerlaw.tsv.

    golden-powerlaw.py model.safetensors >TABLE

Each two-dimensional weight but those of embeddings, in float64 by numpy's SVD, and Fit(data) with its defaults.
nan where it warns that no valid cut was found: it then has the cut of the least distance all the same, at its
limit for alpha. Needs numpy, safetensors and powerlaw; made with powerlaw 2.0.0.
"""
import sys
import warnings

import numpy as np
import powerlaw
from safetensors.numpy import load_file

warnings.filterwarnings("ignore")
print("layer_name\talpha\tlambda_ref\tk_used\tD")
for name, weight in sorted(load_file(sys.argv[1]).items()):
    if weight.ndim != 2 or "embeddings" in name:
        continue
    fit = powerlaw.Fit(np.linalg.svd(weight.astype(np.float64), compute_uv=False) ** 2, verbose=0)
    found = ("nan", "nan", 0, "nan") if fit.noise_flag else (
        repr(float(fit.alpha)), repr(float(fit.xmin)), int(fit.n), repr(float(fit.D)))
    print(name.removesuffix(".weight"), *found, sep="\t", flush=True)
