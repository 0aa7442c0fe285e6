# lib.sh - the harness of tests for which this machine is the only node (executor: local,
# runtime: none), with the stand-in engine. run.sh sources it, with the folder tests in $tests.
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2120,SC2154
DRAY=${DRAY:-$PWD/build/dray}
passed=0 failed=0
skip_all() {
	echo "SKIP here: $1"
	echo "here: 0 passed, 0 failed, 1 skipped"
	exit 0
}
for tool in gcc python3 curl; do command -v $tool >/dev/null || skip_all "no $tool"; done
export CACHE=${DRAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dray-testbed}
tmp=$(mktemp -d)
cd "$tmp" || exit 1
DRAY_CACHE=$CACHE "$tests/testbed/standin/build.sh" >build.log 2>&1 ||
	skip_all "the stand-in cannot be built: $(tail -n 1 build.log)"
MODEL=$CACHE/standin/hub/dray/tiny

# One GPU, as a host with two H200 printed it.
mkdir -p bin nv shared/.cache/huggingface
sed "s|^dir=.*|dir=$tmp/nv|" "$tests/testbed/nvidia-smi" >bin/nvidia-smi
chmod +x bin/nvidia-smi
head -n 2 "$tests/fixtures/nvidia-h200-x2/query.csv" >nv/query.csv
echo 'pid, process_name, gpu_uuid, used_gpu_memory [MiB]' >nv/compute-apps.csv
export PATH=$tmp/bin:$PATH XDG_STATE_HOME=$tmp/state XDG_CACHE_HOME=$tmp/cache HOME=$tmp NO_COLOR=1

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
PORT=$(free_port)
ARGS='max-model-len: 300'
# The name of the cluster is this run's own: several may run at a time.
CLUSTER=here-$$
spec() {
	cat >cluster.yaml <<-END
		cluster: $CLUSTER
		nodes: [{name: here, executor: local, gpus: 1}]
		shared_dir: $tmp/shared
		model: {path: $MODEL}
		parallelism: {tensor: 1, pipeline: 1}
		engine: {runtime: none, venv: $CACHE/standin/venv, backend: mp, args: {$ARGS}}
		serve: {port: $PORT, bind: 127.0.0.1, name: tiny}
		probe: {prompt: hello, max_tokens: 4, timeout: ${PROBE_TIMEOUT:-60}}
		${HOOKS:+hooks: $HOOKS}
	END
}
# demands WORDS: what the stand-in does from now on; it never reads half of that.
demands() { echo "$*" >demands.new && mv demands.new shared/.cache/huggingface/standin; }
no_demands() { rm -f shared/.cache/huggingface/standin; }

# dray ARGS...: $rc, and what it said in the files out and err. The file stands is the spec of what
# is known to run, or "nothing".
dray() {
	rc=0
	case $1 in apply | destroy | restart | stop) rm -f stands ;; esac
	timeout -k 5 120 "$DRAY" "$@" >out 2>err </dev/null || rc=$?
	echo "\$ dray $* -> $rc" >>log
	cat out err >>log
	case "$*:$rc" in
	'apply -auto-approve:0' | 'plan -detailed-exitcode:0') cp cluster.yaml stands ;;
	'destroy -auto-approve:0') echo nothing >stands ;;
	esac
}
fail() {
	echo "$*" >why
	exit 1
}
wants() { [ "$rc" = "$1" ] || fail "dray ended with $rc, not $1"; }
says() { grep -q -e "$1" out err || fail "dray did not say: $1"; }
not_says() { ! grep -q -e "$1" out err || fail "dray said: $1"; }
apply() {
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
}
# start ARGS...: in the background, its output in bg.out and bg.err. finish: waits for its end.
start() {
	rm -f bg.out bg.err stands
	set -m # a shell without job control has its children ignore SIGINT
	"$DRAY" "$@" >bg.out 2>bg.err </dev/null &
	bg=$!
	echo "$bg" >bg.pid
	set +m
}
finish() {
	rc=0
	wait "$bg" || rc=$?
	rm -f bg.pid
	cp bg.out out
	cp bg.err err
}
# nap SECONDS: a sleep that starts no process.
exec {NAP}<> <(:)
nap() { read -rt "$1" -u "$NAP" || :; }
# wait_for WHAT CMD...: until CMD succeeds; the limit only ends a hang.
wait_for() {
	local end=$((SECONDS + 90)) what=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || fail "waited in vain for $what$([ ! -s bg.out ] || sed 's/^/; /' bg.out bg.err)"
		nap 0.2
	done
}
# server: the engine itself, not the process that waits for its end, whose words are the same.
server() { pgrep -f "^vllm serve $MODEL.*--port $PORT" | head -n 1; }
# aside PID: a helper of the scenario, which does not outlive it.
aside() { echo "$1" >>aside.pids; }
end_asides() {
	[ ! -s aside.pids ] || xargs -r kill <aside.pids 2>/dev/null
	rm -f aside.pids
}

# ended PID...: those that nobody has buried count.
ended() {
	local pid
	for pid; do ! grep -qsv ') Z ' "/proc/$pid/stat" || return 1; done
}

# check NAME FUNCTION: a test of `make check`. more NAME FUNCTION: a test of `make check-more`
# (TIER=more). TIER=all runs both, and so does a regular expression.
only=${1:-}
check() { run_test check "$@"; }
more() { run_test more "$@"; }
# run_test TIER NAME FUNCTION: in a subshell; the cluster stays as the last one left it.
run_test() {
	local name=$2 fn=$3
	if [ -n "$only" ]; then
		[[ $name =~ $only ]] || return 0
	else
		case ${TIER:-check} in "$1" | all) ;; *) return 0 ;; esac
	fi
	: >log
	rm -f why
	(set -eEu; trap '[ -e why ] || echo "${FUNCNAME[0]:-} line $LINENO: $BASH_COMMAND" >why' ERR; "$fn")
	# shellcheck disable=SC2181
	if [ $? = 0 ]; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		rm -f stands
		echo "not ok $name: $(cat why)"
		tail -n 40 log | sed 's/^/    /'
	fi
	no_demands
	end_asides
	[ ! -s bg.pid ] || kill "$(cat bg.pid)" 2>/dev/null
	rm -f bg.pid
}
cleanup() {
	no_demands
	end_asides
	[ ! -s bg.pid ] || kill "$(cat bg.pid)" 2>/dev/null
	timeout 120 "$DRAY" destroy -auto-approve -f "$tmp/cluster.yaml" >/dev/null 2>&1
	pgrep -f "vllm serve .*--port $PORT" | xargs -r kill -9 # should that have failed
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
# The start of most scenarios: the plain cluster is up, or there is none. Cheap when that is so.
up() {
	spec
	! cmp -s cluster.yaml stands || return 0
	dray apply -auto-approve
	wants 0
}
down() {
	spec
	[ "$(cat stands 2>/dev/null)" != nothing ] || return 0
	dray destroy -auto-approve
	wants 0
}
