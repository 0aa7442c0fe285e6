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

each pulls wrong_files
