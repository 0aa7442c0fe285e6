# 80-mp.sh - backend mp: the ranks of vLLM's own multi-node engine are one unit.
# Takes 185 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

ranks() { echo 'rank[node1]' 'rank[node2]'; }

# The plain cluster with ranks; cheap if it is already up.
mp_up() {
	spec_defaults
	[ $# = 0 ] || NODES=$*
	BACKEND=mp
	stands
}
one_rank_each() {
	local n
	for n in $NODES; do
		[[ "$(containers "$n" all)" =~ ^dray-$CLUSTER-rank\ [0-9a-f]+\ $CLUSTER$ ]] ||
			fail "$n has other containers: $(containers "$n" all)"
	done
}

t_mp_from_nothing() {
	down
	BACKEND=mp
	spec
	dray apply -auto-approve
	wants 0
	says 'rank\[node2\] will be created'
	says 'over 2 nodes.*, mp'
	plan_is_empty
	chat
	one_rank_each
	before
	dray apply -auto-approve
	says 'No changes'
	after
	# shellcheck disable=SC2046
	same $(ranks)
	dray status
	wants 0
	says '^e2e .*SERVING'
	says '2 of 2 answer'
}

t_mp_rank_removed() {
	# shellcheck disable=SC2086
	mp_up $ALL_NODES
	before
	on node2 docker rm -f dray-e2e-rank
	dray apply -auto-approve -no-probe # which would see first that no token comes
	wants 0
	says 'rank\[node2\] will be restarted (because its container is gone)'
	says 'rank\[node1\] will be restarted (because rank\[node2\] is gone; ranks are one unit)'
	says 'rank\[node3\] will be restarted (because rank\[node2\] is gone; ranks are one unit)'
	says '3 to restart'
	plan_is_empty
	chat
	after
	# shellcheck disable=SC2046
	differs $(ranks) 'rank[node3]'
	one_rank_each
}

t_mp_rank_killed() {
	mp_up
	before
	on node2 docker kill dray-e2e-rank
	# vLLM itself reports nothing: only a completion shows it.
	curl -fsS -m 2 "http://$NET.1:8000/health" || fail "the stand-in is no stand-in: /health"
	if (CHAT_S=2 chat); then fail "the stand-in is no stand-in: a completion came"; fi
	rm -f "$S/why"
	dray apply -auto-approve
	wants 0
	says 'rank\[node1\]: its log until now is node1:.*/logs/rank-.*\.log'
	says 'first failure of the group: rank\[node2\] at 20.*exited, exit 137'
	plan_is_empty
	chat
	after
	# shellcheck disable=SC2046
	differs $(ranks)
	on node1 sh -c 'grep -q "Connection closed by peer" /root/.local/state/dray/e2e/*/logs/*.log' ||
		fail "rank 0's log was not kept"
}

t_mp_rank_restarted() {
	mp_up
	on node2 docker restart -t 1 dray-e2e-rank
	dray apply -auto-approve
	wants 0
	says 'restarted outside dray'
	plan_is_empty
	chat
}

t_mp_arguments() {
	mp_up
	before
	ARGS='max-model-len: 256'
	spec
	dray apply -auto-approve
	wants 0
	says 'max-model-len = [0-9]* -> 256 .*forces restart'
	plan_is_empty
	chat
	after
	# shellcheck disable=SC2046
	differs $(ranks)
}

t_mp_prompt() {
	mp_up
	before
	PROMPT='another one'
	spec
	apply
	after
	# shellcheck disable=SC2046
	same $(ranks)
}

t_mp_rank_dies() {
	mp_up
	ARGS='max-model-len: 310'
	spec
	demands "rank-die@$NET.2"
	dray apply -auto-approve
	wants 3
	says '^│ rank\[node2\].*: .*CUDA out of memory'
	no_demands
	apply
	chat
}

# another_rank NODE OLD: a rank runs there, and its step is done, that is not the one of which `containers`
# said OLD.
another_rank() {
	[ -n "$(containers "$1")" ] && [ "$(containers "$1")" != "$2" ] && ! intent "rank[$1]" "$1"
}
t_mp_never_joins() {
	local old
	mp_up
	old=$(containers node2)
	ARGS='max-model-len: 311'
	spec
	demands "rank-silent@$NET.2"
	start apply -auto-approve
	wait_for 20 "another rank on node2" another_rank node2 "$old"
	on node2 docker kill dray-e2e-rank
	finish
	wants 3
	says 'node2: .*exit 137'
	no_demands
	apply
}

t_mp_killed() {
	mp_up
	ARGS='max-model-len: 312'
	spec
	demands slow-load=3
	start apply -auto-approve
	wait_for 20 "the intent of rank[node1]" intent 'rank[node1]' node1
	nap 0.3
	kill -9 "$bg"
	finish
	[ "$rc" = 137 ] || fail "the apply was not killed but ended with $rc"
	no_demands
	apply_at_once
	chat
	one_rank_each
}

t_mp_connection_lost() {
	mp_up
	ARGS='max-model-len: 313'
	spec
	demands slow-load=3
	start apply -auto-approve
	wait_for 20 "the intent of rank[node1]" intent 'rank[node1]' node1
	on node1 sh -c 'for p in $(pgrep sshd); do [ "$p" = "$(cat /run/sshd.pid)" ] || kill -9 $p; done' || :
	finish
	no_demands
	apply_at_once
	chat
	one_rank_each
}

t_mp_key() {
	mp_up
	export E2E_KEY=poison-mp-7c1f
	KEY=env:E2E_KEY
	spec
	apply
	chat "$E2E_KEY"
	[ "$(curl -s -o /dev/null -w '%{http_code}' -m 5 "http://$NET.1:8000/v1/models")" = 401 ] ||
		fail "the API is open"
	for n in $NODES; do
		if on "$n" sh -c 'docker inspect $(docker ps -aq); docker logs dray-e2e-rank 2>&1
			tr "\0" " " </dev/null; cat /proc/[0-9]*/cmdline; grep -r . /root/.local/state/dray' 2>/dev/null |
			grep -aq "$E2E_KEY"; then
			fail "the key is to be seen on $n"
		fi
		on "$n" docker exec dray-e2e-rank sh -c 'test ! -e /tmp/dray.key' || fail "the pipe is still there"
	done
	on node1 docker exec dray-e2e-rank sh -c 'tr "\0" "\n" </proc/1/environ' | grep -q "$E2E_KEY" ||
		fail "the search cannot find it where it is"
}

t_mp_data() {
	mp_up
	TENSOR=1 PIPELINE=1 DATA=4
	spec
	dray apply -auto-approve
	wants 0
	says 'TP 1 × PP 1 × DP 4 over 2 nodes'
	plan_is_empty
	chat
	on node2 sh -c 'tr "\0" " " </proc/$(pgrep -of "vllm serv[e]")/cmdline' |
		grep -q -- '--data-parallel-size-local 2 .*--data-parallel-start-rank 2 --headless' ||
		fail "not the start rank of node2"
}

t_mp_to_ray_and_back() {
	mp_up
	BACKEND=ray
	spec
	apply
	chat
	for n in $NODES; do
		! containers "$n" all | grep -- -rank || fail "$n has a rank still"
	done
	BACKEND=mp
	spec
	apply
	chat
	one_rank_each
}

# The tag does not tell what is in the image, and there is Ray in it.
t_mp_auto() {
	down
	BACKEND=auto
	spec
	dray plan
	says 'mp (the tag does not tell; apply looks into the image first)'
	dray plan -out saved.plan
	dray apply saved.plan
	wants_failure
	says 'has Ray .* in it, so backend auto means ray'
	says 'the rest of the saved plan is not carried out'
	down
	mkdir -p hooks
	echo 'return {after_apply = function(ctx, event) ctx:log("ended: " .. event.outcome) end}' >hooks/end.lua
	echo 'hooks: [{file: hooks/end.lua}]' >>cluster.yaml
	dray apply -auto-approve
	wants 0
	says 'has Ray .* in it, so backend auto means ray'
	says 'ended: again'
	says 'Apply stopped, because the plan has changed'
	says 'ray (the image has Ray'
	says 'ended: ok'
	says 'Apply complete'
	dray plan
	says 'No changes'
	chat
	# Once that is known, it stays; and one node needs no Ray.
	BACKEND=auto NODES=node1 PIPELINE=1
	spec
	dray plan
	says 'mp (one node needs no Ray)'
}

t_mp_destroy() {
	mp_up
	dray destroy -auto-approve
	wants 0
	nothing_left
}

more "mp: from nothing to a completion, then nothing to do" t_mp_from_nothing
more "mp: a rank's container removed: the whole group" t_mp_rank_removed
scenario "mp: a rank killed while serving: logs kept, the first failure named" t_mp_rank_killed
more "mp: a rank restarted by another hand: the whole group" t_mp_rank_restarted
more "mp: an argument: the whole group" t_mp_arguments
more "mp: probe prompt: only the probe runs" t_mp_prompt
more "mp: a rank dies while it starts: its cause" t_mp_rank_dies
more "mp: a rank that never joined is gone" t_mp_never_joins
more "mp: killed while the ranks start" t_mp_killed
more "mp: the connection lost while the ranks start" t_mp_connection_lost
more "mp: the API key is nowhere to be seen" t_mp_key
more "mp: data parallel over nodes" t_mp_data
more "mp: to Ray and back" t_mp_to_ray_and_back
more "mp: backend auto looks into the image" t_mp_auto
more "mp: destroy leaves nothing" t_mp_destroy
