# 60-engine.sh - the engine misbehaves: dray says so, with the cause.
# Takes 150 s, from the plain cluster to it.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# Restart serve with a demand to the stand-in. dray must fail by itself: the harness ends
# what takes two minutes.
badly() { # DEMAND
	up
	PROBE_TIMEOUT=2
	other_args
	demands "$1"
	dray apply -auto-approve
	no_demands
	wants 3
}

recovers() {
	apply
	chat
	one_of_each
}

t_dies_loading() {
	badly die-loading
	says 'OutOfMemoryError'
	says '^The API is DOWN since [0-9][0-9]:[0-9][0-9]:'
	says serve
	recovers
}

t_dies_at_first() {
	badly die-first-completion
	says probe
	says 'head_dim'
	recovers
}

t_wedged() {
	badly wedge
	says probe
	says -i 'time\|no answer'
	recovers
}

t_no_tokens() {
	badly no-tokens
	says probe
	says -i token
	recovers
}

# A new vllm began to load; the log of the one before says that it was done.
loads() {
	on node1 docker exec dray-e2e-head sh -c 'grep -q "shards:   0%" /tmp/dray/serve.log &&
		! grep -q "shards: 100%" /tmp/dray/serve.log'
}

t_worker_dies_meanwhile() {
	up
	other_args
	demands slow-load=90
	start apply -auto-approve
	wait_for 20 "vllm to load" loads
	on node2 docker kill dray-e2e-worker
	LIMIT=45
	finish
	wants 3
	says 'worker\|node2\|died'
	no_demands
	recovers
}

t_wrong_gpus() {
	up
	on node2 docker rm -f dray-e2e-worker
	demands "gpus=1@$NET.2"
	LIMIT=40
	dray apply -auto-approve
	wants 3
	says -i 'gpu'
	after
	gone serve
	no_demands
	on node2 docker rm -f dray-e2e-worker
	recovers
}

t_ray_dies() {
	up
	on node2 docker rm -f dray-e2e-worker
	demands "ray-die@$NET.2"
	LIMIT=20
	dray apply -auto-approve
	wants 3
	says 'worker\[node2\]'
	says 'shared memory'
	no_demands
	recovers
}

t_bad_argument() {
	up
	before
	ARGS='max-modell-len: 512, max-num-seqs: many'
	spec
	dray apply -auto-approve
	wants 1
	says 'refuses this: there is no option --max-modell-len'
	says 'refuses this: argument --max-num-seqs: .*many'
	after
	same 'head[node1]' 'worker[node2]' serve
	chat
	# The verdict is kept; nothing is left of what was started for it.
	dray plan
	wants 1
	says 'there is no option --max-modell-len'
	on node1 docker ps -a --format '{{.Names}}' | { ! grep -v '^dray-e2e-'; } || fail "a container was left"
	other_args
	recovers
}

# On a terminal the live line shows the progress.
t_slow_is_fine() {
	up
	other_args
	demands slow-load=3
	script -qec "$DRAY apply -auto-approve" /dev/null >live </dev/null || fail "the apply ended with $?"
	no_demands
	grep -q '[0-9]%' live || fail "no progress was shown"
	plan_is_empty
}

more "vllm dies while loading: the cause" t_dies_loading
more "vllm dies at the first completion: the probe tells" t_dies_at_first
more "vllm is up but hangs: the probe tells" t_wedged
more "a completion without tokens: the probe tells" t_no_tokens
more "a worker dies while vllm loads" t_worker_dies_meanwhile
more "too few GPUs in Ray: the gate tells" t_wrong_gpus
more "ray start dies on a worker" t_ray_dies
more "an argument that vllm does not know" t_bad_argument
more "a slow load shows its progress" t_slow_is_fine
