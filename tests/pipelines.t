#!/bin/sh
# The pipelines: what is in the results folder, that a run which is killed leaves no half file and goes on,
# that parts and batches give the bytes of the whole, and that the usual analyses share their spectra.
. tests/lib.sh

need 'the pipelines' has gnuplot

model=$tmp/model.safetensors
st-synth --no-progress -o "$model"

analyse() { pipelines/precision-analysis "$@"; }
# files FOLDER: all that is in a results folder, without what only the scripts read
files() { (cd "$1" && find . -type f -o -type l | grep -v '^\./\.' | LC_ALL=C sort); }
# equal FOLDER FOLDER: whether all files of the two are equal, but for how many parts there were
equal() { diff -r -x .options "$1" "$2"; }

# --- one command -----------------------------------------------------------------------------------

ok 'the analysis' analyse --model "$model" --output-dir "$tmp/m" --jobs 2
analyse --model "$model" --output-dir "$tmp/again" --jobs 1 >"$tmp/summary" 2>"$tmp/messages"
is 'it exits with 0' 0 $?
layers='model.layers.0.mlp.down_proj model.layers.0.mlp.gate_proj model.layers.0.mlp.up_proj
model.layers.0.self_attn.k_proj model.layers.0.self_attn.o_proj model.layers.0.self_attn.q_proj
model.layers.0.self_attn.v_proj model.layers.1.mlp.down_proj model.layers.1.mlp.gate_proj
model.layers.1.mlp.up_proj model.layers.1.self_attn.k_proj model.layers.1.self_attn.o_proj
model.layers.1.self_attn.q_proj model.layers.1.self_attn.v_proj'
{
	for name in alpha.tsv precision_alpha_hill_results.csv precision_summary_statistics.csv \
		changes.tsv quantization_config.json recommendations.tsv sensitivity.tsv spectra.st \
		plots/alpha_by_category.png plots/alpha_by_depth.png \
		plots/alpha_distribution_by_precision.png plots/combined_batch_1.png \
		plots/combined_batch_2.png plots/delta_by_layer.png plots/delta_heatmap.png plots/formats.png plots/spectra.png; do
		echo "./$name"
	done
	for category in attn_k attn_o attn_q attn_v mlp_down mlp_gate mlp_up; do
		echo "./plots/category_$category.png"
	done
	number=0
	for layer in $layers; do
		number=$((number + 1))
		printf './plots/individual_layers/layer_%03d_%s.png\n' $number "$(echo "$layer" | tr . _)"
	done
} | LC_ALL=C sort >"$tmp/expected"
is 'the files are those that users know' "$(cat "$tmp/expected")" "$(files "$tmp/m")"
ok 'the same on one processor' equal "$tmp/m" "$tmp/again"
is 'pictures are pictures' '' "$(find "$tmp/m/plots" -name '*.png' ! -exec grep -qa PNG {} \; -print)"
columns=layer_name,category,out_features,in_features,numel
for p in fp32 fp16 bf16; do
	columns=$columns,alpha_$p,k_used_$p,n_eigs_$p,method_$p
done
is 'the columns of the wide table' "$columns" "$(head -n 1 "$tmp/m/precision_alpha_hill_results.csv")"
is 'the columns of the summary' 'precision,count,mean,std,min,median,max,q25,q75' \
	"$(head -n 1 "$tmp/m/precision_summary_statistics.csv")"
is 'its rows' 'fp32,14 fp16,14 bf16,14' \
	"$(tail -n +2 "$tmp/m/precision_summary_statistics.csv" | cut -d , -f 1,2 | paste -s -d ' ')"
ok 'the table is that of the pipeline' sh -c "st-layers '$model' | prec-cast fp32,fp16,bf16 |
	spectrum | hill-alpha | cmp - '$tmp/m/alpha.tsv'"
is 'the summary: layers and precisions' '14 layers in fp32, fp16, bf16' \
	"$(sed -n 's/; [0-9]* s$//p' "$tmp/summary")"
