#!/bin/sh
# alpha-plot: every kind of plot is drawn by gnuplot without a word, from tables that are usual, empty,
# extreme and hostile (tests/gen/plot-tables.py); and what is refused.
. tests/lib.sh

root=$PWD
python3 -B tests/gen/plot-tables.py "$tmp" || exit 1
st-synth --no-progress -o "$tmp/demo.safetensors"
st-layers "$tmp/demo.safetensors" | prec-cast fp32,fp16,bf16 | spectrum >"$tmp/spectra.st"
hill-alpha "$tmp/spectra.st" >"$tmp/demo.tsv"
hill-alpha --hill-plot --confidence "$tmp/spectra.st" >"$tmp/hill.tsv"
mkdir "$tmp/work" && cd "$tmp/work" || exit 1

# --- what is refused -------------------------------------------------------------------------------

refused() { # MESSAGE ARGUMENT...
	message=$1
	shift
	fails 64 "alpha-plot: $message (try 'alpha-plot --help')" "refused: $*" alpha-plot "$@"
}
demo=$tmp/demo.tsv
refused "a kind of plot is needed"
refused "there is no plot 'boxes'" boxes "$demo"
refused "there is no plot ''" '' "$demo"
refused "a picture is png, pdf or svg, and not 'gif'" --format gif box "$demo"
refused "a picture is png, pdf or svg, and not 'PNG'" -o a.PNG box "$demo"
for name in a .d/a - png; do
	refused "--output: the name has no .png, .pdf or .svg at its end, and there is no --format" \
		-o "$name" box "$demo"
done
refused "the name of the output is empty" -o '' --format png box "$demo"
refused "--all names its files itself: leave out --output" --all d -o a.png "$demo"
for option in --spectra=x --max-layers-per-plot=2 --no-individual --shard=1/2; do
	refused "--spectra, --max-layers-per-plot, --no-individual and --shard go with --all" \
		$option box "$demo"
done
refused "--max-layers-per-plot takes a whole number from 0 on, and not '-1'" \
	--all d --max-layers-per-plot -1 "$demo"
refused "--k takes a whole number from 1 on, and not '0'" --k 0 spectrum "$tmp/spectra.st"
refused "--k-frac takes a share above 0 and up to 1, and not '0'" --k-frac 0 spectrum
refused "--include may be given once" --include a --include b box "$demo"
refused "--category and --precisions are not for spectra" --category a spectrum "$tmp/spectra.st"
refused "--category and --precisions are not for spectra" --precisions fp32 spectrum "$tmp/spectra.st"
refused "there are 14 layers: choose one by --layer" layer "$demo"
refused "--precisions: 'fp32' is there twice" --precisions fp32,fp32 box "$demo"
refused "there is no option '-x'" -x
refused "option '--shard' needs an argument" --shard

bad() { # STATUS MESSAGE ARGUMENT...
	wanted=$1 message=$2
	shift 2
	fails "$wanted" "alpha-plot: $message" "refused: $*" alpha-plot "$@"
}
bad 66 "no layer is chosen" --layer none box "$demo"
bad 66 "no layer is chosen" --include '^none' box "$demo"
bad 66 "no layer is chosen" --category none --all d "$demo"
bad 66 "$tmp/none: No such file or directory" box "$tmp/none"
bad 66 "$tmp/none: No such file or directory" --all d --spectra "$tmp/none" "$demo"
bad 66 "$tmp/spectra.st: no spectrum is chosen" --layer none spectrum "$tmp/spectra.st"
bad 66 "none/d: No such file or directory" --all none/d "$demo"
bad 65 "--reference: no row has the precision 'fp8'" --reference fp8 box "$demo"
bad 65 "--precisions: no row has the precision 'fp8'" --precisions fp32,fp8 box "$demo"
for kind in heatmap delta formats; do
	bad 65 "$kind needs two precisions, and the table has one" $kind "$tmp/one-precision.tsv"
	bad 65 "$kind needs two precisions, and the table has one" --precisions bf16 $kind "$demo"
done
: >file
bad 74 "file: is no directory" --all file "$demo"
rm file
head -c -1 "$demo" >"$tmp/cut.tsv"
bad 65 "$tmp/cut.tsv: line 43: is cut off" box "$tmp/cut.tsv"
bad 65 "$tmp/cut.tsv: line 43: is cut off" --all d "$tmp/cut.tsv"
is "nothing is made where something is refused" "" "$(ls)"

