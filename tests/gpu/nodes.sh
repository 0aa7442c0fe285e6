#!/bin/bash
# nodes.sh VENV|standin [WORK] - the whole story over two nodes, with assertions: nodes that are
# namespaces of this machine (namespaces.sh), the vLLM of the virtual environment VENV or the
# stand-in engine, no containers, backend mp. WORK keeps specs and logs. Needs root and `ip`.
# With two cards or more each node has one of them; a single one is shared.
#	ONLY    a regular expression: chapters of that name
#	MODEL   a model directory to serve; without it one with random weights is made
#	ENGINE_ENV  more for the engine's environment, as "NAME: VALUE, ..."
#	ARGS    more arguments of vllm serve, as "KEY: VALUE, ..."
#	CARDS   1: share one card although there are two
#	KEEP    1: leave the nodes up
set -u
here=$(cd "$(dirname "$0")" && pwd)
tests=$here/..
DRAY=$(realpath "${DRAY:-$tests/../build/dray}")
VENV=${1:-} WORK=${2:-${TMPDIR:-/tmp}/dray-nodes}
PATH=$PATH:/usr/sbin:/sbin
passed=0 failed=0 skipped=0

cant() {
	echo "SKIP nodes: $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
usage() { echo "usage: nodes.sh VENV|standin [WORK]: $1" >&2; exit 1; }
[ "$VENV" = standin ] || [ -x "$VENV/bin/vllm" ] || usage "no vllm in '$VENV/bin'"
[ "$(id -u)" = 0 ] || cant "namespaces take root"
for tool in ip nsenter unshare setsid curl; do
	command -v $tool >/dev/null || cant "no $tool"
done
unshare --mount --uts --ipc --net --pid --fork true 2>/dev/null || cant "no namespaces here"
mkdir -p "$WORK/shared/.cache/huggingface"
WORK=$(realpath "$WORK")
cd "$WORK" || exit 1
rm -rf n1 n2 chapters [0-9]*.out count
mkdir chapters
echo 256 >length
# shellcheck source=namespaces.sh
. "$here/namespaces.sh"
CACHE=${DRAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dray-testbed}
export XDG_STATE_HOME=$WORK/state XDG_CACHE_HOME=${XDG_CACHE_HOME:-$WORK/cache} NO_COLOR=1

# ---- what runs on the nodes ------------------------------------------------------------

# Its program, its model, and an nvidia-smi that knows one GPU a node. On n1 there is no ss, as
# on many a machine with GPUs.
standin_engine() {
	local n
	DRAY_CACHE=$CACHE "$tests/testbed/standin/build.sh" >build.log 2>&1 ||
		cant "the stand-in cannot be built: $(tail -n 1 build.log)"
	VENV=$CACHE/standin/venv MODEL=$CACHE/standin/hub/dray/tiny CARDS=0
	NODE_PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	for n in 1 2; do
		mkdir -p n$n/local/bin n$n/local/lib/nvidia-smi
		cp "$tests/testbed/nvidia-smi" n$n/local/bin/
		head -n 2 "$tests/fixtures/nvidia-h200-x2/query.csv" | sed "s/GPU-[0-9a-f]\{8\}/GPU-0000000$n/" \
			>n$n/local/lib/nvidia-smi/query.csv
		echo 'pid, process_name, gpu_uuid, used_gpu_memory [MiB]' >n$n/local/lib/nvidia-smi/compute-apps.csv
	done
	realpath "$(command -v ss)" >n1/without
}
real_engine() {
	cards=$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null | wc -l)
	[ "$cards" -gt 0 ] || { echo "no GPUs here" >&2; exit 1; }
	[ "$cards" -lt 2 ] || [ "${CARDS:-2}" = 1 ] || cards=2
	CARDS=${CARDS:-$cards} NODE_PATH=$VENV/bin:$PATH MODEL=${MODEL:-$WORK/model}
	[ -s "$MODEL/config.json" ] || "$VENV/bin/python" "$here/model.py" "$MODEL" >model.log 2>&1 ||
		{ tail -n 20 model.log; exit 1; }
}
STANDIN=''
if [ "$VENV" = standin ]; then
	STANDIN=yes
	standin_engine
else
	real_engine
fi
printf '%s\n' "$WORK" "$VENV" "$MODEL" >keep

cat >node.lua <<EOF
-- A node is a set of namespaces; its label says which.
return {
	connect = function(node)
		return {"bash", "$here/namespaces.sh", "enter", "$WORK", node.labels.number,
			"env", "-i", "HOME=" .. node.labels.home, "USER=root", "PATH=$NODE_PATH",
			"LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}", "sh"}
	end,
}
EOF

