#!/bin/bash
# model-look.sh: what observe.sh says of model.path and of the cache
. "$(dirname "$0")/lib.sh"

C=0123456789abcdef0123456789abcdef01234567
lines() { printf '%s\n' "$out" | grep "^$1	"; }
field() { lines "$1" | head -n 1 | cut -f "$2"; }
look() { node observe cluster=c1 "$@" </dev/null; }
# cache: a cache as hf makes it, with one model of two files.
cache() {
	d=$ROOM/hub/models--a--b
	s=$d/snapshots/$C
	mkdir -p "$d/blobs" "$d/refs" "$s/sub"
	printf %s $C >"$d/refs/main"
	echo '{"a": 1}' >"$d/blobs/c0"
	echo 123456 >"$d/blobs/b0"
	ln -s ../../blobs/c0 "$s/config.json"
	ln -s ../../blobs/b0 "$s/model-00001-of-00002.safetensors"
	ln -s ../../../blobs/b0 "$s/sub/more"
	cat >"$s/model.safetensors.index.json" <<-'END'
		{"metadata": {"total_size": 77},
		"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
	END
}

cached() {
	cache
	for revision in main $C; do
		look hub="$d" revision="$revision"
		is "$revision: the snapshot" [ "$(field snapshot 2)" = $C ]
		is "$revision: its files" [ "$(lines model | grep -c "$C/")" = 4 ]
		is "$revision: a file and its blob" has "$out" "model	$C/config.json	9	c0"
		is "$revision: its config" has "$out" 'config	{"a": 1}'
		is "$revision: the sum of its index" [ "$(field weights 2)" = 77 ]
		is "$revision: what is missing" [ "$(lines lacks)" = 'lacks	model-00002-of-00002.safetensors' ]
		is "$revision: nothing is unfinished" lacks "$out" 'partial	'
	done
	: >"$d/blobs/b1.incomplete"
	rm "$d/blobs/b0"
	ln -s ../../blobs/b1 "$s/model-00002-of-00002.safetensors"
	look hub="$d" revision=main
	is "an unfinished download" [ "$(lines partial)" = 'partial	b1.incomplete' ]
	is "a link to nothing" has "$out" "model	$C/model-00001-of-00002.safetensors	-1	-"
	is "a link to what is unfinished" has "$out" "lacks	model-00002-of-00002.safetensors"
	look hub="$d" revision=other
	is "another branch: no snapshot" lacks "$out" 'snapshot	'
	is "but its files" has "$out" "model	$C/config.json	9	c0"
	printf '../../../etc\n' >"$d/refs/other"
	look hub="$d" revision=other
	is "a ref that is no commit" lacks "$out" 'snapshot	'
}
# Other repositories, in the same cache.
others() {
	cache
	mkdir -p "$ROOM/hub/models--c--d/snapshots/$C" "$ROOM/hub/models--c--d/blobs"
	echo x >"$ROOM/hub/models--c--d/snapshots/$C/adapter_config.json"
	list="models--a--b main models--x--y main models--c--d $C models--c--d v2"
	look cache="$ROOM/hub" repos="$list"
	is "what the revisions are" [ "$(lines repo)" = "repo	models--a--b	$C
repo	models--c--d	$C" ]
	is "a file" has "$out" "model	$C/adapter_config.json	2	-"
	is "another's" has "$out" "model	$C/config.json	9	c0"
	: >"$ROOM/hub/models--c--d/blobs/x.incomplete"
	look cache="$ROOM/hub" repos="$list"
	is "what is unfinished is none" [ "$(lines repo)" = "repo	models--a--b	$C" ]
}
linked() {
	cache
	look path="$s" compare=yes
	is "a folder" [ "$(field path 2)" = dir ]
	is "its files" [ "$(lines model | sort)" = "$(printf 'model\t%s\n' 'config.json	9	-' \
		'model-00001-of-00002.safetensors	7	-' "model.safetensors.index.json	$(stat -c %s "$s/model.safetensors.index.json")	-" 'sub/	0	-')" ]
	is "what its index names" [ "$(lines lacks)" = 'lacks	model-00002-of-00002.safetensors' ]
	is "its links lead to the blobs" [ "$(lines mount)" = "mount	$d/blobs	$d/blobs" ]
	sample=$(field weights 5)
	is "a hash of what is in it" [ ${#sample} = 64 ]
	# From a link to the folder, ".." leads elsewhere.
	mkdir -p "$ROOM/x/y"
	ln -s "$s" "$ROOM/x/y/link"
	look path="$ROOM/x/y/link" compare=yes
	is "through a link, from there" [ "$(lines mount)" = "mount	$d/blobs	$ROOM/x/blobs" ]
	is "the same content" [ "$(field weights 5)" = "$sample" ]
	# A store behind the blobs.
	mkdir "$ROOM/store"
	mv "$d/blobs/b0" "$ROOM/store/far"
	ln -s "$ROOM/store/far" "$d/blobs/b0"
	look path="$s"
	is "links of links" [ "$(lines mount)" = "mount	$d/blobs	$d/blobs
mount	$ROOM/store	$ROOM/store" ]
	is "no hash unless nodes are compared" [ "$(field weights 5)" = - ]
	rm "$ROOM/store/far"
	look path="$s"
	is "a link to nothing" has "$out" "model	model-00001-of-00002.safetensors	-1	-"
	# A plain copy.
	mkdir "$ROOM/plain"
	cp "$d/blobs/c0" "$ROOM/plain/config.json"
	ln -s config.json "$ROOM/plain/again.json"
	look path="$ROOM/plain/" compare=yes
	is "links that stay" lacks "$out" 'mount	'
	sample=$(field weights 5)
	echo '{"a": 2}' >"$ROOM/plain/config.json"
	look path="$ROOM/plain" compare=yes
	is "another content of the same size" [ "$(field weights 5)" != "$sample" ]
}
kinds() {
	look path="$ROOM/nothing"
	is "nothing" [ "$(field path 2)" = none ]
	ln -s nothing "$ROOM/link"
	look path="$ROOM/link"
	is "a link to nothing" [ "$(field path 2)" = broken ]
	mkdir "$ROOM/empty"
	look path="$ROOM/empty"
	is "an empty folder" [ "$(field path 2)" = dir ]
	is "it has no files" lacks "$out" 'model	'
	echo 12345 >"$ROOM/x.gguf"
	look path="$ROOM/x.gguf" compare=yes
	is "a file" [ "$(field path 2)" = file ]
	is "its size" [ "$(lines model)" = 'model	x.gguf	6	-' ]
	is "that is all weights" [ "$(field weights 3)" = 6 ]
	mkdir "$ROOM/own"
	echo '{"dim": 8}' >"$ROOM/own/params.json"
	echo 123 >"$ROOM/own/consolidated.safetensors"
	look path="$ROOM/own"
	is "Mistral's: its numbers" has "$out" 'config	{"dim": 8}'
	is "Mistral's: its weights" [ "$(field weights 3)" = 4 ]
	echo '{}' >"$ROOM/own/config.json"
	echo 12 >"$ROOM/own/model.safetensors"
	look path="$ROOM/own"
	is "both: the numbers of config.json" has "$out" 'config	{}'
	is "both: one of them counts" [ "$(field weights 3)" = 3 ]
	cache
	look path="$d"
	is "the cache of a repository" has "$out" "model	snapshots/$C/	0	-"
}

# Names that programs which print them like to quote.
odd_names() {
	cache
	for name in "a file.json" "it's.json" 'say "x".json' 'back\slash.json' 'größe.json' 'a -> b.json' ' led.json'; do
		ln -s ../../blobs/c0 "$s/$name"
	done
	ln -s ../../blobs/c0 "$s/two
lines.json"
	look hub="$d" revision=main
	for name in "a file.json" "it's.json" 'say "x".json' 'back\\slash.json' 'größe.json' 'a -> b.json' ' led.json'; do
		is "in the cache: $name" has "$out" "model	$C/$name	9	c0"
	done
	is "a name of two lines is none" lacks "$out" "lines.json	-1"
	is "and nothing of it is another file" lacks "$out" "model	lines.json"
	mkdir -p "$ROOM/größe it's/m"
	cp -P "$s"/*.json "$ROOM/größe it's/m/"
	mkdir "$ROOM/größe it's/the \"blobs\""
	cp "$d/blobs/c0" "$ROOM/größe it's/the \"blobs\"/c0"
	ln -sf "../the \"blobs\"/c0" "$ROOM/größe it's/m/config.json"
	look path="$ROOM/größe it's/m"
	is "where links lead" has "$out" "mount	$ROOM/größe it's/the \"blobs\"	$ROOM/größe it's/the \"blobs\""
}

each cached others linked kinds odd_names
