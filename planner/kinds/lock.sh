# lock.sh CLUSTER INFO - takes the cluster's lock on this node; status 75: it is held, and
# stdout says by whom. Evaluated in the shell that is to hold it: the lock lives as long
# as that shell, or a child of its that kept descriptor 9, has the file open.
# shellcheck shell=sh
lock_machine=$(cat /etc/machine-id 2>/dev/null)
lock_machine=${lock_machine:-$(cat /var/lib/dbus/machine-id 2>/dev/null)}
lock_dir=${XDG_STATE_HOME:-$HOME/.local/state}/dray/$1/${lock_machine:-$(hostname)}
if ! command -v flock >/dev/null; then
	echo "no flock command on this node" >&2
	(exit 1)
elif ! (umask 077 && mkdir -p "$lock_dir" && : >>"$lock_dir/lock"); then
	echo "cannot write to '$lock_dir'" >&2
	(exit 1)
elif exec 9>>"$lock_dir/lock" && flock -n 9; then
	(umask 077 && printf '%s\n' "$2" >"$lock_dir/lock.info")
else
	exec 9>&-
	cat "$lock_dir/lock.info" 2>/dev/null
	(exit 75)
fi
