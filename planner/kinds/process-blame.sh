# process-blame.sh CLUSTER STEP CAUSE-SH - what this node says about a failure: the state of
# the process, then the first causes in its log. The first line begins with the time at
# which it ended, so that the first failure of several ranks can be told.
# process.sh comes before this text.
# shellcheck shell=sh disable=SC2154
step=$2 cause=$3
places "$1"
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
[ ! -s "$dir/log" ] || tail -n 2000 "$dir/log" | sh -c "$cause" cause
exit 0
