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
-- A node is the namespaces of the process that its label names.
return {
	connect = function(node)
		return {"nsenter", "--mount", "--uts", "--ipc", "--net", "--pid", "--target", node.labels.pid,
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
			echo "    labels: {pid: '$(node_pid $n)', home: $WORK/n$n/home}"
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

# ---- the chapters -----------------------------------------------------------------------

up() { # the start of most chapters; cheap when it is there
	spec
	dray apply -auto-approve
	wants 0
}

t_discover() {
	local n uuid
	spec
	dray discover
	wants 0
	says 'n1 '
	says 'n2 '
	says 'H200\|NVIDIA'
	dray discover -json
	wants 0
	for n in 1 2; do
		uuid=$(on $n nvidia-smi --query-gpu=uuid --format=csv,noheader) || fail "no nvidia-smi on n$n"
		[ "$(wc -l <<<"$uuid")" = 1 ] || [ "$CARDS" = 1 ] || fail "n$n sees other cards: $uuid"
		while read -r one; do says "$one"; done <<<"$uuid"
		says "\"$(cat n$n/machine-id)\""
		says "\"$NET.$n\""
	done
	ok "discover: each node its own GPU, machine and address"
}

t_layout() {
	spec
	dray explain layout
	wants 0
	says 'TP 1 × PP 2 over 2 nodes'
	dray plan -detailed-exitcode
	wants 2
	says 'rank\[n1\] will be created'
	says 'rank\[n2\] will be created'
	ok "layout and plan: PP 2 over both nodes"
	spec '{tensor: 2, pipeline: 1}'
	dray explain layout
	says 'TP 2 × PP 1 over 2 nodes'
	ok "layout: TP 2 over both nodes, and what it says of that"
}

t_apply() {
	local n before
	spec
	apply
	answers
	ok "from nothing to a chat completion, then nothing to do"
	grep -q "NCCL talks over TCP sockets: eth0:$NET.1" "$WORK"/*-apply.out ||
		fail "the apply does not report the transport"
	ok "the apply reports how NCCL talks, and by which interface"
	before=$(ranks)
	for n in 1 2; do
		[ -n "$(rank $n)" ] || fail "no rank on n$n"
		on $n cat "/proc/$(rank $n | cut -d@ -f1)/environ" | tr '\0' '\n' >env-n$n
		grep -qx "VLLM_HOST_IP=$NET.$n" env-n$n || fail "n$n announces another address"
		grep -qx 'NCCL_SOCKET_IFNAME==\?eth0' env-n$n || fail "n$n: NCCL is not told eth0"
		grep -qx 'GLOO_SOCKET_IFNAME=eth0' env-n$n || fail "n$n: Gloo is not told eth0"
	done
	ok "each rank is told its address and the interface between the nodes"
	dray apply -auto-approve
	wants 0
	says 'No changes'
	[ "$(ranks)" = "$before" ] || fail "an apply without changes restarted something"
	dray status
	wants 0
	ok "nothing to do the second time; status agrees"
	[ -n "$STANDIN" ] || transport
}
# Which transport NCCL used, according to its own log.
transport() {
	rank_log 1 >nccl.log
	grep -oE 'via (NET/[A-Za-z]+|P2P/[A-Za-z]+|SHM)[^ ]*' nccl.log | sort | uniq -c
	grep -q 'via NET/Socket' nccl.log || fail "NCCL's log names no sockets between the nodes"
	! grep -qE 'via (P2P|SHM)' nccl.log || fail "NCCL takes the nodes for one machine"
	grep -q 'NET/Socket : Using.*]eth0:' nccl.log || fail "NCCL does not use eth0"
	ok "NCCL goes over sockets of eth0, as there is nothing better"
}

t_argument() {
	local before
	up
	before=$(ranks)
	other_args
	dray plan -detailed-exitcode
	wants 2
	says "args.max-model-len = .* -> $(cat length)"
	apply
	answers
	all_new "$before"
	on 1 curl -fsS -m 20 "http://$NET.1:8000/v1/models" | grep -q "\"max_model_len\":$(cat length)" ||
		fail "not the new length"
	ok "a changed argument restarts both ranks, and takes"
}

# The engine's own parser reads the options before anything is stopped.
t_options() {
	local before more=${ARGS:+$ARGS, }
	up
	before=$(ranks)
	ARGS="${more}max-modl-len: 7, dtype: flot16" spec
	for command in plan 'apply -auto-approve'; do
		# shellcheck disable=SC2086
		dray $command
		wants 1
		says 'cluster.yaml:[0-9]*:[0-9]*: error: vllm serve refuses this: there is no option --max-modl-len'
		says 'cluster.yaml:[0-9]*:[0-9]*: error: vllm serve refuses this: argument --dtype: .*flot16'
	done
	ok "a misspelt option and a wrong choice are refused, by the engine"
	ARGS="${more}chat-template: /no/such/file" spec
	dray plan
	wants 1
	says "on 'n1' there is no '/no/such/file' where vllm serve will look for it"
	ok "a file that is not there is refused"
	[ "$(ranks)" = "$before" ] || fail "a rank is another one"
	answers
	spec
	idle
	ok "nothing was stopped for that"
}

# Run plans until one sees it.
seen() { # SECONDS
	local start=$SECONDS
	until dray plan -detailed-exitcode; [ "$rc" = 2 ]; do
		[ $((SECONDS - start)) -lt "$1" ] || fail "dray does not see it"
		sleep 1
	done
	echo "seen after $((SECONDS - start)) s"
}
t_killed() {
	local before pid
	up
	before=$(ranks)
	pid=$(worker 2)
	[ -n "$pid" ] || fail "n2 has no worker"
	on 2 kill -9 "$pid"
	seen 60
	says 'rank\[n1\]'
	says 'rank\[n2\]'
	apply
	answers
	all_new "$before"
	ok "a killed rank is seen and mended"
}

# Completions hang and nothing has ended: a stopped worker, or what the stand-in does instead.
t_wedge() {
	local pid=
	up
	if [ -n "$STANDIN" ]; then
		echo "wedge=$(cut -d' ' -f1 /proc/uptime)" >"$DEMANDS"
	else
		pid=$(worker 2)
		on 2 kill -STOP "$pid"
	fi
	hangs
	ok "a wedge: completions hang, /health says $(on 1 curl -s -m 5 -o /dev/null -w '%{http_code}' "http://$NET.1:8000/health")"
	dray status
	wants 1
	says HANGS
	ok "status sees the wedge"
	dray plan -detailed-exitcode
	wants 2
	says 'a completion hangs'
	ok "plan offers to mend the wedge"
	dray apply -auto-approve
	rm -f "$DEMANDS"
	wants 0
	idle
	answers
	ok "apply mends the wedge, stopped processes included"
}

t_cable() {
	local before
	up
	before=$(ranks)
	node_cable 2 down
	if [ -z "$STANDIN" ]; then hangs; fi
	dray plan -detailed-exitcode
	grep -iE 'reach|warning|error' "$out" || :
	grep -qi 'reach' "$out" || fail "plan says nothing of nodes that do not reach each other"
	ok "the cable pulled: plan says that the nodes do not reach each other (exit $rc)"
	dray status
	node_cable 2 up
	answers
	idle
	[ "$(ranks)" = "$before" ] || fail "something was restarted"
	ok "the cable back: the same ranks answer, nothing to do"
}

# A rank dies while the first one waits for it: the guard must notice.
t_guard() {
	local start
	restart_until_waiting
	on 2 kill -9 "$(rank 2 | cut -d@ -f1)"
	start=$SECONDS
	ends 45 || { kill -9 "$bg"; fail "the apply waits for a dead rank"; }
	wants 3
	says 'n2: rank\[n2\] ended with status 137'
	rm -f "$DEMANDS"
	ok "a rank that dies while the others wait ends the apply, in $((SECONDS - start)) s"
	apply
	answers
	ok "the next apply mends it"
}

# refused WHAT SAYS NEXT: how an apply ends that waits for a node that is gone.
refused() {
	local start=$SECONDS
	ends 150 || { kill -9 "$bg"; fail "$1: the apply waits for ever"; }
	wants 3
	says "$2"
	says "$3"
	ok "$1 ends the apply, in $((SECONDS - start)) s"
}
# restart_until_waiting: an apply in the background, up to where rank 0 waits for rank 1.
restart_until_waiting() {
	local first second
	up
	other_args
	[ -z "$STANDIN" ] || echo "rank-silent@$NET.2" >"$DEMANDS"
	first=$(rank 1) second=$(rank 2)
	start_apply
	wait_for 60 "the new rank on n2" new_rank 2 "$second"
	wait_for 60 "the new rank on n1" new_rank 1 "$first"
	sleep 2
}
new_rank() { local now; now=$(rank "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }

# The node is gone while the first rank waits for it.
t_lost() {
	restart_until_waiting
	node_down 2
	refused "a node lost while ranks start" \
		'n2: the connection was lost while rank\[n1\] waited for this node' \
		"dray apply, when 'n2' is back; without it: .*-forget n2"
	rm -f "$DEMANDS"
	card_up 2
	spec
	apply
	answers
	ok "the node is back: the next apply serves again"
}
# The node is there, but the rank and the connection to it are gone.
t_session() {
	restart_until_waiting
	# shellcheck disable=SC2016
	on 2 sh -c 'for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -9 $p; done' || :
	refused "a rank that dies together with the connection" 'n2: rank\[n2\] is gone' 'dray plan\|dray apply'
	# vLLM's own first rank may end of it before the guard hears of the connection.
	[ -z "$STANDIN" ] || says 'n2: the connection was lost .*connecting again'
	rm -f "$DEMANDS"
	on 2 sh -c 'rm -rf /dev/shm/dray.*' # of the shell that was killed
	apply
	answers
	ok "after the lost connection the next apply serves again"
}

t_tensor() {
	spec '{tensor: 2, pipeline: 1}'
	apply
	answers
	[ -n "$STANDIN" ] || transport
	ok "TP 2 over both nodes serves"
}
t_auto() {
	spec auto
	dray explain layout
	wants 0
	grep -E 'chosen' "$out" || fail "auto chose nothing"
	apply
	answers
	ok "auto: $(grep -ohE 'TP [0-9]+ × PP [0-9]+ over [0-9]+ nodes?, mp \(chosen' "$WORK"/*-explain.out | tail -n 1 | cut -d, -f1)"
}
t_data() {
	spec '{tensor: 1, pipeline: 1, data: 2}'
	apply
	answers
	[[ $(ranks) =~ ^n1\ [0-9]+@.*\ n2\ [0-9]+@ ]] || fail "a copy is missing: $(ranks)"
	ok "data 2: a copy on each node"
}

# The ranks are there; the server takes over their port.
t_ray() {
	[ -x "$VENV/bin/ray" ] || { skip "Ray: it is not in $VENV"; return; }
	up
	# The stand-in's Ray does not find GPUs by itself.
	[ -z "$STANDIN" ] || ENGINE_ENV="RAY_OVERRIDE_RESOURCES: '{\"GPU\":1}'"
	BACKEND=ray spec
	apply
	answers
	dray status
	wants 0
	ok "from ranks to Ray: head, worker and serve over both nodes"
}

t_destroy() {
	local n left
	up
	dray destroy -auto-approve
	wants 0
	for n in 1 2; do
		[ -z "$(engine $n)" ] || fail "n$n still has $(engine $n)"
		left=$(find n$n/home/.local/state/ -path '*/steps/*'; on $n find /dev/shm -type f ! -name libpod_lock; on $n find /tmp -path '/tmp/dray[.-]*' -o -path /tmp/ray)
		[ -z "$left" ] || fail "n$n still has $left"
	done
	ok "destroy leaves no process, record, or file in /tmp and /dev/shm"
	[ -n "$STANDIN" ] && return
	[ "$(memory)" = "$(cat free)" ] || fail "the GPUs have $(memory)MiB in use, not $(cat free)"
	ok "all GPU memory is back"
}

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
