#!/bin/bash
# run.sh VENV [WORK] - all commands on one machine with GPUs, with assertions: the real vLLM
# of the virtual environment VENV, the local executor, no containers, a layout that
# `parallelism: auto` chooses; from `dray discover` to `dray destroy`. WORK keeps specs and
# logs.
#	MODEL   a model directory to serve; without it one with random weights is made
#	ENGINE_ENV  more for the engine's environment, as "NAME: VALUE, ..."
#	ARGS    more arguments of vllm serve, as "KEY: VALUE, ..."
#	PORT    of the API, 8000
set -eEu
here=$(cd "$(dirname "$0")" && pwd)
DRAY=${DRAY:-$here/../../build/dray}
[ -x "${1:-}/bin/vllm" ] || { echo "usage: run.sh VENV [WORK]: no vllm in '${1:-}/bin'" >&2; exit 1; }
VENV=$1 WORK=${2:-${TMPDIR:-/tmp}/dray-gpu} PORT=${PORT:-8000}
mkdir -p "$WORK/shared"
cd "$WORK"
export XDG_STATE_HOME=$WORK/state XDG_CACHE_HOME=${XDG_CACHE_HOME:-$WORK/cache}
MODEL=${MODEL:-$WORK/model}
count=$(nvidia-smi --query-gpu=index --format=csv,noheader | wc -l)
[ "$count" -gt 0 ] || { echo "no GPUs here" >&2; exit 1; }
passed=0 n=0 up=

fail() { echo "not ok: $*"; echo "$passed passed, 1 failed"; exit 1; }
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
# What a failed run has started is removed again; its log stays.
leave() {
	cp "$XDG_STATE_HOME"/dray/gpu/*/run/rank*/log "$WORK/rank.log" 2>/dev/null || :
	[ -z "$up" ] || "$DRAY" destroy -auto-approve >"$WORK/leave.out" 2>&1 || :
}
trap leave EXIT
ok() { passed=$((passed + 1)); echo "ok $*"; }

# dray ARGS...: sets $rc, writes the output to the file $out, and prints how long it took.
dray() {
	local start=${EPOCHREALTIME/./}
	n=$((n + 1)) rc=0 out=$WORK/$(printf '%02d-%s.out' $n "$1")
	timeout 400 "$DRAY" "$@" >"$out" 2>&1 </dev/null || rc=$?
	printf '$ dray %s -> %d in %d ms\n' "$*" $rc $(((${EPOCHREALTIME/./} - start) / 1000))
}
wants() { [ "$rc" = "$1" ] || { tail -n 40 "$out"; fail "dray ended with $rc, not $1"; }; }
says() { grep -q -- "$1" "$out" || { cat "$out"; fail "dray did not say: $1"; }; }

spec() { # MAX-MODEL-LEN
	cat >cluster.yaml <<-EOF
	cluster: gpu
	nodes: [{name: here, executor: local}]
	shared_dir: $WORK/shared
	model: {path: $MODEL}
	parallelism: auto
	engine:
	  runtime: none
	  venv: $VENV
	  env: {${ENGINE_ENV:-}}
	  args: {max-model-len: $1${ARGS:+, $ARGS}}
	serve: {port: $PORT, bind: 127.0.0.1, name: random}
	EOF
}
chat() {
	curl -fsS -m 60 "http://127.0.0.1:$PORT/v1/chat/completions" -H 'Content-Type: application/json' \
		-d '{"model": "random", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 16}' >chat.json ||
		fail "no answer"
	grep -q '"completion_tokens":[1-9]' chat.json || fail "no chat completion: $(cat chat.json)"
}
idle() {
	dray plan -detailed-exitcode
	wants 0
	says 'No changes'
}
# words /proc/PID: its command line; field N /proc/PID: a field of its state, after the name.
words() { { tr '\0' ' ' <"$1/cmdline" | sed 's/ *$//'; } 2>/dev/null; }
field() { { sed 's/.*) //' "$2/stat" | cut -d' ' -f"$1"; } 2>/dev/null; }
# The process of ours that answers: its pid and its start time, without the help of dray.
server() {
	local p cmd
	for p in /proc/[0-9]*; do
		cmd=$(words "$p") || continue
		case $cmd in *"/vllm serve $MODEL "*) ;; *) continue ;; esac
		echo "${p#/proc/}@$(field 20 "$p")"
	done | sort -t@ -k2n | head -n 1
}
# comes_from PID CHILD: is CHILD a child of PID, or of one of its children?
comes_from() {
	local p=$2
	while [ "${p:-1}" -gt 1 ]; do
		[ "$p" != "$1" ] || return 0
		p=$(field 2 "/proc/$p")
	done
	return 1
}
memory() { nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits | tr '\n' ' '; }

