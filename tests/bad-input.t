#!/bin/sh
# Models that are wrong in one way each: st-layers says in one line what is wrong, prints nothing, and
# exits with the status that the manual gives; and models that are odd and right. The fixtures and what
# is expected of them are tests/gen/bad-models.py.
. tests/lib.sh

models=$tmp/models
tab=$(printf '\t')
python3 -B tests/gen/bad-models.py "$models" || exit 1
cd "$models" || exit 1
export HF_HUB_CACHE=no-cache

# A reader of a FIFO may hang.
layers() {
	timeout 20 st-layers "$@" </dev/null
}

while IFS=$tab read -r name status message <&3; do
	name=$(printf '%b.' "$name") && name=${name%.}
	fails "$status" "$message" "$message" layers --list "$name"
done 3<refused.tsv

# Without --list the same checks come before the first byte of output.
while IFS=$tab read -r name status message <&3; do
	name=$(printf '%b.' "$name") && name=${name%.}
	layers "$name" >"$tmp/out" 2>"$tmp/err"
	found="$?, $(cat "$tmp/out" "$tmp/err")"
	[ "$found" = "$status, $message" ] || explain "$status, $message" "$found"
done 3<refused.tsv >"$tmp/differing"
is "without --list the same is refused" "" "$(cat "$tmp/differing")"

while IFS=$tab read -r name warning tensors <&3; do
	[ "$warning" != - ] || warning=
	layers --list "$name" >"$tmp/out" 2>"$tmp/err"
	status=$?
	found=$(sed 1d "$tmp/out" | cut -f 1 | paste -s -)
	is "taken: $name" "0, $warning, $tensors" "$status, $(cat "$tmp/err"), $found"
	layers --all "$name" >"$tmp/out" 2>"$tmp/err"
	case $? in
	0) ok "and its stream is good" st-info -q "$tmp/out" ;;
	*) is "and it holds no layer" "st-layers: $name: no layer is chosen; --list shows why" \
		"$(cat "$tmp/err")" ;;
	esac
done 3<taken.tsv

done_testing
