# lib.sh - the harness of tests for which this machine is the only node (executor: local,
# runtime: none), with the stand-in engine. run.sh sources it, with the folder tests in $tests.
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2120,SC2154
part=here
# shellcheck source=../one_node.sh
. "$tests/one_node.sh"
command -v curl >/dev/null || skip_all "no curl"
MODEL=$CACHE/standin/hub/dray/tiny
mkdir -p shared/.cache/huggingface
ARGS='max-model-len: 300'
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

# dray ARGS...: as run_dray. The file stands is the spec of what is known to run, or "nothing".
dray() {
	case $1 in apply | destroy | restart | stop) rm -f stands ;; esac
	run_dray "$@"
	case "$*:$rc" in
	'apply -auto-approve:0' | 'plan -detailed-exitcode:0') cp cluster.yaml stands ;;
	'destroy -auto-approve:0') echo nothing >stands ;;
	esac
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
# run_test TIER NAME FUNCTION
run_test() {
	local name=$2 fn=$3
	if [ -n "$only" ]; then
		[[ $name =~ $only ]] || return 0
	else
		case ${TIER:-check} in "$1" | all) ;; *) return 0 ;; esac
	fi
	one_test "$name" "$fn"
	[ "$test_rc" = 0 ] || rm -f stands
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
