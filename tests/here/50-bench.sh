# 50-bench.sh - bench
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# bench_runs: the benchmark is in its folder, $folder. Shells whose words name it were there before.
bench_runs() {
	local pid
	for pid in $(pgrep -f "vllm bench serve .*:$PORT "); do
		folder=$(readlink "/proc/$pid/cwd") || continue
		case $folder in */dray-bench-*) return 0 ;; esac
	done
	return 1
}

t_bench() {
	local what folder=
	up
	dray bench -concurrency 1,4,16 -svg plot.svg
	wants 0
	says '^vLLM, TP 1 × PP 1, 1 node; random prompts of 211 tokens, answers of 74$'
	says '^1 * 12.50 * 0/16 * 925.0 * 21.0 ms * 32.0 ms * 4.10 ms * 5.10 ms$'
	says '^16 * 200.00 * 0/64 * 14800.0 * 36.0 ms * 62.0 ms * 5.60 ms'
	says '^4 at a time'
	python3 - plot.svg <<-'END' || fail "the plot is not XML with its curves"
		import sys, xml.dom.minidom as m
		d = m.parse(sys.argv[1])
		assert [len(p.getAttribute("points").split()) for p in d.getElementsByTagName("polyline")] == [3, 3, 3]
	END
	dray status -v
	wants 0
	says '^bench  *14800.0 tokens/s with 16 at a time, first token after 36.0 ms (p99 62.0 ms)'
	says "^  *20..-..-.. ..:.. UTC by .*@.*: $MODEL, TP 1 × PP 1, 1 node, 211 + 74 tokens"
	dray bench -json -concurrency 2 -prompts 7 -input 20 -output 10
	wants 0
	python3 - <<-'END' || fail "not the JSON that docs/json.md describes"
		import json
		b = json.load(open("out"))
		s, = b["steps"]
		assert b["type"] == "bench" and b["input_tokens"] == 20 and b["output_tokens"] == 10
		assert s["concurrency"] == 2 and s["prompts"] == s["completed"] == 7 and s["failed"] == 0
		assert s["output_tokens_per_second"] == 250 and s["ttft_median_ms"] == 22 and s["tpot_p99_ms"] == 5.2
	END
	# What fails fails, with what the benchmark says; and what is known stays.
	demands bench-fail=3
	dray bench -concurrency 1,4
	wants 1
	says '1 at a time: 3 of 16 requests failed'
	says '^  Internal Server Error'
	not_says '^4 '
	demands bench-lacks=pandas
	dray bench
	wants 1
	says "needs the Python module 'pandas'.*pip install 'vllm\[bench\]'"
	no_demands
	dray status -v -json
	says '"output_tokens_per_second": 250'
	# Ctrl-C ends it on the node, and it never held the lock.
	demands bench-slow=7000
	start bench -concurrency 8
	wait_for "the benchmark" bench_runs
	ARGS='max-model-len: 301'
	up
	kill -INT "$bg"
	finish
	wants 130
	! pgrep -f "vllm bench serve .*:$PORT " || fail "the benchmark still runs"
	[ ! -e "${folder:?}" ] || fail "$folder is left"
	no_demands
	# A result of other inputs is void.
	dray status -v
	wants 0
	not_says '^bench '
	ARGS='max-model-len: 300'
	spec
	for what in 4,1 1,,2 1,x 0 5000; do
		dray bench -concurrency "$what"
		wants 64
	done
	dray bench -input 250 -output 100
	wants 1
	says '250 tokens of a prompt and 100 of its answer do not fit into the server.s context of 301'
	dray stop -auto-approve
	dray bench
	wants 1
	says 'the API of .* cannot be asked'
}

t_bench_key() {
	local folder=
	spec
	sed -i "s/^serve: {/&api_key: 'env:DRAY_TEST_KEY', /" cluster.yaml
	export DRAY_TEST_KEY=k-3141592653
	dray apply -auto-approve
	wants 0
	dray bench -concurrency 1
	wants 0
	demands bench-slow=7000
	start bench -concurrency 8
	wait_for "the benchmark" bench_runs
	! pgrep -fa 3141592653 || fail "the key is on a command line"
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	dray destroy -auto-approve
	unset DRAY_TEST_KEY
}

check "bench measures the API that runs" t_bench
check "bench hands over the API's key" t_bench_key
