# 20-change.sh - what changes in the spec changes on the nodes, and no more than that.
# Takes 245 s, from the plain cluster to it.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

ray() { echo 'head[node1]' 'worker[node2]'; }

t_serve_args() {
	up
	before
	local was=$LENGTH
	other_args
	dray apply -auto-approve
	wants 0
	says "max-model-len.*$was.*$LENGTH"
	plan_is_empty
	after
	# shellcheck disable=SC2046
	same $(ray)
	differs serve
}

t_served_port() {
	up
	before
	PORT=8011
	spec
	apply
	chat
	after
	# shellcheck disable=SC2046
	same $(ray)
	differs serve
}

t_parallelism() {
	up
	before
	TENSOR=1 PIPELINE=4
	spec
	apply
	chat
	after
	# shellcheck disable=SC2046
	same $(ray)
	differs serve
}

t_probe_prompt() {
	up
	before
	PROMPT='another one'
	spec
	dray apply -auto-approve
	wants 0
	says 'prompt *= hello -> another one'
	plan_is_empty
	after
	# shellcheck disable=SC2046
	same $(ray) serve
}

t_nothing_that_matters() {
	up
	SSH="config: $BED/ssh/config, connect_timeout: 4"
	spec
	echo 'limits: {parallel: 2}' >>cluster.yaml
	dray plan -detailed-exitcode
	wants 0
}

t_image() {
	up
	before
	IMAGE=$IMAGE2
	spec
	apply
	chat
	after
	# shellcheck disable=SC2046
	differs $(ray) serve
}

t_env_of_one_node() {
	up
	before
	NODE_ENV='node2 MARK: two'
	spec
	apply
	chat
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
	[ "$(on node2 docker exec dray-e2e-worker sh -c 'echo $MARK')" = two ] || fail "no MARK in the container"
}

t_revision() {
	up
	before
	REVISION=v2
	spec
	apply
	chat
	after
	# shellcheck disable=SC2046
	same $(ray)
	differs serve
	[ "$(find "$BED/shared/e2e" -path '*/snapshots/*' -name config.json | wc -l)" = 2 ] ||
		fail "the old revision is not beside the new one"
}

t_node_added() {
	up
	before
	NODES=$ALL_NODES
	spec
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs 'worker[node3]' serve
	# And dropped again.
	before
	NODES='node1 node2'
	spec
	dray apply -auto-approve
	wants 0
	says 'worker\[node3\] will be destroyed'
	plan_is_empty
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
	gone 'worker[node3]'
	[ -z "$(containers node3 all)" ] || fail "node3 still has a container"
	[ ! -e "$BED/node3/disk/root/.local/state/dray/e2e" ] || fail "node3 still has records"
}

# It cannot be cleaned up: everything waits until somebody says that it is gone for good.
t_node_dead() {
	up
	before
	"$TESTBED/node.sh" stop node2
	NODES='node1 node3'
	spec
	dray apply -auto-approve
	wants 1
	says 'if it is gone for good, use -forget node2'
	dray destroy -auto-approve
	wants 1
	says 'hint: if it is gone for good, use -forget node2'
	dray apply -auto-approve -forget node1
	wants 1
	says 'the node is in the spec'
	apply -forget node2 # the plan after it does not know node2 any more
	chat
	after
	same 'head[node1]'
	differs 'worker[node3]' serve
	# A node that comes back is cleaned up, or used again once the spec has it.
	"$TESTBED/node.sh" start node2
	NODES=$ALL_NODES
	spec
	apply
	chat
	one_of_each
}

t_replace() {
	up
	before
	dray apply -auto-approve -replace='worker[node2]'
	wants 0
	plan_is_empty
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
}

t_target() {
	down
	NODES=$ALL_NODES
	spec
	dray apply -auto-approve -target='worker[node2]'
	wants 0
	after
	[ -n "$(identity after 'worker[node2]')" ] || fail "no worker[node2]"
	gone 'worker[node3]' serve
	cp after before
	dray plan -detailed-exitcode
	wants 2
	apply
	after
	same 'head[node1]' 'worker[node2]'
}

more "serve arguments: only serve restarts" t_serve_args
more "serve port: only serve restarts" t_served_port
more "tensor and pipeline sizes: only serve restarts" t_parallelism
more "probe prompt: only the probe runs" t_probe_prompt
more "ssh timeout, limits: nothing to do" t_nothing_that_matters
more "image: everything is replaced" t_image
more "env of one node: its worker and serve" t_env_of_one_node
more "model revision: beside the old one, serve restarts" t_revision
scenario "a node added to the spec, and dropped from it" t_node_added
more "a node that died for good: refused until it is forgotten by name" t_node_dead
more "-replace of one worker" t_replace
more "-target of one worker" t_target