if ! [ -s "$MODEL/config.json" ]; then
	"$VENV/bin/python" "$here/model.py" "$MODEL" >model.log 2>&1 || { tail -n 20 model.log; fail "no model"; }
fi
free=$(memory)
echo "$count GPUs, $free MiB in use"

spec 4096
dray discover
wants 0
[ "$(grep -cF "$(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)" "$out")" -ge "$count" ] ||
	fail "not all GPUs in discover"
dray discover -json
wants 0
nvidia-smi --query-gpu=uuid --format=csv,noheader | while read -r uuid; do
	grep -qF "$uuid" "$out" || fail "no $uuid in discover -json"
done
ok "discover knows the GPUs"

dray explain layout
wants 0
says "TP $count × PP 1 over 1 node.*chosen"
ok "auto takes TP $count"
dray plan -detailed-exitcode
wants 2
says "TP $count × PP 1"
up=1
dray apply -auto-approve
wants 0
chat
echo "while it serves: $(memory)MiB; $(sed 's/.*"content":"\([^"]*\)".*/\1/; s/\\n/ /g' chat.json)"
nvidia-smi --query-compute-apps=pid,used_memory,name --format=csv,noheader
tr '\0' ' ' <"/proc/$(server | cut -d@ -f1)/cmdline" | grep -q -- "--tensor-parallel-size $count " ||
	fail "the server has not TP $count"
ok "from nothing to a chat completion"
first=$(server)
idle
dray apply -auto-approve
wants 0
says 'No changes'
[ "$(server)" = "$first" ] || fail "an apply without changes restarted the server"
ok "nothing to do the second time"
dray status
wants 0

spec 2048
dray plan -detailed-exitcode
wants 2
says 'args.max-model-len = 4096 -> 2048'
dray apply -auto-approve
wants 0
chat
idle
[ "$(server)" != "$first" ] || fail "a changed argument did not restart the server"
curl -fsS -m 20 "http://127.0.0.1:$PORT/v1/models" | grep -q '"max_model_len":2048' || fail "not the new length"
ok "a changed argument restarts the server"

# The last of vLLM's own worker processes; its command line is a title. With one GPU there may
# be none except the engine.
first=$(server)
worker=
for p in /proc/[0-9]*; do
	name=$(words "$p")
	case $name in VLLM::Worker* | VLLM::Engine*) ;; *) continue ;; esac
	comes_from "${first%@*}" "${p#/proc/}" || continue
	[[ ${worker#* } > $name ]] || worker="${p#/proc/} $name"
done
[ -n "$worker" ] || fail "no worker process"
echo "killing $worker"
kill -9 "${worker%% *}"
died=$SECONDS rc=0
until dray plan -detailed-exitcode; [ "$rc" = 2 ]; do
	[ $((SECONDS - died)) -lt 60 ] || fail "dray does not see that a worker was killed"
	sleep 1
done
echo "seen after $((SECONDS - died)) s"
grep -E '^ *(#|[-~+])|^Plan' "$out"
says 'rank\[here\] will be'
dray apply -auto-approve
wants 0
says 'first failure'
grep -E 'failure|log until' "$out"
chat
idle
[ "$(server)" != "$first" ] || fail "the old server still answers"
ok "a killed worker is seen and mended"

cp "$XDG_STATE_HOME"/dray/gpu/*/run/rank*/log rank.log
dray destroy -auto-approve
wants 0
up=
[ -z "$(server)" ] || fail "the server is still there"
! ls "$XDG_STATE_HOME"/dray/gpu/*/steps/* 2>/dev/null || fail "records are left"
echo "at the end: $(memory)MiB in use"
[ "$(memory)" = "$free" ] || fail "the GPUs have $(memory)MiB in use, not $free"
ok "destroy leaves nothing"
echo "$passed passed, 0 failed"
