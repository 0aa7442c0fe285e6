# 90-network.sh - nodes given by name alone: their addresses are found by dialling, and what
# Takes 30 s.
# discover shows of them.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# by_name: the plain spec without any address.
by_name() { spec && sed -i '/^    address:/d' cluster.yaml; }
# A second network, which not every pair of nodes can use, and one that all have alike.
second_network() {
	local i
	for i in 1 2 3; do
		ip -n "${NETNS}node$i" addr add 10.98.0.$i/24 dev eth0
		ip -n "${NETNS}node$i" addr add 172.17.0.1/16 dev lo
	done
	ip -n "${NETNS}node2" route add blackhole 10.98.0.3/32
}
one_network() {
	local i
	for i in 1 2 3; do
		ip -n "${NETNS}node$i" addr del 10.98.0.$i/24 dev eth0 || :
		ip -n "${NETNS}node$i" addr del 172.17.0.1/16 dev lo || :
		ip -n "${NETNS}node$i" route del blackhole "$NET.3/32" || :
		ip -n "${NETNS}node$i" route del blackhole 10.98.0.3/32 || :
	done 2>/dev/null
}
# field KEY NODE ADDRESS: of the tested addresses in the document.
field() {
	python3 -c 'import json, sys
for a in json.load(open("all.json"))["addresses"]:
	if a["node"] == sys.argv[2] and a["address"] == sys.argv[3]: print(json.dumps(a[sys.argv[1]]))' "$@"
}

t_discover() {
	spec_defaults
	NODES=$ALL_NODES
	by_name
	second_network
	dray discover -o all.json
	one_network
	wants 0
	says 'node3 *10.98.0.3 *eth0 .*node2 cannot reach it'
	says "node1 *$NET.1 *eth0 .*chosen *reached by 2 of 2"
	[ "$(field chosen node3 "$NET.3")" = true ] || fail "$NET.3 was not chosen"
	[ "$(field not_reached_by node3 10.98.0.3)" = 1 ] || fail "10.98.0.3 is reached by all"
	[ "$(field reached_by node1 10.98.0.1)" = 2 ] || fail "10.98.0.1 is not reached"
	[ "$(field excluded node1 172.17.0.1)" = '"node2 has it too"' ] || fail "172.17.0.1 is a candidate"
	says 'NVIDIA H200'
	says 'NV18'
	# Without nodes the document is enough.
	dray plan -facts all.json
	says "network node1 $NET.1 (eth0), node2 $NET.2 (eth0)"
}

t_apply_by_name() {
	down
	by_name
	second_network
	apply
	says 'No changes'
	chat
	on node1 docker inspect -f '{{.Config.Env}}' dray-e2e-head | grep -F "VLLM_HOST_IP=$NET.1" ||
		fail "the head was not told its address"
	one_network
	# What runs keeps its address, and the plan stays empty.
	plan_is_empty
}

t_no_way() {
	spec_defaults
	NODES=$ALL_NODES
	clean
	by_name
	ip -n "${NETNS}node2" route add blackhole "$NET.3/32"
	dray plan
	one_network
	wants 1
	says "node3: no address that all other nodes reach: $NET.3 (eth0): node2 cannot reach it"
	says "hint: set 'address' of node 'node3'"
}

t_discover_silent_node() {
	spec_defaults
	NODES=$ALL_NODES
	by_name
	"$TESTBED/node.sh" sshd stop node3
	dray discover
	"$TESTBED/node.sh" sshd start node3
	wants 1
	says 'node3 .*unreachable'
	says "node2 *$NET.2 *eth0 .*chosen *reached by 1 of 1"
}

# The port of its sshd stands in ~/.ssh/config alone, and the firewall of the node lets nobody
# in at 22: the others must dial the right one.
t_port_of_ssh_config() {
	spec_defaults
	{
		printf 'Host node2\n\tPort 2222\n'
		cat "$BED/ssh/config"
	} >ssh-config
	SSH="config: $PWD/ssh-config, connect_timeout: 3" spec
	"$TESTBED/node.sh" sshd stop node2
	in_node node2 /usr/sbin/sshd -p 2222
	in_node node2 iptables -I INPUT -p tcp --dport 22 -j DROP
	dray plan
	cp "$S/out" with_addresses
	sed -i '/^    address:/d' cluster.yaml
	dray discover
	in_node node2 iptables -D INPUT -p tcp --dport 22 -j DROP
	"$TESTBED/node.sh" sshd stop node2
	"$TESTBED/node.sh" sshd start node2
	says "node2 *$NET.2 *eth0 .*chosen *reached by 1 of 1"
	! grep 'cannot reach\|not reach' with_addresses || fail "healthy nodes do not reach each other"
	grep 'to add\|No changes' with_addresses || fail "there is no plan"
}

scenario "discover: addresses are tested in pairs, the document will do for a plan" t_discover
scenario "nodes given by name: the addresses are found, applied and kept" t_apply_by_name
more "no address that all reach: the plan says which and why" t_no_way
more "discover: a silent node is named, the others are shown" t_discover_silent_node
scenario "a port that only ~/.ssh/config has: the other nodes dial it" t_port_of_ssh_config
