#!/bin/sh
# alpha-stats: its tables, their formats, what is refused; and pandas on the same tables.
. tests/lib.sh

tab=$(printf '\t')
spaced() { tr '\t' ' '; }

# row LAYER CATEGORY PRECISION ALPHA ALPHA_ERR: a line of a table of hill-alpha
row() {
	printf '%s\t%s\t4\t3\t12\tF32\t%s\t%s\t2\t3\tgram\t%s\t1\t2\t0.5\t\t16\t6.020600\t6.5\n' "$@"
}
head="layer_name${tab}category${tab}out_features${tab}in_features${tab}numel${tab}source_dtype${tab}precision"
head="$head${tab}alpha${tab}k_used${tab}n_eigs${tab}method${tab}alpha_err${tab}lambda_ref${tab}lambda_max"
head="$head${tab}cast_rel_err${tab}note${tab}cast_bits${tab}cast_sqnr_db"
head="$head${tab}alpha_null"
# table: the rows on standard input, LAYER CATEGORY PRECISION ALPHA ALPHA_ERR in each line, as a table
table() {
	echo "$head"
	while read -r layer category precision alpha error; do
		row "$layer" "$category" "$precision" "$alpha" "$error"
	done
}

# Layer c has no row in bf16; d has no estimate in fp32, and none in bf16 either.
table >"$tmp/a.tsv" <<'END'
a up fp32 3 0.125
a up bf16 3.5 0.125
b down fp32 4 0.5
b down bf16 3.5 0.5
c up fp32 2 0
d q fp32 1e13 inf
d q bf16 nan nan
END

# --- the tables ------------------------------------------------------------------------------------

left_out="alpha-stats: 2 values without an estimate left out"
# prints NAME EXPECTED OPTION...: a table of a.tsv with blanks for tabs, after what it says on stderr
prints() {
	what=$1 expected=$2
	shift 2
	alpha-stats "$@" "$tmp/a.tsv" >"$tmp/out" 2>"$tmp/err"
	is "$what: status" 0 $?
	is "$what" "$expected" "$(cat "$tmp/err" "$tmp/out" | spaced)"
}

prints "by precision" "$left_out
precision count mean std min median max q25 q75
fp32 3 3 1 2 3 4 2.5 3.5
bf16 2 3.5 0 3.5 3.5 3.5 3.5 3.5"
by_precision=$(spaced <"$tmp/out")
prints "by precision, asked for" "$left_out
$by_precision" --by precision
prints "by category" "$left_out
category count mean std min median max q25 q75
up 3 2.8333333333333335 0.7637626158259733 2 3 3.5 2.5 3.25
down 2 3.75 0.3535533905932738 3.5 3.75 4 3.625 3.875
q 0 nan nan nan nan nan nan nan" --by category
prints "by both" "$left_out
category precision count mean std min median max q25 q75
up fp32 2 2.5 0.7071067811865476 2 2.5 3 2.25 2.75
up bf16 1 3.5 nan 3.5 3.5 3.5 3.5 3.5
down fp32 1 4 nan 4 4 4 4 4
down bf16 1 3.5 nan 3.5 3.5 3.5 3.5 3.5
q fp32 0 nan nan nan nan nan nan nan
q bf16 0 nan nan nan nan nan nan nan" --by both
prints "--summary: unweighted, and weighted by parameters" "$left_out
precision quantity count mean weighted_mean
fp32 alpha 3 3 3
fp32 alpha_null 4 6.5 6.5
fp32 alpha_excess 3 -3.5 -3.5
bf16 alpha 2 3.5 3.5
bf16 alpha_null 3 6.5 6.5
bf16 alpha_excess 2 -3 -3" --summary
printf 'layer_name\tcategory\tout_features\tin_features\tnumel\tprecision\talpha\tk_used\tn_eigs\tmethod\talpha_err\tnorm\tentropy\n' >"$tmp/metrics.tsv"
printf '%s\tup\t2\t%d\t%d\tfp32\t%d\t1\t2\tgram\t0\t%s\tnan\n' a 2 4 2 10 b 6 12 4 2 c 8 16 3 inf >>"$tmp/metrics.tsv"
is "--summary: metrics that are there" "fp32 alpha 3 3 3.25
fp32 norm 2 6 4" "$(alpha-stats --summary "$tmp/metrics.tsv" | tail -n +2 | spaced)"
prints "--wide leaves out nothing" \
	"layer_name category out_features in_features numel$(
		printf ' alpha_%s k_used_%s n_eigs_%s method_%s' fp32 fp32 fp32 fp32 bf16 bf16 bf16 bf16
	)
