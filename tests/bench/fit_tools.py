#!/usr/bin/env python3
"""The peers of hill-alpha --fit ks, on the spectra of a stream.

    fit_tools.py STREAM

Loads the spectra, and prints a line that says what there is. Then, for each line on standard input, "powerlaw" or
"weightwatcher", prints the seconds that its fits took for all of the spectra.
"""
import contextlib
import json
import os
import struct
import sys
import time
import warnings

warnings.filterwarnings("ignore")
with contextlib.redirect_stdout(sys.stderr):
    import numpy
    import powerlaw
    import weightwatcher
    from weightwatcher.WW_powerlaw import WWFit


def load(path):
    """The eigenvalues of each frame."""
    with open(path, "rb") as file:
        data = file.read()
    at, spectra = 0, []
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        header = json.loads(data[at + 8:at + 8 + length])
        at += 8 + length
        if header["__metadata__"]["kind"] == "end":
            break
        begin, end = header["eigenvalues"]["data_offsets"]
        spectra.append(numpy.frombuffer(data[at + begin:at + end]).copy())
        at += end
    return spectra


def main():
    spectra = load(sys.argv[1])
    fits = {"powerlaw": lambda values: powerlaw.Fit(values, verbose=0),
            "weightwatcher": lambda values: WWFit(values[values > 1e-5])}
    print(f"powerlaw {powerlaw.__version__}, weightwatcher {weightwatcher.__version__}", flush=True)
    for line in sys.stdin:
        fit = fits[line.strip()]
        begin = time.perf_counter()
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            for values in spectra:
                fit(values)
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main()