# spec [PARALLELISM]: cluster.yaml. On one card each rank takes less than half of it, and NCCL must not find it twice.
spec() {
	local n args more=${ARGS:-} env=${ENGINE_ENV:-}
	args="max-model-len: $(cat length)"
	[ -n "$STANDIN" ] || args="$args, enforce-eager: true"
	[ "$CARDS" != 1 ] || args="$args, gpu-memory-utilization: 0.4"
	{
		echo "cluster: two"
		echo "nodes:"
		for n in 1 2; do
			echo "  - host: $NET.$n"
			echo "    name: n$n"
			echo "    executor: node.lua"
			echo "    labels: {number: '$n', home: $WORK/n$n/home}"
			[ "$CARDS" != 1 ] || echo "    env: {NCCL_HOSTID: n$n}"
		done
		echo "shared_dir: $WORK/shared"
		echo "model: {path: $MODEL}"
		echo "parallelism: ${1:-{tensor: 1, pipeline: 2\}}"
		printf 'engine:\n  runtime: none\n  backend: %s\n  venv: %s\n' "${BACKEND:-mp}" "$VENV"
		echo "  env: {NCCL_DEBUG: INFO${env:+, $env}}"
		echo "  args: {$args${more:+, $more}}"
		echo "serve: {port: 8000, name: random}"
		echo "probe: {timeout: $([ -n "$STANDIN" ] && echo 5 || echo 60)}"
	} >cluster.yaml
}
other_args() { # a length that no chapter had before
	echo $(($(cat length) + 1)) >length
	spec
}

# ---- dray and the nodes ----------------------------------------------------------------

fail() {
	echo "$*" >why
	exit 1
}
ok() { echo "ok $*" | tee -a said; }
skip() { echo "SKIP $*" | tee -a said; }

next() { # NAME: the next file for what dray prints, in $out
	local n
	n=$(($(cat count 2>/dev/null || echo 0) + 1))
	echo $n >count
	out=$WORK/$(printf '%02d-%s.out' $n "$1")
}
# dray ARGS...: sets $rc, writes the output to the file $out, and prints how long it took.
dray() {
	local start=${EPOCHREALTIME/./}
	next "$1"
	rc=0
	timeout -k 5 "${LIMIT:-200}" "$DRAY" "$@" >"$out" 2>&1 </dev/null || rc=$?
	printf '$ dray %s -> %d in %d ms (%s)\n' "$*" $rc $(((${EPOCHREALTIME/./} - start) / 1000)) "${out##*/}"
}
wants() { [ "$rc" = "$1" ] || { tail -n 40 "$out"; fail "dray ended with $rc, not $1"; }; }
says() { grep -q -- "$1" "$out" || { cat "$out"; fail "dray did not say: $1"; }; }
idle() {
	dray plan -detailed-exitcode
	wants 0
	says 'No changes'
	! grep 'the lock is held' "$out" || fail "the lock outlived the apply"
}
# apply: must converge, and the plan after it must be empty. A step that outlived its dray
# may hold the lock for a while.
apply() {
	local end=$((SECONDS + 90))
	dray apply -auto-approve
	# Nor is it free of a process of the engine that was killed and is not yet buried.
	while [ "$rc" = 4 ] || grep -q 'GPU memory is held by' "$out" && [ "$rc" = 1 ]; do
		[ $SECONDS -le $end ] || break
		sleep 0.5
		dray apply -auto-approve
	done
	wants 0
	idle
}
start_apply() { # in the background; pid in $bg
	next apply
	"$DRAY" apply -auto-approve >"$out" 2>&1 </dev/null &
	bg=$!
}
# ends SECONDS: does it end by itself? Its status is in $rc.
ends() {
	local end=$((SECONDS + $1))
	while kill -0 "$bg" 2>/dev/null; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.1
	done
	rc=0
	wait "$bg" || rc=$?
	echo "the apply ended with $rc"
}
wait_for() { # SECONDS WHAT CMD...
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || fail "waited in vain for $what"
		sleep 0.1
	done
}
chat() { # [SECONDS]
	on 1 curl -fsS -m "${1:-60}" "http://$NET.1:8000/v1/chat/completions" -H 'Content-Type: application/json' \
		-d '{"model": "random", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 16}' \
		>chat.json 2>chat.err && grep -q '"completion_tokens":[1-9]' chat.json
}
answers() { chat || fail "no chat completion: $(head -c 300 chat.json chat.err)"; }
hangs() { ! chat 6 || fail "a completion came all the same"; }