a up 4 3 12 3 2 3 gram 3.5 2 3 gram
b down 4 3 12 4 2 3 gram 3.5 2 3 gram
c up 4 3 12 2 2 3 gram nan nan nan 
d q 4 3 12 10000000000000 2 3 gram nan 2 3 gram" --wide
sensitivity="layer_name category alpha_mean alpha_std alpha_min alpha_max alpha_range alpha_cv reference"
sensitivity="$sensitivity max_delta_precision max_delta delta_err resolved"
prints "--sensitivity" "$left_out
$sensitivity
a up 3.25 0.3535533905932738 3 3.5 0.5 0.10878565864408424 fp32 bf16 0.5 0.25 yes
b down 3.75 0.3535533905932738 3.5 4 0.5 0.09428090415820635 fp32 bf16 -0.5 1 no
c up 2 nan 2 2 0 nan fp32  nan nan 
d q nan nan nan nan nan nan fp32  nan nan " --sensitivity
changes="precision count bits sqnr_db rel_err reference mean_abs_delta max_abs_delta max_delta_layer"
decibel=6.020599913279624 # 20 log10 2
prints "--changes" "$left_out
$changes
fp32 3 16 $decibel 0.5 fp32 0 0 a
bf16 2 16 $decibel 0.5 fp32 0.5 0.5 a" --changes
prints "--changes --by both --reference" "$left_out
category $changes
up fp32 1 16 $decibel 0.5 bf16 0.5 0.5 a
up bf16 1 16 $decibel 0.5 bf16 0 0 a
down fp32 1 16 $decibel 0.5 bf16 0.5 0.5 b
down bf16 1 16 $decibel 0.5 bf16 0 0 b
q fp32 0 nan nan nan bf16 nan nan 
q bf16 0 nan nan nan bf16 nan nan " --changes --by both --reference bf16
is "--changes without columns of bits and errors" "bf16 nan nan nan 0.5" \
	"$(cut -f 1-14 "$tmp/a.tsv" | alpha-stats --changes 2>/dev/null | tail -n 1 | cut -f 1,3-5,7 | spaced)"
{
	table </dev/null
	row a up fp32 3 0 | sed 's/12/1000/'
	row a up int4 3.5 0 | awk -F '\t' -v OFS='\t' '{ $5 = 1000; $15 = 0.3; $17 = 4.5; print }'
	row b up fp32 2 0
	row b up int4 3 0 | awk -F '\t' -v OFS='\t' '{ $15 = 0.4; $17 = 5; print }'
} | sed 's/	4	3	12	/	4	3	1000	/;/^b/s/	1000	/	3000	/' >"$tmp/weights.tsv"
is "--changes: bits go by weights, errors and changes by layers" "int4 2 4.875 0.3535533905932738 0.75 1 b" \
	"$(alpha-stats --changes "$tmp/weights.tsv" | tail -n 1 | cut -f 1-3,5,7-9 | spaced)"

is "--reference" "a bf16 fp32 -0.5
b bf16 fp32 0.5
c bf16  nan
d bf16  nan" "$(alpha-stats --sensitivity --reference bf16 "$tmp/a.tsv" 2>/dev/null |
	tail -n +2 | cut -f 1,9-11 | spaced)"
prints "--precisions orders" "$left_out
precision count mean std min median max q25 q75
bf16 2 3.5 0 3.5 3.5 3.5 3.5 3.5
fp32 3 3 1 2 3 4 2.5 3.5" --precisions bf16,fp32
prints "--precisions chooses, and what is not chosen is not left out" \
	"alpha-stats: 1 value without an estimate left out
precision count mean std min median max q25 q75
bf16 2 3.5 0 3.5 3.5 3.5 3.5 3.5" --precisions bf16
is "the reference is the first of --precisions" "bf16 fp32" \
	"$(alpha-stats --sensitivity --precisions bf16,fp32 "$tmp/a.tsv" 2>/dev/null |
		sed -n 2p | cut -f 9,10 | spaced)"
is "standard input" "$by_precision" "$(alpha-stats <"$tmp/a.tsv" 2>/dev/null | spaced)"
is "standard input, as -" "$by_precision" "$(alpha-stats - <"$tmp/a.tsv" 2>/dev/null | spaced)"

