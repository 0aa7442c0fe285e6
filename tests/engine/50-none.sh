# 50-none.sh - Ray and vLLM as processes, without containers
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2153,SC2154

# Without containers: the same environment as processes of the hosts.
begin_none() {
	launcher=container
	begin
	sed -i -e "s|^  image: .*|  runtime: none\n  venv: $VENV|" -e 's/backend: ray/backend: auto/' \
		-e '/launcher:/d; /docker_args:/,/venv:ro/d' cluster.yaml
	RUNTIME=none
}

t_none_up() {
	begin_none
	dray plan
	says 'layout  TP 2 × PP 2 over 2 nodes × 2 NVIDIA H200, ray (the environment has Ray 2'
	apply
	on node1 "$VENV/bin/python" "$CLIENT"
	before
	for step in 'head[node1]' 'worker[node2]' serve; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	for n in $NODES; do
		[ -z "$(on "$n" docker ps -aq)" ] || fail "$n has containers"
	done
}

t_none_worker_killed() {
	begin_none
	before
	kill -9 "$(awk '$1 == "worker[node2]" { sub(/@.*/, "", $2); print $2 }' before)"
	dray plan
	says 'worker\[node2\] must be replaced (because its process was killed, status 137)'
	other_argument
	apply
	chat
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
}

# A worker process of Ray is killed while the engine is idle. Nobody asks for a token.
t_none_process_killed() {
	local pid killed
	begin_none
	other_argument
	pid=$(on_node node2 '^ray::[A-Za-z]*Work' | head -n 1)
	[ -n "$pid" ] || fail "no worker process of Ray on node2"
	kill -9 "$pid"
	killed=$SECONDS
	wait_for 60 "a look that sees it" status_says '^testbed .*DOWN'
	echo "seen after $((SECONDS - killed)) s: $(grep '^ *serve: ' out)"
	dray plan -detailed-exitcode -no-probe
	wants 2
	says 'serve will be restarted (because '
	apply
	chat
}

t_none_away() {
	begin_none
	dray destroy -auto-approve
	wants 0
	nothing_left
}

scenario "none: Ray and vLLM as processes over ssh, to a chat completion" t_none_up
scenario "none: a worker killed, another argument: worker and serve anew" t_none_worker_killed
scenario "none: a worker process of Ray killed while idle is seen" t_none_process_killed
scenario "none: destroy leaves nothing" t_none_away
