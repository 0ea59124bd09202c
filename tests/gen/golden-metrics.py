#!/usr/bin/env python3
"""Makes tests/golden/minilm-metrics.tsv: what WeightWatcher says of a real checkpoint.

    VENV/bin/pip install torch safetensors weightwatcher==0.7.7
    VENV/bin/python tests/gen/golden-metrics.py tests/data/minilm > tests/golden/minilm-metrics.tsv

Columns are WeightWatcher's own, by its own analyze() with the option detX, over a torch model of the checkpoint's
linear layers, one layer for each matrix. As its fit is another than Hill's, the columns that are made of alpha are
by its apply_norm_metrics() once more, on its own eigenvalues, with PL_Alpha_Hill (numpy, float64) in the place
of its alpha; `warning` follows its thresholds. Every layer is there that hillpipe's golden table of alpha has.
"""
import sys

import numpy as np
import safetensors.torch
import torch
import weightwatcher

COLUMNS = (
    "norm log_norm spectral_norm log_spectral_norm stable_rank matrix_rank entropy detX_num alpha_weighted "
    "log_alpha_norm"
).split()


def layers_of(folder):
    """The linear layers' names and weights: the matrices that are no embedding."""
    tensors = safetensors.torch.load_file(folder + "/model.safetensors")
    return {
        name[: -len(".weight")]: tensor
        for name, tensor in tensors.items()
        if tensor.ndim == 2 and name.endswith(".weight") and "embeddings" not in name
    }


def model_of(weights):
    """A torch model of one linear layer."""
    layer = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    layer.weight.data = weights
    return torch.nn.Sequential(layer)


def hill(eigenvalues):
    """PL_Alpha_Hill."""
    n = len(eigenvalues)
    k = max(1, min(max(10, int(0.1 * n)), n - 1))
    return 1 + k / np.log(eigenvalues[-k:] / eigenvalues[-k - 1]).sum()


def metrics_of(weights):
    """WeightWatcher's columns, and those of alpha with Hill's."""
    watcher = weightwatcher.WeightWatcher(model=model_of(weights))
    details = watcher.analyze(detX=True, svd_method="accurate", plot=False)
    row = {name: details[name].iloc[0] for name in COLUMNS}
    layer = next(iter(watcher.make_layer_iterator(model=watcher.model)))
    evals = np.sort(watcher.get_ESD(layer=int(details["layer_id"].iloc[0])))
    layer.evals = np.asarray(evals, dtype=np.float64)
    layer.alpha = hill(layer.evals)
    watcher.apply_norm_metrics(layer)
    row["alpha_weighted"], row["log_alpha_norm"] = layer.alpha_weighted, layer.log_alpha_norm
    row["warning"] = "over-trained" if layer.alpha < 2 else "under-trained" if layer.alpha > 6 else ""
    return row


def main():
    """Prints the table."""
    print("layer_name", *COLUMNS, "warning", sep="\t")
    for name, weights in layers_of(sys.argv[1]).items():
        row = metrics_of(weights)
        print(name, *("%.15g" % row[column] for column in COLUMNS), row["warning"], sep="\t", flush=True)


if __name__ == "__main__":
    main()
