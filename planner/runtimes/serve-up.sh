# serve-up.sh - starts the server in the head's container, and waits until its API answers
#	name, cluster, known  as in container-down.sh; the head's
#	key         "yes": the API key is the first line of stdin. It goes through a pipe into the
#	            environment of the server alone: podman keeps that of an exec on disk
#	bind, port  where the API listens
#	scheme      "https": it speaks TLS
#	stall       seconds without a new line in the log that are too long
#	inputs      what the server is started by, as its record has it
#	files       the operator's files that it reads, with a space between
#	await       the instance of one that an earlier apply started: it is waited for
# The words are its environment, NAME=VALUE each, then "--" and its command. Leaves
# /tmp/dray/serve.{log,pid,start,status,instance,inputs} in the container. state.sh, whose.sh,
# serve-log.sh and the engine's script come before this text.
# shellcheck shell=sh disable=SC2154
args 'name cluster stall inputs' 'known key bind port scheme files await' "$@" || exit
shift "$args"
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
in_container() { docker exec -e "instance=$instance" "$name" sh -c "$@" 2>/dev/null; }

state_of "$cluster"
labels_of "$name" || die "$told"
is_ours "$name" "$cluster" "$known" || die "$told is in the way"
instance=${await:-$(cat /proc/sys/kernel/random/uuid)}
[ -n "$instance" ] || exit 1
# Runs inside: the server gets a session of its own, so that all of it can be ended. Its status
# is kept, unless another server has taken its place.
# shellcheck disable=SC2016
runner='umask 022
mkdir -p /tmp/dray && rm -f /tmp/dray/serve.status /tmp/dray/serve.pid /tmp/dray/serve.start /tmp/dray/serve.key &&
	: >/tmp/dray/serve.log || exit 1
printf "%s\n" "$1" >/tmp/dray/serve.inputs
printf "%s\n" "$DRAY_INSTANCE" >/tmp/dray/serve.instance
if [ -n "$2" ]; then
	(umask 077; mkfifo /tmp/dray/serve.key) && IFS= read -r secret </tmp/dray/serve.key &&
		rm /tmp/dray/serve.key && export "$3=$secret" || exit 1
	unset secret
fi
shift 3
while [ "$1" != -- ]; do
	export "$1"
	shift
done
shift
if command -v setsid >/dev/null; then
	setsid "$@" >>/tmp/dray/serve.log 2>&1 </dev/null &
else
	"$@" >>/tmp/dray/serve.log 2>&1 </dev/null &
fi
child=$!
read -r stat <"/proc/$child/stat"
set -- ${stat##*) }
echo "${20}" >/tmp/dray/serve.start
echo $child >/tmp/dray/serve.pid
wait $child
status=$?
read -r now </tmp/dray/serve.instance && [ "$now" = "$DRAY_INSTANCE" ] &&
	echo $status >/tmp/dray/serve.status'

# start WORDS: starts it.
start() {
	say "starting $server"
	# A folder that was removed on the node stays gone for a container that has it.
	if [ -n "$files" ]; then
		# shellcheck disable=SC2016,SC2086
		lost=$(in_container 'for file; do [ -e "$file" ] || { echo "$file"; exit; }; done' x $files)
		[ -z "$lost" ] || die "the container '$name' does not see '$lost' any more, since its folder was" \
			"removed on the node: dray apply -replace head"
	fi
	secret=
	if [ -n "$key" ]; then
		IFS= read -r secret
		[ -n "$secret" ] || die "no API key came"
	fi
	docker exec -d -e "DRAY_INSTANCE=$instance" "$name" sh -c "$runner" dray-serve "$inputs" "$key" "$key_variable" "$@" || exit 1
	if [ -n "$key" ]; then
		# shellcheck disable=SC2016
		give "$secret" | docker exec -i "$name" sh -c "$hand_over" sh /tmp/dray/serve.key ||
			die "the API key did not reach the container"
		unset secret
	fi
}
[ -n "$await" ] || start "$@"
printf 'set instance %s\n' "$instance" >&3
# From here on it only waits: shell.sh ends it when dray is gone, and the lock is not ours.
echo wait >&3
exec 8<&- 9<&-

# One look inside: the state, the size of the log, and its end.
# shellcheck disable=SC2016
look='cd /tmp/dray 2>/dev/null || exit 1
read -r now <serve.instance; [ "$now" = "$instance" ] || { echo other; exit; }
read -r pid <serve.pid
if [ -z "$pid" ]; then echo starting
elif kill -0 "$pid"; then echo alive
else
	[ -s serve.status ] || sleep 1
	read -r status <serve.status && echo "ended $status" || echo killed
fi
wc -c <serve.log; tail -c 65536 serve.log'
failed() {
	tail=$(in_container 'tail -n 20 /tmp/dray/serve.log')
	die "$1" "" "$tail"
}

nl='
'
seconds
size='' quiet=$now far='' looked=0
while :; do
	seconds
	if told=$(in_container "$look"); then
		state=${told%%"$nl"*} told=${told#*"$nl"}
		grown=${told%%"$nl"*} told=${told#*"$nl"}
		if [ "$grown" != "$size" ]; then
			size=$grown quiet=$now
			words=$(printf '%s\n' "$told" | far)
			far=${words:-$far}
		fi
		case $state in
		ended*) failed "$server ended with status ${state#ended }" ;;
		killed) failed "$server was killed" ;;
		other) [ -z "$await" ] || die "another $server has taken the place of the one that was waited for" ;;
		alive) answers "$bind" "$port" "$scheme" && break ;;
		esac
	else
		case $(docker inspect --type container --format '{{.State.Running}}' "$name" 2>&1) in
		false* | *[Nn]'o such'*) die "the head's container ended while $server was starting in it" ;;
		esac
	fi
	looked=$((looked + 1))
	if [ $((now - quiet)) -ge "$stall" ]; then
		failed "$server said nothing for ${stall}s"
	fi
	say "${far:-starting the engine}"
	[ $looked -gt 5 ] || ! sleep 0.2 2>/dev/null || continue
	sleep $((looked < 10 ? 1 : 2))
done
say "the API answers"
words=$(in_container 'tail -c 1048576 /tmp/dray/serve.log' | measured)
[ -z "$words" ] || printf 'set measured %s\n' "$words" >&3
