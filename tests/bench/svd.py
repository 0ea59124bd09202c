#!/usr/bin/env python3
"""What users run today: the float32 SVD of every matrix of a safetensors file, by numpy or torch.

    svd.py FILE

Loads the matrices, and prints a line that says what there is: the libraries, separated by tabs. Then,
for each line on standard input, "numpy" or "torch", prints the seconds that its calls took for all of
the matrices.
"""
import json
import struct
import sys
import time

import numpy

try:
    import torch
except ImportError:
    torch = None


def load(path):
    """The F32 tensors of a safetensors file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        matrices = []
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            begin, end = tensor["data_offsets"]
            assert tensor["dtype"] == "F32"
            file.seek(8 + length + begin)
            values = numpy.frombuffer(file.read(end - begin), numpy.float32)
            matrices.append(values.reshape(tensor["shape"]).copy())
        return matrices


def main():
    matrices = load(sys.argv[1])
    versions = ["numpy " + numpy.__version__]
    solvers = {"numpy": [lambda m=m: numpy.linalg.svd(m, compute_uv=False) for m in matrices]}
    if torch:
        versions.append("torch " + torch.__version__)
        tensors = [torch.from_numpy(m) for m in matrices]
        solvers["torch"] = [lambda t=t: torch.linalg.svdvals(t) for t in tensors]
    print("\t".join(versions), flush=True)
    for line in sys.stdin:
        calls = solvers[line.strip()]
        begin = time.perf_counter()
        for call in calls:
            call()
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main()
