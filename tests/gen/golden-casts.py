#!/usr/bin/env python3
"""Makes the golden data of tests/unit/cast.c, with numpy, ml_dtypes and exact fractions.

    VENV/bin/python tests/gen/golden-casts.py digests > tests/golden/cast-digests.tsv
    VENV/bin/python tests/gen/golden-casts.py float64 > tests/golden/cast-f64.tsv
    VENV/bin/python tests/gen/golden-casts.py errors > tests/golden/cast-errors.tsv

digests: XXH3-64 of the casts of all 2^32 float32 bit patterns to fp16 (numpy) and bf16 (ml_dtypes),
2^24 patterns at a time, and of all 2^16 patterns of one 16-bit format to the other. A NaN counts as
the quiet NaN that ggml makes of it: for bf16 the upper half of the float32 with the quiet bit 0x40
set, as processors do (ml_dtypes drops the payload); for fp16 0x7e00 (numpy keeps the payload); each
with the sign.

float64: casts of float64 bit patterns to fp32, fp16 and bf16, each rounded once by exact rational
arithmetic: at every kind of boundary, at it and one float64 on either side, where rounding to
float32 first would give something else.

errors: figures of casts of tensors that the test makes again from the same integers.
"""
import fractions
import math
import struct
import sys

import ml_dtypes
import numpy as np
import xxhash

CHUNK = 1 << 24

# Bits of precision, largest exponent, smallest exponent of a positive value, bits of the exponent.
SHAPES = {"fp32": (24, 127, -149, 8), "fp16": (11, 15, -24, 5), "bf16": (8, 127, -133, 8)}


def cast_float32(bits, target):
    """The 16-bit patterns that float32 patterns become, NaNs as the head comment says."""
    values = bits.view(np.float32)
    with np.errstate(all="ignore"):
        if target == "fp16":
            cast = values.astype(np.float16).view(np.uint16)
            quiet = 0x7E00 | (bits >> 16 & 0x8000).astype(np.uint16)
        else:
            cast = values.astype(ml_dtypes.bfloat16).view(np.uint16)
            quiet = 0x40 | (bits >> 16).astype(np.uint16)
    return np.where(np.isnan(values), quiet, cast)


def print_digests():
    """A line for each source, target and chunk."""
    print("source\ttarget\tchunk\txxh3")
    halves = np.arange(1 << 16, dtype=np.uint16)
    sources = [("F16", "bf16", halves.view(np.float16).astype(np.float32).view(np.uint32))]
    sources += [("BF16", "fp16", halves.astype(np.uint32) << 16)]
    for source, target, bits in sources:
        digest = xxhash.xxh3_64_hexdigest(cast_float32(bits, target).tobytes())
        print(source, target, 0, digest, sep="\t")
    for chunk in range(256):
        bits = np.arange(chunk * CHUNK, (chunk + 1) * CHUNK, dtype=np.uint64).astype(np.uint32)
        for target in ("fp16", "bf16"):
            digest = xxhash.xxh3_64_hexdigest(cast_float32(bits, target).tobytes())
            print("F32", target, chunk, digest, sep="\t")


def float64_bits(value):
    """The pattern of a float64."""
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def round_exactly(bits, shape):
    """The pattern that a float64 pattern becomes in a format of that shape, rounded once."""
    precision, largest, smallest, exponent_bits = shape
    sign = bits >> 63 << (exponent_bits + precision - 1)
    infinity = ((1 << exponent_bits) - 1) << (precision - 1)
    value = struct.unpack("<d", struct.pack("<Q", bits & (1 << 63) - 1))[0]
    if math.isnan(value):
        # The upper bits of the payload, quiet; fp16 has none of it.
        payload = (bits & (1 << 52) - 1) >> (53 - precision) if precision != 11 else 0
        return sign | infinity | 1 << (precision - 2) | payload
    if math.isinf(value):
        return sign | infinity
    if value == 0:
        return sign
    exponent = math.frexp(value)[1] - 1
    place = max(exponent - precision + 1, smallest)
    # Fraction.__round__ rounds half to even.
    units = round(fractions.Fraction(value) / fractions.Fraction(2) ** place)
    if units * fractions.Fraction(2) ** place >= fractions.Fraction(2) ** (largest + 1):
        return sign | infinity
    # Patterns of successive values are successive integers; place gives where to start.
    return sign | ((place - smallest) << (precision - 1)) + units