head -c -200 "$tmp/spectra.st" >"$tmp/cut.st"
for arguments in "spectrum $tmp/cut.st" "--all d --spectra $tmp/cut.st $demo"; do
	# shellcheck disable=SC2086 # arguments, to be split
	alpha-plot $arguments >"$tmp/out" 2>"$tmp/err"
	is "a stream that is cut off: 65, and nothing is printed: ${arguments%% *}" "65 0 " \
		"$? $(wc -c <"$tmp/out") $(ls)"
done

full="alpha-plot: standard output: No space left on device"
for arguments in --help "box $demo" "--all $tmp/full $demo" "spectrum $tmp/spectra.st"; do
	# shellcheck disable=SC2086 # arguments, to be split
	alpha-plot $arguments >/dev/full 2>"$tmp/err"
	is "a full disk: ${arguments%% *}" "74, $full" "$?, $(cat "$tmp/err")"
done

# --- scripts ---------------------------------------------------------------------------------------

kinds="box category layers layer heatmap depth delta formats"
# plot KIND TABLE OPTION...: a script; of the first layer, where it must be one
plot() {
	what=$1 of=$2
	shift 2
	[ "$what" != layer ] || set -- "$@" --layer "$(sed -n 2p "$of" | cut -f 1)"
	alpha-plot "$@" "$what" "$of"
}

# color PRECISION: the colours that a script gives to the boxes, points and lines of a precision
colors() {
	grep -oE "rgb '#[0-9A-F]{6}' title \"$1[\" ]" | cut -d "'" -f 2 | sort -u | tr '\n' ' '
}
for precision in fp32 fp16 bf16; do
	{
		for kind in category layers delta; do plot $kind "$demo"; done
		alpha-plot --reference bf16 layers "$demo"
		alpha-plot --precisions bf16,fp16 layers "$demo"
		alpha-plot --precisions bf16,fp32 --reference bf16 delta "$demo"
		[ $precision = fp32 ] || alpha-plot spectrum "$tmp/spectra.st"
		alpha-plot --reference bf16 --all d --spectra "$tmp/spectra.st" "$demo"
	} >"$tmp/script"
	is "$precision has one colour" 1 "$(colors $precision <"$tmp/script" | wc -w)"
	color=$(colors $precision <"$tmp/script")
	# In depth others than the reference may be too close to it to be drawn.
	for kind in box layer; do
		plot $kind "$demo" | grep -qF "${color% }"
		passed $? "which is that in $kind"
	done
	alpha-plot --reference $precision depth "$demo" | grep -qF "${color% }"
	passed $? "and in depth"
done
rm -r d

for kind in $kinds; do
	plot $kind "$demo" --format pdf >"$tmp/1"
	layer=
	[ $kind != layer ] || layer="--layer $(sed -n 2p "$demo" | cut -f 1)"
	# shellcheck disable=SC2086 # an option, or none
	alpha-plot --format pdf $layer $kind <"$demo" >"$tmp/2"
	ok "$kind: the same bytes again, from standard input" cmp "$tmp/1" "$tmp/2"
done
is "spectrum: the same bytes again" "$(alpha-plot spectrum "$tmp/spectra.st" | cksum)" \
	"$(alpha-plot spectrum <"$tmp/spectra.st" | cksum)"

# --- spectra ---------------------------------------------------------------------------------------

titles() { alpha-plot "$@" spectrum "$tmp/spectra.st" | sed -n 's/^set title "\([^"]*\)".*/\1/p'; }
is "six panels at most" 6 "$(titles | wc -l)"
is "--layer" "model.layers.1.mlp.up\\137proj" "$(titles --layer model.layers.1.mlp.up_proj)"
is "--layer twice" 2 \
	"$(titles --layer model.layers.1.mlp.up_proj --layer model.layers.0.mlp.up_proj | wc -l)"
