"""Inputs of golden casts, made again bit for bit by tests/unit/golden_casts.c, and the golden files.

An input is a name, and a matrix of float32 made from integers alone. A golden file holds, for each
format, input and shape, the XXH3-64 of all casts as float32, little-endian, each NaN as 0x7fc00000.

A generator is a script gen/golden-FAMILY-casts.py with functions from a float32 array of two dimensions
to the casts that the reference makes of it; write() does the rest:

    write("int", {"int4:g32": cast_int4}, ["bf16", "wide", "ties"], [(64, 1024), (7, 100)])
    write_layers("int", {"int4:g32": cast_int4}, "tests/data/minilm/model.safetensors")

write() makes tests/golden/casts/FAMILY.tsv, for tests/unit/golden_casts.c; write_layers() makes
tests/golden/casts/FAMILY-minilm.tsv, for tests/formats.t: hashes of the payloads, layer by layer.
"""
import os

import numpy as np
import xxhash

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "casts")


def random_words(seed, count):
    """The i-th output of SplitMix64, for i from 0 on (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        z = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return z ^ z >> np.uint64(31)


def floats(bits):
    return bits.astype(np.uint32).view(np.float32)


def make_bf16(count):
    """All bf16 patterns in order, again and again: all scalars, and blocks of close magnitudes."""
    return floats((np.arange(count, dtype=np.uint64) & np.uint64(0xFFFF)) << np.uint64(16))


def make_normal(count):
    """Nearly normal, with a standard deviation of about 0.02, as weights are."""
    words = random_words(1, count)
    total = np.zeros(count, dtype=np.int64)
    for shift in (0, 16, 32, 48):
        total += (words >> np.uint64(shift) & np.uint64(0xFFFF)).astype(np.int64)
    return (total - 131070).astype(np.float32) * np.float32(2.0**-21)


def make_wide(count):
    """Blocks of 16 of any magnitude, within a block up to 2^15 apart; a zero now and then."""
    words = random_words(2, count)
    block = random_words(3, (count + 15) // 16).repeat(16)[:count]
    exponent = block % np.uint64(239) + np.uint64(15) - (words >> np.uint64(32) & np.uint64(15))
    bits = (words & np.uint64(0x807FFFFF)) | exponent << np.uint64(23)
    return floats(np.where(words >> np.uint64(58) == 0, words & np.uint64(0x80000000), bits))


def make_ties(count):
    """Few significant bits, so that many are halfway between two values, at several scales."""
    words = random_words(4, count)
    block = random_words(5, (count + 31) // 32).repeat(32)[:count]
    value = (words & np.uint64(0xFF)).astype(np.int64) - 128
    shift = (block & np.uint64(3)).astype(np.int64) * 3 - 8
    return np.ldexp(value.astype(np.float32), shift).astype(np.float32)


def make_special(count):
    """As normal, but one in 64 is a NaN, infinity, zero, subnormal or extreme number."""
    words = random_words(6, count)
    special = np.array([0x7FC00000, 0x7F800000, 0xFF800000, 0, 0x80000000, 1, 0x80000001, 0x007FFFFF,
                        0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F000000, 0x00400000, 0x33800000,
                        0x43E00000, 0x477FE000], dtype=np.uint32)
    bits = make_normal(count).view(np.uint32)
    chosen = special[(words & np.uint64(15)).astype(np.int64)]
    return floats(np.where(words >> np.uint64(58) == 0, chosen, bits))


def finite_or_zero(values):
    return np.where(np.isfinite(values), values, np.float32(0))


def make_finite(count):
    """As special, without NaNs and infinities."""
    return finite_or_zero(make_special(count))


def make_finite_bf16(count):
    """As bf16, without NaNs and infinities."""
    return finite_or_zero(make_bf16(count))


def make_constant(count):
    """Blocks of 16 equal values, from zeros and subnormals to the largest."""
    values = np.array([0, 0x80000000, 0x3F800000, 0xBF800000, 0x3E99999A, 0xBD4CCCCD, 0x24E69595, 0xA8342A55,
                       0x01235F2A, 0x000002CA, 0x80000001, 0x33800000, 0x49742400, 0x7149F2CA, 0xFF7FFFFF,
                       0x477FE000], dtype=np.uint32)
    block = random_words(7, (count + 15) // 16).repeat(16)[:count]
    return floats(values[(block & np.uint64(15)).astype(np.int64)])


INPUTS = {"bf16": make_bf16, "normal": make_normal, "wide": make_wide, "ties": make_ties,
          "special": make_special, "finite": make_finite,
          "finite_bf16": make_finite_bf16, "constant": make_constant}
# Those for references that take any float.
USUAL = ["bf16", "normal", "wide", "ties", "special", "finite"]


def digest(casts):
    casts = np.ascontiguousarray(casts, dtype=np.float32)
    bits = np.where(np.isnan(casts), np.uint32(0x7FC00000), casts.view(np.uint32))
    return xxhash.xxh3_64_hexdigest(bits.astype("<u4").tobytes())


def write(family, references, inputs, shapes):
    """Writes tests/golden/casts/FAMILY.tsv."""
    os.makedirs(GOLDEN, exist_ok=True)
    with open(os.path.join(GOLDEN, family + ".tsv"), "w") as file:
        print("format", "input", "rows", "columns", "xxh3", sep="\t", file=file)
        for name, reference in references.items():
            for source in inputs:
                for rows, columns in shapes:
                    matrix = INPUTS[source](rows * columns).reshape(rows, columns)
                    with np.errstate(all="ignore"):
                        casts = reference(matrix.copy())
                    print(name, source, rows, columns, digest(casts), sep="\t", file=file)


def write_layers(family, references, model, dtype="F32"):
    """Writes tests/golden/casts/FAMILY-minilm.tsv. dtype is the type that carries the formats' values."""
    import safetensors.numpy

    tensors = safetensors.numpy.load_file(model)
    with open(os.path.join(GOLDEN, family + "-minilm.tsv"), "w") as file:
        print("layer", "format", "xxh3", sep="\t", file=file)
        for name in sorted(tensors):
            if tensors[name].ndim != 2 or not name.endswith(".weight") or "embeddings" in name:
                continue
            for wanted, reference in references.items():
                casts = np.ascontiguousarray(reference(tensors[name].astype(np.float32)), np.float32)
                stored = casts.view(np.uint32) >> 16 if dtype == "BF16" else casts
                stored = stored.astype(np.uint16) if dtype == "BF16" else stored
                print(name[:-len(".weight")], wanted, xxhash.xxh3_64_hexdigest(stored.tobytes()),
                      sep="\t", file=file)