# engine N: print a line "PID@START TITLE" for each process of the engine on node N, oldest
# first, without the help of dray.
engine() {
	# shellcheck disable=SC2016
	on "$1" sh -c 'for p in /proc/[0-9]*; do
		title=$(tr "\0" "\n" 2>/dev/null <"$p/cmdline" | head -n 3 | tr "\n" " ")
		case $title in
		VLLM::* | "vllm serve "* | */vllm" serve "*) ;;
		*) continue ;;
		esac
		read -r line 2>/dev/null <"$p/stat" && set -- ${line##*) } && echo "${p#/proc/}@${20} $title"
	done' | sort -t@ -k2n
}
rank() { engine "$1" | head -n 1 | cut -d' ' -f1; }
ranks() { echo "n1 $(rank 1) n2 $(rank 2)"; }
all_new() { # RANKS: wait until none of them is there
	local n old
	for n in 1 2; do
		old=$(cut -d' ' -f$((2 * n)) <<<"$1")
		[ "$(rank $n)" != "$old" ] || fail "the rank of n$n is the old one"
	done
}
# The process whose loss is hardest to see: vLLM's worker, or the rank if there is none.
worker() { engine "$1" | { grep VLLM::Worker || engine "$1"; } | head -n 1 | cut -d@ -f1; }
memory() { [ -n "$STANDIN" ] || nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits | tr '\n' ' '; }
rank_log() { cat "$WORK/n$1"/home/.local/state/dray/two/*/run/rank*/log; }

# shellcheck source=chapters.sh
. "$here/chapters.sh"

# chapter NAME FUNCTION
chapter() {
	local name=$1 fn=$2 start=$SECONDS status
	[ -z "${ONLY:-}" ] || [[ $name =~ $ONLY ]] || return 0
	rm -f said why
	touch said
	# Not in a condition: that would switch -e off inside.
	(
		set -eEu
		trap '[ -e why ] || echo "${FUNCNAME[0]:-} line $LINENO: $BASH_COMMAND" >why' ERR
		"$fn"
	) >"chapters/$fn.log" 2>&1
	status=$?
	cat said
	passed=$((passed + $(grep -c '^ok ' said)))
	skipped=$((skipped + $(grep -c '^SKIP ' said)))
	if [ $status != 0 ]; then
		failed=$((failed + 1))
		echo "not ok $name: $(cat why 2>/dev/null || echo "ended with $status")"
		tail -n "${TAIL:-30}" "chapters/$fn.log" | sed 's/^/    /'
		rm -f "$DEMANDS"
		node_cable 2 up
	fi
	echo "# $name took $((SECONDS - start)) s"
}
card_up() { # N: a node with its card, or with the one that both share
	if [ "$CARDS" = 2 ]; then node_up "$1" $(($1 - 1))
	elif [ "${cards:-1}" -gt 1 ]; then node_up "$1" 0
	else node_up "$1"; fi
}
leave() {
	trap - EXIT INT TERM
	[ -z "${KEEP:-}" ] || return 0
	rank_log 1 >rank-n1.log 2>/dev/null
	rank_log 2 >rank-n2.log 2>/dev/null
	nodes_end
	[ ! -e made-id ] || rm -f /etc/machine-id made-id
}
trap 'leave; exit 130' INT TERM
trap leave EXIT

DEMANDS=$WORK/shared/.cache/huggingface/standin
began=$SECONDS
[ -e /etc/machine-id ] || { touch made-id; : >/etc/machine-id; }
if ! nodes_join || ! card_up 1 || ! card_up 2; then
	echo "not ok two nodes come up"
	echo "0 passed, 1 failed"
	exit 1
fi
memory >free
[ -n "$STANDIN" ] || echo "# $CARDS card(s), $(cat free)MiB in use"

chapter discover t_discover
chapter layout t_layout
chapter apply t_apply
chapter argument t_argument
chapter options t_options
chapter killed t_killed
chapter wedge t_wedge
chapter cable t_cable
chapter guard t_guard
chapter lost t_lost
chapter session t_session
chapter tensor t_tensor
chapter auto t_auto
chapter data t_data
chapter ray t_ray
chapter destroy t_destroy

leave
left=$(namespaces_left)
if [ -z "$left" ]; then
	passed=$((passed + 1))
	echo "ok the nodes leave no process, mount or namespace"
else
	failed=$((failed + 1))
	echo "not ok the nodes leave: $left"
fi
echo "nodes took $((SECONDS - began)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
