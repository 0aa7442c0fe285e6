# 85-none.sh - runtime none: the steps are processes of a virtual environment, over ssh on
# Takes 90 s.
# hosts where no container is ever made, by Ray and by vLLM's own ranks.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# The cluster as processes; cheap if it is already up. Backend: ray or mp.
none_up() {
	spec_defaults
	RUNTIME=none BACKEND=$1
	stands
}
# end_one STEP: kill its process with -9, as the out-of-memory killer does.
end_one() {
	local pid
	pid=$(processes | awk -v s="$1" '$1 == s { sub(/@.*/, "", $2); print $2 }')
	[ -n "$pid" ] || fail "$1 has no process"
	kill -9 "$pid"
}
# One leader for each step, and nothing else of the engine, on all nodes together.
one_process_each() {
	local count
	count=$(processes | cut -d' ' -f1 | sort | uniq -d)
	[ -z "$count" ] || fail "twice there: $count"
	[ "$(processes | wc -l)" = "$1" ] || fail "not $1 processes: $(processes)"
}
no_containers() {
	local n
	for n in $(nodes); do
		[ -z "$(containers "$n" all)" ] || fail "$n has containers"
	done
}
# A process of another program: what it is must not matter.
stranger() { # NODE PORT
	on "$1" sh -c 'cd /tmp && setsid python3 -m http.server '"$2"' >/dev/null 2>&1 & echo $! >/tmp/foreign'
	wait_for 5 "the foreign server" on "$1" curl -fs -m 2 -o /dev/null "http://127.0.0.1:$2/"
}
stranger_lives() { on "$1" sh -c 'kill -0 $(cat /tmp/foreign)' || fail "the stranger was touched"; }
stranger_away() { on "$1" sh -c 'kill $(cat /tmp/foreign); rm /tmp/foreign'; }

# ---- by Ray ----------------------------------------------------------------------

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

