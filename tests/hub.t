#!/bin/sh
# Models of the Hugging Face cache: where it is, which revision is meant, snapshots with holes, and what
# --download asks of hf. hf needs the network, so a script takes its place: it does what hf of huggingface_hub
# 0.34 and 2.4 does with the arguments that it takes, and fails at others. That hf itself takes them,
# "hf download --help" shows.
. tests/lib.sh

unset HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HOME XDG_CACHE_HOME
commit=0123456789abcdef0123456789abcdef01234567
model=$tmp/model.safetensors
tests/write-model "$model" layers.0.q_proj.weight:F32:4x4

# --- where the cache is ----------------------------------------------------------------------------

# cache FOLDER [NAME]: a cache that holds a model
cache() {
	repository=$1/models--${2:-some--model}
	mkdir -p "$repository/refs/refs/pr" "$repository/blobs" "$repository/snapshots/$commit"
	cp "$model" "$repository/blobs/abc"
	ln -s ../../blobs/abc "$repository/snapshots/$commit/model.safetensors"
	printf %s $commit >"$repository/refs/main"
	printf %s $commit >"$repository/refs/v1.0"
	printf %s $commit >"$repository/refs/refs/pr/1"
}
# in_cache ID VARIABLE=VALUE...
in_cache() {
	id=$1
	shift
	env "$@" st-layers --list "$id" >"$tmp/list" && grep -q q_proj "$tmp/list"
}
for folder in 1 2/hub 3/huggingface/hub 4/.cache/huggingface/hub; do
	cache "$tmp/$folder"
done
ok 'HF_HUB_CACHE' in_cache some/model HF_HUB_CACHE="$tmp/1" HUGGINGFACE_HUB_CACHE=/x HF_HOME=/x
ok 'HUGGINGFACE_HUB_CACHE' in_cache some/model HUGGINGFACE_HUB_CACHE="$tmp/1" HF_HOME=/x
ok 'HF_HOME' in_cache some/model HF_HOME="$tmp/2" XDG_CACHE_HOME=/x
ok 'XDG_CACHE_HOME' in_cache some/model XDG_CACHE_HOME="$tmp/3" HOME=/x
ok 'HOME' in_cache some/model HOME="$tmp/4"
ok 'a home that ends in a slash' in_cache some/model HOME="$tmp/4/"
ok '~ is expanded' in_cache some/model HOME="$tmp" HF_HUB_CACHE='~/1'
ok '~ alone' in_cache some/model HOME="$tmp/1" HF_HUB_CACHE='~'
# shellcheck disable=SC2016 # st-layers expands it
ok 'variables are expanded' in_cache some/model A="$tmp" B_1=2 HF_HOME='$A/${B_1}'
fails 66 "st-layers: some/model: no such file, and no such model in $tmp/\$nothing\${}\$/hub; --download fetches what is missing" \
	'and those that are not set are left' env HF_HOME="$tmp/\$nothing\${}\$" st-layers --list some/model
fails 66 "st-layers: some/model: no such file, and no such model in ~nobody-at-all/x; --download fetches what is missing" \
	'and so are users that are not there' env HF_HUB_CACHE='~nobody-at-all/x' st-layers --list some/model

# As in huggingface_hub, an empty variable is a variable that is set.
in_folder() { (cd "$tmp/$1" && shift && in_cache some/model "$@"); }
ok 'HF_HUB_CACHE is empty' in_folder 1 HF_HUB_CACHE= HF_HOME="$tmp/2"
ok 'HF_HOME is empty' in_folder 2 HF_HOME= XDG_CACHE_HOME="$tmp/3"
ok 'XDG_CACHE_HOME is empty' in_folder 3 XDG_CACHE_HOME= HOME="$tmp/4"

# --- ids and revisions -----------------------------------------------------------------------------

export HF_HUB_CACHE="$tmp/1"
cache "$tmp/1" gpt2
for id in some/model some/model@main some/model@v1.0 some/model@refs/pr/1 "some/model@$commit" gpt2 gpt2@v1.0; do
	ok "$id" in_cache "$id"
done
missing() {
	fails 66 "st-layers: $1: $2; --download fetches what is missing" "$1 is not there" st-layers --list "$1"
}
missing other/model "no such file, and no such model in $tmp/1"
missing some/model@v9 "revision 'v9' of the model is not in $tmp/1"
missing some/model@0123456 "revision '0123456' of the model is not in $tmp/1"
missing "some/model@$(printf %s $commit | tr 0 f)" \
	"revision '$(printf %s $commit | tr 0 f)' of the model is not in $tmp/1"
