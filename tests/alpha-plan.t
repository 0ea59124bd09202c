#!/bin/sh
# alpha-plan: both policies at their boundaries and against the rules written a second time, the files for
# AlphaQuant against AlphaQuant's rules, and what is refused. tests/unit/plan.c has more of the boundaries.
. tests/lib.sh

header='layer_name	category	out_features	in_features	numel	source_dtype	precision	alpha	k_used	n_eigs	method	alpha_err	lambda_ref	lambda_max	cast_rel_err	note'
# rows CATEGORY LAYER=ALPHA[,ALPHA]...: a row for each alpha, in the precisions fp32 and bf16
rows() {
	category=$1
	shift
	for layer; do
		precision=fp32
		for value in $(echo "${layer#*=}" | tr , ' '); do
			error=1e-9
			[ "$value" = nan ] && error=nan
			printf '%s\t%s\t4\t3\t12\tF32\t%s\t%s\t1\t3\tgram\t%s\t1\t2\t0\t\n' \
				"${layer%%=*}" "$category" $precision "$value" $error
			precision=bf16
		done
	done
}
table() {
	echo "$header"
	rows "$@"
}
# The columns layer_name, format, variation and reason of a plan, in one line.
short() { cut -f 1,3,7,8 | sed 1d | tr '\t\n' ' ;'; }
compare() { python3 -B tests/compare-plan "$@"; }

# --- thresholds ---
table mlp_up a=3,3 b=2.9999,2.9999 c=2.5,2.5 d=2.4999,2.4999 e=2,2.05 f=2,2.012 g=nan,nan h=2.7,nan \
	>"$tmp/alpha.tsv"
is "thresholds" \
	"a fp16_or_bf16 low alpha 3 is at or above 3;b fp8_or_int8 low alpha 2.9999 is at or above 2.5 and below 3;c fp8_or_int8 low alpha 2.5 is at or above 2.5 and below 3;d int4_or_fp4 low alpha 2.4999 is below 2.5;e fp16_or_bf16 high alpha_std 0.03536 is at or above 0.01;f int4_or_fp4 low alpha 2.006 is below 2.5;g fp16_or_bf16  no estimate in any precision;h fp8_or_int8  alpha 2.7 is at or above 2.5 and below 3; no estimate in 1 of 2 precisions;" \
	"$(alpha-plan "$tmp/alpha.tsv" | short)"
alpha-plan "$tmp/alpha.tsv" >/dev/null
is "a layer without estimate makes the plan incomplete" 1 $?
is "the reverse" "int4_or_fp4 fp8_or_int8 fp8_or_int8 fp16_or_bf16 fp16_or_bf16 fp16_or_bf16 fp16_or_bf16 fp8_or_int8" \
	"$(alpha-plan --protect low "$tmp/alpha.tsv" | sed 1d | cut -f 3 | paste -s -d ' ')"
is "--protect high is the default" "$(alpha-plan "$tmp/alpha.tsv")" \
	"$(alpha-plan --protect high - <"$tmp/alpha.tsv")"
table mlp_up a=3,3 b=2,2.5 c=2,2.4999 d=4,4.5 >"$tmp/std.tsv" # std of b: sqrt(2)/4
is "a standard deviation at the threshold" "high low" \
	"$(alpha-plan --variation-threshold 0.35355339059327379 --cv-threshold 9 "$tmp/std.tsv" |
		awk '$1 ~ /[bc]/ { print $7 }' | paste -s -d ' ')"
is "variation by --cv-threshold changes no format" "fp16_or_bf16 low int4_or_fp4 high int4_or_fp4 high fp16_or_bf16 low" \
	"$(alpha-plan --variation-threshold 1 --cv-threshold 0.1 "$tmp/std.tsv" | sed 1d | cut -f 3,7 |
		paste -s -d ' ' | tr '\t' ' ')"
