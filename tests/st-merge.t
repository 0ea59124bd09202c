#!/bin/sh
# st-merge: parts of a model, joined, are the stream of the whole, byte for byte; and what is not all parts
# of one model, made in one way, has no good end.
. tests/lib.sh

st-synth --no-progress -o "$tmp/model.safetensors" || exit 1
st-synth --no-progress --seed 2 -o "$tmp/other.safetensors" || exit 1
# Layers of the same bytes: in one stream spectrum computes them once, in parts more often.
tests/write-model "$tmp/same.safetensors" a.weight:F32:40x30 b.weight:F32:40x30 c.weight:F32:40x30
gen=$PWD/tests/gen
cd "$tmp" || exit 1

# make_parts MODEL N PIPELINE: makes whole.st, and part1.st to partN.st. In PIPELINE `layers` stands for
# st-layers.
make_parts() {
	model=$1 parts=$2
	rm -f part*.st
	layers() { st-layers "$model"; }
	eval "$3" >whole.st
	layers() { st-layers --shard "$part/$parts" "$model"; }
	for part in $(seq "$parts"); do eval "$3" >"part$part.st"; done
}

# is_whole NAME COMMAND...: the output of the command is the stream of the whole.
is_whole() {
	name=$1
	shift
	"$@" >out 2>err
	found="$?, $(cat err)"
	is "$name" "0, " "$found$(cmp out whole.st 2>&1)"
}

# refused STATUS MESSAGE NAME ARGUMENT...: st-merge says so, and what it has written is no good stream.
refused() {
	status=$1 message=$2 name=$3
	shift 3
	timeout 20 st-merge "$@" >out 2>err
	found="$?, $(cat err)"
	! st-info -q out 2>/dev/null || found="$found, and leaves what looks whole"
	is "$name" "$status, st-merge: $message" "$found"
}

# --- parts and the whole ---------------------------------------------------------------------------

spectra='layers | prec-cast fp32,bf16 | spectrum --threads 1'
for n in 1 2 3 8 50; do
	make_parts model.safetensors $n "$spectra"
	is_whole "spectra of $n parts" st-merge part*.st
	make_parts model.safetensors $n layers
	is_whole "layers in $n parts" st-merge part*.st
	make_parts model.safetensors $n 'layers | prec-cast fp32,fp16,bf16'
	is_whole "casts in $n parts" st-merge part*.st
done
is "more parts than layers: some are without frames" 36 \
	"$(for part in part*.st; do st-info "$part" | sed 1d | grep -c .; done | grep -cx 0)"
make_parts same.safetensors 2 "$spectra"
is_whole "layers of the same bytes, in two parts" st-merge part2.st part1.st
make_parts same.safetensors 2 'layers | prec-cast fp32,bf16 | prec-cast fp16,bf16'
is_whole "casts of casts" st-merge part1.st part2.st
is_whole "the whole is one part" st-merge whole.st
is_whole "the whole, and parts without layers" sh -c '
	for part in 4 5; do
		st-layers --shard $part/5 same.safetensors | prec-cast fp32,bf16 |
			prec-cast fp16,bf16 >none$part.st; done
	st-merge none4.st whole.st none5.st'

make_parts model.safetensors 3 "$spectra"
is_whole "a part from standard input" sh -c 'st-merge part3.st - part1.st <part2.st'
mkfifo pipe1 pipe2
cat part1.st >pipe1 &
cat part2.st >pipe2 &
is_whole "parts from pipes" st-merge pipe2 part3.st pipe1
wait

# --- missing parts ---------------------------------------------------------------------------------

missing() { echo "$1 of 28 frames are missing, the first is number $2; is a part missing?"; }
first=$(st-info -m part1.st | awk '$2 == "index" { print $3 }' | awk '$1 != NR - 1 { print NR - 1; exit }')
rest=$((28 - $(st-info part1.st | sed 1d | wc -l)))
refused 65 "$(missing $rest "$first")" "two parts are missing" part1.st
frames=$(st-info part1.st | sed 1d | wc -l)
refused 65 "$(missing "$frames" 0)" "the first part is missing" part2.st part3.st
is "and nothing was written" 0 "$(wc -c <out)"
st-layers --shard 3/50 model.safetensors >early.st
refused 65 "13 of 14 frames are missing, the first is number 0; is a part missing?" \
	"one layer of many" early.st
make_parts same.safetensors 3 layers
refused 65 "1 of 3 frames are missing, the first is number 2; is a part missing?" \
	"the last part is missing" part1.st part2.st
refused 65 "1 of 3 frames are missing, the first is number 1; is a part missing?" \
	"a part between is missing" part3.st part1.st
