# ray-ready.sh - waits until Ray has enough nodes and GPUs, and as many GPUs free. Gives up after
# some time in which nothing got better, and says which nodes are missing.
#	place      the head's container, or the folder of Ray's program where there are no containers
#	nodes      how many nodes there must be
#	gpus       how many GPUs there must be, and free
#	port       of the head's Ray
#	stall      seconds in which nothing gets better
#	status_sh  the text of ray-status.sh
# The words are NODE=ADDRESS of each node; the head is the first.
# shellcheck shell=sh disable=SC2154
args 'place nodes gpus port stall status_sh' '' "$@" || exit
shift "$args"
# It only waits: shell.sh ends it when dray is gone, and the lock is not ours.
echo wait >&3
exec 8<&- 9<&-
say() { printf 'progress %s\n' "$*" >&3; }
head=${1#*=}
case $head in *:*) head="[$head]" ;; esac
inside() {
	case $place in
	/*) env PATH="$place:$PATH" RAY_ADDRESS="$head:$port" "$@" ;;
	*) docker exec "$place" "$@" ;;
	esac
}
has_nodes=0 used=0 total=0 best=-1 quiet=0 looked=0

# missing NODE=ADDRESS...: prints those whose address is not that of a living node of Ray.
missing() {
	alive=$(inside python3 -c '
import ray
ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
print("@@", *[n["NodeManagerAddress"] for n in ray.nodes() if n["Alive"]])' 2>/dev/null |
		sed -n 's/^@@ *//p')
	[ -n "$alive" ] || return
	for pair; do
		case " $alive " in
		*" ${pair#*=} "*) ;;
		*) printf ' %s (%s)' "${pair%%=*}" "${pair#*=}" ;;
		esac
	done
}

while :; do
	if told=$(inside ray status 2>&1 | sh -c "$status_sh"); then
		has_nodes=${told%% *} total=${told##* } used=${told#* } used=${used% *}
	elif [ "${place#/}" = "$place" ] && ! docker inspect --type container "$place" >/dev/null 2>&1; then
		echo "the head's container is gone" >&2
		exit 1
	fi
	free=$((total - used))
	say "ray: $has_nodes of $nodes nodes, $free of $gpus GPUs"
	[ "$has_nodes" -ge "$nodes" ] && [ "$free" -ge "$gpus" ] && exit 0
	if [ $((has_nodes * 1000 + free)) -gt $best ]; then
		best=$((has_nodes * 1000 + free)) quiet=0
	fi
	# A node joins with all of its GPUs: when all nodes are here, no more GPUs will come.
	patience=$stall
	if [ "$has_nodes" -ge "$nodes" ] && [ "$total" -lt "$gpus" ] && [ "$stall" -gt "$gpus_stall" ]; then
		patience=$gpus_stall
	fi
	# ray status takes a second or more, which counts as well.
	[ $quiet -lt "$patience" ] || break
	looked=$((looked + 1))
	[ $looked -gt 3 ] || ! sleep 0.3 2>/dev/null || continue
	quiet=$((quiet + 3))
	sleep 2
done
if [ "$has_nodes" -lt "$nodes" ]; then
	echo "Ray has $has_nodes of $nodes nodes for ${stall}s now; missing:$(missing "$@")" >&2
elif [ "$total" -lt "$gpus" ]; then
	echo "Ray has $total GPUs in all, the layout needs $gpus" >&2
else
	echo "Ray has $total GPUs, but $used are held by an older placement group or process" >&2
fi
inside ray status >&2 2>/dev/null
exit 1