mkdir "$tmp/gpt2"
cp "$model" "$tmp/gpt2"
is 'a path that is there is no id' gpt2/model.safetensors \
	"$(cd "$tmp" && st-layers --list gpt2 | sed 1d | cut -f 7)"

# --- snapshots with holes --------------------------------------------------------------------------

# repository NAME SHARDS SUFFIX STEM: a model of so many files, as the Hub has it; tests/write-model writes
# safetensors, which is what counts here: what a file is, is told by how it starts.
repository() {
	mkdir -p "$tmp/remote/$1"
	separator=
	{
		printf '{"weight_map": {'
		for i in $(seq "$2"); do
			file=$(printf '%s-%05d-of-%05d.%s' "$4" "$i" "$2" "$3")
			tests/write-model "$tmp/remote/$1/$file" "layers.$i.q_proj.weight:F32:4x4"
			printf '%s"layers.%d.q_proj.weight": "%s"' "$separator" "$i" "$file"
			separator=,
		done
		printf '}}\n'
	} >"$tmp/remote/$1/$4.$3.index.json"
	echo '{"model_type": "llama"}' >"$tmp/remote/$1/config.json"
}
repository big--model 30 safetensors model
big=$tmp/1/models--big--model
snapshot=$big/snapshots/$commit
mkdir -p "$big/refs" "$big/blobs" "$big/snapshots"
printf %s $commit >"$big/refs/main"
cp -r "$tmp/remote/big--model" "$snapshot"
ok 'a model of 30 files' in_cache big/model
rm "$snapshot/model-00002-of-00030.safetensors"
missing big/model '1 of 30 files is not in the cache: model-00002-of-00030.safetensors'
ln -sf ../../blobs/nothing "$snapshot/model-00030-of-00030.safetensors"
missing big/model '2 of 30 files are not in the cache: model-00002-of-00030.safetensors, model-00030-of-00030.safetensors'
rm "$snapshot"/model-0000[3-7]-of-00030.safetensors
missing big/model "7 of 30 files are not in the cache: $(
	seq -s ' ' 2 6 | sed 's/[0-9]/model-0000&-of-00030.safetensors,/g; s/,$//') and 2 more"
rm "$snapshot/model.safetensors.index.json" "$snapshot"/model-0000*
missing big/model 'in the cache: several .safetensors files and no index; name the one to read'
rm "$snapshot"/model-000[0-2]*
cp --remove-destination "$tmp/remote/big--model/model-00030-of-00030.safetensors" "$snapshot"
missing big/model 'the index is not in the cache, only model-00030-of-00030.safetensors'
rm "$snapshot"/model*
missing big/model 'in the cache: no .safetensors or .gguf file, and no pytorch_model.bin, in this folder'
ln -s ../../blobs/nothing "$snapshot/model.safetensors"
missing big/model '1 of 1 file is not in the cache: model.safetensors'
rm -r "$big"

# --- downloads -------------------------------------------------------------------------------------

mkdir "$tmp/bin" "$tmp/empty"
cat >"$tmp/bin/hf" <<'END'
#!/bin/sh
# hf download [--quiet] [--revision REVISION] ID FILE...
for argument; do printf '[%s]' "$argument"; done >>"$tmp/calls"
echo >>"$tmp/calls"
echo 'hf on its output'
echo "hf on its error" >&2
[ ! -f "$tmp/status" ] || exit "$(cat "$tmp/status")"
[ ! -f "$tmp/signal" ] || kill -9 $$
revision=main
[ "$1" = download ] && shift || exit 99
[ "$1" != --quiet ] || shift
[ "$1" != --revision ] || { revision=$2 && shift 2; }
name=$(echo "$1" | sed 's,/,--,')
shift
[ -d "$tmp/remote/$name" ] || exit 1
[ $# != 1 ] || [ -f "$tmp/remote/$name/$1" ] || exit 1
repository=$HF_HUB_CACHE/models--$name
mkdir -p "$repository/refs" "$repository/blobs"
commit=$(cat "$tmp/commit")
case $revision in
0123456789*) ;;
*) mkdir -p "$(dirname "$repository/refs/$revision")" && printf %s "$commit" >"$repository/refs/$revision" ;;
esac
for file; do
	[ ! -f "$tmp/remote/$name/$file" ] || [ "$file" = "$(cat "$tmp/lost")" ] || {
		mkdir -p "$repository/snapshots/$commit"
		cp "$tmp/remote/$name/$file" "$repository/blobs/$file"
		ln -sf "../../blobs/$file" "$repository/snapshots/$commit/$file"
	}
