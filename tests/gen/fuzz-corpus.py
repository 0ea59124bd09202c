"""Writes the corpus that fuzzing starts from: small files, each with something of its own.

    python3 tests/gen/fuzz-corpus.py tests/fuzz/corpus

The corpus is committed, so that a build replays it without running this. Inputs that have failed once
are added by hand, under names that begin with "found-", and stay.
"""

import glob
import importlib
import json
import os
import struct
import sys
import zipfile

models = importlib.import_module("bad-models")
streams = importlib.import_module("bad-streams")
torch = importlib.import_module("bad-torch")

LARGEST = 2500


def headers():
    """The headers of single files, without their lengths."""
    for name, content, *_ in models.REFUSED + models.TAKEN:
        if not isinstance(content, bytes) or len(content) < 10 or name.startswith("cut-"):
            continue
        length = struct.unpack("<Q", content[:8])[0]
        if length <= len(content) - 8:
            yield name.removesuffix(".safetensors"), content[8:8 + length]


def indexes():
    """The indexes of folders."""
    for name, content, *_ in models.REFUSED + models.TAKEN:
        index = getattr(content, "files", {}).get(models.INDEX)
        if isinstance(index, bytes):
            yield name, index


def whole_streams():
    """Streams, the good ones first."""
    for name, _, content, *_ in streams.TAKEN + streams.REFUSED:
        yield name, content


def pickles():
    """What torch itself wrote, then what is made by hand, in an order that mixes the kinds."""
    for path in sorted(glob.glob("tests/golden/torch/*.bin")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith("/data.pkl"):
                        yield os.path.basename(path), archive.read(name)
    for i, pickle in enumerate(torch.PICKLES[::5]):
        yield f"pickle-{i:03}", pickle


def archives():
    """Archives, the good ones first."""
    for name, content, *_ in torch.TAKEN + torch.REFUSED:
        if isinstance(content, bytes) and name.startswith(("good", "zip-")):
            yield name.removeprefix("zip-").removesuffix(".bin"), content


def quantised():
    """Quantised checkpoints, whole; small tensors first, as those tell most of how to read the others."""
    for path in sorted(glob.glob("tests/golden/quantised/*/model.safetensors")):
        with open(path, "rb") as file:
            content = file.read()
        start = 8 + struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8:start])
        header.pop("__metadata__", None)
        tensors = sorted(header.items(), key=lambda item: item[1]["data_offsets"][1] -
                         item[1]["data_offsets"][0])
        lines = [f"{name} {about['dtype']} {'x'.join(map(str, about['shape']))}"
                 for name, about in tensors]
        payload = b"".join(content[start:][slice(*about["data_offsets"])] for _, about in tensors)
        with open(path.replace("model.safetensors", "config.json"), encoding="utf-8") as file:
            config = json.dumps(json.load(file))
        yield path.split("/")[-2], "\0".join(["\n".join(lines), config, "", ""]).encode() + payload


def unquantised():
    """Models of many kinds, without their values."""
    for path in sorted(glob.glob("tests/golden/models/*/tensors.tsv")):
        with open(path, encoding="utf-8") as file:
            lines = file.read().replace("\t", " ").rstrip("\n")
        with open(path.replace("tensors.tsv", "config.json"), encoding="utf-8") as file:
            config = json.dumps(json.load(file))
        yield "model-" + path.split("/")[-2], f"{lines}\0{config}".encode()


def by_hand():
    """What neither has: the configuration of early GPTQ, and shapes without elements."""
    gptq = "a.qweight I32 2x8\na.scales F16 2x8\na.qzeros I32 2x1\na.g_idx I32 16"
    yield "early-gptq", f'{gptq}\0{{"model_type":"llama"}}\0{{"bits":4,"group_size":8}}\0'.encode()
    for shape in ("0x8", "8x0", "0x8x8", "9007199254740992x0", "9007199254740992x0x4"):
        yield f"empty-{shape}", f"model.layers.0.mlp.experts.gate_up_proj BF16 {shape}".encode()


def casts():
    """Casts to each format of which there are golden casts: BF16 weights as they are, and odd ones."""
    names = set()
    for path in glob.glob("tests/golden/casts/*.tsv"):
        if not path.endswith("-minilm.tsv"):
            with open(path, encoding="utf-8") as file:
                names.update(line.split("\t")[0] for line in file.readlines()[1:])
    for i, name in enumerate(sorted(names)):
        weights = [0x3C00 + (j * 7919 + 31 * i) % 0x200 | (j % 3 == 0) << 15 for j in range(768)]
        # Zeros, a row of them, subnormal numbers, extremes, infinity, NaN.
        for j, odd in enumerate((0, 0x8000, 1, 0x007F, 0x7F7F, 0xFF7F, 0x7F80, 0x7FC0)):
            weights[(131 * i + 37 * j) % 512] = odd if j < 4 + i % 5 else weights[0]
        weights[512:768] = [0] * 256
        rows = (1, 3, 6)[i % 3]
        yield name.replace(":", "-"), name.encode() + b"\n" + bytes([2, rows - 1]) + struct.pack("<768H", *weights)
    yield "text", b"int4:g32:g64\n\0\0"


def some(inputs):
    """A few of each class, which is the first word of the name."""
    seen = {}
    for name, content in inputs:
        kind = name.split("-")[0]
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= 5:
            yield name, content


def write(folder, inputs, largest=LARGEST):
    os.makedirs(folder, exist_ok=True)
    for path in glob.glob(os.path.join(folder, "*")):
        if not os.path.basename(path).startswith("found-"):
            os.remove(path)
    seen = set()
    for name, content in inputs:
        if content in seen or len(content) > largest:
            continue
        seen.add(content)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


def main():
    target = sys.argv[1]
    write(os.path.join(target, "header"), some(headers()))
    write(os.path.join(target, "index"), indexes())
    write(os.path.join(target, "stream"), some(whole_streams()))
    write(os.path.join(target, "pickle"), pickles())
    write(os.path.join(target, "quantised"), [*quantised(), *unquantised(), *by_hand()], 20000)
    write(os.path.join(target, "zip"), some(archives()))
    write(os.path.join(target, "format"), casts())


if __name__ == "__main__":
    sys.exit(main())
