# lib.sh - the harness of tests of sources; run.sh sources it, with the folder tests in $tests
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
part=sources
# shellcheck source=../one_node.sh
. "$tests/one_node.sh"
command -v openssl >/dev/null || skip_all "no openssl"
mkdir -p models/tiny/sub
cp "$CACHE"/standin/hub/dray/tiny/*.* models/tiny
echo '{}' >"models/tiny/sub/a file.json"
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
dray() { run_dray "$@"; }
# identity: what the plan takes the model for, all 40 digits of it.
identity() { dray plan -json && grep -o '"commit": *"[0-9a-f]\{40\}"' out | head -n 1 | grep -o '[0-9a-f]\{40\}'; }
snapshot() { echo "$tmp"/shared/.cache/huggingface/hub/models--*/snapshots/"$1"; }
# away: no model is left.
away() { rm -rf shared/.cache/huggingface/hub; }
demand() { printf '%s\n' "$@" >models/.demands; }

only=${1:-.}
check() {
	[[ $1 =~ $only ]] || return 0
	rm -f models/.demands
	one_test "$@"
}
cleanup() {
	timeout 120 "$DRAY" destroy -auto-approve -f "$tmp/cluster.yaml" >/dev/null 2>&1
	# shellcheck disable=SC2086
	[ -z "$servers" ] || kill $servers 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
