#!/bin/bash
# prune_test.sh - what may go, and what must stay whatever is asked
# shellcheck disable=SC2034,SC2154
. "$(dirname "$0")/lib.sh"
ID=$(text_of image-id)
# (Another run of this test at the same time has processes that name its own.)
OLD=$(printf 0123456789abcdef0123456789abcdef%08x $$) NEW=89abcdef0123456789abcdef0123456789abcdef
HUB=models--o--n

# snapshot HUB COMMIT BLOB SIZE: a snapshot with config.json of its own, and a blob that others may have.
snapshot() {
	local dir=$ROOM/hf/hub/$1
	mkdir -p "$dir/snapshots/$2" "$dir/blobs" "$dir/refs"
	head -c "$4" /dev/zero >"$dir/blobs/$3"
	ln -sf "../../blobs/$3" "$dir/snapshots/$2/model.safetensors"
	head -c 10 /dev/zero >"$dir/blobs/c$2"
	ln -sf "../../blobs/c$2" "$dir/snapshots/$2/config.json"
}
# record CLUSTER STEP TEXT: a record of this login on another machine, whose home this is too.
record() {
	mkdir -p "$ROOM/state/dray/$1/m/steps"
	printf '%s\n' "$3" >"$ROOM/state/dray/$1/m/steps/$2.json"
}
prune() { node prune "$@" cluster=c1 homes="$ROOM/passwd" hf_home="$ROOM/hf" store="$ROOM/hf" wanted="$HUB $NEW" image=img:2 image_id_sh="$ID" <"${IN:-/dev/null}"; }
items() { grep "^item" "$ROOM/out" | cut -f 2-4; }
kept() { grep "^kept" "$ROOM/out" | cut -f 2,5; }
begin() {
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image" "$ROOM/hf" "$ROOM/tmp" "$ROOM/scripts"
	# What tests of processes left in /tmp is not looked at.
	sed "s|^temps_in=.*|temps_in=$ROOM/tmp|" "$TOP/planner/steps/prune.sh" >"$ROOM/scripts/prune.sh"
	: >"$ROOM/passwd"
	snapshot $HUB "$OLD" shared 1000
	snapshot $HUB "$OLD" old 200
	mv "$ROOM/hf/hub/$HUB/snapshots/$OLD/model.safetensors" "$ROOM/hf/hub/$HUB/snapshots/$OLD/b"
	ln -s ../../blobs/shared "$ROOM/hf/hub/$HUB/snapshots/$OLD/a"
	snapshot $HUB $NEW shared 1000
	record c1 weights@n "{\"phase\":\"done\",\"inputs\":{\"repo\":\"o/n\",\"commit\":\"$NEW\"}}"
}

