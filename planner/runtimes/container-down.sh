# container-down.sh - ends and removes a container of ours, and waits until it is gone. One that
# is not ours is left alone.
#	name     the container
#	cluster  whose it must be
#	known    its id, if it has no owner and only our records say that it is ours
# state.sh and whose.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'name cluster' 'known' "$@" || exit
state_of "$cluster"

# look WHAT: 0 with whose it is; 1: there is none; ends the script when docker fails.
look() {
	! labels_of "$1" || return 0
	case $told in
	*[Nn]'o such'*) return 1 ;;
	esac
	echo "$told" >&2
	exit 1
}

look "$name" || exit 0
if ! is_ours "$name" "$cluster" "$known"; then
	echo "$told: left alone" >&2
	exit 0
fi
printf 'progress docker rm -f %s\n' "$name" >&3
tries=0
while look "$id"; do
	tries=$((tries + 1))
	if [ $tries -gt "$container_gone_limit" ]; then
		echo "container '$name' does not go away: ${said:-no reason given}" >&2
		exit 1
	fi
	[ $tries -eq 1 ] || sleep 1
	said=$(docker rm -f "$id" 2>&1 >/dev/null)
done
