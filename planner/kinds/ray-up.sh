# ray-up.sh ROLE NAME CLUSTER LAUNCHER IMAGE ID HF_HOME IMAGE-ID-SH COMMAND... - starts the
# container of a Ray node by COMMAND and waits until Ray is up in it, joined if it is a
# worker. LAUNCHER "script": COMMAND stays, so it is detached. ID: what IMAGE must be.
# state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
role=$1 name=$2 cluster=$3 launcher=$4 image=$5 id=$6 home=$7 fingerprint=$8
shift 8
umask 022
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
inspect() { docker inspect --type container --format "$1" "$name" 2>/dev/null; }

if [ "$id" != - ] && now=$(sh -c "$fingerprint" image-id "$image") && [ "$now" != "$id" ]; then
	die "image '$image' is another one here than on the head: plan and apply again"
fi
# Docker would make a missing directory itself, as root.
[ "$home" = - ] || mkdir -p "$home" || exit 1
if owner=$(inspect '{{index .Config.Labels "dray.cluster"}}'); then
	[ "$owner" = "$cluster" ] || die "a container '$name' that is not ours is in the way"
	say "removing what an earlier apply left"
	docker rm -f "$name" >/dev/null || exit 1
fi

say "starting container"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
if [ "$launcher" = script ]; then
	if [ -n "${container_user-}" ]; then # podman.sh: the script says docker and knows no functions
		state_of "$cluster"
		bin=$state/bin
		mkdir -p "$bin" && printf '#!/bin/sh\nexec podman "$@"\n' >"$bin/docker" &&
			chmod 755 "$bin/docker" || exit 1
		PATH=$bin:$PATH
	fi
	# The lock and the progress line are ours, not the daemon's.
	if command -v setsid >/dev/null; then
		setsid nohup "$@" >"$log" 2>&1 </dev/null 3>&- 9>&- &
	else
		nohup "$@" >"$log" 2>&1 </dev/null 3>&- 9>&- &
	fi
	launched=$!
	tries=0
	until inspect '{{.Id}}' >/dev/null; do
		tries=$((tries + 1))
		if ! kill -0 "$launched" 2>/dev/null || [ $tries -gt 60 ]; then
			break
		fi
		[ $tries -gt 5 ] || ! sleep 0.2 2>/dev/null || continue
		sleep 1
	done
	status=0
else
	"$@" >"$log" 2>&1 3>&-
	status=$?
fi

# explain: what is known about why it did not come up, first, then the last lines.
explain() { # STATUS
	lines=$(docker logs --tail 20 "$name" 2>&1)
	case $1:$(cat "$log"):$lines in
	*'could not select device driver'*)
		die "Docker cannot hand out GPUs: install nvidia-container-toolkit, restart Docker" "$(cat "$log")" ;;
	*'is already in use by container'*) die "$(grep -m 1 'already in use' "$log")" ;;
	*'No such image'* | *'Unable to find image'*) die "image '$image' is not on this node" "$(cat "$log")" ;;
	*'Version mismatch'*) die "Ray or Python differ between the images of head and worker:" "$lines" ;;
	*'Failed to connect to GCS'* | *'Failed to get cluster ID'*)
		die "the head's Ray cannot be reached from here: is its port 6379 open to this node?" "$lines" ;;
	*'does not match persisted value'* | *'already running at'*)
		die "another Ray head runs on this node" "$lines" ;;
	127:* | *'ray: not found'* | *'ray: command not found'*)
		die "image '$image' has no Ray in it: vllm/vllm-openai has none since v0.18.0; use v0.17.1, or an image made FROM it with pip install ray" "$lines" ;;
	137:*) die "the container was killed, exit 137: out of memory?" "$lines" ;;
	esac
	die "$(cat "$log")" "$lines"
}

container=$(inspect '{{.Id}}') || explain "$status"
printf 'set instance %s\n' "$container" >&3

# A minute or two is plenty when images are there; more only while something is said.
waited=0
quiet=0
before=
looked=0
while :; do
	state=$(inspect '{{.State.Running}} {{.State.ExitCode}}') || die "the container was removed by another hand"
	[ "${state%% *}" = true ] || explain "${state#* }"
	if [ "$role" = head ]; then
		docker exec "$name" ray status >/dev/null 2>&1 && break
	else
		docker logs "$name" 2>&1 | grep -q 'Ray runtime started' && break
	fi
	looked=$((looked + 1))
	[ $looked -gt 4 ] || ! sleep 0.2 2>/dev/null || continue
	now=$(docker logs "$name" 2>&1 | wc -c)
	[ "$now" = "$before" ] && quiet=$((quiet + 1)) || quiet=0
	before=$now
	waited=$((waited + 1))
	say "waiting for Ray, ${waited}s"
	if [ $quiet -ge 90 ] || [ $waited -ge 300 ]; then
		explain timeout
	fi
	sleep 1
done