weights() {
	begin
	prune act=list
	is "the old commit, without what the new one has" [ "$(items)" = $'weights\t'"$HUB@$OLD"$'\t210' ]
	is "all was listed" has "$out" end
	# Whatever names it keeps it.
	prune act=list named="$OLD"
	is "a record of another node" [ -z "$(items)" ]
	record c2 rank@n "{\"inputs\":{\"model.commit\":\"$OLD\"}}"
	prune act=list
	is "another cluster" [ -z "$(items)" ]
	node prune act=names cluster=c1 homes="$ROOM/passwd" </dev/null
	is "which tells its hash" has "$out" "named	$OLD"
	rm -r "$ROOM/state/dray/c2"
	mkdir -p "$ROOM/eve/.local/state/dray/c9/m/steps"
	echo "{\"x\":\"$OLD\"}" >"$ROOM/eve/.local/state/dray/c9/m/steps/serve.json"
	echo "eve:x:1:1::$ROOM/eve:/bin/sh" >"$ROOM/passwd"
	prune act=list
	is "another login" [ -z "$(items)" ]
	: >"$ROOM/passwd"
	prune act=list wanted="$HUB -"
	record c1 repo@n "{\"phase\":\"intent\",\"inputs\":{\"repo\":\"o/n\"}}"
	prune act=list
	is "a download that did not end" [ "$(kept)" = $'weights\tan apply has begun to download \'o/n\'' ]
	rm "$ROOM/state/dray/c1/m/steps/repo@n.json"
	sh -c 'while :; do sleep 1; done' "$OLD" &
	prune act=list
	is "a process" [ "$(kept)" = $'weights\ta process names it' ]
	kill $!
	wait $! 2>/dev/null
	# Nobody proves that these are dray's.
	snapshot models--o--n-2 "$OLD" x 1
	snapshot models--eve--n "$OLD" x 1
	mkdir -p "$ROOM/hf/hub/$HUB/snapshots/other" "$ROOM/hf/hub/$HUB/snapshots/0123"
	ln -s /etc "$ROOM/hf/hub/models--o--link"
	prune act=list
	is "only what is in the layout of the cache" [ "$(items)" = $'weights\t'"$HUB@$OLD"$'\t210' ]
	mkdir -p "$ROOM/state/dray/c1/m/history"
	printf '%s\n' '{"spec":"model:\n  repo: eve/n\n"}' >"$ROOM/state/dray/c1/m/history/1.json"
	prune act=list
	is "a model of an earlier spec" has "$(items)" "weights	models--eve--n@$OLD	11"
	# Only what was chosen goes.
	echo "weights	$HUB@$NEW" >"$ROOM/in"
	IN=$ROOM/in prune act=remove
	is "what is wanted cannot be chosen" [ "$out" = end ]
	printf '%s\n' "weights	$HUB@$OLD" "weights	../..@$OLD" >"$ROOM/in"
	IN=$ROOM/in prune act=remove
	is "it went" has "$out" "gone	weights	$HUB@$OLD	210"
	is "with its blobs" [ ! -e "$ROOM/hf/hub/$HUB/blobs/old" ]
	is "the others have theirs" [ -s "$ROOM/hf/hub/$HUB/snapshots/$NEW/model.safetensors" ]
	is "the other model is there" [ -s "$ROOM/hf/hub/models--eve--n/snapshots/$OLD/config.json" ]
	echo "weights	models--eve--n@$OLD" >"$ROOM/in"
	IN=$ROOM/in prune act=remove
	is "the last commit takes the folder along" [ ! -e "$ROOM/hf/hub/models--eve--n" ]
	is "others stay" [ -e "$ROOM/hf/hub/models--o--n-2/blobs/x" ]
}
halves() {
	local part=$HUB/blobs/f.incomplete
	begin
	rm -r "$ROOM/hf/hub/$HUB/snapshots/$OLD"
	echo half >"$ROOM/hf/hub/$part"
	prune act=list
	is "it may still come" [ -z "$(items)" ]
	touch -d '2 hours ago' "$ROOM/hf/hub/$part"
	prune act=list
	is "half a download" [ "$(items)" = $'partial\t'"$part"$'\t5' ]
	record c2 download "{\"phase\":\"intent\",\"inputs\":{\"repo\":\"o/n\"}}"
	prune act=list
	is "one that goes on" [ -z "$(items)" ]
	rm -r "$ROOM/state/dray/c2"
	echo "partial	$part" >"$ROOM/in"
	IN=$ROOM/in prune act=remove
	is "gone" [ ! -e "$ROOM/hf/hub/$part" ]
}
# image ID SIZE TAGS...: one of the docker here, which has each under its ID.
image() { echo "$*" >"$ROOM/docker/image/$1"; }
images() {
	begin
	rm -r "$ROOM/hf/hub"
	mkdir -p "$ROOM/state/dray/c1/m/images"
	printf '%s\n' 'sha256:01 img:1' 'sha256:02 img:2' 'sha256:03 img:3' 'sha256:04 img:4' 'sha256:05 gone:5' \
		>"$ROOM/state/dray/c1/m/images/pulled"
	image sha256:01 100 img:1
	image sha256:02 100 img:2
	image sha256:03 100 img:3 theirs:3
	image sha256:04 100 img:4
	image sha256:09 100 foreign:1
	echo sha256:02 >"$ROOM/docker/image/img:2"
	prune act=list
	is "what dray brought, and not what is wanted" [ "$(items)" = $'image\tsha256:01 img:1\t100\nimage\tsha256:04 img:4\t100' ]
	is "others name one" [ "$(kept)" = $'image\tsomebody else calls it \'theirs:3\'' ]
	record c2 rank@n '{"inputs":{"image":"img:1"}}'
	prune act=list
	is "another cluster's record" [ "$(items)" = $'image\tsha256:04 img:4\t100' ]
	record c2 rank@n "{\"inputs\":{\"image_id\":\"sha256:$(printf 'sha256:04 100 img:4' | sha256sum | cut -d' ' -f1)\"}}"
	prune act=list
	is "or by its fingerprint" [ "$(items)" = $'image\tsha256:01 img:1\t100' ]
	printf '%s\n' "image	sha256:01 img:1" "image	sha256:09 foreign:1" >"$ROOM/in"
	IN=$ROOM/in prune act=remove
	is "it went" has "$(cat "$ROOM/docker/calls")" "image rm img:1"
	is "and nothing else" [ "$(grep -c '^image rm' "$ROOM/docker/calls")" = 1 ]
}
# What lies in .dray of the storage, beside the records and in /tmp.
others() {
	local s=$ROOM/hf/.dray state h1=0123456789ab h2=123456789abc h3=23456789abcd h4=3456789abcde
	begin
	rm -r "$ROOM/hf/hub"
	mkdir -p "$s/sif/$h1/bin" "$s/sif/$h2/bin" "$s/sif/$h3/bin" "$s/sif/$h4.new.77" "$s/sif/mine" "$s/sif/$h4.new.78"
	head -c 500 /dev/zero | tee "$s/sif/$h1.sif" "$s/sif/$h2.sif" "$s/sif/mine.sif" "$s/run_cluster-$h1.sh" \
		"$s/run_cluster-$h3.sh" >"$s/run_cluster-$h4.sh"
	touch -d '2 hours ago' "$s/sif/$h4.new.77"
	record c2 serve "{\"inputs\":{\"script.sha256\":\"$h3$(printf %052d 0)\"}}"
	prune act=list
	is "nothing of it is looked at where another node does" [ -z "$(items)" ]
	prune act=list made=$h1
	is "what is there: $(items)" [ "$(items | sed "s|$s/||" | sort)" = "$(printf '%s\t%s\t%s\n' \
		script run_cluster-$h4.sh 500 sif sif/$h2.sif 500 sif sif/$h3 0 sif sif/$h4.new.77 0)" ]
	record c3 rank@n "{\"inputs\":{\"venv\":\"$s/sif/$h2\"}}"
	prune act=list made=$h1
	is "a record of another cluster" lacks "$(items)" "$h2"
	node prune act=names cluster=c1 homes="$ROOM/passwd" </dev/null
	is "which tells it to other nodes" has "$out" "named	$h2"
	rm -r "$ROOM/state/dray/c3"
	sh -c 'while :; do sleep 1; done' "$s/sif/$h2.sif" &
	prune act=list made=$h1
	is "a process has it" [ "$(kept)" = $'sif\ta process names it' ]
	kill $!
	wait $! 2>/dev/null
	printf '%s\n' "sif	$s/sif/$h2.sif" "sif	$s/sif/$h1.sif" "sif	$s/sif/mine.sif" >"$ROOM/in"
	IN=$ROOM/in prune act=remove made=$h1
	is "it went with its commands" [ ! -e "$s/sif/$h2.sif" -a ! -e "$s/sif/$h2" ]
	is "others stay" [ -e "$s/sif/$h1.sif" -a -e "$s/sif/mine.sif" -a -e "$s/sif/$h3" ]
	# Beside the records.
	state=$ROOM/state/dray/c1/$(cat /etc/machine-id 2>/dev/null || hostname)
	mkdir -p "$state/run/rank@a" "$state/run/rank@b" "$state/run/rank@c" "$state/steps"
	echo 12345 | tee "$state/run/rank@a/log" "$state/run/rank@b/log" >"$state/run/rank@c/log"
	echo '{}' >"$state/steps/rank@a.json"
	echo $$ >"$state/run/rank@c/pid"
	prune act=list
	is "of a process without a record" [ "$(items)" = $'run\trank@b\t6' ]
	# Images that an earlier dray pulled.
	image sha256:0a 100 img:0
	cp "$ROOM/docker/image/sha256:0a" "$ROOM/docker/image/img:0"
	mkdir -p "$ROOM/state/dray/c1/m/history"
	printf '%s\n' '{"spec":"engine: {image: '"'img:0'"'}\n"}' >"$ROOM/state/dray/c1/m/history/2.json"
	prune act=list
	is "an image that nobody noted: $(kept)" has "$(kept)" "docker image rm img:0"
}
temps() {
	local old young
	begin
	rm -r "$ROOM/hf/hub"
	old=$(mktemp -d "$ROOM/tmp/dray-XXXXXXXX") young=$(mktemp -d "$ROOM/tmp/dray-XXXXXXXX")
	echo 1234 >"$old/x"
	touch -d '2 hours ago' "$old"
	prune act=list
	is "an old one" has "$(items)" "temp	$old	5"
	is "not a young one" lacks "$(items)" "$young"
	mkdir -p "$ROOM/state/dray/c7/m/run/rank@a"
	echo "$old" >"$ROOM/state/dray/c7/m/run/rank@a/temp"
	prune act=list
	is "not one that another cluster has" lacks "$(items)" "$old"
	rm -r "$ROOM/state/dray/c7"
	TMPDIR=$old sleep 100 &
	prune act=list
	is "nor one that a process has" lacks "$(items)" "$old"
	kill $! && wait $! 2>/dev/null
	echo "temp	$old" >"$ROOM/in"
	IN=$ROOM/in prune act=remove
	is "it went" [ ! -e "$old" ]
	rm -rf "$old" "$young"
}
logs() {
	local state
	begin
	rm -r "$ROOM/hf/hub"
	node observe cluster=c1 </dev/null
	prune act=list
	state=$(dirname "$(find "$ROOM/state/dray/c1" -name m)")/$(cat /etc/machine-id 2>/dev/null || hostname)
	mkdir -p "$state/logs" "$state/steps" "$state/images"
	touch "$state/logs/rank-20260101T000000Z.log" "$state/logs/rank@b-20260101T000000Z.log" \
		"$state/logs/serve-20260101T000000Z.log" "$state/logs/mine.txt" "$state/images/1-2.archive" "$state/images/3-4.archive"
	echo '{}' >"$state/steps/serve.json"
	echo '{}' >"$state/steps/rank@a.json"
	prune act=list stamp=3-4
	is "what has no record: $(items)" [ "$(items | cut -f 2 | sed 's|.*/||' | tr '\n' ' ')" = "rank@b-20260101T000000Z.log 1-2.archive " ]
	# What an image's way from node to node left; while this node lacks the image, an apply goes on with it.
	mkdir -p "$state/images/copy/hub/c/blobs"
	echo layer >"$state/images/copy/hub/c/blobs/x"
	prune act=list stamp=3-4
	is "an apply goes on with it" lacks "$(items)" copy
	echo sha256:02 >"$ROOM/docker/image/img:2"
	prune act=list stamp=3-4
	is "it is left over" has "$(items)" "copy	$state/images/copy	6"
	echo "copy	$state/images/copy" >"$ROOM/in"
	IN=$ROOM/in prune act=remove stamp=3-4
	is "it went" [ ! -e "$state/images/copy" ]
}
each weights halves images logs others temps
