#!/usr/bin/env python3
"""How fast the formats' references are, for tests/bench/run: what tests/gen/golden-*-casts.py calls.

    reference.py ROWS COLUMNS REPEAT FORMAT...

For each format of which a reference is installed, prints its name and gigabytes a second of float32 that it
takes on one core: the median over casts of one random matrix, back to float32, as ours are.
"""
import glob
import importlib.util
import os
import statistics
import sys
import time

import numpy as np

# The reference of GGUF formats as it is fastest; for the bits it is another.
os.environ["GGML_REFERENCE"] = "libggml-fast.so"
GENERATORS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "gen")


def load(path):
    """A generator's table of references; empty where a package of it is missing."""
    spec = importlib.util.spec_from_file_location("generator", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError, AttributeError, SystemExit) as error:
        print(f"{os.path.basename(path)}: {error}", file=sys.stderr)
        return {}
    return module.FORMATS


def seconds_of(cast, matrix, repeat):
    """The median of so many casts, of fewer if they take long."""
    times = []
    while len(times) < repeat and (not times or sum(times) < 3):
        begin = time.perf_counter()
        cast(matrix)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main():
    rows, columns, repeat = map(int, sys.argv[1:4])
    sys.path.insert(0, GENERATORS)
    try:
        import torch
        torch.set_num_threads(1)
    except ImportError:
        pass
    matrix = np.random.default_rng(1).normal(0, 0.02, (rows, columns)).astype(np.float32)
    references = {}
    for path in sorted(glob.glob(os.path.join(GENERATORS, "golden-*-casts.py"))):
        references.update(load(path))
    for name in sys.argv[4:]:
        if name in references:
            seconds = seconds_of(references[name], matrix.copy(), repeat)
            print(name, f"{matrix.nbytes / seconds / 1e9:.4g}", sep="\t", flush=True)


main()