is "--include" 2 "$(titles --include 'q_pro.$' | wc -l)"
tail_of() {
	alpha-plot --include 0.*q_proj "$@" spectrum "$tmp/spectra.st" | grep -o 'the largest [^"]*'
}
is "the tail by default" "$(tail_of --k-frac 0.1)" "$(tail_of)"
is "--k" "the largest 17 of 384" "$(tail_of --k 17)"
is "--k-frac" "the largest 96 of 384" "$(tail_of --k-frac 0.25)"
is "--reference" bf16 "$(alpha-plot --reference bf16 spectrum "$tmp/spectra.st" |
	grep -oE "_0 using 1:2 with points.*" | sed 's/.*title "\(.*\)",.*/\1/' | sort -u)"

is "fit: the law of --fit ks" "$(hill-alpha --fit ks --include '0.*q_proj' "$tmp/spectra.st" |
	awk -F '\t' 'NR == 2 { printf "ks: α = %.4g, the largest %d", $8, $9 }')" \
	"$(alpha-plot --include '0.*q_proj' fit "$tmp/spectra.st" | grep -o 'ks: α = [^"]*')"
is "fit: is spectrum with lines more" "$(alpha-plot spectrum "$tmp/spectra.st" | sed 's/, \\$//')" \
	"$(alpha-plot fit "$tmp/spectra.st" | sed '/ks_line/d; s/, \\$//')"

# --- Hill plots ------------------------------------------------------------------------------------

hill() { alpha-plot "$@" hill "$tmp/hill.tsv"; }
is "hill: the same bytes again" "$(hill | cksum)" "$(alpha-plot hill <"$tmp/hill.tsv" | cksum)"
is "hill: six panels at most" 6 "$(hill | grep -c '^set title')"
is "hill: --layer" "model.layers.1.mlp.up\\137proj" \
	"$(hill --layer model.layers.1.mlp.up_proj | sed -n 's/^set title "\([^"]*\)".*/\1/p')"
mark_of() { hill --include '0.*q_proj' "$@" | grep -o 'k = [0-9]*: α = [0-9.]*'; }
alpha_of() { hill-alpha --include '0.*q_proj' --k "$1" "$tmp/spectra.st" | awk -F '\t' 'NR == 2 { printf "k = %d: α = %.4g", $9, $8 }'; }
is "hill: the k of the table is marked, with alpha" "$(alpha_of 38)" "$(mark_of)"
is "hill: --k" "$(alpha_of 17)" "$(mark_of --k 17)"
is "hill: --k-frac" "$(alpha_of 96)" "$(mark_of --k-frac 0.25)"
is "hill: a band where there are intervals" "1 0" "$(hill --include '0.*q_proj' | grep -c 'b0 using') $(
	cut -f 1-6 "$tmp/hill.tsv" | alpha-plot --include '0.*q_proj' hill | grep -c 'b0 using')"
is "hill: --reference" "bf16" "$(hill --include '0.*q_proj' --reference bf16 | grep -A 1 'random matrix' |
	sed -n 's/.*1:2 with.*title "\([^"]*\)".*/\1/p')"
refused "--category, --precisions and --fit are not for hill" --category a hill "$tmp/hill.tsv"
bad 66 "$tmp/hill.tsv: no layer is chosen" --layer none hill "$tmp/hill.tsv"
bad 65 "$demo: line 1: no table of hill-alpha --hill-plot: there is no column 'k'" hill "$demo"
bad 65 "/dev/null: is empty, and a table is expected" hill /dev/null
head -c -1 "$tmp/hill.tsv" >"$tmp/cut.tsv"
bad 65 "$tmp/cut.tsv: line $(wc -l <"$tmp/hill.tsv"): is cut off" hill "$tmp/cut.tsv"
# wrong MESSAGE COLUMN VALUE: of the third line
wrong() {
	awk -F '\t' -v OFS='\t' -v at="$2" -v value="$3" 'NR == 3 { $at = value } 1' "$tmp/hill.tsv" >"$tmp/wrong.tsv"
	bad 65 "$tmp/wrong.tsv: line 3: $1" hill "$tmp/wrong.tsv"
}
wrong "k is no whole number: '1.5'" 3 1.5
wrong "k does not rise" 3 1
wrong "alpha is no number: 'x'" 4 x
wrong "9 fields, where the first line has 8" 8 "$(printf '1\t2')"
wrong "a field is not escaped UTF-8" 1 '\q'

# --- all plots -------------------------------------------------------------------------------------

