#!/bin/sh
# spectrum --gpu: what is said where something is missing, and on a GPU the same alpha as on the CPU.
. tests/lib.sh

st-synth -q --shape 384x384 --shape 512x300 -o "$tmp/model.safetensors"
st-layers "$tmp/model.safetensors" >"$tmp/tensors.st"
spectrum "$tmp/tensors.st" >"$tmp/cpu.st"

# Without spectrum-cuda: a copy of spectrum with none beside it, and none in PATH.
mkdir "$tmp/alone"
cp "$(command -v spectrum)" "$tmp/alone"
alone() { PATH=/usr/bin:/bin "$tmp/alone/spectrum" "$@"; }
missing="there is no spectrum-cuda beside this program or in PATH; where the CUDA toolkit is, 'make cuda' builds it"
fails 69 "spectrum: --gpu: $missing" 'without spectrum-cuda' alone --gpu "$tmp/tensors.st"
alone --gpu=auto "$tmp/tensors.st" >"$tmp/auto.st" 2>"$tmp/messages"
is '--gpu=auto goes on without' 0 $?
is 'and says so once' "spectrum: --gpu=auto: $missing; computing on the CPU" "$(cat "$tmp/messages")"
ok "and gives the CPU's bytes" cmp "$tmp/cpu.st" "$tmp/auto.st"
for list in x '' 0, ,1 1-2 0x1; do
	fails 64 "spectrum: --gpu takes auto, all, or numbers such as 0 or 0,1, and not '$list' (try 'spectrum --help')" \
		"--gpu='$list' is refused" spectrum "--gpu=$list" "$tmp/tensors.st"
done

# has_gpu: whether spectrum-cuda is built and finds a device; says why not.
has_gpu() {
	has spectrum-cuda && spectrum --gpu "$tmp/tensors.st" 2>&1 >"$tmp/gpu.st"
}
if ! reason=$(has_gpu); then
	if [ "${GPU:-}" = required ]; then
		is 'a GPU is there, as make check-gpu needs it' '' "$reason"
	else
		skip 'spectra on a GPU' "no CUDA device: $reason"
	fi
	done_testing
	exit
fi

# agree SOLVER [GPUS]: whether both agree within the sum of their errors.
agree() {
	spectrum --solver "$1" "$tmp/tensors.st" | hill-alpha | cut -f 1,8,12 >"$tmp/cpu.tsv"
	spectrum "--gpu=${2:-0}" --gpu-side 1 --solver "$1" "$tmp/tensors.st" | hill-alpha | cut -f 1,8,12 >"$tmp/gpu.tsv"
	paste "$tmp/cpu.tsv" "$tmp/gpu.tsv" | awk -F '\t' '
		NR > 1 { d = $2 - $5; if (d < 0) d = -d; if (!($1 == $4 && d <= $3 + $6)) { print; bad = 1 } }
		END { exit bad || NR != 3 }'
}
for solver in cusolver two-stage auto; do
	ok "$solver: alpha within the sum of the errors" agree $solver
done
ok 'svd: alpha within the sum of the errors' agree svd
if nvidia-smi -L | grep -q '^GPU 1'; then
	ok 'the second GPU' agree gram 1
	ok 'two GPUs' agree gram 0,1
	ok 'all GPUs' agree svd all
	fails 64 "spectrum: --gpu: GPU 1 is named twice" 'one of them twice' \
		spectrum --gpu=1,1 "$tmp/tensors.st"
fi
fails 69 "spectrum: --gpu: there is no GPU 99: there are $(nvidia-smi -L | wc -l), numbered from 0" \
	'a GPU that is not there' spectrum --gpu=99 "$tmp/tensors.st"
ok 'spectra against closed forms' "$BUILD/tests/unit/eigen-cuda"

# Neither luck nor what comes together changes a byte.
many() {
	shapes=
	for i in $(seq 30); do shapes="$shapes --shape=384x400 --shape=500x$((500 + i))"; done
	# shellcheck disable=SC2086 # options, to be split
	st-synth -q --random $shapes -o "$tmp/many.safetensors"
	st-layers "$tmp/many.safetensors" >"$tmp/many.st"
}
ok 'many small matrices' many
for solver in auto cusolver; do
	spectrum --gpu --solver $solver "$tmp/many.st" >"$tmp/many-gpu.st"
	same() { spectrum --gpu --solver $solver "$@" "$tmp/many.st" | cmp - "$tmp/many-gpu.st"; }
	ok "$solver: again" same
	ok 'once more' same
	ok 'with some memory on the device' same --gpu-memory 2G
	ok 'with one matrix at a time' same --memory 1M
done
# What is said and done when the device fails. The library stands in front of cuSOLVER.
failing() {
	calls=$1 how=$2
	shift 2
	LD_PRELOAD="$BUILD/tests/on-gpu/fail_solver.so" FAIL_CALLS=$calls FAIL_AS=$how \
		spectrum --gpu --gpu-side 1 --solver cusolver "$tmp/one.st" "$@"
}
st-layers --include 'layers\.0' "$tmp/model.safetensors" >"$tmp/one.st"
spectrum --gpu --gpu-side 1 --solver cusolver "$tmp/one.st" >"$tmp/one-gpu.st"
for how in memory lost; do
	failing 1 $how >"$tmp/failed.st" 2>"$tmp/messages"
	is "$how once: tried again" 0 $?
	ok 'and says so' grep -q '^spectrum: GPU 0: cusolverDnXsyev[A-Za-z]*: .*; trying again$' "$tmp/messages"
	ok 'with the same result' cmp "$tmp/failed.st" "$tmp/one-gpu.st"
	failing 2 $how >"$tmp/failed.st" 2>"$tmp/messages"
	is "$how twice: worth another try later" 75 $?
	ok 'and says which layer, and its size' grep -q "^spectrum: layer '.*': .* for a matrix of 384 x 384\$" "$tmp/messages"
	ok 'and the stream has no end' sh -c '! st-info -q "$1" 2>/dev/null' - "$tmp/failed.st"
done
done_testing
