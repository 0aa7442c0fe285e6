# 40-copies.sh - nothing is shared; two copies of the model
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2153,SC2154

# Nothing is shared: one node downloads, the other gets a copy from it over their network.
t_local() {
	local n own=/var/tmp/models hub=.cache/huggingface/hub/models--dray--tiny
	begin_mp
	sed -i "s|^shared_dir: .*|storage: {local: $own}|" cluster.yaml
	for n in $NODES; do on "$n" sh -c "rm -rf $own; mkdir -p $own"; done
	apply
	grep -q 'weights\[node2\]: Creation complete' "$WORK/local/log" || fail "no copy was made"
	diff -r "$BED/node1/disk$own/$hub/snapshots" "$BED/node2/disk$own/$hub/snapshots" || fail "the copies differ"
	! grep -q " $NET.2 .*safetensors" "$BED/hub.log" || fail "node2 asked the hub for weights"
	on node1 "$VENV/bin/python" "$CLIENT"
	chat
	dray destroy -auto-approve
	wants 0
	nothing_left
	# A snapshot of a cache as a path: its links leave it, and the container finds what they lead to.
	sed -i "s|^storage: .*||; s|^  repo: .*|  path: $own/$hub/snapshots/$(ls "$BED/node1/disk$own/$hub/snapshots")|
		/^  revision:/d; /^  endpoint:/d; /^  exclude:/d; /^  client:/d" cluster.yaml
	cat cluster.yaml
	apply
	chat
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# Two whole copies of the model, one a node, behind one API.
t_data() {
	begin_mp
	sed -i 's/^parallelism: auto/parallelism: {tensor: 1, pipeline: 1, data: 2}/; /kv-cache-memory/d' cluster.yaml
	sed -i 's/^  env: .*/&\n    VLLM_CPU_KVCACHE_SPACE: 1/' cluster.yaml
	apply
	# Several requests at a time, or all may go to the first copy; the API counts them for
	# each copy.
	for _ in 1 2 3 4 5 6 7 8; do chat & done
	wait
	curl -fsS -m 5 "http://$NET.1:$PORT/metrics" >metrics
	grep -E '^vllm:generation_tokens_total\{[^}]*engine="1"' metrics | grep -qv ' 0\.0$' ||
		fail "the second copy did nothing: $(grep '^vllm:generation_tokens_total' metrics)"
	dray destroy -auto-approve
	wants 0
	nothing_left
}

scenario "mp: nothing is shared: a copy goes from node to node; then a snapshot as a path" t_local
scenario "mp: two copies, data parallel over two nodes, and away" t_data