most=$(tail -n +2 "$tmp/m/sensitivity.tsv" | awk -F '\t' '
	{ d = $11 < 0 ? -$11 : $11 } d > most { most = d; name = $1 } END { print name }')
is 'the summary: the most sensitive layer' "  $most in bf16" \
	"$(grep -A 1 '^alpha changes most' "$tmp/summary" | tail -n 1 | cut -d : -f 1)"
is 'the summary: where things are' 1 "$(grep -c "^results in $tmp/again:" "$tmp/summary")"
is '--quiet says nothing' '' "$(analyse -q --model "$model" --output-dir "$tmp/quiet" --no-plots 2>&1)"
is '--no-plots has none' '' "$(ls "$tmp/quiet" | grep plots)"

# --- again -----------------------------------------------------------------------------------------

stamps() { (cd "$1" && find . -type f -printf '%p %T@ %i\n' | sort); }
before=$(stamps "$tmp/m")
ok 'once more' analyse --model "$model" --output-dir "$tmp/m"
is 'it does nothing' "$before" "$(stamps "$tmp/m")"
ok '--resume needs no model' analyse --resume --output-dir "$tmp/m"
is 'and does nothing' "$before" "$(stamps "$tmp/m")"
ok 'another k' analyse --resume --k-frac 0.2 --output-dir "$tmp/m"
is 'it leaves the spectra' "$(echo "$before" | grep spectra.st)" "$(stamps "$tmp/m" | grep spectra.st)"
ok 'its table is that of this k' sh -c "hill-alpha --k-frac 0.2 '$tmp/m/spectra.st' | cmp - '$tmp/m/alpha.tsv'"
ok 'all in one plot' analyse --resume --k-frac 0.1 --max-layers-per-plot 0 --no-individual --plot-format svg \
	--output-dir "$tmp/m"
is 'plots of the last time are gone' './plots/all_layers_combined.svg' \
	"$(files "$tmp/m" | grep -E 'combined|individual|png')"
ok 'and back' analyse --output-dir "$tmp/back" --model "$model" --max-layers-per-plot 14
is '14 layers fit one plot of 14' 1 "$(files "$tmp/back" | grep -c all_layers_combined)"
fails 64 "precision-analysis: $tmp/m: holds another analysis ($model in fp32,fp16,bf16); choose another folder, or remove that one" \
	'other precisions are refused' analyse --model "$model" --precisions fp32,bf16 --output-dir "$tmp/m"
cp "$model" "$tmp/changed.safetensors"
ok 'a model' analyse -q --no-plots --model "$tmp/changed.safetensors" --output-dir "$tmp/changed"
st-synth --no-progress --seed 1 -o "$tmp/changed.safetensors"
ok 'that has changed' analyse -q --no-plots --model "$tmp/changed.safetensors" --output-dir "$tmp/changed"
ok 'is analysed again' sh -c "st-layers '$tmp/changed.safetensors' | prec-cast fp32,fp16,bf16 |
	spectrum | hill-alpha | cmp - '$tmp/changed/alpha.tsv'"

# --- killed ----------------------------------------------------------------------------------------

# Each run gets a little longer before all of its processes are killed at once; then one goes on to the end.
# KILLS in the environment says how many.
KILLS=${KILLS:-12}
st-synth --no-progress --layers 1 -o "$tmp/one.safetensors"
killed() { analyse -q --shards 3 --model "$tmp/one.safetensors" --output-dir "$1" --max-layers-per-plot 4; }
ok 'a run that is not killed' killed "$tmp/whole"
kills=0 bad='' run=0
while [ $run -lt "$KILLS" ]; do
	run=$((run + 1))
	rm -rf "$tmp/killed"
	setsid sh -c "exec pipelines/precision-analysis -q --shards 3 --model '$tmp/one.safetensors' \
		--output-dir '$tmp/killed' --max-layers-per-plot 4" >/dev/null 2>&1 &
	process=$!
	sleep "$(echo "$run" "$KILLS" | awk '{ print 1.2 * $1 / $2 }')"
	kill -9 -$process 2>/dev/null && kills=$((kills + 1))
	wait $process 2>/dev/null
	[ -d "$tmp/killed" ] || continue
	for file in $(files "$tmp/killed" | grep -v '\.tmp'); do
		cmp -s "$tmp/killed/$file" "$tmp/whole/$file" || bad="$bad $run:$file"
	done
	killed "$tmp/killed" >/dev/null 2>&1 || bad="$bad $run:status"
	equal "$tmp/killed" "$tmp/whole" >/dev/null || bad="$bad $run:differs"
	[ -z "$(find "$tmp/killed" -name '*.tmp*')" ] || bad="$bad $run:remains"
done
is 'killed at any moment: nothing half, and the end is the same' '' "$bad"
ok 'runs were killed' test $kills -ge $((KILLS / 3))

# --- parts -----------------------------------------------------------------------------------------

for part in 3 1 2; do
	ok "part $part of 3" analyse --model "$model" --output-dir "$tmp/parts" --shard $part/3
done
is 'parts only' '' "$(files "$tmp/parts")"
ok 'the rest' analyse --model "$model" --output-dir "$tmp/parts" --shards 3
ok 'three parts make the whole' equal "$tmp/again" "$tmp/parts"
ok 'a part of what is finished' analyse --model "$model" --output-dir "$tmp/parts" --shard 1/3

batch() { make -s -f pipelines/batch.mk OUTPUT="$tmp/batch" OPTIONS=-q "$@" >"$tmp/log" 2>&1; }
mkdir "$tmp/b"
st-synth --no-progress --seed 2 -o "$tmp/b/model.safetensors"
batch MODELS="$model $tmp/none $tmp/b" SHARDS=2 -j 3
is 'a batch with a model that is not there: status' 2 $?
is 'it is reported' "st-layers: $tmp/none: No such file or directory
batch: $tmp/none: FAILED with status 66" "$(grep -v '^make' "$tmp/log")"
folder=$tmp/batch/$(echo "${tmp#/}" | sed 's,/,--,g')
is 'it has no folder' 'b model.safetensors' "$(ls "$tmp/batch" | sed 's/.*--//' | paste -s -d ' ')"
ok 'the first model' equal "$tmp/again" "$folder--model.safetensors"
ok 'the model after it' analyse -q --model "$tmp/b" --output-dir "$tmp/b-alone"
ok 'is done as well' equal "$tmp/b-alone" "$folder--b"
before=$(stamps "$tmp/batch")
batch MODELS="$model $tmp/b" SHARDS=2 -j 2
is 'the batch again' 0 $?
is 'does nothing' "$before" "$(stamps "$tmp/batch")"
batch MODELS="$model ${model%/*}/./model.safetensors $model"
ok 'a model twice' grep -q 'two models have the same name' "$tmp/log"
batch
ok 'no model' grep -q 'MODELS="..." says which models' "$tmp/log"

# --- which layers ----------------------------------------------------------------------------------

ok '--filter-layers' analyse -q --no-plots --model "$model" --output-dir "$tmp/q" --filter-layers 'q_proj$'
is 'only those' 2 "$(grep -c q_proj "$tmp/q/precision_alpha_hill_results.csv")"
is 'and a head' 3 "$(wc -l <"$tmp/q/precision_alpha_hill_results.csv")"
ok 'all analyses' pipelines/all-analyses "$model" "$tmp/all" --no-individual
is 'how many layers each has' '14 8 6 14' "$(for name in whole-model attention-only mlp-only quick-look; do
	tail -n +2 "$tmp/all/$name/precision_alpha_hill_results.csv" | wc -l; done | paste -s -d ' ')"
