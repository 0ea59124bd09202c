"""Writes tables for tests/alpha-plot.t into a folder, as hill-alpha prints them: what is rare, extreme or
hostile. The same at every run.

    plot-tables.py FOLDER

names.json holds what the hostile tables have for names: "layers", "categories" and "precisions".
"""
import json
import os
import random
import sys

HEAD = ("layer_name category out_features in_features numel source_dtype precision alpha k_used n_eigs "
        "method alpha_err lambda_ref lambda_max cast_rel_err note cast_bits cast_sqnr_db alpha_null").split()
ODD = ["fp32", "tf32", "bf16", "fp16", "mxfp8_e4m3", "mxfp6", "int5%s", "nvfp4 {a_b}"]
CATEGORIES = ["attn_q", "attn_k", "attn_v", "attn_o", "mlp_gate", "mlp_up", "mlp_down", "router_or_gate",
              "expert_linear", "other_linear", "embedding", "lm_head"]
# Each would do something if any of it were taken for a command, markup, a format, or a block's end.
LAYERS = [
    "`touch PWNED`", "$(touch PWNED)", "a\"; system('touch PWNED') #", "'; system('touch PWNED') #",
    "it''s '' two ''apostrophes''", "'", "''", "\"", "ends in a backslash\\", "\\", "\\\\", "\\n\\t\\101",
    "%d %s %% %", "{/Symbol a}^2_3@4&{5}~6{7}", "a\nb\n\n", "\ttab\t", "esc \x1b[31mred\x1b[0m",
    "bell \x07 del \x7f c1 \x85 \x9b", "EOD", "x\nEOD\nsystem('touch PWNED')\n", "# comment", "!touch PWNED",
    "@macro", "$p0", "été.ŝ.名前.😀", "e\u0301 \u202eright to left\u202c \u200b\ufeff\ufffe\uffff", "<b>&amp;</b>",
    "]]>", "x" * 1000, "é" * 500, "", " ", "-", "NaN", "a,b;c|d", "line\rreturn",
]


def escape(text):
    """As in a TSV of hill-alpha."""
    found = ""
    for char in text:
        if char in "\\\n\t":
            found += {"\\": "\\\\", "\n": "\\n", "\t": "\\t"}[char]
        elif ord(char) < 0x20 or 0x7f <= ord(char) < 0xa0:
            found += "".join(f"\\x{byte:02x}" for byte in char.encode())
        else:
            found += char
    return found


def row(name, category, precision, alpha, error, count=64):
    fields = [name, category, count, count, count * count, "F32", precision, alpha, max(10, count // 10),
              count, "gram-dsyevd", error, 0.5, 9, 0.01, "",
              max(16 - len(precision), 1), 40, 6.470934]
    return [escape(str(field)) for field in fields]


def rows(layers, precisions, shift=1e-4, growth=6):
    """Fits of layers (name, category): the same at first, and ever farther from it."""
    for name, category in layers:
        alpha = random.lognormvariate(1.2, 0.3) + 1
        for i, precision in enumerate(precisions):
            delta = 0 if i == 0 else random.gauss(0, shift * growth ** i)
            yield row(name, category, precision, repr(alpha + delta), "1e-10")


def write(name, found):
    with open(os.path.join(sys.argv[1], name + ".tsv"), "w", encoding="utf-8", newline="\n") as file:
        for line in [HEAD, *found]:
            file.write("\t".join(line) + "\n")


def blocks(count, per_block):
    """Layers named as in a model."""
    return [(f"model.layers.{i // per_block}.{CATEGORIES[i % per_block]}_proj", CATEGORIES[i % per_block])
            for i in range(count)]


def with_holes():
    """Every way in which a fit may be missing or be no estimate; and differences that are zero."""
    fits = {
        "whole": ["3", "3.5", "2.5"], "nan.all": ["nan"] * 3, "nan.reference": ["nan", "3.5", "2.5"],
        "nan.others": ["3", "nan", "nan"], "missing.reference": [None, "3", "4"],
        "missing.others": ["3", None, None], "inf.error": ["1e13", "1e13", "1e13"],
        "inf.one": ["3", "1e13", "3"], "zero.deltas": ["3", "3", "3"], "huge": ["1e6", "1.5e6", "3"],
        "below.error": ["3", "3.05", "2.95"], "tiny": ["3", "3.0000000000000004", "2.9999999999999996"],
    }
    for name, alphas in fits.items():
        for precision, alpha in zip(("fp32", "fp16", "bf16"), alphas):
            if alpha is not None:
                error = "nan" if alpha == "nan" else "inf" if alpha == "1e13" else \
                    "0.1" if name == "below.error" else "1e-17" if name == "tiny" else "1e-12"
                yield row(name, "category_" + name.split(".")[0], precision, alpha, error)


def hostile():
    """Categories as hostile as names; "a b" and "a_b" would have the same file's name."""
    categories = ["`touch PWNED`", "a b", "a_b", "a/b", "../../up", "", "it''s \\", "%d {x}_y", "e\nEOD\n", "é" * 99]
    layers = [(name, categories[i % len(categories)]) for i, name in enumerate(LAYERS)]
    precisions = ["`touch PWNED`", "%s\\", "''\n{x}_y^2", "p" * 60]
    return layers, categories, precisions


def main():
    random.seed(1)
    small = [(f"layers.{i}.mlp.up_proj", "mlp_up") for i in range(9)]
    write("one-precision", rows(small, ["fp32"]))
    write("one-layer", rows(small[:1], ["fp32", "fp16", "bf16"]))
    write("one-fit", rows(small[:1], ["fp32"]))
    write("holes", with_holes())
    write("no-estimate", [row("a", "mlp_up", p, "nan", "nan") for p in ("fp32", "bf16")])
    write("no-change", [row(f"layers.{i}", "mlp_up", p, str(3 + i / 8), "0")
                        for i in range(12) for p in ("fp32", "bf16")])
    write("eight", rows(blocks(24, 12), ODD, 1e-6))
    write("twenty", rows(small, [f"q{i}" for i in range(20)], 1e-10, 3))
    write("large", rows(blocks(300, 12), ["fp32", "fp16", "bf16", "mxfp4"]))
    layers, categories, precisions = hostile()
    write("hostile", rows(layers, precisions))
    with open(os.path.join(sys.argv[1], "names.json"), "w", encoding="utf-8") as file:
        json.dump({"layers": LAYERS, "categories": categories, "precisions": precisions}, file)


main()
