#!/bin/sh
# The manual: its pages are well formed, they give the options that --help gives, their examples print
# what they say, and the readers in tensor-stream(5) take good streams and refuse bad ones.
. tests/lib.sh

root=$PWD
ok "the pages are well formed" tests/man-lint man/*.[157]

# --- options ---------------------------------------------------------------------------------------

for page in man/*.1; do
	program=$(basename "$page" .1)
	"$program" --help | sed '/^Example/,$d' | grep -oE '(^|[ ,])--?[a-z][a-z0-9-]*' |
		tr -d ' ,' | sort -u >"$tmp/help"
	# Fl o , -output Ar path: what follows Fl, up to another macro, are options.
	awk '/^\.It Fl/ { for (i = 2; i <= NF; i++)
		if ($i ~ /^[A-Z][a-z]$/) is_option = ($i == "Fl")
		else if (is_option && $i != ",") print "-" $i }' "$page" |
		sort -u >"$tmp/page"
	is "the options of $program are those of its page" "$(cat "$tmp/help")" "$(cat "$tmp/page")"
done

# --- examples --------------------------------------------------------------------------------------

# The real checkpoint, as a folder and in a cache; where it cannot be had, one that has other weights.
mkdir "$tmp/minilm"
how=
if tests/fetch-minilm >/dev/null 2>&1; then
	ln -s "$root/tests/data/minilm/model.safetensors" "$tmp/minilm"
else
	ok "a model to take the place of the real one" \
		python3 -B tests/gen/minilm-stand-in.py "$tmp/minilm"
	how=loosely
fi
commit=c9745ed1d9f207416be6d2e6f8de32d1f16199bf
cached=$tmp/cache/models--sentence-transformers--all-MiniLM-L6-v2
mkdir -p "$cached/refs" "$cached/snapshots"
printf %s $commit >"$cached/refs/main"
ln -s "$tmp/minilm" "$cached/snapshots/$commit"
export HF_HUB_CACHE="$tmp/cache"

cjson=$(printf '#include <cjson/cJSON.h>\n' | ${CC:-cc} -E - 2>&1 >/dev/null | head -n 1)

# example PATH NUMBER
example() {
	(cd "$tmp/$(basename "$1")" && "$root/tests/man-examples" run "$root/$1" "$2" $how)
}

for path in README.md man/*.[157]; do
	page=$(basename "$path")
	mkdir "$tmp/$page"
	ln -s "$tmp/minilm" "$tmp/$page/minilm"
	ln -s "$root/pipelines" "$tmp/$page/pipelines"
	(cd "$tmp/$page" && "$root/tests/man-examples" files "$root/$path")
	tests/man-examples tags "$path" >"$tmp/tags"
	while read -r number tags <&3; do
		case " $tags " in
		*" gnuplot "*)
			[ "${CI:-}" = true ] || command -v gnuplot >/dev/null ||
				{ skip "$page: example $number" "there is no gnuplot here" && continue; }
			;;
		*" cjson "*) [ -n "$cjson" ] && skip "$page: example $number" "$cjson" && continue ;;
		esac
		ok "$page: example $number${how:+, }$how" example "$path" "$number"
	done 3<"$tmp/tags"
done

# --- the readers -----------------------------------------------------------------------------------

# They are given the streams of tests/stream.t. In Python frames() alone takes streams of tensors too, and
# the hash is that of tests/gen/frames.py. rows and cols, which the readers do not use, they do not check.
streams=$tmp/streams
python3 -B tests/gen/bad-streams.py "$streams" || exit 1
awk -F '\t' '$2 ~ /info/ && $1 !~ /^(size|spectrum)-/ { print $1 }' "$streams/refused.tsv" >"$tmp/bad"
cut -f 1 "$streams/taken.tsv" >"$tmp/good"
awk -F '\t' '$2 ~ /hill/ { print $1 }' "$streams/taken.tsv" >"$tmp/spectra"

reader=$tmp/tensor-stream.5/reader
mkdir "$tmp/modules"
sed '/^for meta/,$d' "$reader.py" >"$tmp/modules/reader.py"
ln -s "$root/tests/gen/frames.py" "$tmp/modules"
cat >"$tmp/modules/xxhash.py" <<'END'
from frames import xxh3


def xxh3_64_hexdigest(data):
    return "%016x" % xxh3(data)
END
cat >"$tmp/taken.py" <<'END'
"""Prints the names of the streams that the reader takes to their end."""
import sys
from reader import frames

for line in sys.stdin:
    try:
        with open(line.rstrip("\n"), "rb") as stream:
            list(frames(stream))
    except (Exception, SystemExit):
        continue
    print(line, end="")
END
in_python() {
	(cd "$streams" && PYTHONPATH=$tmp/modules python3 -B "$@")
}

is "the reader in Python refuses all bad streams" "" "$(in_python "$tmp/taken.py" <"$tmp/bad")"
is "and takes all good ones" "$(cat "$tmp/good")" "$(in_python "$tmp/taken.py" <"$tmp/good")"

if [ -x "$reader" ]; then
	while read -r stream <&3; do
		"$reader" <"$streams/$stream" >/dev/null 2>&1
		is "the reader in C refuses $stream" 65 $?
	done 3<"$tmp/bad"
fi

while read -r stream <&3; do
	hill-alpha "$streams/$stream" | awk -F '\t' '
		NR > 1 { printf "%s %s %d %.9g\n", $1, $7, $10, $14 }' >"$tmp/expected"
	is "the reader in Python reads $stream right" "$(cat "$tmp/expected")" \
		"$(in_python "$reader.py" <"$streams/$stream")"
	[ -x "$reader" ] || continue
	is "the reader in C reads $stream right" "$(cat "$tmp/expected")" \
		"$("$reader" <"$streams/$stream")"
done 3<"$tmp/spectra"

done_testing
