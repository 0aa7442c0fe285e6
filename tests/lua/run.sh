#!/bin/bash
# run.sh - inventories from a small cloud of our own, and every example with `dray hooks
# test`: what needs no nodes, or only this machine. Ends with a counting line.
set -u
cd "$(dirname "$0")/../.." || exit 1
DRAY=${DRAY:-$PWD/build/dray} EXAMPLES=$PWD/examples/hooks
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# check NAME STATUS PATTERN...: the last run ended with that status and printed all of that.
check() {
	local name=$1 want=$2 ok=yes
	shift 2
	[ "$rc" = "$want" ] || ok="it ended with $rc, not $want"
	for pattern; do grep -q -e "$pattern" "$tmp/out" || ok="it did not say: $pattern"; done
	if [ "$ok" = yes ]; then passed=$((passed + 1)) && return; fi
	failed=$((failed + 1))
	echo "not ok lua: $name: $ok"
	sed 's/^/    /' "$tmp/out"
}
dray() { (cd "$tmp" && "$DRAY" "$@") >"$tmp/out" 2>&1; rc=$?; }

# ---- an inventory ----------------------------------------------------------------
instance() { # ID NAME IP STATUS
	printf '{"id": "%s", "name": "%s", %s "private_ip": "10.0.0.%s", "status": "%s", "region": {"name": "us-west-1"},
	"instance_type": {"name": "gpu_8x_h100", "specs": {"gpus": 8}}}' "$1" "$2" "${3:+\"ip\": \"$3\",}" "$1" "$4"
}
list() { local IFS=,; printf '{"data": [%s]}' "$*" >"$tmp/cloud.json"; }
spec() {
	cat >"$tmp/cluster.yaml" <<END
cluster: rented
nodes: {lua: lambda.lua, config: {prefix: train-, key: 'env:CLOUD_KEY', api: 'http://127.0.0.1:$port'}}
shared_dir: /srv/share
model: {repo: meta/tiny}
parallelism: {tensor: 8, pipeline: 2}
engine: {image: 'vllm/vllm-openai:v0.17.1'}
END
}
cp "$EXAMPLES/lambda.lua" "$tmp"
: >"$tmp/cloud.json"
coproc CLOUD { exec python3 tests/lua/cloud.py "$tmp/cloud.json"; }
read -r port <&"${CLOUD[0]}"
export CLOUD_KEY=cloud-key HOOK=https://chat.example.com/hook
spec
list "$(instance 2 train-b 192.0.2.2 active)" "$(instance 1 train-a 192.0.2.1 active)" \
	"$(instance 3 other 192.0.2.3 active)" "$(instance 4 train-c 192.0.2.4 booting)"
