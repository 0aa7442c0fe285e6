# 35-answers.sh - a server that runs and does not answer: status and plan show it, and the cause.
# Takes 95 s, from the plain cluster to it.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# A completion hangs, although /health answers 200 and every process runs.
t_wedge() {
	up
	PROBE_TIMEOUT=2 spec
	dray status
	wants 0
	says '^e2e .*SERVING'
	demands "wedge=$(cut -d' ' -f1 /proc/uptime)"
	dray status
	wants 1
	says '^e2e .*HANGS'
	says 'no token within 2 s, and no other request gets one'
	dray status -no-probe
	wants 0
	dray plan -detailed-exitcode
	wants 2
	says 'serve will be restarted (because a completion hangs'
	dray plan -detailed-exitcode -no-probe
	wants 0
	apply
	chat
	no_demands
}

# Other requests get tokens: the engine is busy, and the plan restarts nothing.
t_queue() {
	up
	PROBE_TIMEOUT=2 spec
	demands queue
	dray status
	wants 0
	says 'SERVING'
	says 'other requests get tokens'
	says 'tokens/s'
	dray plan -detailed-exitcode
	wants 0
	demands trickle
	PROBE_TIMEOUT=3 spec
	dray status
	wants 1
	says 'SLOW'
	says 'tokens per second'
	no_demands
}

# A worker process is killed while the engine is idle, and its API answers still: Ray tells.
t_worker_dead() {
	up
	before
	kill_worker node2 ray::
	wait_for 60 "what Ray tells" status_says 'serve: a worker process died: Ray has 3 of 4 GPUs in use'
	curl -fsS -m 5 "http://$NET.1:$PORT/health" || fail "the stand-in is no stand-in: /health"
	dray plan -detailed-exitcode -no-probe
	wants 2
	says 'serve will be restarted (because a worker process died: Ray has 3 of 4 GPUs in use)'
	apply
	chat
	no_demands
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
}

# A failed probe replaces the result of the one that passed before it.
t_probe_failed() {
	up
	demands no-tokens
	PROMPT=again spec
	dray apply -auto-approve
	wants 1
	no_demands
	dray plan -detailed-exitcode
	wants 2
	says 'probe will be run (because it failed at 20'
	says 'without a single token'
	dray status
	wants 1
	says 'differs from what runs in 1 step'
	apply
	dray status
	wants 0
}

# The cause of a failed start is still shown later.
t_failed_start() {
	up
	other_args
	demands die-loading
	dray apply -auto-approve
	wants 3
	no_demands
	dray status
	wants 1
	says '^e2e .*FAILED'
	says 'CUDA out of memory'
	dray plan
	says 'serve will be restarted (because it failed at 20.*CUDA out of memory'
	apply
}

# A step that another apply is starting is shown as starting, not as interrupted or failed.
t_starting() {
	up
	other_args
	demands slow-load=6
	start apply -auto-approve
	wait_for 20 "the intent of serve" intent serve node1
	dray status
	wants 1
	says '^e2e .*STARTING'
	says 'the apply of .* is starting it'
	says '^lock *held by'
	no_demands
	finish
	wants 0
	plan_is_empty
}

more "a worker of Ray killed while idle: status and plan show it" t_worker_dead
scenario "status and plan show a server that hangs, and apply restarts it" t_wedge
more "a busy server does not hang; few tokens per second are slow" t_queue
more "a probe that failed stays failed" t_probe_failed
more "the cause of a failed start is kept" t_failed_start
more "what another apply is starting is shown as starting" t_starting
