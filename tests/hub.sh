#!/bin/bash
# hub.sh - config.json, the index and the headers of the weights from a Hub: they are fetched
# with the token, by commit, and kept. A redirect to another host gets no token, and only the
# start of a file of gigabytes is read. The Hub is python3's own HTTP server on 127.0.0.1.
# Ends with "N passed, N failed[, N skipped]".
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
passed=0 failed=0 skipped=0
check() { # WHAT, then a command that must succeed
	local what=$1
	shift
	if "$@"; then passed=$((passed + 1)); echo "ok $what"
	else failed=$((failed + 1)); echo "not ok $what"; cat "$tmp/out" "$tmp/log"; fi
}
lacks() { ! grep -q "$1" "$2"; }
# at_most BYTES: that many bytes of the weights were sent, according to the log, and at least
# one.
at_most() { awk -v most="$1" '$1 == "SENT" { n += $2; some = 1 } END { exit !(some && n <= most) }' "$tmp/log"; }

cat >"$tmp/hub.py" <<'END'
import http.server, json, os, re, ssl, sys
folder, log = sys.argv[1], open(sys.argv[2], "a", buffering=1)
commit = "5" * 40
def marked(name):
    return os.path.exists(f"{folder}/{name}")
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
    def weights(self):
        """The file behind a redirect, as a store of large files sends it; what went out is
        in the log. With folder/norange it sends all, with folder/odd another part."""
        name = f"{folder}/weights/" + self.path.rsplit("/", 1)[1]
        size, m = os.path.getsize(name), re.fullmatch(r"bytes=0-(\d+)", self.headers["Range"] or "")
        part = m and not marked("norange")
        n, at = min(int(m[1]) + 1, size) if part else size, 5 if marked("odd") else 0
        self.send_response(206 if part else 200)
        self.send_header("Content-Length", str(n))
        if part:
            self.send_header("Content-Range", f"bytes {at}-{at + n - 1}/{size}")
        self.end_headers()
        sent = 0
        try:
            with open(name, "rb") as f:
                while sent < n:
                    sent += self.wfile.write(f.read(min(1 << 16, n - sent)))
        except OSError:
            self.close_connection = True
        log.write(f"SENT {sent}\n")
    def do_GET(self):
        token = self.headers.get("Authorization", "-").replace("Bearer ", "")
        log.write(f"{self.command} {self.server.server_address[0]} {self.path} {token}\n")
        if self.server.server_address[0] == "127.0.0.2" and "weights" in self.path:
            return self.answer(503) if marked("down") else self.weights()
        if self.server.server_address[0] == "127.0.0.2":
            return self.answer(200, file("index.json"))
        if token != "POISON":
            return self.answer(401, X_Error_Code="GatedRepo")
        if self.path.startswith("/api/models/org/name/revision/main"):
            sizes = {"config.json": 9, "consolidated.safetensors": 7}
            if marked("index.json"):
                sizes["model.safetensors.index.json"] = 9
            for n in os.listdir(f"{folder}/weights"):
                sizes[n] = os.path.getsize(f"{folder}/weights/{n}")
            return self.answer(200, json.dumps({"sha": commit, "siblings": [
                {"rfilename": n, "size": size, "blobId": "aa"} for n, size in sizes.items()]}).encode())
        if self.path == f"/org/name/resolve/{commit}/config.json":
            return self.answer(200, file("config.json"))
        if self.path == f"/org/name/resolve/{commit}/model.safetensors.index.json":
            other = f"http://127.0.0.2:{self.server.server_address[1]}/elsewhere"
            return self.answer(302, Location=other)
        m = re.fullmatch(f"/org/name/resolve/{commit}/([^/]+[.]safetensors)", self.path)
        if m:
            return self.answer(302, Location=f"http://127.0.0.2:{self.server.server_address[1]}/weights/{m[1]}")
        self.answer(404)
    do_HEAD = do_GET
    def log_message(self, *_):
        pass
