#!/bin/sh
# Mutants of headers: st-layers takes no file that the safetensors library refuses or reads differently.
. tests/lib.sh

if ! reason=$(tests/fetch-venv 2>&1); then
	if [ "${CI:-}" = true ]; then
		is "the safetensors library" "there" "$reason"
	else
		skip "headers are read as the safetensors library does" "$reason"
	fi
	done_testing
	exit
fi
tests/data/venv/bin/python -B tests/compare-headers "$tmp" 1500 >"$tmp/differing" 2>&1
passed $? "headers are read as the safetensors library does" || explain "$(cat "$tmp/differing")"

done_testing
