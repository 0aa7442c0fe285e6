# exec.sh - run a command that the user gave, with this script's stdin, stdout and stderr
#	mark  what is added to stderr begins with it: first a line with the group of the processes,
#	      at the end the command's status
# Words behind the arguments are the command; one alone is a line for the shell.
# shellcheck shell=sh disable=SC2154
args 'mark' '' "$@" || exit
shift "$args"
read -r _ _ _ _ group _ </proc/self/stat
printf '%s %s\n' "$mark" "$group" >&2
[ $# -gt 1 ] || set -- sh -c "$1"
"$@"
status=$?
printf '%s %s\n' "$mark" "$status" >&2
exit "$status"
