# command-up.sh RUN CHECK CREATES - runs RUN; then CHECK must end with 0, and the path CREATES
# must be there (either may be "": none). What RUN said comes on stderr when it failed.
# shellcheck shell=sh
run=$1 check=$2 creates=$3
umask 022
log=$(mktemp "${TMPDIR:-/tmp}/dray-command.XXXXXX") || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 143' TERM          # what takes too long is ended so

# What it leaves running must not hold our pipes or the lock.
sh -c "$run" run </dev/null >"$log" 2>&1 3>&- 9>&-
status=$?
if [ "$status" != 0 ]; then
	tail -n 20 "$log" >&2
	exit "$status"
fi
if [ -n "$creates" ] && ! [ -e "$creates" ] && ! [ -h "$creates" ]; then
	tail -n 19 "$log" >&2
	echo "it ran, but '$creates' is still not there" >&2
	exit 1
fi
if [ -n "$check" ]; then
	sh -c "$check" check </dev/null >"$log" 2>&1 3>&- 9>&-
	status=$?
	if [ "$status" != 0 ]; then
		tail -n 19 "$log" >&2
		echo "it ran, but its check still fails: exit $status" >&2
		exit 1
	fi
fi
printf 'set instance %s\n' "$(cat /proc/sys/kernel/random/uuid)" >&3
