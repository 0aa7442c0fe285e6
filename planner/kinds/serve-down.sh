# serve-down.sh CONTAINER CLUSTER free|leftover RAY-STATUS-SH - ends the server in the head's
# container: asks its process group, after 60 s kills it; with "free" it then waits until
# Ray has all GPUs back and no process of the container holds GPU memory
# shellcheck shell=sh
name=$1 cluster=$2 how=$3 parse=$4
say() { printf 'progress %s\n' "$*" >&3; }

told=$(docker inspect --type container \
	--format '{{.Id}} {{.State.Running}} {{index .Config.Labels "dray.cluster"}}' "$name" 2>&1) || {
	case $told in
	*[Nn]'o such'*) exit 0 ;; # the server lived in it
	esac
	echo "$told" >&2
	exit 1
}
id=${told%% *}
[ "${told#* }" = "true $cluster" ] || exit 0

# send SIGNAL: to the group of every process that carries the mark; 0: there was one. The
# pid in serve.pid may be another process by now.
# shellcheck disable=SC2016
send='cd /tmp/dray 2>/dev/null || exit 1
read -r id <serve.instance || exit 1
found=1 groups=" "
for p in $(grep -ls "DRAY_INSTANCE=$id" /proc/[0-9]*/environ); do
	p=${p%/environ}
	read -r line <"$p/stat" || continue
	set -- ${line##*) }
	[ "$1" != Z ] || continue
	found=0
	case $sig$groups in 0* | *" $3 "*) continue ;; esac
	groups="$groups$3 "
	if [ "$3" -gt 1 ]; then kill -s "$sig" -- "-$3"; else kill -s "$sig" "${p#/proc/}"; fi 2>/dev/null
done
exit $found'
signal() { docker exec -e "sig=$1" "$id" sh -c "$send" 2>/dev/null; }

if signal TERM; then
	say "asked vllm serve to end"
	tries=0
	while signal 0; do
		tries=$((tries + 1))
		if [ $tries -eq 60 ]; then
			say "killing vllm serve"
			signal KILL
		elif [ $tries -gt 75 ]; then
			echo "vllm serve does not end, not even by KILL" >&2
			exit 1
		fi
		sleep 1
	done
fi
docker exec "$id" sh -c 'rm -f /tmp/dray/serve.pid /tmp/dray/serve.instance /tmp/dray/serve.inputs' 2>/dev/null
[ "$how" = free ] || exit 0

# held: what still holds GPUs, in words; empty when nothing does.
held() {
	if told=$(docker exec "$id" ray status 2>/dev/null | sh -c "$parse"); then
		used=${told#* } used=${used% *}
		[ "$used" -eq 0 ] || printf 'Ray has %s GPUs in use. ' "$used"
	fi
	command -v nvidia-smi >/dev/null || return 0
	nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits 2>/dev/null |
		while IFS=', ' read -r pid mib; do
			grep -qs "$id" "/proc/$pid/cgroup" && printf 'pid %s holds %s MiB. ' "$pid" "$mib"
		done
}
tries=0
while still=$(held); [ -n "$still" ]; do
	tries=$((tries + 1))
	if [ $tries -gt 30 ]; then
		echo "vllm serve has ended, but its GPUs are not free: $still" >&2
		exit 1
	fi
	say "waiting for GPUs: $still"
	sleep 2
done
exit 0
