"""Files that torch.save() writes, with what is in them: the golden data of tests/torch.t.

    python3 tests/gen/torch-files.py FOLDER             what is committed as tests/golden/torch
    python3 tests/gen/torch-files.py FOLDER old         the files of torch 1.13, run with that
    python3 tests/gen/torch-files.py FOLDER random SEED many views of random storages

FOLDER/NAME.tsv has a line for each tensor of FOLDER/NAME.bin, or of the folder NAME: its name, type as
safetensors has it, shape, bytes, and the XXH3-64 of its values in row-major order, as torch itself gives
them.
"""

import json
import os
import random
import sys
from collections import OrderedDict

import torch
import xxhash

TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
         "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
         "complex64": "C64", "uint16": "U16", "uint32": "U32", "uint64": "U64",
         "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2"}
FLOATS = ["float64", "float32", "float16", "bfloat16"]


def dtype(name):
    return getattr(torch, name)


def values_of(tensor):
    """The bytes of a tensor, row-major."""
    flat = tensor.detach().clone(memory_format=torch.contiguous_format).reshape(-1)
    return bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b""


def bits(count, name, seed):
    """A tensor of one dimension with random bits, NaN and infinities among its values."""
    size = torch.tensor([], dtype=dtype(name)).element_size()
    if name == "bool":
        return torch.tensor([random.Random(seed).random() < 0.5 for _ in range(count)])
    data = bytearray(random.Random(seed).randbytes(max(count, 1) * size))
    return torch.frombuffer(data, dtype=dtype(name))[:count].clone()


def describe(path, tensors):
    with open(path, "w", encoding="utf-8") as table:
        for name, tensor in tensors.items():
            values = values_of(tensor)
            print(name, TYPES[str(tensor.dtype).removeprefix("torch.")],
                  "x".join(map(str, tensor.shape)), len(values),
                  xxhash.xxh3_64_hexdigest(values), sep="\t", file=table)


def save(folder, name, saved, tensors=None, **options):
    torch.save(saved, os.path.join(folder, name + ".bin"), **options)
    describe(os.path.join(folder, name + ".tsv"), saved if tensors is None else tensors)


def layouts():
    """One storage of each floating type, seen in each way that a view can be."""
    result = {}
    for at, name in enumerate(FLOATS):
        base = bits(120, name, at).reshape(10, 12)
        result.update({
            f"{name}.contiguous.weight": base,
            f"{name}.transposed.weight": base.t(),
            f"{name}.rows.weight": base[3:7],
            f"{name}.columns.weight": base[:, 2:9],
            f"{name}.both.weight": base[1:9:2, 1::3],
            f"{name}.transposed_slice.weight": base[2:8, 3:].t(),
            f"{name}.row": base[4],
            f"{name}.column": base[:, 5],
            f"{name}.scalar": base[3, 4],
            f"{name}.expanded.weight": base[2].expand(5, 12),
            f"{name}.expanded_column.weight": base[:, 1:2].expand(10, 4),
            f"{name}.expanded_scalar.weight": base[0, 0].expand(3, 2),
            f"{name}.empty.weight": base[4:4],
            f"{name}.permuted": base.reshape(2, 5, 3, 4).permute(2, 0, 3, 1),
            f"{name}.windows": base.reshape(-1).unfold(0, 7, 3),
            f"{name}.diagonal": torch.diagonal(base),
            f"{name}.ones": base[2:3, 5:6].reshape(1, 1, 1, 1),
            f"{name}.channels_last": base.reshape(2, 5, 3, 4).to(memory_format=torch.channels_last),
        })
    return result


def module():
    """A module whose output layer is tied to its embedding, its buffers and its _metadata with it."""
    torch.manual_seed(3)
    model = torch.nn.Sequential(OrderedDict([
        ("embed", torch.nn.Embedding(7, 6)), ("norm", torch.nn.BatchNorm1d(6)),
        ("fc1", torch.nn.Linear(6, 8)), ("head", torch.nn.Linear(6, 7, bias=False))]))
    model.head.weight = model.embed.weight
    return model


def sharded(folder):
    """What transformers saves in parts."""
    target = os.path.join(folder, "sharded")
    os.makedirs(target, exist_ok=True)
    tensors = {f"layers.{i}.fc.weight": bits(48, "bfloat16", i).reshape(8, 6).t()
               for i in (0, 1, 2, 10)}
    tensors["lm_head.weight"] = tensors["layers.1.fc.weight"]
    names = [f"pytorch_model-{i:05}-of-00002.bin" for i in (1, 2)]
    place = {name: names[name in ("layers.2.fc.weight", "layers.10.fc.weight")] for name in tensors}
    for file in names:
        torch.save({name: tensors[name] for name in tensors if place[name] == file},
                   os.path.join(target, file))
    with open(os.path.join(target, "pytorch_model.bin.index.json"), "w") as index:
        # What is there twice is counted once.
        json.dump({"metadata": {"total_size": 4 * 96}, "weight_map": place}, index)
    describe(os.path.join(folder, "sharded.tsv"), tensors)


