# serve-up.sh CONTAINER key|no-key RAY-ADDRESS BIND PORT STALL INPUTS CAUSE-SH vllm serve ...
# - starts the server in the head's container and waits until its API answers. The waiting
# time follows the log: STALL seconds without a new line are too long. With "key" the API
# key is the first line of stdin, and goes through a pipe into the server's environment alone
# (podman keeps the environment of an exec on disk). Leaves /tmp/dray/serve.{log,pid,status,instance,inputs} in the container.
# shellcheck shell=sh disable=SC2154
name=$1 key=$2 ray=$3 bind=$4 port=$5 stall=$6 inputs=$7 cause=$8
shift 8
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
in_container() { docker exec -e "instance=$instance" "$name" sh -c "$@" 2>/dev/null; }

instance=$(cat /proc/sys/kernel/random/uuid) || exit 1
# Runs inside: the server in a session of its own, so that all of it can be ended, and its
# status kept, unless the next one has taken its place.
# shellcheck disable=SC2016
runner='umask 022
mkdir -p /tmp/dray && rm -f /tmp/dray/serve.status /tmp/dray/serve.pid /tmp/dray/serve.key &&
	: >/tmp/dray/serve.log || exit 1
printf "%s\n" "$1" >/tmp/dray/serve.inputs
printf "%s\n" "$DRAY_INSTANCE" >/tmp/dray/serve.instance
if [ "$2" = key ]; then
	(umask 077; mkfifo /tmp/dray/serve.key) && IFS= read -r VLLM_API_KEY </tmp/dray/serve.key &&
		rm /tmp/dray/serve.key && export VLLM_API_KEY || exit 1
fi
shift 2
if command -v setsid >/dev/null; then
	setsid "$@" >>/tmp/dray/serve.log 2>&1 </dev/null &
else
	"$@" >>/tmp/dray/serve.log 2>&1 </dev/null &
fi
echo $! >/tmp/dray/serve.pid
wait $!
status=$?
read -r now </tmp/dray/serve.instance && [ "$now" = "$DRAY_INSTANCE" ] &&
	echo $status >/tmp/dray/serve.status'

say "starting vllm serve"
secret=
if [ "$key" = key ]; then
	IFS= read -r secret
	[ -n "$secret" ] || die "no API key came"
fi
docker exec -d -e "DRAY_INSTANCE=$instance" -e "RAY_ADDRESS=$ray" -e VLLM_ENGINE_READY_TIMEOUT_S=36000 \
	"$name" sh -c "$runner" dray-serve "$inputs" "$key" "$@" || exit 1
if [ "$key" = key ]; then
	# shellcheck disable=SC2016
	printf '%s\n' "$secret" | docker exec -i "$name" sh -c "$hand_over" sh /tmp/dray/serve.key ||
		die "the API key did not reach the container"
	unset secret
fi
printf 'set instance %s\n' "$instance" >&3

# One look inside: the state, the size of the log, and its end.
# shellcheck disable=SC2016
look='cd /tmp/dray 2>/dev/null || exit 1
read -r now <serve.instance; [ "$now" = "$instance" ] || exit 1
read -r pid <serve.pid
if [ -z "$pid" ]; then echo starting
elif kill -0 "$pid"; then echo alive
else
	[ -s serve.status ] || sleep 1
	read -r status <serve.status && echo "ended $status" || echo killed
fi
wc -c <serve.log; tail -c 4096 serve.log'
failed() {
	causes=$(in_container 'cat /tmp/dray/serve.log' | sh -c "$cause" cause)
	tail=$(in_container 'tail -n 20 /tmp/dray/serve.log')
	die "$1${causes:+: }$causes" "" "$tail"
}

seconds
size='' quiet=$now far='' looked=0
while :; do
	seconds
	if told=$(in_container "$look"); then
		state=$(printf '%s\n' "$told" | sed -n 1p)
		grown=$(printf '%s\n' "$told" | sed -n 2p)
		[ "$grown" = "$size" ] || quiet=$now
		size=$grown
		words=$(printf '%s\n' "$told" | sed 1,2d | far)
		far=${words:-$far}
		case $state in
		ended*) failed "vllm serve ended with status ${state#ended }" ;;
		killed) failed "vllm serve was killed" ;;
		alive) answers "$bind" "$port" && break ;;
		esac
	elif [ "$(docker inspect --type container --format '{{.State.Running}}' "$name" 2>/dev/null)" != true ]; then
		die "the head's container ended while vllm serve was starting in it"
	fi
	looked=$((looked + 1))
	if [ $((now - quiet)) -ge "$stall" ]; then
		failed "vllm serve said nothing for ${stall}s"
	fi
	say "${far:-starting the engine}"
	[ $looked -gt 5 ] || ! sleep 0.2 2>/dev/null || continue
	sleep $((looked < 10 ? 1 : 2))
done
say "the API answers"
