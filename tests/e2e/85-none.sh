# 85-none.sh - runtime none: the steps are processes of a virtual environment, over ssh on
# Takes 110 s.
# hosts where no container is ever made, by Ray.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154
# shellcheck source=none.sh
. "$E2E/none.sh"

t_none_from_nothing() {
	down
	RUNTIME=none
	spec
	dray apply -auto-approve
	wants 0
	says 'worker\[node2\] will be created'
	says 'over 2 nodes.*, ray'
	plan_is_empty
	chat
	no_containers
	one_process_each 3
	before
	dray apply -auto-approve
	wants 0
	says 'No changes'
	after
	same 'head[node1]' 'worker[node2]' serve
	dray status
	wants 0
	says '^e2e .*SERVING'
	says '2 of 2 answer'
}

t_none_arguments() {
	none_up ray
	before
	other_args
	dray apply -auto-approve
	wants 0
	says '1 to restart, 0 to destroy, 1 to run'
	plan_is_empty
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
	one_process_each 3
}

t_none_worker_killed() {
	none_up ray
	before
	end_one 'worker[node2]'
	dray apply -auto-approve
	wants 0
	says 'worker\[node2\] must be replaced (because its process was killed, status 137)'
	plan_is_empty
	chat
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
	one_process_each 3
}

t_none_head_killed() {
	none_up ray
	before
	end_one 'head[node1]'
	apply
	chat
	after
	differs 'head[node1]' 'worker[node2]' serve
	one_process_each 3
}

t_none_serve_killed() {
	none_up ray
	before
	end_one serve
	dray apply -auto-approve
	wants 0
	says 'serve will be restarted (because its process was killed, status 137)'
	plan_is_empty
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
}

# The engine dies during its first completion: its own message, not only a status.
t_none_engine_dies() {
	none_up ray
	other_args
	demands die-first-completion
	dray apply -auto-approve
	wants 3
	says 'Unsupported CPU attention configuration: head_dim=8'
	no_demands
	dray apply -auto-approve
	wants 0
	says 'serve will be restarted'
	plan_is_empty
	chat
	one_process_each 3
	on node1 sh -c 'grep -l head_dim=8 /root/.local/state/dray/e2e/*/logs/serve-*.log' ||
		fail "the log of the dead one was not kept"
}

t_none_dies_loading() {
	none_up ray
	before
	other_args
	demands die-loading
	dray apply -auto-approve
	wants 3
	says '^│ serve.*: .*CUDA out of memory'
	no_demands
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
}

t_none_killed() {
	none_up ray
	end_one 'worker[node2]'
	demands "ray-slow=2@$NET.2"
	kill_none 'worker[node2]' node2
	one_process_each 3
}

t_none_killed_more() {
	none_up ray
	end_one 'head[node1]'
	demands "ray-slow=2@$NET.1"
	kill_none 'head[node1]' node1
	one_process_each 3
	other_args
	demands slow-load=3
	kill_none serve node1
	one_process_each 3
}

t_none_ctrl_c() {
	none_up ray
	other_args
	demands slow-load=4
	start apply -auto-approve
	wait_for 20 "the intent of serve" intent serve node1
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	dray apply -auto-approve
	wants 0
	not_says 'restarted outside dray'
	plan_is_empty
	one_process_each 3
	chat
	other_args
	demands slow-load=10 # the next apply waits for it
	start apply -auto-approve
	wait_for 20 "the intent of serve" intent serve node1
	kill -INT "$bg"
	nap 0.2
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	apply_at_once
	one_process_each 3
	chat
}

t_none_reboot() {
	none_up ray
	before
	"$TESTBED/node.sh" reboot node2
	dray apply -auto-approve
	wants 0
	says 'worker\[node2\] must be replaced (because its host was rebooted)'
	plan_is_empty
	chat
	after
	same 'head[node1]'
	differs serve
	"$TESTBED/node.sh" reboot node1
	apply
	chat
	one_process_each 3
}

t_none_key() {
	none_up ray
	export E2E_KEY=poison-none-51b0
	KEY=env:E2E_KEY
	spec
	apply
	chat "$E2E_KEY"
	[ "$(curl -s -o /dev/null -w '%{http_code}' -m 5 "http://$NET.1:8000/v1/models")" = 401 ] ||
		fail "the API is open"
	for n in $NODES; do
		if on "$n" sh -c 'cat /proc/[0-9]*/cmdline; grep -r . /root/.local/state/dray /tmp' 2>/dev/null |
			grep -aq "$E2E_KEY"; then
			fail "the key is to be seen on $n"
		fi
		# Only its user (and root) can read its environment.
		if on "$n" setpriv --reuid 1777 --regid 1777 --clear-groups sh -c \
			'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline' 2>/dev/null | grep -aq "$E2E_KEY"; then
			fail "another user of $n sees the key"
		fi
	done
	on node1 sh -c 'cat /proc/[0-9]*/environ' 2>/dev/null | grep -aq "$E2E_KEY" ||
		fail "the search cannot find it where it is"
}

# The contents of the environment are part of what runs.
t_none_other_vllm() {
	none_up ray
	before
	for n in $NODES; do
		on "$n" sh -c 'cd /opt/vllm/lib/python3*/site-packages && mv vllm-0.32.0.dist-info vllm-0.32.1.dist-info'
	done
	dray plan
	says 'vllm = 0.32.0 -> 0.32.1'
	on node2 sh -c 'cd /opt/vllm/lib/python3*/site-packages && mv vllm-0.32.1.dist-info vllm-0.32.0.dist-info'
	dray plan
	wants 1
	says 'vLLM 0.32.0 here, 0.32.1 on node1'
	on node1 sh -c 'cd /opt/vllm/lib/python3*/site-packages && mv vllm-0.32.1.dist-info vllm-0.32.0.dist-info'
	on node2 mv /opt/vllm /opt/elsewhere
	dray plan
	wants 1
	says "engine.venv '/opt/vllm' does not exist"
	on node2 mv /opt/elsewhere /opt/vllm
	plan_is_empty
	after
	same 'head[node1]' 'worker[node2]' serve
}

t_none_destroy() {
	none_up ray
	stranger node2 9100
	dray destroy -auto-approve
	wants 0
	stranger_lives node2
	stranger_away node2
	nothing_left
	no_containers
}

t_none_port() {
	down
	RUNTIME=none
	spec
	stranger node1 8000
	dray plan
	wants 1
	says 8000
	says python3
	dray apply -auto-approve
	wants 1
	stranger_lives node1
	one_process_each 0
	stranger_away node1
}

scenario "none: from nothing to a completion, then nothing to do" t_none_from_nothing
more "none: an argument: serve alone" t_none_arguments
more "none: a worker killed: it and serve" t_none_worker_killed
more "none: the head killed: all of Ray" t_none_head_killed
more "none: serve killed: serve alone" t_none_serve_killed
more "none: the engine dies of a completion: its cause, its log" t_none_engine_dies
more "none: the engine dies while it loads: its cause" t_none_dies_loading
more "none: dray killed in a worker" t_none_killed
more "none: dray killed in head and serve" t_none_killed_more
more "none: Ctrl-C once and twice" t_none_ctrl_c
more "none: hosts rebooted" t_none_reboot
more "none: the API key is nowhere to be seen" t_none_key
more "none: another vLLM in the environment, or none" t_none_other_vllm
more "none: destroy leaves nothing, and strangers alone" t_none_destroy
more "none: a stranger's process on the port: named, not touched" t_none_port