# --- several models --------------------------------------------------------------------------------

mkdir "$tmp/r" "$tmp/r/one" "$tmp/r/two"
grep -v "^d" "$tmp/a.tsv" >"$tmp/r/one/alpha.tsv"
table >"$tmp/r/two/alpha.tsv" <<'END'
b up fp16 5 0.5
a up fp16 6 0.5
b up fp32 7 0.25
END
models() {
	(cd "$tmp/r" && alpha-stats "$@" one/alpha.tsv two/alpha.tsv 2>&1) | spaced
}
is "models: statistics" "model precision count mean
one fp32 3 3
one bf16 2 3.5
one fp16 0 nan
two fp32 1 7
two bf16 0 nan
two fp16 2 5.5" "$(models | cut -d ' ' -f 1-4)"
is "models: categories are those of each" "model category count mean
one up 3 2.8333333333333335
one down 2 3.75
two up 3 6" "$(models --by category | cut -d ' ' -f 1-4)"
is "models: --wide" "model layer_name alpha_fp16 alpha_fp32
one a nan 3
one b nan 4
one c nan 2
two b 5 7
two a 6 nan" "$(models --wide --precisions fp16,fp32 | cut -d ' ' -f 1,2,7,11)"
is "models: --sensitivity" "model layer_name reference max_delta_precision max_delta delta_err resolved
one a fp32 bf16 0.5 0.25 yes
one b fp32 bf16 -0.5 1 no
one c fp32  nan nan 
two b fp32 fp16 -2 0.75 yes
two a fp32  nan nan " "$(models --sensitivity | cut -d ' ' -f 1,2,10-)"

# --- formats ---------------------------------------------------------------------------------------

is "--csv" 'precision,count,mean,std,min,median,max,q25,q75
fp32,3,3,1,2,3,4,2.5,3.5
bf16,2,3.5,0,3.5,3.5,3.5,3.5,3.5' "$(alpha-stats --csv "$tmp/a.tsv" 2>/dev/null)"
is "--csv: what is missing is empty" 'c,up,4,3,12,2,2,3,gram,,,,' \
	"$(alpha-stats --csv --wide "$tmp/a.tsv" | grep '^c,')"
is "--json: what is missing is null" \
	'{"layer_name": "c", "category": "up", "alpha_mean": 2, "alpha_std": null, "alpha_min": 2, "alpha_max": 2, "alpha_range": 0, "alpha_cv": null, "reference": "fp32", "max_delta_precision": null, "max_delta": null, "delta_err": null, "resolved": null},' \
	"$(alpha-stats --json --sensitivity "$tmp/a.tsv" 2>/dev/null | grep '"c"')"

# Names that need quotes or escapes in some format; the third model has a name of that kind, too.
odd='a\tb
c "d", e
f\ng
h\\i
é😀
\x1b
x\x0dy
,
"

 j
nan'
{
	echo "$head"
	printf '%s\n' "$odd" | while IFS= read -r name; do
		row "$name" "k \"l\", m" 'b,"f' 3 0.5
	done
} >"$tmp/odd.tsv"
cp "$tmp/odd.tsv" "$tmp/r/q\"r, s"
# The name of a file may have a tab in it, which a table must escape.
cp "$tmp/odd.tsv" "$tmp/r/t${tab}u"

cat >"$tmp/formats.py" <<'END'
"""Whether the same table in three formats has the same columns and texts, and values."""
import csv
import json
import sys

ESCAPES = {"t": "\t", "n": "\n", "\\": "\\"}


def unescape(field):
    text, at = "", 0
    while at < len(field):
        if field[at] != "\\":
            text, at = text + field[at], at + 1
        elif field[at + 1] == "x":
            text, at = text + chr(int(field[at + 2:at + 4], 16)), at + 4
        else:
            text, at = text + ESCAPES[field[at + 1]], at + 2
    return text


def plain(value):
    """A value of JSON as CSV has it."""
    return "" if value is None else value if isinstance(value, str) else repr(value)


def close(a, b):
    try:
        return a == b or float(a) == float(b)
    except ValueError:
        return False


tsv, comma, objects = sys.argv[1:]
with open(tsv, encoding="utf-8", newline="\n") as file:
    rows = [[unescape(field) for field in line.rstrip("\n").split("\t")] for line in file]