# names OPTION...: the files that the script of --all d writes
names() { alpha-plot --all d "$@" | sed -n 's/^set output "d\/\(.*\)"$/\1/p' | sed 's/\\137/_/g'; }
overviews="alpha_distribution_by_precision alpha_by_category alpha_by_depth delta_heatmap delta_by_layer formats"
categories="attn_q attn_k attn_v attn_o mlp_gate mlp_up mlp_down"
files() { # EXTENSION NAME...
	extension=$1
	shift
	printf "%s.$extension\n" "$@"
}
number=0
individual=$(tail -n +2 "$demo" | cut -f 1 | uniq | while read -r name; do
	number=$((number + 1))
	printf 'individual_layers/layer_%03d_%s\n' $number "$(echo "$name" | tr . _)"
done)
category_files=$(for name in $categories; do echo "category_$name"; done)
# shellcheck disable=SC2086 # lists, to be split
{
	is "--all" "$(files png $overviews $category_files combined_batch_1 combined_batch_2 $individual)" \
		"$(names "$demo")"
	is "--no-individual" "$(files svg $overviews $category_files combined_batch_1 combined_batch_2)" \
		"$(names --no-individual --format svg "$demo")"
	is "--max-layers-per-plot 0" "$(files pdf $overviews $category_files all_layers_combined)" \
		"$(names --no-individual --max-layers-per-plot 0 --format pdf "$demo")"
	is "--max-layers-per-plot 5" "$(files png $overviews $category_files \
		combined_batch_1 combined_batch_2 combined_batch_3)" \
		"$(names --no-individual --max-layers-per-plot 5 "$demo")"
	is "--max-layers-per-plot 14" "$(files png $overviews $category_files all_layers_combined)" \
		"$(names --no-individual --max-layers-per-plot 14 "$demo")"
	is "--spectra" "$(files png $overviews spectra $category_files all_layers_combined)" \
		"$(names --no-individual --max-layers-per-plot 14 --spectra "$tmp/spectra.st" "$demo")"
	is "--category" "$(files png $overviews category_mlp_up all_layers_combined)" \
		"$(names --no-individual --category mlp_up "$demo")"
	is "one precision" "$(files png alpha_distribution_by_precision alpha_by_category alpha_by_depth \
		category_mlp_up all_layers_combined)" "$(names --no-individual "$tmp/one-precision.tsv")"
}
names "$demo" | sort >"$tmp/whole"
for part in 1 2 3; do names --shard $part/3 "$demo"; done | sort >"$tmp/parts"
ok "--shard: the parts are the whole, none twice" cmp "$tmp/whole" "$tmp/parts"
alpha-plot --all d "$demo" >"$tmp/1"
alpha-plot --all d --shard 1/1 "$demo" >"$tmp/2"
ok "--shard 1/1: the same bytes" cmp "$tmp/1" "$tmp/2"
is "categories that differ in other characters only have files of their own" \
	"category_a_b category_a_b_2 category_a_b_3" \
	"$(names "$tmp/hostile.tsv" | grep '^category_a_b' | sed 's/\.png//' | tr '\n' ' ' | sed 's/ $//')"
is "no name of a file is there twice, or too long" "0 0" "$(names "$tmp/hostile.tsv" | sort | uniq -d | wc -l) \
$(names "$tmp/hostile.tsv" | sed 's/.*\///' | awk 'length > 255' | wc -l)"
is "nor one with a byte that a shell might mind" "" "$(names "$tmp/hostile.tsv" | grep '[^A-Za-z0-9_./-]')"
rm -rf d

# --- pictures --------------------------------------------------------------------------------------

need "pictures" has gnuplot

# The locale in which gnuplot is the first to complain of what is not ASCII.
export LC_ALL=C

# is_picture FILE: whether it is of the type that its name says
is_picture() {
	case $1 in
	*.png) [ "$(head -c 4 "$1" | od -An -tx1)" = " 89 50 4e 47" ] ;;
	*.pdf) [ "$(head -c 5 "$1")" = %PDF- ] ;;
	*.svg) python3 -c 'import sys, xml.etree.ElementTree as t
sys.exit(t.parse(sys.argv[1]).getroot().tag != "{http://www.w3.org/2000/svg}svg")' "$1" ;;
	esac
}
# draw NAME: the script "$tmp/script" is drawn without a word
draw() {
	gnuplot "$tmp/script" >"$tmp/out" 2>"$tmp/err"
	is "$1: drawn without a word" "0, " "$?, $(cat "$tmp/out" "$tmp/err" | head -n 5)"
}

