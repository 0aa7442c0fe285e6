# process-guard.sh CLUSTER STEP INSTANCE - status 0 while that very process lives; "-": any
# of ours. process.sh comes before this text.
# shellcheck shell=sh disable=SC2154
places "$1"
dir=$run/$(folder_of "$2")
if ! lives "$dir"; then
	echo "$2 $([ -s "$dir/status" ] && echo "ended with status $(cat "$dir/status")" || echo "is gone")" >&2
	exit 1
fi
if [ "$3" != - ] && [ "$instance" != "$3" ]; then
	echo "$2 is not the process this apply started" >&2
	exit 1
fi
