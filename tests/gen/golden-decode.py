#!/usr/bin/env python3
"""Makes the golden data of tests/unit/decode.c, with numpy and ml_dtypes.

    VENV/bin/python tests/gen/golden-decode.py > tests/golden/decode.tsv

A line for each code of each floating-point type of at most 8 bits: its value as a float64 pattern, or
nan.
"""
import ml_dtypes
import numpy as np

# The name in safetensors, bits, and what ml_dtypes calls it.
TYPES = [
    ("F8_E4M3", 8, ml_dtypes.float8_e4m3fn),
    ("F8_E5M2", 8, ml_dtypes.float8_e5m2),
    ("F8_E4M3FNUZ", 8, ml_dtypes.float8_e4m3fnuz),
    ("F8_E5M2FNUZ", 8, ml_dtypes.float8_e5m2fnuz),
    ("F8_E8M0", 8, ml_dtypes.float8_e8m0fnu),
    ("F6_E2M3", 6, ml_dtypes.float6_e2m3fn),
    ("F6_E3M2", 6, ml_dtypes.float6_e3m2fn),
    ("F4", 4, ml_dtypes.float4_e2m1fn),
]

print("dtype\tcode\tvalue")
for name, bits, dtype in TYPES:
    values = np.arange(1 << bits, dtype=np.uint8).view(dtype).astype(np.float64)
    for code, value in enumerate(values):
        pattern = "nan" if np.isnan(value) else "%016x" % value.view(np.uint64)
        print(name, "%02x" % code, pattern, sep="\t")
