# rank-down.sh NAME CLUSTER NODE PORTS DOWN-SH BLAME-SH CAUSE-SH - keeps the log of a rank
# beside the records, ends its container (DOWN-SH is container-down.sh) and waits until
# its GPUs and its PORTS ("8000 29501", "-") are free. state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
name=$1 cluster=$2 node=$3 ports=$4 down=$5 blame=$6 cause=$7
say() { printf 'progress %s\n' "$*" >&3; }
state_of "$cluster"
logs=$state/logs

# Who starts it anew takes its log away: what it said must be kept before.
keep() {
	(umask 077 && mkdir -p "$logs" &&
		docker logs -t --tail 20000 "$name" >"$logs/.new" 2>&1) || return
	[ -s "$logs/.new" ] || { rm -f "$logs/.new"; return; }
	to=$logs/$name-$(date -u +%Y%m%dT%H%M%SZ).log
	mv -f "$logs/.new" "$to" && printf 'set note its log until now is %s:%s\n' "$node" "$to" >&3
	# The latest three are enough.
	# shellcheck disable=SC2012
	ls -1t "$logs/$name"-*.log | tail -n +4 | while IFS= read -r old; do rm -f "$old"; done
}

held=
told=$(docker inspect --type container \
	--format '{{.Id}} {{index .Config.Labels "dray.cluster"}}' "$name" 2>/dev/null) || told=
if [ "${told#* }" = "$cluster" ]; then
	keep
	first=$(sh -c "$blame" blame "$name" rank "$cause" | grep '^20[0-9-]*T[0-9:.]*Z ' | sort | head -n 1)
	[ -z "$first" ] || printf 'set died %s\n' "$first" >&3
	held=$(docker top "${told%% *}" -eo pid 2>/dev/null | awk 'NR > 1 { printf " %s ", $1 }')
fi
sh -c "$down" container-down "$name" "$cluster" || exit

# still: what is not free yet, in words; empty when all is.
still() {
	command -v nvidia-smi >/dev/null &&
		nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits 2>/dev/null |
		while IFS=', ' read -r pid mib; do
			case $held in *" $pid "*) printf 'pid %s holds %s MiB. ' "$pid" "$mib" ;; esac
		done
	[ "$ports" = - ] || for port in $ports; do
		cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v p="$(printf ':%04X' "$port")" '
			$4 == "0A" && substr($2, length($2) - 4) == p { found = 1 } END { exit !found }' &&
			printf 'port %s is taken. ' "$port"
	done
}
tries=0
while left=$(still) && [ -n "$left" ]; do
	tries=$((tries + 1))
	if [ $tries -gt 45 ]; then
		echo "the rank is gone, but: $left" >&2
		exit 1
	fi
	say "waiting: $left"
	sleep 1
done
exit 0
