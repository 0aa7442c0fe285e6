# 10-launchers.sh - both launchers: Ray in containers
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2153,SC2154

t_up() {
	begin
	dray plan -detailed-exitcode
	wants 2
	says 'layout  TP 2 × PP 2 over 2 nodes × 2 NVIDIA H200, ray'
	apply
	dray status
	wants 0
	on node1 "$VENV/bin/python" "$CLIENT"
	chat
	before
	cp before "$WORK/before"
	for step in 'head[node1]' 'worker[node2]' serve; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	on node1 docker exec dray-testbed-head ray status | grep -F '4.0/4.0 GPU' || fail "not 4 GPUs in use"
}

t_again() {
	begin
	dray apply
	wants 0
	says 'No changes'
	cp "$WORK/before" .
	after
	same 'head[node1]' 'worker[node2]' serve
}

t_changed() {
	begin
	before
	other_argument
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
}

# Its own parser reads the options before anything is stopped.
t_refused() {
	local command
	begin
	other_argument
	before
	sed -i 's/^    dtype: .*/    dtype: flot16\n    max-modl-len: 7\n    compilation-config: "{bad"/' cluster.yaml
	for command in plan 'apply -auto-approve'; do
		# shellcheck disable=SC2086
		dray $command
		wants 1
		says 'error: vllm serve refuses this: there is no option --max-modl-len'
		says 'error: vllm serve refuses this: argument --dtype: .*flot16'
		says 'error: vllm serve refuses this: argument --compilation-config'
	done
	begin
	other_argument
	dray plan -detailed-exitcode
	wants 0
	chat
	after
	same 'head[node1]' 'worker[node2]' serve
}

t_worker_gone() {
	begin
	other_argument
	before
	on node2 docker rm -f dray-testbed-worker
	apply
	chat
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
}

t_wrong() {
	begin
	# As numbers, because `auto` would notice that this is too long.
	sed -i 's/max-model-len: 512/max-model-len: 4096/
		s/^parallelism: auto/parallelism: {tensor: 2, pipeline: 2}/' cluster.yaml
	dray apply -auto-approve
	wants 3
	says 'max_model_len (4096) is greater'
}

t_away() {
	begin
	dray destroy -auto-approve
	wants 0
	nothing_left
}

for launcher in script container; do
	scenario "$launcher: from nothing to a chat completion" t_up
	scenario "$launcher: a second apply has nothing to do" t_again
	scenario "$launcher: a changed argument restarts only serve" t_changed
	if [ $launcher = script ]; then
		scenario "$launcher: what vLLM's parser refuses stops nothing" t_refused
		scenario "$launcher: a lost worker is replaced, serve restarts" t_worker_gone
	else
		scenario "$launcher: an impossible argument: vLLM's own cause" t_wrong
	fi
	scenario "$launcher: destroy leaves nothing" t_away
done
