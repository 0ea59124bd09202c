# TAP from POSIX sh, sourced by tests/*.t. prove runs those from the root of the repository, with the
# programs first in PATH and their folder in BUILD. After the manner of mblaze's t/lib.sh.
#
#     ok NAME COMMAND...                        passes if the command succeeds
#     is NAME EXPECTED ACTUAL                   passes if the two texts are equal
#     fails STATUS MESSAGE NAME COMMAND...      passes if the command exits with that status, writes
#                                               exactly that line on stderr and nothing on stdout
#     skip NAME REASON                          counts a test that cannot run here
#     need NAME COMMAND...                      ends the script if the command fails, which then says why:
#                                               NAME is skipped, or has failed where CI is true
#     has PROGRAM                               such a command
#     done_testing                              the plan; a script that ends without it has failed
#
# $tmp is a folder of the script's own, removed at its end.
# shellcheck shell=sh

set -u
: "${BUILD:?names the folder of the programs; run the tests by make check}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
tests=0

# passed TRUTH NAME: prints one result; TRUTH is 0 for a pass, as an exit status is.
passed() {
	tests=$((tests + 1))
	[ "$1" = 0 ] || printf 'not '
	printf 'ok %d - %s\n' "$tests" "$2"
	return "$1"
}

# Shows what went wrong: comments for the files or the texts given.
explain() {
	printf '%s\n' "$@" | cut -c 1-400 | sed 's/^/# /'
}

ok() {
	name=$1
	shift
	"$@" >"$tmp/.ok" 2>&1
	passed $? "$name" || explain "failed: $*" "$(head -n 20 "$tmp/.ok")"
}

is() {
	[ "$2" = "$3" ]
	passed $? "$1" || explain "expected: $2" "found:    $3"
}

fails() {
	wanted=$1 message=$2 name=$3
	shift 3
	"$@" >"$tmp/.stdout" 2>"$tmp/.stderr"
	status=$?
	[ $status = "$wanted" ] && [ ! -s "$tmp/.stdout" ] &&
		printf '%s\n' "$message" | cmp -s - "$tmp/.stderr"
	passed $? "$name" || explain "of: $*" "expected: $wanted, $message" \
		"found:    $status, $(cat "$tmp/.stderr")" "stdout:   $(head -c 200 "$tmp/.stdout")"
}

skip() {
	tests=$((tests + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tests" "$1" "$2"
}

has() {
	command -v "$1" >/dev/null || { echo "there is no $1 here" && return 1; }
}

need() {
	name=$1
	shift
	reason=$("$@" 2>&1) && return
	if [ "${CI:-}" = true ]; then
		is "$name: what it needs is there, as it must be where CI is true" '' "$reason"
	else
		skip "$name" "$reason"
	fi
	done_testing
	exit
}

done_testing() {
	printf '1..%d\n' "$tests"
}
