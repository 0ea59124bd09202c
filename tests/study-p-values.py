#!/usr/bin/env python3
"""Whether the p-values of hill-alpha --bootstrap are uniform for power laws, and small for other laws.

    make && PATH="$PWD/build:$PATH" python3 tests/study-p-values.py [--draws N] > study.tsv

Each line is a law, a sample size and a fit: N samples (default 400) of independent values, seeded, become the
diagonals of matrices, which go through st-layers, spectrum and hill-alpha --bootstrap 200. Columns:

    mean         of the p-values; 0.5 if they are uniform, 0.014 by chance for 400 draws
    below_0.1    the share of them that is below 0.1; chance is 0.015
    D, p_uniform the distance of Kolmogorov and Smirnov from the uniform law, and its p-value by scipy

A p-value is one of 201 values; a random part of a step is added before the last two, so that a uniform
one becomes continuous. hill takes half of the sample, ks searches its cut. numpy and scipy are needed.
"""
import argparse
import json
import os
import struct
import subprocess
import tempfile

import numpy as np
from scipy.stats import kstest

REPLICATES = 200


def pareto(random, size):
    """Density exponent 2.5 from 1 on."""
    return random.random(size) ** (-1 / 1.5)


def above_body(random, size):
    """The same for half of the values; the others are uniform below 1."""
    return np.where(random.random(size) < 0.5, pareto(random, size), 0.01 + 0.99 * random.random(size))


LAWS = {
    "pareto": pareto,
    "above_body": above_body,
    "exponential": lambda random, size: 1 + random.standard_exponential(size),
    "lognormal": lambda random, size: np.exp(0.5 * random.standard_normal(size)),
}


def p_values(folder, samples):
    """Of each sample, by fit."""
    path, header, data = os.path.join(folder, "model.safetensors"), {}, []
    for number, sample in enumerate(samples):
        start = number * sample.size ** 2 * 8
        header[f"layers.{number}.weight"] = {
            "dtype": "F64", "shape": [sample.size] * 2, "data_offsets": [start, start + sample.size ** 2 * 8]}
        data.append(np.diag(np.sqrt(sample)).tobytes())
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))
    command = f"st-layers {path} | spectrum | hill-alpha --fit hill,ks --k-frac 0.5 --bootstrap {REPLICATES}"
    lines = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout.splitlines()
    names = lines[0].split("\t")
    found = {"hill": [], "ks": []}
    for line in lines[1:]:
        row = dict(zip(names, line.split("\t")))
        found[row["fit"]].append(float(row["p_value"]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--draws", type=int, default=400)
    draws = parser.parse_args().draws
    print("law", "n", "fit", "draws", "mean", "below_0.1", "D", "p_uniform", sep="\t")
    with tempfile.TemporaryDirectory() as folder:
        for law, draw in LAWS.items():
            for size in (100, 400):
                random = np.random.default_rng([size, len(law)])
                found = p_values(folder, [draw(random, size) for _ in range(draws)])
                for fit, values in found.items():
                    values = np.array(values)
                    # The share of draws that are no nearer includes the sample itself.
                    smooth = (values * REPLICATES + random.random(draws)) / (REPLICATES + 1)
                    test = kstest(smooth, "uniform")
                    print(law, size, fit, draws, f"{values.mean():.3f}", f"{(values < 0.1).mean():.3f}",
                          f"{test.statistic:.3f}", f"{test.pvalue:.2g}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
