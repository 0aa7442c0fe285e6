# 88-none-ranks.sh - runtime none by vLLM's own ranks
# Takes 80 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154
# shellcheck source=none.sh
. "$E2E/none.sh"

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
