# command-down.sh UNDO - runs UNDO, which takes back what a command did. What it said comes on
# stderr when it failed.
# shellcheck shell=sh
undo=$1
umask 022
log=$(mktemp "${TMPDIR:-/tmp}/dray-command.XXXXXX") || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 143' TERM          # what takes too long is ended so

sh -c "$undo" undo </dev/null >"$log" 2>&1 3>&- 9>&-
status=$?
[ "$status" = 0 ] || tail -n 20 "$log" >&2
exit "$status"
