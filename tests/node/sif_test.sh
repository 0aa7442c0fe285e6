#!/bin/bash
# sif-up.sh, sif-look.sh, sif-down.sh: a SIF file is made, and commands that run in it
. "$(dirname "$0")/lib.sh"

says() { printf '%s\n' "$out" | grep -P '^sif\t' | cut -f"$1"; }
up() {
	node sif-up runtime=apptainer sif="$ROOM/store/.dray/sif/x.sif" venv="$ROOM/store/.dray/sif/x" \
		store="$ROOM/store" package=vllm needs=ray "$@" </dev/null
}
look() {
	node observe cluster=c1 runtime=apptainer sif="$ROOM/store/.dray/sif/x.sif" \
		venv="$ROOM/store/.dray/sif/x" package=vllm needs=ray "$@" </dev/null
}
room() {
	mkdir -p "$ROOM/store" "$ROOM/image/bin"
	cp "$TOP/tests/testbed/apptainer" "$ROOM/bin/apptainer"
	export STANDIN_IMAGE=$ROOM/image
	# shellcheck disable=SC2016 # those scripts expand it
	printf '#!/bin/sh\necho "vllm $* in $APPTAINER_BIND, $PYTHONPATH"\n' >"$ROOM/image/bin/vllm"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\ncase $3 in vllm) echo 0.24.0 ;; ray) echo 2.60.0 ;; *) exit 1 ;; esac\n' >"$ROOM/image/bin/python3"
	cp "$ROOM/image/bin/vllm" "$ROOM/image/bin/ray"
	chmod +x "$ROOM/image/bin/"*
}

pulls() {
	room
	look
	is "the command" [ "$(says 2)" = 'apptainer version 1.4.0' ]
	is "no image yet" [ "$(says 3):$(says 4):$(says 5)" = '-:-:-' ]
	up pull=org/img:1
	is "it is made" [ "$rc" = 0 ]
	id=$(grep -o 'sha256:[0-9a-f]\{64\}' <<<"$said")
	is "and has an id" [ "${#id}" = 71 ]
	look
	is "a look sees the same" [ "$(says 3):$(says 4)" = "$id:$id" ]
	is "what is in it" has "$out" $'\t0.24.0\t2.60.0\tno'
	is "a command of it" has "$(PATH=$ROOM/bin:$PATH PYTHONPATH=/x APPTAINER_BIND=$ROOM "$ROOM/store/.dray/sif/x/bin/vllm" serve)" "vllm serve in $ROOM, "
	is "another Python's path does not get in" lacks "$(PATH=$ROOM/bin:$PATH PYTHONPATH=/poison "$ROOM/store/.dray/sif/x/bin/vllm" serve)" poison
	up pull=org/img:1 image_id="$id"
	is "on another node it is there" [ "$rc" = 0 ]
	is "and is not pulled again" lacks "$said" pulling
	up pull=org/img:1 image_id=sha256:other
	is "another one is refused" has "$err" 'another image than on the head'
	is "nothing is left over" [ "$(cd "$ROOM/store/.dray/sif" && find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" = './x ./x.sif ' ]
	node sif-down venv="$ROOM/store/.dray/sif/x" sif="$ROOM/store/.dray/sif/x.sif" </dev/null
	is "all of it goes" [ "$rc:$(ls -A "$ROOM/store/.dray/sif")" = 0: ]
	up pull=org/missing:1
	is "no such image" has "$err" "image 'org/missing:1' does not exist in its registry"
	is "and nothing is left" [ -z "$(ls -A "$ROOM/store/.dray/sif")" ]
	rm "$ROOM/image/bin/vllm"
	up pull=org/img:1
	is "an image without the engine" has "$err" 'has no vllm in it'
}
wrong_files() {
	room
	mkdir -p "$ROOM/store/.dray/sif"
	echo 'no image' >"$ROOM/store/.dray/sif/x.sif"
	look sif_own=own
	is "no SIF file" [ "$(says 5)" = 'is no SIF file' ]
	rm "$ROOM/store/.dray/sif/x.sif"
	look sif_own=own
	is "nothing" [ "$(says 5)" = 'does not exist' ]
	mkdir "$ROOM/store/.dray/sif/x.sif"
	look sif_own=own
	is "a folder" [ "$(says 5)" = 'is a folder' ]
	up
	is "it must be there" has "$err" 'there is no image'
	rm "$ROOM/bin/apptainer"
	PATH=/usr/bin:/bin look
	is "no command" [ "$(says 2)" = - ]
}

copy() { # ACT STORE
	node sif-copy act="$1" sif="$ROOM/$2/.dray/sif/x.sif" image_id="$id" dir="$ROOM/$2/.dray/images/m/copy" copy=c from=n1 <"$ROOM/list"
}
copies() {
	local hash blob
	room
	: >"$ROOM/list"
	up pull=org/img:1
	id=$(grep -o 'sha256:[0-9a-f]\{64\}' <<<"$said")
	copy pack store
	hash=$(sha256sum <"$ROOM/store/.dray/sif/x.sif") hash=${hash%% *}
	is "one file" [ "$rc:$out" = "0:$(stat -c %s "$ROOM/store/.dray/sif/x.sif")"$'\t'"$hash"$'\t'a.sif ]
	cp "$ROOM/out" "$ROOM/list"
	copy pack store
	is "it lies there" [ "$rc:$out" = "0:$(cat "$ROOM/list")" ]
	copy has store
	is "it is here" has "$rc:$said" "0:set whole yes"
	copy has other
	is "it is not there" [ "$rc:$out$said" = 0: ]
	blob=$ROOM/other/.dray/images/m/copy/hub/c/blobs/$hash
	head -c 200 /dev/urandom >"$blob"
	copy load other
	is "what came is another one" has "$rc:$err" "1:the image as it came from n1 is another one than there"
	is "and gets no place" [ ! -e "$ROOM/other/.dray/sif/x.sif" ]
	cp "$ROOM/store/.dray/sif/x.sif" "$blob"
	copy load other
	is "in its place" has "$rc:$said" "0:set output $id"
	is "and still there for the next node" cmp "$ROOM/other/.dray/sif/x.sif" "$blob"
	copy drop other
	is "removed" [ "$rc:$(find "$ROOM/other/.dray" -type f)" = "0:$ROOM/other/.dray/sif/x.sif" ]
	printf x >>"$ROOM/store/.dray/sif/x.sif"
	copy pack store
	is "it is another one now" has "$rc:$err" "is not what it was when the plan was made"
	sed -i 's/^[0-9]*/900000000000000/' "$ROOM/list"
	rm -r "$ROOM/other"
	copy has other
	is "no room" has "$rc:$err" "1:the image needs 858306884 MiB"
}
each pulls wrong_files copies