done
END
chmod +x "$tmp/bin/hf"
echo $commit >"$tmp/commit"
echo none >"$tmp/lost"
export tmp HF_HUB_CACHE="$tmp/new"
PATH=$tmp/bin:$PATH
small='config.json][quantize_config.json'

# calls NAME EXPECTED: the calls of hf since the last time
calls() {
	[ -f "$tmp/calls" ] || : >"$tmp/calls"
	is "$1: what hf is asked for" "$2" "$(cat "$tmp/calls")"
	rm "$tmp/calls"
}
# download NAME LAYERS ARGUMENT...: how many layers the stream of a model that is fetched has
download() {
	name=$1 layers=$2
	shift 2
	st-layers --download "$@" >"$tmp/out.st" 2>"$tmp/err"
	is "$name" "0, $layers layers" "$?, $(st-info "$tmp/out.st" | grep -c q_proj) layers"
}

repository org--sharded 3 safetensors model
cp "$model" "$tmp/remote/org--sharded/model.safetensors"
: >"$tmp/remote/org--sharded/pytorch_model.bin"
download 'a model of several files' 3 -q org/sharded
at="[download][--quiet][--revision][$commit]"
calls 'several files' "[download][--quiet][org/sharded][$small][model.safetensors.index.json]
${at}[org/sharded][model-00001-of-00003.safetensors][model-00002-of-00003.safetensors][model-00003-of-00003.safetensors]"
is 'and nothing else is fetched' 'config.json model-00001-of-00003.safetensors model-00002-of-00003.safetensors
model-00003-of-00003.safetensors model.safetensors.index.json' \
	"$(cd "$HF_HUB_CACHE/models--org--sharded/snapshots/$commit" && echo * | fold -s -w 80 | sed 's/ $//')"
is 'hf may print errors only' 'hf on its error' "$(uniq "$tmp/err")"
cp "$tmp/out.st" "$tmp/first.st"
download 'what is there' 3 org/sharded
calls 'what is there' ''
is 'no message' '' "$(cat "$tmp/err")"
st-layers -q org/sharded >"$tmp/out.st"
ok 'the stream does not say that it was fetched' cmp "$tmp/first.st" "$tmp/out.st"

rm "$HF_HUB_CACHE/models--org--sharded/snapshots/$commit/model-00002-of-00003.safetensors"
is 'together with --list' 3 "$(st-layers --download --list org/sharded 2>"$tmp/err" | grep -c q_proj)"
calls 'one file' "[download][org/sharded][$small][model.safetensors.index.json]
[download][--revision][$commit][org/sharded][model-00002-of-00003.safetensors]"
is 'what hf prints goes to standard error' 'hf on its output
hf on its error
hf on its output
hf on its error' "$(cat "$tmp/err")"

mkdir "$tmp/remote/single"
cp "$model" "$tmp/remote/single"
: >"$tmp/remote/single/pytorch_model.bin"
download 'a model of one file, at a revision' 1 single@refs/pr/1
calls 'one file, at a revision' "[download][--revision][refs/pr/1][single][$small][model.safetensors.index.json]
[download][--revision][refs/pr/1][single][config.json][model.safetensors]"

repository org--pickles 2 bin pytorch_model
download 'a model of pickles' 2 org/pickles
at="[download][--revision][$commit][org/pickles]"
calls 'pickles' "[download][org/pickles][$small][model.safetensors.index.json]
${at}[config.json][model.safetensors]
${at}[$small][pytorch_model.bin.index.json]
${at}[pytorch_model-00001-of-00002.bin][pytorch_model-00002-of-00002.bin]"

mkdir "$tmp/remote/org--pickle"
cp "$model" "$tmp/remote/org--pickle/pytorch_model.bin"
download 'one pickle' 1 org/pickle
at='[download][org/pickle]'
calls 'one pickle' "${at}[$small][model.safetensors.index.json]
${at}[config.json][model.safetensors]
${at}[$small][pytorch_model.bin.index.json]
${at}[config.json][pytorch_model.bin]"

download 'a path' 1 "$model"
(cd "$tmp" && st-layers --download gpt2 >"$tmp/out.st")
is 'a path that looks like an id' 0 $?
calls 'paths' ''

