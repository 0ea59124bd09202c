"""Writes GGUF files with the gguf package, for tests/gguf.t.

    python3 tests/gen/gguf-types.py types FILE    a tensor of random blocks of each type that is decoded
    python3 tests/gen/gguf-types.py others FILE   one of each type that is not, and one of F32
    python3 tests/gen/gguf-types.py names FILE    small tensors with the names that models have
    python3 tests/gen/gguf-types.py split FILE    three tensors in three files, named after FILE

Any bytes are valid blocks, but that the scales, which are F16, are made finite here.
"""

import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type, GGUFWriter

ROWS, BLOCKS = 37, 3

# Where a block of each type has its scales.
SCALES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
    Type.IQ4_NL: [0], Type.IQ4_XS: [0], Type.MXFP4: [], Type.Q8_K: [],
}
PLAIN = {Type.F64: "f8", Type.F32: "f4", Type.F16: "f2"}
OTHERS = [Type.IQ2_XXS, Type.IQ2_XS, Type.IQ3_XXS, Type.IQ1_S, Type.IQ3_S, Type.IQ2_S, Type.IQ1_M,
          Type.TQ1_0, Type.TQ2_0, Type.NVFP4, Type.Q1_0]

NAMES = [
    "token_embd", "output", "position_embd", "token_types", "per_layer_token_embd",
    *[f"blk.0.{role}" for role in (
        "attn_q", "attn_k", "attn_v", "attn_output", "attn_qkv", "attn_kv_b", "ffn_up", "ffn_gate",
        "ffn_down", "ffn_gate_inp", "ffn_gate_inp_shexp", "ffn_up_shexp", "ffn_gate_shexp",
        "ffn_down_shexp", "ffn_gate.3", "ssm_conv1d", "ssm_in", "attn_rel_b")],
    *[f"blk.0.ffn_{role}_exps" for role in ("up", "gate", "down")],
    "enc.blk.1.attn_o", "dec.blk.1.cross_attn_q", "v.blk.2.attn_out", "v.patch_embd",
]


def random_blocks(random, kind):
    """ROWS rows of BLOCKS blocks. A large one has more than passes through st-layers at once."""
    size = GGML_QUANT_SIZES[kind][1]
    rows = 6000 if kind == Type.Q3_K else ROWS
    data = random.integers(0, 256, (rows, BLOCKS, size), dtype=np.uint8)
    for at in SCALES.get(kind, []):
        half = data[:, :, at + 1]
        half[half & 0x7C == 0x7C] ^= 0x40
    if kind == Type.Q8_K:
        data[:, :, :4] = random.normal(size=(rows, BLOCKS, 1)).astype("<f4").view(np.uint8)
    return data.reshape(rows, BLOCKS * size)


def add(writer, name, kind, data):
    writer.add_tensor(name, data, raw_dtype=kind)


def write_types(writer, random):
    for kind in SCALES:
        add(writer, f"{kind.name}.weight", kind, random_blocks(random, kind))
    for kind, dtype in PLAIN.items():
        writer.add_tensor(f"{kind.name}.weight", random.normal(size=(ROWS, 5)).astype(dtype))
    add(writer, "BF16.weight", Type.BF16, random_blocks(random, Type.BF16))
    add(writer, "cube.weight", Type.Q4_K, random_blocks(random, Type.Q4_K)[:36].reshape(4, 9, -1))


def write_others(writer, random):
    for kind in OTHERS:
        add(writer, f"{kind.name}.weight", kind, random_blocks(random, kind))
    for bits in (8, 16, 32, 64):
        writer.add_tensor(f"ids{bits}", np.arange(12, dtype=f"i{bits // 8}").reshape(3, 4))
    writer.add_tensor("kept.weight", np.ones((2, 3), np.float32))


def write_names(writer, _):
    for name in NAMES:
        shape = (4, 3, 2, 2) if name == "v.patch_embd" else (2, 4, 3) if "exps" in name else (4, 3)
        writer.add_tensor(name + ".weight", np.ones(shape, np.float32))
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(4, np.float32))


def write_split(writer, random):
    for i in range(3):
        add(writer, f"blk.{i}.ffn_up.weight", Type.Q8_0, random_blocks(random, Type.Q8_0))


def main():
    what, path = sys.argv[1:]
    writer = GGUFWriter(path, "llama", split_max_tensors=1 if what == "split" else 0)
    writer.add_array("tokenizer.ggml.tokens", ["a", "", "\u00e9"])
    writer.add_custom_alignment(64 if what == "types" else 32)
    globals()[f"write_{what}"](writer, np.random.default_rng(1))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