with open(comma, encoding="utf-8", newline="") as file:
    assert "\r\n" not in file.read()
    file.seek(0)
    csv_rows = list(csv.reader(file, strict=True))
with open(objects, encoding="utf-8") as file:
    json_rows = json.load(file)

names = rows[0].index("category") if "category" in rows[0] else 0  # texts up to here, and no numbers
assert csv_rows[0] == rows[0]
assert len(csv_rows) == len(rows) == len(json_rows) + 1
for a, b, c in zip(rows[1:], csv_rows[1:], json_rows):
    assert list(c) == rows[0], c
    c = [plain(value) for value in c.values()]
    assert a[:names + 1] == b[:names + 1] == c[:names + 1], (a, b, c)
    for x, y, z in zip(a[names + 1:], b[names + 1:], c[names + 1:]):
        assert close("" if x == "nan" else x, y) and close(y, z), (x, y, z)
print(len(rows))
END
# formats NAME LINES ARGUMENT...: the three formats hold the same
formats() {
	what=$1 lines=$2
	shift 2
	for format in tsv csv json; do
		as=--$format
		[ $format = tsv ] && as=
		# shellcheck disable=SC2086 # no option for tsv
		alpha-stats $as "$@" >"$tmp/out.$format" 2>/dev/null
	done
	is "formats hold the same: $what" "$lines" \
		"$(python3 -B "$tmp/formats.py" "$tmp/out.tsv" "$tmp/out.csv" "$tmp/out.json" 2>&1)"
}
for option in --wide --sensitivity; do
	formats "odd names, $option" 13 $option "$tmp/odd.tsv"
	formats "names, $option" 5 $option "$tmp/a.tsv"
	formats "models, $option" 40 $option "$tmp/odd.tsv" "$tmp/r/q\"r, s" "$tmp/r/t${tab}u" \
		"$tmp/r/one/alpha.tsv"
done
for by in precision category both; do
	formats "by $by" "$(alpha-stats --by $by "$tmp/a.tsv" 2>/dev/null | wc -l)" --by $by "$tmp/a.tsv"
	formats "odd names, by $by" 2 --by $by "$tmp/odd.tsv"
	formats "odd models, by $by" 3 --by $by "$tmp/r/q\"r, s" "$tmp/r/t${tab}u"
done
is "names are escaped in a TSV" "$odd" "$(alpha-stats --wide "$tmp/odd.tsv" | tail -n +2 | cut -f 1)"
is "so are precisions in names of columns" 'alpha_b,"f' \
	"$(alpha-stats --wide "$tmp/odd.tsv" | head -n 1 | cut -f 6)"
is "and models" "t\\tu" \
	"$(alpha-stats "$tmp/r/q\"r, s" "$tmp/r/t${tab}u" | tail -n 1 | cut -f 1)"

# --- what is refused -------------------------------------------------------------------------------

refused() { # MESSAGE ARGUMENT...
	message=$1
	shift
	fails 64 "alpha-stats: $message (try 'alpha-stats --help')" "refused: $*" alpha-stats "$@"
}
refused "--by takes precision, category or both, and not 'layer'" --by layer
refused "--changes, --summary, --wide and --sensitivity exclude each other" --wide --sensitivity
refused "--changes, --summary, --wide and --sensitivity exclude each other" --changes --wide
refused "--by does not go with --summary, --wide and --sensitivity" --sensitivity --by precision
refused "--changes are of a precision each: --by takes precision or both" --changes --by category
refused "--by does not go with --summary, --wide and --sensitivity" --by both --wide
refused "--csv and --json exclude each other" --csv --json
refused "--csv and --json exclude each other" --json --csv
refused "--reference goes with --changes and --sensitivity" --reference fp32
refused "--reference goes with --changes and --sensitivity" --wide --reference fp32
refused "--precisions: 'bf16' is there twice" --precisions bf16,fp32,bf16 "$tmp/a.tsv"
refused "--reference: 'fp32' is not among --precisions" \
	--sensitivity --precisions bf16 --reference fp32 "$tmp/a.tsv"
refused "the same input twice: '$tmp/a.tsv'" "$tmp/a.tsv" "$tmp/a.tsv"
refused "there is no option '-x'" -x
refused "option '--by' needs an argument" --by
for list in fp16 fp32,fp16 '' 'fp32,' ',fp32' 'fp32, bf16' FP32; do
	name=$(echo "$list" | sed 's/^fp32,//; s/,fp32$//')
	fails 65 "alpha-stats: --precisions: no row has the precision '$name'" \
		"refused: --precisions '$list'" alpha-stats --precisions "$list" "$tmp/a.tsv"
