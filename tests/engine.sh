#!/bin/bash
# engine.sh - the demo with the real engine and with assertions: two hosts, real hf,
# run_cluster.sh, Ray and vLLM (CPU build), a tiny model; with both launchers, without Ray,
# without containers, and on one machine without root. Layouts are chosen by `parallelism:
# auto`, except for launcher script, which uses the demo's own spec. Prints at its end how long
# faults take until they are noticed, and until it serves again. ONLY=REGEX, KEEP=1 and
# the files that are left are as in tests/e2e/run.sh.
# shellcheck disable=SC2016,SC2034,SC2119
set -u
cd "$(dirname "$0")/.." || exit 1
case ${B:=build} in /*) WORK=$B/engine ;; *) WORK=$PWD/$B/engine ;; esac
mkdir -p "$WORK"

cant() {
	echo "SKIP engine: $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
[ "$(id -u)" = 0 ] || cant "the test bed needs root"
for tool in dockerd sshd ip nsenter curl python3 debootstrap gcc; do
	PATH=$PATH:/usr/sbin command -v $tool >/dev/null || cant "no $tool (make deps)"
done
# shellcheck source=testbed/lib.sh
TESTBED=$PWD/tests/testbed && . tests/testbed/lib.sh
use_bed || cant "the test bed is busy"

bed_down() { [ -n "${KEEP:-}" ] || tests/testbed/down.sh; }
trap 'bed_down; exit 130' INT TERM
start=$SECONDS
if ! tests/testbed/up.sh 2 real >"$WORK/up.log" 2>&1; then
	tail -n 5 "$WORK/up.log"
	bed_down
	cant "the real engine could not be installed (no registry?); see $WORK/up.log"
fi
echo "the bed is up after $((SECONDS - start)) s"
# shellcheck disable=SC2034
CHAT_S=60 # the real engine on a loaded machine
# shellcheck source=e2e/lib.sh
. tests/e2e/lib.sh
ROOT=$PWD CLIENT=$CACHE/raw/vllm-project/vllm/main/examples/basic/online_serving/openai_chat_completion_client.py

# The demo's spec for launcher script; otherwise the same with a layout that dray chooses. The
# KV cache makes it take both nodes: a context of 512 tokens takes 1 MiB of it on one GPU,
# half of that on two, a quarter on four, and vLLM does not start on fewer, either.
real_spec() { # script|container
	sed -e "s|10[.]77[.]0[.]|$NET.|; s|^  bed: .*|  bed: $BED|; s|^  cache: .*|  cache: $CACHE|; s|launcher: .*|launcher: $1|" \
		"$ROOT/examples/testbed.yaml" >cluster.yaml
	[ "$1" != script ] || return 0
	sed -i -e '/^  script:/,/sha256:/d; /^  tensor:/d; /^  pipeline:/d; /VLLM_CPU_KVCACHE_SPACE/d' \
		-e 's/^parallelism:/parallelism: auto/' \
		-e 's/^    max-model-len: 512/&\n    kv-cache-memory-bytes: 400000/' cluster.yaml
}
begin() {
	CLUSTER=testbed NODES='node1 node2' SHARED=/srv/shared PORT=8000 LIMIT=${ENGINE_LIMIT:-240}
	real_spec "$launcher"
}
# An argument that does not change the layout.
other_argument() { sed -i 's/^    max-model-len: 512/&\n    max-num-seqs: 64/' cluster.yaml; }

t_up() {
	begin
	dray plan -detailed-exitcode
	wants 2
	says 'layout  TP 2 × PP 2 over 2 nodes × 2 NVIDIA H200, ray'
	apply
	dray status
	wants 0
	on node1 "$VENV/bin/python" "$CLIENT"
	chat
	before
	cp before "$WORK/before"
	for step in 'head[node1]' 'worker[node2]' serve; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	on node1 docker exec dray-testbed-head ray status | grep -F '4.0/4.0 GPU' || fail "not 4 GPUs in use"
}
t_again() {
	begin
	dray apply
	wants 0
	says 'No changes'
	cp "$WORK/before" .
	after
	same 'head[node1]' 'worker[node2]' serve
}
t_changed() {
	begin
	before
	other_argument
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
}
# Its own parser reads the options before anything is stopped.
t_refused() {
	local command
	begin
	other_argument
	before
	sed -i 's/^    dtype: .*/    dtype: flot16\n    max-modl-len: 7\n    compilation-config: "{bad"/' cluster.yaml
	for command in plan 'apply -auto-approve'; do
		# shellcheck disable=SC2086
		dray $command
		wants 1
		says 'error: vllm serve refuses this: there is no option --max-modl-len'
		says 'error: vllm serve refuses this: argument --dtype: .*flot16'
		says 'error: vllm serve refuses this: argument --compilation-config'
	done
	begin
	other_argument
	dray plan -detailed-exitcode
	wants 0
	chat
	after
	same 'head[node1]' 'worker[node2]' serve
}
t_worker_gone() {
	begin
	other_argument
	before
	on node2 docker rm -f dray-testbed-worker
	apply
	chat
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
}
t_wrong() {
	begin
	# As numbers, because `auto` would notice that this is too long.
	sed -i 's/max-model-len: 512/max-model-len: 4096/
		s/^parallelism: auto/parallelism: {tensor: 2, pipeline: 2}/' cluster.yaml
	dray apply -auto-approve
	wants 3
	says 'max_model_len (4096) is greater'
}
t_away() {
	begin
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# Without Ray: one rank a node, because the CPU build fails with two.
begin_mp() {
	launcher=container
	begin
	sed -i 's/gpus: 2/gpus: 1/; s/backend: ray/backend: mp/; s/bytes: 400000/bytes: 800000/' cluster.yaml
}
t_mp_up() {
	begin_mp
	dray explain layout
	says 'layout  TP 1 × PP 2 over 2 nodes, mp (chosen)'
	says 'TP 1 × PP 1  *KV cache for only 0.* × 512 tokens'
	apply
	on node1 "$VENV/bin/python" "$CLIENT"
	chat
	before
	for step in 'rank[node1]' 'rank[node2]'; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	dray apply
	wants 0
	says 'No changes'
}
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
# Day two: what a person does who finds it running.
t_mp_day() {
	local port
	begin_mp
	dray status
	wants 0
	says 'SERVING'
	dray ask -max-tokens 4 'Say hello.'
	wants 0
	says 'first token after'
	dray logs -tail 30
	wants 0
	says 'vLLM\|vllm'
	dray bench -concurrency 1,2 -prompts 4 -input 40 -output 8 -svg "$S/plot.svg"
	wants 0
	says '^2  *[0-9.]*  *0/4 '
	[ "$(grep -c '<circle' "$S/plot.svg")" = 6 ] || fail "the plot does not have six points"
	dray status -v
	says '^bench  *[0-9.]* tokens/s'
	start open
	wait_for 60 "the port" grep -q '^API .*/v1' "$S/bg.out"
	port=$(sed -n 's|^API  *http://127.0.0.1:\([0-9]*\)/v1.*|\1|p' "$S/bg.out")
	curl -fsS -m 60 "http://127.0.0.1:$port/v1/models" | grep -q '"tiny"' || fail "the port does not lead to the API"
	kill -INT "$bg"
	finish
	wants 0
	before
	dray stop -auto-approve
	wants 0
	dray status
	wants 1
	says 'STOPPED'
	dray restart -auto-approve
	wants 0
	chat
	plan_is_empty
	after
	differs 'rank[node1]' 'rank[node2]'
}
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

# Nothing is shared: one node downloads, the other gets a copy from it over their network.
t_local() {
	local n own=/var/tmp/models hub=.cache/huggingface/hub/models--dray--tiny
	begin_mp
	sed -i "s|^shared_dir: .*|storage: {local: $own}|" cluster.yaml
	for n in $NODES; do on "$n" sh -c "rm -rf $own; mkdir -p $own"; done
	apply
	grep -q 'weights\[node2\]: Creation complete' "$WORK/local/log" || fail "no copy was made"
	diff -r "$BED/node1/disk$own/$hub/snapshots" "$BED/node2/disk$own/$hub/snapshots" || fail "the copies differ"
	! grep -q " $NET.2 .*safetensors" "$BED/hub.log" || fail "node2 asked the hub for weights"
	on node1 "$VENV/bin/python" "$CLIENT"
	chat
	dray destroy -auto-approve
	wants 0
	nothing_left
	# A snapshot of a cache as a path: its links leave it, and the container finds what they lead to.
	sed -i "s|^storage: .*||; s|^  repo: .*|  path: $own/$hub/snapshots/$(ls "$BED/node1/disk$own/$hub/snapshots")|
		/^  revision:/d; /^  endpoint:/d; /^  exclude:/d; /^  client:/d" cluster.yaml
	cat cluster.yaml
	apply
	chat
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# Two whole copies of the model, one a node, behind one API.
t_data() {
	begin_mp
	sed -i 's/^parallelism: auto/parallelism: {tensor: 1, pipeline: 1, data: 2}/; /kv-cache-memory/d' cluster.yaml
	sed -i 's/^  env: .*/&\n    VLLM_CPU_KVCACHE_SPACE: 1/' cluster.yaml
	apply
	# Several requests at a time, or all may go to the first copy; the API counts them for
	# each copy.
	for _ in 1 2 3 4 5 6 7 8; do chat & done
	wait
	curl -fsS -m 5 "http://$NET.1:$PORT/metrics" >metrics
	grep -E '^vllm:generation_tokens_total\{[^}]*engine="1"' metrics | grep -qv ' 0\.0$' ||
		fail "the second copy did nothing: $(grep '^vllm:generation_tokens_total' metrics)"
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# Without containers: the same environment as processes of the hosts.
begin_none() {
	launcher=container
	begin
	sed -i -e "s|^  image: .*|  runtime: none\n  venv: $VENV|" -e 's/backend: ray/backend: auto/' \
		-e '/launcher:/d; /docker_args:/,/venv:ro/d' cluster.yaml
	RUNTIME=none
}
t_none_up() {
	begin_none
	dray plan
	says 'layout  TP 2 × PP 2 over 2 nodes × 2 NVIDIA H200, ray (the environment has Ray 2'
	apply
	on node1 "$VENV/bin/python" "$CLIENT"
	before
	for step in 'head[node1]' 'worker[node2]' serve; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	for n in $NODES; do
		[ -z "$(on "$n" docker ps -aq)" ] || fail "$n has containers"
	done
}
t_none_worker_killed() {
	begin_none
	before
	kill -9 "$(awk '$1 == "worker[node2]" { sub(/@.*/, "", $2); print $2 }' before)"
	dray plan
	says 'worker\[node2\] must be replaced (because its process was killed, status 137)'
	other_argument
	apply
	chat
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
}
# A worker process of Ray is killed while the engine is idle. Nobody asks for a token.
t_none_process_killed() {
	local pid killed
	begin_none
	other_argument
	pid=$(on_node node2 '^ray::[A-Za-z]*Work' | head -n 1)
	[ -n "$pid" ] || fail "no worker process of Ray on node2"
	kill -9 "$pid"
	killed=$SECONDS
	wait_for 60 "a look that sees it" status_says '^testbed .*DOWN'
	echo "seen after $((SECONDS - killed)) s: $(grep '^ *serve: ' out)"
	dray plan -detailed-exitcode -no-probe
	wants 2
	says 'serve will be restarted (because '
	apply
	chat
}
t_none_away() {
	begin_none
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# One machine, the local executor, a user who is not root and may use neither Docker nor ssh:
# that user does everything below. Two GPUs give tensor parallel 2.
plain_prepare() {
	on node1 sh -c 'id plain >/dev/null 2>&1 || useradd -m -s /bin/sh plain; chmod 711 /root'
	in_node node1 sh -c 'cat >/usr/local/bin/dray && chmod 755 /usr/local/bin/dray' <"$DRAY"
	cat >"$WORK/as-plain" <<END
#!/bin/sh
# Run a dray command on node1 as that user, with the spec in the caller's folder.
cat cluster.yaml >"$BED/node1/disk/home/plain/cluster.yaml"
exec nsenter -t "$(node_pid node1)" -m -u -i -n -p -- setpriv --reuid plain --regid plain \\
	--clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs env -i HOME=/home/plain \\
	USER=plain PATH="$NODE_PATH" sh -c 'cd && exec "\$@"' sh "\${BY_PLAIN:-dray}" "\$@"
END
	chmod 755 "$WORK/as-plain"
}
begin_plain() {
	CLUSTER=here NODES=node1 PORT=8000 LIMIT=240 RUNTIME=none
	DRAY=$WORK/as-plain
	cat >cluster.yaml <<END
cluster: here
nodes: [{name: here, executor: local}]
shared_dir: /home/plain/models
model: {repo: dray/tiny, endpoint: '$HUB'}
parallelism: auto
engine:
  runtime: none
  venv: $VENV
  env: {VLLM_CPU_KVCACHE_SPACE: 1, VLLM_CPU_OMP_THREADS_BIND: nobind, OMP_NUM_THREADS: 1,
    TORCHDYNAMO_DISABLE: 1, VLLM_USE_AOT_COMPILE: 0, VLLM_NO_USAGE_STATS: 1}
  args: {dtype: bfloat16, max-model-len: 512}
serve: {port: 8000, bind: 127.0.0.1, name: tiny}
probe: {timeout: 60}
END
}
plain_server() { # pid and birth of the server, as the machine sees it
	on node1 sh -c 'for p in $(pgrep -u plain -f "/vllm serve "); do
		read -r line <"/proc/$p/stat" && set -- ${line##*) } && [ "$4" = "$p" ] && echo "$p@${20}"
	done'
}
t_plain_up() {
	plain_prepare
	begin_plain
	BY_PLAIN='mkdir' "$DRAY" -p models
	! BY_PLAIN='docker' "$DRAY" ps >/dev/null 2>&1 || fail "that user may use Docker"
	dray plan -detailed-exitcode
	wants 2
	says 'layout  TP 2 × PP 1 over 1 node × 2 NVIDIA H200, mp'
	apply
	on node1 curl -fsS -m 20 http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \
		-d '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}' |
		grep -q '"completion_tokens":[1-9]' || fail "no completion"
	plain_server >"$WORK/plain-before"
	[ -s "$WORK/plain-before" ] || fail "no server of that user"
	dray apply
	wants 0
	says 'No changes'
}
t_plain_changed() {
	begin_plain
	sed -i 's/max-model-len: 512/max-model-len: 256/' cluster.yaml
	dray plan
	says 'max-model-len = 512 -> 256'
	apply
	plain_server >now
	! cmp -s now "$WORK/plain-before" || fail "the server is the same"
	cp now "$WORK/plain-before"
}
t_plain_killed() {
	begin_plain
	sed -i 's/max-model-len: 512/max-model-len: 256/' cluster.yaml
	on node1 kill -9 "$(cut -d@ -f1 "$WORK/plain-before")"
	dray plan -detailed-exitcode
	wants 2
	says 'rank\[here\] will be restarted (because its process was killed' # with its status, once that is known
	apply
	[ "$(plain_server | wc -l)" = 1 ] || fail "not one server"
}
t_plain_away() {
	begin_plain
	dray destroy -auto-approve
	wants 0
	what=$(on node1 pgrep -u plain -a || :)
	[ -z "$what" ] || fail "processes are left: $what"
	what=$(on node1 sh -c 'find /home/plain/.local/state/dray /tmp /dev/shm -user plain 2>/dev/null' || :)
	[ -z "$what" ] || fail "files are left: $what"
	what=$(on node1 sh -c 'find / -xdev -newer /usr/local/bin/dray -user root -path "*dray*" ! -path "/proc/*" 2>/dev/null' || :)
	[ -z "$what" ] || fail "root has files of it: $what"
}

rm -f "$WORK/faults"
clean
for launcher in script container; do
	scenario "$launcher: from nothing to a chat completion" t_up
	scenario "$launcher: a second apply has nothing to do" t_again
	scenario "$launcher: a changed argument restarts only serve" t_changed
	if [ $launcher = script ]; then
		scenario "$launcher: what vLLM's parser refuses stops nothing" t_refused
		scenario "$launcher: a lost worker is replaced, serve restarts" t_worker_gone
	else
		scenario "$launcher: an impossible argument: vLLM's own cause" t_wrong
	fi
	scenario "$launcher: destroy leaves nothing" t_away
done
scenario "mp: from nothing to a chat completion, then nothing to do" t_mp_up
scenario "mp: day two: status, ask, logs, bench, open, stop, restart" t_mp_day
scenario "mp: dray watch: a rank killed while idle" t_watch_idle
scenario "mp: dray watch: a rank killed under load" t_watch_load
scenario "mp: dray watch: a wedge" t_watch_wedge
scenario "mp: dray watch: a host rebooted" t_watch_reboot
scenario "mp: dray watch: a cable pulled and plugged in" t_watch_cable
scenario "mp: destroy leaves nothing" t_mp_away
scenario "mp: nothing is shared: a copy goes from node to node; then a snapshot as a path" t_local
scenario "mp: two copies, data parallel over two nodes, and away" t_data
scenario "none: Ray and vLLM as processes over ssh, to a chat completion" t_none_up
scenario "none: a worker killed, another argument: worker and serve anew" t_none_worker_killed
scenario "none: a worker process of Ray killed while idle is seen" t_none_process_killed
scenario "none: destroy leaves nothing" t_none_away
scenario "one machine, no root: from nothing to a completion, then nothing to do" t_plain_up
scenario "one machine, no root: a changed argument" t_plain_changed
scenario "one machine, no root: a killed server is seen and repaired" t_plain_killed
scenario "one machine, no root: destroy leaves nothing" t_plain_away
clean
if [ -z "${KEEP:-}" ]; then
	bed_down
	tests/testbed/check-clean.sh || N_FAILED=$((N_FAILED + 1))
fi
if [ -s "$WORK/faults" ]; then
	printf '%-40s %10s %14s\n' FAULT NOTICED 'SERVES AGAIN'
	cat "$WORK/faults"
fi
echo "engine took $((SECONDS - start)) s"
echo "$N_PASSED passed, $N_FAILED failed, $N_SKIPPED skipped"
[ "$N_FAILED" = 0 ]
