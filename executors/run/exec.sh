# exec.sh - run a command that the user gave, with this script's stdin, stdout and stderr
#	mark  begins the two lines that this script adds to stderr: first one with the process group,
#	      at the end one with the command's status
# The words after the arguments are the command. A single word is a line for sh.
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