is 'one set of spectra' 1 "$(find "$tmp/all" -name spectra.st -type f | wc -l)"
ok 'attention is as in the whole' sh -c "grep -F self_attn '$tmp/all/whole-model/alpha.tsv' >'$tmp/expected'
	tail -n +2 '$tmp/all/attention-only/alpha.tsv' | cmp - '$tmp/expected'"
ok 'a quick look without the whole' pipelines/quick-look "$model" "$tmp/quick" -q --no-plots
fails 64 'usage: quick-look MODEL [FOLDER [OPTION...]]' 'a quick look at nothing' pipelines/quick-look
fails 65 "precision-analysis: $tmp/m/spectra.st: has fp32,fp16,bf16, and not fp32" 'spectra of other precisions' \
	analyse --spectra "$tmp/m/spectra.st" --precisions fp32 --output-dir "$tmp/x"
fails 66 "precision-analysis: $tmp/none: there is no such file" 'spectra that are not there' \
	analyse --spectra "$tmp/none" --output-dir "$tmp/x"
head -c 5000 "$tmp/m/spectra.st" >"$tmp/cut.st"
analyse -q --spectra "$tmp/cut.st" --output-dir "$tmp/x" >/dev/null 2>"$tmp/error"
is 'spectra that are cut off' 65 $?
ok 'leave no folder' test ! -e "$tmp/x"

