# vllm.sh - what node scripts ask of the engine, as planner/engines/engine.h has it: vLLM, and
# Ray, its coordinator
# shellcheck shell=sh disable=SC2034,SC2154
server='vllm serve' key_variable=VLLM_API_KEY ready_path=/health
coordinator=Ray status_command='ray status' joined_words='Ray runtime started'
meet_words=distributed_init_method

far() {
	tr '\r' '\n' | awk '
	/checkpoint shards: +[0-9]+%/ {
		match($0, /shards: +[0-9]+%/); s = substr($0, RSTART, RLENGTH); sub(/: +/, " ", s)
		far = "loading " s }
	/Waiting for creating a placement group/ { far = "waiting for a placement group" }
	/Starting to load model|Loading model weights/ { far = "loading the model" }
	/Loading weights took|Model loading took/ { far = "weights are loaded" }
	/for vLLM.s torch.compile|Compiling a graph|Dynamo bytecode/ { far = "compiling" }
	/torch.compile (and [a-z ]* )?(takes|took)/ { far = "compiled; measuring memory" }
	/GPU KV cache size|CPU KV cache|# GPU blocks/ { far = "making the cache" }
	/Capturing CUDA graph/ { far = "capturing graphs" }
	/Graph capturing finished/ { far = "graphs are captured; warming up" }
	/Warming up model/ { far = "warming up" }
	/Started server process|Waiting for application startup|init engine .* took/ { far = "starting the API" }
	END { print far }'
}

# (Of several ranks in one log, the fullest.)
measured() {
	tr '\r' '\n' | awk '
	function number(before, s) {
		s = substr($0, index($0, before) + length(before)); gsub(/,/, "", s)
		return s + 0
	}
	/Model loading took [0-9.]+ GiB/ { n = number("Model loading took "); if (n > w) w = n }
	/Available KV cache memory: [0-9.]+ GiB/ {
		n = number("Available KV cache memory: "); if (!kv || n < kv) kv = n }
	/GPU KV cache size: [0-9,]+ tokens/ { t = number("GPU KV cache size: ") }
	END { if (kv) print (w ? w : "-"), kv, (t ? sprintf("%.0f", t) : "-") }'
}

known() {
	case $1 in
	image*) has="$1 has a vLLM" differ='the images of head and worker' ;;
	*) has="the vLLM in $1 is" differ='the nodes' ;;
	esac
	case $2 in
	*'vllm: not found'* | *'vllm: command not found'*) echo "$1 has no vllm command" ;;
	*'unrecognized arguments: --nnodes'* | *'unrecognized arguments: --headless'*)
		echo "$has older than v0.11.1, which knows no backend mp" ;;
	*'Version mismatch'*) echo "Ray or Python differ between $differ:" ;;
	*'Failed to connect to GCS'* | *'Failed to get cluster ID'*)
		echo "the head's Ray cannot be reached from here: is its port (engine.ray_port) open to this node?" ;;
	*'does not match persisted value'* | *'already running at'*) echo "another Ray head runs on this node" ;;
	127:* | *'ray: not found'* | *'ray: command not found'*)
		echo "$1 has no Ray in it: vllm/vllm-openai has none since v0.18.0; use v0.17.1, or an image made FROM it with pip install ray" ;;
	*) return 1 ;;
	esac
}

refused() {
	awk -v unknown="$1" '
	match($0, /: error: (unrecognized arguments: |argument |ambiguous option: )/) {
		text = substr($0, RSTART + 9); found = 1; more = 0
		next
	}
	found && more++ < 4 && NF { text = text " " $0 }
	END {
		if (!found) exit 1
		gsub(/<function [^>]*> */, "", text); gsub(/[ \t]+/, " ", text)
		if (sub(/^unrecognized arguments: /, "", text)) {
			n = split(text, word, " ")
			for (i = 1; i <= n; i++) {
				if (word[i] == unknown) seen = 1
				else if (word[i] ~ /^-/) print "say there is no option " word[i]
			}
			exit !seen
		}
		print "say " substr(text, 1, 400)
		if (sub(/^ambiguous option: /, "", text)) sub(/[ =].*/, "", text)
		else { sub(/^argument /, "", text); sub(/: .*/, "", text) }
		print "without " text
	}'
}
