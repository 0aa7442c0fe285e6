# kill.sh PID - ends the process group PID, or the process where it leads no group: asks,
# and after five seconds forces. Not `kill -TERM -- -PID`, which dash does not understand.
# shellcheck shell=sh
kill -TERM "-$1" 2>/dev/null || kill -TERM "$1" 2>/dev/null || exit 0
for _ in 1 2 3 4 5; do
	sleep 1
	kill -0 "-$1" 2>/dev/null || kill -0 "$1" 2>/dev/null || exit 0
done
kill -KILL "-$1" 2>/dev/null || kill -KILL "$1" 2>/dev/null
