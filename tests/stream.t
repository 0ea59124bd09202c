#!/bin/sh
# Tensor streams that are wrong: each program that reads them says so in one line and exits with 65, and
# no program after it in a pipeline takes what it has written for good. The streams and the messages are
# tests/gen/bad-streams.py. Then outputs that cannot be written, and faults of the system.
. tests/lib.sh

root=$PWD
tab=$(printf '\t')
python3 -B tests/gen/bad-streams.py "$tmp/streams" || exit 1
tests/write-model "$tmp/model.safetensors" a.weight:F32:40x30 b.weight:BF16:30x30
cd "$tmp/streams" || exit 1

program_of() {
	case $1 in
	cast) echo prec-cast ;;
	spectrum) echo spectrum ;;
	info) echo st-info ;;
	hill) echo hill-alpha ;;
	esac
}

# read_stream PROGRAM [FILE]
read_stream() {
	case $1 in
	cast) shift && timeout 20 prec-cast bf16,fp16 "$@" ;;
	spectrum) shift && timeout 20 spectrum --threads 1 "$@" ;;
	info) shift && timeout 20 st-info "$@" ;;
	hill) shift && timeout 20 hill-alpha "$@" ;;
	esac
}

# A stream that is not whole, or a table of whole rows.
is_no_stream() {
	! st-info -q <"$1" 2>/dev/null
}
has_whole_rows() {
	[ -z "$(tail -c 1 "$1")" ]
}

# --- what is refused -------------------------------------------------------------------------------

while IFS=$tab read -r name programs message <&3; do
	for program in $programs; do
		read_stream "$program" "$name" >"$tmp/out" 2>"$tmp/err" </dev/null
		found="$?, $(cat "$tmp/err")"
		expected="65, $(program_of "$program"): $name: $message"
		is "$program refuses $name" "$expected" "$found"
		case $program in
		cast | spectrum) is_no_stream "$tmp/out" ;;
		*) has_whole_rows "$tmp/out" ;;
		esac || passed 1 "$program leaves what looks whole of $name"
	done
done 3<refused.tsv

for name in nothing table safetensors zeros; do
	message=$(grep "^$name$tab" refused.tsv | cut -f 3)
	for program in cast spectrum info hill; do
		read_stream "$program" <"$name" >"$tmp/out" 2>"$tmp/err"
		is "$program refuses $name from standard input" \
			"65, $(program_of "$program"): standard input: $message" "$?, $(cat "$tmp/err")"
	done
done

while IFS=$tab read -r name programs <&3; do
	for program in $programs; do
		read_stream "$program" "$name" >"$tmp/out" 2>"$tmp/err" </dev/null
		status=$?
		# A layer without a fit is a row and status 1; a stream that goes on must be good.
		case $program:$status in
		cast:0 | spectrum:0 | spectrum:1) st-info -q "$tmp/out" ;;
		info:0 | hill:0 | hill:1) has_whole_rows "$tmp/out" ;;
		*) false ;;
		esac
		passed $? "$program takes $name" || explain "$status" "$(cat "$tmp/err")"
	done
done 3<taken.tsv

# --- pipelines -------------------------------------------------------------------------------------

# statuses COMMAND: the statuses of COMMAND and of each of the programs after it.
statuses() {
	{
		"$@" 2>/dev/null
		echo $? >"$tmp/1"
	} | {
		prec-cast fp16 2>/dev/null
		echo $? >"$tmp/2"
	} | {
		spectrum --threads 1 2>/dev/null
		echo $? >"$tmp/3"
	} | {
		hill-alpha >/dev/null 2>&1
		echo $? >"$tmp/4"
	}
	cat "$tmp/1" "$tmp/2" "$tmp/3" "$tmp/4" | tr '\n' ' '
}

is "a good stream passes all" "0 0 0 0 " "$(statuses prec-cast fp64 two-tensors)"
cut -f 1 refused.tsv | grep -E '^(tensors-cut|end-|flipped-[0-9]|two-streams|frame-)' >"$tmp/names"
while read -r name <&3; do
	is "nothing after it succeeds on $name" "65 65 65 65 " "$(statuses prec-cast fp64 "$name")"
