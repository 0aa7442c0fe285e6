#!/bin/bash
# The scripts that talk to Docker: images, containers, Ray, the server
# shellcheck disable=SC2016,SC2028
. "$(dirname "$0")/lib.sh"
ID=$(cat "$KINDS/image-id.sh") STATUS=$(cat "$KINDS/ray-status.sh") CAUSE=$(cat "$KINDS/cause.sh")

box() { # NAME CLUSTER RUNNING CODE [LOG-TEXT]
	printf 'id=id-%s\ncluster=%s\nrunning=%s\ncode=%s\nlogs=%s\n' "$1" "$2" "$3" "$4" \
		"$ROOM/docker/$1.log" >"$ROOM/docker/box/$1"
	printf '%s\n' "${5-}" >"$ROOM/docker/$1.log"
}
plays() { cat >"$ROOM/docker/$1"; } # VERB, its text on stdin
called() { grep -c -- "$1" "$ROOM/docker/calls"; }
fresh_docker() { mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"; }

images() {
	fresh_docker
	echo layers >"$ROOM/docker/image/img:1"
	node image-up img:1 - - "$ID" </dev/null
	is "present: nothing is pulled" [ "$rc:$(called '^pull')" = 0:0 ]
	is "its fingerprint is the output" has "$said" "set output sha256:"
	local now=${said#set output }
	node image-up img:1 "$now" - "$ID" </dev/null
	is "the head's too" [ "$rc:$(called '^pull')" = 0:0 ]
	echo 'echo other >image/img:1; exit 0' | plays pull
	node image-up img:1 sha256:00 img@sha256:77 "$ID" </dev/null
	is "another one: the head's is pulled" has "$(cat "$ROOM/docker/calls")" "pull img@sha256:77"
	is "and it must be the head's" has "$rc:$err" "1:image 'img:1' is another one than on the head"
	while IFS='|' read -r said_ want; do
		rm -f "$ROOM"/docker/image/*
		printf "echo '%s' >&2; exit 1" "$said_" | plays pull
		node image-up reg.test/x:1 - - "$ID" </dev/null
		is "pull: $said_" has "$rc:$err" "1:$want"
	done <<-'END'
		write /var/lib/docker/x: no space left on device|no space left for image 'reg.test/x:1'
		unauthorized: authentication required|the registry does not give image
		pull access denied for x, repository does not exist|the registry does not give image
		manifest for x:1 not found: manifest unknown|image 'reg.test/x:1' does not exist
		dial tcp: lookup reg.test: no such host|the registry of image 'reg.test/x:1' cannot be reached
	END
}
downs() {
	fresh_docker
	node container-down dray-c1-head c1 </dev/null
	is "none there" [ $rc = 0 ]
	box dray-c1-head other true 0
	node container-down dray-c1-head c1 </dev/null
	is "not ours" has "$rc:$err" "0:container 'dray-c1-head' is not ours: left alone"
	is "and untouched" [ -f "$ROOM/docker/box/dray-c1-head" ]
	box dray-c1-head c1 true 0
	node container-down dray-c1-head c1 </dev/null
	is "ours goes" [ "$rc:$(ls "$ROOM/docker/box")" = 0: ]
	is "by its id" [ "$(called '^rm -f id-dray-c1-head')" = 1 ]
	echo 'Cannot connect to the Docker daemon' >"$ROOM/docker/fail"
	node container-down dray-c1-head c1 </dev/null
	is "Docker is down: not gone" has "$rc:$err" "1:Cannot connect"
}
rays() {
	fresh_docker
	echo 'printf "id=idn\ncluster=c1\nrunning=true\ncode=0\nlogs=\n" >box/dray-c1-head; echo idn' | plays run
	echo 'case "$*" in *"ray status"*) exit 0 ;; esac' | plays exec
	box dray-c1-head c1 false 1
	node ray-up head dray-c1-head c1 container img:1 - "$ROOM/shared/hf" "$ID" docker run -d img:1 </dev/null
	is "up, over a leftover" has "$rc:$said" "set instance idn"
	is "the leftover went first" has "$(cat "$ROOM/docker/calls")" "rm -f dray-c1-head"
	is "the cache is the user's" [ -d "$ROOM/shared/hf" ]
	box dray-c1-head other true 0
	node ray-up head dray-c1-head c1 container img:1 - - "$ID" docker run -d img:1 </dev/null
	is "a stranger in the way" has "$rc:$err" "1:a container 'dray-c1-head' that is not ours"
	rm "$ROOM/docker/box/dray-c1-head"
	while IFS='|' read -r code log want; do
		printf 'printf "id=i\\ncluster=c1\\nrunning=false\\ncode=%s\\nlogs=%s\\n" >box/dray-c1-head; echo "%s" >%s' \
			"$code" "$ROOM/docker/l" "$log" "$ROOM/docker/l" | plays run
		rm -f "$ROOM/docker/box/dray-c1-head"
		node ray-up worker dray-c1-head c1 container img:1 - - "$ID" docker run -d img:1 </dev/null
		is "died: $log" has "$rc:$err" "1:$want"
		is "died: $log: its words are shown" has "$err" "$log"
	done <<-'END'
		127|/bin/sh: 1: exec: ray: not found|image 'img:1' has no Ray in it
		1|RuntimeError: Version mismatch: The cluster was started with:|Ray or Python differ
		1|Failed to connect to GCS at address 10.0.0.1:6379|the head's Ray cannot be reached
		137|killed|the container was killed, exit 137
	END
	rm -f "$ROOM/docker/box/dray-c1-head"
	echo 'echo "docker: could not select device driver \"\" with capabilities: [[gpu]]." >&2; exit 125' | plays run
	node ray-up head dray-c1-head c1 container img:1 - - "$ID" docker run -d img:1 </dev/null
	is "no toolkit" has "$rc:$err" "1:Docker cannot hand out GPUs"
	echo layers >"$ROOM/docker/image/img:1"
	node ray-up head dray-c1-head c1 container img:1 sha256:00 - "$ID" docker run -d img:1 </dev/null
	is "another image than the head's" has "$rc:$err" "1:image 'img:1' is another one here"
	printf '#!/bin/sh\necho "printf \\"id=ids\\\\ncluster=c1\\\\nrunning=true\\\\ncode=0\\\\nlogs=\\\\n\\" >/dev/null"\ncd "$DOCKER_ROOM" && printf "id=ids\\ncluster=c1\\nrunning=true\\ncode=0\\nlogs=\\n" >box/dray-c1-head\n' >"$ROOM/launch"
	node ray-up head dray-c1-head c1 script img:1 - - "$ID" sh "$ROOM/launch" </dev/null
	is "by the script" has "$rc:$said" "set instance ids"
}
gates() {
	fresh_docker
	box dray-c1-head c1 true 0
	echo 'case "$*" in *"ray status"*) printf "======== Autoscaler status: x\nActive:\n 1 node_a\n 1 node_b\nPending:\nUsage:\n %s GPU\n" "$(cat gpus)" ;;
		*python3*) echo "@@ 10.0.0.1" ;; esac' | plays exec
	echo 0.0/4.0 >"$ROOM/docker/gpus"
	node ray-gate dray-c1-head 2 4 6 "$STATUS" n1=10.0.0.1 n2=10.0.0.2 </dev/null
	is "open" has "$rc:$said" "0:progress ray: 2 of 2 nodes, 4 of 4 GPUs"
	node ray-gate dray-c1-head 3 4 6 "$STATUS" n1=10.0.0.1 n2=10.0.0.2 </dev/null
	is "who is missing" has "$rc:$err" "1:Ray has 2 of 3 nodes for 6s now; missing: n2 (10.0.0.2)"
	echo 4.0/4.0 >"$ROOM/docker/gpus"
	node ray-gate dray-c1-head 2 4 6 "$STATUS" n1=10.0.0.1 </dev/null
	is "held" has "$rc:$err" "1:Ray has 4 GPUs, but 4 are held"
	echo 0.0/3.0 >"$ROOM/docker/gpus"
	node ray-gate dray-c1-head 2 4 6 "$STATUS" n1=10.0.0.1 </dev/null
	is "too few" has "$rc:$err" "1:Ray has 3 GPUs in all, the layout needs 4"
	rm "$ROOM/docker/box/dray-c1-head"
	echo 'exit 1' | plays exec
	node ray-gate dray-c1-head 2 4 6 "$STATUS" n1=10.0.0.1 </dev/null
	is "the head went" has "$rc:$err" "1:the head's container is gone"
}
guards() {
	fresh_docker
	box dray-c1-head c1 true 0
	node serve-guard dray-c1-head id-dray-c1-head </dev/null
	is "alive" [ "$rc:$err" = 0: ]
	node serve-guard dray-c1-head id-of-another </dev/null
	is "another one" has "$rc:$err" "1:container 'dray-c1-head' is not the one"
	box dray-c1-head c1 false 137
	node serve-guard dray-c1-head id-dray-c1-head </dev/null
	is "dead" has "$rc:$err" "1:container 'dray-c1-head' ended with 137"
	node serve-guard dray-c1-worker - </dev/null
	is "gone" has "$rc:$err" "1:container 'dray-c1-worker' is gone"
	box dray-c1-head c1 false 1 'ValueError: bad thing'
	node blame dray-c1-head ray "$CAUSE" </dev/null
	is "blame" [ "$out" = $'container dray-c1-head: exited, exit 1\nValueError: bad thing' ]
	node blame dray-c1-worker ray "$CAUSE" </dev/null
	is "blame nobody" [ "$rc:$out" = "0:container dray-c1-worker: gone" ]
}
each images downs rays gates guards
