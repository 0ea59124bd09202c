#!/usr/bin/env python3
"""Makes tests/golden/minilm-windows.tsv: FARMS' pooled spectra of a real checkpoint, by numpy alone.

    VENV/bin/pip install numpy safetensors
    VENV/bin/python tests/gen/golden-windows.py tests/data/minilm > tests/golden/minilm-windows.tsv

Windows slide in steps of the stride over both sides, with one more flush with the end where these leave a rest;
the squared singular values of all are pooled, and PL_Alpha_Hill (k = max(10, int(0.1 n))) is taken of them.
"""
import sys

import numpy as np
import safetensors.numpy

LAYERS = ("encoder.layer.0.attention.self.key", "encoder.layer.0.intermediate.dense", "encoder.layer.5.output.dense")
WINDOWS = ((128, 128, 128), (128, 64, 96), (200, 300, 50))


def starts(side, window, stride):
    """Where windows begin along a side."""
    found = list(range(0, side - window + 1, stride))
    if found[-1] != side - window:
        found.append(side - window)
    return found


def main():
    """Prints the table."""
    tensors = safetensors.numpy.load_file(sys.argv[1] + "/model.safetensors")
    print("windows\tlayer_name\tn_eigs\talpha\tlambda_max")
    for rows, columns, stride in WINDOWS:
        for name in LAYERS:
            weights = tensors[name + ".weight"].astype(np.float64)
            pooled = np.sort(
                np.concatenate(
                    [
                        np.linalg.svd(weights[i : i + rows, j : j + columns], compute_uv=False) ** 2
                        for i in starts(weights.shape[0], rows, stride)
                        for j in starts(weights.shape[1], columns, stride)
                    ]
                )
            )
            k = max(10, int(0.1 * len(pooled)))
            alpha = 1 + k / np.log(pooled[-k:] / pooled[-k - 1]).sum()
            print("%dx%d:stride=%d\t%s\t%d\t%.13g\t%.13g" % (rows, columns, stride, name, len(pooled), alpha, pooled[-1]))


if __name__ == "__main__":
    main()