is "both reasons" "alpha 4.25 is at or above 3, and alpha_std 0.3536 is at or above 0.01" \
	"$(alpha-plan "$tmp/std.tsv" | awk -F '\t' '$1 == "d" { print $8 }')"
alpha-plan "$tmp/std.tsv" >/dev/null
is "a plan for all layers is complete" 0 $?
is "one precision has no variation" "int4_or_fp4  nan" \
	"$(table mlp_up a=2 | alpha-plan | sed 1d | cut -f 3,5,7 | awk -F '\t' '{ print $1, $3, $2 }')"

# --- ratio ---
table mlp_up a=3,1 b=5,1 c=nan,9 d=5,1 e=2,1 f=3,1 >"$tmp/ratio.tsv"
{
	rows router_or_gate r=9,9
	rows lm_head lm_head=nan,1
} >>"$tmp/ratio.tsv"
formats() { alpha-plan --policy ratio "$@" "$tmp/ratio.tsv" | sed 1d | cut -f 3 | paste -s -d ' '; }
is "ratio" \
	"a mxfp8  alpha 3 is among the other 3 of 5;b mxfp4  alpha 5 is among the 1 highest of 5;c bf16  no estimate in fp32;d mxfp8  alpha 5 is among the other 3 of 5;e bf16  alpha 2 is among the 1 lowest of 5;f mxfp8  alpha 3 is among the other 3 of 5;r bf16  router_or_gate is not quantised;lm_head bf16  lm_head is not quantised;" \
	"$(alpha-plan --policy ratio --bf16-ratio 0.2 "$tmp/ratio.tsv" | short)"
alpha-plan --policy ratio "$tmp/ratio.tsv" >/dev/null
is "a layer without estimate in the reference makes the plan incomplete" 1 $?
alpha-plan --policy ratio --reference bf16 "$tmp/ratio.tsv" >/dev/null
is "one in another precision does not" 0 $?
is "--mxfp4-ratio 0" "mxfp8 mxfp8 bf16 mxfp8 mxfp8 mxfp8 bf16 bf16" "$(formats --mxfp4-ratio 0)"
is "--mxfp4-ratio 1" "mxfp4 mxfp4 bf16 mxfp4 mxfp4 mxfp4 bf16 bf16" "$(formats --mxfp4-ratio 1)"
is "of equal ones the first get fewer bits" "mxfp4 mxfp4 bf16 mxfp4 bf16 mxfp8 bf16 bf16" \
	"$(formats --mxfp4-ratio 0.6 --bf16-ratio 0.2)"
is "the reverse" "mxfp4 mxfp8 bf16 bf16 mxfp4 mxfp8 bf16 bf16" \
	"$(formats --mxfp4-ratio 0.4 --bf16-ratio 0.2 --protect high)"
is "--protect low is the default" "$(formats)" "$(formats --protect low)"
is "alpha is that of the reference" 9 \
	"$(alpha-plan --policy ratio --reference bf16 "$tmp/ratio.tsv" | awk '$1 == "c" { print $4 }')"
i=0
while [ $i -lt 100 ]; do
	i=$((i + 1))
	rows mlp_up "l$i=2.$i"
done >"$tmp/hundred"
for pair in 0.29=29 0.57=57 0.58=58 0.07=7 0.285=28 0.999=99; do
	is "a share of ${pair%=*} of 100" "${pair#*=}" \
		"$({ echo "$header" && cat "$tmp/hundred"; } |
			alpha-plan --policy ratio --mxfp4-ratio "${pair%=*}" | grep -c mxfp4)"
done

# --- thresholds from the data ---
table mlp_up a=2,2.001 b=4,4.001 c=2.1,2.101 d=6,6.001 e=4.1,4.101 f=6.2,6.7 g=2.2,2.201 >"$tmp/auto.tsv"
is "planted classes" \
	"alpha 4.001 is at or above 4.0005 and below 6.0005" \
	"$(alpha-plan --auto-threshold "$tmp/auto.tsv" | awk -F '\t' '$1 == "b" { print $8 }')"
