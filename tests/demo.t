#!/bin/sh
# make demo: what was planted is what is fitted.
. tests/lib.sh

ok "the demo runs" sh -c "pipelines/demo > $tmp/demo"
# layer shape planted expected fitted fp32 fp16 bf16 alpha_err
awk '$2 ~ /^[0-9]+x[0-9]+$/ { n++; d = $5 - $4; if (d < 0) d = -d; if (d > 1e-7) bad++
	if ($3 < 2 || $4 < $3 || $9 >= 1e-8) bad++ }
	END { printf "%d layers, %d bad\n", n, bad }' "$tmp/demo" > "$tmp/verdict"
is "every layer's fit is the expected one" "14 layers, 0 bad" "$(cat "$tmp/verdict")"

tests/write-model "$tmp/model.safetensors" layers.0.a.weight:F32:64x48 layers.1.a.weight:F32:48x64
ok "the demo on a model" sh -c "pipelines/demo $tmp/model.safetensors > $tmp/demo"
is "a row for each layer" 2 "$(grep -c '^layers\.' "$tmp/demo")"
pipelines/demo "$tmp/missing" > "$tmp/demo" 2> "$tmp/err"
is "a model that is not there: the status of a bad pipeline" 65 $?
ok "and the reason" grep -q "st-layers: $tmp/missing: No such file or directory" "$tmp/err"
done_testing
