#!/bin/sh
# make install puts programs and pages where they belong, and uninstall takes all of them away.
. tests/lib.sh

build() { make -s --no-print-directory "$@" DESTDIR="$tmp/root" PREFIX=/opt/hillpipe CC="${CC:-cc}"; }
ok "install" build install
for page in man/*.1; do
	program=$(basename "$page" .1)
	ok "$program runs from where it was installed" "$tmp/root/opt/hillpipe/bin/$program" --version
	ok "its page is there" test -s "$tmp/root/opt/hillpipe/share/man/man1/$program.1"
done
is "no program without a page" "$(ls cmd/*.c | wc -l)" "$(ls man/*.1 | wc -l)"
ok "the page of the stream" test -s "$tmp/root/opt/hillpipe/share/man/man5/tensor-stream.5"
ok "the overview" test -s "$tmp/root/opt/hillpipe/share/man/man7/hillpipe.7"
ok "uninstall" build uninstall
is "nothing is left" "" "$(find "$tmp/root" ! -type d)"
done_testing
