# one_node.sh - what tests share for which this machine is the only node (executor: local, runtime: none),
# with the stand-in engine. A lib.sh sources it, with the folder tests in $tests and its own name in $part.
# Leaves a room in $tmp, where it is, with one GPU.
# shellcheck shell=bash disable=SC2034,SC2154
passed=0 failed=0 skipped=0
skip_all() {
	echo "SKIP $part: $1"
	echo "$part: 0 passed, 0 failed, 1 skipped"
	exit 0
}
for tool in gcc python3; do command -v $tool >/dev/null || skip_all "no $tool"; done
export CACHE=${DRAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dray-testbed}
tmp=$(mktemp -d)
cd "$tmp" || exit 1
DRAY_CACHE=$CACHE "$tests/testbed/standin/build.sh" >build.log 2>&1 ||
	skip_all "the stand-in cannot be built: $(tail -n 1 build.log)"

# One GPU, as a host with two H200 printed it.
mkdir -p bin nv shared
sed "s|^dir=.*|dir=$tmp/nv|" "$tests/testbed/nvidia-smi" >bin/nvidia-smi
chmod +x bin/nvidia-smi
head -n 2 "$tests/fixtures/nvidia-h200-x2/query.csv" >nv/query.csv
echo 'pid, process_name, gpu_uuid, used_gpu_memory [MiB]' >nv/compute-apps.csv
export PATH=$tmp/bin:$PATH XDG_STATE_HOME=$tmp/state XDG_CACHE_HOME=$tmp/cache HOME=$tmp NO_COLOR=1

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
PORT=$(free_port)
# The name of the cluster is this run's own: several may run at a time.
CLUSTER=$part-$$

# run_dray ARGS...: $rc, and what it said in the files out and err.
run_dray() {
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
# one_test NAME FUNCTION: a test, in a subshell; the cluster stays as the last one left it. $test_rc is its
# status. Call it as a command of its own: behind it, || would switch off set -e in the test.
one_test() {
	: >log
	rm -f why
	(set -eEu; trap '[ -e why ] || echo "${FUNCNAME[0]:-} line $LINENO: $BASH_COMMAND" >why' ERR; "$2")
	test_rc=$?
	if [ $test_rc = 0 ]; then
		passed=$((passed + 1))
		echo "ok $1"
	else
		failed=$((failed + 1))
		echo "not ok $1: $(cat why)"
		tail -n 40 log | sed 's/^/    /'
	fi
}