done 3<"$tmp/names"
is "nor when a model is missing" "66 65 65 65 " "$(statuses st-layers ./missing.safetensors)"
is "nor when a program is not there" "127 65 65 65 " "$(statuses ./missing)"
is "nor when a program is killed" "137 65 65 65 " \
	"$(statuses sh -c 'head -c 500 two-tensors; kill -KILL $$')"

# --- what is passed on -----------------------------------------------------------------------------

prec-cast bf16 odd-metadata | spectrum --threads 1 | st-info -m | cut -f 2,3 >"$tmp/metadata"
while IFS= read -r line <&3; do
	grep -qxF -e "$line" "$tmp/metadata"
	passed $? "a key that no program knows is passed on: $line" || explain "$(cat "$tmp/metadata")"
done 3<<'END'
	
x\n\t\x1b	y\n\\
é	😀
layer	a
work	nan
END

# --- output that cannot be written -----------------------------------------------------------------

model=$tmp/model.safetensors
st-layers "$model" >"$tmp/tensors"
spectrum --threads 1 "$tmp/tensors" >"$tmp/spectra"
hill-alpha "$tmp/spectra" >"$tmp/table"
st-layers --shard 1/2 "$model" >"$tmp/part1"
st-layers --shard 2/2 "$model" >"$tmp/part2"

while read -r program arguments <&3; do
	for option in --help --version; do
		"$program" "$option" >/dev/full 2>"$tmp/err"
		is "$program $option on a full disk" \
			"74, $program: standard output: No space left on device" "$?, $(cat "$tmp/err")"
	done
	# shellcheck disable=SC2086 # several arguments
	"$program" $arguments >/dev/full 2>"$tmp/err"
	is "$program $arguments on a full disk" \
		"74, $program: standard output: No space left on device" "$?, $(cat "$tmp/err")"
	# A pipe whose reader has gone: the program must die as others do, without a word.
	rm -f "$tmp/pipe" && mkfifo "$tmp/pipe"
	: <"$tmp/pipe" &
	exec 9>"$tmp/pipe"
	wait
	# shellcheck disable=SC2086 # several arguments
	"$program" $arguments >&9 2>"$tmp/err"
	is "$program $arguments without a reader" "141, " "$?, $(cat "$tmp/err")"
	exec 9>&-
done 3<<END
st-layers $model
st-layers --list $model
prec-cast bf16 $tmp/tensors
prec-cast --list
spectrum --threads 1 $tmp/tensors
hill-alpha $tmp/spectra
alpha-stats $tmp/table
alpha-stats --wide --json $tmp/table
alpha-plot box $tmp/table
alpha-plot --all $tmp/plots $tmp/table
alpha-plot spectrum $tmp/spectra
st-merge $tmp/tensors
st-info $tmp/tensors
st-info -m $tmp/tensors
END

# --- faults of the system --------------------------------------------------------------------------

cd "$tmp" || exit 1
# The leak checker of a sanitizer cannot run under strace.
ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export ASAN_OPTIONS

# inject FAULT FILE COMMAND...: runs it with the fault in calls that concern FILE. Leaves its $status;
# fails if no fault fired.
inject() {
	fault=$1 file=$2
	shift 2
	rm -f "$tmp/trace"
	strace -f -o "$tmp/trace" -P "$file" -e "inject=$fault" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	grep -q INJECTED "$tmp/trace"
}

# each_fails CALL FAULT FILE MESSAGE COMMAND...: makes the first call fail, then the second, and so on
# until a run has fewer calls, which must be a good run.
each_fails() {
	call=$1 how=$2 path=$3 message=$4
	shift 4
	"$@" >"$tmp/expected" 2>/dev/null
	count=0
	while inject "$call:$how:when=$((count + 1))" "$path" "$@" && [ $count -lt 60 ]; do
		count=$((count + 1))
		# A message may say where in the stream.
		is "$1: $how in call $count of $call" "74, $message" \
			"$status, $(sed "s/ after frame [0-9]*://; s/ tensor '[^']*'://" "$tmp/err")"
	done
	[ $count -gt 0 ] && [ $status = 0 ] && cmp -s "$tmp/expected" "$tmp/out"
	passed $? "$1: calls of $call that can fail: $count" || explain "$status"
}

