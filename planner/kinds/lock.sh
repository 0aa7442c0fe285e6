# lock.sh CLUSTER INFO - takes the cluster's lock on this node; status 75: it is held, and
# stdout says by whom. Evaluated in the shell that is to hold it: the lock lives as long
# as that shell, or a child of its that kept descriptor 9, has the file open. state.sh comes
# before this text.
# shellcheck shell=sh disable=SC2154
state_of "$1"
if ! command -v flock >/dev/null; then
	echo "no flock command on this node" >&2
	(exit 1)
elif ! (umask 077 && mkdir -p "$state" && : >>"$state/lock"); then
	echo "cannot write to '$state'" >&2
	(exit 1)
elif exec 9>>"$state/lock" && flock -n 9; then
	# A full disk must not keep anybody from taking away what fills it.
	(umask 077 && printf '%s\n' "$2" >"$state/lock.info") 2>/dev/null || :
else
	exec 9>&-
	cat "$state/lock.info" 2>/dev/null
	(exit 75)
fi