alpha-plan --auto-threshold "$tmp/auto.tsv" | cut -f 3,7 >"$tmp/found"
is "their formats, and one that varies" "format=variation int4_or_fp4=low fp8_or_int8=low int4_or_fp4=low fp16_or_bf16=low fp8_or_int8=low fp16_or_bf16=high int4_or_fp4=low" \
	"$(tr '\t' = <"$tmp/found" | paste -s -d ' ')"
alpha-plan --auto-threshold "$tmp/auto.tsv" | cut -f 1-7 >"$tmp/automatic"
given=$(alpha-plan --auto-threshold "$tmp/auto.tsv" | sed -n 's/^b.* above \(.*\) and below \(.*\)/--medium-threshold \1 --alpha-threshold \2/p')
given="$given $(alpha-plan --auto-threshold "$tmp/auto.tsv" | sed -n 's/.*alpha_std .* above /--variation-threshold /p')"
# shellcheck disable=SC2086
alpha-plan $given "$tmp/auto.tsv" | cut -f 1-7 >"$tmp/given"
ok "the thresholds in the reasons, given as options, make the same plan" cmp "$tmp/automatic" "$tmp/given"
is "equal standard deviations are no variation" 0 \
	"$(table mlp_up a=2,2.125 b=3,3.125 c=4,4.125 | alpha-plan --auto-threshold --cv-threshold 1 | grep -c high)"
awk -v header="$header" 'BEGIN {
	print header
	srand(1)
	for (i = 0; i < 100000; i++)
		for (p = 0; p < 2; p++)
			printf "layers.%d\tmlp_up\t4\t3\t12\tF32\tp%d\t%.9f\t1\t3\tgram\t1e-9\t1\t2\t0\t\n",
				i, p, 2 + 5 * rand()
}' >"$tmp/large.tsv"
ok "100,000 layers take no time" timeout 20 alpha-plan --auto-threshold "$tmp/large.tsv"

# --- the rules written a second time, and AlphaQuant's ---
# agree POLICY "WORDS FOR compare-plan" OPTION...
agree() {
	policy=$1 words=$2
	shift 2
	for form in tsv csv json; do
		option=--$form
		[ $form = tsv ] && option=
		alpha-plan --policy "$policy" $option "$@" "$tmp/random.tsv" >"$tmp/plan.$form"
		# shellcheck disable=SC2086
		ok "table $seed by $policy $* as $form" \
			compare "$policy" "$tmp/random.tsv" "$tmp/plan.$form" $words
	done
	for form in alphaquant alphaquant-plan; do
		alpha-plan --policy "$policy" --to $form "$@" "$tmp/random.tsv" >"$tmp/$form.json"
	done
	ok "what AlphaQuant makes of it" compare matching "$policy" "$tmp/plan.tsv" \
		"$tmp/alphaquant.json" "$tmp/alphaquant-plan.json"
}
for seed in 1 2; do
	compare table $seed 80 >"$tmp/random.tsv"
	agree thresholds ''
	agree thresholds 'protect=low alpha=3.25 medium=2.25 variation=0.005 cv=0.001' --protect low \
		--alpha-threshold 3.25 --medium-threshold 2.25 --variation-threshold 0.005 --cv-threshold 0.001
	agree thresholds auto= --auto-threshold
	agree ratio ''
	agree ratio 'mxfp4=0.45 bf16=0.55 reference=bf16 protect=high' --mxfp4-ratio 0.45 \
		--bf16-ratio 0.55 --reference bf16 --protect high
done