for table in demo one-precision one-layer one-fit holes no-estimate no-change eight twenty large; do
	for format in png pdf svg; do
		: >"$tmp/script"
		drawn=
		for kind in $kinds; do
			case $table:$kind in one-precision:heatmap | one-precision:delta | one-precision:formats) continue ;; esac
			case $table:$kind in one-fit:heatmap | one-fit:delta | one-fit:formats) continue ;; esac
			plot $kind "$tmp/$table.tsv" -o $kind.$format >>"$tmp/script"
			drawn="$drawn $kind.$format"
		done
		draw "$table, $format"
		for file in $drawn; do
			is_picture "$file" || passed 1 "$table: $file is a picture"
		done
		is "$table, $format: nothing but those pictures" "$(echo "$drawn" | wc -w)" "$(find . -type f | wc -l)"
		rm -f ./*
	done
done

alpha-plot --all d --format svg --spectra "$tmp/spectra.st" "$demo" >"$tmp/script"
draw "--all"
is "--all: the files that the script names" "$(names --format svg --spectra "$tmp/spectra.st" "$demo" | sort)" \
	"$(cd d && find . -name '*.svg' | sed 's/^\.\///' | sort)"
for file in d/*.svg d/*/*.svg; do is_picture "$file" || passed 1 "$file is a picture"; done
rm -r d
for format in png pdf svg; do
	alpha-plot spectrum -o a.$format "$tmp/spectra.st" >"$tmp/script"
	draw "spectrum, $format"
	ok "spectrum, $format" is_picture a.$format
done
for format in png pdf svg; do
	alpha-plot fit -o f.$format "$tmp/spectra.st" >"$tmp/script"
	draw "fit, $format"
	ok "fit, $format" is_picture f.$format
	alpha-plot hill -o h.$format "$tmp/hill.tsv" >"$tmp/script"
	draw "hill, $format"
	ok "hill, $format" is_picture h.$format
done
# A layer without a fit, and one with a k alone.
{
	head -n 1 "$tmp/hill.tsv"
	printf 'none\tfp32\t0\tnan\tnan\tnan\tnan\tnan\n`touch PWNED`\tfp32\t1\t3\t4\t0\t2\tinf\n'
} >"$tmp/few.tsv"
alpha-plot hill -o h.svg "$tmp/few.tsv" >"$tmp/script"
draw "hill, of next to nothing"
# Weights that are zero have spectra without any point.
"$root/tests/write-model" zero.safetensors a.weight:F32:40x30 >/dev/null
python3 -c 'import sys
data = open(sys.argv[1], "rb").read()
end = 8 + int.from_bytes(data[:8], "little")
open(sys.argv[1], "wb").write(data[:end] + bytes(len(data) - end))' zero.safetensors
st-layers zero.safetensors | prec-cast fp32,bf16 | spectrum >"$tmp/zero.st" 2>/dev/null
alpha-plot spectrum -o a.svg "$tmp/zero.st" >"$tmp/script"
draw "spectra that are zero"
alpha-plot fit -o a.svg "$tmp/zero.st" >"$tmp/script"
draw "fits of spectra that are zero"
alpha-plot --format png box "$demo" | gnuplot >a.png 2>"$tmp/err"
is "without a name the picture goes to gnuplot's standard output" "0, " "$?, $(cat "$tmp/err")"
ok "and is a picture" is_picture a.png
alpha-plot box "$demo" | env -u DISPLAY GNUTERM=unknown gnuplot >a.txt 2>"$tmp/err"
is "without a format, where there is no screen, it is one of characters" "0,  1" \
	"$?, $(cat "$tmp/err") $(grep -c 'distribution of' a.txt)"
