#!/usr/bin/env python3
"""Makes tests/golden/minilm-alpha.tsv: the tail exponents of a real checkpoint, independently.

    python3 -m venv VENV && VENV/bin/pip install -r tests/gen/requirements.txt
    VENV/bin/python tests/gen/golden-alpha.py tests/data/minilm > tests/golden/minilm-alpha.tsv

Nothing of hillpipe is used. The layers are the torch.nn.Linear modules that transformers builds
from the checkpoint's configuration. numpy and ml_dtypes cast the weights; numpy's float64 SVD (LAPACK
dgesdd) gives the eigenvalues. The formula is AlphaQuant's PL_Alpha_Hill, in float64:

    alpha = 1 + k / max(sum of ln(l_i / l_ref) over the k largest, 1e-12)
    k = max(10, int(0.1 n)) within 1 and n - 1,  l_ref = max(l_{n-k}, 1e-12)

Columns:
    alpha, k_used, n_eigs, lambda_ref, lambda_max    of the float64 SVD
    alpha_check     the same alpha from eigenvalues in extended precision (64 bits): Rayleigh
                    quotients of float64 eigenvectors, whose error is of second order
    cast_rel_err    ||W - cast(W)|| / ||W|| in the Frobenius norm, in extended precision
    alpha_float32   what the Python tool that is used today prints: torch.linalg.svdvals of the cast
                    weights in float32, squares, logarithms and sum in float32
"""
import json
import platform
import sys

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy
import torch
import transformers

PRECISIONS = {
    "fp64": np.float64,
    "fp32": np.float32,
    "fp16": np.float16,
    "bf16": ml_dtypes.bfloat16,
}


def linear_layers(folder):
    """The names of all torch.nn.Linear modules, in the order of the model."""
    with open(folder + "/config.json") as file:
        config = transformers.BertConfig(**json.load(file))
    with torch.device("meta"):
        model = transformers.BertModel(config)
    return [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]


def tail_size(n):
    """How many eigenvalues the fit takes."""
    return max(1, min(max(10, int(0.1 * n)), n - 1))


def hill(eigenvalues):
    """alpha and lambda_ref of ascending eigenvalues, in their own precision."""
    k = tail_size(len(eigenvalues))
    reference = max(eigenvalues[-k - 1], 1e-12)
    logarithms = np.log(eigenvalues[-k:] / reference)
    return 1 + k / max(logarithms.sum(), 1e-12), reference


def float64_spectrum(weights):
    """Squared singular values, ascending."""
    return np.sort(np.linalg.svd(weights, compute_uv=False) ** 2)


def extended_spectrum(weights):
    """Eigenvalues in extended precision, ascending, and a bound on what the method leaves out.

    X holds float64 eigenvectors of the Gram matrix G. The eigenvalues of G are those of the pencil
    (X'GX, X'X), which is diagonal but for float64 rounding errors; the quotients of the diagonals
    are wrong by the squares of those, over the gaps.
    """
    if weights.shape[0] > weights.shape[1]:
        weights = weights.T
    exact = weights.astype(np.longdouble)
    gram = exact @ exact.T
    _, vectors = np.linalg.eigh(weights @ weights.T)
    vectors = vectors.astype(np.longdouble)
    vectors /= np.sqrt((vectors * vectors).sum(axis=0))
    inner = vectors.T @ vectors
    form = vectors.T @ (gram @ vectors)
    values = np.diag(form) / np.diag(inner)
    rest = form - inner * values[:, None]
    gaps = np.abs(values[:, None] - values[None, :])
    np.fill_diagonal(gaps, np.inf)
    np.fill_diagonal(rest, 0)
    left_out = (rest * rest / gaps).sum(axis=1)
    order = np.argsort(values)
    return values[order], left_out[order]


def float32_alpha(weights):
    """AlphaQuant's alpha_hill_from_weight() with its defaults."""
    values, _ = torch.sort(torch.linalg.svdvals(torch.from_numpy(weights)) ** 2)
    k = tail_size(values.numel())
    floor = torch.tensor(1e-12, dtype=values.dtype)
    reference = torch.clamp(values[-k - 1], min=floor)
    return float(1.0 + k / float(torch.log(values[-k:] / reference).sum().clamp_min(floor)))


def cast_error(weights, cast):
    """The relative Frobenius error of a cast."""
    exact = weights.astype(np.longdouble)
    return float(np.sqrt(((exact - cast) ** 2).sum()) / np.sqrt((exact**2).sum()))


def row_of(name, precision, weights):
    """The columns of one layer and precision, and how far its two alphas are apart."""
    cast = weights.astype(PRECISIONS[precision]).astype(np.float64)
    spectrum = float64_spectrum(cast)
    extended, left_out = extended_spectrum(cast)
    k = tail_size(len(spectrum))
    assert (left_out[-k - 1 :] < 1e-19 * extended[-k - 1 :]).all(), name
    alpha, reference = hill(spectrum)
    check = float(hill(extended)[0])
    alpha32 = float32_alpha(cast.astype(np.float32))
    columns = [name, precision, str(weights.shape[0]), str(weights.shape[1]), str(k)]
    columns += [str(len(spectrum))] + [
        "%.17g" % value
        for value in (
            alpha,
            check,
            reference,
            spectrum[-1],
            cast_error(weights, cast),
            alpha32,
        )
    ]
    return columns, abs(alpha - check) / check, abs(alpha32 - check) / check


def main():
    """Prints the table for the checkpoint's folder."""
    assert np.finfo(np.longdouble).nmant >= 63, "needs an x86-64 machine"
    folder = sys.argv[1]
    tensors = safetensors.numpy.load_file(folder + "/model.safetensors")
    rows, worst, worst32 = [], 0, 0
    for name in linear_layers(folder):
        weights = tensors[name + ".weight"]
        assert weights.dtype == np.float32 and weights.ndim == 2
        for precision in PRECISIONS:
            columns, difference, difference32 = row_of(name, precision, weights)
            rows.append(columns)
            worst, worst32 = max(worst, difference), max(worst32, difference32)
        print(name, file=sys.stderr)
    modules = (np, torch, safetensors, ml_dtypes, transformers)
    versions = ["%s %s" % (module.__name__, module.__version__) for module in modules]
    versions.insert(0, "Python " + platform.python_version())
    print("# By tests/gen/golden-alpha.py, " + ", ".join(versions))
    print("# largest |alpha - alpha_check| / alpha: %.2g" % worst)
    print("# largest |alpha_float32 - alpha_check| / alpha: %.2g" % worst32)
    print(
        "layer_name\tprecision\tout_features\tin_features\tk_used\tn_eigs\talpha\talpha_check\t"
        "lambda_ref\tlambda_max\tcast_rel_err\talpha_float32"
    )
    for columns in rows:
        print("\t".join(columns))


if __name__ == "__main__":
    main()