# --- what is refused ---
hint="(try 'alpha-plan --help')"
usage() { # MESSAGE OPTION...
	message=$1
	shift
	fails 64 "alpha-plan: $message $hint" "refused: $*" alpha-plan "$@"
}
alpha=$tmp/alpha.tsv
usage "one input at most, and a second is given: 'b'" a b
usage "--policy takes thresholds or ratio, and not 'x'" --policy x
usage "--protect takes high or low, and not 'mid'" --protect mid
usage "--to takes table, alphaquant or alphaquant-plan, and not ''" --to ''
usage "--alpha-threshold takes a number from 0 up, and not '3x'" --alpha-threshold 3x
usage "--medium-threshold takes a number from 0 up, and not 'nan'" --medium-threshold nan
usage "--variation-threshold takes a number from 0 up, and not '-1'" --variation-threshold -1
usage "--cv-threshold takes a number from 0 up, and not 'inf'" --cv-threshold inf
usage "--medium-threshold is above --alpha-threshold" --alpha-threshold 2 "$alpha"
usage "--mxfp4-ratio takes a share from 0 to 1, and not '1.5'" --policy ratio --mxfp4-ratio 1.5
usage "--bf16-ratio takes a share from 0 to 1, and not '-0.1'" --policy ratio --bf16-ratio -0.1
usage "--mxfp4-ratio and --bf16-ratio are more than 1 together" --policy ratio --mxfp4-ratio 0.5 \
	--bf16-ratio 0.51 "$alpha"
usage "--mxfp4-ratio is for --policy ratio" --mxfp4-ratio 0.5 "$alpha"
usage "--reference is for --policy ratio" --reference fp32 "$alpha"
usage "--cv-threshold is for --policy thresholds" --policy ratio --cv-threshold 1 "$alpha"
usage "--auto-threshold is for --policy thresholds" --auto-threshold --policy ratio "$alpha"
usage "--auto-threshold and --alpha-threshold exclude each other" --auto-threshold --alpha-threshold 3
usage "--auto-threshold and --variation-threshold exclude each other" --variation-threshold 1 \
	--auto-threshold
usage "--csv and --json exclude each other" --csv --json "$alpha"
usage "--csv and --json are for --to table" --csv --to alphaquant "$alpha"
fails 65 "alpha-plan: --reference: no row has the precision 'fp8'" "an unknown reference" \
	alpha-plan --policy ratio --reference fp8 "$alpha"
table mlp_up a=3,3 b=3,3 c=2,2 d=nan,nan >"$tmp/two.tsv"
fails 65 "alpha-plan: $tmp/two.tsv: --auto-threshold needs three different values of alpha, and there are 2" \
	"two classes" alpha-plan --auto-threshold "$tmp/two.tsv"
table mlp_up a=3,3 =3,3 >"$tmp/nameless.tsv"
fails 65 "alpha-plan: $tmp/nameless.tsv: a layer has no name, and no pattern would match it" \
	"a layer without name" alpha-plan --to alphaquant "$tmp/nameless.tsv"
fails 66 "alpha-plan: $tmp/none: No such file or directory" "no such file" alpha-plan "$tmp/none"
fails 65 "alpha-plan: standard input: is empty, and a table is expected" "no table" alpha-plan </dev/null
echo "$header" >"$tmp/bare.tsv"
fails 65 "alpha-plan: $tmp/bare.tsv: is a table without rows" "no rows" alpha-plan "$tmp/bare.tsv"
head -c -1 "$alpha" >"$tmp/cut.tsv"
fails 65 "alpha-plan: $tmp/cut.tsv: line 17: is cut off" "a table cut off" alpha-plan "$tmp/cut.tsv"
for form in table alphaquant alphaquant-plan; do
	is "a full disk, --to $form" "74 alpha-plan: standard output: No space left on device" \
		"$(alpha-plan --to $form "$alpha" 2>&1 >/dev/full | { read -r line && echo "$line"; } |
			sed 's/^/74 /')"
	alpha-plan --to $form "$alpha" >/dev/full 2>/dev/null
	is "its status" 74 $?
done

done_testing