dray validate
check "nobody is asked unless that is said" 1 "env:CLOUD_KEY.* is not read: 'dray validate' .*only with -secrets"
dray validate -secrets
check "nodes from the API" 0 "2 nodes, tensor parallel 8 x pipeline parallel 2" "train-c is left out: booting"
list "$(instance 2 train-b 192.0.2.2 active)" "$(instance 1 train-a '' active)"
dray validate -secrets
check "an instance without an address" 1 "lambda.lua:[0-9]*:[0-9]*: error:.*host"
list "$(instance 2 train-b 'not an address; rm -rf' active)" "$(instance 1 train-a 192.0.2.1 active)"
dray validate -secrets
check "a host that is none" 1 "lambda.lua:.*must be an address, a host name"
# shellcheck disable=SC2016
list "$(instance 2 'train-${env:HOME}' 192.0.2.2 active)" "$(instance 1 train-a 192.0.2.1 active)"
dray validate -secrets
check "what an API says is no variable" 1 "'name' must be letters"
echo '{"data": []}' >"$tmp/cloud.json"
dray validate -secrets
check "no instances" 1 "nodes() returned an empty list"
echo '<html>' >"$tmp/cloud.json"
dray validate -secrets
check "no JSON" 1 "lambda.lua:20:.*not JSON"
echo '500 sorry' >"$tmp/cloud.json"
dray validate -secrets
check "the API fails" 1 "lambda.lua:16:.*status 500: 500 sorry"
CLOUD_KEY=wrong-key dray validate -secrets
check "the key is wrong" 1 "status 401"
! grep -q wrong-key "$tmp/out" || { failed=$((failed + 1)); echo "not ok lua: the key was printed"; }
env -u CLOUD_KEY "$DRAY" validate -f "$tmp/cluster.yaml" >"$tmp/out" 2>&1
rc=$?
check "there is no key" 1 "lambda.lua:.*CLOUD_KEY"
eval "exec ${CLOUD[1]}>&-"
dray validate -secrets
check "the API is not there" 1 "lambda.lua:.*ctx:http"
sed -i 's/lambda.lua/noted.lua/' "$tmp/cluster.yaml"
echo 'return {nodes = function(ctx) return ctx:run{"hostname"} end}' >"$tmp/noted.lua"
dray validate -secrets
check "there is nothing to run on" 1 "there are no nodes yet"
echo 'return {nodes = function() return {{host = "192.0.2.1", gpus = 8, lables = {a = "b"}}, {host = "192.0.2.2", gpus = 800}} end}' >"$tmp/noted.lua"
dray validate -secrets
check "mistakes point into the Lua file" 1 "noted.lua:1:.*unknown key 'lables'.*did you mean 'labels'" "noted.lua:1:.*'gpus' must be"

# ---- executors that are wrong, before any host is dialled --------------------------
sed -i "s/^nodes:.*/nodes: [{host: a, gpus: 8, executor: way.lua}, {host: b, gpus: 8, executor: way.lua}]/" "$tmp/cluster.yaml"
echo 'return {conect = function(node) end}' >"$tmp/way.lua"
dray validate -secrets
check "an executor without connect()" 1 "'way.lua' has no function 'connect'"
echo 'return {connect = function(node) return {"true"} end}' >"$tmp/way.lua"
dray validate -secrets
check "one with it" 0 valid
dray plan
check "a program that ends" 1 "unreachable"
echo 'return {connect = function(node) return {"no-such-program-of-dray"} end}' >"$tmp/way.lua"
dray plan
check "a program that is not there" 1 "no-such-program-of-dray"
echo 'return {connect = function(node) return node.labels.pod .. 1 end}' >"$tmp/way.lua"
dray plan
check "connect() fails" 1 "way.lua:1"

# ---- the examples, tried without a world -------------------------------------------
for f in notify policy drain warm-up; do
	printf '{"event": "%s", "config": {"webhook": "env:HOOK", "api": "http://lb", "backend": "x", "prompts": []}, "cluster": "c", "command": "apply", "outcome": "ok", "seconds": 1, "step": {"address": "probe", "kind": "probe", "node": "a", "action": "run"}, "plan": {"replace": 0, "restart": 0, "steps": []}, "answers": [{"http": {"status": 200, "headers": {}, "body": "{}"}}]}' \
		"$(case $f in notify) echo after_apply ;; policy) echo after_plan ;; *) echo after_step ;; esac)" >"$tmp/event.json"
	dray hooks test "$EXAMPLES/$f.lua" event.json
	check "examples/hooks/$f.lua" 0 '^  ok'
done
for f in examples/executors/*.lua examples/hooks/*.lua; do
	grep -q "${f##*/}" README.md docs/lua.md && passed=$((passed + 1)) && continue
	failed=$((failed + 1))
	echo "not ok lua: neither README nor docs/lua.md names $f"
done
# shellcheck source=here.sh
. tests/lua/here.sh
# shellcheck source=trust.sh
. tests/lua/trust.sh
# shellcheck source=apply.sh
. tests/lua/apply.sh
echo "lua: $passed passed, $failed failed"
[ "$failed" = 0 ]
