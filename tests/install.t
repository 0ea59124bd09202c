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
for page in man/*.7; do
	ok "$page is there" test -s "$tmp/root/opt/hillpipe/share/man/man7/${page#man/}"
done

# The pipelines, which find the programs that they were installed with.
pipelines=$tmp/root/opt/hillpipe/share/hillpipe/pipelines
for path in pipelines/*; do
	ok "$path is there" cmp "$path" "$pipelines/${path#pipelines/}"
done
ok "a file for make is no program" test ! -x "$pipelines/batch.mk"
"$tmp/root/opt/hillpipe/bin/st-synth" --shape 32x32 -o "$tmp/model.safetensors"
without_ours=$(printf %s "$PATH" | tr : '\n' | grep -Fvx "$PWD/$BUILD" | paste -s -d :)
analyse() { (cd "$tmp" && env PATH="$without_ours" "$@" 2>&1); }
is "no other programs are found" "" "$(PATH=$without_ours command -v hill-alpha)"
ok "precision-analysis runs from where it was installed" analyse \
	"$pipelines/precision-analysis" --model model.safetensors --output-dir one --no-plots -q
ok "batch.mk does" analyse \
	make -f "$pipelines/batch.mk" MODELS=model.safetensors OPTIONS='--no-plots -q'
ok "and does the same" cmp "$tmp/one/alpha.tsv" "$tmp/results/model.safetensors/alpha.tsv"

ok "uninstall" build uninstall
is "nothing is left" "" "$(find "$tmp/root" ! -type d)"
ok "nor a folder of ours" test ! -e "${pipelines%/*}"
done_testing
