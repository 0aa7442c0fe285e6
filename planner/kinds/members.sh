# members.sh CLUSTER write|remove SHARED - writes members.json and the cluster's key, the
# two lines of stdin; or removes all that dray has of this cluster on this node. state.sh
# comes before this text.
# shellcheck shell=sh disable=SC2154
cluster=$1 act=$2 shared=$3
umask 077
state_of "$cluster"
if [ "$act" = remove ]; then
	rm -rf "$state"
	# The folders around it, unless another node or cluster has something there.
	rmdir "${state%/*}" "${state%/*/*}" 2>/dev/null
	[ "$shared" = - ] || rmdir "$shared/.dray" 2>/dev/null
	exit 0
fi
IFS= read -r members && [ -n "$members" ] || exit 1
IFS= read -r key
mkdir -p "$state" || exit 1
put() { # NAME TEXT
	if printf '%s\n' "$2" | dd of="$state/.$1.$$" conv=fsync 2>/dev/null &&
		mv -f "$state/.$1.$$" "$state/$1"; then
		return
	fi
	rm -f "$state/.$1.$$"
	echo "cannot write '$state/$1': $(df -Pk "$state" | awk 'NR == 2 { print $4 }') KiB free" >&2
	exit 1
}
put members.json "$members"
[ -z "$key" ] || put mackey "$key"
