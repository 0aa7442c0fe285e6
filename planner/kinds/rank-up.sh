# rank-up.sh first|further NAME CLUSTER IMAGE ID HF_HOME key|no-key BIND PORT STALL
#	IMAGE-ID-SH CAUSE-SH COMMAND... - starts the container of one rank of vLLM by COMMAND.
# The first has the API and waits until that answers, as long as its log goes on: STALL
# seconds without a new line are too long. A further one only has to run; whoever waits for
# the first watches it. With "key" the API key is the first line of stdin, and goes through
# a pipe into the server's environment alone. serve-log.sh comes before this text.
# shellcheck shell=sh disable=SC2154
role=$1 name=$2 cluster=$3 image=$4 id=$5 home=$6 key=$7 bind=$8 port=$9
shift 9
stall=$1 fingerprint=$2 cause=$3
shift 3
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
digest=
for word; do
	case $word in dray.digest=*) digest=${word#*=} ;; esac
done
# After a lost connection it is up already, as one of its group: then that is waited for.
there=
if owner=$(inspect '{{index .Config.Labels "dray.cluster"}}'); then
	[ "$owner" = "$cluster" ] || die "a container '$name' that is not ours is in the way"
	if [ "$(inspect '{{.State.Running}} {{index .Config.Labels "dray.digest"}}')" = "true $digest" ]; then
		there=yes
	else
		say "removing what an earlier apply left"
		docker rm -f "$name" >/dev/null || exit 1
	fi
fi

# explain WHAT: what is known about why it does not run, causes first.
explain() {
	lines=$(docker logs --tail 20 "$name" 2>&1)
	case $1:$lines in
	*'could not select device driver'*)
		die "Docker cannot hand out GPUs: install nvidia-container-toolkit, restart Docker" "$1" ;;
	*'No such image'* | *'Unable to find image'*) die "image '$image' is not on this node" "$1" ;;
	*'vllm: not found'* | *'vllm: command not found'*) die "image '$image' has no vllm command" "$1" ;;
	*'unrecognized arguments: --nnodes'* | *'unrecognized arguments: --headless'*)
		die "image '$image' has a vLLM older than v0.11.1, which knows no backend mp" "$lines" ;;
	esac
	causes=$(docker logs --tail 5000 "$name" 2>&1 | sh -c "$cause" cause)
	die "$1${causes:+: }$causes" "" "$lines"
}

if [ -z "$there" ]; then
	say "starting container"
	told=$("$@" 2>&1 3>&-) || explain "$told"
fi
container=$(inspect '{{.Id}}') || die "the container was removed by another hand"
printf 'set instance %s\n' "$container" >&3
printf 'set output %s\n' "$(inspect '{{.State.StartedAt}}')" >&3

[ "$key" = no-key ] || IFS= read -r secret
if [ "$key" = key ] && { [ -z "$there" ] || docker exec "$container" test -p /tmp/dray.key; }; then
	[ -n "$secret" ] || die "no API key came"
	# The pipe is made by the container, and is gone when it was read.
	printf '%s\n' "$secret" | docker exec -i "$container" sh -c "$hand_over" sh /tmp/dray.key ||
		explain "the API key did not reach the container"
	unset secret
fi

seconds
quiet=$now before='' far='' looked=0
while :; do
	state=$(inspect '{{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}') ||
		die "the container was removed by another hand"
	case $state in
	true*) ;;
	*' true') explain "the container is out of memory" ;;
	*)
		state=${state#* }
		explain "vllm serve ended with status ${state% *}"
		;;
	esac
	seconds
	looked=$((looked + 1))
	if [ "$role" = first ]; then
		answers "$bind" "$port" && break
	elif [ $looked -gt 1 ]; then
		exit 0
	fi
	told=$(docker logs --tail 20 "$name" 2>&1)
	[ "$told" = "$before" ] || quiet=$now
	before=$told
	words=$(printf '%s\n' "$told" | far)
	far=${words:-$far}
	if [ $((now - quiet)) -ge "$stall" ]; then
		explain "vllm serve said nothing for ${stall}s"
	fi
	case $told in
	*distributed_init_method*) [ $((now - quiet)) -lt 15 ] || far="waiting for the other ranks" ;;
	esac
	say "${far:-starting the engine}"
	sleep $((looked < 5 ? 1 : 2))
done
say "the API answers"
