# command-up.sh - runs a command, and checks what it must leave. If it fails, its output goes to
# stderr. How it ended is noted beside the step's record before this script answers.
#	run      the command
#	check    a command that must succeed then
#	creates  a path that must be there then
#	cluster, step  that the command belongs to; the step as the name of a file
#	apply    the apply that runs it, for the note; empty: it is not noted
# state.sh and noted.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'run' 'check creates cluster step apply' "$@" || exit
umask 022
tmp=$(mktemp -d "${TMPDIR:-/tmp}/dray-command.XXXXXX") || exit 1
log=$tmp/log
trap 'trap "" TERM; rm -rf "$tmp"' EXIT
trap 'exit 143' TERM          # dray ends a command that takes too long
note_begin up

# failed STATUS: ends with that status; the message is in $tmp/words.
failed() {
	note_end "$1" - "$tmp/words"
	cat "$tmp/words" >&2
	exit "$1"
}

# A process that the command leaves running must not hold our pipes or the lock.
sh -c "$run" run </dev/null >"$log" 2>&1 3>&- 8>&- 9>&-
status=$?
if [ "$status" != 0 ]; then
	tail -n 20 "$log" >"$tmp/words"
	failed "$status"
fi
if [ -n "$creates" ] && ! [ -e "$creates" ] && ! [ -h "$creates" ]; then
	{
		tail -n 19 "$log"
		echo "it ran, but '$creates' is still not there"
	} >"$tmp/words"
	failed 1
fi
if [ -n "$check" ]; then
	sh -c "$check" check </dev/null >"$log" 2>&1 3>&- 8>&- 9>&-
	status=$?
	if [ "$status" != 0 ]; then
		{
			tail -n 19 "$log"
			echo "it ran, but its check still fails: exit $status"
		} >"$tmp/words"
		failed 1
	fi
fi
instance=$(cat /proc/sys/kernel/random/uuid)
note_end 0 "$instance" /dev/null
printf 'set instance %s\n' "$instance" >&3
