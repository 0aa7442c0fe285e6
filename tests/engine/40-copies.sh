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

# A folder of a web server: the downloader runs in the engine's image on one node, and the other one gets
# a copy. Nothing is started.
t_url() {
	local n own=/var/tmp/models raw=$CACHE/raw/tiny
	rm -rf "$raw"
	cp -rL "$CACHE/hub/dray/tiny" "$raw"
	(cd "$raw" && sha256sum -- *) >sums
	mv sums "$raw/SHA256SUMS"
	begin_mp
	sed -i "s|^shared_dir: .*|storage: {local: $own}|; s|^  repo: .*|  url: $HUB/raw/tiny|
		/^  revision:/d; /^  endpoint:/d" cluster.yaml
	for n in $NODES; do on "$n" sh -c "rm -rf $own; mkdir -p $own"; done
	: >"$BED/hub.log"
	dray apply -auto-approve -target 'weights[node1]' -target 'weights[node2]'
	wants 0
	says 'weights\[node1\]: Creation complete'
	says 'weights\[node2\]: Creation complete'
	for n in $NODES; do
		(cd "$raw" && sha256sum --quiet -c SHA256SUMS) || fail "the server's files have changed"
		(cd "$BED/$n/disk$own/.cache/huggingface/hub"/models--*/snapshots/* && sha256sum --quiet -c "$raw/SHA256SUMS") ||
			fail "$n has other files"
	done
	grep -q "$NET.1 .*GET /raw/tiny/.*safetensors" "$BED/hub.log" || fail "node1 did not download"
	! grep -q "$NET.2 .*GET /raw/tiny/" "$BED/hub.log" || fail "node2 asked the server"
	[ -z "$(on node1 docker ps -q)" ] || fail "a container is left"
	dray plan -detailed-exitcode -target 'weights[node1]' -target 'weights[node2]'
	wants 0
	# A file that is damaged on the server is not taken.
	for n in $NODES; do on "$n" sh -c "rm -rf $own; mkdir -p $own"; done
	echo >>"$raw/generation_config.json"
	dray apply -auto-approve -target 'weights[node1]' -target 'weights[node2]'
	wants 3
	says 'generation_config.json'
	rm -rf "$raw"
	dray destroy -auto-approve
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
scenario "mp: weights of a web server, fetched in the engine's image, go from node to node" t_url
scenario "mp: two copies, data parallel over two nodes, and away" t_data
