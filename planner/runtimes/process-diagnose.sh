# process-diagnose.sh - prints what this node says about a failure: the state of the process,
# then the first causes in its log. The first line begins with the time at which the process
# ended, so that the first failure of several ranks can be found.
#	cluster, step  whose it is
#	cause_sh       the text of the script that finds causes in a log
# process.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster step cause_sh' '' "$@" || exit
places "$cluster"
dir=$run/$(folder_of "$step")
if lives "$dir"; then
	echo "$step runs, pid $pid"
elif [ -s "$dir/status" ]; then
	echo "$(date -u -r "$dir/status" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null) $step ended with status $(cat "$dir/status")"
elif [ -s "$dir/pid" ]; then
	echo "$step was killed"
else
	echo "$step is not there"
fi
[ ! -s "$dir/log" ] || tail -n 2000 "$dir/log" | sh -c "$cause_sh" cause
exit 0
