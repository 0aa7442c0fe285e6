#!/bin/bash
# The scripts that talk to Docker: images, containers, Ray, the server
# shellcheck disable=SC2016,SC2028
. "$(dirname "$0")/lib.sh"
ID=$(text_of image-id) STATUS=$(text_of ray-status)

box() { # NAME CLUSTER RUNNING CODE [LOG-TEXT]
	printf 'id=id-%s\ncluster=%s\nowner=%s\nrunning=%s\ncode=%s\nlogs=%s\n' "$1" "$2" "${OWNER-$ME}" "$3" "$4" \
		"$ROOM/docker/$1.log" >"$ROOM/docker/box/$1"
	printf '%s\n' "${5-}" >"$ROOM/docker/$1.log"
}
plays() { cat >"$ROOM/docker/$1"; } # VERB, its text on stdin
called() { grep -c -- "$1" "$ROOM/docker/calls"; }
fresh_docker() { mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"; }

images() {
	fresh_docker
	echo layers >"$ROOM/docker/image/img:1"
	node image-up ref=img:1 image_id_sh="$ID" </dev/null
	is "present: nothing is pulled" [ "$rc:$(called '^pull')" = 0:0 ]
	is "its fingerprint is the output" has "$said" "set output sha256:"
	local now=${said#set output }
	node image-up ref=img:1 image_id="$now" image_id_sh="$ID" </dev/null
	is "the head's too" [ "$rc:$(called '^pull')" = 0:0 ]
	echo 'echo other >image/img:1; exit 0' | plays pull
	node image-up ref=img:1 image_id=sha256:00 pull_from=img@sha256:77 image_id_sh="$ID" </dev/null
	is "another one: the head's is pulled" has "$(cat "$ROOM/docker/calls")" "pull img@sha256:77"
	is "and it must be the head's" has "$rc:$err" "1:image 'img:1' is another one than on the head"
	while IFS='|' read -r said_ want; do
		rm -f "$ROOM"/docker/image/*
		printf "echo '%s' >&2; exit 1" "$said_" | plays pull
		node image-up ref=reg.test/x:1 image_id_sh="$ID" </dev/null
		is "pull: $said_" has "$rc:$err" "1:$want"
	done <<-'END'
		write /var/lib/docker/x: no space left on device|no space left for image 'reg.test/x:1'
		unauthorized: authentication required|the registry does not give image
		pull access denied for x, repository does not exist|the registry does not give image
		manifest for x:1 not found: manifest unknown|image 'reg.test/x:1' does not exist
		dial tcp: lookup reg.test: no such host|the registry of image 'reg.test/x:1' cannot be reached
		no matching manifest for linux/arm64/v8 in the manifest list entries|image 'reg.test/x:1' has none for this node's architecture
	END
}
# The registry is asked before GBs come; what it does not tell, the image does.
architectures() {
	fresh_docker
	echo 'echo layers >image/img:1' | plays pull
	plays manifest <<-'END'
		echo '[ {"Descriptor": {"platform": {'
		echo '  "architecture": "amd64",'
		echo '  "os": "linux"}}}, {"platform": {'
		echo '  "architecture": "unknown"}}]'
	END
	node image-up ref=img:1 arch=arm64 image_id_sh="$ID" </dev/null
	is "only for another one" has "$rc:$err" "1:image 'img:1' has none for this node (arm64), only for amd64"
	is "nothing was pulled" [ "$(called '^pull')" = 0 ]
	node image-up ref=img:1 arch=amd64 image_id_sh="$ID" </dev/null
	is "for this one" [ "$rc:$(called '^pull')" = 0:1 ]
	rm "$ROOM/docker/image/img:1"
	echo 'exit 1' | plays manifest
	echo amd64 >"$ROOM/docker/arch"
	node image-up ref=img:1 arch=arm64 image_id_sh="$ID" </dev/null
	is "the registry does not tell, the image does" has "$rc:$err" "1:image 'img:1' has none for this node (arm64), only for amd64"
	rm -f "$ROOM/docker/image/img:1"
	node image-up ref=img:1 image_id_sh="$ID" </dev/null
	is "nobody asks" [ "$rc" = 0 ]
}
looks_into() {
	fresh_docker
	echo layers >"$ROOM/docker/image/img:1"
	while IFS='|' read -r found want; do
		echo "echo '@@ $found'; exit 0" | plays run
		node image-observe cluster=c1 ref=img:1 engine=vllm engine_title=vLLM needs=ray needs_title=Ray \
			backend=mp other=ray broken=0.17.0 mended=0.18.0 image_id_sh="$ID" </dev/null
		is "$found: '$want'" [ "$rc" = 0 -a "$(grep -v '^progress' "$ROOM/said" | grep -o '^set again')" = "${want:+set again}" ]
		is "$found: why" has "$said" "$want"
	done <<-'END'
		- 0.16.0|
		- 0.17.0|has vLLM 0.17.0, which cannot
		- 0.17.1+cpu|has vLLM 0.17.1+cpu, which cannot
		- 0.17.2|has vLLM 0.17.2, which cannot
		- 0.18.0|
		- 0.18.0rc1|
		- 1.0|
		- present|
		- -|
		2.54.0 0.17.1|has Ray 2.54.0 in it
	END
}
downs() {
	fresh_docker
	node container-down name=dray-c1-head cluster=c1 </dev/null
	is "none there" [ $rc = 0 ]
	box dray-c1-head other true 0
	node container-down name=dray-c1-head cluster=c1 </dev/null
	is "not ours" has "$rc:$err" "0:a container 'dray-c1-head' that is not ours: left alone"
	is "and untouched" [ -f "$ROOM/docker/box/dray-c1-head" ]
	box dray-c1-head c1 true 0
	node container-down name=dray-c1-head cluster=c1 </dev/null
	is "ours goes" [ "$rc:$(ls "$ROOM/docker/box")" = 0: ]
	is "by its id" [ "$(called '^rm -f id-dray-c1-head')" = 1 ]
	echo 'Cannot connect to the Docker daemon' >"$ROOM/docker/fail"
	node container-down name=dray-c1-head cluster=c1 </dev/null
	is "Docker is down: not gone" has "$rc:$err" "1:Cannot connect"
	echo layers >"$ROOM/docker/image/img:1"
	node image-down ref=img:1 </dev/null
	is "nor is an image" has "$rc:$err" "1:Cannot connect"
	rm "$ROOM/docker/fail"
	node image-down ref=img:1 </dev/null
	is "an image goes" [ "$rc:$(ls "$ROOM/docker/image")" = 0: ]
	node image-down ref=img:1 </dev/null
	is "or has gone" [ "$rc" = 0 ]
}
join_up() { # ARGUMENTS -- COMMAND
	node join-up name=dray-c1-head cluster=c1 image=img:1 stall=90 longest=300 image_id_sh="$ID" "$@" </dev/null
}
rays() {
	fresh_docker
	echo 'printf "id=idn\ncluster=c1\nrunning=true\ncode=0\nlogs=\n" >box/dray-c1-head; echo idn' | plays run
	echo 'case "$*" in *"ray status"*) exit 0 ;; esac' | plays exec
	box dray-c1-head c1 false 1
	join_up hf_home="$ROOM/shared/hf" -- docker run -d img:1
	is "up, over a leftover" has "$rc:$said" "set instance idn"
	is "the leftover went first" has "$(cat "$ROOM/docker/calls")" "rm -f id-dray-c1-head"
	is "the cache is the user's" [ -d "$ROOM/shared/hf" ]
	join_up known=idn await=idn image_id=sha256:00 -- docker run -d img:1
	is "what came up already is waited for" has "$rc:$said" "0:set instance idn"
	is "and not started again" [ "$(called '^run'):$(called '^rm')" = 1:1 ]
	join_up known=idn await=other -- docker run -d img:1
	is "but nothing else" has "$rc:$err" "1:container dray-c1-head is not the one"
	# A daemon that is away for two calls, when the container is there.
	cp "$ROOM/docker/exec" "$ROOM/docker/exec-own"
	echo '[ -e ../asked ] || { : >../asked; rm exec; mv exec-own exec; echo "Cannot connect to the Docker daemon" >fail; }; exit 1' | plays exec
	mv "$ROOM/bin/docker" "$ROOM/bin/docker-own"
	cat >"$ROOM/bin/docker" <<-'END'
		#!/bin/sh
		[ ! -s "$DOCKER_ROOM/fail" ] || {
			echo x >>"$DOCKER_ROOM/../fails"
			[ "$(wc -l <"$DOCKER_ROOM/../fails")" -lt 3 ] || rm "$DOCKER_ROOM/fail"
		}
		exec "$0-own" "$@"
	END
	chmod +x "$ROOM/bin/docker"
	rm "$ROOM/docker/box/dray-c1-head"
	join_up -- docker run -d img:1
	is "while the daemon is away nothing has ended" [ "$rc:$(wc -l <"$ROOM/fails")" = 0:3 ]
	mv "$ROOM/bin/docker-own" "$ROOM/bin/docker"
	box dray-c1-head other true 0
	join_up -- docker run -d img:1
	is "a stranger in the way" has "$rc:$err" "1:a container 'dray-c1-head' that is not ours"
	rm "$ROOM/docker/box/dray-c1-head"
	while IFS='|' read -r code log want; do
		printf 'printf "id=i\\ncluster=c1\\nrunning=false\\ncode=%s\\nlogs=%s\\n" >box/dray-c1-head; echo "%s" >%s' \
			"$code" "$ROOM/docker/l" "$log" "$ROOM/docker/l" | plays run
		rm -f "$ROOM/docker/box/dray-c1-head"
		join_up worker=yes -- docker run -d img:1
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
	join_up -- docker run -d img:1
	is "no toolkit" has "$rc:$err" "1:Docker cannot hand out GPUs"
	echo layers >"$ROOM/docker/image/img:1"
	join_up image_id=sha256:00 -- docker run -d img:1
	is "another image than the head's" has "$rc:$err" "1:image 'img:1' is another one here"
	printf '#!/bin/sh\necho "printf \\"id=ids\\\\ncluster=c1\\\\nrunning=true\\\\ncode=0\\\\nlogs=\\\\n\\" >/dev/null"\ncd "$DOCKER_ROOM" && printf "id=ids\\ncluster=c1\\nrunning=true\\ncode=0\\nlogs=\\n" >box/dray-c1-head\n' >"$ROOM/launch"
	join_up launcher=yes -- sh "$ROOM/launch"
	is "by the script" has "$rc:$said" "set instance ids"
}
gates() {
	fresh_docker
	box dray-c1-head c1 true 0
	echo 'case "$*" in *"ray status"*) printf "======== Autoscaler status: x\nActive:\n 1 node_a\n 1 node_b\nPending:\nUsage:\n %s GPU\n" "$(cat gpus)" ;;
		*python3*) echo "@@ 10.0.0.1" ;; esac' | plays exec
	echo 0.0/4.0 >"$ROOM/docker/gpus"
	node ray-ready port=6379 place=dray-c1-head nodes=2 gpus=4 stall=6 status_sh="$STATUS" -- n1=10.0.0.1 n2=10.0.0.2 </dev/null
	is "open" has "$rc:$said" $'0:wait\nprogress ray: 2 of 2 nodes, 4 of 4 GPUs'
	node ray-ready port=6379 place=dray-c1-head nodes=3 gpus=4 stall=6 status_sh="$STATUS" -- n1=10.0.0.1 n2=10.0.0.2 </dev/null
	is "who is missing" has "$rc:$err" "1:Ray has 2 of 3 nodes for 6s now; missing: n2 (10.0.0.2)"
	echo 4.0/4.0 >"$ROOM/docker/gpus"
	node ray-ready port=6379 place=dray-c1-head nodes=2 gpus=4 stall=6 status_sh="$STATUS" -- n1=10.0.0.1 </dev/null
	is "held" has "$rc:$err" "1:Ray has 4 GPUs, but 4 are held"
	echo 0.0/3.0 >"$ROOM/docker/gpus"
	node ray-ready port=6379 place=dray-c1-head nodes=2 gpus=4 stall=6 status_sh="$STATUS" -- n1=10.0.0.1 </dev/null
	is "too few" has "$rc:$err" "1:Ray has 3 GPUs in all, the layout needs 4"
	rm "$ROOM/docker/box/dray-c1-head"
	echo 'exit 1' | plays exec
	node ray-ready port=6379 place=dray-c1-head nodes=2 gpus=4 stall=6 status_sh="$STATUS" -- n1=10.0.0.1 </dev/null
	is "the head went" has "$rc:$err" "1:the head's container is gone"
}
guards() {
	fresh_docker
	box dray-c1-head c1 true 0
	node container-guard name=dray-c1-head instance=id-dray-c1-head </dev/null
	is "alive" [ "$rc:$err" = 0: ]
	node container-guard name=dray-c1-head instance=id-of-another </dev/null
	is "another one" has "$rc:$err" "1:container 'dray-c1-head' is not the one"
	box dray-c1-head c1 false 137
	node container-guard name=dray-c1-head instance=id-dray-c1-head </dev/null
	is "dead" has "$rc:$err" "1:container 'dray-c1-head' ended with 137"
	node container-guard name=dray-c1-worker </dev/null
	is "gone" has "$rc:$err" "1:container 'dray-c1-worker' is gone"
	box dray-c1-head c1 false 1 'ValueError: bad thing'
	node container-diagnose name=dray-c1-head part=head lines=9 bytes=999 </dev/null
	is "a report" [ "$out" = $'state 2026-11-22T20:00:09.5Z container dray-c1-head: exited, exit 1\nlog head\n|ValueError: bad thing' ]
	node container-diagnose name=dray-c1-head part=head beside=yes lines=9 bytes=6 </dev/null
	is "of its last bytes; a server that is not there has no log" [ "$out" = $'state 2026-11-22T20:00:09.5Z container dray-c1-head: exited, exit 1\nlog head\n|thing' ]
	node container-diagnose name=dray-c1-worker part=worker lines=9 bytes=999 </dev/null
	is "a report of nobody" [ "$rc:$out" = "0:state container dray-c1-worker: gone" ]
	echo 'permission denied' >"$ROOM/docker/fail"
	node container-diagnose name=dray-c1-head part=head lines=9 bytes=999 </dev/null
	is "a report without docker" [ "$rc:$out" = "0:state container dray-c1-head: permission denied" ]
	rm "$ROOM/docker/fail"
}
# One cluster name, two owners: each script checks whose the container is right before it
# removes it or works in it.
others() {
	local down text
	fresh_docker
	down=$(library state whose keep; text_of container-down)
	text="of login 'root' (uid 0, state folder /srv/eve/dray)"
	while read -r owner known want; do
		OWNER=${owner#-} known=${known#-}
		box dray-c1-head c1 true 0
		: >"$ROOM/docker/calls"
		node container-down name=dray-c1-head cluster=c1 known="$known" </dev/null
		is "container-down: $owner $known" [ "$rc:$(called '^rm')" = "0:$want" ]
		box dray-c1-head c1 true 0
		: >"$ROOM/docker/calls"
		node rank-down name=dray-c1-head cluster=c1 known="$known" node=n1 down_sh="$down" diagnose_sh="echo log rank" lines=9 bytes=999 </dev/null
		is "rank-down: $owner $known" [ "$rc:$(called '^rm')" = "0:$want" ]
		is "rank-down, its log: $owner $known" [ "$(find "$ROOM/state" -name '*.log' 2>/dev/null | wc -l)" = "$want" ]
		rm -rf "$ROOM/state"
		for worker in '' yes; do
			box dray-c1-head c1 false 1
			: >"$ROOM/docker/calls"
			join_up worker=$worker known="$known" -- docker run -d img:1
			is "join-up: $owner $known" [ "$(called '^rm'):$(called '^run')" = "$want:$want" ]
			[ "$owner" != 0@/srv/eve/dray ] || is "join-up says whose" has "$err" "container 'dray-c1-head' $text is in the way"
		done
		box dray-c1-head c1 true 0
		: >"$ROOM/docker/calls"
		node serve-down name=dray-c1-head cluster=c1 known="$known" status_sh="$STATUS" </dev/null
		is "serve-down: $owner $known" [ "$(called '^exec' | sed 's/[1-9][0-9]*/1/')" = "$want" ]
		box dray-c1-head c1 true 0
		: >"$ROOM/docker/calls"
		node download-down hf_home="$ROOM/shared/hf" hub=models--o--n commit=abc name=dray-c1-head cluster=c1 known="$known" </dev/null
		is "download-down: $owner $known" [ "$rc:$(called '^rm')" = "0:$want" ]
	done <<-END
		$ME - 1
		0@/srv/eve/dray - 0
		0@/srv/eve/dray id-other 0
		4711@/srv/eve/dray id-dray-c1-head 0
		4711@$ROOM/state/dray - 0
		$(id -u)@/moved/dray id-dray-c1-head 1
		- - 0
		- id-other 0
		- id-dray-c1-head 1
	END
	OWNER=4711@/srv/eve/dray
	box dray-c1-head c1 true 0
	node container-down name=dray-c1-head cluster=c1 </dev/null
	is "a login without a name" has "$err" "container 'dray-c1-head' of login '4711' (uid 4711, state folder /srv/eve/dray): left alone"
	node serve-up name=dray-c1-head cluster=c1 bind=0.0.0.0 port=1 stall=1 inputs='{}' -- -- vllm </dev/null
	is "no server in it" has "$rc:$err" "1:container 'dray-c1-head' of login '4711'"
	unset OWNER
	# A script that starts one labels its owner.
	rm "$ROOM/docker/box/dray-c1-head"
	join_up -- docker run -d img:1
	is "docker run" has "$(cat "$ROOM/docker/calls")" "run -d --label dray.owner=$ME img:1"
	printf '#!/bin/sh\necho "$*" >"$DOCKER_ROOM/words"\n' >"$ROOM/launch"
	join_up launcher=yes -- sh "$ROOM/launch" img:1 --head --label a=b
	is "run_cluster.sh" [ "$(cat "$ROOM/docker/words")" = "img:1 --head --label a=b --label dray.owner=$ME" ]
}
each images architectures looks_into downs rays gates guards others
