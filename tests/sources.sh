#!/bin/bash
# sources.sh [REGEX] - models that are not on the Hub, from their servers to the stand-in engine: this
# machine is the only node (executor: local, runtime: none). Needs no root. REGEX: only tests of that
# name. Ends with a counting line.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/.." || exit 1
DRAY=${DRAY:-$PWD/build/dray}
tests=$PWD/tests
passed=0 failed=0 skipped=0
skip_all() {
	echo "SKIP sources: $1"
	echo "sources: 0 passed, 0 failed, 1 skipped"
	exit 0
}
for tool in gcc python3 openssl; do command -v $tool >/dev/null || skip_all "no $tool"; done
export CACHE=${DRAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dray-testbed}
tmp=$(mktemp -d)
cd "$tmp" || exit 1
DRAY_CACHE=$CACHE "$tests/testbed/standin/build.sh" >build.log 2>&1 ||
	skip_all "the stand-in cannot be built: $(tail -n 1 build.log)"

mkdir -p bin nv models/tiny/sub shared
cp "$CACHE"/standin/hub/dray/tiny/*.* models/tiny
echo '{}' >"models/tiny/sub/a file.json"
sed "s|^dir=.*|dir=$tmp/nv|" "$tests/testbed/nvidia-smi" >bin/nvidia-smi
chmod +x bin/nvidia-smi
head -n 2 "$tests/fixtures/nvidia-h200-x2/query.csv" >nv/query.csv
echo 'pid, process_name, gpu_uuid, used_gpu_memory [MiB]' >nv/compute-apps.csv
export PATH=$tmp/bin:$PATH XDG_STATE_HOME=$tmp/state XDG_CACHE_HOME=$tmp/cache HOME=$tmp NO_COLOR=1
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

# An authority of our own, and a certificate of 127.0.0.1 by it.
certs() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=test-ca -days 2 &&
		openssl req -newkey rsa:2048 -nodes -keyout web.key -out web.csr -subj /CN=127.0.0.1 &&
		openssl x509 -req -in web.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out web.pem -days 2 \
			-extfile <(echo 'subjectAltName=IP:127.0.0.1')
}
certs >certs.log 2>&1 || skip_all "openssl makes no certificates: $(tail -n 1 certs.log)"
servers=
# served NAME: waits for the port of a server of this test, and prints it.
served() {
	for _ in $(seq 600); do [ ! -s "$tmp/$1.port" ] || break; sleep 0.1; done
	cat "$tmp/$1.port"
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
PORT=$(free_port)
CLUSTER=sources-$$
# spec MODEL: what is in the braces of model:
spec() {
	cat >cluster.yaml <<-END
		cluster: $CLUSTER
		nodes: [{name: here, executor: local, gpus: 1}]
		shared_dir: $tmp/shared
		model: {$1}
		parallelism: {tensor: 1, pipeline: 1}
		engine: {runtime: none, venv: $CACHE/standin/venv, backend: mp, args: {max-model-len: 300}}
		serve: {port: $PORT, bind: 127.0.0.1, name: tiny}
		probe: {prompt: hello, max_tokens: 4, timeout: 60}
	END
}
dray() {
	rc=0
	timeout -k 5 120 "$DRAY" "$@" >out 2>err </dev/null || rc=$?
	echo "\$ dray $* -> $rc" >>log
	cat out err >>log
}
fail() {
	echo "$*" >why
	exit 1
}
wants() { [ "$rc" = "$1" ] || fail "dray ended with $rc, not $1"; }
says() { grep -q -e "$1" out err || fail "dray did not say: $1"; }
not_says() { ! grep -q -e "$1" out err || fail "dray said: $1"; }
# apply: and the plan after it is empty.
apply() {
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
}
# identity: what the plan takes the model for, all 40 digits of it.
identity() { dray plan -json && grep -o '"commit": *"[0-9a-f]\{40\}"' out | head -n 1 | grep -o '[0-9a-f]\{40\}'; }
snapshot() { echo "$tmp"/shared/.cache/huggingface/hub/models--*/snapshots/"$1"; }
# away: no model is left.
away() { rm -rf shared/.cache/huggingface/hub; }
demand() { printf '%s\n' "$@" >models/.demands; }

