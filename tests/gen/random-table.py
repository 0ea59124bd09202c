"""Prints a table as hill-alpha prints it, of random fits: rows that are not there, values that are nan, and
values whose error has no bound. The same at every run."""
import random

COLUMNS = ("layer_name category out_features in_features numel source_dtype precision alpha k_used n_eigs "
           "method alpha_err lambda_ref lambda_max cast_rel_err note")
CATEGORIES = "mlp_up", "attn_q", "other_linear", "lm_head", "router_or_gate"
PRECISIONS = "fp32", "bf16", "mxfp4", "fp16"

random.seed(1)


def fit(layer, category, precision):
    """alpha and alpha_err; None for no row."""
    if layer == "rare" and precision != "mxfp4" or layer != "rare" and random.random() < 0.1:
        return None
    if layer == "hopeless" or (category, precision) == ("lm_head", "bf16"):
        return "nan", "nan"
    if random.random() < 0.1:
        return random.choice([("nan", "nan"), ("nan", "inf"), ("1e13", "inf"), ("2.5", "inf")])
    if layer == "constant":
        return "3.3", "0"
    return repr(random.lognormvariate(1, 0.5) + 1), repr(10 ** random.uniform(-12, 0.5))


names = ["rare", "hopeless", "constant"] + [f"layers.{i}" for i in range(97)]
layers = [(name, random.choice(CATEGORIES), random.randint(1, 9999), random.randint(1, 9999))
          for name in names]
rows = []
for name, category, outputs, inputs in layers:
    for precision in PRECISIONS:
        found = fit(name, category, precision)
        if found:
            count = min(outputs, inputs)
            rows.append((name, category, outputs, inputs, outputs * inputs, "F32", precision, found[0],
                         max(10, count // 10), count, random.choice(["gram-dsyevd", "svd-dgesdd"]),
                         found[1], 1, 2, 0, ""))
random.shuffle(rows)
print(*COLUMNS.split(), sep="\t")
for row in rows:
    print(*row, sep="\t")
