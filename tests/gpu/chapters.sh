# chapters.sh - the chapters of the story, each with its assertions; nodes.sh sources it
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154

up() { # the start of most chapters; cheap when it is there
	spec
	dray apply -auto-approve
	wants 0
}

t_discover() {
	local n uuid
	spec
	dray discover
	wants 0
	says 'n1 '
	says 'n2 '
	says 'H200\|NVIDIA'
	dray discover -json
	wants 0
	for n in 1 2; do
		uuid=$(on $n nvidia-smi --query-gpu=uuid --format=csv,noheader) || fail "no nvidia-smi on n$n"
		[ "$(wc -l <<<"$uuid")" = 1 ] || [ "$CARDS" = 1 ] || fail "n$n sees other cards: $uuid"
		while read -r one; do says "$one"; done <<<"$uuid"
		says "\"$(cat n$n/machine-id)\""
		says "\"$NET.$n\""
	done
	ok "discover: each node its own GPU, machine and address"
}

t_layout() {
	spec
	dray explain layout
	wants 0
	says 'TP 1 × PP 2 over 2 nodes'
	dray plan -detailed-exitcode
	wants 2
	says 'rank\[n1\] will be created'
	says 'rank\[n2\] will be created'
	ok "layout and plan: PP 2 over both nodes"
	spec '{tensor: 2, pipeline: 1}'
	dray explain layout
	says 'TP 2 × PP 1 over 2 nodes'
	ok "layout: TP 2 over both nodes, and what it says of that"
}

