# container-down.sh - keeps the log of a container of ours, ends and removes it, and waits until
# it is gone. One that is not ours is left alone.
#	name     the container
#	cluster  whose it must be
#	known    its id, if it has no owner and only our records say that it is ours
#	part     what runs in it, as in container-diagnose.sh; empty: its log is not kept
#	diagnose_sh  the text of container-diagnose.sh
#	node     the node's name, for a note that says where the log is; empty: no note. If it had
#	         ended, its report is printed then
#	lines, bytes  of that report, as in container-diagnose.sh
# state.sh, whose.sh and keep.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'name cluster' 'known part diagnose_sh node lines bytes' "$@" || exit
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
if [ -n "$part" ]; then
	keep "$part" sh -c "$diagnose_sh" diagnose "name=$name" "part=$part" "lines=$kept_lines" "bytes=$kept_bytes"
	if [ -n "$kept" ] && [ -n "$node" ]; then
		printf 'set note its log until now is %s:%s\n' "$node" "$kept" >&3
		died "$kept"
	fi
fi
printf 'progress docker rm -f %s\n' "$name" >&3
tries=0
until said=$(docker rm -f "$id" 2>&1 >/dev/null) || ! look "$id"; do
	tries=$((tries + 1))
	if [ $tries -gt "$container_gone_limit" ]; then
		echo "container '$name' does not go away: ${said:-no reason given}" >&2
		exit 1
	fi
	sleep 1
done
