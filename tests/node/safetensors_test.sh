#!/bin/bash
# safetensors.sh: headers of safetensors files, valid and broken
. "$(dirname "$0")/lib.sh"

# file NAME JSON [BYTES-OF-DATA]: a safetensors file with that header.
file() {
	local n=${#2} i
	for ((i = 0; i < 8; i++)); do printf '%b' "\\0$(printf %o $((n >> 8 * i & 255)))"; done >"$ROOM/m/$1"
	printf %s "$2" >>"$ROOM/m/$1"
	truncate -s "$((8 + n + ${3:-0}))" "$ROOM/m/$1"
}
line() { printf '%s\n' "$out" | grep -qxF "$(printf '%b' "$1")"; }
bf='"dtype":"BF16","shape"'

plain() {
	mkdir "$ROOM/m"
	file model.safetensors "{\"__metadata__\":{\"format\":\"pt\"},\"a.weight\":{$bf:[2,3],\"data_offsets\":[0,12]},\"b.experts.0.w\":{$bf:[1],\"data_offsets\":[12,14]},\"b.experts.31.w\":{$bf:[1],\"data_offsets\":[14,16]},\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[16,20]}}" 20
	node safetensors dir="$ROOM/m"
	is "it ends well" [ $rc = 0 ]
	is "how many files" [ "${out%%$'\n'*}" = 'tensors 1 1' ]
	is "a tensor" line 'BF16\t1\t12\ta.weight'
	is "experts are one line" line 'BF16\t2\t4\tb.experts.*.w'
	is "another kind of number" line 'F32\t1\t4\ts'
	is "no metadata" lacks "$out" format
	is "its end" [ "${out##*$'\n'}" = end ]
}
spaced() {
	mkdir "$ROOM/m"
	file a.safetensors "{ \"a.weight\" : { \"data_offsets\" : [ 4 , 16 ], $bf : [2, 3] } , \"b\": {\"shape\":[2],\"dtype\" : \"BF16\",\"data_offsets\":[0,4]}}    " 16
	node safetensors dir="$ROOM/m"
	is "blanks and another order" line 'BF16\t1\t12\ta.weight'
	is "both" line 'BF16\t1\t4\tb'
}
# Only files that an index names, and never the other format of the same weights.
several() {
	mkdir "$ROOM/m"
	file model-1.safetensors "{\"a\":{$bf:[5000000000],\"data_offsets\":[0,10000000000]}}" 10000000000
	file model-2.safetensors "{\"b\":{$bf:[2],\"data_offsets\":[0,4]}}" 4
	file old.safetensors "{\"c\":{$bf:[2],\"data_offsets\":[0,4]}}" 4
	file consolidated.safetensors "{\"d\":{$bf:[2],\"data_offsets\":[0,4]}}" 4
	node safetensors dir="$ROOM/m"
	is "all but the consolidated" [ "${out%%$'\n'*}" = 'tensors 1 3' ]
	echo '{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}' >"$ROOM/m/model.safetensors.index.json"
	node safetensors dir="$ROOM/m"
	is "those of the index" [ "${out%%$'\n'*}" = 'tensors 1 2' ]
	is "ten gigabytes" line 'BF16\t1\t10000000000\ta'
	is "not the other" lacks "$out" $'\tc'
}
# A broken file is named, and the rest is not reported.
broken() {
	mkdir "$ROOM/m"
	node safetensors dir="$ROOM/m"
	is "nothing there" [ "$rc:$err" = '1:it has no safetensors files' ]
	node safetensors dir="$ROOM/none"
	is "no folder" has "$err" "there is no '$ROOM/none'"
	file a.safetensors "{\"a\":{$bf:[2],\"data_offsets\":[0,4]}}" 3
	node safetensors dir="$ROOM/m"
	is "cut off" [ "$rc" = 1 ]
	is "by how much" has "$err" 'a.safetensors: it has '
	printf '\377\377\377\377\377\377\377\177{}' >"$ROOM/m/a.safetensors"
	node safetensors dir="$ROOM/m"
	is "a length that cannot be" [ "$rc:$err" = '1:a.safetensors: it has no safetensors header' ]
	is "no end then" lacks "$out" end
	printf 'abc' >"$ROOM/m/a.safetensors"
	node safetensors dir="$ROOM/m"
	is "three bytes" [ "$rc" = 1 ]
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n' >"$ROOM/m/a.safetensors"
	node safetensors dir="$ROOM/m"
	is "a pointer instead of the file" [ "$rc" = 1 ]
}
each plain spaced several broken