# --- trouble ---------------------------------------------------------------------------------------

hostile="$tmp/a b'c\"d\`touch PWNED\`\$(touch PWNED)"
mkdir "$hostile"
cp "$model" "$hostile/model.safetensors"
ok 'names with all kinds of characters' analyse -q --no-individual --model "$hostile" \
	--output-dir "$hostile/results"
ok 'are names' test ! -e PWNED -a ! -e "$hostile/PWNED" -a -s "$hostile/results/plots/spectra.png"
tests/write-model "$tmp/odd.safetensors" 'layers.0.a.weight:F32:30x20' 'layers.0.b.weight:I8:4x3' \
	'layers.0.c.weight:F32:1x5'
analyse -q --no-plots --model "$tmp/odd.safetensors" --output-dir "$tmp/odd" 2>"$tmp/error"
is 'layers that cannot be read: status' 1 $?
ok 'the message' grep -q "tensor 'layers.0.b.weight': left out" "$tmp/error"
analyse -q --no-plots --model "$tmp/odd.safetensors" --output-dir "$tmp/odd" 2>/dev/null
is 'the same status when it is all there' 1 $?
refused() { # MESSAGE ARGUMENT...
	message=$1
	shift
	fails 64 "precision-analysis: $message (try 'precision-analysis --help')" "refused: $*" \
		analyse "$@"
}
refused '--output-dir is needed' --model "$model"
refused '--model is needed' --output-dir "$tmp/x"
refused "there is no option '--frobnicate'" --frobnicate
refused "what is 'model'?" model
refused "option '--model' needs an argument" --output-dir "$tmp/x" --model
refused "--jobs takes a number from 1 on, and not '0'" --output-dir "$tmp/x" --model x --jobs 0
refused "--jobs takes a whole number, and not '2x'" --output-dir "$tmp/x" --model x --jobs=2x
refused "--plot-format is png, pdf or svg, and not 'gif'" --output-dir "$tmp/x" --model x --plot-format gif
refused "--shard takes I/N, and not '3'" --output-dir "$tmp/x" --model x --shard 3
refused "--shard takes I/N with I <= N, and not '3/2'" --output-dir "$tmp/x" --model x --shard 3/2
fails 66 "precision-analysis: $tmp/y: holds no analysis to resume" 'nothing to resume' \
	analyse --resume --output-dir "$tmp/y"
fails 66 "st-layers: $tmp/none: No such file or directory" 'no such model' \
	analyse --model "$tmp/none" --output-dir "$tmp/none-results"
ok 'and no folder for it' test ! -e "$tmp/none-results"
fails 66 "precision-analysis: $model: no layer is chosen (st-layers --list says why)" 'no such layer' \
	analyse --model "$model" --filter-layers nosuch --output-dir "$tmp/none-results"
mkdir "$tmp/bin"
for program in "$BUILD"/*; do [ -f "$program" ] && ln -s "$PWD/$program" "$tmp/bin" 2>/dev/null; done
for program in sh awk cat cksum cut dirname find grep head mkdir mktemp mv nproc printf realpath rm sed seq sort \
	stat tail tr uname uniq wc date comm basename ln; do
	ln -s "$(command -v $program)" "$tmp/bin" 2>/dev/null
done
fails 69 'precision-analysis: gnuplot is needed for the plots (Debian'\''s gnuplot-nox), or --no-plots' 'no gnuplot' \
	env PATH="$tmp/bin" pipelines/precision-analysis --model "$model" --output-dir "$tmp/x"
ok 'it does without for --no-plots' env PATH="$tmp/bin" pipelines/precision-analysis -q --no-plots \
	--model "$model" --output-dir "$tmp/no-gnuplot"
is '--version' "precision-analysis (hillpipe) $(hill-alpha --version | sed -n '1s/.* //p')" \
	"$(analyse --version | head -n 1)"
done_testing