ok "--partial takes what is there" sh -c 'st-merge --partial part3.st part1.st >some.st'
is "and it is a good stream" "a c " "$(st-info some.st | sed 1d | cut -f 3 | tr '\n' ' ')"
is_whole "and a part to merge with the rest" st-merge part2.st some.st
ok "--partial, and none is missing" sh -c 'st-merge --partial part?.st | cmp - whole.st'
st-layers --shard 5/5 same.safetensors >none.st
refused 65 "no part holds a frame; parts are missing" "only a part without layers" none.st none.st
ok "--partial takes that too" sh -c 'st-merge --partial none.st | cmp - none.st'

# --- parts that do not fit -------------------------------------------------------------------------

# no_table COMMAND...: hill-alpha after a merge that fails fails as well, and prints no table.
no_table() {
	"$@" 2>/dev/null | hill-alpha >table 2>err
	is "no table: $*" "65, " "$?, $(cat table)"
	is "and a reason: $*" 1 "$(wc -l <err)"
}

make_parts model.safetensors 2 "$spectra"
layer="layer 'model.layers.0.mlp.down_proj', fp32"
refused 65 "part1.st: $layer: the frame of index 0 is in part1.st too" "a part twice" \
	part1.st part2.st part1.st
refused 65 "whole.st: $layer: the frame of index 0 is in part1.st too" "a part and the whole" \
	part1.st whole.st
no_table st-merge part1.st part2.st part1.st
no_table st-merge part1.st

cp part2.st good2.st
st-layers --shard 2/2 other.safetensors | prec-cast fp32,bf16 | spectrum --threads 1 >part2.st
refused 65 "part2.st: made in another way: prog.0 is 'st-layers 0.1.0 other.safetensors', and 'st-layers 0.1.0 model.safetensors' in part1.st" \
	"a part of another model" part1.st part2.st
is "and nothing was written" 0 "$(wc -c <out)"
no_table st-merge part1.st part2.st
st-layers --shard 2/2 model.safetensors | prec-cast fp32,fp16 | spectrum --threads 1 >part2.st
refused 65 "part2.st: made in another way: prog.1 is 'prec-cast 0.1.0 fp32,fp16', and 'prec-cast 0.1.0 fp32,bf16' in part1.st" \
	"a part in other precisions" part1.st part2.st
st-layers --shard 2/2 model.safetensors | prec-cast fp32,bf16 >part2.st
refused 65 "part2.st: made in another way: prog.2 is '', and 'spectrum 0.1.0' in part1.st" \
	"a part of tensors" part1.st part2.st
st-layers --shard 50/50 other.safetensors | prec-cast fp32,bf16 | spectrum >none.st
refused 65 "none.st: made in another way: prog.0 is 'st-layers 0.1.0 other.safetensors', and 'st-layers 0.1.0 model.safetensors' in part1.st" \
	"a part without layers of another model" part1.st good2.st none.st

# At the border of two frames, inside a header, inside a payload.
frame=$(od -An -tu8 -N 8 good2.st)
frame=$((8 + frame + $(st-info good2.st | awk 'NR == 2 { print $9 }')))
cut='the stream ends without an end frame; the program before failed?'
head -c $frame good2.st >part2.st
refused 65 "part2.st: after frame 1: $cut" "a part cut at the border of a frame" part1.st part2.st
no_table st-merge part1.st part2.st
head -c $((frame - 1)) good2.st >part2.st
st-merge part1.st part2.st >out 2>err
is "a part cut inside a payload" 65 $?
ok "and why" grep -q "^st-merge: part2.st: tensor 'eigenvalues': cut off after [0-9]* of [0-9]* bytes\$" err
head -c $((frame + 100)) good2.st >part2.st
st-merge part1.st part2.st >out 2>err
is "a part cut inside a header" 65 $?
ok "and why" grep -q "^st-merge: part2.st: after frame 1: cut off inside a header (92 of [0-9]* bytes)\$" err
size=$(wc -c <good2.st)
head -c $((size - 1)) good2.st >part2.st
st-merge --partial part1.st part2.st >out 2>err
is "a part cut inside its end, even with --partial" 65 $?
no_table st-merge --partial part1.st part2.st
{
	head -c $((frame - 1)) good2.st
	tail -c +$frame good2.st | head -c 1 | tr '\000-\377' '\001-\377\000'
	tail -c +$((frame + 1)) good2.st
} >part2.st
refused 65 "part2.st: tensor 'eigenvalues': the payload does not have the hash of its header" \
	"a flipped byte" part1.st part2.st
no_table st-merge part1.st part2.st
hill-alpha whole.st >part2.st
refused 65 "part2.st: text, and a tensor stream is expected" "a table" part1.st part2.st
: >part2.st
refused 65 "part2.st: empty, and a tensor stream is expected; the program before failed?" \
	"an empty file" part1.st part2.st
refused 65 "model.safetensors: a safetensors file, not a tensor stream; st-layers reads those" \
	"a model" model.safetensors part1.st
