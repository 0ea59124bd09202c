#!/usr/bin/env python3
"""What users run today on a GPU: torch's float32 SVD of every matrix of a safetensors file.

    torch_gpu.py FILE

Prints a line that says what there is. Then, for each line on standard input, prints the seconds that calls
took for one matrix of each shape, times the matrices that there are of it:
    svdvals    torch.linalg.svdvals of the matrix in float32
    eigvalsh   torch.linalg.eigvalsh of its Gram matrix in float64, which is formed as well
"""
import collections
import json
import struct
import sys
import time

import torch


def shapes_of(path):
    """How many matrices there are of each shape."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return collections.Counter(tuple(tensor["shape"]) for name, tensor in header.items()
                               if name != "__metadata__" and len(tensor["shape"]) == 2)


def singular_values(matrix):
    torch.linalg.svdvals(matrix)


def gram_eigenvalues(matrix):
    double = matrix.double()
    gram = double.T @ double if double.shape[0] >= double.shape[1] else double @ double.T
    torch.linalg.eigvalsh(gram)


def time_call(call, matrix):
    torch.cuda.synchronize()
    begin = time.perf_counter()
    call(matrix)
    torch.cuda.synchronize()
    return time.perf_counter() - begin


def main():
    calls = {"svdvals": singular_values, "eigvalsh": gram_eigenvalues}
    matrices = [(count, torch.randn(shape, device="cuda") * 0.02)
                for shape, count in shapes_of(sys.argv[1]).items()]
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}", flush=True)
    for line in sys.stdin:
        call = calls[line.strip()]
        print(sum(count * time_call(call, matrix) for count, matrix in matrices), flush=True)


if __name__ == "__main__":
    main()
