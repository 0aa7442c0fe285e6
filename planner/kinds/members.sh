# members.sh CLUSTER write|remove SHARED - writes members.json and the cluster's key, the
# two lines of stdin; or removes all that dray has of this cluster on this node
# shellcheck shell=sh
cluster=$1 act=$2 shared=$3
umask 077
machine=$(cat /etc/machine-id 2>/dev/null)
machine=${machine:-$(cat /var/lib/dbus/machine-id 2>/dev/null)}
machine=${machine:-$(hostname)}
top=${XDG_STATE_HOME:-$HOME/.local/state}/dray
dir=$top/$cluster/$machine
if [ "$act" = remove ]; then
	rm -rf "$dir"
	# The folders around it, unless another node or cluster has something there.
	rmdir "$top/$cluster" "$top" 2>/dev/null
	[ "$shared" = - ] || rmdir "$shared/.dray" 2>/dev/null
	exit 0
fi
IFS= read -r members && [ -n "$members" ] || exit 1
IFS= read -r key
mkdir -p "$dir" || exit 1
put() { # NAME TEXT
	if printf '%s\n' "$2" | dd of="$dir/.$1.$$" conv=fsync 2>/dev/null &&
		mv -f "$dir/.$1.$$" "$dir/$1"; then
		return
	fi
	rm -f "$dir/.$1.$$"
	echo "cannot write '$dir/$1'" >&2
	exit 1
}
put members.json "$members"
[ -z "$key" ] || put mackey "$key"
