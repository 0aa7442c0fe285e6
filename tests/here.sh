#!/bin/bash
# here.sh [REGEX] - whole commands on this machine, which is the only node (executor: local,
# runtime: none), with the stand-in engine. Needs neither root nor a test bed, and takes seconds.
# REGEX: only tests of that name. Ends with a counting line.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/.." || exit 1
DRAY=${DRAY:-$PWD/build/dray}
tests=$PWD/tests
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
demands() { echo "$*" >shared/.cache/huggingface/standin; }
no_demands() { rm -f shared/.cache/huggingface/standin; }

# dray ARGS...: $rc, and what it said in the files out and err.
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
apply() {
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
}
# start ARGS...: in the background, its output in bg.out and bg.err. finish: waits for its end.
start() {
	rm -f bg.out bg.err
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
# wait_for WHAT CMD...: until CMD succeeds; the limit only ends a hang.
wait_for() {
	local end=$((SECONDS + 90)) what=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || fail "waited in vain for $what$([ ! -s bg.out ] || sed 's/^/; /' bg.out bg.err)"
		sleep 0.05
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

# check NAME FUNCTION: in a subshell; the cluster stays as the last one left it.
only=${1:-.}
check() {
	local name=$1 fn=$2
	[[ $name =~ $only ]] || return 0
	: >log
	rm -f why
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
up() {
	spec
	dray apply -auto-approve
	wants 0
}

# ---- restart and stop --------------------------------------------------------------------

t_restart() {
	local before
	up
	before=$(server)
	dray restart
	wants 1
	says '^Downtime: about [0-9]* [a-z]* (last start: [0-9a-z ]*)\.$'
	says 'rank\[here\] will be restarted (because a restart was asked for)'
	says "use 'dray restart -auto-approve'; nothing was changed"
	[ "$(server)" = "$before" ] || fail "it was restarted without approval"
	dray restart -auto-approve
	wants 0
	says 'Restart complete! .* 1 restarted'
	[ "$(server)" != "$before" ] || fail "it is still the same process"
	dray plan -detailed-exitcode
	wants 0
	dray restart -auto-approve nothing
	wants 1
	says "no step 'nothing' for restart"
}

t_stop() {
	up
	dray stop -auto-approve
	wants 0
	says 'rank\[here\] will be stopped (because a stop was asked for)'
	says 'Stop complete! Steps: 1 stopped'
	[ -z "$(server)" ] || fail "the engine still runs"
	dray status
	wants 1
	says '^here.* STOPPED'
	says 'it was stopped by .* at 20'
	dray stop -auto-approve
	wants 0
	says 'Nothing to stop'
	dray plan -detailed-exitcode
	wants 2
	says 'rank\[here\] will be started again (because it was stopped by'
	not_says '^Downtime'
	apply
	dray stop -auto-approve
	wants 0
	# A restart starts what does not run; a destroy leaves nothing of a stopped one.
	dray restart -auto-approve serve
	wants 0
	dray stop -auto-approve
	wants 0
	dray destroy -auto-approve
	wants 0
	[ -z "$(find state -type f 2>/dev/null)" ] || fail "records are left: $(find state -type f)"
}

# ---- watch -------------------------------------------------------------------------------

# watched TEXT: the watch in the background has printed it.
watched() {
	cat bg.out bg.err >>log 2>/dev/null || true # not there yet
	wait_for "the watch to say '$1'" grep -q -e "$1" bg.out
}
lines() { grep -c -e "$1" bg.out || true; }

# Killed, stopped by a signal: seen, repaired, and the hooks are called; what a person does is theirs.
t_watch() {
	local PROBE_TIMEOUT=60 HOOKS='[{file: watch.lua, on: [on_down, on_up]}]' before
	cat >watch.lua <<-END
		local function note(ctx, event)
			ctx:run{"sh", "-c", 'echo "\$*" >>$tmp/heard', "sh", event.event, event.state, tostring(event.repaired)}
		end
		return {on_down = note, on_up = note}
	END
	rm -f heard
	up
	start watch -every 1
	watched 'serving'
	kill -9 "$(server)"
	watched 'down: rank\[here\]'
	watched 'cause: '
	watched 'repair: rank\[here\] (.*); 1 of 3 an hour'
	watched 'repaired: in '
	watched 'serving: again, after '
	wait_for "the hooks" grep -q '^on_up serving true' heard
	[ "$(cat heard)" = "$(printf 'on_down down nil\non_up serving true')" ] || fail "the hooks heard: $(cat heard)"
	dray plan -detailed-exitcode
	wants 0
	dray history
	says ' watch  *done '
	# Without a change it says nothing, and holds no lock.
	[ "$(lines .)" = 6 ] || fail "it printed $(lines .) lines: $(cat bg.out)"
	dray stop -auto-approve
	wants 0
	watched 'stopped: it was stopped by'
	apply
	wait_for "another line" eval '[ "$(lines "serving$")" = 2 ]'
	[ "$(lines 'repair: ')" = 1 ] || fail "it repaired what was stopped on purpose"
	kill -INT "$bg"
	finish
	wants 0
	# It neither rolls out a change of the spec, nor is kept by it from a repair.
	# (The limit of the probe is that of the watch, which is to see a wedge soon, and of the repair,
	# which must not fail on a busy machine: nothing would repair what serves after all.)
	PROBE_TIMEOUT=6 spec
	start watch -every 1
	watched 'serving'
	ARGS='max-model-len: 299'
	PROBE_TIMEOUT=6 spec
	watched 'spec: cluster.yaml is not what is applied: rank\[here\] (args.max-model-len changed)'
	before=$(server)
	kill -STOP "$before"
	watched 'repaired: in '
	watched 'serving: again'
	[ "$(server)" != "$before" ] || fail "it is still the same process"
	tr '\0' ' ' <"/proc/$(server)/cmdline" | grep -q 'max-model-len 300' || fail "it rolled out the spec"
	kill -TERM "$bg"
	finish
	wants 0
	# Of a fault that is there from the start nothing is repaired but what was applied.
	kill -9 "$(server)"
	start watch -every 1 -json
	watched '"state":"no repair","text":"rank\[here\] (.*) is no repair'
	kill -HUP "$bg"
	finish
	wants 1
	python3 -c 'import json; assert [json.loads(line)["type"] for line in open("out")] == ["watch"] * 3'
	ARGS='max-model-len: 300'
	spec
	# The budget ends, and it says so.
	demands die-loading
	start watch -every 1 -budget 1
	watched 'repair failed: rank\[here\]'
	watched 'gave up: 1 repair within'
	[ "$(lines 'repair: ')" = 1 ] || fail "it repaired more often than the budget has it"
	no_demands
	apply
	watched 'serving: again, after .*, not by a repair'
	kill -INT "$bg"
	finish
	wants 0
}

# A terminal gets the page in place, anything else what has changed; the status is the last look's.
t_status_watch() {
	up
	start status -watch -every 1
	wait_for "the first block" grep -q 'SERVING' bg.out
	wait_for "the plan in it" grep -q '^last' bg.out
	dray stop -auto-approve
	wants 0
	wait_for "the last block" grep -q 'STOPPED' bg.out
	wait_for "the plan in it" grep -q '^spec .*differs' bg.out
	kill -INT "$bg"
	finish
	wants 1
	[ "$(grep -c SERVING out)" -le 2 ] || fail "it prints what has not changed"
	apply
	start status -watch -json
	wait_for "an object" grep -q '"state":"serving".*"time":"20' bg.out
	kill -TERM "$bg"
	finish
	wants 0
	[ "$(grep -c . out)" = 1 ] || fail "it is not one line"
	python3 - "$DRAY" >out 2>&1 <<-'END' || fail "on a terminal: $(cat out)"
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.environ["TERM"] = "xterm"
		    os.execv(sys.argv[1], ["dray", "status", "-watch", "-every", "1"])
		page = b""
		while page.count(b"\x1b[J") < 3:
		    page += os.read(fd, 65536)
		assert page.count(b"\x1b[2J") == 1 and page.count(b"\x1b[H") >= 3 and b"SERVING" in page, page
		os.write(fd, b"\x03")
		assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
	END
	dray status -every 3
	wants 64
	dray status -watch -f nothing.yaml
	wants 1
}

# with_systemd yes|no ARGS...: dray on a machine that systemd runs, or that it does not.
with_systemd() {
	local is=$1
	shift
	rc=0
	HAS=$is timeout 60 unshare -rm sh -c 'mkdir -p /run/systemd && mount -t tmpfs none /run/systemd || exit 99
		[ $HAS = no ] || mkdir /run/systemd/system
		exec "$@"' sh "$DRAY" "$@" >out 2>err </dev/null || rc=$?
}
t_watch_unit() {
	local unit=.config/systemd/user/dray-watch-$CLUSTER.service
	unshare -rm true 2>/dev/null || return 0 # no namespaces here
	mkdir -p '50% $x'
	spec
	cp cluster.yaml '50% $x/it.yaml'
	with_systemd no watch -install -f '50% $x/it.yaml' -budget 2
	wants 1
	says 'not run by systemd, so nothing was written'
	says "nohup .* watch -f '$tmp/50% \$x/it.yaml' -budget 2 >>"
	[ ! -e $unit ] || fail "it wrote a unit"
	with_systemd yes watch -install -f '50% $x/it.yaml' -every 45
	wants 0
	says "systemctl --user enable --now dray-watch-$CLUSTER.service"
	says 'loginctl enable-linger'
	grep -qF "watch -f \"$tmp/50%% \$\$x/it.yaml\" -every 45" $unit || fail "the unit does not start it: $(cat $unit)"
	mkdir -p .config/systemd/user/default.target.wants
	ln -s ../dray-watch-$CLUSTER.service .config/systemd/user/default.target.wants/
	with_systemd yes watch -uninstall -f '50% $x/it.yaml'
	wants 0
	says "systemctl --user stop dray-watch-$CLUSTER.service"
	[ -z "$(find .config -name 'dray-watch*')" ] || fail "the unit is still there"
	with_systemd yes watch -uninstall
	wants 1
	says 'there is no unit'
}

# ---- ask, open, exec ---------------------------------------------------------------------

t_ask() {
	up
	dray ask 'Say "hello".'
	wants 0
	# The answer alone is on stdout, with its line end, and its escape is shown, not sent.
	printf 'Nothing thinks\nin here.\\x1b[2J!\n' | cmp - out || fail "the answer is not what the model said"
	says 'first token after [0-9.]* s; 8 tokens in'
	says 'cut at the limit of tokens'
	echo 'a long question' >question
	rc=0
	timeout 120 "$DRAY" ask -max-tokens 2 -system 'Be brief.' - <question >out 2>err || rc=$?
	wants 0
	says '^Nothing thinks$'
	says '; 2 tokens in'
	dray ask
	wants 64
	# The answer is shown as it comes; Ctrl-C ends the wait for the rest.
	demands stall-stream
	start ask hello
	wait_for "the first words" grep -q 'Nothing thinks' bg.out
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	dray stop -auto-approve
	wants 0
	dray ask hello
	wants 1
	says 'it is stopped (rank\[here\]: it was stopped by'
	says "'dray apply' starts it"
	dray open
	wants 1
}

t_open() {
	local port pids='' i
	up
	start open
	wait_for "the port" grep -q '^API .*/v1' bg.out
	port=$(sed -n 's|^API  *http://127.0.0.1:\([0-9]*\)/v1.*|\1|p' bg.out)
	[ "$port" != "$PORT" ] || fail "it says the API's own port, which is taken here"
	grep -q "^try .*curl http://127.0.0.1:$port/v1/chat/completions" bg.out || fail "no curl line"
	# Connections that say nothing are in nobody's way.
	exec {idle1}<>"/dev/tcp/127.0.0.1/$port" {idle2}<>"/dev/tcp/127.0.0.1/$port"
	for i in 1 2 3 4; do
		curl -fsS -m 60 "http://127.0.0.1:$port/v1/chat/completions" -H 'Content-Type: application/json' \
			-d '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}' \
			-o "chat.$i" &
		pids="$pids $!"
	done
	for i in $pids; do wait "$i" || fail "a request through the port failed"; done
	for i in 1 2 3 4; do grep -q '"completion_tokens":3' "chat.$i" || fail "answer $i has no tokens"; done
	dray open -port "$port"
	wants 1
	says "listen on 127.0.0.1:$port: Address already in use"
	says 'choose another one with -port'
	exec {idle1}>&- {idle2}>&-
	kill -INT "$bg"
	finish
	wants 0
	! curl -fs -m 5 "http://127.0.0.1:$port/v1/models" >/dev/null || fail "the port is still open"
	dray open -port 70000
	wants 64
}

t_exec() {
	spec
	dray exec here 'echo out; echo no line end | tr -d "\n" >&2; exit 41'
	wants 41
	[ "$(cat out)" = out ] || fail "stdout is not the command's"
	printf 'no line end' | cmp - err || fail "stderr is not the command's"
	dray exec here ls -d '/a b;c'
	wants 2
	says '/a b;c'
	rc=0
	head -c 300000 "$DRAY" | timeout 120 "$DRAY" exec here sh -c 'cat; echo "$1" >&2' name "it's \$HOME" >out 2>err || rc=$?
	wants 0
	head -c 300000 "$DRAY" | cmp - out || fail "the bytes are not the same"
	[ "$(cat err)" = "it's \$HOME" ] || fail "the word is not the same"
	# A file as stdin is no pipe, and its end comes, too.
	rc=0
	timeout 120 "$DRAY" exec here wc -c <nv/query.csv >out 2>err || rc=$?
	wants 0
	[ "$(cat out)" = "$(wc -c <nv/query.csv)" ] || fail "a file as stdin is not the same"
	# Output comes while it runs, to the last byte; Ctrl-C ends the command.
	start exec here 'echo begun >&2; echo $$; exec sleep 7411'
	wait_for "its output" grep -q begun bg.err
	wait_for "its pid" test -s bg.out
	kill -0 "$(cat bg.out)" || fail "it does not run"
	kill -INT "$bg"
	finish
	wants 130
	wait_for "its end" eval '! kill -0 "$(cat bg.out)"'
	dray exec nowhere true
	wants 64
	says "no node 'nowhere'"
	dray exec
	wants 64
}

# ---- history -----------------------------------------------------------------------------

t_history() {
	local first second
	dray destroy -auto-approve
	ARGS='max-model-len: 301'
	up
	cp cluster.yaml first.yaml
	dray history
	wants 0
	says ' apply  *done '
	says '^ *create rank\[here\] (it does not exist)'
	first=$(sed -n 2p out | cut -d' ' -f1)
	ARGS='max-model-len: 302'
	up
	dray restart -auto-approve
	demands die-loading
	dray restart -auto-approve
	wants 3
	no_demands
	dray history
	says '^[0-9a-f]*  20.* restart  *partial .* not back$'
	[ "$(grep -cE '^[0-9a-f]{8}  ' out)" = 4 ] || fail "there are not four applies"
	second=$(grep -E '^[0-9a-f]{8}  .* apply ' out | sed -n '1s/ .*//p')
	says 'restart rank\[here\] (args.max-model-len changed)'
	dray history -json
	says '"has_spec": true'
	python3 -c 'import json; assert [e["command"] for e in json.load(open("out"))] == ["restart", "restart", "apply", "apply"]'
	dray history show "$first"
	wants 0
	cmp first.yaml out || fail "the spec is not the one that was applied"
	dray history show 0000
	wants 1
	says "no apply '0000' is in the history"
	# Back to the first one, by a plan that is saved and approved.
	dray plan -from "$first" -out back.plan
	wants 0
	says 'args.max-model-len'
	says "spec apply-$first"
	dray apply back.plan
	wants 0
	cp first.yaml cluster.yaml
	dray plan -detailed-exitcode
	wants 0
	# A spec that was applied elsewhere, or that the node has changed, is only shown.
	sed -i 's/max-model-len: 302/max-model-len: 303/' state/dray/"$CLUSTER"/*/history/*-"$second"*.json
	dray plan -from "$second"
	wants 1
	says 'it was not applied by you from here'
	says "dray history show $second >old.yaml"
	# Of an apply that was killed there is the beginning.
	ARGS='max-model-len: 304'
	spec
	demands slow-load=30
	start apply -auto-approve
	wait_for "the start" grep -q 'Starting' bg.out
	kill -9 "$bg"
	finish
	no_demands
	dray history
	says ' did not end '
	ARGS='max-model-len: 300'
	spec
}

# A plan back to an earlier spec has the files as they are now, and says so.
t_history_files() {
	local id
	dray destroy -auto-approve
	spec
	echo one >note.txt
	sed -i 's|engine: {|engine: {env: {NOTE: /dray/files/note.txt}, |' cluster.yaml
	echo 'files: [{from: note.txt}]' >>cluster.yaml
	apply
	dray history
	id=$(sed -n 2p out | cut -d' ' -f1)
	dray plan -from "$id"
	wants 0
	not_says 'is not the one of apply'
	echo two >note.txt
	dray plan -from "$id"
	wants 0
	says "the file 'note.txt' is not the one of apply $id: sha256:[0-9a-f]*… then, sha256:[0-9a-f]*… now"
	dray destroy -auto-approve
	spec
}

# ---- weights without a Hub ----------------------------------------------------------------

# cached COMMIT: the tiny model at that commit, in the cache as hf makes it.
cached() {
	local d=$tmp/shared/.cache/huggingface/hub/models--dray--tiny s f n=0
	s=$d/snapshots/$1
	mkdir -p "$s" "$d/blobs" "$d/refs"
	printf %s "$1" >"$d/refs/main"
	for f in "$MODEL"/*.*; do
		n=$((n + 1))
		cp "$f" "$d/blobs/b$n"
		ln -sf "../../blobs/b$n" "$s/${f##*/}"
	done
}
# hub: a Hub that refuses everything. Each request is a line of hub.log.
hub() {
	rm -f hub.port
	: >hub.log
	python3 - hub.port hub.log <<-'END' &
		import http.server, os, sys
		class Hub(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        self.send_error(503)
		    do_HEAD = do_POST = do_GET
		    def log_message(self, *_):
		        print(self.command, self.path, file=open(sys.argv[2], "a"))
		hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
		open("new.port", "w").write(str(hub.server_address[1]))
		os.rename("new.port", sys.argv[1])
		hub.serve_forever()
	END
	hub=$!
	aside $hub
	wait_for "the Hub's port" test -s hub.port
}
# from_hub REVISION: the spec takes the model from there.
from_hub() {
	spec
	sed -i "s|^model: .*|model: {repo: dray/tiny, revision: '$1', endpoint: 'http://127.0.0.1:$(cat hub.port)'}|" cluster.yaml
}
t_no_hub() {
	local commit=0123456789abcdef0123456789abcdef01234567
	dray destroy -auto-approve
	cached $commit
	hub
	from_hub $commit
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
	dray status
	[ ! -s hub.log ] || fail "the Hub was asked: $(cat hub.log)"
	# What a branch is, only the Hub knows. The cache is asked when it does not say.
	from_hub main
	dray plan -detailed-exitcode
	wants 0
	says "the Hub could not say what revision 'main' of 'dray/tiny' is (the Hub answered with status 503); the cache there says 0123456789ab and has all of it"
	grep -q '^GET /api/models/dray/tiny/revision/main' hub.log || fail "the Hub was not asked"
	kill "$hub"
	wait "$hub" || :
	dray plan -detailed-exitcode
	wants 0
	says 'the Hub cannot be reached.*; the cache there says 0123456789ab'
	# A file is gone: that is said, and nothing is done.
	rm shared/.cache/huggingface/hub/models--dray--tiny/snapshots/$commit/config.json
	from_hub $commit
	dray plan
	says "the cache does not have all of 0123456789ab: there is no config.json"
	# The same snapshot as a folder, whose links leave it.
	cached $commit
	spec
	sed -i "s|^model: .*|model: {path: $tmp/shared/.cache/huggingface/hub/models--dray--tiny/snapshots/$commit}|" cluster.yaml
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
	dray destroy -auto-approve
	wants 0
	spec
}

# ---- bench -------------------------------------------------------------------------------

t_bench() {
	local what
	up
	dray bench -concurrency 1,4,16 -svg plot.svg
	wants 0
	says '^vLLM, TP 1 × PP 1, 1 node; random prompts of 211 tokens, answers of 74$'
	says '^1 * 12.50 * 0/16 * 925.0 * 21.0 ms * 32.0 ms * 4.10 ms * 5.10 ms$'
	says '^16 * 200.00 * 0/64 * 14800.0 * 36.0 ms * 62.0 ms * 5.60 ms'
	says '^4 at a time'
	python3 - plot.svg <<-'END' || fail "the plot is not XML with its curves"
		import sys, xml.dom.minidom as m
		d = m.parse(sys.argv[1])
		assert [len(p.getAttribute("points").split()) for p in d.getElementsByTagName("polyline")] == [3, 3, 3]
	END
	dray status -v
	wants 0
	says '^bench  *14800.0 tokens/s with 16 at a time, first token after 36.0 ms (p99 62.0 ms)'
	says "^  *20..-..-.. ..:.. UTC by .*@.*: $MODEL, TP 1 × PP 1, 1 node, 211 + 74 tokens"
	dray bench -json -concurrency 2 -prompts 7 -input 20 -output 10
	wants 0
	python3 - <<-'END' || fail "not the JSON that docs/json.md describes"
		import json
		b = json.load(open("out"))
		s, = b["steps"]
		assert b["type"] == "bench" and b["input_tokens"] == 20 and b["output_tokens"] == 10
		assert s["concurrency"] == 2 and s["prompts"] == s["completed"] == 7 and s["failed"] == 0
		assert s["output_tokens_per_second"] == 250 and s["ttft_median_ms"] == 22 and s["tpot_p99_ms"] == 5.2
	END
	# What fails fails, with what the benchmark says; and what is known stays.
	demands bench-fail=3
	dray bench -concurrency 1,4
	wants 1
	says '1 at a time: 3 of 16 requests failed'
	says '^  Internal Server Error'
	not_says '^4 '
	demands bench-lacks=pandas
	dray bench
	wants 1
	says "needs the Python module 'pandas'.*pip install 'vllm\[bench\]'"
	no_demands
	dray status -v -json
	says '"output_tokens_per_second": 250'
	# Ctrl-C ends it on the node, and it never held the lock.
	demands bench-slow=7000
	start bench -concurrency 8
	wait_for "the benchmark" pgrep -f "vllm bench serve .*:$PORT "
	what=$(readlink "/proc/$(pgrep -f "vllm bench serve .*:$PORT " | tail -n 1)/cwd")
	dray restart -auto-approve
	wants 0
	kill -INT "$bg"
	finish
	wants 130
	! pgrep -f "vllm bench serve .*:$PORT " || fail "the benchmark still runs"
	[ ! -e "${what:?}" ] || fail "$what is left"
	no_demands
	# A result of other inputs is void.
	ARGS='max-model-len: 301'
	up
	dray status -v
	wants 0
	not_says '^bench '
	ARGS='max-model-len: 300'
	spec
	for what in 4,1 1,,2 1,x 0 5000; do
		dray bench -concurrency "$what"
		wants 64
	done
	dray bench -input 250 -output 100
	wants 1
	says '250 tokens of a prompt and 100 of its answer do not fit into the server.s context of 301'
	dray stop -auto-approve
	dray bench
	wants 1
	says 'the API of .* cannot be asked'
}

t_bench_key() {
	spec
	sed -i "s/^serve: {/&api_key: 'env:DRAY_TEST_KEY', /" cluster.yaml
	export DRAY_TEST_KEY=k-3141592653
	dray apply -auto-approve
	wants 0
	dray bench -concurrency 1
	wants 0
	demands bench-slow=7000
	start bench -concurrency 8
	wait_for "the benchmark" pgrep -f "vllm bench serve .*:$PORT "
	! pgrep -fa 3141592653 || fail "the key is on a command line"
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	dray destroy -auto-approve
	unset DRAY_TEST_KEY
}

# An argument names a repository: it is downloaded, too, and the engine gets its folder.
t_repos() {
	local port home=$tmp/shared/.cache/huggingface/hub old
	port=$(free_port)
	dray destroy -auto-approve
	rm -rf "$home" root
	mkdir -p root/hub/dray root/hub/acme/tok root/hub/acme/lora
	cp -r "$MODEL" root/hub/dray/tiny
	cp "$MODEL"/tokenizer*.json root/hub/acme/tok
	echo '{}' >root/hub/acme/lora/adapter_config.json
	echo weights >root/hub/acme/lora/adapter_model.safetensors
	python3 "$tests/testbed/hub.py" root 127.0.0.1 "$port" >hub.out 2>&1 &
	hub=$!
	aside $hub
	wait_for "the Hub" curl -sf "http://127.0.0.1:$port/_root"
	ARGS='tokenizer: acme/tok'
	spec
	ARGS='max-model-len: 300'
	sed -i "s|^model: .*|model: {repo: dray/tiny, endpoint: 'http://127.0.0.1:$port', extra: [{repo: acme/lora, for: lora}]}|" cluster.yaml
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
	says '^tokenizer acme/tok @ main = [0-9a-f]*  *2 files'
	says '^lora    acme/lora @ main = [0-9a-f]*  *2 files'
	pgrep -af "vllm serve .*--port $PORT" >running
	grep -q -- "--tokenizer $home/models--acme--tok/snapshots/[0-9a-f]\{40\}" running || fail "it was not given the folder: $(cat running)"
	grep -q weights "$home"/models--acme--lora/snapshots/*/adapter_model.safetensors
	# A new commit of one of them is a new folder, and the engine starts again with it.
	echo '{}' >root/hub/acme/tok/special_tokens_map.json
	dray plan -detailed-exitcode
	wants 2
	says 'repo.acme--tok\[here\] will be updated'
	says '~ extra.acme/tok'
	dray apply -auto-approve
	wants 0
	old=$(cat running)
	pgrep -af "vllm serve .*--port $PORT" >running
	[ "${old#*--tokenizer}" != "$(sed 's/.*--tokenizer//' running)" ] || fail "it has the old folder"
	kill "$hub"
	wait "$hub" || :
	dray plan -detailed-exitcode
	wants 0
	says "the Hub could not say what revision 'main' of 'acme/tok' is"
	# Part of an adapter is none, and no Hub can complete it.
	rm "$home"/models--acme--lora/snapshots/*/adapter_model.safetensors
	sed -i "s|repo: acme/lora|&, revision: $(ls "$home/models--acme--lora/snapshots")|" cluster.yaml
	dray plan
	wants 1
	says "of 'acme/lora' is not known: the Hub cannot be reached.*; and the cache does not have all of [0-9a-f]*: there is no 'adapter_model'"
	dray destroy -purge -auto-approve
	wants 0
	[ ! -e "$home/models--acme--lora" ] || fail "purge left it"
	spec
}

# ---- what died --------------------------------------------------------------------------

# The engine's other processes have a title where their environment was.
titled() { # PARENT
	local pid
	for pid in $(pgrep -P "$1" -f '^VLLM::'); do
		echo "$pid"
		titled "$pid"
	done
}
# ended PID...: those that nobody has buried count.
ended() {
	local pid
	for pid; do ! grep -qsv ') Z ' "/proc/$pid/stat" || return 1; done
}

t_first_killed() {
	local first rest pid
	up
	first=$(cat state/dray/"$CLUSTER"/*/run/rank@here/pid)
	rest=$(titled "$first")
	[ -n "$rest" ] || fail "the stand-in is no stand-in: no process with a title"
	for pid in $rest; do
		[ -z "$(tr -d '\0' <"/proc/$pid/environ")" ] || fail "$pid has an environment"
	done
	kill -9 "$first"
	dray destroy -auto-approve
	wants 0
	# shellcheck disable=SC2086
	ended $rest || fail "destroy was done while these ran:" $rest
}

# ---- other models, other schemes ---------------------------------------------------------

# other ARGS: the cluster of an engine that does what the usual stand-in does not.
other() {
	local site=other/lib/python3/dist-packages
	mkdir -p other/bin "$site/vllm-0.32.0.dist-info"
	cp "$tests/testbed/standin/other-vllm.py" other/bin/vllm
	cat >cluster.yaml <<-END
		cluster: $CLUSTER
		nodes: [{name: here, executor: local, gpus: 1}]
		shared_dir: $tmp/shared
		model: {path: $MODEL}
		parallelism: {tensor: 1, pipeline: 1}
		engine: {runtime: none, venv: $tmp/other, backend: mp, args: {$1}}
		serve: {port: $PORT, bind: 127.0.0.1, name: [tiny, tiny-too]${2-}}
		probe: {timeout: 60${3-}}
	END
}

# serving: status says so; on a busy machine an answer may come too late for one status.
is_serving() { timeout -k 5 120 "$DRAY" status >out 2>err </dev/null; }
serving() {
	wait_for "a status that says that it serves" is_serving
	says 'SERVING'
}

t_tls() {
	if ! openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=elsewhere.example.net \
		-keyout key.pem -out cert.pem 2>/dev/null; then
		echo "SKIP no openssl to make a certificate with"
		return
	fi
	# A certificate that nobody signed, for another name; and a key.
	export OTHER_KEY=secret-7
	other "ssl-certfile: $tmp/cert.pem, ssl-keyfile: $tmp/key.pem" ', api_key: "env:OTHER_KEY"'
	dray apply -auto-approve
	wants 0
	says "API   https://127.0.0.1:$PORT/v1   model 'tiny'"
	says "with --cacert and a copy of $tmp/cert.pem from here"
	dray plan -detailed-exitcode
	wants 0
	serving
	says 'SERVING'
	says "API  *https://.*answers in"
	dray ask hello
	wants 0
	[ "$(cat out)" = Hello. ] || fail "the answer is not what the model said"
	start open
	wait_for "the port" grep -q '^API .*https://127' bg.out
	grep -q '^try .*curl -k https://127.0.0.1:[0-9]*/v1/chat/completions' bg.out || fail "no curl line"
	kill -INT "$bg"
	finish
	wants 0
	for name in tiny tiny-too; do
		curl -fsSk -m 60 "https://127.0.0.1:$PORT/v1/chat/completions" -H "Authorization: Bearer $OTHER_KEY" \
			-d '{"model": "'$name'", "messages": []}' >/dev/null || fail "it has no name $name"
	done
	grep -rq secret-7 state && fail "the key is on a disk"
	dray destroy -auto-approve
	wants 0
}

t_kinds() {
	# It embeds: what it refuses is not asked again.
	other 'runner: pooling'
	dray apply -auto-approve
	wants 0
	says "curl http://127.0.0.1:$PORT/v1/embeddings "
	says '"input":"Say hello."'
	serving
	says 'SERVING'
	dray ask hello
	wants 1
	says 'the model gives no text'
	dray plan -detailed-exitcode
	wants 0
	# It only completes text.
	other 'chat-template: none'
	dray apply -auto-approve
	wants 0
	says "curl http://127.0.0.1:$PORT/v1/completions "
	dray ask hello
	wants 0
	[ "$(cat out)" = ' world.' ] || fail "the answer is not what the model said"
	# What the user names is asked, and nothing else.
	other 'chat-template: none' '' ', kind: chat'
	dray apply -auto-approve
	wants 1
	says 'the model has no chat template'
	other 'chat-template: none' '' ', kind: rerank'
	dray apply -auto-approve
	wants 1
	says 'the API answered with status 400: The model does not support Rerank'
	other 'chat-template: none' '' ', kind: none'
	dray apply -auto-approve
	wants 0
	serving
	says 'SERVING'
	dray destroy -auto-approve
	wants 0
}

# ---- what the engine's parser refuses ------------------------------------------------------

# reading HOW: the engine that a plan finds counts in parsed how often its parser is asked; HOW is
# what it does then.
reading() {
	mkdir -p reads/bin
	cp -r "$CACHE/standin/venv/lib" reads/ 2>/dev/null || true
	printf '#!/bin/sh\necho read >>%s/parsed\n%s\nexec %s/standin/venv/bin/vllm "$@"\n' "$tmp" "$1" "$CACHE" >reads/bin/vllm
	chmod +x reads/bin/vllm
	spec
	sed -i "s|venv: [^,]*|venv: $tmp/reads|" cluster.yaml
}
parsed() { grep -c . parsed || true; }
t_options() {
	local i before pids
	dray destroy -auto-approve
	rm -f parsed
	ARGS='no-such-thing: 1'
	reading :
	for i in 1 2 3; do
		dray plan
		wants 1
		says 'refuses this: there is no option --no-such-thing'
	done
	[ "$(parsed)" = 1 ] || fail "the parser was asked $(parsed) times by three plans"
	dray apply -auto-approve
	wants 1
	says 'refuses this: there is no option --no-such-thing'
	[ "$(parsed)" = 1 ] || fail "the parser was asked by an apply after the plans"
	ARGS='max-model-len: 300'
	reading :
	dray plan
	wants 0
	not_says 'has not said'
	[ "$(parsed)" = 2 ] || fail "other arguments: the parser was asked $(parsed) times"
	# One that crashes says nothing about the options: that is said, each time.
	reading 'echo "ImportError: no torch" >&2; exit 1'
	ARGS='max-model-len: 301'
	reading 'echo "ImportError: no torch" >&2; exit 1'
	for i in 1 2; do
		dray plan
		wants 0
		says "has not said whether it knows 'engine.args': status 1: ImportError: no torch"
	done
	[ "$(parsed)" = 4 ] || fail "no verdict: the parser was asked $(parsed) times"
	# One that starts a server instead does not outlive the plan that asked.
	reading "sleep 7431 & echo \$! \$\$ >$tmp/pids; trap '' TERM HUP; wait; sleep 7431"
	start plan
	wait_for "the server" test -s pids
	kill -9 "$bg"
	finish
	pids=$(cat pids)
	# shellcheck disable=SC2086
	wait_for "its end" ended $pids
	ARGS='max-model-len: 300'
	spec
}

# What a start printed of its memory is kept in the record: explain shows it beside what was said.
t_measured() {
	up
	dray explain layout
	wants 0
	not_says 'last start'
	demands 'memory=61.50+40.25'
	yes_restart
	grep -rqs '"memory":{"weights":61.5' "$tmp/state" || fail "the record has no memory"
	dray explain layout
	says 'last start'
	says '61[.]5'
	says '40[.]2'
	dray explain layout -json
	says '"measured":{[^}]*"weight_bytes":66035122176,"kv_cache_bytes":43218108416'
	# The next start counts, also for arguments that were not there.
	demands 'memory=60.00+41.00'
	ARGS='max-model-len: 200'
	spec
	yes_restart
	dray explain layout
	says '60[.]00 GiB had'
	says '41[.]00 GiB had'
	not_says '61[.]5'
	ARGS='max-model-len: 300'
	no_demands
}
yes_restart() {
	dray apply -auto-approve -replace 'rank[here]'
	wants 0
	dray plan -detailed-exitcode
	wants 0
}

check "restart restarts the engine, after approval" t_restart
check "what the engine printed of its memory is shown beside what was said" t_measured
check "stop ends the engine, apply brings it back" t_stop
check "status -watch shows what changes" t_status_watch
check "the parser of the engine is asked once" t_options
check "watch as a unit of systemd" t_watch_unit
check "watch repairs what was applied" t_watch
check "ask streams an answer" t_ask
check "open gives a local port to the API" t_open
check "exec runs a command" t_exec
check "bench measures the API that runs" t_bench
check "bench hands over the API's key" t_bench_key
check "TLS, a key and two names" t_tls
check "models that do not chat" t_kinds
check "history lists applies, and a plan goes back to one" t_history
check "a plan back to an earlier apply says which files are others now" t_history_files
check "what the cache has whole needs no Hub" t_no_hub
check "what an argument names as a repository is downloaded" t_repos
if [ -n "${SOAK-}" ]; then
	# shellcheck source=soak.sh
	. "$tests/soak.sh"
	check "soak: a busy engine is not one that hangs" t_soak
fi
check "destroy ends what outlives the engine's first process" t_first_killed
echo "here: $passed passed, $failed failed"
[ "$failed" = 0 ]
