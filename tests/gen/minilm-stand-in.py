"""Writes a model with the tensors of all-MiniLM-L6-v2, their names, types and shapes, and other weights:
minilm-stand-in.py FOLDER. The matrices are Gaussian, made by st-synth; all else is zero."""

import json
import os
import struct
import subprocess
import sys

WIDTH, INNER, BLOCKS = 384, 1536, 6


def linear():
    """Names and shapes of the linear layers."""
    for i in range(BLOCKS):
        block = f"encoder.layer.{i}."
        yield block + "attention.output.dense", (WIDTH, WIDTH)
        for part in ("key", "query", "value"):
            yield block + "attention.self." + part, (WIDTH, WIDTH)
        yield block + "intermediate.dense", (INNER, WIDTH)
        yield block + "output.dense", (WIDTH, INNER)
    yield "pooler.dense", (WIDTH, WIDTH)


def others():
    """Names, types and shapes of all other tensors."""
    embeddings = "embeddings."
    for name, rows in (("position", 512), ("token_type", 2), ("word", 30522)):
        yield f"{embeddings}{name}_embeddings.weight", "F32", (rows, WIDTH)
    yield embeddings + "position_ids", "I64", (1, 512)
    norms = [embeddings] + [f"encoder.layer.{i}.{part}" for i in range(BLOCKS)
                            for part in ("attention.output.", "output.")]
    for place in norms:
        for name in ("weight", "bias"):
            yield f"{place}LayerNorm.{name}", "F32", (WIDTH,)
    for name, shape in linear():
        yield name + ".bias", "F32", shape[:1]


def main():
    path = os.path.join(sys.argv[1], "model.safetensors")
    shapes = [f"--shape={rows}x{columns}" for _, (rows, columns) in linear()]
    model = subprocess.run(["st-synth", "--random", *shapes], check=True, stdout=subprocess.PIPE).stdout
    length = struct.unpack("<Q", model[:8])[0]
    made = json.loads(model[8:8 + length])
    header = {f"{name}.weight": made[f"layers.{i}.weight"] for i, (name, _) in enumerate(linear())}
    end = len(model) - 8 - length
    for name, dtype, shape in others():
        size = {"F32": 4, "I64": 8}[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + model[8 + length:])
        file.truncate(8 + len(text) + end)


main()
