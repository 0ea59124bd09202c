#!/usr/bin/env python3
"""Writes the fits of fix-finger, as AlphaPruning computes it, of the spectra of a model: tests/golden/minilm-alphapruning.tsv.

    golden-alphapruning.py model.safetensors >TABLE

Each two-dimensional weight but those of embeddings, in float64 by numpy's SVD. After the description of the
algorithm: the peak p is the left edge of the fullest of 100 bins of log10 l; the cuts tried are the eigenvalues
from log10(0.95 p), a logarithm taken for an eigenvalue, to 1.5 p; alpha = 1 + n / sum ln(l / cut), the distance
is on the lower side of the jumps. AlphaPruning computes in float32. Needs numpy and safetensors.
"""
import sys

import numpy as np
from safetensors.numpy import load_file


def fit(values):
    """alpha, the cut, how many eigenvalues from it on, and the distance."""
    counts, edges = np.histogram(np.log10(values), bins=100)
    peak = 10 ** edges[np.argmax(counts)]
    best = None
    for place in range(len(values) - 1):
        cut, tail = values[place], values[place:]
        if not np.log10(0.95 * peak) <= cut <= 1.5 * peak:
            continue
        size = len(tail)
        alpha = 1 + size / (np.log(tail).sum() - size * np.log(cut))
        distance = np.abs(1 - (tail / cut) ** (1 - alpha) - np.arange(size) / size).max()
        if best is None or distance < best[3]:
            best = alpha, cut, size, distance
    return best


print("layer_name\talpha\tlambda_ref\tk_used\tD")
for name, weight in sorted(load_file(sys.argv[1]).items()):
    if weight.ndim != 2 or "embeddings" in name:
        continue
    alpha, cut, size, distance = fit(np.sort(np.linalg.svd(weight.astype(np.float64), compute_uv=False) ** 2))
    print(name.removesuffix(".weight"), repr(float(alpha)), repr(float(cut)), size, repr(float(distance)), sep="\t")
