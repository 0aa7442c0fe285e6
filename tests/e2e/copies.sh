# copies.sh - what nodes get from each other; 25-local.sh and 28-archive.sh source it
# shellcheck shell=bash disable=SC2154

# counters: from here on the bytes that each node of the bed gets from each other one are counted.
counters() {
	local n from
	for n in $(nodes); do
		on "$n" iptables -w -F INPUT
		for from in $(nodes); do on "$n" iptables -w -A INPUT -s "$NET.${from#node}"; done
	done
}
# link FROM TO: how many came that way.
link() { on "$2" iptables -w -nvxL INPUT | awk -v from="$NET.${1#node}" '$(NF - 1) == from { print $2 }'; }
# links: all of them, for the log.
links() {
	local from to
	for from in $NODES; do for to in $NODES; do echo "$from to $to: $(link "$from" "$to") bytes"; done; done
}
# taker NODE: the pid of the script that takes a copy there: the parent of its ssh's parent.
parent_of() { awk '/^PPid:/ { print $2 }' "/proc/$1/status"; }
taker() { parent_of "$(parent_of "$(on_node "$1" '^ssh .*/copy/key ' | head -n 1)")"; }