def neighbours(value):
    """A float64, and the next on either side, as patterns; near float32 midpoints also."""
    bits = float64_bits(value)
    return [bits + step for step in (-1, 0, 1) if 0 <= bits + step < 0x7FF0 << 48]


def boundaries(shape):
    """Values at which a format's rounding changes: its values, and halfway between them."""
    precision, largest, smallest, _ = shape
    exponents = sorted(
        {smallest - 1, smallest, smallest + 1, smallest + precision - 2, smallest + precision - 1}
        | {smallest + precision, -2, -1, 0, 1, 7, largest - 1, largest}
    )
    for exponent in exponents:
        place = max(exponent - precision + 1, smallest)
        steps = max(1 << (exponent - place), 1) if exponent >= place else 0
        for first in {steps, steps + 1, steps + 2, steps * 3 // 2, 2 * steps - 2, 2 * steps - 1}:
            for half in (0, 1):
                yield math.ldexp(2 * first + half, place - 1)
    yield math.ldexp(1, smallest - 2)
    yield math.ldexp(1, smallest - 60)


def float64_patterns():
    """All that the table holds, ascending, without their negatives."""
    patterns = {0, 1, 2, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x7FEFFFFFFFFFFFFF}
    patterns |= {0x7FF0000000000000, 0x7FF0000000000001, 0x7FF8000000000000, 0x7FFFFFFFFFFFFFFF}
    patterns |= {0x7FF4000000000000, 0x7FF8DEADBEEF1234, 0x7FF0000020000000, 0x7FF0000010000000}
    for shape in SHAPES.values():
        for value in boundaries(shape):
            patterns |= set(neighbours(value))
            # A float32 just off the boundary and its neighbours: what double rounding gets wrong
            # lies between a boundary and half a float32 from it.
            bits = float64_bits(value)
            patterns |= {bits + step for step in (-(1 << 28), 1 << 28) if bits + step > 0}
            patterns |= {bits + step for step in (-(1 << 28) + 1, (1 << 28) - 1) if bits + step > 0}
    generator = np.random.default_rng(20240611)
    spread = generator.integers(0, 1 << 52, 600, dtype=np.uint64)
    exponents = generator.integers(1023 - 160, 1023 + 140, 600, dtype=np.uint64)
    patterns |= {int(e) << 52 | int(f) for e, f in zip(exponents, spread)}
    return sorted(patterns)


def print_float64():
    """A line for each pattern, with both signs."""
    print("F64\tfp32\tfp16\tbf16")
    for pattern in float64_patterns():
        for sign in (0, 1 << 63):
            bits = pattern | sign
            fp32, fp16, bf16 = (round_exactly(bits, shape) for shape in SHAPES.values())
            print("%016x\t%08x\t%04x\t%04x" % (bits, fp32, fp16, bf16))


class Integers:
    """The splitmix64 sequence, which the test makes as well."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        """The next integer of 64 bits."""
        mask = (1 << 64) - 1
        self.state = self.state + 0x9E3779B97F4A7C15 & mask
        bits = self.state
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & mask
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & mask
        return bits ^ bits >> 31


# Name, source, count, exponent at the middle, spread of exponents, one in so many special or 0.
TENSORS = [
    ("weights", "F32", 4096, -5, 8, 0),
    ("odd count", "F32", 4099, -5, 8, 0),
    ("one", "F32", 1, -5, 1, 0),
    ("lane", "F32", 17, -5, 8, 0),
    ("block", "F32", 1025, -5, 8, 0),
    ("wide", "F32", 5000, -20, 80, 0),
    ("overflow", "F32", 3000, 14, 4, 0),
    ("subnormal halves", "F32", 3000, -20, 12, 0),
    ("subnormal floats", "F32", 3000, -140, 20, 0),
    ("special", "F32", 3000, -5, 8, 50),
    ("doubles", "F64", 4097, -5, 8, 0),
    ("huge doubles", "F64", 2000, 664, 20, 0),
    ("huge and special doubles", "F64", 2000, 664, 20, 40),
    ("largest doubles", "F64", 2000, 1022, 2, 0),
    ("tiny doubles", "F64", 2000, -664, 20, 0),
    ("subnormal doubles", "F64", 2000, -1060, 20, 0),
    ("floats and far less", "F64", 2000, -300, 600, 0),
    ("doubles beyond floats", "F64", 2000, 120, 16, 0),
]
FORMATS = {"fp32": np.float32, "fp16": np.float16, "bf16": ml_dtypes.bfloat16}


def make_tensor(seed, source, count, middle, spread, special):
    """float64 values that the source type holds, from integers alone."""
    integers, values = Integers(seed), []
    for _ in range(count):
        bits = integers.next()
        exponent = middle - spread // 2 + (bits & 0xFFFF) % spread
        fraction = bits >> 40 if source == "F32" else bits >> 16
        width = 24 if source == "F32" else 48
        value = math.ldexp(fraction - (1 << (width - 1)), exponent - width + 1)
        choice = integers.next() % special if special else 3
        values.append((math.nan, math.inf, -math.inf)[choice] if choice < 3 else value)
    values = np.array(values)
    return values.astype(np.float32).astype(np.float64) if source == "F32" else values


def exact_norm(values):
    """The Euclidean norm, from exact sums: a Fraction and an exponent, so that nothing is lost."""
    largest = max((abs(value) for value in values), default=0)
    if not largest:
        return fractions.Fraction(0), 0
    exponent = math.frexp(largest)[1]
    total = math.fsum(math.ldexp(value, -exponent) ** 2 for value in values)
    return fractions.Fraction(math.sqrt(total)), exponent


def relative_norm(errors, values):
    """||errors|| / ||values||."""
    (noise, noise_exponent), (signal, signal_exponent) = exact_norm(errors), exact_norm(values)
    return float(noise / signal * fractions.Fraction(2) ** (noise_exponent - signal_exponent))


def print_errors():
    """A line for each tensor and format."""
    print("name\tseed\tsource\tcount\tmiddle\tspread\tspecial\ttarget", end="\t")
    print("relative_error\tsqnr_db\tlargest_error\toverflows\tunderflows\tnot_finite")
    for seed, (name, source, count, middle, spread, special) in enumerate(TENSORS, 1):
        values = make_tensor(seed, source, count, middle, spread, special)
        finite = values[np.isfinite(values)]
        for target in ("fp32", "fp16", "bf16") if source == "F64" else ("fp16", "bf16"):
            digits = SHAPES[target]
            patterns = [round_exactly(float64_bits(value), digits) for value in finite]
            unsigned = np.uint32 if target == "fp32" else np.uint16
            cast = np.array(patterns, dtype=unsigned).view(FORMATS[target]).astype(np.float64)
            overflows = int(np.isinf(cast).sum())
            relative = math.inf if overflows else relative_norm(finite - cast, finite)
            sqnr = -20 * math.log10(relative) if relative else math.inf
            figures = [relative, sqnr, float(np.abs(finite - cast).max())]
            underflows = int(((finite != 0) & (cast == 0)).sum())
            counts = [overflows, underflows, len(values) - len(finite)]
            columns = [name, seed, source, count, middle, spread, special, target]
            print(*columns, *("%.17g" % figure for figure in figures), *counts, sep="\t")


if __name__ == "__main__":
    {"digests": print_digests, "float64": print_float64, "errors": print_errors}[sys.argv[1]]()
