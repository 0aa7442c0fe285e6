# 45-day.sh - the commands of a day after the first: restart, stop, ask, open, exec, bench.
# Takes 290 s, from the plain cluster.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# A restart is an apply of what runs: the same approval, one new server, the rest stays.
t_restart() {
	up
	before
	dray restart
	wants 1
	says 'serve will be restarted (because a restart was asked for)'
	says "use 'dray restart -auto-approve'; nothing was changed"
	after
	same 'head[node1]' 'worker[node2]' serve
	dray restart -auto-approve
	wants 0
	says 'Restart complete! .* 1 restarted'
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
	plan_is_empty
	chat
	dray restart -auto-approve nothing
	wants 1
	says "no step 'nothing' for restart"
}

# A stop frees the nodes and keeps what was fetched; an apply brings all of it back.
t_stop() {
	local n
	up
	before
	dray stop -auto-approve
	wants 0
	says 'serve will be stopped (because a stop was asked for)'
	says 'Stop complete! Steps: 3 stopped'
	after
	gone 'head[node1]' 'worker[node2]' serve
	for n in $NODES; do
		[ -z "$(all_containers "$n")" ] || fail "$n has containers still"
	done
	dray status
	wants 1
	says '^e2e .*STOPPED'
	says 'it was stopped by .* at 20'
	dray status -json
	says '"state": "stopped"'
	dray stop -auto-approve
	wants 0
	says 'Nothing to stop'
	dray plan -detailed-exitcode
	wants 2
	says 'serve will be started again (because it was stopped by'
	not_says 'download will be'
	not_says 'image\[node1\] will be'
	apply
	chat
	dray status
	wants 0
	dray stop -auto-approve
	wants 0
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# With backend mp the engine is the ranks.
t_stop_ranks() {
	down
	BACKEND=mp
	stands
	before
	dray restart -auto-approve serve
	wants 0
	says 'rank\[node1\] will be restarted (because a restart was asked for)'
	after
	differs 'rank[node1]' 'rank[node2]'
	plan_is_empty
	dray stop -auto-approve
	wants 0
	after
	gone 'rank[node1]' 'rank[node2]'
	# A restart of what was stopped starts it.
	dray restart -auto-approve
	wants 0
	plan_is_empty
	chat
}

# Without containers, processes; and a node that does not answer stops the stop.
t_stop_none() {
	down
	RUNTIME=none
	stands
	before
	dray stop -auto-approve
	wants 0
	after
	gone 'head[node1]' 'worker[node2]' serve
	apply
	chat
	dray destroy -auto-approve
	wants 0
}

# The API listens on the node's own loopback only: dray reaches it, curl from here does not.
local_api() {
	up
	SERVE=', bind: 127.0.0.1'
	stands
}
t_ask() {
	local_api
	dray ask 'Say "hello".'
	wants 0
	# The answer alone on stdout, with its line end, without its escape.
	printf 'Nothing thinks\nin here.\\x1b[2J!\n' | cmp - "$S/out" || fail "the answer is not what the model said"
	says 'first token after [0-9.]* s; 8 tokens in'
	says 'cut at the limit of tokens'
	printf 'a long question\n' >"$S/question"
	rc=0
	"$DRAY" ask -max-tokens 2 -system 'Be brief.' - <"$S/question" >"$S/out" 2>"$S/err" || rc=$?
	wants 0
	says '^Nothing thinks$'
	says '; 2 tokens in'
	dray ask
	wants 64
	# An answer that stalls is shown as far as it came; Ctrl-C ends the wait.
	demands stall-stream
	start ask hello
	wait_for 60 "the first words" grep -q 'Nothing thinks' "$S/bg.out"
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	dray stop -auto-approve
	dray ask hello
	wants 1
	says "it is stopped (head\[node1\]: it was stopped by"
	says "'dray apply' starts it"
}

# The benchmark runs in the container of the server, and a Ctrl-C here ends it there.
bench_runs() { on_node node1 'vllm bench serve '; }
t_bench() {
	up
	KEY=env:BENCH_KEY
	export BENCH_KEY=k-bench-2718
	stands
	dray bench -concurrency 1,4
	wants 0
	says '^vLLM, TP 2 × PP 2, 2 nodes; random prompts of '
	says '^4  *50.00  *0/16 '
	dray status -v
	says '^bench  *[0-9.]* tokens/s with 4 at a time'
	demands bench-slow=7000
	start bench -concurrency 8
	wait_for 60 "the benchmark" bench_runs
	! pgrep -fa "$BENCH_KEY" || fail "the key is on a command line"
	kill -INT "$bg"
	finish
	wants 130
	wait_for 60 "its end in the container" eval '! bench_runs'
	[ -z "$(on node1 "$(engine)" exec dray-e2e-head ls /tmp | grep dray-bench || :)" ] || fail "its folder is left"
	no_demands
	chat "$BENCH_KEY"
}

# A port here, for several connections at a time, until Ctrl-C.
t_open() {
	local port pids='' i
	local_api
	start open
	wait_for 60 "the port" grep -q '^API .*/v1' "$S/bg.out"
	port=$(sed -n 's|^API  *http://127.0.0.1:\([0-9]*\)/v1.*|\1|p' "$S/bg.out")
	grep -q "^try .*curl http://127.0.0.1:$port/v1/chat/completions" "$S/bg.out" || fail "no curl line"
	# Connections that say nothing are in nobody's way.
	exec {idle1}<>"/dev/tcp/127.0.0.1/$port" {idle2}<>"/dev/tcp/127.0.0.1/$port"
	for i in 1 2 3 4; do
		curl -fsS -m 60 "http://127.0.0.1:$port/v1/chat/completions" -H 'Content-Type: application/json' \
			-d '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}' \
			-o "$S/chat.$i" &
		pids="$pids $!"
	done
	for i in $pids; do wait "$i" || fail "a request through the port failed"; done
	for i in 1 2 3 4; do grep -q '"completion_tokens":3' "$S/chat.$i" || fail "answer $i has no tokens"; done
	curl -fsS -m 60 "http://127.0.0.1:$port/v1/models" | grep -q '"id":"tiny"' || fail "no list of models"
	# A port that is taken is one line; without -port another one would do.
	dray open -port "$port"
	wants 1
	says "listen on 127.0.0.1:$port: Address already in use"
	says 'choose another one with -port'
	exec {idle1}>&- {idle2}>&-
	kill -INT "$bg"
	finish
	wants 0
	! curl -fs -m 5 "http://127.0.0.1:$port/v1/models" || fail "the port is still open"
	dray open -port 70000
	wants 64
}

# Output, input, status and end of a command on a node are those of a command here.
t_exec() {
	spec_defaults
	spec
	dray exec node2 'hostname; echo no line end | tr -d "\n" >&2; exit 41'
	wants 41
	[ "$out" = node2 ] || fail "stdout is '$out'"
	printf 'no line end' | cmp - "$S/err" || fail "stderr is not the command's"
	dray exec node2 ls -d '/a b;c'
	wants 2
	says "'/a b;c'"
	rc=0
	head -c 300000 "$DRAY" | "$DRAY" exec node1 sh -c 'cat; echo "$1" >&2' name "it's \$HOME" >"$S/out" 2>"$S/err" || rc=$?
	wants 0
	head -c 300000 "$DRAY" | cmp - "$S/out" || fail "the bytes are not the same"
	[ "$(cat "$S/err")" = "it's \$HOME" ] || fail "the word is not the same"
	# Its output comes while it runs, and Ctrl-C ends it on the node.
	start exec node2 'echo begun; echo $$ >&2; exec sleep 7411'
	wait_for 60 "its output" grep -q begun "$S/bg.out"
	[ -n "$(on_node node2 'sleep 7411')" ] || fail "it does not run on node2"
	kill -INT "$bg"
	finish
	wants 130
	wait_for 60 "its end on the node" eval '[ -z "$(on_node node2 "sleep 7411")" ]'
	# Without a command it is a shell of the user's own ssh, which reads what is typed.
	rc=0
	printf 'hostname; exit 43\n' | "$DRAY" exec node2 >"$S/out" 2>"$S/err" || rc=$?
	wants 43
	grep -qx node2 "$S/out" || fail "it is not a shell on node2"
	dray exec node9 true
	wants 64
	says "no node 'node9'"
	dray exec
	wants 64
	NODES=node8 TENSOR=1 PIPELINE=1 spec
	dray exec node8 true
	wants 1
	says '^dray: error: node8: '
}

# The ranks of two nodes: one is killed, a completion hangs, the server is stopped by a signal, and
# a link is cut and comes back. Each has a watch of its own, so that no pause is between repairs.
t_watch() {
	local what
	down
	BACKEND=mp PROBE_TIMEOUT=3
	stands
	sed -i 's/connect_timeout: 6/connect_timeout: 1/' cluster.yaml
	trap 'kill "$bg" 2>/dev/null; "$TESTBED/net.sh" heal node2' EXIT # after a failure
	for what in killed hangs stopped cut; do
		before
		start watch -every 1
		wait_for 60 "the first look" grep -q ' serving$' "$S/bg.out"
		case $what in
		killed) on node2 sh -c 'kill -KILL $(pgrep -f "^vllm serve")' ;;
		hangs) demands "wedge=$(cut -d' ' -f1 /proc/uptime)" ;;
		stopped) on node1 sh -c 'kill -STOP $(pgrep -f "^vllm serve")' ;;
		cut)
			"$TESTBED/net.sh" cut node2
			wait_for 120 "node2 to be missed" grep -q ' unreachable: node2' "$S/bg.out"
			"$TESTBED/net.sh" heal node2
			;;
		esac
		wait_for 240 "it to serve again, $what" grep -q ' serving: again' "$S/bg.out"
		kill -TERM "$bg"
		finish
		wants 0
		after
		[ $what = cut ] || differs 'rank[node1]' 'rank[node2]'
		[ $what != killed ] || says ' cause: .*node2'
		[ $what != hangs ] || says ' hangs: rank.node1.: a completion hangs'
		chat
	done
	trap - EXIT
	no_demands
	plan_is_empty
}

