# command-down.sh - runs the command that takes back what another did. What it said goes to stderr
# when it failed. How it ended is noted beside the step's record, which is removed when it went
# well.
#	undo     the command
#	cluster, step, apply  as in command-up.sh
# state.sh and noted.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'undo' 'cluster step apply' "$@" || exit
umask 022
log=$(mktemp "${TMPDIR:-/tmp}/dray-command.XXXXXX") || exit 1
trap 'trap "" TERM; rm -f "$log"' EXIT
trap 'exit 143' TERM          # what takes too long is ended so
note_begin down

sh -c "$undo" undo </dev/null >"$log" 2>&1 3>&- 8>&- 9>&-
status=$?
if [ "$status" = 0 ]; then
	note_gone
else
	note_end "$status" - "$log"
	tail -n 20 "$log" >&2
fi
exit "$status"
