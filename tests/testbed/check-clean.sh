#!/bin/bash
# check-clean.sh - proves that nothing of a bed is left on this machine: no process, mount,
# namespace, link, cgroup or file. Prints what is left and ends with 1.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
left=0
say() {
	[ -n "$2" ] || return 0
	printf 'left: %s\n%s\n' "$1" "$2"
	left=1
}

say link "$(ip -o link show | grep -oE "(^|: )($BRIDGE|${LINK}[0-9]+)[@:]")"
say namespace "$(ip netns list | grep "^$NETNS")"
say mount "$(awk -v bed="$BED/" 'index($5, bed) == 1' /proc/self/mountinfo)"
say cgroup "$(find /sys/fs/cgroup -type d -path "*/$CGROUP*" 2>/dev/null)"
exec 7>"$BEDS_LOCK" # the last bed may just be taking it away
flock 7
[ -n "$(other_beds)" ] || say cgroup "$(find /sys/fs/cgroup -type d -path '*/libpod_parent*' 2>/dev/null)"
exec 7>&-
say file "$(ls -d "$BED" "$OWNER" 2>/dev/null)"
# A process of a node is in a mount namespace whose root is the node's overlay. Some end meanwhile.
for p in $(grep -lsF "$BED/" /proc/[0-9]*/mountinfo | grep -o '[0-9][0-9]*') $(pgrep -f "/hub.py .* $HUB_IP $HUB_PORT\$"); do
	[ ! -d "/proc/$p" ] || say process "$p $(tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline")"
done
exit $left