import threading
one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
two = http.server.ThreadingHTTPServer(("127.0.0.2", one.server_address[1]), Hub)
threading.Thread(target=two.serve_forever, daemon=True).start()
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    one.socket = context.wrap_socket(one.socket, server_side=True)
open(f"{folder}/port", "w").write(str(one.server_address[1]))
one.serve_forever()
END
cp tests/fixtures/models/llama-3.1-8b.json "$tmp/config.json"
mkdir "$tmp/weights"
tests/make-weights.py "$tmp/config.json" "$tmp/weights" 4 >/dev/null
mv "$tmp/weights/model.safetensors.index.json" "$tmp/index.json"
: >"$tmp/log"
python3 "$tmp/hub.py" "$tmp" "$tmp/log" 2>"$tmp/hub.err" &
hub=$!
for _ in $(seq 600); do [ ! -s "$tmp/port" ] || break; sleep 0.1; done
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
check "the sizes are those of the headers" grep -q '15.0 GiB of weights, by the headers of 4 safetensors files' "$tmp/out"
check "no estimate is left" lacks 'an estimate' "$tmp/out"
check "one request a file, and what it leads to" test "$(grep -c '^GET .*safetensors ' "$tmp/log")" = 8
check "no other file" lacks consolidated "$tmp/log"
check "of 15 GiB little was sent" at_most 200000
check "the token went to the Hub" grep -q '^GET 127.0.0.1 .*config.json POISON$' "$tmp/log"
check "and not to the other host" grep -qx 'GET 127.0.0.2 /elsewhere -' "$tmp/log"
check "nor for the weights" lacks '^GET 127.0.0.2 /weights.*POISON' "$tmp/log"
check "it is kept under the commit" test -s "$tmp/cache/dray/models/models--org--name@5555555555555555555555555555555555555555-config.json"
: >"$tmp/log"
explain POISON
check "a second look takes what is kept" grep -q 'by the headers of 4 safetensors files' "$tmp/out"
check "and asks for no file again" lacks '^GET .*\(json\|safetensors\) ' "$tmp/log"
check "but whether the token may" grep -q '^HEAD 127.0.0.1 .*config.json POISON$' "$tmp/log"