# fails_after STATUS MESSAGE NAME COMMAND...: fails, where hf was quiet but for its errors
fails_after() {
	wanted=$1 message=$2 name=$3
	shift 3
	"$@" >"$tmp/out" 2>"$tmp/err"
	is "$name" "$wanted, $message" "$?, $(grep -v '^hf on' "$tmp/err")$(cat "$tmp/out")"
}
list() { st-layers -q --download --list "$1"; }
mkdir "$tmp/remote/org--gguf"
: >"$tmp/remote/org--gguf/q4.gguf"
fails_after 66 "st-layers: org/gguf: the repository has no model.safetensors and no pytorch_model.bin; what else it has, hf download fetches by its name" \
	'no weights' list org/gguf
fails_after 69 'st-layers: org/nowhere: hf download failed with status 1' 'no such repository' list org/nowhere
repository org--lost 2 safetensors model
echo model-00002-of-00002.safetensors >"$tmp/lost"
fails_after 66 'st-layers: org/lost: after hf download: 1 of 2 files is not in the cache: model-00002-of-00002.safetensors' \
	'hf does not fetch all' list org/lost
echo 7 >"$tmp/status"
fails_after 69 'st-layers: org/lost: hf download failed with status 7' 'hf fails' list org/lost
rm "$tmp/status"
: >"$tmp/signal"
fails_after 69 'st-layers: org/lost: hf download was ended by signal 9' 'hf is killed' list org/lost
rm "$tmp/signal" "$tmp/calls"
fails 69 'st-layers: org/lost: --download needs hf, the command of the Python package huggingface_hub' 'no hf' \
	env PATH="$tmp/empty" "$(command -v st-layers)" --download --list org/lost

# A branch that moves between the calls: index and files are of one commit.
echo none >"$tmp/lost"
rm -r "$HF_HUB_CACHE/models--org--sharded/snapshots"
echo 0123456789aaaaaaaaaa0123456789aaaaaaaaaa >"$tmp/commit"
download 'a branch that has moved' 3 org/sharded@main
calls 'a branch that has moved' "[download][--revision][main][org/sharded][$small][model.safetensors.index.json]
[download][--revision][0123456789aaaaaaaaaa0123456789aaaaaaaaaa][org/sharded][model-00001-of-00003.safetensors][model-00002-of-00003.safetensors][model-00003-of-00003.safetensors]"

# The pipeline fetches the model once, for its first look at it, and shows how that goes.
analyse() { pipelines/precision-analysis --download --no-plots --output-dir "$tmp/results" "$@"; }
rm -r "$HF_HUB_CACHE/models--single"
rm -f "$tmp/calls"
analyse --model single --shards 1 >"$tmp/out" 2>"$tmp/err"
is 'precision-analysis --download' '0, 4' "$?, $(wc -l <"$tmp/results/alpha.tsv")"
is 'and what hf prints is seen' 4 "$(grep -c '^hf' "$tmp/err")"
calls 'the pipeline' "[download][single][$small][model.safetensors.index.json]
[download][single][config.json][model.safetensors]"
fails_after 69 'st-layers: org/nowhere: hf download failed with status 1' 'the pipeline, no such repository' \
	analyse -q --model org/nowhere
rm "$tmp/calls"

# --- hostile names ---------------------------------------------------------------------------------

for id in --include=x/y -x/y x/-y ../../no ../model@x x/.. /x .x/y x/y/z a--b x/a..b x/y.git 'x/y
z' 'x y' 'x/*' 'x;y' '$(x)' x/y@ x/y@--include=x x/y@-x x/y@../../z x/y@a//b x/y@a/ 'x/y@a
b' 'x/y@*' "x/$(printf '%097d' 0)" @x ''; do
	shown=$(printf %s "$id" | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')
	fails 66 "st-layers: $shown: No such file or directory" "no id: $shown" \
		st-layers --download --list -- "$id"
done
calls 'no ids' ''

mkdir "$tmp/remote/org--hostile"
for file in --cache-dir=x '*' '[a]' ../../x; do
	rm -rf "$HF_HUB_CACHE/models--org--hostile"
	printf '{"weight_map": {"x": "%s"}}' "$file" >"$tmp/remote/org--hostile/model.safetensors.index.json"
	st-layers -q --download --list org/hostile >"$tmp/out" 2>"$tmp/err"
	is "an index that names $file" 65 $?
	calls "an index that names $file" "[download][--quiet][org/hostile][$small][model.safetensors.index.json]"
done

done_testing