done
fails 65 "alpha-stats: --reference: no row has the precision 'fp16'" "refused: --reference fp16" \
	alpha-stats --sensitivity --reference fp16 "$tmp/a.tsv"

bad() { # MESSAGE: bad.tsv is refused, also as the second of two
	for option in --by=both --changes --wide --sensitivity; do
		fails 65 "alpha-stats: $tmp/bad.tsv: $1" "refused with $option: $1" \
			alpha-stats $option "$tmp/bad.tsv"
	done
	fails 65 "alpha-stats: $tmp/bad.tsv: $1" "refused after a good table: $1" \
		alpha-stats "$tmp/a.tsv" "$tmp/bad.tsv"
	fails 65 "alpha-stats: standard input: $1" "refused from standard input: $1" \
		alpha-stats <"$tmp/bad.tsv"
}
: >"$tmp/bad.tsv"
bad "is empty, and a table is expected"
head -n 1 "$tmp/a.tsv" >"$tmp/bad.tsv"
bad "is a table without rows"
head -c -1 "$tmp/a.tsv" >"$tmp/bad.tsv"
bad "line 8: is cut off"
alpha-stats "$tmp/a.tsv" >"$tmp/bad.tsv" 2>/dev/null
bad "no table of hill-alpha: there is no column 'layer_name'"
sed '3s/3\.5/3,5/' "$tmp/a.tsv" >"$tmp/bad.tsv"
bad "line 3: alpha is no number: '3,5'"
sed '$p' "$tmp/a.tsv" >"$tmp/bad.tsv"
bad "line 9: a second row of layer 'd' in bf16"
sed '3s/up/down/' "$tmp/a.tsv" >"$tmp/bad.tsv"
bad "line 3: layer 'a' is another than in line 2"
fails 66 "alpha-stats: $tmp/none: No such file or directory" "no such file" alpha-stats "$tmp/none"
fails 66 "alpha-stats: $tmp/none: No such file or directory" "no such second file" \
	alpha-stats "$tmp/a.tsv" "$tmp/none"
fails 66 "alpha-stats: $tmp: is a directory, and a table is expected" "a folder" alpha-stats "$tmp"
hill-alpha "$tmp/a.tsv" 2>/dev/null | alpha-stats >"$tmp/out" 2>/dev/null
is "a pipeline that failed before is no table" "65 0" "$? $(wc -c <"$tmp/out")"

# --- trouble ---------------------------------------------------------------------------------------

full="alpha-stats: standard output: No space left on device"
for arguments in --help --version "--csv $tmp/odd.tsv" "--wide $tmp/odd.tsv" "--sensitivity --json $tmp/odd.tsv"; do
	# shellcheck disable=SC2086 # arguments, to be split
	alpha-stats $arguments >/dev/full 2>"$tmp/err"
	is "a full disk: ${arguments%% "$tmp"*}" "74, $full" "$?, $(cat "$tmp/err")"
done

# --- pandas ----------------------------------------------------------------------------------------

need "the tables are those of pandas" tests/fetch-venv
python() { tests/data/venv/bin/python -B "$@"; }

python tests/gen/random-table.py >"$tmp/random.tsv"
st-synth --no-progress --random --dtype F32 -o "$tmp/random.safetensors"
st-layers "$tmp/random.safetensors" | prec-cast fp64,fp32,fp16,bf16 | spectrum | hill-alpha >"$tmp/synth.tsv"
for source in synth random; do
	for what in precision category both wide sensitivity; do
		option=--$what
		case $what in precision | category | both) option=--by=$what ;; esac
		alpha-stats $option "$tmp/$source.tsv" >"$tmp/found.tsv" 2>/dev/null
		ok "pandas on the $source table: $what" python tests/compare-stats "$tmp/$source.tsv" \
			"$tmp/found.tsv" $what
	done
	alpha-stats --sensitivity --reference bf16 "$tmp/$source.tsv" >"$tmp/found.tsv" 2>/dev/null
	ok "pandas on the $source table: another reference" \
		python tests/compare-stats "$tmp/$source.tsv" "$tmp/found.tsv" sensitivity bf16
done

done_testing
