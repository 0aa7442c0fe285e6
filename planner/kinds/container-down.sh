# container-down.sh NAME CLUSTER - ends and removes a container of ours, and waits until it
# is gone; one that is not ours is left alone
# shellcheck shell=sh
name=$1 cluster=$2

# look WHAT: 0 with $id and $owner; 1: there is none; ends the script when docker fails.
look() {
	told=$(docker inspect --type container \
		--format '{{.Id}} {{index .Config.Labels "dray.cluster"}}' "$1" 2>&1) && {
		id=${told%% *} owner=${told#* }
		return
	}
	case $told in
	*[Nn]'o such'*) return 1 ;;
	esac
	echo "$told" >&2
	exit 1
}

look "$name" || exit 0
if [ "$owner" != "$cluster" ]; then
	echo "container '$name' is not ours: left alone" >&2
	exit 0
fi
printf 'progress docker rm -f %s\n' "$name" >&3
tries=0
while look "$id"; do
	tries=$((tries + 1))
	if [ $tries -gt 100 ]; then
		echo "container '$name' does not go away: ${said:-no reason given}" >&2
		exit 1
	fi
	[ $tries -eq 1 ] || sleep 1
	said=$(docker rm -f "$id" 2>&1 >/dev/null)
done
