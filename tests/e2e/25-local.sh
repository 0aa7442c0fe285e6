# 25-local.sh - no shared directory: each node has its own copy of the weights
# Takes 25 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

HUB_DIR=.cache/huggingface/hub/models--dray--tiny

# local_down: nothing is up, no node has the model; $1 nodes are in the spec.
local_down() {
	local n
	down
	BACKEND=mp LOCAL=/var/tmp/models
	NODES=$(nodes | head -n "$1" | tr '\n' ' ')
	for n in $(nodes); do
		on "$n" sh -c "rm -rf $LOCAL; mkdir -p $LOCAL"
	done
	spec
}
# own NODE: the name of its copy on this machine.
own() { echo "$BED/$1/disk$LOCAL/$HUB_DIR"; }
# whole NODE...: each has the model as the hub has it, and nothing besides.
whole() {
	local n
	for n; do
		diff -r "$HUB_ROOT/hub/dray/tiny" "$(echo "$(own "$n")"/snapshots/*)" -x original >&2 ||
			fail "$n has another model"
		[ -z "$(find "$(own "$n")" -name '*.incomplete')" ] || fail "$n has half a file"
	done
}
received() { on "$1" cat /sys/class/net/eth0/statistics/rx_bytes; }
no_keys() {
	local n
	for n in $(nodes); do
		[ -z "$(find "$BED/$n/disk/root/.local/state/dray" "$BED/$n/disk/tmp" \( -name 'key' -o -name 'key.pub' \
			-o -name host.pub \) 2>/dev/null)" ] || fail "$n has keys still"
		[ -z "$(on_node "$n" 'sshd -D -f /tmp/tmp')" ] || fail "an sshd for copies runs on $n"
	done
}

t_local() {
	local_down 2
	dray apply -auto-approve
	wants 0
	says 'sent *= 3.0 MB from node1'
	whole node1 node2
	plan_is_empty
	chat
	no_keys
	# Another node gets its copy, from one that itself gets a file again that was changed; that comes
	# once, over the node's own network.
	local blob before
	blob=$(readlink -f "$(echo "$(own node2)"/snapshots/*/model.safetensors)")
	printf damaged | dd of="$blob" bs=1 seek=1000000 conv=notrunc status=none
	touch -d 2020-01-01 "$blob"
	before=$(received node2)
	fault 'path=/model.safetensors&status=500&times=-1' # the hub gives it to nobody any more
	NODES='node1 node2 node3'
	spec
	dray apply -auto-approve
	quiet_faults
	wants 0
	says 'weights\[node2\] will be created (because .*model.safetensors'
	says 'sent *= 3.0 MB from node2'
	whole node1 node2 node3
	before=$(($(received node2) - before))
	[ "$before" -gt 3000000 ] || fail "node2 received $before bytes only: did anything come?"
	[ "$before" -lt 5000000 ] || fail "node2 received $before bytes for a file of 3000000"
	plan_is_empty
	chat
	no_keys
	dray destroy -auto-approve
	wants 0
	nothing_left
	whole node1 node2 node3
}

# Nodes without ssh and sshd take their copies through this machine.
t_local_relayed() {
	local n
	local_down 2
	for n in $NODES; do on "$n" sh -c 'mv /usr/bin/ssh-keygen /usr/bin/ssh-keygen.away'; done
	dray apply -auto-approve
	for n in $NODES; do on "$n" sh -c 'mv /usr/bin/ssh-keygen.away /usr/bin/ssh-keygen'; done
	wants 0
	says 'weights\[node2\]: .* passes through this machine'
	whole node1 node2
	plan_is_empty
	chat
}

scenario "weights on each node's own disk: apply, then a damaged copy and one more node" t_local
more "the copies pass through this machine where nodes have no ssh" t_local_relayed
