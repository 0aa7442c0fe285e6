# 65-logs.sh - what died says why: at the end of an apply, and to dray why.
# Takes 120 s, from the plain cluster to it.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

t_why_in_log() {
	up
	other_args
	demands die-loading
	dray apply -auto-approve
	no_demands
	wants 3
	says '^│ serve.*: .*OutOfMemoryError'
	says '^│ means:  a GPU has too little free memory'
	says '^│ do:     .*max-model-len'
	dray why
	wants 0
	says '^serve'
	says 'says .*OutOfMemoryError'
	says 'means  a GPU has too little free memory'
	dray why -json
	[[ $out == *'"found":true,"log":"serve"'* ]] || fail "the JSON does not name the log"
	apply
	dray why
	wants 0
	says 'nothing has failed'
	dray why -previous
	wants 0
	says 'says .*OutOfMemoryError'
}

t_why_killed() {
	up
	on node1 sh -c 'kill -9 $(pgrep -f "^vllm serve")'
	wait_for 60 "the status of serve" on node1 docker exec dray-e2e-head test -s /tmp/dray/serve.status
	dray why
	wants 1
	says 'no log names it; the nodes show'
	says 'node1: 20.*Z process of serve: ended with status 137'
	says 'means  it was killed from outside'
	on node2 docker kill dray-e2e-worker
	dray why
	wants 1
	says 'node2: 20.*Z container dray-e2e-worker: exited, exit 137'
	apply
}

t_logs() {
	up
	dray logs -tail 5
	wants 0
	says '^serve  *| '
	says '^head\[node1\]  *| '
	says '^worker\[node2\]  *| '
	dray logs node2
	wants 0
	not_says '^serve'
	dray logs serve -grep 'shards: *100%'
	wants 0
	[ "$(grep -c . <<<"$out")" = "$(grep -c '^serve |.*shards: *100%' <<<"$out")" ] || fail "more than what matches"
	dray logs node7
	wants 1
	on node1 sh -c 'kill -9 $(pgrep -f "^vllm serve")'
	wait_for 60 "the status of serve" on node1 docker exec dray-e2e-head test -s /tmp/dray/serve.status
	on node2 docker kill dray-e2e-worker
	dray logs
	wants 0
	says '^serve  *| '
	says '^worker\[node2\]  *| '
	says 'node1: 20.*Z process of serve: ended with status 137'
	says 'node2: 20.*Z container dray-e2e-worker: exited, exit 137'
	apply
	dray logs -previous worker
	wants 0
	says '^worker\[node2\] | '
	not_says '^serve'
	dray why -previous
	wants 1
	says 'node1: 20.*Z process of serve: ended with status 137'
	says 'node2: 20.*Z container dray-e2e-worker: exited, exit 137'
	# The server was ended while it ran: its log is kept, too.
	other_args
	apply
	dray logs -previous serve
	wants 0
	says '^serve | .*shards: *100%'
}

# followed N: N servers have loaded so far, by what was followed.
followed() { [ "$(grep -c '^serve .*shards: *100%' "$S/bg.out")" = "$1" ]; }

t_follow() {
	up
	start logs -f -tail 5000 serve
	trap 'kill "$bg" 2>/dev/null || :' EXIT
	wait_for 60 "the lines so far" followed 1
	other_args
	apply
	wait_for 60 "the lines of the next server" followed 2
	sleep 3 # so that its end comes in a round without a new line, too
	on node1 sh -c 'kill -9 $(pgrep -f "^vllm serve")'
	wait_for 60 "what ended" grep -q 'node1: 20.*Z process of serve: ended with status 137' "$S/bg.err"
	kill -INT "$bg"
	finish
	wants 130
	followed 2
	apply
}

more "logs: followed over a restart, each line once" t_follow
more "logs: of all that runs, and of what has died" t_logs
scenario "why: the log of what died loading names it, at the end of the apply and later" t_why_in_log
more "why: killed; no log names it, but the nodes do" t_why_killed