# Everything that works over dray's own client works over the user's ssh.
t_openssh() {
	up
	before
	sed -i 's/^  - host: node[0-9]*$/&\n    executor: openssh/' cluster.yaml
	dray plan -detailed-exitcode
	wants 0
	says 'No changes'
	sed -i 's/max-model-len: [0-9]*/max-model-len: 77/' cluster.yaml
	dray apply -auto-approve
	wants 0
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
	plan_is_empty
	dray status
	wants 0
	dray logs serve -tail 3
	wants 0
	dray ask hello
	wants 0
	says 'first token after'
	dray exec node2 'hostname; exit 41'
	wants 41
	port=$((20000 + RANDOM % 10000))
	start open -port "$port"
	wait_for 60 "the port" eval 'curl -fs -m 5 "http://127.0.0.1:$port/v1/models" | grep -q "\"id\":\"tiny\""'
	kill -INT "$bg"
	finish
	wants 0
	[ -z "$(pgrep -f "ControlPath=.*/dray-ssh-.* -- node[12]\$")" ] || fail "a connection of ssh was left"
}

more "restart restarts the server, and nothing else" t_restart
more "over the user's own ssh: plan, apply, status, logs, ask, exec, open" t_openssh
more "stop ends the engine and keeps the rest, apply brings it back" t_stop
more "restart and stop of ranks" t_stop_ranks
more "ask streams an answer through the node's connection" t_ask
more "open gives a local port to the API" t_open
more "exec runs a command on a node" t_exec
more "bench measures in the container of the server" t_bench
more "stop without containers" t_stop_none
more "watch repairs ranks on two nodes" t_watch
