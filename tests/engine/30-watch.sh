# 30-watch.sh - dray watch repairs five faults
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2153,SC2154

# since MICROSECONDS: the seconds since then.
since() { awk -v a="$1" -v b="${EPOCHREALTIME/./}" 'BEGIN { printf "%.0f", (b - a) / 1000000 }'; }

# said STATE [TEXT]: the watch in the background has printed such an event.
said() { grep -q "\"state\":\"\\($1\\)\",\"text\":${2:+\"[^\"]*$2}" "$S/bg.out"; }

# awaits SECONDS STATE [TEXT]: it prints one, or the scenario ends with what it did print.
awaits() {
	local end=$((SECONDS + $1))
	until said "$2" "${3-}"; do
		if [ $SECONDS -gt $end ] || ! kill -0 "$bg" 2>/dev/null; then
			fail "$fault: dray watch did not say '$2${3:+: $3}' within $1 s: $(tail -n 8 "$S/bg.out" "$S/bg.err")"
		fi
		nap 0.1
	done
}

# strike STATE FAULT COMMAND...: a fault that the command makes. `dray watch` sees it in that state and
# repairs it, alone; both times are a line of the table at the end. Each fault has a watch of its
# own, because one waits longer after each repair. What has to be undone once it is seen is in $undo.
strike() {
	local state=$1 struck seen
	fault=$2 undo=:
	shift 2
	before
	start watch -every 1 -json
	trap 'kill "$bg" 2>/dev/null; $undo' EXIT # after a failure
	awaits 120 serving
	struck=${EPOCHREALTIME/./}
	"$@"
	awaits 240 "$state"
	seen=$(since "$struck")
	$undo
	awaits 600 serving 'again, after '
	printf '%-40s %8s s %12s s\n' "$fault" "$seen" "$(since "$struck")" >>"$WORK/faults"
	trap - EXIT
	kill -TERM "$bg"
	finish
	wants 0
	chat
	plan_is_empty
	after
}

# repaired STEP: one repair by the watch that ended, which named the step, was enough.
repaired() {
	said repair "$1" || fail "its repair was not of $1"
	said repaired || fail "it does not say that it has repaired it"
	[ "$(grep -c '"state":"repair"' "$S/bg.out")" = 1 ] || fail "it did not repair once"
	! said 'repair failed' || fail "a repair failed"
	differs 'rank[node1]' 'rank[node2]'
}

# The process of a rank that holds the model.
worker_of() { on_node "$1" 'VLLM::(Worker|Engine)' | tail -n 1; }

signal_worker() { kill "-$1" "$(worker_of "$2")"; }

under_load() {
	local i
	load='' undo=unload
	for i in 1 2 3 4; do
		curl -sS -m 120 -o /dev/null "http://$NET.1:$PORT/v1/completions" -H 'Content-Type: application/json' \
			-d '{"model": "tiny", "prompt": "hi", "max_tokens": 400, "ignore_eos": true}' &
		load="$load $!"
	done
	wait_for 60 "requests that run" load_runs
	"$@"
}

# shellcheck disable=SC2086
unload() { kill $load 2>/dev/null || :; }

load_runs() { curl -fsS -m 5 "http://$NET.1:$PORT/metrics" | grep -Eq '^vllm:num_requests_running\{.* [1-9]'; }

# Day two without a person: dray watch sees and repairs each of these.
t_watch_idle() {
	begin_mp
	strike down 'a rank killed while idle' on node2 docker kill dray-testbed-rank
	said cause "node2.*exit 137" || fail "it does not say how the rank ended"
	repaired 'rank\[node2\]'
	dray history
	says ' watch  *done '
	dray why
	says 'nothing has failed'
}

t_watch_load() {
	begin_mp
	strike down 'a rank killed under load' under_load signal_worker KILL node2
	said cause "rank.node2.*died" || fail "the logs say that a worker died, and it does not"
	repaired 'rank\['
}

t_watch_wedge() {
	begin_mp
	strike hangs 'a rank stopped (SIGSTOP): a wedge' signal_worker STOP node2
	repaired 'rank\['
}

t_watch_reboot() {
	begin_mp
	strike 'down\|unreachable' 'a host rebooted' "$TESTBED/node.sh" reboot node2
	repaired 'rank\[node2\]'
}

# Nothing of ours can be done about a cable. If the ranks have survived it, nothing is repaired.
t_watch_cable() {
	begin_mp
	strike unreachable 'a cable pulled, and plugged in again' cut_cable
	! said 'repair failed' || fail "a repair failed"
}

cut_cable() {
	undo="$TESTBED/net.sh heal node2"
	"$TESTBED/net.sh" cut node2
}

t_mp_away() {
	begin_mp
	dray destroy -auto-approve
	wants 0
	nothing_left
}

scenario "mp: dray watch: a rank killed while idle" t_watch_idle
scenario "mp: dray watch: a rank killed under load" t_watch_load
scenario "mp: dray watch: a wedge" t_watch_wedge
scenario "mp: dray watch: a host rebooted" t_watch_reboot
scenario "mp: dray watch: a cable pulled and plugged in" t_watch_cable
scenario "mp: destroy leaves nothing" t_mp_away
