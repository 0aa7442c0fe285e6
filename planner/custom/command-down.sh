# command-down.sh - runs the command that undoes what another did. If it fails, its output goes to
# stderr, and how it ended is noted beside the step's record. If it succeeds, the record is removed.
#	undo     the command
#	cluster, step, apply  as in command-up.sh
# state.sh and noted.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'undo' 'cluster step apply' "$@" || exit
umask 022
log=$(mktemp "${TMPDIR:-/tmp}/dray-command.XXXXXX") || exit 1
trap 'trap "" TERM; rm -f "$log"' EXIT
trap 'exit 143' TERM          # dray ends a command that takes too long
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
