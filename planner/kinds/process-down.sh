# process-down.sh CLUSTER STEP NODE TEMP RAY VENV RAY-STATUS-SH CAUSE-SH - ends a process of ours with
# all that came from it, keeps its log, and waits until its GPUs are free
#	NODE    its name, for a note where the log is; "-": no note
#	TEMP    Ray's folder or its $TMPDIR, to be removed; "-": none
#	RAY     ADDRESS:PORT of the Ray that must have its GPUs back; "-": none
# process.sh comes before this text.
# shellcheck shell=sh disable=SC2154
cluster=$1 step=$2 node=$3 temp=$4 ray=$5 venv=$6 parse=$7 cause=$8
umask 077
say() { printf 'progress %s\n' "$*" >&3; }
places "$cluster"
dir=$run/$(folder_of "$step")

# Who starts it anew begins a new log: what this one says must be kept before.
if [ -s "$dir/log" ]; then
	logs=$state/logs name=$(folder_of "$step")
	to=$logs/$name-$(date -u +%Y%m%dT%H%M%SZ).log
	mkdir -p "$logs" && cp "$dir/log" "$to" && [ "$node" != - ] &&
		printf 'set note its log until now is %s:%s\n' "$node" "$to" >&3
	# The latest three are enough.
	# shellcheck disable=SC2012
	ls -1t "$logs/$name"-*.log | tail -n +4 | while IFS= read -r old; do rm -f "$old"; done
fi
# When it ended, and of what: the first of several ranks is the one that failed.
if [ "$node" != - ] && [ -s "$dir/status" ] && ! lives "$dir"; then
	why=$(tail -n 2000 "$dir/log" | sh -c "$cause" cause | head -n 1)
	printf 'set died %s %s ended with status %s%s\n' "$(date -u -r "$dir/status" +%Y-%m-%dT%H:%M:%SZ)" \
		"$step" "$(cat "$dir/status")" "${why:+: }$why" >&3
fi
held=$(members_of "$cluster" "$step" | tr '\n' ' ')
if [ -n "$held" ]; then
	say "asked $step to end"
	end_all "$cluster" "$step" || exit 1
fi

# still: what is not free yet, in words; empty when all is. Where nvidia-smi sees other
# pids than we do (a host that is a container itself) the memory must have stopped falling.
apps() { nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits 2>/dev/null; }
memory() { nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null; }
used=
still() {
	if command -v nvidia-smi >/dev/null; then
		apps | while IFS=', ' read -r pid mib; do
			case " $held" in *" $pid "*) printf 'pid %s holds %s MiB. ' "$pid" "$mib" ;; esac
		done
	fi
	if [ "$ray" != - ] && told=$(PATH=$venv/bin:$PATH timeout 20 ray status --address "$ray" 2>/dev/null | sh -c "$parse"); then
		told=${told#* }
		[ "${told% *}" -eq 0 ] || printf 'Ray has %s GPUs in use. ' "${told% *}"
	fi
}
tries=0
while left=$(still) && [ -n "$left" ]; do
	tries=$((tries + 1))
	if [ $tries -gt 45 ]; then
		echo "$step has ended, but its GPUs are not free: $left" >&2
		exit 1
	fi
	say "waiting for GPUs: $left"
	sleep 1
done
if [ -n "$held" ] && command -v nvidia-smi >/dev/null; then
	hidden=
	for pid in $(apps | cut -d, -f1); do [ -d "/proc/$pid" ] || hidden=1; done
	while [ -n "$hidden" ] && [ "$(memory)" != "$used" ] && [ $tries -lt 20 ]; do
		tries=$((tries + 1)) used=$(memory)
		sleep 1
	done
fi
rm -rf "$dir"
rmdir "$run" 2>/dev/null
case $temp in
/tmp/dray-*) [ ! -O "$temp" ] || [ -h "$temp" ] || rm -rf "$temp" ;;
esac
exit 0