only=${1:-.}
check() {
	local name=$1 fn=$2
	[[ $name =~ $only ]] || return 0
	: >log
	rm -f why models/.demands
	(set -eEu; trap '[ -e why ] || echo "${FUNCNAME[0]:-} line $LINENO: $BASH_COMMAND" >why' ERR; "$fn")
	# shellcheck disable=SC2181
	if [ $? = 0 ]; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "not ok $name: $(cat why)"
		tail -n 40 log | sed 's/^/    /'
	fi
}
cleanup() {
	timeout 120 "$DRAY" destroy -auto-approve -f "$tmp/cluster.yaml" >/dev/null 2>&1
	# shellcheck disable=SC2086
	[ -z "$servers" ] || kill $servers 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# ---- a folder on a web server, with an authority of its own ----------------------------

# sums: writes the list of models/tiny.
sums() { (cd models/tiny && find . -type f ! -name "SHA256*" -exec sha256sum {} + >SHA256SUMS); }
sums
python3 "$tests/web.py" models web.log web.port web.pem web.key 2>web.err &
servers="$servers $!"
WEB=https://127.0.0.1:$(served web)
: >web.log

t_web() {
	spec "url: '$WEB/tiny/', ca: ca.pem"
	dray plan
	says "model   $WEB/tiny @ latest = [0-9a-f]\{12\}   6 files, 0.0 GB"
	says 'repo *= *'"$WEB/tiny"
	apply
	local dir
	dir=$(snapshot "$(identity)")
	cmp "$dir/model.safetensors" models/tiny/model.safetensors
	cmp "$dir/sub/a file.json" "models/tiny/sub/a file.json"
	[ "$(readlink "$dir/config.json")" = "../../blobs/$(sha256sum <models/tiny/config.json | cut -d' ' -f1)" ]
	[ -z "$(find shared -name '*.incomplete')" ]
	! grep -rq 'PRIVATE KEY' shared
}
t_other_ca() {
	spec "url: '$WEB/tiny'"
	dray plan
	says 'the server cannot be reached: .*certificate'
	spec "url: '$WEB/tiny', ca: web.key"
	dray plan
	wants 1
	says "model.ca: '.*web.key' has no certificate"
	spec "url: '$WEB/tiny', ca: nowhere.pem"
	dray plan
	wants 1
	says 'model.ca: .*nowhere.pem.*No such file'
}
t_pinned() {
	local id
	spec "url: '$WEB/tiny', ca: ca.pem"
	id=$(identity)
	spec "url: '$WEB/tiny', ca: ca.pem, revision: $id"
	apply
	: >web.log
	dray plan -detailed-exitcode
	wants 0
	[ ! -s web.log ] || fail "the server was asked: $(cat web.log)"
	spec "url: '$WEB/tiny', ca: ca.pem, revision: 0123456789012345678901234567890123456789"
	dray plan
	wants 1
	says "what is there now is $id, not what 'revision' pins"
}
t_changed() {
	spec "url: '$WEB/tiny', ca: ca.pem"
	apply
	local old new
	old=$(identity)
	echo '{"x": 1}' >"models/tiny/sub/a file.json"
	dray apply -auto-approve
	wants 3
	says "'sub/a file.json' is not the file that the list says"
	sums
	apply
	new=$(identity)
	[ "$old" != "$new" ]
	[ -d "$(snapshot "$old")" ] && [ -d "$(snapshot "$new")" ]
}
t_drift() {
	spec "url: '$WEB/tiny', ca: ca.pem"
	apply
	local dir
	dir=$(snapshot "$(identity)")
	rm "$dir/tokenizer.json"
	dray plan -detailed-exitcode
	wants 2
	says "1 of 6 files are missing or incomplete, such as 'tokenizer.json'"
	apply
	truncate -s 5 "$(readlink -f "$dir/config.json")"
	dray plan -detailed-exitcode
	wants 2
	apply
	cmp "$dir/config.json" models/tiny/config.json
}
t_half() {
	spec "url: '$WEB/tiny', ca: ca.pem"
	away
	: >web.log
	demand 'cut 1000000'
	apply
	cmp "$(snapshot "$(identity)")/model.safetensors" models/tiny/model.safetensors
	grep -q 'GET /tiny/model.safetensors 206 bytes=1000000-' web.log
	away
	demand norange
	mkdir -p "$(snapshot x)" # (the folder's name)
	apply
}
t_token() {
	spec "url: '$WEB/tiny', ca: ca.pem, token: 'env:WEB_TOKEN'"
	away
	export WEB_TOKEN=POISON-1
	demand 'token POISON-1'
	apply
	! grep -rq POISON-1 shared cache state log || fail "the token is somewhere: $(grep -rl POISON-1 shared cache state log)"
	WEB_TOKEN=other
	dray plan
	says "refuses .*the token of model.token is not valid for it"
}
t_wrong_list() {
	spec "url: '$WEB/tiny', ca: ca.pem"
	cp models/tiny/SHA256SUMS sums
	echo "$(printf '%064d' 0)  ../../etc/passwd" >>models/tiny/SHA256SUMS
	dray plan
	says "its list has a file with an invalid name, '../../etc/passwd'"
	{ cat sums; echo "not a line"; } >models/tiny/SHA256SUMS
	dray plan
	says 'SHA256SUMS: line 7 is not one of sha256sum'
	{ cat sums; echo "$(printf '%064d' 0)  gone.bin"; } >models/tiny/SHA256SUMS
	dray plan
	says "the server has no '$WEB/tiny/gone.bin'"
	cp sums models/tiny/SHA256SUMS
	away
	demand 'away /tiny/tokenizer.json'
	dray apply -auto-approve
	wants 3
	says 'not encrypted'
}
check "a folder on a web server, with a CA of its own" t_web
check "another CA, and files that hold none" t_other_ca
check "what is pinned and there needs no server" t_pinned
check "a file that changes without the list, and with it" t_changed
check "a file that is missing, and one that was cut" t_drift
check "half a file is continued" t_half
check "a token, which stays with its server" t_token
check "a list that is wrong" t_wrong_list

echo "sources: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
