# rank-down.sh - keeps the log of a rank beside the records, ends its container, and waits until
# its GPUs and ports are free. Of a rank that had ended, prints the report of container-diagnose.sh.
#	name, cluster, known  as in container-down.sh
#	node         the node's name, for a note that says where the log is
#	ports        the ports that must be free: "8000 29501"
#	down_sh      the text of container-down.sh
#	diagnose_sh  the text of container-diagnose.sh
#	lines, bytes  as in container-diagnose.sh
# state.sh, whose.sh and gpus.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'name cluster node down_sh diagnose_sh lines bytes' 'known ports' "$@" || exit
say() { printf 'progress %s\n' "$*" >&3; }
state_of "$cluster"
held=
if labels_of "$name" && is_ours "$name" "$cluster" "$known"; then
	held=$(docker top "$id" -eo pid 2>/dev/null | awk 'NR > 1 { printf " %s ", $1 }')
fi
sh -c "$down_sh" container-down "name=$name" "cluster=$cluster" "known=$known" "node=$node" part=rank \
	"diagnose_sh=$diagnose_sh" "lines=$lines" "bytes=$bytes" || exit

# still: says what is not free yet; nothing when all is free.
still() {
	# shellcheck disable=SC2086
	gpus_held_by $held
	for port in $ports; do
		cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v p="$(printf ':%04X' "$port")" '
			$4 == "0A" && substr($2, length($2) - 4) == p { found = 1 } END { exit !found }' &&
			printf 'port %s is taken. ' "$port"
	done
}
tries=0
while left=$(still) && [ -n "$left" ]; do
	tries=$((tries + 1))
	if [ $tries -gt "$gpus_free_limit" ]; then
		echo "the rank is gone, but: $left" >&2
		exit 1
	fi
	say "waiting: $left"
	sleep 1
done
exit 0
