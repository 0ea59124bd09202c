#!/bin/sh
# make bundle packs all that the programs need beside the C library, to run wherever it is unpacked.
. tests/lib.sh

bundle() { make -s --no-print-directory bundle CC="${CC:-cc}" >"$tmp/log" 2>&1 && tail -n 1 "$tmp/log"; }
archive=$(bundle)
is 'make bundle' 0 $? || explain "$(cat "$tmp/log")"
ok 'unpacked' tar -C "$tmp" -xf "$archive"
folder=$(basename "$archive" .tar.gz)
bin=$tmp/$folder/bin

# Without what the user has set, and with no other programs than the system's.
plain() { env -i PATH="$bin:/usr/bin:/bin" "$@"; }
elsewhere() {
	plain ldd "$bin"/* | awk -v own="$tmp/$folder/" '
		$2 == "=>" && index($3, own) != 1 && $3 !~ /\/lib(c|m|dl|rt|pthread)\.so/ { print; bad = 1 }
		END { exit bad }'
}
ok 'every library but the C library is its own' elsewhere
for page in man/*.1; do
	program=$(basename "$page" .1)
	ok "$program runs" plain "$program" --version
done
job() {
	plain st-synth -q --shape 64x48 -o "$tmp/model.safetensors" &&
		plain sh -c 'st-layers "$1" | prec-cast fp32,bf16 | spectrum | hill-alpha' - "$tmp/model.safetensors" |
		awk -F '\t' 'NR > 1 && $8 > 1 { good++ } END { exit good != 2 }'
}
ok 'and the main job' job
ok 'its licence is in it' cmp LICENSE "$tmp/$folder/LICENSE"
done_testing
