# lib.sh - the harness of tests of sources; run.sh sources it, with the folder tests in $tests
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
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
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -subj /CN=test-ca -days 2 &&
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout web.key -out web.csr -subj /CN=127.0.0.1 &&
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