refused 66 "part9.st: No such file or directory" "a part that is not there" part1.st part9.st
refused 66 ".: is a directory, and a stream is expected" "a folder" part1.st .

# Streams that no program of ours writes. Their frames are (layer, index, count).
PYTHONPATH=$gen python3 -B - <<'END_OF_PYTHON' || exit 1
from frames import end_frame, floats, tensor_frame


def write(name, *places, prog="made 1", **end):
    frames = [tensor_frame(layer, "F32", [2, 1], floats(1, 2), precision="fp32",
                           **{key: value for key, value in (("index", index), ("count", count))
                              if value is not None}, **{"prog.0": prog})
              for layer, index, count in places]
    with open(name, "wb") as file:
        for frame in frames + [end_frame(len(frames), **{"prog.0": prog, **end})]:
            file.write(frame.bytes())


write("a", ("a", "0", "3"), ("c", "2", "3"))
write("b", ("b", "1", "3"), note="kept")
write("count", ("b", "1", "4"))
write("beyond", ("b", "3", "3"))
write("no-index", ("b", None, "3"))
write("no-count", ("b", "1", None))
write("negative", ("b", "-1", "3"))
write("down", ("b", "1", "3"), ("a", "0", "3"))
write("twice", ("b", "1", "3"), ("b", "1", "3"))
write("odd-name", ("b\n\x1b[31m", "5", "3"))
write("end-differs", ("b", "1", "3"), **{"prog.0": "made 2"})
write("huge", ("z", "18446744073709551614", "18446744073709551615"))
write("beyond-64-bits", ("z", "18446744073709551616", "18446744073709551617"))
END_OF_PYTHON

is "three frames from two parts" "a b c " "$(st-merge b a | st-info | sed 1d | cut -f 3 | tr '\n' ' ')"
is "other keys of the end are those of the first part" "note	kept" \
	"$(st-merge b a | st-info -m | awk -F '\t' '$1 == "end" && $2 == "note"' | cut -f 2-)"
refused 65 "count: layer 'b', fp32: the count is 4, and 3 in a" "another count" a count
refused 65 "beyond: layer 'b', fp32: the index is 3, and the count 3" "an index beyond the count" a beyond
for part in no-index no-count negative; do
	refused 65 "$part: layer 'b', fp32: no index and count, and st-layers sets them" "$part" a $part
done
refused 65 "down: layer 'a', fp32: the index goes down from 1 to 0" "an index that goes down" down
refused 65 "twice: layer 'b', fp32: a second frame of index 1" "a frame twice in a part" a twice
refused 65 "odd-name: layer 'b\\n\\x1b[31m', fp32: the index is 5, and the count 3" "an odd name" odd-name
refused 65 "end-differs: made in another way: prog.0 is 'made 2', and 'made 1' in a" \
	"an end that says something else" a end-differs
refused 65 "18446744073709551614 of 18446744073709551615 frames are missing, the first is number 0; is a part missing?" \
	"a count that is huge" huge
ok "--partial takes that" sh -c 'st-merge --partial huge | cmp - huge'
refused 65 "beyond-64-bits: layer 'z', fp32: no index and count, and st-layers sets them" \
	"an index beyond 64 bits" beyond-64-bits

# --- the command line, and the system --------------------------------------------------------------

fails 64 "st-merge: the parts to merge are needed (try 'st-merge --help')" "no parts" st-merge
fails 64 "st-merge: standard input is given twice (try 'st-merge --help')" "standard input twice" \
	st-merge - a -
fails 64 "st-merge: there is no option '-o' (try 'st-merge --help')" "no option -o" st-merge -o x a
if [ "$(id -u)" != 0 ]; then
	chmod 0 beyond
	fails 74 "st-merge: beyond: Permission denied" "a part that may not be read" st-merge a beyond
fi
fails 74 "st-merge: b: Too many open files" "more parts than a process may open" \
	sh -c 'ulimit -n 4 && exec st-merge a b'
st-merge a b >/dev/full 2>err
is "a full disk" "74, st-merge: standard output: No space left on device" "$?, $(cat err)"

# Payloads of 20 MiB in five parts: one is in memory at a time. A sanitizer needs memory of its own.
case $BUILD in
*address*) ;;
*)
	python3 -B - <<'END_OF_PYTHON'
import json, struct
names = "abcde"
size = 5 << 20
header = json.dumps({n + ".weight": {"dtype": "F32", "shape": [5120, 1024],
                                     "data_offsets": [4 * size * i, 4 * size * (i + 1)]}
                     for i, n in enumerate(names)}).encode()
with open("large.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header)
    file.truncate(8 + len(header) + 4 * size * len(names))
END_OF_PYTHON
	make_parts large.safetensors 5 layers
	ok "memory for one payload" sh -c 'ulimit -v 60000 && st-merge part?.st | cmp - whole.st'
	;;
esac

done_testing
