#!/bin/sh
# The unit tests in C, of which each is a TAP program of its own.
. tests/lib.sh

for source in tests/unit/*.c; do
	name=$(basename "$source" .c)
	"$BUILD/tests/unit/$name" >"$tmp/out" 2>&1
	passed $? "$name: $(grep -c '^ok' "$tmp/out") passed" || explain "$(grep -v '^ok' "$tmp/out")"
done

done_testing
