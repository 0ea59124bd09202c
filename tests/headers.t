#!/bin/sh
# Mutants of headers: st-layers takes no file that the safetensors library refuses or reads differently.
. tests/lib.sh

need "headers are read as the safetensors library does" tests/fetch-venv
tests/data/venv/bin/python -B tests/compare-headers "$tmp" 1500 >"$tmp/differing" 2>&1
passed $? "headers are read as the safetensors library does" || explain "$(cat "$tmp/differing")"

done_testing
