# ray-gate.sh WHERE NODES GPUS STALL RAY-STATUS-SH NODE=ADDRESS... - waits until Ray has
# so many nodes and GPUs, and as many GPUs free; gives up after STALL seconds in which
# nothing got better, and says which nodes are missing. WHERE is the head's container, or
# the folder of Ray's program where there are no containers. The head is the first NODE.
# shellcheck shell=sh
name=$1 nodes=$2 gpus=$3 stall=$4 parse=$5
shift 5
say() { printf 'progress %s\n' "$*" >&3; }
head=${1#*=}
case $head in *:*) head="[$head]" ;; esac
inside() {
	case $name in
	/*) env PATH="$name:$PATH" RAY_ADDRESS="$head:6379" "$@" ;;
	*) docker exec "$name" "$@" ;;
	esac
}
has_nodes=0 used=0 total=0 best=-1 quiet=0 looked=0

# missing NODE=ADDRESS...: those whose address Ray does not have among the living.
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
	if told=$(inside ray status 2>&1 | sh -c "$parse"); then
		has_nodes=${told%% *} total=${told##* } used=${told#* } used=${used% *}
	elif [ "${name#/}" = "$name" ] && ! docker inspect --type container "$name" >/dev/null 2>&1; then
		echo "the head's container is gone" >&2
		exit 1
	fi
	free=$((total - used))
	say "ray: $has_nodes of $nodes nodes, $free of $gpus GPUs"
	[ "$has_nodes" -ge "$nodes" ] && [ "$free" -ge "$gpus" ] && exit 0
	if [ $((has_nodes * 1000 + free)) -gt $best ]; then
		best=$((has_nodes * 1000 + free)) quiet=0
	fi
	# A node comes with all of its GPUs: when all are here, no more will come.
	patience=$stall
	if [ "$has_nodes" -ge "$nodes" ] && [ "$total" -lt "$gpus" ] && [ "$stall" -gt 9 ]; then
		patience=9
	fi
	# ray status itself takes a second or more; the sum of both is what counts.
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
