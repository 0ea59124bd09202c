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
	skip 'spectra on a GPU' "no CUDA device: $reason"
	done_testing
	exit
fi

# agree SOLVER: whether both agree within the sum of their errors.
agree() {
	spectrum --solver "$1" "$tmp/tensors.st" | hill-alpha | cut -f 1,8,12 >"$tmp/cpu.tsv"
	spectrum --gpu --gpu-side 1 --solver "$1" "$tmp/tensors.st" | hill-alpha | cut -f 1,8,12 >"$tmp/gpu.tsv"
	paste "$tmp/cpu.tsv" "$tmp/gpu.tsv" | awk -F '\t' '
		NR > 1 { d = $2 - $5; if (d < 0) d = -d; if (!($1 == $4 && d <= $3 + $6)) { print; bad = 1 } }
		END { exit bad || NR != 3 }'
}
ok 'gram: alpha within the sum of the errors' agree gram
ok 'svd: alpha within the sum of the errors' agree svd
done_testing