# kill_none STEP NODE: like kill_in of lib.sh, without containers to count.
kill_none() {
	start apply -auto-approve
	wait_for 20 "the intent of $1" intent "$1" "$2"
	nap 0.3
	kill -9 "$bg"
	finish
	[ "$rc" = 137 ] || fail "the apply was not killed in $1 but ended with $rc"
	no_demands
	apply_at_once
	chat
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

# ---- by vLLM's own ranks -----------------------------------------------------------

none_ranks() { echo 'rank[node1]' 'rank[node2]'; }

t_none_mp() {
	down
	RUNTIME=none BACKEND=mp
	spec
	apply
	chat
	no_containers
	one_process_each 2
	before
	dray apply -auto-approve
	says 'No changes'
	after
	# shellcheck disable=SC2046
	same $(none_ranks)
	other_args
	apply
	chat
	after
	# shellcheck disable=SC2046
	differs $(none_ranks)
	one_process_each 2
}

t_none_mp_rank_killed() {
	none_up mp
	before
	end_one 'rank[node2]'
	dray plan -detailed-exitcode -no-probe # which would see first that no token comes
	wants 2
	says 'rank\[node2\] will be restarted (because its process was killed, status 137)'
	says 'rank\[node1\] will be restarted (because rank\[node2\] is gone; ranks are one unit)'
	# vLLM itself reports nothing: only a completion shows it.
	curl -fsS -m 2 "http://$NET.1:8000/health" || fail "the stand-in is no stand-in: /health"
	if (CHAT_S=2 chat); then fail "the stand-in is no stand-in: a completion came"; fi
	rm -f "$S/why"
	dray apply -auto-approve
	wants 0
	says 'rank\[node1\]: its log until now is node1:.*rank@node1-.*\.log'
	plan_is_empty
	chat
	after
	# shellcheck disable=SC2046
	differs $(none_ranks)
	one_process_each 2
	on node1 sh -c 'grep -q "Connection closed by peer" /root/.local/state/dray/e2e/*/logs/rank@node1-*.log' ||
		fail "rank 0's log was not kept"
}

# Nobody but the tree of processes shows that a worker process was killed.
t_none_mp_worker_dead() {
	none_up mp
	before
	kill_worker node2 VLLM::Worker_TP1
	dray status -no-probe
	wants 1
	says '^e2e .*DOWN'
	says 'rank\[node2\]: a worker process died: 1 of 2 run'
	kill_worker node1 VLLM::EngineCore
	dray plan -detailed-exitcode -no-probe
	wants 2
	says 'rank\[node1\] will be restarted (because all its worker processes died)'
	apply
	chat
	no_demands
	after
	# shellcheck disable=SC2046
	differs $(none_ranks)
	one_process_each 2
}

# The first of the group that failed is named, however the others ended after it.
t_none_mp_first_failure() {
	none_up mp
	on node2 sh -c 'kill -TERM $(pgrep -of "^vllm serv[e]")'
	wait_for 5 "its end" on node2 sh -c 'cat /root/.local/state/dray/e2e/*/run/*/status'
	dray apply -auto-approve
	wants 0
	says 'first failure of the group: rank\[node2\] at 20.* ended with status 0'
	plan_is_empty
	chat
}

t_none_mp_rank_dies() {
	none_up mp
	other_args
	demands "rank-die@$NET.2"
	dray apply -auto-approve
	wants 3
	says '^│ rank\[node2\].*: .*CUDA out of memory'
	no_demands
	apply
	chat
	one_process_each 2
}

t_none_mp_killed() {
	none_up mp
	other_args
	demands slow-load=3
	kill_none 'rank[node1]' node1
	one_process_each 2
}

t_none_mp_connection_lost() {
	none_up mp
	other_args
	demands slow-load=3
	start apply -auto-approve
	wait_for 20 "the intent of rank[node1]" intent 'rank[node1]' node1
	on node1 sh -c 'for p in $(pgrep sshd); do [ "$p" = "$(cat /run/sshd.pid)" ] || kill -9 $p; done' || :
	finish
	no_demands
	apply_at_once
	chat
	one_process_each 2
}

t_none_mp_reboot() {
	none_up mp
	"$TESTBED/node.sh" reboot node2
	dray apply -auto-approve
	wants 0
	says 'rank\[node2\] will be restarted (because its host was rebooted)'
	plan_is_empty
	chat
	one_process_each 2
}

# Ranks without a record are found by their environment, and recognised.
t_none_mp_records_lost() {
	none_up mp
	on node2 rm -rf /root/.local/state/dray
	apply
	chat
	one_process_each 2
}

t_none_from_docker() {
	none_up mp
	RUNTIME=docker
	spec
	dray apply -auto-approve
	wants 0
	says 'runtime  *= none ->'
	plan_is_empty
	chat
	for n in $NODES; do # those in containers are visible from here, too
		[ -z "$(on "$n" grep -ls DRAY_INSTANCE /proc/[0-9]*/environ)" ] || fail "$n has a process still"
	done
	RUNTIME=none
	spec
	apply
	chat
	no_containers
	one_process_each 2
}

t_none_mp_destroy() {
	none_up mp
	dray destroy -auto-approve
	wants 0
	nothing_left
	no_containers
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
more "none, mp: from nothing to a completion; an argument: all ranks" t_none_mp
more "none, mp: a rank killed: the whole group, logs kept" t_none_mp_rank_killed
more "none, mp: worker processes killed while idle: status and plan show it" t_none_mp_worker_dead
more "none, mp: the first failure of the group is named" t_none_mp_first_failure
more "none, mp: a rank dies while it starts: its cause" t_none_mp_rank_dies
more "none, mp: dray killed while the ranks start" t_none_mp_killed
more "none, mp: the connection lost while the ranks start" t_none_mp_connection_lost
more "none, mp: a host rebooted: the whole group" t_none_mp_reboot
more "none, mp: a rank's records lost: no second copy" t_none_mp_records_lost
more "none, mp: to containers and back" t_none_from_docker
more "none, mp: destroy leaves nothing" t_none_mp_destroy
