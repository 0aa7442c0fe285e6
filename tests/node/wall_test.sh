#!/bin/bash
# reach.sh before the firewall of a kernel: each way in which one may refuse, in a network namespace of
# the test's own
. "$(dirname "$0")/lib.sh"

# behind REPLY REPLY6: what a look says of 127.0.0.1 and ::1, where that port alone has a wall. (Their
# refusals of others come through.)
behind() {
	# shellcheck disable=SC2016
	out=$(unshare -n -- bash -c '
		ip link set lo up
		iptables -w -A INPUT -p tcp --dport 48127 -j REJECT --reject-with "$2" &&
			ip6tables -w -A INPUT -p tcp --dport 48127 -j REJECT --reject-with "$3" || exit
		exec '"$SH"' -c "$1" reach "127.0.0.1 22" "::1 22"' \
		behind "$(library net)
$(text_of reach)" "$@" 2>"$ROOM/err" </dev/null)
}
line() { printf '%s\n' "$out" | grep -qxF "$(printf '%b' "$1")"; }
rejects() {
	local words=("No route to host" "Permission denied" "Network is unreachable" "Protocol not available")

	behind icmp-host-prohibited icmp6-adm-prohibited
	is "firewalld" line "open\t127.0.0.1\tno\tport 48127: ${words[0]}"
	is "firewalld, IPv6" line "open\t::1\tno\tport 48127: ${words[1]}"
	is "ssh answers" line 'reach\t127.0.0.1\tyes\tport 22'
	behind icmp-net-prohibited icmp6-no-route
	is "a network" line "open\t127.0.0.1\tno\tport 48127: ${words[2]}"
	is "a network, IPv6" line "open\t::1\tno\tport 48127: ${words[2]}"
	behind icmp-proto-unreachable icmp6-adm-prohibited
	is "a protocol" line "open\t127.0.0.1\tno\tport 48127: ${words[3]}"
	# (It answers as a host whose port is closed: that shows when the ranks wait for each other.)
	behind tcp-reset tcp-reset
	is "a reset" line 'open\t127.0.0.1\tyes\tport 48127'
}

if unshare -n -- bash -c 'ip link set lo up && iptables -w -A INPUT -p tcp -j REJECT &&
	ip6tables -w -A INPUT -p tcp -j REJECT' 2>/dev/null; then
	each rejects
else
	skipped=$((skipped + 1))
	echo "SKIP wall: needs root, unshare, ip and iptables"
fi
