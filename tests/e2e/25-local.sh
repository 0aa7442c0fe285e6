# 25-local.sh - no shared directory: each node has its own copy of the weights
# Takes 195 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154
# shellcheck source=copies.sh
. "$E2E/copies.sh"

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

# with_more: the spec wants another repository, too.
MORE=.cache/huggingface/hub/models--dray--more
with_more() {
	spec
	sed -i 's|^  exclude:.*|&\n  extra: [{repo: dray/more}]|' cluster.yaml
}
whole_more() {
	local n
	for n; do
		diff -r "$HUB_ROOT/hub/dray/more" "$(echo "$BED/$n/disk$LOCAL/$MORE"/snapshots/*)" >&2 || fail "$n has another dray/more"
	done
}
t_local() {
	mkdir -p "$HUB_ROOT/hub/dray/more"
	seq 200000 >"$HUB_ROOT/hub/dray/more/adapter_model.bin"
	echo '{}' >"$HUB_ROOT/hub/dray/more/adapter_config.json"
	local_down 2
	with_more
	dray apply -auto-approve
	wants 0
	says 'sent *= 3.0 MB from node1'
	whole node1 node2
	whole_more node1 node2
	[ "$(grep -c '/more/.*adapter_model.bin' "$BED/hub.log")" -le 3 ] || fail "each node asked the hub for dray/more"
	says 'sent *= 1.3 MB from node1'
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
	fault 'path=/adapter_model.bin&status=500&times=-1'
	NODES='node1 node2 node3'
	with_more
	dray apply -auto-approve
	quiet_faults
	wants 0
	says 'weights\[node2\] will be created (because .*model.safetensors'
	says 'sent *= 3.0 MB from node2'
	whole node1 node2 node3
	whole_more node1 node2 node3
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
	rm -rf "$HUB_ROOT/hub/dray/more"
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

# once FROM TO: the model came that way once; TCP and SSH add 5 %. spared FROM TO: it did not.
MODEL_BYTES=3000000
once() {
	local bytes
	bytes=$(link "$1" "$2")
	[ "$bytes" -gt $MODEL_BYTES ] || fail "$2 got $bytes bytes from $1 only: did anything come?"
	[ "$bytes" -lt $((MODEL_BYTES * 108 / 100)) ] || fail "$2 got $bytes bytes from $1 for a model of $MODEL_BYTES"
}
spared() { [ "$(link "$1" "$2")" -lt $((MODEL_BYTES / 10)) ] || fail "$2 got $(link "$1" "$2") bytes from $1"; }
# half NODE: how much of the model's large file it has while that comes; 0: nothing, or all.
half() { stat -c %s "$(own "$1")"/blobs/*.sent.incomplete 2>/dev/null | sort -n | tail -n 1; }
has_half() { [ "$(half "$1")" -gt 1048576 ]; }

# Four nodes. In the middle of it one gets no more: its script is killed, or its cable is pulled.
t_spread() { spread_broken kill; }
t_spread_cut() { spread_broken cut; }
spread_broken() { # kill|cut
	local bytes
	"$TESTBED/up.sh" 4 standin >up.log 2>&1 || fail "no fourth node: $(tail -n 1 up.log)"
	local_down 4
	counters
	"$TESTBED/net.sh" rate node1 8
	start apply -auto-approve
	wait_for 60 "half a file on node3" has_half node3
	case $1 in
	kill) kill -9 "$(taker node3)" ;;
	cut) "$TESTBED/net.sh" cut node3 ;;
	esac
	bytes=$(half node3)
	finish
	"$TESTBED/net.sh" heal node3
	"$TESTBED/net.sh" clear node1
	links
	wants 3
	says 'Error: weights\[node3\] failed on node3'
	case $1 in
	kill) says 'killed\|137' ;;
	cut) says 'the connection was lost while it ran' ;;
	esac
	whole node1 node2 node4
	once node1 node2
	[ -z "$(instances)" ] || fail "a rank was started without all copies"
	[ "$bytes" -gt 1048576 ] || fail "node3 had $bytes bytes only: not the middle of it"
	[ "$(half node3)" -ge "$bytes" ] || fail "of $bytes bytes on node3 $(half node3) are left"
	# The next apply goes on where that was.
	counters
	dray apply -auto-approve
	wants 0
	says 'weights\[node3\] will be created (because .*interrupted, [1-5] of 5 files'
	links
	whole node1 node2 node3 node4
	[ "$(link node1 node3)" -lt $((MODEL_BYTES - 1000000 + 300000)) ] ||
		fail "node3 got $(link node1 node3) bytes: what it had came again"
	plan_is_empty
	chat
	no_keys
	[ "$1" = kill ] || return 0
	# Bytes change, and the file's size and time do not: where a look reads them, and where only
	# -verify does.
	before
	rot node2 2999999
	dray apply -auto-approve
	wants 0
	says 'weights\[node2\] will be created (because 1 of 5 files are missing or not what they were, or not the same'
	says 'Plan: 1 to add'
	whole node1 node2 node3 node4
	plan_is_empty
	rot node3 2000000
	plan_is_empty
	dray plan -verify -detailed-exitcode
	wants 2
	says 'weights\[node3\] will be created'
	says 'Plan: 1 to add'
	dray apply -verify -auto-approve
	wants 0
	whole node1 node2 node3 node4
	plan_is_empty
	dray plan -verify -detailed-exitcode
	wants 0
	after
	same 'rank[node1]' 'rank[node2]' 'rank[node3]' 'rank[node4]'
	chat
	dray destroy -auto-approve
	wants 0
	nothing_left
}
# rot NODE BYTE: another byte in the model's large file.
rot() {
	local file time
	file=$(readlink -f "$(echo "$(own "$1")"/snapshots/*/model.safetensors)")
	time=$(stat -c %y "$file")
	printf '\200' | dd of="$file" bs=1 seek="$2" conv=notrunc status=none
	touch -d "$time" "$file"
}

more "four nodes get the model from each other; one fails meanwhile, and goes on where it was" t_spread
more "the same when its cable is pulled" t_spread_cut
scenario "weights on each node's own disk: apply, then a damaged copy and one more node" t_local
more "the copies pass through this machine where nodes have no ssh" t_local_relayed
