#!/bin/sh
# Files of torch.save(): what st-layers makes of them is what torch says is in them, and those that are
# wrong, or would do something if they were loaded, are refused in one line and do nothing.
. tests/lib.sh

golden=$PWD/tests/golden/torch models=$tmp/models
tab=$(printf '\t')
export HF_HUB_CACHE=no-cache

# --- what torch wrote: values of the layers, and the list of all tensors; tests/unit/torch.c reads all --

# The layers that a table of torch's promises: name, type, shape, bytes and hash.
promised() {
	awk -F '\t' -v OFS='\t' '$(NF - 3) ~ /^B?F[0-9]/ && $(NF - 2) ~ /x/' "$1" |
		sed 's/\.weight\t/\t/' | sort
}
for table in "$golden"/*.tsv; do
	model=${table%.tsv}
	case $model in */names) continue ;; esac
	[ -d "$model" ] || model=$model.bin
	is "tensors of ${model##*/}" "$(cut -f 1 "$table" | sort)" \
		"$(st-layers --list "$model" 2>/dev/null | sed 1d | cut -f 1 | sort)"
	st-layers --all "$model" >"$tmp/stream" 2>"$tmp/err"
	[ "$(cat "$tmp/err")" = "" ] || [ "${model##*/}" = nothing.bin ]
	passed $? "nothing is said of ${model##*/}" || explain "$(cat "$tmp/err")"
	is "layers of ${model##*/}" "$(promised "$table")" \
		"$(st-info "$tmp/stream" 2>/dev/null | awk -F '\t' -v OFS='\t' 'NR > 1 { print $3, $5, $6, $9, $10 }' | sort)"
done
is "odd names" "$(printf '%s\n' 301 300)" "$(st-layers --list "$golden/names.bin" | sed 1d |
	awk -F '\t' 'length($2) == 300 { print 300 } $1 == "gewicht.größe.weight" && $2 == "gewicht.größe" { print 301 }')"
is "tied weights are two layers of one place" 2,1 \
	"$(st-layers --list "$golden/module.bin" | awk -F '\t' '$1 ~ /^(embed|head)\.weight$/ { n++; if (!seen[$8]++) places++ } END { print n "," places }')"

cd "$golden" || exit 1
convert="convert the file to safetensors"
save="save the state_dict() of the model"
while read -r file message; do
	fails 65 "st-layers: $file.bin: $message" "$file: $message" st-layers --list "$file.bin"
done <<END
legacy a file of an old torch.save(); convert it to safetensors
protocol-4 a pickle of protocol 4, and only 2 is read; $convert
whole-module it uses torch.nn.modules.container.Sequential, which is not data; $convert
tensor what was saved is not a dictionary of tensors; $save
list what was saved is not a dictionary of tensors; $save
conjugate tensor 'c': it is a conjugate or negated view of its storage; $convert
complex128 it uses torch.ComplexDoubleStorage, which is not data; $convert
sparse it uses torch._utils._rebuild_sparse_tensor, which is not data; $convert
meta it uses torch._utils._rebuild_meta_tensor_no_storage, which is not data; $convert
END
cd "$OLDPWD" || exit 1

# --- what is wrong --------------------------------------------------------------------------------------

python3 -B tests/gen/bad-torch.py "$models" || exit 1
cd "$models" || exit 1
while IFS=$tab read -r name status message <&3; do
	fails "$status" "$message" "$message" timeout 20 st-layers --list "$name"
done 3<refused.tsv
while IFS=$tab read -r name status message <&3; do
	timeout 20 st-layers --all "$name" >"$tmp/out" 2>"$tmp/err"
	found="$?, $(cat "$tmp/out" "$tmp/err")"
	[ "$found" = "$status, $message" ] || explain "$status, $message" "$found"
done 3<refused.tsv >"$tmp/differing"
is "without --list the same is refused" "" "$(cat "$tmp/differing")"
while IFS=$tab read -r name warning tensors <&3; do
	st-layers --list "$name" >"$tmp/out" 2>"$tmp/err"
	is "taken: $name" "0, , $tensors" "$?, $(cat "$tmp/err"), $(sed 1d "$tmp/out" | cut -f 1 | paste -s -)"
	st-layers --all "$name" >"$tmp/out"
	ok "and its stream is good" st-info -q "$tmp/out"
done 3<taken.tsv
is "nothing was executed" "" "$(find "$tmp" -name 'EXECUTED*'; ls EXECUTED 2>/dev/null)"

done_testing
