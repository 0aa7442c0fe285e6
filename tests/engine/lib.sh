# lib.sh - what the scenarios with the real engine share; run.sh sources it
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2153,SC2154

# The demo's spec for launcher script; otherwise the same with a layout that dray chooses. The
# KV cache makes it take both nodes: a context of 512 tokens takes 1 MiB of it on one GPU,
# half of that on two, a quarter on four, and vLLM does not start on fewer, either.
real_spec() { # script|container
	sed -e "s|10[.]77[.]0[.]|$NET.|; s|^  bed: .*|  bed: $BED|; s|^  cache: .*|  cache: $CACHE|; s|launcher: .*|launcher: $1|" \
		"$ROOT/examples/testbed.yaml" >cluster.yaml
	[ "$1" != script ] || return 0
	sed -i -e '/^  script:/,/sha256:/d; /^  tensor:/d; /^  pipeline:/d; /VLLM_CPU_KVCACHE_SPACE/d' \
		-e 's/^parallelism:/parallelism: auto/' \
		-e 's/^    max-model-len: 512/&\n    kv-cache-memory-bytes: 400000/' cluster.yaml
}

begin() {
	CLUSTER=testbed NODES='node1 node2' SHARED=/srv/shared PORT=8000 LIMIT=${ENGINE_LIMIT:-240}
	real_spec "$launcher"
}

# An argument that does not change the layout.
other_argument() { sed -i 's/^    max-model-len: 512/&\n    max-num-seqs: 64/' cluster.yaml; }

# Without Ray: one rank a node, because the CPU build fails with two.
begin_mp() {
	launcher=container
	begin
	sed -i 's/gpus: 2/gpus: 1/; s/backend: ray/backend: mp/; s/bytes: 400000/bytes: 800000/' cluster.yaml
}