def golden(folder):
    save(folder, "layouts", layouts())
    save(folder, "types", {f"t.{name}": bits(10, name, 7 + i).reshape(2, 5).t()
                           for i, name in enumerate(TYPES)})
    model = module()
    save(folder, "module", model.state_dict())
    parameters = OrderedDict(model.named_parameters())
    parameters["none"] = None
    save(folder, "parameters", parameters, {name: p for name, p in parameters.items() if p is not None})
    save(folder, "names", {name: bits(4, "float32", i).reshape(2, 2) for i, name in enumerate(
        ["gewicht.größe.weight", "重み.weight", "\U0001f600.weight", "a b\t'\"`$(id)\\.weight",
         "x" * 300 + ".weight", "", "\x1b[31m"])})
    weights = OrderedDict([("fc.weight", bits(12, "float16", 1).reshape(3, 4))])
    optimizer = torch.optim.Adam(model.parameters())
    training = {"epoch": 3, "loss": 0.25, "best": None, "done": True, "note": "text", "big": 1 << 80,
                "minus": -7, "sizes": [1, 2, (3, 4)], "shape": torch.Size([2, 3]),
                "type": torch.bfloat16, "device": torch.device("cpu"),
                "optimizer": optimizer.state_dict()}
    save(folder, "nested", {**training, "state_dict": weights}, weights)
    save(folder, "nested-model", {**training, "model": weights}, weights)
    save(folder, "beside", {**weights, **training}, weights)
    save(folder, "nothing", OrderedDict(), {})
    many = {f"layers.{i}.weight": bits(1, "float16", i).reshape(1, 1) for i in range(60)}
    save(folder, "many", many)
    sharded(folder)
    torch.save(weights, os.path.join(folder, "legacy.bin"), _use_new_zipfile_serialization=False)
    torch.save(weights, os.path.join(folder, "protocol-4.bin"), pickle_protocol=4)
    torch.save(model, os.path.join(folder, "whole-module.bin"))
    torch.save(weights["fc.weight"], os.path.join(folder, "tensor.bin"))
    torch.save([weights], os.path.join(folder, "list.bin"))
    torch.save({"c": torch.zeros(2, dtype=torch.complex64).conj()}, os.path.join(folder, "conjugate.bin"))
    torch.save({"c": torch.zeros(2, dtype=torch.complex128)}, os.path.join(folder, "complex128.bin"))
    torch.save({"s": torch.eye(2).to_sparse()}, os.path.join(folder, "sparse.bin"))
    torch.save({"m": torch.zeros(2, 2, device="meta")}, os.path.join(folder, "meta.bin"))


def any_view(base, chance):
    """A tensor of up to four dimensions anywhere in a storage."""
    shape = [chance.choice([0, 1, 1, 2, 3, 5, 8, 13]) if chance.random() < 0.9 else 1
             for _ in range(chance.randrange(5))]
    while True:
        strides = [chance.choice([0, 1, 1, 2, 3, 5, 8, 21, 40]) for _ in shape]
        if chance.random() < 0.5:  # nearly contiguous
            for i in reversed(range(len(shape) - 1)):
                strides[i] = strides[i + 1] * shape[i + 1] + (chance.random() < 0.3)
            order = list(range(len(shape)))
            chance.shuffle(order)
            shape, strides = [shape[i] for i in order], [strides[i] for i in order]
        reach = sum((n - 1) * s for n, s in zip(shape, strides)) + 1 if 0 not in shape else 1
        if reach <= base.numel():
            return torch.as_strided(base, shape, strides, chance.randrange(base.numel() - reach + 1))
        shape = [min(n, 4) for n in shape]


def any_views(folder, seed):
    chance = random.Random(seed)
    tensors = {}
    for i in range(40):
        name = chance.choice(list(TYPES))
        base = bits(chance.choice([1, 50, 1000, 20000]), name, chance.random())
        for j in range(10):
            tensors[f"t{i}.{j}"] = any_view(base, chance)
    # Long runs, and few elements of many.
    for i, name in enumerate(FLOATS):
        base = bits(1 << 17, name, i).reshape(1 << 5, 1 << 12)
        tensors[f"long.{i}"] = base[3:9, 5:4000]
        tensors[f"apart.{i}"] = base[:, 7:9]
        tensors[f"transposed.{i}"] = base.t()
    save(folder, "random", tensors)


def main():
    folder, *rest = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    if rest[:1] == ["random"]:
        any_views(folder, int(rest[1]))
    elif rest == ["old"]:
        save(folder, "old-module", module().state_dict())
        save(folder, "old-layouts", layouts())
    else:
        golden(folder)


if __name__ == "__main__":
    sys.exit(main())
