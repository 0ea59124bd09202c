#!/usr/bin/env python3
"""Makes tests/golden/alpha-null.tsv, and with --simulate checks it on random matrices.

    VENV/bin/python tests/gen/alpha-null.py > tests/golden/alpha-null.tsv
    VENV/bin/python tests/gen/alpha-null.py --simulate

What Hill's estimate gives on the law of Marchenko and Pastur: scipy's adaptive quadrature of the density
itself, in x, with the threshold found by root search over that; nothing in common with the closed forms
and the angles of common/marchenko_pastur.c. Simulation: Gaussian, uniform and sign entries; the mean over
draws of alpha differs from the limit by a share of about 1 / k, and is printed beside it.
"""
import sys

import numpy as np
from scipy import integrate, optimize

ASPECTS = (1, 0.75, 0.5, 0.37, 0.25, 0.1, 0.01)
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5, 0.9)


def edges(aspect):
    """The ends of the support."""
    return (1 - np.sqrt(aspect)) ** 2, (1 + np.sqrt(aspect)) ** 2


def integral_above(threshold, aspect, function):
    """The integral of a function times the density from a threshold up. y^2 = b - x tames the edge."""
    lower, upper = edges(aspect)

    def integrand(y):
        x = upper - y * y
        return function(x) * 2 * y * y * np.sqrt(max(x - lower, 0)) / (2 * np.pi * aspect * x)

    end = np.sqrt(upper - threshold)
    return integrate.quad(integrand, 0, end, epsabs=1e-13, epsrel=1e-11, limit=500)[0]


def null(aspect, share):
    """alpha_null."""
    lower, upper = edges(aspect)
    threshold = optimize.brentq(
        lambda x: integral_above(x, aspect, lambda _: 1) - share,
        lower + 1e-9 * (upper - lower),
        upper,
        xtol=1e-14,
    )
    return 1 + share / integral_above(threshold, aspect, lambda x: np.log(x / threshold))


def alpha_of(weights, k):
    """Hill's estimate of one matrix."""
    values = np.linalg.eigvalsh(weights.T @ weights)
    return 1 + k / np.log(values[-k:] / values[-k - 1]).sum()


def simulate():
    """Prints the mean of alpha over random matrices beside the limit."""
    random = np.random.default_rng(7)
    draws = {
        "normal": random.standard_normal,
        "uniform": lambda shape: random.uniform(-1, 1, shape),
        "signs": lambda shape: random.choice((-1.0, 1.0), shape),
    }
    print("entries\trows\tcolumns\tk\tcount\tmean\tstandard_error\talpha_null")
    for rows, columns in ((128, 64), (256, 256), (1024, 512), (800, 800), (2048, 512)):
        for share in (0.1, 0.5):
            k = int(share * columns)
            for name, draw in draws.items():
                count = min(60, max(6, 10000 // columns))
                found = [alpha_of(draw((rows, columns)), k) for _ in range(count)]
                print(
                    "%s\t%d\t%d\t%d\t%d\t%.4f\t%.4f\t%.4f"
                    % (
                        name,
                        rows,
                        columns,
                        k,
                        count,
                        np.mean(found),
                        np.std(found, ddof=1) / np.sqrt(count),
                        null(columns / rows, k / columns),
                    ),
                    flush=True,
                )


def main():
    """Prints the cases, or the simulation."""
    if sys.argv[1:] == ["--simulate"]:
        simulate()
        return
    print("aspect\tshare\talpha_null")
    for aspect in ASPECTS:
        for share in SHARES:
            print("%g\t%g\t%.13g" % (aspect, share, null(aspect, share)))


if __name__ == "__main__":
    main()