rm -f ./*

# --- hostile names ---------------------------------------------------------------------------------

cat >"$tmp/hostile.py" <<'END'
"""Draws plots of a table with hostile names, and looks for the names in the pictures."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

FOLDER = sys.argv[1]
HOSTILE, SMALL = (os.path.join(FOLDER, name + ".tsv") for name in ("hostile", "one-fit"))
with open(os.path.join(FOLDER, "names.json"), encoding="utf-8") as file:
    NAMES = json.load(file)
TEXT = "{http://www.w3.org/2000/svg}text"


def shown(name, most):
    """What a picture shows of a name; what is cut has characters of the usual width only."""
    text = ""
    for char in name:
        hidden = ord(char) < 0x20 or 0x7f <= ord(char) < 0xa0 or char in "\ufffe\uffff"
        escaped = "".join(f"\\x{byte:02x}" for byte in char.encode())
        text += {"\n": "\\n", "\t": "\\t"}.get(char, escaped if hidden else char)
    text = text.replace("]]>", "]]\\x3e")
    return text if len(text) <= most else text[:most // 2] + "…" + text[len(text) - (most - 1 - most // 2):]


def run(*arguments, table=HOSTILE):
    script = subprocess.run(["alpha-plot", *arguments, table], check=True, capture_output=True)
    drawn = subprocess.run(["gnuplot"], input=script.stdout, capture_output=True, check=False)
    said = script.stderr + drawn.stdout + drawn.stderr
    assert drawn.returncode == 0 and not said, (arguments, said[:500])


def expect(wanted, begin="", end=""):
    """Texts in a.svg that are these, but for what begins and ends them."""
    found = ["".join(text.itertext()) for text in ElementTree.parse("a.svg").iter(TEXT)]
    found = [text.removeprefix(begin).split(end)[0] if end else text.removeprefix(begin) for text in found]
    for text in wanted:
        assert not text or text in found, (text, found)


def labels(most, which):
    return [shown(name, most) for name in NAMES[which]]


def check_kinds():
    for kind in "box", "category", "layers", "heatmap", "depth", "delta", "formats":
        for extension in "svg", "png", "pdf":
            run("-o", "a." + extension, kind)
        if kind in ("layers", "heatmap", "delta"):
            expect(labels(60, "layers"))
        if kind in ("box", "category", "layers"):
            expect(labels(20, "precisions"))
        if kind == "formats":
            expect(labels(20, "precisions")[1:])
        if kind in ("depth", "category"):
            expect(labels(24, "categories"), end=" (" if kind == "category" else "")
    os.remove("a.png")
    os.remove("a.pdf")


def check_options():
    for name in NAMES["layers"]:
        run("--layer", name, "-o", "a.svg", "layer")
        expect([shown(name, 999)] if len(name) < 100 else [])
        run("--title", name, "-o", "a.svg", "--layer", "EOD", "--layer", "NaN", "layers")
        expect([shown(name, 999) + ": layers"] if 0 < len(name) < 70 else [])
    for name in NAMES["categories"]:
        run("--category", name, "-o", "a.svg", "layers")
        expect([shown(name, 999)])
    for name in NAMES["precisions"]:
        run("--reference", name, "-o", "a.svg", "delta")
        expect([shown(name, 20)], begin="change of α from ")
    run("--title", "\udcff\udc80", "-o", "a.svg", "box")
    expect(["\\xff\\x80: distribution of α"])
    os.remove("a.svg")


def check_paths():
    """A picture is in the file of just that name, whatever it is."""
    paths = [name for name in NAMES["layers"] if 0 < len(name) < 100 and "/" not in name]
    for name in paths + ["|touch PWNED", "|touch PWNED.svg", "~", "~root", "$HOME", "\udcff", "-", "a'b \"c\" `d`.svg"]:
        run("--format", "svg", "-o", name, "box", table=SMALL)
        assert os.listdir() == [name], (name, os.listdir())
        os.remove(name)
        run("--format", "svg", "--no-individual", "--all", name, table=SMALL)
        assert os.listdir() == [name] and len(os.listdir(name)) == 5, (name, os.listdir())
        for found in os.listdir(name):
            os.remove(os.path.join(name, found))
        os.rmdir(name)


check_kinds()
check_options()
check_paths()
assert not os.listdir(), os.listdir()
END
# In an empty folder, which must stay empty.
ok "hostile names are shown, and do nothing" python3 -B "$tmp/hostile.py" "$tmp"
alpha-plot --all "it's \`touch PWNED\`" --format svg --spectra "$tmp/spectra.st" "$tmp/hostile.tsv" >"$tmp/script"
draw "--all with hostile names, into a hostile folder"
rm -r it*
is "nothing was executed" "" "$(ls -A; find "$tmp" -name 'PWNED*')"

cd "$root" || exit 1
done_testing
