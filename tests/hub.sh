#!/bin/bash
# hub.sh - config.json and the index from a Hub: fetched with the token, by commit, kept; a
# redirect to another host takes no token along. The Hub is python3's own HTTP server on
# 127.0.0.1. Ends with "N passed, N failed[, N skipped]".
set -u
cd "$(dirname "$0")/.." || exit 1
DRAY=${DRAY:-$PWD/build/dray}
if ! command -v python3 >/dev/null; then
	echo "SKIP hub: no python3"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
tmp=$(mktemp -d)
trap 'kill "$hub" 2>/dev/null; rm -rf "$tmp"' EXIT
passed=0 failed=0
check() { # WHAT, then a command that must succeed
	local what=$1
	shift
	if "$@"; then passed=$((passed + 1)); echo "ok $what"
	else failed=$((failed + 1)); echo "not ok $what"; cat "$tmp/out" "$tmp/log"; fi
}

cat >"$tmp/hub.py" <<'END'
import http.server, json, sys
folder, log = sys.argv[1], open(sys.argv[2], "w", buffering=1)
commit = "5" * 40
def file(name):
    return open(f"{folder}/{name}", "rb").read()
class Hub(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
    def do_GET(self):
        token = self.headers.get("Authorization", "-").replace("Bearer ", "")
        print(self.command, self.server.server_address[0], self.path, token, file=log)
        if self.server.server_address[0] == "127.0.0.2":
            return self.answer(200, file("index.json"))
        if token != "POISON":
            return self.answer(401, X_Error_Code="GatedRepo")
        if self.path.startswith("/api/models/org/name/revision/main"):
            names = "config.json", "model.safetensors.index.json", "model.safetensors"
            return self.answer(200, json.dumps({"sha": commit, "siblings": [
                {"rfilename": n, "size": 16060522496 if n.endswith("ors") else 9, "blobId": "aa"}
                for n in names]}).encode())
        if self.path == f"/org/name/resolve/{commit}/config.json":
            return self.answer(200, file("config.json"))
        if self.path == f"/org/name/resolve/{commit}/model.safetensors.index.json":
            other = f"http://127.0.0.2:{self.server.server_address[1]}/elsewhere"
            return self.answer(302, Location=other)
        self.answer(404)
    do_HEAD = do_GET
    def log_message(self, *_):
        pass
import threading
one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
two = http.server.ThreadingHTTPServer(("127.0.0.2", one.server_address[1]), Hub)
threading.Thread(target=two.serve_forever, daemon=True).start()
open(f"{folder}/port", "w").write(str(one.server_address[1]))
one.serve_forever()
END
cp tests/fixtures/models/llama-3.1-8b.json "$tmp/config.json"
echo '{"metadata": {"total_size": 16060522496}, "weight_map": {"lm_head.weight": "a"}}' >"$tmp/index.json"
: >"$tmp/log"
python3 "$tmp/hub.py" "$tmp" "$tmp/log" 2>"$tmp/hub.err" &
hub=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -s "$tmp/port" ] && break; sleep 0.1; done
cat >"$tmp/spec.yaml" <<END
cluster: hub
nodes: [{name: here, executor: local, gpus: 1}]
shared_dir: $tmp
model: {repo: org/name, token: 'env:TOKEN', endpoint: 'http://127.0.0.1:$(cat "$tmp/port")'}
parallelism: auto
engine: {image: 'vllm/vllm-openai:v0.24.0'}
END
mkdir "$tmp/home"
explain() {
	env HOME="$tmp/home" XDG_CACHE_HOME="$tmp/cache" TOKEN="$1" "$DRAY" explain layout -f "$tmp/spec.yaml" >"$tmp/out" 2>&1
}
mkdir "$tmp/cache"
explain POISON
check "the architecture is the Hub's" grep -q 'LlamaForCausalLM, 32 layers' "$tmp/out"
check "the size is the index's, found behind a redirect" grep -q '15.0 GiB of weights, by model.safetensors.index.json' "$tmp/out"
check "the token went to the Hub" grep -q '^GET 127.0.0.1 .*config.json POISON$' "$tmp/log"
check "and not to the other host" grep -qx 'GET 127.0.0.2 /elsewhere -' "$tmp/log"
check "it is kept under the commit" test -s "$tmp/cache/dray/models/models--org--name@5555555555555555555555555555555555555555-config.json"
: >"$tmp/log"
explain POISON
check "a second look takes what is kept" grep -q '15.0 GiB of weights, by model.safetensors.index.json' "$tmp/out"
check "and asks for no file again" sh -c "! grep -q '^GET .*json ' '$tmp/log'"
check "but whether the token may" grep -q '^HEAD 127.0.0.1 .*config.json POISON$' "$tmp/log"
rm -r "$tmp/cache/dray/models"
explain WRONG
check "without access nothing is estimated" grep -q 'not estimated: its config.json' "$tmp/out"
env HOME="$tmp/home" XDG_CACHE_HOME="$tmp/cache" TOKEN=POISON "$DRAY" plan -f "$tmp/spec.yaml" -record "$tmp/facts" >"$tmp/out" 2>&1
check "a recorded look has config and index" cmp "$tmp/config.json" "$tmp/facts/config.json"
kill "$hub"
env HOME="$tmp/home" "$DRAY" explain layout -f "$tmp/spec.yaml" -facts "$tmp/facts" >"$tmp/out" 2>&1
check "and is enough without a Hub" grep -q '15.0 GiB of weights, by model.safetensors.index.json' "$tmp/out"
check "no token is anywhere" sh -c "! grep -rq POISON '$tmp/facts' '$tmp/cache' '$tmp/out'"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
