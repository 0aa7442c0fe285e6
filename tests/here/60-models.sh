# 60-models.sh - other models, other schemes
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# other ARGS: the cluster of an engine that does what the usual stand-in does not.
other() {
	local site=other/lib/python3/dist-packages
	mkdir -p other/bin "$site/vllm-0.32.0.dist-info"
	cp "$tests/testbed/standin/other-vllm.py" other/bin/vllm
	cat >cluster.yaml <<-END
		cluster: $CLUSTER
		nodes: [{name: here, executor: local, gpus: 1}]
		shared_dir: $tmp/shared
		model: {path: $MODEL}
		parallelism: {tensor: 1, pipeline: 1}
		engine: {runtime: none, venv: $tmp/other, backend: mp, args: {$1}}
		serve: {port: $PORT, bind: 127.0.0.1, name: [tiny, tiny-too]${2-}}
		probe: {timeout: 60${3-}}
	END
}

# serving: status says so; on a busy machine an answer may come too late for one status.
is_serving() { timeout -k 5 120 "$DRAY" status >out 2>err </dev/null; }

serving() {
	wait_for "a status that says that it serves" is_serving
	says 'SERVING'
}

t_tls() {
	if ! openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=elsewhere.example.net \
		-keyout key.pem -out cert.pem 2>/dev/null; then
		echo "SKIP no openssl to make a certificate with"
		return
	fi
	# A certificate that nobody signed, for another name; and a key.
	export OTHER_KEY=secret-7
	other "ssl-certfile: $tmp/cert.pem, ssl-keyfile: $tmp/key.pem" ', api_key: "env:OTHER_KEY"'
	dray apply -auto-approve
	wants 0
	says "API   https://127.0.0.1:$PORT/v1   model 'tiny'"
	says "with --cacert and a copy of $tmp/cert.pem from here"
	dray plan -detailed-exitcode
	wants 0
	serving
	says 'SERVING'
	says "API  *https://.*answers in"
	dray ask hello
	wants 0
	[ "$(cat out)" = Hello. ] || fail "the answer is not what the model said"
	start open
	wait_for "the port" grep -q '^API .*https://127' bg.out
	grep -q '^try .*curl -k https://127.0.0.1:[0-9]*/v1/chat/completions' bg.out || fail "no curl line"
	kill -INT "$bg"
	finish
	wants 0
	for name in tiny tiny-too; do
		curl -fsSk -m 60 "https://127.0.0.1:$PORT/v1/chat/completions" -H "Authorization: Bearer $OTHER_KEY" \
			-d '{"model": "'$name'", "messages": []}' >/dev/null || fail "it has no name $name"
	done
	grep -rq secret-7 state && fail "the key is on a disk"
	dray destroy -auto-approve
	wants 0
}

t_embeds() {
	# What it refuses is not asked again.
	other 'runner: pooling'
	dray apply -auto-approve
	wants 0
	says "curl http://127.0.0.1:$PORT/v1/embeddings "
	says '"input":"Say hello."'
	serving
	says 'SERVING'
	dray ask hello
	wants 1
	says 'the model gives no text'
	dray plan -detailed-exitcode
	wants 0
	dray destroy -auto-approve
	wants 0
}

t_kinds() {
	# It only completes text.
	other 'chat-template: none'
	dray apply -auto-approve
	wants 0
	says "curl http://127.0.0.1:$PORT/v1/completions "
	dray ask hello
	wants 0
	[ "$(cat out)" = ' world.' ] || fail "the answer is not what the model said"
	# What the user names is asked, and nothing else.
	other 'chat-template: none' '' ', kind: chat'
	dray apply -auto-approve
	wants 1
	says 'the model has no chat template'
	other 'chat-template: none' '' ', kind: rerank'
	dray apply -auto-approve
	wants 1
	says 'the API answered with status 400: The model does not support Rerank'
	other 'chat-template: none' '' ', kind: none'
	dray apply -auto-approve
	wants 0
	serving
	says 'SERVING'
	dray destroy -auto-approve
	wants 0
}

check "TLS, a key and two names" t_tls
check "a model that embeds" t_embeds
more "models that do not chat" t_kinds
