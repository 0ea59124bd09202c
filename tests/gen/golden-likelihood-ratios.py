#!/usr/bin/env python3
"""Writes the ratios of likelihoods that powerlaw computes: tests/golden/minilm-likelihood-ratios.tsv.

    golden-likelihood-ratios.py model.safetensors TABLE >RATIOS

Each two-dimensional weight but those of embeddings, in float64 by numpy's SVD, from the cut on that
hill-alpha --fit ks gives in TABLE; then distribution_compare of powerlaw. Its limit for alpha, 3 by default, is
moved out of the way, and its search is begun again where it ended, twice. The likelihood of its lognormal law is
computed anew: its own densities run into subnormal numbers where sigma is large, and the search follows their
rounding. Needs numpy, scipy, safetensors and powerlaw; made with powerlaw 2.0.0.
"""
import csv
import sys
import warnings

import numpy as np
import powerlaw
from safetensors.numpy import load_file
from scipy.special import log_ndtr

warnings.filterwarnings("ignore")
with open(sys.argv[2], encoding="utf-8", newline="") as file:
    cuts = {row["layer_name"]: float(row["lambda_ref"]) for row in csv.DictReader(file, delimiter="\t")
            if row["fit"] == "ks"}
LAWS = {"lognormal": powerlaw.Lognormal, "exponential": powerlaw.Exponential,
        "truncated_power_law": powerlaw.Truncated_Power_Law}


def fitted(law, values, cut):
    """A law with its likeliest parameters, by powerlaw's own search."""
    ranges = {"alpha": [-100, 1000], "Lambda": [0, None]} if "alpha" in law.parameter_names else None
    found = None
    for _ in range(3):
        found = law(data=values, xmin=cut, parameter_ranges=ranges, verbose=0,
                    parameters=None if found is None else found.parameters)
    return found


def logarithms(law, values, cut):
    """Of the densities of a law."""
    if law.name != "lognormal":
        return law.loglikelihoods(values)
    place = (np.log(values) - law.mu) / law.sigma
    return (-np.log(values * law.sigma) - np.log(2 * np.pi) / 2 - place ** 2 / 2
            - log_ndtr((law.mu - np.log(cut)) / law.sigma))


print("layer_name", *(f"{start}_{name.split('_')[0]}" for name in LAWS for start in ("lr", "p")), sep="\t")
for name, weight in sorted(load_file(sys.argv[1]).items()):
    layer = name.removesuffix(".weight")
    if weight.ndim != 2 or layer not in cuts:
        continue
    values = np.sort(np.linalg.svd(weight.astype(np.float64), compute_uv=False) ** 2)
    values = values[values >= cuts[layer] * (1 - 1e-9)]
    cut = values[0]
    alpha = 1 + len(values) / np.log(values / cut).sum()
    power = np.log((alpha - 1) / cut) - alpha * np.log(values / cut)
    ratios = []
    for kind, law in LAWS.items():
        other = logarithms(fitted(law, values, cut), values, cut)
        ratios += [repr(float(x)) for x in powerlaw.loglikelihood_ratio(
            power.copy(), other, nested=kind == "truncated_power_law")]
    print(layer, *ratios, sep="\t", flush=True)
