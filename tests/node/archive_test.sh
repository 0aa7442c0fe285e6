#!/bin/bash
# archive_test.sh - images out of archives: what is read of them, and what is loaded
# shellcheck disable=SC2154
. "$(dirname "$0")/lib.sh"
ID=$(text_of image-id)

# layer: the layer of all images here.
layer=sha256:6e2fcb2e3129fd8475d3520d9a1157f811659cbc3b1234541ca4d641921fbd08
# pack FILE FORMAT ARCH NAMES...: an archive with an image for each argument NAMES, names with
# commas between them or nothing; FORMAT is oci, as Docker writes it since 25, or legacy. $config is
# the last one's.
pack() {
	local file=$1 format=$2 arch=$3 names all='' at n=0 json
	shift 3
	rm -rf "$ROOM/pack"
	mkdir -p "$ROOM/pack/blobs/sha256"
	for names; do
		n=$((n + 1))
		json="{\"architecture\":\"$arch\",\"config\":{\"Env\":[\"N=$n\",\"X={\\\"architecture\\\":\\\"vax\\\"}\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"$layer\"]}}"
		config=$(printf %s "$json" | sha256sum) config=${config%% *}
		if [ "$format" = oci ]; then at=blobs/sha256/$config; else at=$config.json; fi
		printf %s "$json" >"$ROOM/pack/$at"
		[ -z "$names" ] && names=null || names="[\"${names//,/\",\"}\"]"
		all="$all${all:+,}{\"Config\":\"$at\",\"RepoTags\":$names,\"Layers\":[\"x/layer.tar\"]}"
	done
	echo "[$all]" >"$ROOM/pack/manifest.json"
	head -c 300000 /dev/urandom >"$ROOM/pack/aa-layer"
	tar -C "$ROOM/pack" -cf "$file" .
}
told() { awk -F'\t' '$1 == "archive"' "$ROOM/out"; }
load() { node image-load cluster=c1 ref="$REF" archive="$ROOM/a" image_id_sh="$ID" "$@" </dev/null; }
note() { cat "$ROOM"/state/dray/c1/*/images/archive; }

looks() {
	local first
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"
	node observe cluster=c1 image=a/b:1 archive="$ROOM/a" </dev/null
	is "no file" [ "$(told)" = $'archive\tmissing' ]
	for first in oci legacy; do
		pack "$ROOM/a" $first amd64 a/b:1
		node observe cluster=c1 image=docker.io/a/b:1 archive="$ROOM/a" </dev/null
		is "an archive ($first)" [ "$(told)" = $'archive\tread\t'"$config"$'\t-\tamd64\ta/b:1' ]
		node observe cluster=c1 image=a/c:1 archive="$ROOM/a" </dev/null
		is "another image ($first)" [ "$(told)" = $'archive\tread\t-\t-\t-\ta/b:1' ]
	done
	pack "$ROOM/a" oci arm64 x:1 a/b:1,a/b:2
	node observe cluster=c1 image=a/b:2 archive="$ROOM/a" </dev/null
	is "one of two, by its second name" [ "$(told)" = $'archive\tread\t'"$config"$'\t-\tarm64\tx:1 a/b:1 a/b:2' ]
	echo "sha256:$config" >"$ROOM/docker/image/a_b:2"
	node observe cluster=c1 image=a/b:2 archive="$ROOM/a" </dev/null
	is "it is there" [ "$(told | cut -f 4)" = "$(awk -F'\t' '$1 == "image" { print $3 }' "$ROOM/out")" ]
	# An archive whose configuration does not have the hash that it is named by.
	sed -i 's/"N=1"/"N=9"/' "$ROOM"/pack/blobs/sha256/*
	tar -C "$ROOM/pack" -cf "$ROOM/a" .
	node observe cluster=c1 image=a/b:2 archive="$ROOM/a" </dev/null
	is "the other image of it was changed" [ "$(told | cut -f 2)" = read ]
	sed -i 's/"N=2"/"N=9"/' "$ROOM"/pack/blobs/sha256/*
	tar -C "$ROOM/pack" -cf "$ROOM/a" .
	node observe cluster=c1 image=a/b:2 archive="$ROOM/a" </dev/null
	is "it was changed" [ "$(told)" = $'archive\tother' ]
	gzip -c "$ROOM/a" >"$ROOM/a.gz"
	node observe cluster=c1 image=a/b:1 archive="$ROOM/a.gz" </dev/null
	is "packed" [ "$(told)" = $'archive\tpacked' ]
	head -c 100000 /dev/urandom >"$ROOM/a"
	node observe cluster=c1 image=a/b:1 archive="$ROOM/a" </dev/null
	is "noise" [ "$(told)" = $'archive\tother' ]
}
loads() {
	local id
	REF=a/b:1
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"
	load
	is "no file" has "$rc:$err" "1:there is no file"
	pack "$ROOM/b" legacy amd64 a/b:1
	gzip <"$ROOM/b" >"$ROOM/a"
	echo "cat >got; echo sha256:$config >image/a_b:1" >"$ROOM/docker/load"
	load arch=arm64
	is "another architecture" has "$rc:$err" "1:image 'a/b:1' in '$ROOM/a' is for amd64, but this node is arm64"
	is "nothing was loaded" [ ! -e "$ROOM/docker/got" ]
	REF=a/c:1 load
	is "another image" has "$rc:$err" "has no image 'a/c:1', but: a/b:1"
	load arch=amd64
	is "loaded: $err" [ "$rc" = 0 ]
	is "unpacked" cmp "$ROOM/docker/got" "$ROOM/b"
	id=${said##*set output } id=${id%%$'\n'*}
	is "the note" [ "$(note)" = "$(stat -c '%s %Y' "$ROOM/a") $ROOM/a"$'\n'"$config $id amd64 a/b:1" ]
	node observe cluster=c1 image=a/b:1 archive="$ROOM/a" </dev/null
	is "a packed one that was read" [ "$(told)" = $'archive\tread\t'"$config"$'\t'"$id"$'\tamd64\ta/b:1' ]
	# It is there: nothing is loaded.
	rm "$ROOM/docker/got"
	load there=yes
	is "there" [ "$rc:$([ ! -e "$ROOM/docker/got" ] && echo no)" = 0:no ]
	is "the plan is made again" has "$said" "set again"
	load image_id=sha256:00
	is "another one than on the head" has "$rc:$err" "1:image 'a/b:1' in '$ROOM/a' is another one than on the head"
	# One that was sent, without a name.
	rm "$ROOM"/docker/image/*
	pack "$ROOM/a" oci amd64 ''
	printf '%s\n' "cat >/dev/null" >"$ROOM/docker/load"
	rm -r "$ROOM/state/dray/c1"
	load must=00 remove=yes
	is "another one than was sent" has "$rc:$err" "1:image 'a/b:1' in '$ROOM/a' is not the one that was sent: its ID is $config, not 00"
	is "nothing of it was loaded" [ ! -e "$ROOM/docker/got" ]
	load must="$config" remove=yes
	is "what was loaded must be it" has "$rc:$err" "1:image 'a/b:1' is another one than '$ROOM/a' has"
	is "kept for the next try" [ -e "$ROOM/a" ]
	echo "cat >/dev/null; echo sha256:$config >image/a_b:1" >"$ROOM/docker/load"
	load must="$config" remove=yes
	is "called as the spec says" has "$(cat "$ROOM/docker/calls")" "tag sha256:$config a/b:1"
	is "removed" [ "$rc:$([ ! -e "$ROOM/a" ] && echo no)" = 0:no ]
	is "and not noted" [ ! -e "$(echo "$ROOM"/state/dray/c1/*/images)/archive" ]
	rm "$ROOM"/docker/image/*
	pack "$ROOM/a" oci amd64 a/b:1
	printf '%s\n' 'echo "write /x: no space left on device" >&2; exit 1' >"$ROOM/docker/load"
	load
	is "no space" has "$rc:$err" "1:no space left for image 'a/b:1'"
}
puts() {
	local to=$ROOM/put/1-2.archive
	node image-put act=need to="$to" all=3000000 </dev/null
	is "nothing is there" [ "$rc:$out" = 0:0 ]
	head -c 3000000 /dev/urandom >"$ROOM/file"
	head -c 2097152 "$ROOM/file" >"$ROOM/one"
	node image-put act=write to="$to" size=0 <"$ROOM/one"
	head -c 100 /dev/urandom >>"$to" # was cut off
	touch "$ROOM/put/0-0.archive" "$ROOM/put/other"
	node image-put act=need to="$to" all=3000000 </dev/null
	is "two blocks are there" [ "$out" = 2097152 ]
	is "one of another time goes" [ ! -e "$ROOM/put/0-0.archive" ]
	is "other files do not" [ -e "$ROOM/put/other" ]
	tail -c +2097153 "$ROOM/file" >"$ROOM/two"
	node image-put act=write to="$to" size=2097152 <"$ROOM/two"
	is "all of it" cmp "$to" "$ROOM/file"
	node image-put act=need to="$to" all=3000000 </dev/null
	is "nothing more is needed" [ "$out" = 3000000 ]
	node image-put act=need to="$ROOM/put/9-9.archive" all=900000000000000 </dev/null
	is "no room" has "$rc:$err" "1:the archive needs 858306884 MiB in"
}
# saved KIND: what docker save prints of a/b:1, whose layers are one, two, one, three. KIND is that of Docker
# until 24 (legacy), of Docker since (oci, where layers are packed) or of podman. $diffs are the layers'
# hashes, $config the image's.
saved() {
	local at=$ROOM/saved kind=$1 n diff list='' json name
	declare -A of=()
	rm -rf "$at"
	mkdir -p "$at/blobs/sha256"
	diffs=()
	for n in one two one three; do
		printf '%s\n' "layer $n" >"$at/x"
		diff=$(sha256sum <"$at/x") diff=${diff%% *}
		diffs+=("$diff")
		case $kind in
		legacy)
			name=id${#diffs[@]}/layer.tar
			mkdir "$at/${name%/*}"
			echo 1.0 >"$at/${name%/*}/VERSION"
			if [ -n "${of[$n]-}" ]; then ln -s "../${of[$n]}" "$at/$name"; else mv "$at/x" "$at/$name"; fi
			;;
		oci)
			gzip -n "$at/x"
			name=$(sha256sum <"$at/x.gz") name=blobs/sha256/${name%% *}
			mv "$at/x.gz" "$at/$name"
			;;
		podman)
			name=$diff.tar
			mv "$at/x" "$at/$name"
			;;
		esac
		of[$n]=$name
		list=$list${list:+,}\"$name\"
	done
	json="{\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[$(printf '"sha256:%s",' "${diffs[@]}" | sed 's/,$//')]}}"
	config=$(printf %s "$json" | sha256sum) config=${config%% *}
	name=$config.json
	[ "$kind" != oci ] || name=blobs/sha256/$config
	printf %s "$json" >"$at/$name"
	echo "[{\"Config\":\"$name\",\"RepoTags\":[\"a/b:1\"],\"Layers\":[$list]}]" >"$at/manifest.json"
	rm -f "$at/x"
	echo "tar -C '$at' -cf - ." >"$ROOM/docker/save"
	echo sha256:"$config" >"$ROOM/docker/image/a_b:1"
}
packs() { node image-pack ref=a/b:1 image_id="$PRINT" image_id_sh="$ID" dir="$ROOM/copies" copy=c </dev/null; }
unpacks() { node image-copy act="$1" cluster=c1 ref=a/b:1 image_id="$PRINT" image_id_sh="$ID" dir="$ROOM/copies" copy=c "${@:2}" <"$ROOM/list"; }
saves() { grep -c '^save' "$ROOM/docker/calls"; }
# print_of: the fingerprint of a/b:1 as it is there now.
print_of() { node image-id ref=a/b:1 </dev/null; PRINT=$out; }
packing() {
	local kind size blob
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"
	for kind in legacy oci podman; do
		rm -rf "$ROOM/copies"
		: >"$ROOM/docker/calls"
		saved $kind
		print_of
		packs
		is "$kind: $err" [ "$rc" = 0 ]
		cp "$ROOM/out" "$ROOM/list"
		is "$kind: configuration and layers, in their order" [ "$(cut -f 3 "$ROOM/list" | tr '\n' ' ')" = \
			"$config.json 000-${diffs[0]}.tar 001-${diffs[1]}.tar 002-${diffs[2]}.tar 003-${diffs[3]}.tar " ]
		is "$kind: one file for two equal layers" [ "$(find "$ROOM/copies" -type f ! -name packed | wc -l)" = 4 ]
		while read -r size blob _; do
			is "$kind: size and hash" [ "$(stat -c %s "$ROOM/copies/hub/c/blobs/$blob") $(sha256sum <"$ROOM/copies/hub/c/blobs/$blob")" = "$size $blob  -" ]
		done <"$ROOM/list"
		packs
		is "$kind: it lies there" [ "$rc:$(saves):$(cat "$ROOM/out")" = "0:1:$(cat "$ROOM/list")" ]
		blob=$(tail -n 1 "$ROOM/list" | cut -f 2)
		rm "$ROOM/copies/hub/c/blobs/$blob"
		mkdir -p "$ROOM/copies/hub/old"
		packs
		is "$kind: a file is gone" [ "$rc:$(saves):$(cat "$ROOM/out")" = "0:2:$(cat "$ROOM/list")" ]
		is "$kind: that of another image goes" [ "$(ls "$ROOM/copies/hub")" = c ]
	done
	rm -rf "$ROOM/copies"
	PRINT=sha256:00 packs
	is "another image" has "$rc:$err" "1:image 'a/b:1' on this node is another one"
	sed -i 's/"Layers":\[[^,]*,/"Layers":[/' "$ROOM/saved/manifest.json"
	packs
	is "a layer less" has "$rc:$err" "1:what docker save wrote for 'a/b:1' is of a kind that cannot be copied"
	is "nothing is left: $(find "$ROOM/copies" -type f)" [ -z "$(find "$ROOM/copies" -type f)" ]
	sed -i 's/"Layers":\[/&"..\/..\/etc\/passwd",/' "$ROOM/saved/manifest.json"
	packs
	is "a path that leads out" has "$rc:$err" "1:what docker save wrote for 'a/b:1' is of a kind that cannot be copied"
	echo 'echo "write: no space left on device" >&2; exit 1' >"$ROOM/docker/save"
	packs
	is "it fails" has "$rc:$err" "1:docker save a/b:1: write: no space left on device"
}
# chain NUMBER...: an image x:1 that has these layers of a/b:1.
chain() {
	local n all=''
	for n; do all=$all${all:+,}\"sha256:${diffs[$n]}\"; done
	mkdir -p "$ROOM/docker/layers"
	echo "[$all]" >"$ROOM/docker/layers/x:1"
	echo layers >"$ROOM/docker/image/x:1"
}
needless() { # NUMBERS WHAT
	unpacks has
	is "$2: $out" [ "$rc:${out//$'\n'/ }" = "0:$1" ]
}
# forged: of what came, the configuration is another one than the list says, or than it must be; or the
# engine makes something else of it. Nothing keeps the name.
forged() {
	local file=$ROOM/copies/hub/c/blobs/$config
	rm -f "$ROOM/docker/got"
	echo "cat >got; echo sha256:other >image/a_b:1" >"$ROOM/docker/load"
	unpacks load from=n1 must=00
	is "not the one of the operator" has "$rc:$err" "1:image 'a/b:1' as it came from n1 is not the one that it must be: the ID of what came is $config, not 00"
	mv "$file" "$ROOM/true"
	sed 's/}$/,"config":{"User":"evil"}}/' "$ROOM/true" >"$file"
	unpacks load from=n1
	is "not the one of the list" has "$rc:$err" "1:image 'a/b:1' as it came from n1 is not the one that it must be"
	is "nothing was loaded" [ ! -e "$ROOM/docker/got" ]
	mv "$ROOM/true" "$file"
	unpacks load from=n1
	is "the engine has another one" has "$rc:$err" "1:image 'a/b:1' as it came from n1 is another one than there"
	is "which does not keep the name" [ ! -e "$ROOM/docker/image/a_b:1" ]
	echo sha256:before >"$ROOM/docker/image/a_b:1"
	unpacks load from=n1
	is "what had it has it again" has "$rc:$(tail -n 1 "$ROOM/docker/calls")" "1:tag sha256:before a/b:1"
}
copying() {
	local blob
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"
	saved legacy
	print_of
	packs
	cp "$ROOM/out" "$ROOM/list"
	unpacks has
	is "the image is here" has "$rc:$said" "0:set whole yes"
	rm "$ROOM/docker/image/a_b:1"
	needless "1 2 3 4 5" "in a shared directory all lies there"
	mv "$ROOM/copies" "$ROOM/source"
	mkdir -p "$ROOM/copies/hub/old"
	needless "" "nothing is here"
	is "that of another image goes" [ "$(ls "$ROOM/copies/hub")" = c ]
	chain 0 1
	needless 3 "the first layer comes again further up"
	is "who takes it from here is told so" [ -e "$ROOM/copies/hub/c/blobs/${diffs[1]}.sent.skipped" ]
	chain 0 1 2
	needless "2 3 4" "all but the last"
	chain 1 2
	needless "" "on top of others"
	# The last one comes, and the image is loaded.
	chain 0 1 2
	unpacks has
	cp "$ROOM/source/hub/c/blobs/$config" "$ROOM/source/hub/c/blobs/${diffs[3]}" "$ROOM/copies/hub/c/blobs"
	echo "cat >got; echo sha256:$config >image/a_b:1" >"$ROOM/docker/load"
	unpacks load
	is "loaded: $err" has "$rc:$said" "0:"
	is "its fingerprint" has "$said" "set output $PRINT"
	is "a name by this node's own script" [ "$(tar -xOf "$ROOM/docker/got" manifest.json)" = \
		"[{\"Config\":\"$config.json\",\"RepoTags\":[\"a/b:1\"],\"Layers\":[\"000-${diffs[0]}.tar\",\"001-${diffs[1]}.tar\",\"002-${diffs[2]}.tar\",\"003-${diffs[3]}.tar\"]}]" ]
	is "empty files for layers that are here" [ "$(tar -tvf "$ROOM/docker/got" | awk '$1 !~ /^d/ { print $3 }' | tr '\n' ' ')" = \
		"0 0 0 12 $(stat -c %s "$ROOM/source/hub/c/blobs/$config") $(tar -xOf "$ROOM/docker/got" manifest.json | wc -c) " ]
	is "noted, to remove it some day" has "$(cat "$ROOM"/state/dray/c1/*/images/pulled)" "sha256:$config"
	# The engine has lost what it says to have.
	rm "$ROOM/docker/image/a_b:1"
	echo 'cat >/dev/null; echo "open layer.tar: invalid" >&2; exit 1' >"$ROOM/docker/load"
	unpacks load
	is "all must come" [ "$rc" = 79 ]
	needless "" "then none is spared"
	cp "$ROOM/source/hub/c/blobs/"* "$ROOM/copies/hub/c/blobs/"
	unpacks load from=n1
	is "not even so" has "$rc:$err" "1:docker load of 'a/b:1' as it came from n1: open layer.tar: invalid"
	echo "cat >/dev/null; echo sha256:other >image/a_b:1" >"$ROOM/docker/load"
	unpacks load from=n1
	is "another image" has "$rc:$err" "1:image 'a/b:1' as it came from n1 is another one than there"
	echo "cat >/dev/null; echo sha256:$config >image/a_b:1" >"$ROOM/docker/load"
	unpacks load must="$config"
	is "the image that it must be: $err" [ "$rc" = 0 ]
	rm "$ROOM/docker/image/a_b:1"
	forged
	unpacks drop
	is "removed" [ "$rc:$([ ! -e "$ROOM/copies" ] && echo no)" = 0:no ]
	# No room for it.
	rm -f "$ROOM/docker/image/a_b:1"
	sed -i 's/^[0-9]*/900000000000000/' "$ROOM/list"
	unpacks has
	is "no room" has "$rc:$err" "1:the layers of image 'a/b:1' need"
}
each looks loads puts packing copying