# anew: a look with an empty cache and an empty log.
anew() {
	rm -rf "$tmp/cache/dray/models"
	: >"$tmp/log"
	explain POISON
}
touch "$tmp/norange"
anew
check "a server that sends everything is cut short" grep -q 'by the headers of 4 safetensors files' "$tmp/out"
sleep 1
check "before it sent much" at_most 40000000
rm "$tmp/norange"
touch "$tmp/odd"
anew
check "another part than the start is none" grep -q 'an estimate: .*sent a part other' "$tmp/out"
check "the index is left" grep -q '15.0 GiB of weights, by model.safetensors.index.json' "$tmp/out"
rm "$tmp/odd"
touch "$tmp/down"
anew
check "no answer, no headers" grep -q 'an estimate: .*: status 503' "$tmp/out"
check "and that is not kept" sh -c "! ls '$tmp/cache/dray/models' | grep -q -- '-tensors$'"
rm "$tmp/down"
truncate -s -1 "$tmp/weights/model-00002-of-00004.safetensors"
anew
check "a file that is cut off" grep -q 'an estimate: .*model-00002-of-00004.safetensors: it has .* bytes, but its header says' "$tmp/out"
printf '\377\377\377\377\377\377\377\177{' | dd of="$tmp/weights/model-00002-of-00004.safetensors" conv=notrunc status=none
anew
check "a length of exabytes" grep -q 'an estimate: .*model-00002-of-00004.safetensors: it has no safetensors header' "$tmp/out"
check "is not asked for" at_most 200000
# One file, no index, a header longer than the first request.
rm "$tmp/index.json" "$tmp"/weights/*
python3 - "$tmp/weights/model.safetensors" <<'END'
import json, sys
layers = range(json.load(open("tests/fixtures/models/llama-3.1-8b.json"))["num_hidden_layers"])
names = ["model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"]
names += [f"model.layers.{i}.mlp.part{k}.{'long' * 20}.weight" for i in layers for k in range(80)]
out = {n: {"dtype": "BF16", "shape": [2000], "data_offsets": [4000 * i, 4000 * i + 4000]} for i, n in enumerate(names)}
text = json.dumps(out).encode()
with open(sys.argv[1], "wb") as f:
    f.write(len(text).to_bytes(8, "little") + text)
    f.truncate(8 + len(text) + 4000 * len(names))
END
anew
check "a long header is asked for again" grep -q 'by the header of its safetensors file' "$tmp/out"
check "once" test "$(grep -c '^GET 127.0.0.2 /weights' "$tmp/log")" = 2
rm "$tmp"/weights/*
tests/make-weights.py "$tmp/config.json" "$tmp/weights" >/dev/null
anew
check "one file" grep -q '15.0 GiB of weights, by the header of its safetensors file' "$tmp/out"
env HOME="$tmp/home" "$DRAY" explain layout -f "$tmp/spec.yaml" -config "$tmp/config.json" -weights "$tmp/weights" >"$tmp/given" 2>&1
check "given by hand it is the same" cmp <(sed 1,6d "$tmp/out") <(sed 1,6d "$tmp/given")
rm -r "$tmp/cache/dray/models"
explain WRONG
check "without access nothing is estimated" grep -q 'not estimated: its config.json' "$tmp/out"
env HOME="$tmp/home" XDG_CACHE_HOME="$tmp/cache" TOKEN=POISON "$DRAY" plan -f "$tmp/spec.yaml" -record "$tmp/facts" >"$tmp/out" 2>&1
check "a recorded look has the config" cmp "$tmp/config.json" "$tmp/facts/config.json"
check "and the tensors" grep -q '^BF16	1	1050673152	lm_head.weight$' "$tmp/facts/tensors.tsv"
kill "$hub"
env HOME="$tmp/home" "$DRAY" explain layout -f "$tmp/spec.yaml" -facts "$tmp/facts" >"$tmp/out" 2>&1
check "and is enough without a Hub" grep -q '15.0 GiB of weights, by the header of its safetensors file' "$tmp/out"
env HOME="$tmp/home" "$DRAY" explain layout -f "$tmp/spec.yaml" -facts "$tmp/facts" -weights "$tmp/log" >"$tmp/out" 2>&1
check "what is no safetensors file" grep -q "log': it has no safetensors header" "$tmp/out"

# A mirror with an authority of its own.
if ! command -v openssl >/dev/null; then
	echo "SKIP hub: a mirror with TLS: no openssl"
	skipped=1
else
	{
		openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/ca.key" -out "$tmp/ca.pem" -subj /CN=test-ca -days 2
		openssl req -newkey rsa:2048 -nodes -keyout "$tmp/hub.key" -out "$tmp/hub.csr" -subj /CN=127.0.0.1
		openssl x509 -req -in "$tmp/hub.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -CAcreateserial -out "$tmp/hub.pem" \
			-days 2 -extfile <(echo 'subjectAltName=IP:127.0.0.1')
	} 2>"$tmp/openssl"
	mv "$tmp/port" "$tmp/port.old"
	cp "$tmp/spec.yaml" "$tmp/old.yaml"
	python3 "$tmp/hub.py" "$tmp" "$tmp/log" "$tmp/hub.pem" "$tmp/hub.key" 2>"$tmp/hub.err" &
	hub=$!
	for _ in $(seq 600); do [ ! -s "$tmp/port" ] || break; sleep 0.1; done
	sed -i "s#endpoint: '[^']*'#endpoint: 'https://127.0.0.1:$(cat "$tmp/port")', ca: ca.pem#" "$tmp/spec.yaml"
	rm -rf "$tmp/cache/dray/models"
	explain POISON
	check "a mirror with an authority of its own" grep -q 'LlamaForCausalLM, 32 layers' "$tmp/out"
	sed -i 's#, ca: ca.pem##' "$tmp/spec.yaml"
	explain POISON
	check "which is not trusted without model.ca" grep -q 'the Hub cannot be reached.*certificate' "$tmp/out"
	kill "$hub"
	mv "$tmp/old.yaml" "$tmp/spec.yaml"
fi

# A folder on a node: it is read there, once for as long as the files are the same.
cp "$tmp/config.json" "$tmp/weights/"
sed -i "s#^model: .*#model: {path: $tmp/weights}#" "$tmp/spec.yaml"
explain POISON
check "model.path is read on the node" grep -q '15.0 GiB of weights, by the header of its safetensors file' "$tmp/out"
check "and kept" sh -c "ls '$tmp/cache/dray/models' | grep -q '^path@'"
kept=$(echo "$tmp"/cache/dray/models/path@*)
sed -i 's/^BF16	1	1050673152	lm_head/BF16	1	2101346304	lm_head/' "$kept"
explain POISON
check "what is kept is taken" grep -q '15.9 GiB of weights' "$tmp/out"
touch -d '2001-01-01' "$tmp/weights/model.safetensors"
explain POISON
check "until the files change" grep -q '15.0 GiB of weights' "$tmp/out"
truncate -s -1 "$tmp/weights/model.safetensors"
explain POISON
check "a file that is cut off there" grep -q 'an estimate: .*model.safetensors: it has .* bytes, but its header says' "$tmp/out"
check "no token is anywhere" sh -c "! grep -rq POISON '$tmp/facts' '$tmp/cache' '$tmp/out'"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
