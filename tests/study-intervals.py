#!/usr/bin/env python3
"""How often the intervals of hill-alpha hold what they should, on random and on planted matrices.

    make && PATH="$PWD/build:$PATH" python3 tests/study-intervals.py [--draws N] [--k-auto] > study.tsv

Each line is a kind of matrix: N matrices (default 400) are drawn, seeded, written as a model, and go through
st-layers, spectrum and hill-alpha --confidence. What is estimated is 1 + k / E[S], E[S] being the mean of S
over draws; it is taken from the draws themselves. With --k-auto each draw has a k of its own, chosen by the rule of
hill-alpha --k auto, and is compared with 1 + k / E[S] of that k. Columns:

    mean                of alpha over the draws
    sd                  of alpha less what is estimated, over the draws
    alpha_se            root mean square of the column: to be equal to sd
    alpha_se_iid        the mean of that of the formula for independent values
    cover_80, cover_95  the share of intervals that hold; chance is 0.02 and 0.011 for 400 draws
    bias                mean of alpha less what is estimated
    factor_95           the factor by which intervals at 95 % would have to be wider in S to hold in 95 %
    median_k            over the draws
    sd_all              standard deviation of alpha over the draws, which with --k-auto is also that of the choice
    cover_median_k      the share of intervals at 95 % that hold 1 + k / E[S] for the median k, whatever k they have

Kinds: entries normal, uniform, signs, or of Student's t with 5 degrees of freedom; planted: normal entries
with columns scaled so that the population's eigenvalues are quantiles of a Pareto law of that density exponent,
directions of which are then rotated at random (`rotated`) or not; `spiked`: four columns scaled by 5.
`low-rank` adds a fixed matrix of rank 8 to noise, which the model of the intervals does not cover; `t3` has
entries of Student's t with 3 degrees of freedom, whose fourth moment is infinite. numpy is needed.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

SHAPES = (
    (64, 64, 10), (128, 64, 10), (64, 128, 10), (256, 256, 25), (384, 384, 38), (1024, 256, 25), (256, 256, 128),
)


def scales(columns, exponent):
    """Square roots of the quantiles of a Pareto law."""
    return ((np.arange(columns) + 0.5) / columns) ** (-0.5 / (exponent - 1))


def planted(exponent):
    """Normal entries under a covariance with a Pareto spectrum, on the smaller side."""

    def draw(random, rows, columns):
        matrix = random.standard_normal((max(rows, columns), min(rows, columns)))
        matrix = matrix * scales(min(rows, columns), exponent)
        return matrix if rows >= columns else matrix.T

    return draw


def rotated(random, rows, columns):
    """The same with exponent 3 and random directions."""
    matrix = planted(3)(random, rows, columns)
    side = np.linalg.qr(random.standard_normal((min(rows, columns),) * 2))[0]
    return matrix @ side if rows >= columns else side @ matrix


def spiked(random, rows, columns):
    """A random matrix with four strong directions."""
    matrix = random.standard_normal((rows, columns))
    matrix[:, :4] *= 5
    return matrix


def low_rank(random, rows, columns):
    """Noise on a fixed matrix of rank 8, the same at each draw."""
    fixed = np.random.default_rng(1)
    left, right = fixed.standard_normal((rows, 8)), fixed.standard_normal((8, columns))
    return random.standard_normal((rows, columns)) + left * np.linspace(0.3, 2, 8) @ right


KINDS = {
    "normal": lambda random, rows, columns: random.standard_normal((rows, columns)),
    "uniform": lambda random, rows, columns: random.uniform(-1, 1, (rows, columns)),
    "signs": lambda random, rows, columns: random.choice((-1.0, 1.0), (rows, columns)),
    "t5": lambda random, rows, columns: random.standard_t(5, (rows, columns)),
    "planted-2": planted(2),
    "planted-3": planted(3),
    "planted-5": planted(5),
    "rotated-3": rotated,
    "spiked": spiked,
    "low-rank": low_rank,
    "t3": lambda random, rows, columns: random.standard_t(3, (rows, columns)),
}


def write_model(path, matrices):
    """A safetensors file of float64 matrices."""
    header, offset = {}, 0
    for i, matrix in enumerate(matrices):
        header["layers.%d.weight" % i] = {
            "dtype": "F64", "shape": list(matrix.shape), "data_offsets": [offset, offset + matrix.nbytes],
        }
        offset += matrix.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for matrix in matrices:
            file.write(np.ascontiguousarray(matrix).tobytes())


def table_of(*options):
    """The columns of a table of hill-alpha."""
    lines = subprocess.run(["hill-alpha", *options], check=True, capture_output=True, text=True).stdout.splitlines()
    table = np.array([line.split("\t") for line in lines])
    return {name: table[1:, i] for i, name in enumerate(table[0])}


def mean_sums(spectra, draws):
    """The mean of S over the draws, for each k from 1 on."""
    table = table_of("--hill-plot", spectra)
    k, alpha = (table[name].astype(float).reshape(draws, -1) for name in ("k", "alpha"))
    return np.concatenate(([np.nan], np.mean(k / (alpha - 1), axis=0)))


def study(kind, rows, columns, wanted_k, draws):
    """One line of the table; wanted_k may be "auto"."""
    random = np.random.default_rng([7, rows, columns, 0 if wanted_k == "auto" else wanted_k])
    with tempfile.TemporaryDirectory() as folder:
        model, spectra = os.path.join(folder, "model.safetensors"), os.path.join(folder, "spectra.st")
        write_model(model, [KINDS[kind](random, rows, columns) for _ in range(draws)])
        with open(spectra, "wb") as file:
            read = subprocess.Popen(["st-layers", model], stdout=subprocess.PIPE)
            subprocess.run(["spectrum", "-q"], stdin=read.stdout, stdout=file, check=True)
        sums = mean_sums(spectra, draws)
        covers = []
        for confidence in (0.8, 0.95):
            table = table_of("--k", str(wanted_k), "--confidence=%g" % confidence, spectra)
            names = ("k_used", "alpha", "alpha_low", "alpha_high", "alpha_se", "alpha_se_iid")
            k, alpha, low, high, se, iid = (table[name].astype(float) for name in names)
            mean_sum = sums[k.astype(int)]
            target = 1 + k / mean_sum
            covers.append(np.mean((low <= target) & (target <= high)))
    median_k = int(np.median(k))
    usual = 1 + median_k / sums[median_k]
    deviations = abs(k / (alpha - 1) - mean_sum) / (se * k / (alpha - 1) ** 2)
    figures = (np.mean(alpha), np.std(alpha - target, ddof=1), np.sqrt(np.mean(se**2)), np.mean(iid), *covers,
               np.mean(alpha - target), np.quantile(deviations, 0.95) / 1.959964, median_k, np.std(alpha, ddof=1),
               np.mean((low <= usual) & (usual <= high)))
    return [kind, rows, columns, wanted_k, draws] + ["%.4g" % figure for figure in figures]


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--k-auto", action="store_true", help="choose k for each draw")
    options = parser.parse_args()
    print("kind\trows\tcolumns\tk\tdraws\tmean\tsd\talpha_se\talpha_se_iid\tcover_80\tcover_95\tbias\t"
          "factor_95\tmedian_k\tsd_all\tcover_median_k")
    shapes = dict.fromkeys((rows, columns, "auto") for rows, columns, _ in SHAPES) if options.k_auto else SHAPES
    for kind in KINDS:
        for rows, columns, k in shapes:
            print(*study(kind, rows, columns, k, options.draws), sep="\t", flush=True)


if __name__ == "__main__":
    sys.exit(main())
