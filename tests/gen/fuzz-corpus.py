"""Writes the corpus that fuzzing starts from: small files, each with something of its own.

    python3 tests/gen/fuzz-corpus.py tests/fuzz/corpus

The corpus is committed, so that a build replays it without running this. Inputs that have failed once
are added by hand, under names that begin with "found-", and stay.
"""

import glob
import importlib
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


def some(inputs):
    """A few of each class, which is the first word of the name."""
    seen = {}
    for name, content in inputs:
        kind = name.split("-")[0]
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= 5:
            yield name, content


def write(folder, inputs):
    os.makedirs(folder, exist_ok=True)
    for path in glob.glob(os.path.join(folder, "*")):
        if not os.path.basename(path).startswith("found-"):
            os.remove(path)
    seen = set()
    for name, content in inputs:
        if content in seen or len(content) > LARGEST:
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
    write(os.path.join(target, "zip"), some(archives()))


if __name__ == "__main__":
    sys.exit(main())
