# alive.sh - check whether a process group, or a process, still exists
#	pid  its number
# shellcheck shell=sh disable=SC2154
args 'pid' '' "$@" || exit
kill -0 "-$pid" 2>/dev/null || kill -0 "$pid" 2>/dev/null
