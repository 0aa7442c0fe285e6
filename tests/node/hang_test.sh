#!/bin/bash
# hang_test.sh - a container engine or a registry that does not answer: the scripts end in
# time, with an error
# shellcheck disable=SC2016,SC2028
. "$(dirname "$0")/lib.sh"
ID=$(text_of image-id)

box() { # NAME CLUSTER RUNNING CODE [LOG-TEXT]
	printf 'id=id-%s\ncluster=%s\nrunning=%s\ncode=%s\nlogs=%s\n' "$1" "$2" "$3" "$4" \
		"$ROOM/docker/$1.log" >"$ROOM/docker/box/$1"
	printf '%s\n' "${5-}" >"$ROOM/docker/$1.log"
}
plays() { cat >"$ROOM/docker/$1"; } # VERB, its text on stdin
fresh_docker() { mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"; }

# ends PID: it ends within seconds, or waits for its parent to notice.
ends() {
	local n=0
	until ! read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || [ "$state" = Z ]; do
		n=$((n + 1))
		[ $n -lt 100 ] || return 1
		/bin/sleep 0.1
	done
}

# The data from the registry are watched, not only the time; a layer may take an hour.
pulls() {
	fresh_docker
	mkdir -p "$ROOM/proc/net"
	printf 'Inter-| R\n face |b\n    lo: 1 1 1\n  eth0: 4096 1 1\n' >"$ROOM/proc/net/dev"
	echo 'pgpgout 8' >"$ROOM/proc/vmstat"
	echo 'echo $$ >pulling; echo "a: Pulling fs layer"; exec /bin/sleep 100' | plays pull
	NAP=0 node image-up ref=img:1 image_id_sh="$ID" proc="$ROOM/proc" </dev/null
	is "nothing comes: not for ever" [ $rc = 1 ]
	is "says what, and of what engine" has "$err" "docker pull img:1: nothing came for 15 minutes; its engine hangs"
	is "with its last words" has "$err" "a: Pulling fs layer"
	is "the pull has ended" ends "$(cat "$ROOM/docker/pulling")"
	# More of it comes for as long as somebody looks: after 40 MiB it is there.
	echo 'for i in 1 2 3 4 5; do
		/bin/sleep 0.3; printf "x\nx\n  eth0: %s 1\n" $((i * 10000000)) >../proc/net/dev
	done; echo layers >image/img:1' | plays pull
	NAP=0 node image-up ref=img:1 image_id_sh="$ID" proc="$ROOM/proc" </dev/null
	is "slow, but it comes" has "$rc:$said" "0:"
}

# A daemon that answers nobody: the scripts end, and name it.
hangs() {
	fresh_docker
	local args
	while IFS='|' read -r verb args; do
		# Each takes its second.
		[ "$SH" = "${SHELLS[0]}" ] || [ "$verb" = rm ] || continue
		rm -f "$ROOM"/docker/box/*
		box dray-c1-head c1 true 0
		box dray-c1-rank c1 false 1
		echo "$verb" >"$ROOM/docker/hang"
		args=${args//ID/$ID}
		# shellcheck disable=SC2086
		LIMIT=1 node $args -- docker run -d </dev/null
		is "$verb hangs in ${args%% *}: it fails" [ $rc = 143 ]
		is "$verb hangs in ${args%% *}: in words" has "$err" "docker does not answer: 'docker $verb' took longer than 1 s"
	done <<-'END'
		inspect|container-down name=dray-c1-head cluster=c1 known=id-dray-c1-head
		rm|container-down name=dray-c1-head cluster=c1 known=id-dray-c1-head
		inspect|join-up name=dray-c1-head cluster=c1 known=id-dray-c1-head image=img:1 stall=90 longest=300 image_id_sh=true
		rm|join-up name=dray-c1-head cluster=c1 known=id-dray-c1-head image=img:1 stall=90 longest=300 image_id_sh=true
		inspect|rank-up first=yes name=dray-c1-rank cluster=c1 known=id-dray-c1-rank image=img:1 bind=127.0.0.1 port=1 stall=9 image_id_sh=true
		run|rank-up first=yes name=dray-c1-new cluster=c1 image=img:1 bind=127.0.0.1 port=1 stall=9 image_id_sh=true
		exec|serve-up name=dray-c1-head cluster=c1 known=id-dray-c1-head bind=127.0.0.1 port=1 stall=9 inputs=inputs
		inspect|serve-down name=dray-c1-head cluster=c1 known=id-dray-c1-head free=yes status_sh=true
		exec|ray-ready port=6379 place=dray-c1-head nodes=1 gpus=1 stall=9 status_sh=true
		inspect|container-guard name=dray-c1-head
		image|image-down ref=img:1
	END
	echo image >"$ROOM/docker/hang"
	LIMIT=1 node image-up ref=img:1 image_id_sh="$(cat "$(script_of bounded)" "$(script_of docker)"; echo 'limit_of() { limit=1; }')
$ID" </dev/null
	is "image hangs in image-up: it fails" [ $rc = 1 ]
	is "image hangs in image-up: in words" has "$err" "docker does not answer: 'docker image'"
	rm "$ROOM/docker/hang"
	echo 'kill -9 $$' | plays exec
	box dray-c1-head c1 true 0
	LIMIT=60 node serve-down name=dray-c1-head cluster=c1 known=id-dray-c1-head status_sh=true </dev/null
	is "killed in time is another thing" lacks "$err" "does not answer"
}

each pulls hangs
