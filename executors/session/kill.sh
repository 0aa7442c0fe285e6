# kill.sh - end a process group, or a process that does not lead one: SIGTERM, later SIGKILL.
# dash does not understand `kill -TERM -- -PID`.
#	pid  its number
# shellcheck shell=sh disable=SC2154
args 'pid' '' "$@" || exit
kill -TERM "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || exit 0
tries=0
while [ $tries -lt "$term_limit" ]; do
	tries=$((tries + 1))
	sleep 1
	kill -0 "-$pid" 2>/dev/null || kill -0 "$pid" 2>/dev/null || exit 0
done
kill -KILL "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null
