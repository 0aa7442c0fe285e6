# join-up.sh - starts the container of one node of the coordinator, and waits until the
# coordinator runs in it: a worker has joined then
#	name, cluster, known  as in container-down.sh
#	worker       "yes": it is a worker, not the head
#	launcher     "yes": the words are those of a script that does not return, such as
#	             run_cluster.sh; else they begin with "docker run -d"
#	image        its image
#	image_id     the fingerprint that the image must have
#	image_id_sh  the text of image-id.sh
#	hf_home      the cache of models, which is made
#	stall        seconds that it may say nothing
#	longest      seconds in all
#	await        the id of one that an earlier apply started: it is waited for
# The words are the command that starts it. state.sh, whose.sh, container-up.sh and the
# engine's script come before this text.
# shellcheck shell=sh disable=SC2154
args 'name cluster image image_id_sh stall longest' \
	'known worker launcher image_id hf_home await' "$@" || exit
shift "$args"
umask 022

[ -n "$await" ] || prepare
state_of "$cluster"
id=
if labels_of "$name"; then
	is_ours "$name" "$cluster" "$known" || die "$told is in the way"
fi
if [ -n "$await" ]; then
	[ "$id" = "$await" ] || die "container $name is not the one that was to be waited for"
elif [ -n "$id" ]; then
	say "removing what an earlier apply left"
	docker rm -f "$id" >/dev/null || exit 1
fi

container=$await
log=$(mktemp) || exit 1
trap 'trap "" TERM; rm -f "$log" "$log.now"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
trap 'exit 129' HUP  # and what waits when dray is gone so
[ -n "$await" ] || say "starting container"
status=0
if [ -n "$await" ]; then
	:
elif [ -n "$launcher" ]; then
	# podman.sh: the launcher says docker, and does not know our function of that name.
	if [ -n "${container_user-}" ]; then
		bin=$state/bin
		mkdir -p "$bin" && printf '#!/bin/sh\nexec podman "$@"\n' >"$bin/docker" &&
			chmod 755 "$bin/docker" || exit 1
		PATH=$bin:$PATH
	fi
	# run_cluster.sh hands on what comes last.
	set -- "$@" --label "dray.owner=$self"
	# The lock and the progress line are ours, not the daemon's.
	if command -v setsid >/dev/null; then
		setsid nohup "$@" >"$log" 2>&1 </dev/null 3>&- 8>&- 9>&- &
	else
		nohup "$@" >"$log" 2>&1 </dev/null 3>&- 8>&- 9>&- &
	fi
	launched=$!
	tries=0
	until inspect '{{.Id}}' >/dev/null; do
		tries=$((tries + 1))
		if ! kill -0 "$launched" 2>/dev/null || [ $tries -gt "$launched_limit" ]; then
			break
		fi
		[ $tries -gt 5 ] || ! sleep 0.2 2>/dev/null || continue
		sleep 1
	done
else
	shift 3 # docker run -d
	set -- docker run -d --label "dray.owner=$self" "$@"
	container=$("$@" 2>"$log" 3>&-)
	status=$?
	printf '%s\n' "$container" >>"$log"
	case $status${#container}$container in 064*[!0-9a-f]*) container= ;; 064*) ;; *) container= ;; esac
fi

# explain STATUS: says why it did not come up, as far as that is known, and its last lines.
explain() {
	lines=$(docker logs --tail 20 "$name" 2>&1)
	case $1:$(cat "$log"):$lines in
	*'could not select device driver'*)
		die "Docker cannot hand out GPUs: install their container toolkit, restart Docker" "$(cat "$log")" ;;
	*'is already in use by container'*) die "$(grep -m 1 'already in use' "$log")" ;;
	*'No such image'* | *'Unable to find image'*) die "image '$image' is not on this node" "$(cat "$log")" ;;
	esac
	words=$(known "image '$image'" "$1:$(cat "$log"):$lines") && die "$words" "$lines"
	case $1 in
	137) die "the container was killed, exit 137: out of memory?" "$lines" ;;
	esac
	die "$(cat "$log")" "$lines"
}

# (Docker prints the id of what it has started.)
[ -n "$container" ] || container=$(inspect '{{.Id}}') || explain "$status"
printf 'set instance %s\n' "$container" >&3
# From here on it only waits: shell.sh ends it when dray is gone, and the lock is not ours.
echo wait >&3
exec 8<&- 9<&-

# A minute or two is plenty when the image is there; it takes longer only while the log grows.
waited=0
quiet=0
before=
looked=0
while :; do
	! stands '{{.State.Running}} {{.State.ExitCode}}' || [ "${told%% *}" = true ] || explain "${told#* }"
	looked=$((looked + 1))
	if [ -n "$worker" ]; then
		docker logs "$name" >"$log.now" 2>&1
		! grep -q "$joined_words" "$log.now" || break
	else
		# shellcheck disable=SC2086
		docker exec "$name" $status_command >/dev/null 2>&1 && break
		[ $looked -le 4 ] || docker logs "$name" >"$log.now" 2>&1
	fi
	[ $looked -gt 4 ] || ! sleep 0.2 2>/dev/null || continue
	now=$(wc -c <"$log.now")
	[ "$now" = "$before" ] && quiet=$((quiet + 1)) || quiet=0
	before=$now
	waited=$((waited + 1))
	say "waiting for $coordinator, ${waited}s"
	if [ $quiet -ge "$stall" ] || [ $waited -ge "$longest" ]; then
		explain timeout
	fi
	sleep 1
done
