# process-guard.sh - status 0 while the process lives
#	cluster, step  whose it is
#	instance       the one that it must be; empty: any of ours
# process.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster step' 'instance' "$@" || exit
wanted=$instance # lives() sets $instance
places "$cluster"
dir=$run/$(folder_of "$step")
if ! lives "$dir"; then
	echo "$step $([ -s "$dir/status" ] && echo "ended with status $(cat "$dir/status")" || echo "is gone")" >&2
	exit 1
fi
if [ -n "$wanted" ] && [ "$instance" != "$wanted" ]; then
	echo "$step is not the process this apply started" >&2
	exit 1
fi
