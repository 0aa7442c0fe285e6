# serve-down.sh - ends the server in the head's container: asks its process group, and kills it
# after 60 s
#	name, cluster, known  as in container-down.sh; the head's
#	free       "yes": waits until the coordinator has all GPUs back, and no process of the
#	           container holds GPU memory
#	status_sh  the text of the script that reads the coordinator's status
#	diagnose_sh  the text of container-diagnose.sh; empty: its log is not kept
# state.sh, whose.sh, keep.sh, gpus.sh and the engine's script come before this text.
# shellcheck shell=sh disable=SC2154
args 'name cluster status_sh' 'known free diagnose_sh' "$@" || exit
say() { printf 'progress %s\n' "$*" >&3; }

state_of "$cluster"
labels_of "$name" || {
	case $told in
	*[Nn]'o such'*) exit 0 ;; # the server lived in it
	esac
	echo "$told" >&2
	exit 1
}
if ! is_ours "$name" "$cluster" "$known"; then
	echo "$told: left alone" >&2
	exit 0
fi
[ -z "$diagnose_sh" ] || keep serve sh -c "$diagnose_sh" diagnose "name=$name" beside=yes "lines=$kept_lines" "bytes=$kept_bytes"
[ "$running" = true ] || exit 0

# Runs inside: sends the signals $sig to the group of every process that carries the mark, or is in the
# server's session: a title may be written over the mark. Status 0: there was one. Else removes what the
# server left. The pid in serve.pid may be another process by now, or of an earlier life of this container.
# shellcheck disable=SC2016
send='cd /tmp/dray 2>/dev/null || exit 1
read -r id <serve.instance || exit 1
stat_of() { read -r line 2>/dev/null <"$1/stat" && line=${line##*) }; }
began() { shift "${20:+19}"; echo "$1"; }
first= start= found=1 groups=" " those=
{ read -r first <serve.pid && read -r start <serve.start; } 2>/dev/null
if [ -n "$start" ] && stat_of /proc/1 && [ "$(began $line)" -le "$start" ] &&
	{ ! stat_of "/proc/$first" || [ "$(began $line)" = "$start" ]; }; then
	for p in /proc/[0-9]*; do
		stat_of "$p" && set -- $line && [ "$4" = "$first" ] && [ "${20}" -ge "$start" ] && those="$those $p/environ"
	done
fi
for p in $(grep -ls "DRAY_INSTANCE=$id" /proc/[0-9]*/environ) $those; do
	p=${p%/environ}
	stat_of "$p" || continue
	set -- $line
	[ "$1" != Z ] || continue
	found=0
	case $groups in *" $3 "*) continue ;; esac
	groups="$groups$3 "
	for one in $sig; do
		if [ "$3" -gt 1 ]; then kill -s "$one" -- "-$3"; else kill -s "$one" "${p#/proc/}"; fi 2>/dev/null
	done
done
[ $found = 0 ] || rm -f serve.pid serve.instance serve.inputs
exit $found'
signal() { docker exec -e "sig=$1" "$id" sh -c "$send" 2>/dev/null; }

# (A stopped process would not act on TERM alone.)
if signal 'TERM CONT'; then
	say "asked $server to end"
	tries=0
	while signal ''; do
		tries=$((tries + 1))
		if [ $tries -eq "$end_limit" ]; then
			say "killing $server"
			signal KILL
		elif [ $tries -gt $((end_limit + kill_limit)) ]; then
			echo "$server does not end, not even by KILL" >&2
			exit 1
		fi
		sleep 1
	done
fi
[ -n "$free" ] || exit 0

# held: what still holds GPUs, in words; empty when nothing does.
held() {
	# shellcheck disable=SC2086
	if told=$(docker exec "$id" $status_command 2>/dev/null | sh -c "$status_sh"); then
		used=${told#* } used=${used% *}
		[ "$used" -eq 0 ] || printf '%s has %s GPUs in use. ' "$coordinator" "$used"
	fi
	gpus_held | while read -r pid mib; do
		grep -qs "$id" "/proc/$pid/cgroup" && printf 'pid %s holds %s MiB. ' "$pid" "$mib"
	done
}
tries=0
while still=$(held); [ -n "$still" ]; do
	tries=$((tries + 1))
	if [ $((2 * tries)) -gt "$gpus_free_limit" ]; then
		echo "$server has ended, but its GPUs are not free: $still" >&2
		exit 1
	fi
	say "waiting for GPUs: $still"
	sleep 2
done
exit 0