t_apply() {
	local n before
	spec
	apply
	answers
	ok "from nothing to a chat completion, then nothing to do"
	grep -q "NCCL talks over TCP sockets: eth0:$NET.1" "$WORK"/*-apply.out ||
		fail "the apply does not report the transport"
	ok "the apply reports how NCCL talks, and by which interface"
	before=$(ranks)
	for n in 1 2; do
		[ -n "$(rank $n)" ] || fail "no rank on n$n"
		on $n cat "/proc/$(rank $n | cut -d@ -f1)/environ" | tr '\0' '\n' >env-n$n
		grep -qx "VLLM_HOST_IP=$NET.$n" env-n$n || fail "n$n announces another address"
		grep -qx 'NCCL_SOCKET_IFNAME==\?eth0' env-n$n || fail "n$n: NCCL is not told eth0"
		grep -qx 'GLOO_SOCKET_IFNAME=eth0' env-n$n || fail "n$n: Gloo is not told eth0"
	done
	ok "each rank is told its address and the interface between the nodes"
	dray apply -auto-approve
	wants 0
	says 'No changes'
	[ "$(ranks)" = "$before" ] || fail "an apply without changes restarted something"
	dray status
	wants 0
	ok "nothing to do the second time; status agrees"
	[ -n "$STANDIN" ] || transport
}
# Which transport NCCL used, according to its own log.
transport() {
	rank_log 1 >nccl.log
	grep -oE 'via (NET/[A-Za-z]+|P2P/[A-Za-z]+|SHM)[^ ]*' nccl.log | sort | uniq -c
	grep -q 'via NET/Socket' nccl.log || fail "NCCL's log names no sockets between the nodes"
	! grep -qE 'via (P2P|SHM)' nccl.log || fail "NCCL takes the nodes for one machine"
	grep -q 'NET/Socket : Using.*]eth0:' nccl.log || fail "NCCL does not use eth0"
	ok "NCCL goes over sockets of eth0, as there is nothing better"
}

t_argument() {
	local before
	up
	before=$(ranks)
	other_args
	dray plan -detailed-exitcode
	wants 2
	says "args.max-model-len = .* -> $(cat length)"
	apply
	answers
	all_new "$before"
	on 1 curl -fsS -m 20 "http://$NET.1:8000/v1/models" | grep -q "\"max_model_len\":$(cat length)" ||
		fail "not the new length"
	ok "a changed argument restarts both ranks, and takes"
}

# The engine's own parser reads the options before anything is stopped.
t_options() {
	local before more=${ARGS:+$ARGS, }
	up
	before=$(ranks)
	ARGS="${more}max-modl-len: 7, dtype: flot16" spec
	for command in plan 'apply -auto-approve'; do
		# shellcheck disable=SC2086
		dray $command
		wants 1
		says 'cluster.yaml:[0-9]*:[0-9]*: error: vllm serve refuses this: there is no option --max-modl-len'
		says 'cluster.yaml:[0-9]*:[0-9]*: error: vllm serve refuses this: argument --dtype: .*flot16'
	done
	ok "a misspelt option and a wrong choice are refused, by the engine"
	ARGS="${more}chat-template: /no/such/file" spec
	dray plan
	wants 1
	says "on 'n1' there is no '/no/such/file' where vllm serve will look for it"
	ok "a file that is not there is refused"
	[ "$(ranks)" = "$before" ] || fail "a rank is another one"
	answers
	spec
	idle
	ok "nothing was stopped for that"
}

# Run plans until one sees it.
seen() { # SECONDS
	local start=$SECONDS
	until dray plan -detailed-exitcode; [ "$rc" = 2 ]; do
		[ $((SECONDS - start)) -lt "$1" ] || fail "dray does not see it"
		sleep 1
	done
	echo "seen after $((SECONDS - start)) s"
}
t_killed() {
	local before pid
	up
	before=$(ranks)
	pid=$(worker 2)
	[ -n "$pid" ] || fail "n2 has no worker"
	on 2 kill -9 "$pid"
	seen 60
	says 'rank\[n1\]'
	says 'rank\[n2\]'
	apply
	answers
	all_new "$before"
	ok "a killed rank is seen and mended"
}

# Completions hang and nothing has ended: a stopped worker, or what the stand-in does instead.
t_wedge() {
	local pid=
	up
	if [ -n "$STANDIN" ]; then
		echo "wedge=$(cut -d' ' -f1 /proc/uptime)" >"$DEMANDS"
	else
		pid=$(worker 2)
		on 2 kill -STOP "$pid"
	fi
	hangs
	ok "a wedge: completions hang, /health says $(on 1 curl -s -m 5 -o /dev/null -w '%{http_code}' "http://$NET.1:8000/health")"
	dray status
	wants 1
	says HANGS
	ok "status sees the wedge"
	dray plan -detailed-exitcode
	wants 2
	says 'a completion hangs'
	ok "plan offers to mend the wedge"
	dray apply -auto-approve
	rm -f "$DEMANDS"
	wants 0
	idle
	answers
	ok "apply mends the wedge, stopped processes included"
}

t_cable() {
	local before
	up
	before=$(ranks)
	node_cable 2 down
	if [ -z "$STANDIN" ]; then hangs; fi
	dray plan -detailed-exitcode
	grep -iE 'reach|warning|error' "$out" || :
	grep -qi 'reach' "$out" || fail "plan says nothing of nodes that do not reach each other"
	ok "the cable pulled: plan says that the nodes do not reach each other (exit $rc)"
	dray status
	node_cable 2 up
	answers
	idle
	[ "$(ranks)" = "$before" ] || fail "something was restarted"
	ok "the cable back: the same ranks answer, nothing to do"
}

# A rank dies while the first one waits for it: the guard must notice.
t_guard() {
	local start
	restart_until_waiting
	on 2 kill -9 "$(rank 2 | cut -d@ -f1)"
	start=$SECONDS
	ends 45 || { kill -9 "$bg"; fail "the apply waits for a dead rank"; }
	wants 3
	says 'n2: rank\[n2\] ended with status 137'
	rm -f "$DEMANDS"
	ok "a rank that dies while the others wait ends the apply, in $((SECONDS - start)) s"
	apply
	answers
	ok "the next apply mends it"
}

# refused WHAT SAYS NEXT: how an apply ends that waits for a node that is gone.
refused() {
	local start=$SECONDS
	ends 150 || { kill -9 "$bg"; fail "$1: the apply waits for ever"; }
	wants 3
	says "$2"
	says "$3"
	ok "$1 ends the apply, in $((SECONDS - start)) s"
}
# restart_until_waiting: an apply in the background, up to where rank 0 waits for rank 1.
restart_until_waiting() {
	local first second
	up
	other_args
	[ -z "$STANDIN" ] || echo "rank-silent@$NET.2" >"$DEMANDS"
	first=$(rank 1) second=$(rank 2)
	start_apply
	wait_for 60 "the new rank on n2" new_rank 2 "$second"
	wait_for 60 "the new rank on n1" new_rank 1 "$first"
	sleep 2
}
new_rank() { local now; now=$(rank "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }

# The node is gone while the first rank waits for it.
t_lost() {
	restart_until_waiting
	node_down 2
	refused "a node lost while ranks start" \
		'n2: the connection was lost while rank\[n1\] waited for this node' \
		"dray apply, when 'n2' is back; without it: .*-forget n2"
	rm -f "$DEMANDS"
	card_up 2
	spec
	apply
	answers
	ok "the node is back: the next apply serves again"
}
# The node is there, but the rank and the connection to it are gone.
t_session() {
	restart_until_waiting
	# shellcheck disable=SC2016
	on 2 sh -c 'for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -9 $p; done' || :
	refused "a rank that dies together with the connection" 'n2: rank\[n2\] is gone' 'dray plan\|dray apply'
	# vLLM's own first rank may end of it before the guard hears of the connection.
	[ -z "$STANDIN" ] || says 'n2: the connection was lost .*connecting again'
	rm -f "$DEMANDS"
	on 2 sh -c 'rm -rf /dev/shm/dray.*' # of the shell that was killed
	apply
	answers
	ok "after the lost connection the next apply serves again"
}

t_tensor() {
	spec '{tensor: 2, pipeline: 1}'
	apply
	answers
	[ -n "$STANDIN" ] || transport
	ok "TP 2 over both nodes serves"
}
t_auto() {
	spec auto
	dray explain layout
	wants 0
	grep -E 'chosen' "$out" || fail "auto chose nothing"
	apply
	answers
	ok "auto: $(grep -ohE 'TP [0-9]+ × PP [0-9]+ over [0-9]+ nodes?, mp \(chosen' "$WORK"/*-explain.out | tail -n 1 | cut -d, -f1)"
}
t_data() {
	spec '{tensor: 1, pipeline: 1, data: 2}'
	apply
	answers
	[[ $(ranks) =~ ^n1\ [0-9]+@.*\ n2\ [0-9]+@ ]] || fail "a copy is missing: $(ranks)"
	ok "data 2: a copy on each node"
}

# The ranks are there; the server takes over their port.
t_ray() {
	[ -x "$VENV/bin/ray" ] || { skip "Ray: it is not in $VENV"; return; }
	up
	# The stand-in's Ray does not find GPUs by itself.
	[ -z "$STANDIN" ] || ENGINE_ENV="RAY_OVERRIDE_RESOURCES: '{\"GPU\":1}'"
	BACKEND=ray spec
	apply
	answers
	dray status
	wants 0
	ok "from ranks to Ray: head, worker and serve over both nodes"
}

t_destroy() {
	local n left
	up
	dray destroy -auto-approve
	wants 0
	for n in 1 2; do
		[ -z "$(engine $n)" ] || fail "n$n still has $(engine $n)"
		left=$(find n$n/home/.local/state/ -path '*/steps/*'; on $n find /dev/shm -type f ! -name libpod_lock; on $n find /tmp -path '/tmp/dray[.-]*' -o -path /tmp/ray)
		[ -z "$left" ] || fail "n$n still has $left"
	done
	ok "destroy leaves no process, record, or file in /tmp and /dev/shm"
	[ -n "$STANDIN" ] && return
	[ "$(memory)" = "$(cat free)" ] || fail "the GPUs have $(memory)MiB in use, not $(cat free)"
	ok "all GPU memory is back"
}
