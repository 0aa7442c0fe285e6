# 20-ranks.sh - without Ray: from nothing, and a day
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2153,SC2154

t_mp_up() {
	begin_mp
	dray explain layout
	says 'layout  TP 1 × PP 2 over 2 nodes, mp (chosen)'
	says 'TP 1 × PP 1  *KV cache for only 0.* × 512 tokens'
	apply
	on node1 "$VENV/bin/python" "$CLIENT"
	chat
	before
	for step in 'rank[node1]' 'rank[node2]'; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	dray apply
	wants 0
	says 'No changes'
}

# Day two: what a person does who finds it running.
t_mp_day() {
	local port
	begin_mp
	dray status
	wants 0
	says 'SERVING'
	dray ask -max-tokens 4 'Say hello.'
	wants 0
	says 'first token after'
	dray logs -tail 30
	wants 0
	says 'vLLM\|vllm'
	dray bench -concurrency 1,2 -prompts 4 -input 40 -output 8 -svg "$S/plot.svg"
	wants 0
	says '^2  *[0-9.]*  *0/4 '
	[ "$(grep -c '<circle' "$S/plot.svg")" = 6 ] || fail "the plot does not have six points"
	dray status -v
	says '^bench  *[0-9.]* tokens/s'
	start open
	wait_for 60 "the port" grep -q '^API .*/v1' "$S/bg.out"
	port=$(sed -n 's|^API  *http://127.0.0.1:\([0-9]*\)/v1.*|\1|p' "$S/bg.out")
	curl -fsS -m 60 "http://127.0.0.1:$port/v1/models" | grep -q '"tiny"' || fail "the port does not lead to the API"
	kill -INT "$bg"
	finish
	wants 0
	before
	dray stop -auto-approve
	wants 0
	dray status
	wants 1
	says 'STOPPED'
	dray restart -auto-approve
	wants 0
	chat
	plan_is_empty
	after
	differs 'rank[node1]' 'rank[node2]'
}

scenario "mp: from nothing to a chat completion, then nothing to do" t_mp_up
scenario "mp: day two: status, ask, logs, bench, open, stop, restart" t_mp_day
