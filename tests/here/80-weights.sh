# 80-weights.sh - weights without a Hub, and repositories that arguments name
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# cached COMMIT: the tiny model at that commit, in the cache as hf makes it.
cached() {
	local d=$tmp/shared/.cache/huggingface/hub/models--dray--tiny s f n=0
	s=$d/snapshots/$1
	mkdir -p "$s" "$d/blobs" "$d/refs"
	printf %s "$1" >"$d/refs/main"
	for f in "$MODEL"/*.*; do
		n=$((n + 1))
		cp "$f" "$d/blobs/b$n"
		ln -sf "../../blobs/b$n" "$s/${f##*/}"
	done
}

# hub: a Hub that refuses everything. Each request is a line of hub.log.
hub() {
	rm -f hub.port
	: >hub.log
	python3 - hub.port hub.log <<-'END' &
		import http.server, os, sys
		class Hub(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        self.send_error(503)
		    do_HEAD = do_POST = do_GET
		    def log_message(self, *_):
		        print(self.command, self.path, file=open(sys.argv[2], "a"))
		hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
		open("new.port", "w").write(str(hub.server_address[1]))
		os.rename("new.port", sys.argv[1])
		hub.serve_forever()
	END
	hub=$!
	aside $hub
	wait_for "the Hub's port" test -s hub.port
}

# from_hub REVISION: the spec takes the model from there.
from_hub() {
	spec
	sed -i "s|^model: .*|model: {repo: dray/tiny, revision: '$1', endpoint: 'http://127.0.0.1:$(cat hub.port)'}|" cluster.yaml
}

t_no_hub() {
	local commit=0123456789abcdef0123456789abcdef01234567
	down
	cached $commit
	hub
	from_hub $commit
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
	dray status
	[ ! -s hub.log ] || fail "the Hub was asked: $(cat hub.log)"
	# What a branch is, only the Hub knows. The cache is asked when it does not say.
	from_hub main
	dray plan -detailed-exitcode
	wants 0
	says "the Hub could not say what revision 'main' of 'dray/tiny' is (the Hub answered with status 503); the cache there says 0123456789ab and has all of it"
	grep -q '^GET /api/models/dray/tiny/revision/main' hub.log || fail "the Hub was not asked"
	kill "$hub"
	wait "$hub" || :
	dray plan -detailed-exitcode
	wants 0
	says 'the Hub cannot be reached.*; the cache there says 0123456789ab'
	# A file is gone: that is said, and nothing is done.
	rm shared/.cache/huggingface/hub/models--dray--tiny/snapshots/$commit/config.json
	from_hub $commit
	dray plan
	says "the cache does not have all of 0123456789ab: there is no config.json"
	# The same snapshot as a folder, whose links leave it.
	cached $commit
	spec
	sed -i "s|^model: .*|model: {path: $tmp/shared/.cache/huggingface/hub/models--dray--tiny/snapshots/$commit}|" cluster.yaml
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
	dray destroy -auto-approve
	wants 0
	spec
}

# An argument names a repository: it is downloaded, too, and the engine gets its folder.
t_repos() {
	local port home=$tmp/shared/.cache/huggingface/hub old
	port=$(free_port)
	down
	rm -rf "$home" root
	mkdir -p root/hub/dray root/hub/acme/tok root/hub/acme/lora
	cp -r "$MODEL" root/hub/dray/tiny
	cp "$MODEL"/tokenizer*.json root/hub/acme/tok
	echo '{}' >root/hub/acme/lora/adapter_config.json
	echo weights >root/hub/acme/lora/adapter_model.safetensors
	python3 "$tests/testbed/hub.py" root 127.0.0.1 "$port" >hub.out 2>&1 &
	hub=$!
	aside $hub
	wait_for "the Hub" curl -sf "http://127.0.0.1:$port/_root"
	ARGS='tokenizer: acme/tok'
	spec
	ARGS='max-model-len: 300'
	sed -i "s|^model: .*|model: {repo: dray/tiny, endpoint: 'http://127.0.0.1:$port', extra: [{repo: acme/lora, for: lora}]}|" cluster.yaml
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
	says '^tokenizer acme/tok @ main = [0-9a-f]*  *2 files'
	says '^lora    acme/lora @ main = [0-9a-f]*  *2 files'
	pgrep -af "vllm serve .*--port $PORT" >running
	grep -q -- "--tokenizer $home/models--acme--tok/snapshots/[0-9a-f]\{40\}" running || fail "it was not given the folder: $(cat running)"
	grep -q weights "$home"/models--acme--lora/snapshots/*/adapter_model.safetensors
	# A new commit of one of them is a new folder, and the engine starts again with it.
	echo '{}' >root/hub/acme/tok/special_tokens_map.json
	dray plan -detailed-exitcode
	wants 2
	says 'repo.acme--tok\[here\] will be updated'
	says '~ extra.acme/tok'
	dray apply -auto-approve
	wants 0
	old=$(cat running)
	pgrep -af "vllm serve .*--port $PORT" >running
	[ "${old#*--tokenizer}" != "$(sed 's/.*--tokenizer//' running)" ] || fail "it has the old folder"
	kill "$hub"
	wait "$hub" || :
	dray plan -detailed-exitcode
	wants 0
	says "the Hub could not say what revision 'main' of 'acme/tok' is"
	# Part of an adapter is none, and no Hub can complete it.
	rm "$home"/models--acme--lora/snapshots/*/adapter_model.safetensors
	sed -i "s|repo: acme/lora|&, revision: $(ls "$home/models--acme--lora/snapshots")|" cluster.yaml
	dray plan
	wants 1
	says "of 'acme/lora' is not known: the Hub cannot be reached.*; and the cache does not have all of [0-9a-f]*: there is no 'adapter_model'"
	dray destroy -purge -auto-approve
	wants 0
	[ ! -e "$home/models--acme--lora" ] || fail "purge left it"
	spec
}

check "what the cache has whole needs no Hub" t_no_hub
more "what an argument names as a repository is downloaded" t_repos
