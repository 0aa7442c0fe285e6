# process-down.sh - ends a process of ours with all that came from it, keeps its log, and waits
# until its GPUs are free. Of a rank that had ended, prints the report of process-diagnose.sh.
#	cluster, step  whose it is
#	node       the node's name, for a note that says where the log is; empty: no note
#	former     its folder in /tmp as an earlier version named it, to be removed
#	head       ADDRESS:PORT of the coordinator that must have its GPUs back
#	venv       the virtual environment that has the coordinator's program
#	status_sh  the text of the script that reads the coordinator's status
#	lines, bytes  as in process-diagnose.sh
# process.sh, end-of-file.sh, keep.sh, gpus.sh and the engine's script come before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster step former status_sh lines bytes' 'node head venv' "$@" || exit
umask 077
say() { printf 'progress %s\n' "$*" >&3; }
places "$cluster"
dir=$run/$(folder_of "$step")

# The next start begins a new log, so this one is kept. Of several ranks, the first to end is the
# one that failed.
keep "$(folder_of "$step")" report_of "$step" "$kept_lines" "$kept_bytes" ""
if [ -n "$kept" ] && [ -n "$node" ]; then
	printf 'set note its log until now is %s:%s\n' "$node" "$kept" >&3
	died "$kept"
fi
held=$(members_of "$cluster" "$step") || exit 1
# shellcheck disable=SC2086
temps=$(temp_of "$dir" "$step" $held)
if [ -n "$held" ]; then
	say "asked $step to end"
	end_all "$cluster" "$step" || exit 1
fi

# still: says what is not free yet; nothing when all is free. Where the driver sees other pids
# than we do (on a host that is a container itself), the memory must have stopped falling.
used=
still() {
	# shellcheck disable=SC2086
	gpus_held_by $held
	# shellcheck disable=SC2086
	if [ -n "$head" ] && told=$(PATH=$venv/bin:$PATH timeout "$status_limit" $status_command --address "$head" 2>/dev/null | sh -c "$status_sh"); then
		told=${told#* }
		[ "${told% *}" -eq 0 ] || printf '%s has %s GPUs in use. ' "$coordinator" "${told% *}"
	fi
}
tries=0
while left=$(still) && [ -n "$left" ]; do
	tries=$((tries + 1))
	if [ $tries -gt "$gpus_free_limit" ]; then
		echo "$step has ended, but its GPUs are not free: $left" >&2
		exit 1
	fi
	say "waiting for GPUs: $left"
	sleep 1
done
if [ -n "$held" ]; then
	hidden=
	for pid in $(gpus_held | cut -d' ' -f1); do [ -d "/proc/$pid" ] || hidden=1; done
	while [ -n "$hidden" ] && [ "$(gpus_used)" != "$used" ] && [ $tries -lt "$memory_limit" ]; do
		tries=$((tries + 1)) used=$(gpus_used)
		sleep 1
	done
fi
rm -rf "$dir"
rmdir "$run" 2>/dev/null
printf '%s\n' "$temps" "$former" | temp_free
exit 0