# interrupted CALL FILE COMMAND...: every other call is interrupted, and nothing changes.
interrupted() {
	call=$1 path=$2
	shift 2
	"$@" >"$tmp/expected" 2>/dev/null
	inject "$call:error=EINTR:when=1+2" "$path" "$@" && [ $status = 0 ] &&
		cmp -s "$tmp/expected" "$tmp/out"
	passed $? "$1: interrupted calls of $call change nothing" || explain "$status" "$(cat "$tmp/err")"
}

if ! strace -o /dev/null true 2>"$tmp/err"; then
	skip "faults of the system" "strace does not work here: $(head -n 1 "$tmp/err")"
else
	eio="Input/output error"
	each_fails pread64 error=EIO "$model" "st-layers: model.safetensors: $eio" \
		st-layers model.safetensors
	each_fails read error=EIO "$tmp/tensors" "prec-cast: tensors: $eio" prec-cast fp16 tensors
	each_fails read error=EIO "$tmp/tensors" "spectrum: tensors: $eio" spectrum --threads 1 tensors
	each_fails read error=EIO "$tmp/tensors" "st-info: tensors: $eio" st-info tensors
	each_fails read error=EIO "$tmp/spectra" "hill-alpha: spectra: $eio" hill-alpha spectra
	each_fails read error=EIO "$tmp/table" "alpha-stats: table: $eio" alpha-stats table
	each_fails read error=EIO "$tmp/table" "alpha-plot: table: $eio" alpha-plot box table
	each_fails read error=EIO "$tmp/spectra" "alpha-plot: spectra: $eio" alpha-plot spectrum spectra
	each_fails read error=EIO "$tmp/part2" "st-merge: part2: $eio" st-merge part1 part2
	full="standard output: No space left on device"
	each_fails write error=ENOSPC "$tmp/out" "st-layers: $full" st-layers model.safetensors
	each_fails write error=ENOSPC "$tmp/out" "prec-cast: $full" prec-cast fp16 tensors
	each_fails write error=ENOSPC "$tmp/out" "spectrum: $full" spectrum --threads 1 tensors
	each_fails write error=ENOSPC "$tmp/out" "st-info: $full" st-info tensors
	each_fails write error=ENOSPC "$tmp/out" "hill-alpha: $full" hill-alpha spectra
	each_fails write error=ENOSPC "$tmp/out" "alpha-stats: $full" alpha-stats table
	each_fails write error=ENOSPC "$tmp/out" "alpha-plot: $full" alpha-plot box table
	each_fails write error=ENOSPC "$tmp/out" "st-merge: $full" st-merge part1 part2
	late="standard output: Input/output error"
	each_fails close error=EIO "$tmp/out" "st-layers: $late" st-layers model.safetensors
	each_fails close error=EIO "$tmp/out" "prec-cast: $late" prec-cast fp16 tensors
	each_fails close error=EIO "$tmp/out" "spectrum: $late" spectrum --threads 1 tensors
	each_fails close error=EIO "$tmp/out" "st-info: $late" st-info tensors
	each_fails close error=EIO "$tmp/out" "hill-alpha: $late" hill-alpha spectra
	each_fails close error=EIO "$tmp/out" "alpha-stats: $late" alpha-stats table
	each_fails close error=EIO "$tmp/out" "alpha-plot: $late" alpha-plot box table
	each_fails close error=EIO "$tmp/out" "st-merge: $late" st-merge part1 part2
	each_fails pread64 retval=0 "$model" \
		"st-layers: model.safetensors: the file has become shorter while it is read" \
		st-layers model.safetensors
	interrupted pread64 "$model" st-layers model.safetensors
	interrupted read "$tmp/tensors" prec-cast fp16 tensors
	interrupted write "$tmp/out" prec-cast fp16 tensors
	interrupted read "$tmp/spectra" hill-alpha spectra
	interrupted read "$tmp/table" alpha-stats table
	interrupted read "$tmp/table" alpha-plot box table
	interrupted read "$tmp/part1" st-merge part1 part2
fi

cd "$root" || exit 1
done_testing
