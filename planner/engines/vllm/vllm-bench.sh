# vllm-bench.sh - what planner/steps/bench-run.sh asks of the engine: how vLLM's benchmark talks
# shellcheck shell=sh disable=SC2034

# bench_far: reads a line of its output, prints how far it is; nothing if that line does not say.
bench_far() { sed -n 's|.*[| ]\([0-9][0-9]*\)/\([0-9][0-9]*\) \[.*|\1 of \2 requests|p'; }

# bench_errors: reads its output, prints why requests failed.
bench_errors() { sed -n 's/^Error [0-9]*: *\(.\{1,400\}\).*/\1/p' | sort | uniq | head -n 3; }

# bench_why TEXT: why it did not run, in a sentence; fails if it does not know.
bench_why() {
	case $1 in
	*"invalid choice: 'bench'"*) echo "this vLLM has no benchmark: vllm bench serve came with v0.8.5" ;;
	*'vllm: not found'* | *'vllm: command not found'*) echo "there is no vllm command" ;;
	*'No module named'*)
		lacks=${1##*No module named } lacks=${lacks%%"
"*}
		echo "vLLM's benchmark needs the Python module $lacks, which is not installed there: pip install 'vllm[bench]', or take an image that has it"
		;;
	*'vllm[bench]'*) echo "vLLM's benchmark needs more Python modules: pip install 'vllm[bench]' there, or take an image that has them" ;;
	*'Initial test run failed'*) echo "the API refuses the benchmark's first request" ;;
	*) return 1 ;;
	esac
}
